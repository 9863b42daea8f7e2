"""Whether the data of a PNG hold all of its rows; Pillow makes up those that are missing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from impasto.errors import UnusableError
from impasto.files.png_text import PNG_SIGNATURE, chunks
from impasto.files.reading import CHUNK
from impasto.process import interrupts

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each kind of colours
# The passes of an interlaced picture (Adam7): the first column and row, and the steps to the next.
PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


def check_complete(file: BinaryIO) -> None:
    """Make sure that the data do not end before the last row.

    What else may be wrong with them is left to the decoder.

    Raises:
        UnusableError: they do.
    """
    file.seek(len(PNG_SIGNATURE))
    missing, ends = 0, False
    decoder = zlib.decompressobj()
    try:
        for name, length in chunks(file):
            if name == b"IHDR":
                missing = data_bytes(file.read(13))
            elif name == b"IDAT":
                for piece in _pieces(file, length):
                    missing -= sum(map(len, _unpacked(decoder, piece)))
                    if decoder.eof or missing <= 0:
                        break
                ends = decoder.eof
            if ends or missing <= 0:
                break
    except (UnusableError, struct.error, KeyError, zlib.error):
        return
    if ends and missing > 0:
        raise UnusableError("picture.cut-short")


def data_bytes(header: bytes) -> int:
    """The bytes of a picture's unpacked data, each row with one byte for its filter.

    Args:
        header: the 13 bytes of its IHDR chunk.

    >>> data_bytes(bytes([0, 0, 0, 10, 0, 0, 0, 4, 8, 2, 0, 0, 0]))  # 10 × 4, RGB
    124
    """
    width, height, depth, colours, _, _, is_interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * CHANNELS[colours]
    passes = PASSES if is_interlaced else ((0, 0, 1, 1),)
    return sum(
        rows * (1 + (columns * bits + 7) // 8)
        for x, y, across, down in passes
        if (columns := len(range(x, width, across))) and (rows := len(range(y, height, down)))
    )


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    for start in range(0, length, CHUNK):
        interrupts.check()
        yield file.read(min(CHUNK, length - start))


def _unpacked(decoder: Any, data: bytes) -> Iterator[bytes]:
    """What compressed data unpack to, in pieces of at most :data:`CHUNK`."""
    while data and not decoder.eof:
        yield decoder.decompress(data, CHUNK)
        data = decoder.unconsumed_tail
