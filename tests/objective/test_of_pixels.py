"""The temporal loss, alone and within the objectives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.losses import temporal_loss
from impasto.objective.nnst import neighbours
from impasto.objective.objective import Objective
from impasto.objective.of_pixels import Kept, OfPixels
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared
from impasto.objective.strotss import transport
from impasto.run.canvas import preprocess

SIZE = 48, 64
WEIGHT = 30.0


def random(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CANVAS, TARGET = (200 * random(3, *SIZE, seed=seed) - 100 for seed in (1, 2))
KEPT = Kept(TARGET, random(*SIZE, seed=3), WEIGHT)


def expected() -> float:
    """The weighted temporal loss of the canvas, with NumPy."""
    apart = (CANVAS.numpy() - TARGET.numpy()) / 255
    return WEIGHT * float(np.mean(KEPT.trust.numpy()[None] * apart**2))


def canvas_of(pixels: Any) -> Tensor:
    return preprocess(pixels, dtype=torch.float64)


CONTENT, STYLE = canvas_of(content_pixels(*SIZE)), canvas_of(style_pixels(*SIZE))


def network_for(recipe: Recipe, weights: Weights) -> VGG:
    return VGG(weights, recipe.layers, dtype=torch.float64)


def test_the_temporal_loss_is_that_of_numpy() -> None:
    loss = WEIGHT * temporal_loss(CANVAS, TARGET, KEPT.trust)
    assert loss.item() == pytest.approx(expected(), rel=1e-12)


def test_its_gradient_is_a_finite_difference() -> None:
    kept = Kept(TARGET[:, :5, :6], KEPT.trust[:5, :6], WEIGHT)
    corner = CANVAS[:, :5, :6].clone().requires_grad_()
    assert torch.autograd.gradcheck(OfPixels("anisotropic", 0.0, kept), (corner,)) is True


def test_it_is_added_to_the_total_variation() -> None:
    both, alone = OfPixels("nine-point", 2.0, KEPT), OfPixels("nine-point", 2.0)
    assert (both(CANVAS) - alone(CANVAS)).item() == pytest.approx(expected(), rel=1e-9)


def test_without_losses_of_pixels_nothing_is_added() -> None:
    assert OfPixels("anisotropic", 0.0)(CANVAS).item() == 0


@pytest.mark.parametrize("tile", [None, 32], ids=["whole", "tiles"])
@pytest.mark.parametrize("settings", [{}, {"balance": "absolute", "beta": 10.0}], ids=str)
def test_an_objective_adds_it_to_the_loss_and_to_the_gradient(
    settings: dict[str, Any], tile: int | None, weights: Weights
) -> None:
    recipe = Recipe(content_layers="conv2_1", style_layers="conv1_1", **settings)
    network = network_for(recipe, weights)
    without, with_it = (
        Objective(network, CONTENT, [StyleCanvas(STYLE)], recipe, tile, kept=kept)(CANVAS.clone())
        for kept in (None, KEPT)
    )
    assert with_it.loss - without.loss == pytest.approx(expected(), rel=1e-6)
    assert with_it.content == without.content
    assert with_it.style == without.style
    by_pixel = 2 * WEIGHT * KEPT.trust * (CANVAS - TARGET) / 255**2 / CANVAS.numel()
    torch.testing.assert_close(with_it.gradient - without.gradient, by_pixel)


@pytest.mark.parametrize(("preset", "make"), [("nnst", neighbours), ("strotss", transport)])
def test_the_methods_that_compare_hypercolumns_add_it_too(
    preset: str, make: Any, weights: Weights
) -> None:
    recipe = Recipe.preset(preset, style_layers="relu1_1,relu2_1", style_symmetry="none")
    network, style = network_for(recipe, weights), StyleCanvas(STYLE)
    without, with_it = (
        make(Compared(network, CONTENT, [style], recipe, 2, 4, kept=kept))(CANVAS.clone())
        for kept in (None, KEPT)
    )
    assert with_it.loss - without.loss == pytest.approx(expected(), rel=1e-6)
    assert with_it.style == without.style
