"""What a node is sent, and what is said of nodes that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto import InputError, Recipe, Style
from impasto.cluster.nodes import Node, check_versions
from impasto.cluster.sending import (
    SentFile,
    files_here,
    given_names,
    naming,
    with_absolute_paths,
)
from impasto.experiments.planning import Painting
from impasto.messages.message import Message
from impasto.settings.style import absolute


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_here")
def test_a_node_that_does_not_see_the_files_is_sent_them_under_their_names(tmp_path: Path) -> None:
    mask = Style(picture="oil.png", mask="a.png#ffffff")
    one = Painting("a.png", (mask,), Path("out.png"))
    there, recipe = with_absolute_paths(one, Recipe(protect="b.png"))
    sent = [SentFile(str(tmp_path / name), 0, 0, name.encode()) for name in ("a.png", "b.png")]
    with files_here(there, recipe, sent, lambda kept: kept) as (here, settings):
        assert Path(str(here.content)).read_bytes() == b"a.png"
        assert Path(str(here.content)).name == "a.png"
        assert here.styles[0].mask == str(here.content) + "#ffffff"
        assert here.styles[0].picture == str(tmp_path / "oil.png")
        assert Path(str(settings.protect)).read_bytes() == b"b.png"
    assert not Path(str(here.content)).exists()


def test_an_error_on_another_node_names_the_file_as_the_driver_does(tmp_path: Path) -> None:
    path = str(tmp_path / "a.png")
    here = files_here(
        Painting(path, (), None), Recipe(), [SentFile(path, 0, 0, b"")], lambda kept: kept
    )
    with pytest.raises(InputError) as raised, here as (moved, _):
        raise InputError("input.empty", what="content picture", path=moved.content)
    assert raised.value.values["path"] == path


@pytest.mark.usefixtures("_here")
def test_an_error_names_files_and_folder_as_they_were_given() -> None:
    one = Painting("a.png", (Style(picture="./oil.png"),), Path("out/a.jpg"))
    names = given_names(one, Recipe(protect="b.png"))
    reason = Message("input.empty", what="mask", path=absolute("b.png"))
    error = InputError("cluster.task-died", reason=reason, folder=absolute("out"))
    told = naming(error, names)
    assert told.values["reason"].values["path"] == "b.png"
    assert told.values["folder"] == "out"


def test_versions_that_differ_are_one_sentence() -> None:
    nodes = [
        Node(name, 1, 0, 1e9, ("cpu",), {"torch": version})
        for name, version in (("a", "2.13.0"), ("b", "2.12.0"))
    ]
    with pytest.raises(InputError, match=r"torch \(a: 2.13.0, b: 2.12.0\)"):
        check_versions(nodes)
