"""Enlarging a painting with the edges of its photograph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as arrays_of

from conftest import content_pixels, style_pixels
from impasto.pictures import arrays, upsampling

WINDOWS = st.integers(1, 4)
SMALL = arrays_of(np.float32, (7, 9, 2), elements=st.integers(0, 255).map(float))


def photograph() -> np.ndarray:
    """A bright disc on a dark ground, 96×128, with an edge of one pixel."""
    y, x = np.mgrid[0:96, 0:128]
    disc = np.hypot(y - 48, x - 64) < 30
    return np.repeat(np.where(disc, 220, 40)[..., None], 3, axis=2).astype(np.uint8)


def steepest(pixels: np.ndarray) -> float:
    return float(np.abs(np.diff(pixels[..., 0].astype(float), axis=1)).max())


def test_an_edge_of_the_painting_becomes_as_sharp_as_the_photographs() -> None:
    large = photograph()
    painting = 255 - arrays.resize(large, (32, 24))  # the same edge, the other way round
    bicubic = arrays.resize(painting, (128, 96))
    assert steepest(bicubic) < 0.5 * steepest(large)
    assert steepest(upsampling.enlarged(painting, large)) > 0.8 * steepest(large)


def test_where_the_photograph_is_flat_the_strokes_stay_as_they_are() -> None:
    painting = style_pixels(24, 32).astype(np.float32)
    flat = np.full((96, 128, 3), 90, np.uint8)
    expected = arrays.resize(painting, (128, 96))
    assert upsampling.enlarged(painting, flat) == pytest.approx(expected, abs=1e-2)


def test_a_painting_of_the_right_size_is_left_alone() -> None:
    painting = style_pixels(24, 32).astype(np.float32)
    assert np.array_equal(upsampling.enlarged(painting, content_pixels(24, 32)), painting)


def test_the_slope_of_a_linear_function_is_found() -> None:
    guide = np.random.default_rng(0).uniform(0, 255, (40, 40)).astype(np.float32)
    painting = np.stack([0.5 * guide, -2 * guide + 300, np.full_like(guide, 7)], axis=2)
    inside = upsampling.local_slopes(painting, guide)[8:-8, 8:-8]
    assert inside[..., 0] == pytest.approx(0.5, abs=0.02)
    assert inside[..., 1] == pytest.approx(-2, abs=0.08)
    assert np.abs(inside[..., 2]).max() < 1e-2


@given(SMALL, WINDOWS)
def test_the_mean_of_a_window_is_that_of_its_pixels(values: np.ndarray, radius: int) -> None:
    means = upsampling.window_mean(values, radius)
    margins = ((radius, radius), (radius, radius), (0, 0))
    padded = np.pad(values, margins, mode="edge")
    side = 2 * radius + 1
    expected = [
        [padded[y : y + side, x : x + side].mean(axis=(0, 1)) for x in range(9)] for y in range(7)
    ]
    assert means == pytest.approx(np.array(expected), abs=1e-2)
