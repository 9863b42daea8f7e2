"""What a node is sent, and what is said of nodes that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto import InputError, Recipe, Style
from impasto.cluster.nodes import Node, check_versions
from impasto.cluster.sending import SentFile, files_here, with_absolute_paths
from impasto.experiments.planning import Painting


def test_a_node_that_does_not_see_the_files_is_sent_them_under_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
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


def test_versions_that_differ_are_one_sentence() -> None:
    nodes = [
        Node(name, 1, 0, 1e9, ("cpu",), {"torch": version})
        for name, version in (("a", "2.13.0"), ("b", "2.12.0"))
    ]
    with pytest.raises(InputError, match=r"torch \(a: 2.13.0, b: 2.12.0\)"):
        check_versions(nodes)
