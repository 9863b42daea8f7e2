"""The objective of relaxed optimal transport, against SciPy, and at its ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective import shared, strotss
from impasto.objective.losses import directions
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared, Rounds

SIZE = (48, 64)
LAYERS = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}


def sets(channels: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    one, other = (
        torch.randn(channels, count, generator=generator, dtype=torch.float64) for count in (30, 40)
    )
    return one, other


def objective(
    weights: Weights, *, layers: dict[str, float] = LAYERS, **settings: Any
) -> tuple[Rounds, Tensor]:
    """The objective of a level, and its content."""
    network = VGG19(weights, layers, pooling="max", padding="replicate", dtype=torch.float64)
    content, style = (
        torch.from_numpy(pixels).permute(2, 0, 1).double() - network.mean
        for pixels in (content_pixels(*SIZE), style_pixels(56, 40))
    )
    recipe = Recipe(method="strotss", style_layers=layers, precision="float64", **settings)
    compared = Compared(network, content, [StyleCanvas(style)], recipe, number=1, steps=40)
    return strotss.transport(compared), content


@pytest.mark.parametrize("together", [7, 1000])
@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_relaxed_transport_takes_the_dearer_of_both_ways(
    name: str, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "TOGETHER", together)
    one, other = sets()
    if name == "cosine":
        one, other, cost = directions(one), directions(other), strotss.COSINE
    else:
        cost = strotss.EUCLIDEAN
    costs = cdist(one.T.numpy(), other.T.numpy(), name)
    wanted = max(costs.min(1).mean(), costs.min(0).mean())
    seen = strotss.relaxed_transport(one, other, cost).item()
    assert seen == pytest.approx(wanted, rel=1e-6)


def test_moments_are_those_of_numpy() -> None:
    held, _ = sets()
    mean, covariance = strotss.moments(held)
    np.testing.assert_allclose(mean, held.numpy().mean(1))
    np.testing.assert_allclose(covariance, np.cov(held.numpy(), bias=True))


def test_dissimilarity_is_the_cosine_distance_with_columns_of_mean_1() -> None:
    held, _ = sets()
    wanted = cdist(held.T.numpy(), held.T.numpy(), "cosine")
    np.testing.assert_allclose(
        strotss.dissimilarity(directions(held)), wanted / wanted.mean(0), atol=1e-12
    )


def test_the_content_has_no_content_loss(weights: Weights) -> None:
    made, content = objective(weights)
    assert made(content).content == pytest.approx(0, abs=1e-12)


def test_at_strength_0_the_photograph_is_the_minimum(weights: Weights) -> None:
    made, content = objective(weights, strength=0)
    assert made(content).loss == pytest.approx(0, abs=1e-12)


def test_more_strength_gives_the_style_more_weight(weights: Weights) -> None:
    shares = []
    for strength in (0.25, 0.5, 0.75, 1):
        made, content = objective(weights, strength=strength)
        shares.append(made(content).loss)
    assert shares == sorted(shares)


def test_the_weights_add_up_to_1() -> None:
    for alpha in (0.0, 0.5, 2.0, 16.0, 1e9, math.inf):
        weights = strotss.Weights.of(alpha)
        assert weights.content + weights.style * (2 + weights.palette) == pytest.approx(1)


def test_the_gradient_is_that_of_finite_differences(weights: Weights) -> None:
    made, content = objective(weights)
    generator = torch.Generator().manual_seed(4)
    noise, way = (
        torch.randn(content.shape, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    canvas, step = content + 10 * noise, 1e-5
    start = made(canvas)
    there, back = (made(canvas + sign * step * way).loss for sign in (1, -1))
    assert (start.gradient * way).sum().item() == pytest.approx((there - back) / 2 / step, rel=1e-3)


def test_points_are_drawn_anew_in_every_round(weights: Weights) -> None:
    made, content = objective(weights, layers={"relu1_1": 1.0})
    seen = [made(content) for _ in range(22)]
    assert [index for index, one in enumerate(seen) if one.is_new] == [0, 20]
    assert len({one.loss for one in seen}) == 2
