"""Enlarging a painting with the edges of its photograph.

He, Sun and Tang, *Guided image filtering*, 2013, and He and Sun, *Fast guided filter*,
arXiv:1505.00996: near every place, the painting is taken for a linear function of the photograph,
whose coefficients are found at the small size. Here, that function gives only the details that the
small size cannot hold; the strokes of the painting, which the photograph lacks, stay as they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from impasto.pictures import arrays
from impasto.pictures.arrays import Pixels
from impasto.pictures.profiles import LUMA

RADIUS = 4  # pixels of the small painting: half the side of the window of a place
LEAST_VARIANCE = 50.0  # square grey levels: a photograph that varies less has no edge

Floats = npt.NDArray[np.float32]


def enlarged(painting: Pixels, photograph: Pixels) -> Floats:
    """A painting at the size of its photograph, with the photograph's edges.

    Args:
        painting: h × w × 3, RGB, 0…255.
        photograph: H × W × 3, RGB, 0…255, at least as large.

    Returns:
        H × W × 3, neither rounded nor clipped.
    """
    size = photograph.shape[1], photograph.shape[0]
    small = painting.shape[1], painting.shape[0]
    if size == small:
        return painting.astype(np.float32)
    grey = _grey(photograph)
    reduced = arrays.resize(grey, small)
    details = grey[..., :1] - arrays.resize(reduced, size)[..., :1]
    slopes = local_slopes(painting.astype(np.float32), reduced[..., 0])
    larger = arrays.resize(painting, size)
    larger += arrays.resize(slopes, size) * details
    return larger


def local_slopes(painting: Floats, guide: Floats) -> Floats:
    """How steeply each channel of a painting rises with a guide, by least squares in a window.

    Args:
        painting: H × W × 3.
        guide: H × W.

    Returns:
        H × W × 3; 0 where the guide is flat.
    """
    guide = guide[..., None]
    mean, mean_of_painting = window_mean(guide), window_mean(painting)
    variance = window_mean(guide * guide) - mean * mean
    covariance = window_mean(guide * painting) - mean * mean_of_painting
    return window_mean(covariance / (variance + np.float32(LEAST_VARIANCE)))


def window_mean(values: Floats, radius: int = RADIUS) -> Floats:
    """The mean of the window around each place, H × W × C; beyond the border, values repeat."""
    count = 2 * radius + 1
    for axis in (0, 1):
        margins = [(radius + 1, radius) if of == axis else (0, 0) for of in range(3)]
        padded = np.moveaxis(np.pad(values, margins, mode="edge"), axis, 0)
        sums = np.cumsum(padded, axis=0, dtype=np.float64)
        means = ((sums[count:] - sums[:-count]) / count).astype(np.float32)
        values = np.moveaxis(means, 0, axis)
    return values


def _grey(pixels: Pixels) -> Floats:
    """Luma, H × W × 3 with equal channels, as :func:`arrays.resize` takes pictures."""
    return np.repeat((pixels.astype(np.float32) @ LUMA)[..., None], 3, axis=2).astype(np.float32)
