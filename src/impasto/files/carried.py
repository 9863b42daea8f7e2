"""Find the text that impasto writes into a picture, whatever its format; no pixel is decoded."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from impasto.errors import InputError, UnusableError
from impasto.files import png_text, reading, xmp
from impasto.files.png_text import MOST_CHUNKS, MOST_TEXT, PNG_SIGNATURE
from impasto.messages.message import Message

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")  # of the pictures that carry a text
JPEG_SIGNATURE = b"\xff\xd8\xff"
# The kinds of TIFF: signature → byte order, and the formats of an offset and of two counts: of the
# entries of a directory, and of the values of an entry.
TIFFS = {
    b"II*\0": ("<", "I", "H"),
    b"MM\0*": (">", "I", "H"),
    b"II+\0": ("<", "Q", "Q"),
    b"MM\0+": (">", "Q", "Q"),
}
HEAD = 12  # bytes that tell the kind of a file
# JPEG: what an APP1 segment with XMP begins with, the most bytes that may follow, and markers.
XMP_IN_JPEG, MOST_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0", 65502
APP1, START_OF_SCAN, END = 0xE1, 0xDA, 0xD9
XMP_TAG = 700  # of TIFF


def is_picture(head: bytes) -> bool:
    """Whether a file with these first bytes, at least :data:`HEAD`, can carry impasto's text."""
    return head.startswith((PNG_SIGNATURE, JPEG_SIGNATURE, *TIFFS)) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    )


def carried_text(path: str | os.PathLike[str]) -> str | None:
    """The text that impasto wrote into a picture; None if there is none.

    Raises:
        InputError: there is no such picture, or its text cannot be read.
    """
    picture = Message("picture.file", what="picture", path=reading.as_given(path))
    with reading.opened(path, "picture") as file:
        try:
            return _text_in(file)
        except UnusableError as error:
            raise InputError(error.code, picture=picture, **error.values) from None
        except (OSError, ValueError, struct.error) as error:
            reason = reading.reason_of(error)
            raise InputError("picture.unusual", picture=picture, reason=reason) from None


def _text_in(file: BinaryIO) -> str | None:
    """The text in an open file; None if it carries none."""
    head = file.read(HEAD)
    if head.startswith(PNG_SIGNATURE):
        file.seek(len(PNG_SIGNATURE))
        return png_text.text_in(file)
    if head.startswith(JPEG_SIGNATURE):
        packets = _packets_of_jpeg(file)
    elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
        packets = _packets_of_webp(file)
    elif head[:4] in TIFFS:
        packets = _packets_of_tiff(file, head[:4])
    else:
        return None
    texts = (_checked(file, length) for length in packets)
    return next((text for text in texts if text is not None), None)


def _checked(file: BinaryIO, length: int) -> str | None:
    """The text in the XMP packet of a length at the position of the file."""
    data = file.read(min(length, MOST_TEXT))
    if length > MOST_TEXT and xmp.NAMESPACE.encode() in data:
        raise UnusableError("picture.text-too-long")
    return xmp.text_in(data)


def _packets_of_jpeg(file: BinaryIO) -> Iterator[int]:
    """The length of every XMP packet of a JPEG, with the file positioned at the packet."""
    file.seek(2)
    for _ in range(MOST_CHUNKS):
        marker = file.read(2)
        while marker == b"\xff\xff":  # any number of these may stand before a marker
            marker = b"\xff" + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            break
        if marker[1] in (START_OF_SCAN, END):
            return
        (length,) = struct.unpack(">H", file.read(2).rjust(2, b"\0"))
        place = file.tell()
        if length < 2:
            break
        begins = file.read(len(XMP_IN_JPEG)) if marker[1] == APP1 else b""
        if begins == XMP_IN_JPEG and length > 2 + len(begins):
            yield length - 2 - len(begins)
        file.seek(place + length - 2)
    raise UnusableError("picture.cut-short")


def _packets_of_webp(file: BinaryIO) -> Iterator[int]:
    """The length of every XMP packet of a WebP, with the file positioned at the packet."""
    size = reading.size_in(file)
    file.seek(HEAD)
    for _ in range(MOST_CHUNKS):
        chunk = file.read(8)
        if not chunk:
            return
        if len(chunk) < 8:
            break
        name, length = struct.unpack("<4sI", chunk)
        place = file.tell()
        if place + length > size:
            break
        if name == b"XMP ":
            yield length
        file.seek(place + length + length % 2)
    raise UnusableError("picture.cut-short")


def _packets_of_tiff(file: BinaryIO, kind: bytes) -> Iterator[int]:
    """The length of the XMP packet of the first page of a TIFF, with the file positioned at it."""
    order, offset, count = TIFFS[kind]
    (first,) = _unpacked(file, 4 if offset == "I" else 8, order + offset)
    (entries,) = _unpacked(file, first, order + count)
    place = first + struct.calcsize(count)
    entry = f"{order}HH{offset}{offset}"
    for number in range(min(entries, MOST_CHUNKS)):
        tag, _, length, value = _unpacked(file, place + number * struct.calcsize(entry), entry)
        if tag == XMP_TAG:
            if value + length > reading.size_in(file):
                raise UnusableError("picture.cut-short")
            file.seek(value)
            yield length
            return


def _unpacked(file: BinaryIO, place: int, form: str) -> tuple[int, ...]:
    """Numbers at a place of a file.

    Raises:
        UnusableError: the file ends before it.
    """
    length = struct.calcsize(form)
    if place + length > reading.size_in(file):
        raise UnusableError("picture.cut-short")
    file.seek(place)
    return struct.unpack(form, file.read(length))
