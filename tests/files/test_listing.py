"""Pictures that are named together: folders and patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import InputError
from impasto.files.listing import names_several, pictures_in


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "within/c.webp", "[x].png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    Path("folder.png").mkdir()


def test_a_folder_is_its_own_pictures_by_name() -> None:
    assert pictures_in(".") == [Path("[x].png"), Path("a.png"), Path("b.JPG")]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["[x].png", "a.png", "b.JPG"]),
        ("*.png", ["[x].png", "a.png"]),
        ("**/*.webp", ["within/c.webp"]),
        ("[ab].*", ["a.png", "b.JPG"]),
        ("*.txt", ["notes.txt"]),
    ],
)
def test_a_pattern_is_the_files_that_match(pattern: str, found: list[str]) -> None:
    assert names_several(pattern)
    assert pictures_in(pattern) == [Path(name) for name in found]


@pytest.mark.parametrize("name", ["[x].png", "a.png", "none.png", "https://example.org/a.png?b=1"])
def test_the_name_of_a_file_is_no_pattern(name: str) -> None:
    assert not names_several(name)


@pytest.mark.parametrize(
    ("given", "code"),
    [("folder.png", "many.no-pictures"), ("*.gif", "many.no-match"), ("a\0*", "many.no-match")],
)
def test_no_picture_at_all(given: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        pictures_in(given)
    assert caught.value.code == code
