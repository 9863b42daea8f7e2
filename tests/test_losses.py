"""The losses against NumPy, straight from the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.losses import content_loss, gram, style_loss

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
