"""On a cluster of several nodes, paintings are those of one machine, whoever dies."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto import ImpastoWarning, Recipe, RunError, Style, stylize, sweep
from impasto.cli import session
from impasto.cli.app import run
from impasto.cli.clusters import Cluster, workplace_of
from impasto.cluster import batch, nodes, pool
from impasto.cluster.batch import BatchWatch, Common, Job, Outcome
from impasto.cluster.canvas import ManyWorkers, SpreadObjective, many_workers
from impasto.cluster.engine import Needs, ray
from impasto.cluster.nodes import alive, cpus_multiply_bfloat16, differing, found
from impasto.cluster.pairs import SENT, SpreadPairs
from impasto.cluster.sheets import ClusterFill
from impasto.experiments import many
from impasto.experiments.many import Expected, Painter
from impasto.experiments.planning import Painting
from impasto.network import devices
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.objective import Evaluation, Objective
from impasto.objective.regions import StyleCanvas
from impasto.optim.pairs import Pairs
from impasto.run.memory_need import BASE_BYTES
from impasto.run.prepare import prepare
from impasto.run.resuming import resumed
from impasto.run.saving import save_to

WORKERS = 2
HEIGHT, WIDTH = 160, 128
RECIPE = Recipe(
    precision="float64",
    content_layers={"conv2_1": 1.0},
    style_layers={"conv1_1": 1.0, "conv2_1": 0.5},
    tv_weight=1e-3,
)
SMALL = Recipe(
    size=48,
    steps=3,
    levels=1,
    precision="float32",
    content_layers="conv2_1",
    style_layers="conv1_1,conv2_1",
)
LONG = SMALL.model_copy(update={"steps": 40})  # so that it is seen to begin before it ends
COMMON = Common(Needs())

# A machine with other work may take long to begin, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:No painting has begun yet")


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate("abc"):
        pixels = np.roll(content_pixels(30, 40), 9 * index, axis=1)
        Image.fromarray(pixels).save(f"{name}.png")
    Image.fromarray(style_pixels(30, 40)).save("oil.png")


@pytest.fixture(scope="module")
def workers(cluster: Any) -> Iterator[ManyWorkers]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "SOON", 300.0)  # a busy machine may be slow to start them
        with many_workers(WORKERS, Needs()) as started:
            yield started


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 40 * torch.randn(3, height, width, generator=generator, dtype=torch.float64)


def network_for(weights: Weights, recipe: Recipe) -> VGG:
    return VGG(weights, recipe.layers, padding=recipe.padding, dtype=torch.float64)


def styles(regions: bool) -> list[StyleCanvas]:
    if not regions:
        return [StyleCanvas(picture(2, 96, 112))]
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.float64)
    mask[:, : WIDTH // 3] = 1
    return [
        StyleCanvas(picture(2, 96, 112), mask=mask),
        StyleCanvas(picture(3, 96, 96), mask=1 - mask),
    ]


def both(
    workers: ManyWorkers,
    weights: Weights,
    recipe: Recipe = RECIPE,
    tile: int | None = None,
    *,
    regions: bool = False,
) -> tuple[Objective, Objective]:
    """The objective of one machine, and of many workers."""
    network, content = network_for(weights, recipe), picture(1)
    here = Objective(network, content, styles(regions), recipe)
    there = workers.objective(
        network,
        content,
        styles(regions),
        recipe,
        tile,
        deepest=None,
        targets=None,
        regions=None,
    )
    return here, there


def apart(one: Evaluation, other: Evaluation) -> float:
    """The largest relative difference of losses and gradients."""
    of_loss = abs(one.loss - other.loss) / abs(one.loss)
    of_content = abs(one.content - other.content) / abs(one.content)
    of_gradient = float((one.gradient - other.gradient).norm() / one.gradient.norm())
    return max(of_loss, of_content, of_gradient)


@pytest.mark.parametrize(
    ("losses", "tile", "regions"),
    [({}, None, False), ({"balance": "absolute", "beta": 1000}, 48, True)],
    ids=["one tile each", "several tiles and regions"],
)
def test_losses_and_gradient_are_those_of_one_machine_but_for_rounding(
    workers: ManyWorkers, weights: Weights, losses: dict[str, Any], tile: int | None, regions: bool
) -> None:
    recipe = RECIPE.model_copy(update=losses)
    here, there = both(workers, weights, recipe, tile, regions=regions)
    canvas = picture(4)
    assert apart(here(canvas), there(canvas)) < 1e-12


def test_the_same_number_of_workers_gives_the_same_bytes(
    workers: ManyWorkers, weights: Weights
) -> None:
    _, one = both(workers, weights)
    _, other = both(workers, weights)
    first, second = one(picture(4)), other(picture(4))
    assert first.loss == second.loss
    assert torch.equal(first.gradient, second.gradient)


def kill(_cluster: Any, worker: Any) -> None:
    """Kill the process of a worker."""
    os.kill(ray().get(worker.__ray_call__.remote(lambda _: os.getpid())), signal.SIGKILL)


def remove_node(cluster: Any, worker: Any) -> None:
    """Remove the node of a worker, and add another."""
    where = worker.__ray_call__.remote(lambda _: ray().get_runtime_context().get_node_id())
    name = ray().get(where)
    (node,) = (one for one in cluster.list_all_nodes() if one.node_id == name)
    cluster.remove_node(node)
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)


def away_from_head(cluster: Any, workers: ManyWorkers) -> Any:
    """A worker on a node that may be removed."""
    head = cluster.head_node.node_id
    for share in range(WORKERS):
        worker = workers.pool.worker(share)
        where = worker.__ray_call__.remote(lambda _: ray().get_runtime_context().get_node_id())
        if ray().get(where) != head:
            return worker
    raise AssertionError("each node has room for one worker")


@pytest.mark.parametrize("strike", [kill, remove_node])
def test_a_worker_that_dies_in_a_step_is_replaced_and_the_bytes_are_the_same(
    cluster: Any,
    workers: ManyWorkers,
    weights: Weights,
    monkeypatch: pytest.MonkeyPatch,
    strike: Callable[[Any, Any], None],
) -> None:
    _, objective = both(workers, weights)
    canvas = picture(4)
    undisturbed = objective(canvas)
    victim = away_from_head(cluster, workers)
    second_pass = SpreadObjective.add_pull

    def struck(self: SpreadObjective, *args: Any) -> Tensor:
        monkeypatch.undo()
        strike(cluster, victim)
        return second_pass(self, *args)

    monkeypatch.setattr(SpreadObjective, "add_pull", struck)
    with pytest.warns(ImpastoWarning, match="lost 1 of the run"):
        again = objective(canvas)
    assert again.loss == undisturbed.loss
    assert torch.equal(again.gradient, undisturbed.gradient)


def check_painting(workers: ManyWorkers, steps: int, interrupted_after: int) -> None:
    """A painting by workers is that of one machine, and a resumed one has its bytes."""
    recipe = RECIPE.model_copy(update={"size": (128, 96), "steps": steps, "levels": 1})
    pictures = "a.png", "oil.png"
    alone = stylize(*pictures, recipe)
    undisturbed = prepare(*pictures, recipe, device="cpu", workplace=workers).paint()
    assert np.abs(undisturbed.canvas - alone.canvas).max() < 1e-3

    begun = prepare(*pictures, recipe, device="cpu", workplace=workers)
    save_to(begun, "run.impasto", 0)
    begun.paint(lambda step: step.number < interrupted_after)
    again = resumed(Path("run.impasto"), workplace=workers).paint()
    assert np.array_equal(again.canvas, undisturbed.canvas)


def test_a_painting_by_workers_is_that_of_one_machine_and_a_resumed_one_has_its_bytes(
    workers: ManyWorkers,
) -> None:
    check_painting(workers, steps=4, interrupted_after=2)


def pairs_of(count: int) -> list[tuple[Tensor, Tensor]]:
    """Steps and the changes of the gradient of a quadratic function along them."""
    steps = [picture(10 + number, 30, 20) for number in range(count)]
    curvature = 1 + torch.arange(20, dtype=torch.float64)
    return [(step, curvature * step) for step in steps]


def direction_by(pairs: Pairs, gradient: Tensor) -> Tensor:
    """A direction by both loops, with 2 as the scale of the identity between them."""
    return pairs.with_steps(*doubled(*pairs.without_changes(-gradient)))


def doubled(direction: Tensor, shares: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
    return 2 * direction, shares


def test_pairs_in_rows_on_the_workers_give_the_direction_of_one_machine(
    workers: ManyWorkers, weights: Weights
) -> None:
    workers.pool.start(weights)
    here, there, gradient = Pairs(3), SpreadPairs(workers.pool, 3), picture(9, 30, 20)
    for step, change in pairs_of(5):
        for pairs in (here, there):
            pairs.remember(step, change, (step * change).sum())
        one, other = (direction_by(pairs, gradient) for pairs in (here, there))
        assert (one - other).norm() / one.norm() < 1e-12
    assert len(there) == len(here) == 3
    assert there.sent == 5 * SENT * gradient.nbytes
    saved, again = there.state(), SpreadPairs(workers.pool, 3)
    assert all(torch.equal(saved[name], tensor) for name, tensor in here.state().items())
    again.restore(3, saved)
    assert torch.equal(direction_by(again, gradient), other)


def test_rows_of_pairs_outlive_a_worker_and_losing_all_of_them_is_noted(
    cluster: Any, workers: ManyWorkers, weights: Weights
) -> None:
    workers.pool.start(weights)
    pairs, gradient = SpreadPairs(workers.pool, 3), picture(9, 30, 20)
    for step, change in pairs_of(4):
        pairs.remember(step, change, (step * change).sum())
    undisturbed = direction_by(pairs, gradient)
    kill(cluster, away_from_head(cluster, workers))
    with pytest.warns(ImpastoWarning, match="lost 1 of the run"):
        assert torch.equal(direction_by(pairs, gradient), undisturbed)
    for share in range(WORKERS):
        kill(cluster, workers.pool.worker(share))
    with pytest.warns(ImpastoWarning) as told:
        assert torch.equal(direction_by(pairs, gradient), -2 * gradient)
    assert "last steps of the optimiser" in str(told[-1].message)
    assert len(pairs) == 0


def test_a_painting_whose_optimiser_is_spread_is_that_of_one_machine(
    workers: ManyWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.cluster.canvas.fit_one_machine", lambda *_: False)
    check_painting(workers, steps=5, interrupted_after=3)


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
    assert outcomes[1].error.code == "picture.not-one"
    assert "'b.png'" in str(outcomes[1].error)
    assert not Path("b-out.png").exists()
    for name in "ac":
        assert np.abs(pixels_of(f"{name}-out.png") - one_machine(name)).max() <= 1


@pytest.mark.usefixtures("cluster")
def test_a_painting_that_no_node_can_write_is_made_once_and_handed_over() -> None:
    handed: dict[Path, bytes] = {}
    path = Path("blocked.png")

    def block(steps: Mapping[int, int]) -> None:
        if any(steps.values()):
            path.mkdir(exist_ok=True)

    batch.paint(
        [Job(painting("a", str(path)), LONG)],
        COMMON,
        1,
        BatchWatch(on_progress=block),
        save=lambda data, where: handed.update({where: data}),
    )
    assert list(handed) == [path]
    with Image.open(io.BytesIO(handed[path])) as picture:
        assert picture.size == (48, 36)


@pytest.mark.usefixtures("cluster")
def test_a_painting_that_went_to_a_folder_that_only_looks_the_same_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = Style(picture=str(tmp_path / "oil.png"))
    job = Job(Painting(str(tmp_path / "a.png"), (style,), Path("out.png")), LONG)
    batch.paint([job], COMMON, 1)
    made = Path("out.png").read_bytes()
    Path("other").mkdir()
    Path("other", "out.png").write_bytes(made[::-1])  # as large
    here = BatchWatch(on_begin=lambda _: monkeypatch.chdir("other"))
    batch.paint([job], COMMON, 1, here)
    assert Path.cwd().name == "other"
    assert Path("out.png").read_bytes()[:4] == made[:4]


@pytest.mark.usefixtures("cluster")
def test_the_document_of_many_paintings_tells_their_steps_and_nothing_of_ray_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    flags = ["-o", "out/", "--size", "32", "--steps", "2", "--levels", "1", "--json"]
    assert run(["stylize", "a.png", "b.png", "oil.png", *flags, "--ray", "local"]) == 0
    shown = capfd.readouterr()
    paintings = json.loads(shown.out)["paintings"]
    assert [one["steps"] for one in paintings] == [2, 2]
    assert all(one["loss"] > 0 and one["seconds"] > 0 for one in paintings)
    assert "ray" not in shown.err.lower()


def test_a_task_declares_the_memory_of_its_own_painting() -> None:
    Image.new("RGB", (400, 100)).save("wide.png")
    large = SMALL.model_copy(update={"size": 1024})
    narrow, wide, larger = (
        batch.memory_of(Job(painting(name), recipe))
        for name, recipe in (("a", SMALL), ("wide", SMALL), ("a", large))
    )
    assert larger > narrow > wide > BASE_BYTES
    Path("b.png").write_bytes(b"no picture")
    assert batch.memory_of(Job(painting("b"), SMALL)) == 0


def tasks_in_progress() -> list[psutil.Process]:
    """The processes of this cluster that paint."""
    every = psutil.Process().children(recursive=True)
    return [one for one in every if "painted_here" in " ".join(one.cmdline())]


def kill_tasks(_cluster: Any) -> bool:
    """Kill the processes that paint; return whether there was one."""
    tasks = tasks_in_progress()
    for task in tasks:
        task.kill()
    return bool(tasks)


def remove_a_node_that_paints(cluster: Any) -> bool:
    """Remove a node with a process that paints; return whether there was one."""
    parents = {task.ppid() for task in tasks_in_progress()}
    for node in cluster.list_all_nodes():
        (raylet,) = node.all_processes["raylet"]
        if node is not cluster.head_node and raylet.process.pid in parents:
            cluster.remove_node(node)
            return True
    return False


def test_a_painting_whose_node_is_lost_is_made_again(cluster: Any) -> None:
    cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    struck: list[bool] = []

    def progress(steps: Mapping[int, int]) -> None:
        if any(steps.values()) and not any(struck):
            struck.append(remove_a_node_that_paints(cluster))

    outcomes: dict[int, Outcome] = {}
    recipe = SMALL.model_copy(update={"steps": 40})
    jobs = [Job(painting(name, f"{name}-again.png"), recipe) for name in "ab"]
    watch = BatchWatch(on_progress=progress, on_done=outcomes.__setitem__)
    with pytest.warns(ImpastoWarning, match="painted again"):
        batch.paint(jobs, COMMON, 2, watch=watch)
    assert any(struck)
    for number, name in enumerate("ab"):
        assert outcomes[number].made is not None
        alone = np.asarray(Painter(recipe).result(painting(name)).image).astype(int)
        assert np.abs(pixels_of(f"{name}-again.png") - alone).max() <= 1


def test_a_sheet_of_a_sweep_is_that_of_one_process_even_if_a_worker_is_killed(
    cluster: Any,
) -> None:
    axes, recipe = {"strength": [0.3, 0.9]}, SMALL.model_copy(update={"steps": 20})
    fill = ClusterFill("a.png", (Style(picture="oil.png"),), COMMON)
    here = sweep("a.png", "oil.png", axes, recipe)
    killer = threading.Thread(target=lambda: until(lambda: kill_tasks(cluster)))
    killer.start()
    with pytest.warns(ImpastoWarning, match="painted again"):
        there = sweep("a.png", "oil.png", axes, recipe, fill=fill, folder="kept")
    killer.join()
    assert np.abs(np.asarray(there).astype(int) - np.asarray(here)).max() <= 1
    assert len(list(Path("kept").glob("*.png"))) == 2


def until(is_done: Callable[[], bool], seconds: float = 60) -> None:
    """Ask again and again, until the answer is yes or the time is over."""
    end = time.monotonic() + seconds
    while not is_done() and time.monotonic() < end:
        time.sleep(0.05)


@pytest.mark.usefixtures("cluster")
def test_the_frames_of_a_clip_are_those_of_one_machine() -> None:
    Path("clip").mkdir()
    for number, name in enumerate("abc"):
        Path(f"{name}.png").rename(f"clip/{number}.png")
    command = ["video", "clip", "oil.png", "--method", "single", "--size", "48", "--steps", "2"]
    assert run([*command, "-o", "there/", "--ray", "local", "--workers", "2"]) == 0
    assert run([*command, "-o", "here/"]) == 0
    there, here = (sorted(Path(name).glob("*.png")) for name in ("there", "here"))
    assert len(there) == len(here) == 3
    for one, other in zip(there, here, strict=True):
        assert np.abs(pixels_of(str(one)) - pixels_of(str(other))).max() <= 1


@pytest.mark.parametrize("method", ["keyframes", "optimised", "learned"])
def test_frames_that_follow_from_others_are_not_painted_on_a_cluster(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["video", ".", "oil.png", "-o", "out/", "--method", method, "--ray", "local"]
    assert run(command) == 2
    assert "use --method single" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_node_that_does_not_answer_is_named(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "ANSWER", 0.0)
    with pytest.raises(RunError, match=f"did not say.*{alive()[0]['NodeManagerHostname']}"):
        found()


@pytest.mark.usefixtures("cluster")
def test_a_dry_run_of_many_shares_their_time_among_the_workers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "expected", lambda *_: Expected(3.0, 9.0, 1e9))
    flags = ["-o", "out/", "--size", "32", "--steps", "2", "--dry-run", "--json"]
    seconds = []
    for workers in ("1", "2"):
        cluster = ["--ray", "local", "--workers", workers]
        assert run(["stylize", "a.png", "b.png", "c.png", "oil.png", *flags, *cluster]) == 0
        shown = capsys.readouterr()
        seconds.append(json.loads(shown.out)["seconds"])
    assert "by 2 workers" in shown.err
    assert seconds == [9.0, 4.5]
    assert not Path("out").exists()


@pytest.mark.usefixtures("cluster")
def test_a_run_that_is_not_computed_in_tiles_is_resumed_on_one_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = prepare("a.png", "oil.png", SMALL.model_copy(update={"style_loss": "nearest"}))
    save_to(begun, "run.impasto", 0)
    begun.paint(lambda step: step.number < 2)
    assert run(["resume", "run.impasto", "-o", "out.png", "--ray", "local"]) == 0
    assert "painted on one machine" in capsys.readouterr().err


@pytest.mark.usefixtures("cluster")
def test_bfloat16_is_used_where_it_is_fast_on_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    here = devices.multiplies_bfloat16(torch.device("cpu"))
    assert cpus_multiply_bfloat16(Needs()) == here
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: not here)  # but on no other node
    assert not cpus_multiply_bfloat16(Needs())


def test_the_nodes_of_one_machine_agree(cluster: Any) -> None:
    every = found()
    assert len(every) == len(alive())
    assert all(node.versions["torch"] for node in every)
    assert not differing(every)


@pytest.mark.usefixtures("cluster")
def test_the_command_that_continues_a_run_has_the_flags_of_its_cluster() -> None:
    with workplace_of(Cluster("auto", 1, "cpu", None), lambda: SMALL):
        there = session.resume_command(Path("a b.impasto"))
    assert there == "impasto resume --ray auto --workers 1 --device cpu 'a b.impasto'"
    assert session.resume_command(Path("a.impasto")) == "impasto resume a.impasto"


@pytest.mark.usefixtures("cluster")
def test_what_a_painting_tells_on_its_node_is_told_here(capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (60, 20), 255).save("wide.png")
    command = ["stylize", "a.png", "b.png", "oil.png", "--size", "48", "--steps", "1"]
    said = []
    for number, where in enumerate(([], ["--ray", "local"])):
        flags = ["-o", f"out{number}/", "--protect", "wide.png", *where]
        assert run([*command, *flags]) == 0
        said.append([one for one in capsys.readouterr().err.splitlines() if "Note: " in one])
    assert any("protect" in one for one in said[0])
    assert sorted(said[1]) == sorted(set(said[0]))
