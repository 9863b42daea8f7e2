"""Many paintings on a cluster are those of one machine, whatever dies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import ImpastoWarning, InputError, Recipe, Style
from impasto.cluster import batch
from impasto.cluster.batch import BatchWatch, Common, Job, Outcome
from impasto.cluster.engine import Needs, ray
from impasto.cluster.nodes import Node, check_versions, differing, found
from impasto.cluster.sending import SentFile, files_here, with_absolute_paths
from impasto.experiments.many import Painter
from impasto.experiments.planning import Painting

SMALL = Recipe(
    size=48,
    steps=3,
    levels=1,
    precision="float32",
    content_layers="conv2_1",
    style_layers="conv1_1,conv2_1",
)
COMMON = Common(Needs())


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate("abc"):
        pixels = np.roll(content_pixels(30, 40), 9 * index, axis=1)
        Image.fromarray(pixels).save(f"{name}.png")
    Image.fromarray(style_pixels(30, 40)).save("oil.png")


def painting(name: str, path: str | None = None) -> Painting:
    return Painting(f"{name}.png", (Style(picture="oil.png"),), Path(path) if path else None)


def painted(
    paintings: list[Painting], on_begin: Callable[[int], None] = lambda _: None
) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    watch = BatchWatch(on_begin, on_done=outcomes.__setitem__)
    batch.paint([Job(one, SMALL) for one in paintings], COMMON, 2, watch=watch)
    return outcomes


def pixels_of(path: str) -> Any:
    return np.asarray(Image.open(path)).astype(int)


def one_machine(name: str) -> Any:
    result = Painter(SMALL).result(painting(name))
    return np.asarray(result.image).astype(int)


def test_many_paintings_are_those_of_one_machine_and_a_broken_one_stops_no_other(
    cluster: Any,
) -> None:
    Path("b.png").write_bytes(b"no picture")
    outcomes = painted([painting(name, f"{name}-out.png") for name in "abc"])
    assert sorted(outcomes) == [0, 1, 2]
    assert outcomes[1].error is not None
    assert outcomes[1].error.code == "input.unreadable"
    assert not Path("b-out.png").exists()
    for name in "ac":
        assert np.abs(pixels_of(f"{name}-out.png") - one_machine(name)).max() <= 1


def tasks_in_progress() -> list[psutil.Process]:
    """The processes of this cluster that paint."""
    every = psutil.Process().children(recursive=True)
    return [one for one in every if "painted_here" in " ".join(one.cmdline())]


def test_a_painting_whose_worker_is_killed_is_made_again(cluster: Any) -> None:
    killed: list[int] = []

    def progress(steps: Mapping[int, int]) -> None:
        if any(steps.values()) and not killed:
            (task,) = tasks_in_progress()
            task.kill()
            killed.append(task.pid)

    outcomes: dict[int, Outcome] = {}
    job = Job(painting("a", "again.png"), SMALL.model_copy(update={"steps": 60}))
    watch = BatchWatch(on_progress=progress, on_done=outcomes.__setitem__)
    with pytest.warns(ImpastoWarning, match="painted again") as told:
        batch.paint([job], COMMON, 1, watch=watch)
    assert killed
    assert len(told) == 1
    assert outcomes[0].made is not None
    assert Path("again.png").is_file()


def test_a_node_that_does_not_see_the_files_is_sent_them_under_their_names(tmp_path: Path) -> None:
    mask = Style(picture="oil.png", mask="a.png#ffffff")
    one = Painting("a.png", (mask,), Path("out.png"))
    there, recipe = with_absolute_paths(one, SMALL.model_copy(update={"protect": "b.png"}))
    sent = [SentFile(str(tmp_path / name), 0, 0, name.encode()) for name in ("a.png", "b.png")]
    with files_here(there, recipe, sent, lambda kept: kept) as (here, settings):
        assert Path(str(here.content)).read_bytes() == b"a.png"
        assert Path(str(here.content)).name == "a.png"
        assert here.styles[0].mask == f"{here.content}#ffffff"
        assert here.styles[0].picture == str(tmp_path / "oil.png")
        assert Path(str(settings.protect)).read_bytes() == b"b.png"
    assert not Path(str(here.content)).exists()


def test_the_nodes_of_one_machine_agree(cluster: Any) -> None:
    nodes = found()
    assert len(nodes) == len(ray().nodes())
    assert all(node.versions["torch"] for node in nodes)
    assert not differing(nodes)


def test_versions_that_differ_are_one_sentence() -> None:
    nodes = [
        Node(name, 1, 0, 1e9, ("cpu",), {"torch": version})
        for name, version in (("a", "2.13.0"), ("b", "2.12.0"))
    ]
    with pytest.raises(InputError, match=r"torch \(a: 2.13.0, b: 2.12.0\)"):
        check_versions(nodes)
