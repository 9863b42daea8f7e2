"""Smoothing along strokes: grain goes, edges stay, and what has no direction stays as it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.pictures import strokes
from impasto.pictures.arrays import resize
from impasto.pictures.strokes import along_strokes, resize_smoothed

Pixels = npt.NDArray[np.float32]


def hatched(height: int = 48, width: int = 64, grain: float = 0.0) -> Pixels:
    """Slanted strokes 12 pixels wide, with grain of an RMS in grey levels."""
    down, right = np.mgrid[:height, :width]
    waves = 128 + 90 * np.sin((3 * right + 4 * down) * 2 * np.pi / 60)
    noise = np.random.default_rng(7).normal(0, 1, (height, width))
    return np.repeat((waves + grain * noise)[..., None], 3, axis=2).astype(np.float32)


def rms(differences: Pixels) -> float:
    return float(np.sqrt(np.mean(differences[8:-8, 8:-8] ** 2)))


def test_grain_goes_and_strokes_stay() -> None:
    clean = hatched()
    smoothed = along_strokes(hatched(grain=10), 3.0)
    assert rms(smoothed - clean) < 10 / 2
    assert rms(along_strokes(clean, 3.0) - clean) < 90 / 50


def test_further_reach_leaves_less_grain() -> None:
    clean, grainy = hatched(), hatched(grain=10)
    left = [rms(along_strokes(grainy, reach) - clean) for reach in (0.5, 1.0, 2.0, 4.0)]
    assert left == sorted(left, reverse=True)


def test_dots_without_a_direction_stay() -> None:
    dots = np.zeros((40, 40, 3), np.float32)
    dots[10::20, 10::20] = 255
    assert along_strokes(dots, 3.0)[10, 10] == pytest.approx(dots[10, 10], rel=0.2)


@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.floats(0.3, 5.0),
    st.integers(0, 2**32 - 1),
)
def test_a_picture_of_any_shape_stays_within_its_range(
    shape: tuple[int, int], reach: float, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)
    smoothed = along_strokes(pixels, reach)
    assert smoothed.shape == pixels.shape
    assert pixels.min() - 1e-2 <= smoothed.min() <= smoothed.max() <= pixels.max() + 1e-2


def test_a_picture_on_its_side_is_smoothed_alike() -> None:
    picture = hatched(grain=20)
    turned = along_strokes(np.ascontiguousarray(picture.transpose(1, 0, 2)), 1.5)
    np.testing.assert_allclose(turned.transpose(1, 0, 2), along_strokes(picture, 1.5), atol=0.1)


def test_a_grey_picture_stays_grey() -> None:
    smoothed = along_strokes(hatched(grain=20), 2.0)
    np.testing.assert_array_equal(smoothed[..., 0], smoothed[..., 1])


def test_a_large_picture_is_smoothed_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = hatched(90, 30, grain=10)
    whole = along_strokes(picture, 1.5)
    monkeypatch.setattr(strokes, "BAND", 30 * 25)
    np.testing.assert_allclose(along_strokes(picture, 1.5), whole, atol=0.1)


def test_bytes_do_not_depend_on_the_number_of_threads() -> None:
    picture, before = hatched(300, 400, grain=10), torch.get_num_threads()
    made = []
    for count in (1, 2):
        torch.set_num_threads(count)
        made.append(along_strokes(picture, 2.0).tobytes())
    torch.set_num_threads(before)
    assert made[0] == made[1]


def test_a_reduced_picture_is_smoothed_in_its_new_size() -> None:
    picture = hatched(200, 300, grain=10)
    expected = along_strokes(resize(picture, (150, 100)), 0.4)
    np.testing.assert_allclose(resize_smoothed(picture, (150, 100), 0.4), expected, atol=1e-3)


def test_an_enlarged_picture_is_smoothed_in_its_own_size_and_further() -> None:
    picture = hatched(150, 300, grain=10)
    expected = resize(along_strokes(picture, 0.4), (1200, 600))
    np.testing.assert_allclose(resize_smoothed(picture, (1200, 600), 0.2), expected, atol=1e-3)


def test_the_reach_in_an_enlarged_picture_is_limited() -> None:
    picture = hatched(150, 300, grain=10)
    expected = resize(along_strokes(picture, 0.9), (900, 450))
    np.testing.assert_allclose(resize_smoothed(picture, (900, 450), 1.5), expected, atol=1e-3)


def test_a_picture_of_a_few_pixels_keeps_them() -> None:
    picture = hatched(5, 6, grain=40)
    np.testing.assert_allclose(
        resize_smoothed(picture, (600, 500), 1.5), resize(picture, (600, 500)), atol=0.5
    )


def test_without_reach_a_picture_is_only_resized() -> None:
    picture = hatched(grain=10)
    np.testing.assert_array_equal(
        resize_smoothed(picture, (20, 15), 0.0), resize(picture, (20, 15))
    )
