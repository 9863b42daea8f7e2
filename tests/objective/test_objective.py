"""The gradient of the objective, and what its weights do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import content_pixels, noisy_canvas, style_pixels
from impasto import Recipe
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas

HEIGHT, WIDTH = 20, 24


ABSOLUTE = {"balance": "absolute", "alpha": 3.0, "beta": 7.0}


def make(weights: Weights, recipe: Recipe, deepest: str | None = None) -> tuple[Objective, Tensor]:
    """An objective in float64, and a canvas to measure."""
    layers = {*recipe.content_layers, *recipe.style_layers}
    network = VGG19(weights, layers, pooling=recipe.pooling, dtype=torch.float64)
    content, style, canvas = (
        torch.from_numpy(make_pixels(HEIGHT, WIDTH).astype("float64")).permute(2, 0, 1)
        - network.mean
        for make_pixels in (content_pixels, style_pixels, noisy_canvas)
    )
    return Objective(network, content, [StyleCanvas(style)], recipe, deepest=deepest), canvas


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pooling": "max"},
        {"style_layers": "relu1_2:1,pool3:2", "content_layers": "relu3_1:0.5"},
        {"balance": "absolute", "beta": 200.0},
        {"beta": 0.0},
        {"alpha": 0.0},
    ],
    ids=["default", "max pooling", "other layers", "absolute", "content alone", "style alone"],
)
def test_gradient_agrees_with_finite_differences(
    weights: Weights, settings: dict[str, object]
) -> None:
    objective, canvas = make(weights, Recipe(**settings))
    gradient = objective(canvas).gradient
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(canvas.shape, generator=generator, dtype=torch.float64)
    direction /= direction.norm()
    width = 1e-3

    def along(distance: float) -> float:
        return objective(canvas + distance * direction).loss

    # Fourth order, since the style loss is a polynomial of degree four wherever no ReLU switches.
    slope = (8 * (along(width) - along(-width)) - (along(2 * width) - along(-2 * width))) / (
        12 * width
    )
    rounding = 4 * np.finfo(np.float64).eps * along(0.0) / width  # of the losses, in the slope
    assert slope == pytest.approx((gradient * direction).sum().item(), rel=1e-6, abs=rounding)


def test_the_stand_in_is_followed_and_the_losses_stay_true(weights: Weights) -> None:
    objective, canvas = make(weights, Recipe(**ABSOLUTE))
    plain, other = objective(canvas), objective(canvas, stand_in=True)
    assert (other.loss, other.content, other.style) == (plain.loss, plain.content, plain.style)
    assert plain.followed == plain.loss
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(canvas.shape, generator=generator, dtype=torch.float64)
    there, back = (
        objective(canvas + way * 1e-5 * direction, stand_in=True).followed for way in (1, -1)
    )
    slope = (other.gradient * direction).sum().item()
    assert (there - back) / 2e-5 == pytest.approx(slope, rel=1e-5)
    assert (plain.gradient * direction).sum().item() != pytest.approx(slope, rel=1e-2)


def test_the_stand_in_weighs_the_content_picture_like_the_style_loss(weights: Weights) -> None:
    """So alpha and beta mean about the same to both."""
    objective, _ = make(weights, Recipe(**ABSOLUTE))
    content = torch.from_numpy(content_pixels(HEIGHT, WIDTH)).double().permute(2, 0, 1)
    measured = objective(content - objective.network.mean, stand_in=True)
    assert measured.followed == pytest.approx(measured.loss, rel=1e-2)


def test_total_is_alpha_content_plus_beta_style(weights: Weights) -> None:
    objective, canvas = make(weights, Recipe(**ABSOLUTE))
    measured = objective(canvas)
    assert measured.loss == pytest.approx(3 * measured.content + 7 * measured.style, rel=1e-12)


def test_layer_weights_scale_what_their_layer_adds(weights: Weights) -> None:
    layers = {"style_layers": "conv1_1:1", "content_layers": "conv2_1:1"}
    heavier = {"style_layers": "conv1_1:2", "content_layers": "conv2_1:5"}
    one, canvas = make(weights, Recipe(**ABSOLUTE, **layers))
    two, _ = make(weights, Recipe(**ABSOLUTE, **heavier))
    assert two(canvas).style == pytest.approx(2 * one(canvas).style, rel=1e-12)
    assert two(canvas).content == pytest.approx(5 * one(canvas).content, rel=1e-12)


def test_the_content_picture_has_no_content_loss(weights: Weights) -> None:
    objective, _ = make(weights, Recipe())
    content = torch.from_numpy(content_pixels(HEIGHT, WIDTH).astype("float64")).permute(2, 0, 1)
    assert objective(content - objective.network.mean).content == 0


def test_relative_losses_are_parts_of_what_the_layers_see(weights: Weights) -> None:
    """A canvas in which the layers see nothing has a loss of one, whatever the layers' weights."""
    recipe = Recipe(style_layers="conv1_1:3,conv2_1:2", content_layers="conv1_2:2,conv2_2:7")
    objective, canvas = make(weights, recipe)
    seen = objective.network.statistics(canvas, recipe.content_layers, recipe.style_layers)
    nothing = [{name: torch.zeros_like(x) for name, x in kind.items()} for kind in seen]
    objective.network.statistics = lambda canvas, *_: [  # type: ignore[assignment]
        {name: x + 0 * canvas.sum() for name, x in kind.items()} for kind in nothing
    ]
    measured = objective(canvas)
    assert (measured.content, measured.style) == pytest.approx((1, 1), rel=1e-12)


def test_evaluating_leaves_the_canvas_alone(weights: Weights) -> None:
    objective, canvas = make(weights, Recipe())
    before = canvas.clone()
    objective(canvas)
    assert torch.equal(canvas, before)
    assert not canvas.requires_grad


def test_layers_that_are_not_read_leave_the_weights_of_the_others(weights: Weights) -> None:
    recipe = Recipe(content_layers="conv2_1:1,conv3_1:2", style_layers="conv1_1:1,conv3_1:3")
    every, canvas = make(weights, recipe)
    shallow, _ = make(weights, recipe, deepest="conv2_1")
    assert shallow.content_weights == {"conv2_1": every.content_weights["conv2_1"]}
    assert shallow.style_weights == [{"conv1_1": every.style_weights[0]["conv1_1"]}]
    assert 0 < shallow(canvas).loss < every(canvas).loss
