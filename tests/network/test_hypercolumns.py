"""Hypercolumns: every layer is read at the same places of the picture."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from impasto.network.hypercolumns import POOLS, at_points, on_grid
from impasto.network.pooling import halved
from impasto.settings.layers import BY_NAME

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def ramp(layer: str, height: int, width: int) -> torch.Tensor:
    """A feature map that holds the x of every position, in pixels of the picture.

    The finer ones are averaged.
    """
    pools = BY_NAME[layer].pools
    by = 1 << pools
    x = (torch.arange(width // by, dtype=torch.float64) + 0.5) * by
    return halved(x.expand(1, height // by, -1).clone(), POOLS - pools)


@given(st.integers(8, 70), st.integers(8, 70))
def test_every_layer_has_the_places_of_the_grid(height: int, width: int) -> None:
    places = (height // 4) * (width // 4)
    for layer in LAYERS:
        assert on_grid(layer, ramp(layer, height, width), (height, width)).shape == (1, places)


def test_a_place_is_at_the_same_pixels_in_every_layer() -> None:
    *finer, coarsest = (
        on_grid(layer, ramp(layer, 32, 48), (32, 48)).reshape(8, 12) for layer in LAYERS
    )
    wanted = (torch.arange(12, dtype=torch.float64) * 4 + 2).expand(8, 12)
    for part in finer:
        torch.testing.assert_close(part, wanted)
    torch.testing.assert_close(coarsest[:, 1:-1], wanted[:, 1:-1])  # nothing lies beyond the border


def test_points_are_interpolated_as_scipy_does() -> None:
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(3, 5, 7, generator=generator, dtype=torch.float64)
    points = 2 * torch.rand(20, 2, generator=generator, dtype=torch.float64) - 1
    read = at_points(features, points)
    x, y = (((points[:, k] + 1) * side - 1) / 2 for k, side in ((0, 7), (1, 5)))
    for channel, seen in zip(features, read, strict=True):
        wanted = map_coordinates(channel.numpy(), [y, x], order=1, mode="nearest")
        np.testing.assert_allclose(seen.numpy(), wanted, rtol=1e-12)
