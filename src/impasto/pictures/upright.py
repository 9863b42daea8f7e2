"""The orientation of a picture, as its EXIF data gives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.messages.message import Message
from impasto.pictures.tiff import ORIENTATION

SIDEWAYS = (5, 6, 7, 8)  # orientations of a picture that lies on its side


def orientation_of(image: Image.Image, notes: list[Message]) -> int:
    """The EXIF orientation, 1 to 8; 1 means upright. Pillow loads a TIFF upright."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        notes.append(Message("picture.damaged-exif"))
        return 1


def upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn and mirror the pixels, H × W or H × W × C, as an EXIF orientation asks for."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.array(pixels, order="C")  # Pillow's own may not be written to
