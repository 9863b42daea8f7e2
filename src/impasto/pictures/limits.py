"""How large a picture may be, checked before it is decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

from impasto.files import reading
from impasto.pictures.refusals import UnusableError

MOST_PIXELS = 178_956_970  # where Pillow, too, takes a picture for a decompression bomb
MOST_DECODED = 8 * MOST_PIXELS  # bytes: four channels of 16 bits
MOST_BYTES = reading.MOST_BYTES  # of a file
# Pixels that any file may have, and more for each of its bytes: deflate packs 8256 black ones.
SMALL, DENSEST = 2**24, 10_000


@dataclass(frozen=True)
class Head:
    """The description of a picture in the header of its file.

    Attributes:
        size: width and height, upright.
        channels: values of a pixel, its transparency among them.
        bytes: that these take once they are decoded.
    """

    size: tuple[int, int]
    channels: int
    bytes: int


def check_size(width: int, height: int) -> None:
    """Refuse a picture without pixels, or with more than any may have."""
    if width * height == 0:
        raise UnusableError("picture.no-pixels", width=width, height=height)
    if width * height > MOST_PIXELS:
        raise UnusableError("picture.too-large", width=width, height=height, most=MOST_PIXELS)


def check_density(file: BinaryIO, width: int, height: int) -> None:
    """Refuse what a few bytes claim to hold, such as the screen of a GIF without its pictures."""
    bytes_there = bytes_in(file)
    if width * height > SMALL + DENSEST * bytes_there:
        raise UnusableError("picture.too-dense", width=width, height=height, bytes=bytes_there)


def bytes_in(file: BinaryIO) -> int:
    """Bytes of a file, or of what stands for one in memory."""
    return file.seek(0, io.SEEK_END)
