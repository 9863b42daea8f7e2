"""Unpack TIFF of 16 to 64 bits with libtiff, in full depth.

Pillow's libtiff knows every compression, but Pillow has no mode for such colours. It has one for
grey of 16 bits: so the page is described once more as a wide grey picture, each of whose pixels is
two bytes of a value, and what its predictor has done to the values is undone here.

*TIFF, Revision 6.0*, section 14 (differencing); Adobe Photoshop *TIFF Technical Note 3* (floats).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.pictures import tiff
from impasto.pictures.profiles import LARGEST_PROFILE
from impasto.process import interrupts

PLANES, PREDICTOR, EXTRA_SAMPLES = 284, 317, 338
# Tags that say how the values are packed, and where they are: those stay as they are.
PACKING = (tiff.HEIGHT, 259, 266, 273, 278, 279, tiff.TILE_HEIGHT, 324, 325)
BLACK_IS_ZERO, INTERLEAVED = 1, 1
NONE, DIFFERENCES, FLOAT_DIFFERENCES = 1, 2, 3  # predictors
LONG = 4  # the type of a tag
NUMBERS = {1: "u", 2: "i", 3: "f"}  # the kind of numbers for each sample format


@dataclass(frozen=True)
class Unpacked:
    """The pixels of a page.

    Attributes:
        values: H × W × C, as they are stored.
        photometric: what the colours are, by the number of the tag.
        extra: what each channel after the colours is.
        profile: the ICC profile; None if there is none.
    """

    values: npt.NDArray[Any]
    photometric: int
    extra: tuple[int, ...]
    profile: bytes | None


def read(file: BinaryIO) -> Unpacked | None:
    """Unpack the first page; None if its values have other depths, or stand in planes.

    Raises:
        ReasonError: a directory is damaged.
        OSError: the pixels are damaged.
    """
    reader = tiff.Reader(file)
    tags, _ = reader.directory(reader.first)

    def numbers(tag: int, usual: int) -> tuple[int, ...]:
        return tuple(reader.numbers(tags, tag)) or (usual,)

    bits, formats = set(numbers(tiff.BITS_PER_SAMPLE, 1)), set(numbers(tiff.SAMPLE_FORMAT, 1))
    (channels, *_), (planes, *_) = numbers(tiff.SAMPLES, 1), numbers(PLANES, INTERLEAVED)
    if bits not in ({16}, {32}, {64}) or len(formats) > 1 or not formats <= set(NUMBERS):
        return None
    if planes != INTERLEAVED and channels > 1:
        return None
    (width, *_), (tile, *_) = numbers(tiff.WIDTH, 0), numbers(tiff.TILE_WIDTH, 0)
    across = tile or width  # pixels of a row that are packed together
    whole = -(-width // across) * across
    size = bits.pop() // 8
    wide = {tiff.WIDTH: whole, tiff.TILE_WIDTH: tile}
    wide = {tag: side * channels * size // 2 for tag, side in wide.items() if side}
    wide |= {tiff.BITS_PER_SAMPLE: 16, tiff.PHOTOMETRIC: BLACK_IS_ZERO}
    with Image.open(_described(file, reader, tags, wide), formats=["TIFF"]) as image:
        halves = np.asarray(image).astype(f"{reader.endian}u2", copy=False)
    interrupts.check()
    stored = np.ascontiguousarray(halves).view(f"{reader.endian}u{size}")
    stored = stored.reshape(-1, across, channels)
    (predictor, *_) = numbers(PREDICTOR, NONE)
    if predictor == DIFFERENCES:
        stored = np.cumsum(stored, axis=1, dtype=f"u{size}")
    elif predictor == FLOAT_DIFFERENCES:
        stored = _without_float_differences(stored)
    kind = f"{NUMBERS[formats.pop()]}{size}"
    values = stored.view(f"{stored.dtype.byteorder}{kind}").astype(kind, copy=False)
    return Unpacked(
        values.reshape(-1, whole, channels)[:, :width],
        numbers(tiff.PHOTOMETRIC, -1)[0],
        tuple(reader.numbers(tags, EXTRA_SAMPLES)),
        reader.data(tags, tiff.ICC_PROFILE, LARGEST_PROFILE + 1),
    )


def _described(
    file: BinaryIO, reader: tiff.Reader, tags: dict[int, tiff.Tag], numbers: dict[int, int]
) -> BinaryIO:
    """A copy of the file in memory with another directory in the place of its first one.

    Args:
        file: the file.
        reader: of its directories.
        tags: of the first page; those that say how it is packed are kept.
        numbers: others of these tags, with their new values.
    """
    kept = {tag: tags[tag] for tag in PACKING if tag in tags}
    for tag, number in numbers.items():
        value = struct.pack(f"{reader.endian}I", number).ljust(reader.long, b"\0")
        kept[tag] = tiff.Tag(LONG, 1, value)
    entries = b"".join(
        struct.pack(reader.endian + reader.entry, tag, entry.kind, entry.count, entry.value)
        for tag, entry in sorted(kept.items())
    )
    counted = struct.pack(reader.endian + ("Q" if reader.is_big else "H"), len(kept))
    directory = counted + entries + bytes(reader.long)
    file.seek(0)
    data = bytearray(file.read())
    data[reader.first : reader.first + len(directory)] = directory
    return io.BytesIO(data)


def _without_float_differences(stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Floats, N × W × C, whose rows were split into their bytes, highest first, and differenced."""
    (rows, width, channels), size = stored.shape, stored.dtype.itemsize
    raw = np.ascontiguousarray(stored).view(np.uint8).reshape(rows, -1, channels)
    split = np.cumsum(raw, axis=1, dtype=np.uint8).reshape(rows, size, width * channels)
    joined = np.ascontiguousarray(split.swapaxes(1, 2))
    return joined.view(f">u{size}").reshape(rows, width, channels)
