"""Decoded pixels on their way to upright sRGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from impasto.messages.message import Message
from impasto.pictures import profiles
from impasto.pictures.arrays import Opacity, Pixels, to_uint8
from impasto.pictures.upright import upright
from impasto.process import interrupts


@dataclass(frozen=True)
class Raster:
    """Pixels as a file stores them.

    Attributes:
        values: H × W × C in 0…255; uint8, or float32 where the file held more than 8 bits.
        mode: Pillow's name of the colours: ``L``, ``RGB``, ``CMYK`` or ``LAB``.
        opacity: H × W in 0…255; None where all is opaque.
        profile: the ICC profile of the colours.
        orientation: as in EXIF.
        bits: of a channel of the file.
    """

    values: Pixels
    mode: str
    opacity: Opacity | None = None
    profile: bytes | None = None
    orientation: int = 1
    bits: int = 8


def in_srgb(raster: Raster, notes: list[Message]) -> tuple[Pixels, Opacity | None]:
    """Convert pixels to upright sRGB.

    More than 8 bits are kept where no conversion of colours is necessary; where one is, it is done
    with 8 bits, and a note says so.

    Args:
        raster: the pixels.
        notes: gets what the user should know about the picture.

    Returns:
        H × W × 3 in sRGB, and the opacity, H × W in 0…255; None where all is opaque.
    """
    interrupts.check()
    values: Pixels = raster.values
    mode, opacity = raster.mode, raster.opacity
    transform = profiles.transform(raster.profile, mode, notes)
    if values.dtype != np.uint8 and (transform is not None or mode not in ("L", "RGB")):
        notes.append(_converted_with_eight_bits(raster))
        values = to_uint8(values)
        opacity = None if opacity is None else to_uint8(opacity)
    if values.dtype == np.uint8:
        stored = values[:, :, 0] if mode == "L" else values
        height, width = stored.shape[:2]
        image = Image.frombytes(mode, (width, height), np.ascontiguousarray(stored).tobytes())
        values = np.asarray(profiles.to_srgb(image, transform))
    else:
        values = np.broadcast_to(values, (*values.shape[:2], 3)).astype(np.float32, copy=False)
    interrupts.check()
    pixels = upright(values, raster.orientation)
    if opacity is None or opacity.min() == 255:
        return pixels, None
    return pixels, upright(opacity, raster.orientation)


def _converted_with_eight_bits(raster: Raster) -> Message:
    if raster.mode in ("L", "RGB"):
        return Message("picture.deep-profile", bits=raster.bits, used=8)
    return Message("picture.deep", bits=raster.bits, read=8)
