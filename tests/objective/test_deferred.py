"""Deep layers that are looked at now and then: exact when they are, to first order in between."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from conftest import content_pixels, noisy_canvas, style_pixels
from impasto import Recipe, Step, stylize
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective.deferred import LONGEST, Deferred, cut_layer
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas
from impasto.run.prepare import prepare
from impasto.settings.layers import VGG_16, VGG_19, Architecture

HEIGHT, WIDTH = 32, 40
LAYERS = {"content_layers": "conv1_2:1,conv2_2:1", "style_layers": "conv1_1,conv2_1,conv3_1"}
CUT = "conv2_1"


def make(
    weights: Weights, *, by_rows: bool = False, **settings: Any
) -> tuple[Objective, Deferred, Tensor]:
    """An objective, the same with its deep layers deferred, and a canvas."""
    recipe = Recipe(**{**LAYERS, "balance": "absolute", "beta": 50.0, **settings})
    dtype = torch.float32 if by_rows else torch.float64
    network = VGG19(weights, recipe.layers, dtype=dtype, by_rows=by_rows)
    content, style, canvas = (
        torch.from_numpy(pixels(HEIGHT, WIDTH)).to(dtype).permute(2, 0, 1) - network.mean
        for pixels in (content_pixels, style_pixels, noisy_canvas)
    )
    objective = Objective(network, content, [StyleCanvas(style)], recipe)
    return objective, Deferred(objective, CUT), canvas


@pytest.mark.parametrize("by_rows", [False, True], ids=["plain", "Winograd"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"tv_weight": 0.1}, {"alpha": 0.0}, {"beta": 0.0}, {"style_loss": "mean-variance"}],
    ids=["gram", "total variation", "style alone", "content alone", "mean and deviation"],
)
def test_a_look_measures_what_the_objective_does(
    weights: Weights, by_rows: bool, settings: dict[str, Any]
) -> None:
    objective, deferred, canvas = make(weights, by_rows=by_rows, **settings)
    exact, ours = objective(canvas), deferred(canvas)
    close = 1e-5 if by_rows else 1e-12
    for name in ("loss", "content", "style"):
        assert getattr(ours, name) == pytest.approx(getattr(exact, name), rel=close), name
    assert (ours.gradient - exact.gradient).norm() <= close * exact.gradient.norm()


def test_between_looks_the_loss_is_right_to_first_order(weights: Weights) -> None:
    """Half as far from where the deep layers were looked at, it is about a quarter as far off."""
    objective, deferred, canvas = make(weights)
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(canvas.shape, generator=generator, dtype=torch.float64)
    deferred(canvas)
    deferred.patience = 10
    off = [
        abs(deferred(there).loss - objective(there).loss)
        for there in (canvas + distance * direction for distance in (1.0, 0.5, 0.25))
    ]
    assert off[0] / off[1] == pytest.approx(4, rel=0.15)
    assert off[1] / off[2] == pytest.approx(4, rel=0.15)


def test_between_looks_the_gradient_is_that_of_the_estimate(weights: Weights) -> None:
    _, deferred, canvas = make(weights)
    deferred(canvas)
    deferred.patience = 100
    generator = torch.Generator().manual_seed(0)
    start, direction = canvas + 3, torch.randn(canvas.shape, generator=generator).double()
    width = 1e-6
    slope = (
        deferred(start + width * direction).loss - deferred(start - width * direction).loss
    ) / (2 * width)
    assert slope == pytest.approx((deferred(start).gradient * direction).sum().item(), rel=1e-5)


def test_the_stand_in_is_followed_and_the_losses_stay_true(weights: Weights) -> None:
    _, deferred, canvas = make(weights)
    deferred(canvas)
    deferred.patience = 100
    start = canvas + 3
    plain, other = deferred(start), deferred(start, stand_in=True)
    assert (other.loss, other.content, other.style) == (plain.loss, plain.content, plain.style)
    slope = other.gradient.norm().item()
    direction = other.gradient / slope
    there, back = (
        deferred(start + way * 1e-4 * direction, stand_in=True).followed for way in (1, -1)
    )
    assert (there - back) / 2e-4 == pytest.approx(slope, rel=1e-5)
    assert (plain.gradient * direction).sum().item() != pytest.approx(slope, rel=1e-2)


def descend(deferred: Deferred, canvas: Tensor, steps: int, length: float) -> list[int]:
    """The patience after each of some steps down the gradient, of that length (RMS)."""
    taken = []
    for _ in range(steps):
        gradient = deferred(canvas).gradient
        canvas = canvas - length * gradient / gradient.square().mean().sqrt()
        taken.append(deferred.patience)
    return taken


def test_layers_that_hardly_matter_are_left_for_longer_and_longer(weights: Weights) -> None:
    _, deferred, canvas = make(weights, style_layers="conv1_1:1,conv3_1:1e-6", alpha=1e-6)
    assert descend(deferred, canvas, 14, 0.2) == [1, 2, 2, 4, 4, 4, 4] + 7 * [LONGEST]


def test_layers_that_matter_are_looked_at_every_time(weights: Weights) -> None:
    objective, deferred, canvas = make(weights, style_layers="conv1_1:1e-6,conv3_1:1")
    taken = descend(deferred, canvas, 6, 20.0)
    deferred.patience = 4  # as if they had not mattered before
    far = canvas + 40 * torch.randn(canvas.shape, generator=torch.Generator().manual_seed(1))
    measured = deferred(far, exactly=True)
    assert max(taken) <= 2
    assert deferred.patience == 2
    assert measured.loss == pytest.approx(objective(far).loss, rel=1e-12)


@pytest.mark.parametrize(
    ("content", "style", "network", "cut"),
    [
        ("conv1_2", "conv1_1", VGG_19, "conv1_1"),
        ("conv4_2", "conv4_1", VGG_19, None),
        ("pool4", "relu3_1", VGG_19, "relu3_1"),
        ("conv5_1", "conv5_1", VGG_19, None),
        ("conv4_2", "conv4_1,conv5_3", VGG_19, "conv4_2"),
        ("conv4_2", "conv4_1,conv5_3", VGG_16, "conv4_1"),  # less lies behind conv4_2
    ],
)
def test_where_the_network_is_cut(
    content: str, style: str, network: Architecture, cut: str | None
) -> None:
    recipe = Recipe.preset("gatys-fast", content_layers=content, style_layers=style)
    assert cut_layer(recipe, network) == cut


@pytest.mark.parametrize(
    ("settings", "defers"),
    [
        ({}, True),
        ({"precision": "float32"}, False),
        ({"optimizer": "adam"}, False),
        ({"tile": 16}, False),
        ({"balance": "relative"}, False),
        ({"content_layers": "conv1_1", "style_layers": "conv1_1"}, False),
    ],
    ids=["gatys-fast", "exact", "Adam", "by tiles", "relative losses", "one layer"],
)
def test_who_defers(settings: dict[str, Any], defers: bool) -> None:
    pictures = content_pixels(48, 64), style_pixels(48, 64)
    recipe = Recipe.preset("gatys-fast", size=64, levels=1, **settings)
    run = prepare(*pictures, recipe, device="cpu")
    assert (run.evaluator.deferred is not None) == defers


def test_the_last_step_is_exact() -> None:
    pictures = content_pixels(48, 64), style_pixels(48, 64)
    run = prepare(*pictures, Recipe.preset("gatys-fast", size=64, levels=1, steps=12), device="cpu")
    ages = []

    def watch(step: Step) -> None:
        assert run.evaluator.deferred is not None
        ages.append(run.evaluator.deferred.age)

    run.paint(watch)
    assert max(ages) > 0
    assert ages[-1] == 0


@pytest.mark.usefixtures("plain_cpu")
def test_a_long_run_comes_as_far_as_one_that_measures_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where little is left to gain, estimates neither mislead it nor end it early.

    The number is that of the same run in float32, which measures every layer at every step.
    """
    # The stand-in is another with the deep layers.
    monkeypatch.setattr("impasto.run.run.follows_stand_in", lambda _: False)
    pictures = content_pixels(24, 32), style_pixels(24, 32)
    layers: dict[str, Any] = {
        "content_layers": "conv3_2",
        "style_layers": "conv1_1,conv2_1,conv3_1",
    }
    recipe = Recipe.preset("gatys-fast", size=32, levels=1, steps=150, **layers)
    result = stylize(*pictures, recipe, device="cpu")
    assert len(result.history) == 150
    assert result.best.loss == pytest.approx(233_650, rel=0.03)


