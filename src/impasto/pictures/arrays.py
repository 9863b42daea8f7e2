"""Arithmetic of pixels: size, range, rounding.

Inside impasto a picture is an H × W × 3 array, RGB, 0…255: uint8 as most files hold it, float32
where a file holds more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.settings.pieces import check_pixels, check_size

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Opacity = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
STRIP = 256  # rows of a picture that are converted at a time
GREY_WITHIN = 4  # grey levels by which the channels of a grey picture may differ, as in a WebP


def resize(pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Resize by bicubic interpolation like MATLAB's ``imresize``, neither rounded nor clipped.

    Keys' kernel with a = −0.5 (*Cubic convolution interpolation for digital image processing*,
    1981), widened when shrinking, the picture mirrored beyond its border.

    Args:
        pixels: H × W × 3.
        size: new width and height.

    Raises:
        InputError: these are not pixels, or no size.
    """
    check_pixels(pixels)
    check_size(size)
    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels.astype(np.float32)
    margin_x, margin_y = (
        math.ceil(2 * max(1.0, old / new)) + 1
        for old, new in zip((width, height), size, strict=True)
    )
    box = (margin_x, margin_y, margin_x + width, margin_y + height)
    channels = []
    for channel in np.moveaxis(pixels, 2, 0):
        mirrored = np.pad(channel, ((margin_y, margin_y), (margin_x, margin_x)), mode="symmetric")
        if mirrored.dtype != np.uint8:  # which Pillow converts faster
            mirrored = mirrored.astype(np.float32)
        image = Image.fromarray(mirrored).convert("F")
        channels.append(np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box)))
    return np.stack(channels, axis=2)


def resize_in_kind(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize like :func:`resize`, but return uint8 for uint8, rounded and saturated."""
    if pixels.dtype == np.uint8 and size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return in_kind(resize(pixels, size), pixels)


def in_kind(resized: npt.NDArray[np.float32], pixels: Pixels) -> Pixels:
    """Pixels that were resized as uint8, rounded and saturated, if they were uint8 before."""
    return to_uint8(resized) if pixels.dtype == np.uint8 else resized


def is_grey(pixels: Pixels) -> bool:
    """Whether a picture is grey, apart from rounding.

    >>> is_grey(np.full((2, 2, 3), 7, np.uint8)), is_grey(np.array([[[255, 0, 0]]], np.uint8))
    (True, False)
    """
    return all(
        float(np.ptp(pixels[top : top + STRIP], axis=2).max()) <= GREY_WITHIN
        for top in range(0, len(pixels), STRIP)
    )


def rescale(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Map the whole array linearly: the smallest value to 0, the largest to 255.

    A picture of one value becomes 0.

    Raises:
        InputError: these are not pixels.
    """
    check_pixels(pixels)
    low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        return np.zeros(pixels.shape, np.float32)
    return ((pixels.astype(np.float64) - low) * (255 / (high - low))).astype(np.float32)


def middle(values: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """The middle of an array H × W or H × W × C, of a width and a height that are at most its own.

    >>> middle(np.arange(12).reshape(3, 4), (2, 1)).tolist()
    [[5, 6]]
    """
    width, height = size
    left, top = (values.shape[1] - width) // 2, (values.shape[0] - height) // 2
    return np.ascontiguousarray(values[top : top + height, left : left + width])


def to_uint8(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Round half away from zero and saturate to 0…255.

    >>> to_uint8(np.array([-3.0, 0.5, 1.5, 254.5, 300.0])).tolist()
    [0, 1, 2, 255, 255]
    """
    return by_strips(_rounded, pixels, np.uint8)


def _rounded(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    clipped = np.clip(pixels, 0, 255)
    whole = np.floor(clipped)  # adding 0.5 instead would round 0.49999997 up
    return np.asarray(whole + (clipped - whole >= 0.5))


def by_strips(
    convert: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    pixels: npt.NDArray[Any],
    dtype: Any,
    channels: int | None = None,
) -> npt.NDArray[Any]:
    """Convert a picture a few rows at a time, so that intermediate arrays stay small.

    Args:
        convert: makes rows of the result from rows of the picture.
        pixels: the picture.
        dtype: of the result.
        channels: of the result, where they are not as many as the picture's.
    """
    shape = pixels.shape if channels is None else (*pixels.shape[:-1], channels)
    converted = np.empty(shape, dtype)
    for top in range(0, len(pixels), STRIP):
        rows = slice(top, top + STRIP)
        converted[rows] = convert(pixels[rows])
    return converted
