"""Read the text that impasto writes into a PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from impasto.errors import UnusableError
from impasto.files import reading

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS, MOST_TEXT = 2**18, 2**22  # of a PNG, and bytes of a text in it


def text_in(file: BinaryIO) -> str | None:
    """The text that impasto wrote into a PNG; None if there is none.

    Args:
        file: positioned after the signature.

    Raises:
        UnusableError: the text is too long or damaged, or the file is cut short.
    """
    for name, length in chunks(file):
        if name not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        text = text_of_chunk(name, file.read(min(length, MOST_TEXT)))
        if text is not None:
            if length > MOST_TEXT:
                raise UnusableError("picture.text-too-long")
            return text
    return None


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of every chunk of a PNG; the file is positioned at the data of the chunk."""
    size = reading.size_in(file)
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, name = struct.unpack(">I4s", head)
        place = file.tell()
        if place + length > size or not name.isalpha():
            break
        yield name, length
        if name == b"IEND":
            return
        file.seek(place + length + 4)  # behind its check sum
    raise UnusableError("picture.cut-short")


def text_of_chunk(name: bytes, data: bytes, keyword: bytes = b"impasto") -> str | None:
    """The text of a chunk; None if it has another keyword.

    Raises:
        UnusableError: the text is damaged or too long.
    """
    found, _, rest = data.partition(b"\0")
    if found != keyword:
        return None
    packed = name == b"zTXt"
    if name == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[-1]  # behind the language and the translated keyword
    elif packed:
        rest = rest[1:]
    if packed:
        unpacking = zlib.decompressobj()
        try:
            rest = unpacking.decompress(rest, MOST_TEXT)
        except zlib.error:
            raise UnusableError("picture.damaged-text") from None
        if not unpacking.eof:
            raise UnusableError("picture.damaged-text")
    return rest.decode("utf-8" if name == b"iTXt" else "latin-1")
