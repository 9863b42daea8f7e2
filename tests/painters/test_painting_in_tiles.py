"""A photograph that is painted in tiles is the one that is painted whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.painters.applying import Painter
from impasto.painters.tiles import Sums, beyond
from painter_files import random_painter


@pytest.fixture(scope="module")
def painter() -> Painter:
    return random_painter()


SIDES = st.integers(16, 90)


@settings(max_examples=10)
@given(height=SIDES, width=SIDES, tile=st.integers(8, 64), strength=st.floats(0, 1))
def test_tiles_have_no_seams(
    painter: Painter, height: int, width: int, tile: int, strength: float
) -> None:
    pixels = np.random.default_rng(height).uniform(0, 255, (height, width, 3)).astype(np.float32)
    condition = painter.condition("oil:0.3,ink:0.7", strength)
    whole = painter.painted(pixels, condition, tile=None)
    tiled = painter.painted(pixels, condition, tile=tile)
    assert whole.shape == pixels.shape
    assert np.abs(whole - tiled).max() < 1e-2  # of 255


@given(cuts=st.lists(st.integers(1, 29), max_size=5))
def test_moments_do_not_depend_on_the_parts(cuts: list[int]) -> None:
    maps = 3 + torch.randn(1, 4, 30, 7, generator=torch.Generator().manual_seed(0))
    sums = Sums()
    edges = [0, *sorted(set(cuts)), 30]
    for top, bottom in pairwise(edges):
        sums.add(maps[:, :, top:bottom])
    mean, variance = sums.moments()
    assert torch.allclose(mean, maps.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(variance, maps.var((0, 2, 3), unbiased=False), atol=1e-5)


def test_a_photograph_is_continued_to_sides_that_are_multiples_of_4() -> None:
    photograph = torch.arange(3 * 5 * 6.0).reshape(3, 5, 6)
    continued = beyond(photograph)
    assert continued.shape == (3, 8, 8)
    assert torch.equal(continued[:, :5, :6], photograph)
    assert torch.equal(continued[:, 7, :6], photograph[:, 4])
