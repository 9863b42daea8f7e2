"""Matches that use every part of a style about equally often, and palettes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto import Recipe, stylize
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective import even, nnst
from impasto.objective.even import handicaps
from impasto.objective.palette import palette_loss, palette_of
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared
from impasto.process import threads

AXES = torch.eye(8, dtype=torch.float64)


def vectors(count: int, seed: int, spread: float) -> Tensor:
    """Feature vectors of length 1, (8, count), the closer to one direction the less they spread."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(8, count, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(AXES[:, :1] + spread * drawn, dim=0)


def times_used(own: Tensor, style: Tensor, added: Tensor | float = 0.0) -> Tensor:
    """How often each feature vector of a style is matched."""
    return torch.bincount((own.T @ style + added).argmax(1), minlength=style.shape[1])


@given(st.integers(0, 2**31), st.sampled_from([0.05, 0.2]))
def test_a_canvas_of_little_variety_uses_more_of_the_style(seed: int, spread: float) -> None:
    own, style = vectors(400, seed, spread), vectors(40, seed + 1, 0.5)
    nearest = times_used(own, style)
    evenly = times_used(own, style, handicaps(own, style))
    assert evenly.max() < nearest.max()
    assert (evenly > 0).sum() > (nearest > 0).sum()


def test_nearest_uses_more_of_the_style_evenly_whatever_the_width_of_the_picture() -> None:
    across = torch.linspace(0, 1, 64, dtype=torch.float64).repeat(64)  # 64 rows of 64 places
    own = vectors(1, 0, 0.0) + across * vectors(1, 1, 9.0) + 0.01 * vectors(4096, 2, 9.0)
    style = vectors(300, 3, 0.5)
    used, evenly = (
        torch.bincount(nnst.nearest(own, style, evenly=evenly), minlength=300)
        for evenly in (False, True)
    )
    assert (evenly > 0).sum() > 2 * (used > 0).sum()
    assert evenly.max() < used.max() / 2


def test_a_flat_photograph_is_painted_too() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    result = stylize(grey, style_pixels(64, 64), Recipe(size=64, steps=8))
    assert np.asarray(result.image).std() > 10


def test_fully_enforced_they_are_the_prices_of_optimal_transport(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(even, "ENFORCED", 1.0)
    monkeypatch.setattr(even, "ITERATIONS", 2000)
    monkeypatch.setattr(even, "LEAST_USED", 1e-12)
    own, style = vectors(30, 0, 0.3), vectors(10, 1, 0.5)
    similar = (own.T @ style).float() / even.TEMPERATURE
    plan = torch.softmax(similar + handicaps(own, style) / even.TEMPERATURE, 1) / 30
    torch.testing.assert_close(plan.sum(0), torch.full((10,), 0.1), rtol=1e-3, atol=0)


def test_a_style_that_is_used_evenly_anyway_has_no_handicaps() -> None:
    style = AXES.float()
    own = style.repeat_interleave(5, 1)
    torch.testing.assert_close(handicaps(own, style), torch.zeros(8), atol=1e-4, rtol=0)


def test_handicaps_do_not_depend_on_the_number_of_threads() -> None:
    own, style = vectors(100, 0, 0.3).float(), vectors(1200, 1, 0.5).float()
    found = []
    for number in (1, 2):
        with threads.use(number), threads.whole_operations(shared=True):
            found.append(handicaps(own, style))
    torch.testing.assert_close(*found, rtol=0, atol=0)


pictures = st.integers(0, 2**31).map(
    lambda seed: 50 * torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(seed))
)


@given(pictures, pictures)
def test_a_palette_is_mean_and_covariance(canvas: Tensor, other: Tensor) -> None:
    own, wanted = palette_of(canvas), palette_of(other)
    np.testing.assert_allclose(own.covariance, np.cov(canvas.flatten(1), ddof=0), rtol=1e-4)
    means = (canvas.mean((1, 2)) - other.mean((1, 2))).square().sum()
    of_means = means / torch.trace(wanted.covariance)
    difference = (own.covariance - wanted.covariance).square().sum()
    of_covariances = difference / wanted.covariance.square().sum()
    torch.testing.assert_close(palette_loss(own, wanted), of_means + of_covariances)


def test_the_palette_of_one_colour_can_be_wanted() -> None:
    flat = palette_of(torch.full((3, 4, 4), 9.0))
    assert palette_loss(flat, flat).item() == 0
    assert palette_loss(palette_of(50 * torch.eye(3)[:, None]), flat).isfinite()


@pytest.mark.parametrize("splits", [False, True])
def test_even_nnst_adds_the_loss_of_the_palette(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, *, splits: bool
) -> None:
    layers = {"relu1_1": 1.0, "relu2_1": 1.0}
    network = VGG19(weights, layers, pooling="max", padding="replicate", dtype=torch.float64)
    content, style = (
        torch.from_numpy(pixels).permute(2, 0, 1).double() - network.mean
        for pixels in (content_pixels(32, 32), style_pixels(40, 32))
    )
    recipe = Recipe(method="even-nnst", style_layers=layers, precision="float64")
    compared = Compared(network, content, [StyleCanvas(style)], recipe, 1, 2, splits)
    losses = []
    for weight in (nnst.PALETTE, 0.0):
        monkeypatch.setattr(nnst, "PALETTE", weight)
        losses.append(nnst.neighbours(compared)(content + 5).loss)
    expected = palette_loss(palette_of(content + 5), palette_of(content))
    assert losses[0] - losses[1] == pytest.approx(expected.item())
    assert expected > 0
