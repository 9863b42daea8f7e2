"""The losses against NumPy, straight from the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.network.statistics import gram
from impasto.objective import shared
from impasto.objective.losses import (
    LEVELLED,
    Loss,
    content_loss,
    gram_loss,
    style_loss,
    whitened_gram_loss,
)

SIDES = st.integers(1, 9)


@st.composite
def feature_maps(draw: st.DrawFn, count: int = 2) -> list[torch.Tensor]:
    shape = draw(st.tuples(st.integers(1, 6), SIDES, SIDES))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    scale = draw(st.sampled_from([1e-3, 1.0, 1e3]))
    return [
        scale * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(count)
    ]


@given(feature_maps())
def test_content_loss_is_half_the_mean_square(maps: list[torch.Tensor]) -> None:
    a, b = (features.numpy() for features in maps)
    assert content_loss(*maps).item() == pytest.approx(0.5 * np.mean((a - b) ** 2), rel=1e-12)


@given(feature_maps(count=1))
def test_gram_is_the_sum_over_positions_for_each_position(maps: list[torch.Tensor]) -> None:
    flat = maps[0].permute(1, 2, 0).reshape(-1, maps[0].shape[0]).numpy()
    scale = np.abs(flat).max() ** 2
    np.testing.assert_allclose(gram(maps[0]), flat.T @ flat / len(flat), atol=1e-12 * scale)


@given(feature_maps(count=1))
def test_gram_does_not_see_where_things_are(maps: list[torch.Tensor]) -> None:
    turned = maps[0].flip(1).transpose(1, 2)
    torch.testing.assert_close(gram(turned), gram(maps[0]), rtol=1e-9, atol=1e-9)


@given(feature_maps())
def test_style_loss_is_the_example_s_for_maps_of_one_size(maps: list[torch.Tensor]) -> None:
    channels, height, width = maps[0].shape
    a, b = (m.permute(1, 2, 0).reshape(-1, channels).numpy() for m in maps)
    expected = np.mean((a.T @ a - b.T @ b) ** 2) / (height * width * channels) ** 2
    assert style_loss(gram(maps[0]), gram(maps[1])).item() == pytest.approx(expected, rel=1e-9)


def test_style_loss_compares_maps_of_different_sizes() -> None:
    small = torch.randn(3, 4, 5, dtype=torch.float64)
    tiled = small.repeat(1, 2, 3)
    assert style_loss(gram(tiled), gram(small)).item() == pytest.approx(0, abs=1e-25)


@given(feature_maps(count=3))
def test_the_stand_in_weights_the_difference_by_the_target_s_eigenvalues(
    maps: list[torch.Tensor],
) -> None:
    target, example, matrix = (gram(features) for features in maps)
    values, vectors = np.linalg.eigh(target.numpy())
    weights = 1 / ((values[:, None] + values) / 2 + LEVELLED * values.max())

    def unscaled(other: torch.Tensor) -> float:
        rotated = vectors.T @ (other - target).numpy() @ vectors
        return float((weights * rotated**2).sum())

    expected = style_loss(example, target).item() * unscaled(matrix) / unscaled(example)
    assert whitened_gram_loss(target, example)(matrix).item() == pytest.approx(expected, rel=1e-2)


@given(feature_maps())
def test_the_stand_in_is_the_style_loss_of_its_example_and_0_of_the_style(
    maps: list[torch.Tensor],
) -> None:
    target, example = (gram(features) for features in maps)
    stand_in, plain = whitened_gram_loss(target, example), style_loss(example, target).item()
    assert stand_in(example).item() == pytest.approx(plain, rel=1e-2)
    assert stand_in(target).item() == 0


def test_the_stand_in_is_the_same_a_few_columns_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    target, example, matrix = (
        gram(torch.randn(5, 3, 4, generator=generator, dtype=torch.float64)) for _ in range(3)
    )
    made = []
    for together in (2, 1000):
        monkeypatch.setattr(shared, "TOGETHER", together)
        leaf = matrix.clone().requires_grad_()
        loss = whitened_gram_loss(target, example)(leaf)
        made.append((loss.detach(), *torch.autograd.grad(loss, leaf)))
    torch.testing.assert_close(*made)


def test_the_stand_in_is_better_conditioned() -> None:
    """Of the directions along which a loss bends at the target, the least against the most."""
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([30.0, 10.0, 3.0, 1.0], dtype=torch.float64).reshape(4, 1, 1)
    style = scales * torch.randn(4, 3, 4, generator=generator, dtype=torch.float64)
    target = gram(style)

    def spread(loss: Loss) -> float:
        def slope(flat: torch.Tensor) -> torch.Tensor:
            flat = flat.clone().requires_grad_()
            return torch.autograd.grad(loss(gram(flat.view_as(style))), flat)[0]

        there, steps = style.flatten(), 1e-4 * torch.eye(style.numel(), dtype=torch.float64)
        hessian = torch.stack([slope(there + step) - slope(there - step) for step in steps])
        bends = torch.linalg.eigvalsh(hessian)[-10:]  # a Gram matrix of four channels has ten
        return float(bends[-1] / bends[0])

    assert spread(whitened_gram_loss(target, 2 * target)) < spread(gram_loss(target)) / 20


@pytest.mark.parametrize("example", [0.0, 1.0], ids=["nothing", "the style itself"])
@pytest.mark.parametrize("target", [0.0, 1.0], ids=["of nothing", "of something"])
def test_the_stand_in_of_pictures_that_are_alike(target: float, example: float) -> None:
    style = target * torch.eye(3)
    loss = whitened_gram_loss(style, example * style)(torch.full((3, 3), 2.0))
    assert 0 < loss.item() < float("inf")