def test_where_the_tangents_lead_far_away_the_deep_layers_are_looked_at(weights: Weights) -> None:
    objective, deferred, canvas = make(weights, style_layers="conv1_1:1e-6,conv3_1:1")
    deferred(canvas)
    deferred.patience = 8
    gradient = objective(canvas).gradient
    near, far = (
        canvas - distance * gradient / gradient.square().mean().sqrt() for distance in (1e-3, 30.0)
    )
    assert deferred(near).correction == 0
    assert deferred.age == 1
    measured = deferred(far)
    assert deferred.age == 0
    assert measured.loss == pytest.approx(objective(far).loss, rel=1e-12)


def test_a_look_that_is_not_finite_leaves_the_tangents_as_they_were(weights: Weights) -> None:
    _, deferred, canvas = make(weights)
    deferred(canvas)
    deferred.patience = 100
    usual = deferred(canvas + 1)
    before = deferred.state()
    spoilt = deferred(canvas * 1e200, exactly=True)
    assert not spoilt.is_finite()
    assert spoilt.correction == 0
    assert deferred.state()[0] == before[0]
    again = deferred(canvas + 1)
    assert again.loss == usual.loss
    assert torch.equal(again.gradient, usual.gradient)


def test_a_look_tells_what_it_corrects(weights: Weights) -> None:
    _, deferred, canvas = make(weights)
    assert deferred(canvas).correction == 0
    deferred.patience = 3
    estimated = deferred(canvas + 2)
    looked = deferred(canvas + 2, exactly=True)
    assert estimated.correction == 0
    assert looked.correction == pytest.approx(looked.loss - estimated.loss, rel=1e-6)
    assert deferred(canvas + 4, exactly=True).correction == 0  # the last loss was measured


@pytest.mark.usefixtures("plain_cpu")
def test_after_a_wild_step_no_estimate_is_taken_for_a_loss() -> None:
    """The loss at the last measurement is then so large that any estimate looks small beside it."""
    pictures = content_pixels(40, 48), style_pixels(40, 48)
    wild = Recipe.preset("gatys-fast", size=64, levels=1, steps=12, learning_rate=1e20)
    result = stylize(*pictures, wild, device="cpu")
    assert result.history[1].loss > 1e6 * result.history[0].loss
    assert all(step.loss > 0 for step in result.history)
    assert result.best.loss < result.history[0].loss
