"""Folders and patterns: every kind that is read, and links and entries that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.files.listing import KINDS, PICTURES, pictures_in
from impasto.pictures.kinds import READABLE


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_a_sentence_calls_readable_is_found_in_a_folder() -> None:
    assert tuple(KINDS) == READABLE
    assert all(suffix.startswith(".") and suffix.islower() for suffix in PICTURES)


@pytest.mark.parametrize("given", [".", "*"])
@pytest.mark.parametrize(
    "suffix",
    [
        *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".pam", ".tga", ".jp2", ".j2k", ".psd", ".psb"),
        *(".jxl", ".dng", ".CR3", ".nef", ".arw", ".raf", ".jfif", ".png"),
    ],
)
def test_every_kind_is_found(suffix: str, given: str) -> None:
    Path(f"a{suffix}").touch()
    Path("notes.txt").touch()
    assert pictures_in(given) == [Path(f"a{suffix}")]


@pytest.mark.parametrize("given", [".", "*.png"])
@pytest.mark.parametrize("target", ["loop.png", "nowhere.png"])
def test_a_link_that_leads_nowhere_is_listed_and_stops_nothing(target: str, given: str) -> None:
    Path("a.png").touch()
    Path("loop.png").symlink_to(target)
    assert pictures_in(given) == [Path("a.png"), Path("loop.png")]


def test_a_link_to_a_folder_is_no_picture() -> None:
    Path("a.png").touch()
    Path("folder").mkdir()
    Path("b.png").symlink_to("folder")
    assert pictures_in(".") == [Path("a.png")]
