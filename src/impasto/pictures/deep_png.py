"""Read PNG with 16 bits a channel in full depth; Pillow gives the upper eight."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.files.png_text import PNG_SIGNATURE
from impasto.messages.message import Message
from impasto.pictures.arrays import Opacity, by_strips
from impasto.pictures.rasters import Raster
from impasto.pictures.upright import orientation_of, take_metadata

DEPTH, COLOURS = 24, 25  # offsets in the file
GREY, RGB, GREY_WITH_OPACITY, RGB_WITH_OPACITY = 0, 2, 4, 6
# Pillow's mode for a kind of colours, and how it unpacks the upper and the lower bytes.
HALVES = {
    RGB: ("RGB", "RGB;16B", "RGB;16L"),
    RGB_WITH_OPACITY: ("RGBA", "RGBA;16B", "RGBA;16L"),
}


def accepts(head: bytes) -> bool:
    """Whether a file begins like a PNG with 16 bits a channel."""
    return head.startswith(PNG_SIGNATURE) and head[DEPTH:COLOURS] == b"\x10"


def read(file: BinaryIO, notes: list[Message]) -> Raster:
    """Read the picture; the first one of an animation.

    Raises:
        OSError: the file is damaged.
    """
    file.seek(COLOURS)
    kind = file.read(1)[0]
    if kind in HALVES:
        mode, *halves = HALVES[kind]
        upper, lower = (_unpacked(file, mode, half) for half in halves)
        stored = upper.astype(np.uint16) << 8 | lower
    elif kind == GREY_WITH_OPACITY:  # whose four bytes are unpacked as four channels
        stored = np.ascontiguousarray(_unpacked(file, "RGBA", "RGBA")).view(">u2")
    else:
        stored = _unpacked(file, "I;16", "I;16B")[:, :, None]
    image = _opened(file)
    take_metadata(file, image)
    count = 3 if kind in HALVES else 1
    return Raster(
        _in_grey_levels(stored[:, :, :count]),
        "RGB" if kind in HALVES else "L",
        _opacity(stored, kind, image.info.get("transparency")),
        image.info.get("icc_profile"),
        orientation_of(image, notes),
        bits=16,
    )


def _opened(file: BinaryIO) -> Any:
    file.seek(0)
    return Image.open(file, formats=["PNG"])


def _unpacked(file: BinaryIO, mode: str, raw_mode: str) -> npt.NDArray[Any]:
    """The pixels, decoded as another kind of pixels with as many bytes."""
    image = _opened(file)
    image._mode = mode
    image.tile = [(*tile[:3], raw_mode) for tile in image.tile]
    return np.asarray(image)


def _opacity(
    stored: npt.NDArray[Any], kind: int, key: int | tuple[int, ...] | None
) -> Opacity | None:
    """The opacity, H × W in 0…255, from its channel or from the colour that is transparent."""
    if kind in (GREY_WITH_OPACITY, RGB_WITH_OPACITY):
        return _in_grey_levels(stored[:, :, -1])
    if key is None:
        return None
    return np.where((stored == np.array(key)).all(axis=2), 0, 255).astype(np.uint8)


def _in_grey_levels(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return by_strips(lambda rows: rows / np.float32(257), values, np.float32)
