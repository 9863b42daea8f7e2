"""The objective of neural neighbours: what is matched, and how far a canvas is from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto import Recipe, stylize
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective import nnst
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared, Rounds

SIZE = (48, 64)
LAYERS = {"relu1_1": 1.0, "relu2_1": 0.5, "relu3_1": 2.0}


def recipe(**settings: Any) -> Recipe:
    return Recipe(method="nnst", style_layers=LAYERS, precision="float64", **settings)


def network_of(weights: Weights) -> VGG19:
    return VGG19(weights, LAYERS, pooling="max", padding="replicate", dtype=torch.float64)


def canvas(network: VGG19, pixels: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1).double() - network.mean


def objective(
    weights: Weights, *, splits: bool = False, number: int = 1, steps: int = 4, **settings: Any
) -> tuple[Rounds, Tensor, Tensor]:
    """The objective of a level, its content and its style."""
    network = network_of(weights)
    content = canvas(network, content_pixels(*SIZE))
    style = canvas(network, style_pixels(56, 40))
    compared = Compared(
        network, content, StyleCanvas(style), recipe(**settings), number, steps, splits
    )
    return nnst.neighbours(compared), content, style


def test_the_nearest_is_that_of_centred_cosine_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    own, style = (torch.rand(6, count, generator=generator) + 1 for count in (30, 50))
    a, b = ((held - held.mean(1, keepdim=True)).T.numpy() for held in (own, style))
    assert nnst.nearest(own, style).tolist() == cdist(a, b, "cosine").argmin(1).tolist()


def test_distance_is_the_cosine_distance_and_a_little_of_the_lengths() -> None:
    generator = torch.Generator().manual_seed(1)
    own, wanted = (torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    cosines = np.diag(cdist(own.T.numpy(), wanted.T.numpy(), "cosine"))
    ratios = np.log(np.linalg.norm(own, axis=0) / np.linalg.norm(wanted, axis=0))
    seen = nnst.distance((own * wanted).sum(0), own.square().sum(0), wanted.square().sum(0))
    assert seen.item() == pytest.approx(np.mean(cosines + 0.1 * ratios**2), rel=1e-12)


@pytest.mark.parametrize("splits", [False, True])
def test_the_gradient_is_that_of_finite_differences(weights: Weights, splits: bool) -> None:
    made, content, _ = objective(weights, splits=splits, steps=12)
    start = made(content)
    generator = torch.Generator().manual_seed(4)
    way = torch.randn(content.shape, generator=generator, dtype=torch.float64)
    step = 1e-6
    there, back = (made(content + sign * step * way).loss for sign in (1, -1))
    assert (start.gradient * way).sum().item() == pytest.approx((there - back) / 2 / step, rel=1e-3)


@pytest.mark.parametrize("splits", [False, True])
def test_the_style_itself_is_at_distance_0(weights: Weights, splits: bool) -> None:
    network = network_of(weights)
    style = canvas(network, style_pixels(*SIZE))
    compared = Compared(network, style, StyleCanvas(style), recipe(), 1, 3, splits)
    assert nnst.neighbours(compared)(style).loss == pytest.approx(0, abs=1e-12)


def test_at_strength_0_the_photograph_is_the_target(weights: Weights) -> None:
    made, content, _ = objective(weights, strength=0)
    assert made(content).loss == pytest.approx(0, abs=1e-12)


def test_the_canvas_has_no_say_in_the_first_matches(weights: Weights) -> None:
    """With the style as the canvas, a later level is nearer to it than the first."""
    first, _, _ = objective(weights, number=1, strength=1)
    later, content, style = objective(weights, number=2, strength=1)
    resized = torch.nn.functional.interpolate(style[None], content.shape[1:], mode="bilinear")[0]
    assert later(resized).loss < first(resized).loss


def test_layers_are_matched_anew_in_rounds(weights: Weights) -> None:
    made, content, _ = objective(weights, splits=True, steps=16)
    assert [made(content).is_new for _ in range(16)] == [True, False] * 8


def test_turned_copies_of_the_style_bring_matches_nearer(weights: Weights) -> None:
    upright, content, _ = objective(weights)
    turned, _, _ = objective(weights, style_symmetry="rotate")
    assert turned(content).loss < upright(content).loss


def test_a_style_much_smaller_than_the_canvas() -> None:
    settings = Recipe.preset("nnst", size=200, steps=4, levels=1, style_fit="original")
    result = stylize(content_pixels(150, 200), style_pixels(20, 20), settings, device="cpu")
    assert np.isfinite(result.canvas).all()


def test_a_grid_has_a_place_in_a_picture_of_any_shape() -> None:
    for height, width in ((1, 4000), (4000, 3), (16, 2000), (1, 1)):
        features = torch.zeros(1, height, width)
        for seed in range(20):
            rows, columns = nnst._grid(features, torch.Generator().manual_seed(seed))
            assert features[:, rows, columns].numel() > 0


def test_a_painting_is_nearer_to_the_style_than_the_photograph_is() -> None:
    result = stylize(
        content_pixels(64, 64), style_pixels(64, 64), Recipe.preset("nnst", size=64, steps=20)
    )
    first = [step.loss for step in result.history if step.level == 1]
    assert first[-1] < 0.8 * first[0]
