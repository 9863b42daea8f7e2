"""One canvas over many workers: the losses and the gradient of one machine, whoever dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from impasto.cluster.canvas import ManyWorkers, SpreadObjective, many_workers
from impasto.cluster.engine import Needs, ray
from impasto.network.vgg import VGG
from impasto.network.weights import Weights, load
from impasto.objective.objective import Evaluation, Objective
from impasto.objective.regions import StyleCanvas
from impasto.settings.recipe import Recipe

WORKERS = 2
HEIGHT, WIDTH = 160, 128
RECIPE = Recipe(
    precision="float64",
    content_layers={"conv2_1": 1.0},
    style_layers={"conv1_1": 1.0, "conv2_1": 0.5},
    tv_weight=1e-3,
)


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load()


@pytest.fixture(scope="module")
def workers(cluster: Any) -> Iterator[ManyWorkers]:
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
    of_gradient = ((one.gradient - other.gradient).norm() / one.gradient.norm()).item()
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


def pid_of(worker: Any) -> int:
    return int(ray().get(worker.__ray_call__.remote(lambda _: os.getpid())))


def test_a_worker_killed_in_a_step_is_replaced_and_the_bytes_are_the_same(
    workers: ManyWorkers, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, objective = both(workers, weights)
    canvas = picture(4)
    undisturbed = objective(canvas)
    victim = pid_of(workers.pool.worker(0))
    between = SpreadObjective.add_pull

    def killed_between(self: SpreadObjective, *args: Any) -> Tensor:
        monkeypatch.undo()
        os.kill(victim, signal.SIGKILL)
        return between(self, *args)

    monkeypatch.setattr(SpreadObjective, "add_pull", killed_between)
    with pytest.warns(UserWarning, match="lost 1 of the run"):
        again = objective(canvas)
    assert again.loss == undisturbed.loss
    assert torch.equal(again.gradient, undisturbed.gradient)
    assert pid_of(workers.pool.worker(0)) != victim
