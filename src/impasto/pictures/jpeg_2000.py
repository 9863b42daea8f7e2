"""What the header of a JPEG 2000 picture says that Pillow does not read.

ISO/IEC 15444-1, annex I (JP2 file format) and annex A (codestream).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from impasto.errors import ReasonError
from impasto.messages.message import Message
from impasto.pictures.boxes import Box, boxes
from impasto.pictures.profiles import LARGEST_PROFILE

SIGNATURES = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
OPACITY, PREMULTIPLIED = 1, 2  # types of a channel in a channel definition
PROFILE_METHODS = (2, 3)  # of a colour specification that holds an ICC profile
LONGEST_HEADER = 2**16  # bytes of the codestream, and of a box, that are read


@dataclass(frozen=True)
class Header:
    """What the header says.

    Attributes:
        width: in pixels.
        height: in pixels.
        channels: values of a pixel.
        bits: of the deepest channel.
        profile: the ICC profile; None if there is none.
        is_premultiplied: whether the colours are multiplied with the opacity.
        has_opacity: whether a channel is the opacity; None if the file does not say.
    """

    width: int
    height: int
    channels: int
    bits: int
    profile: bytes | None
    is_premultiplied: bool
    has_opacity: bool | None


def accepts(head: bytes) -> bool:
    """Whether a file begins like a JPEG 2000 picture."""
    return head.startswith(SIGNATURES)


def completed(image: Image.Image, file: BinaryIO, notes: list[Message]) -> Image.Image:
    """The picture with its ICC profile, decoded if its last channel needs to be looked at.

    Raises:
        ReasonError: the header is damaged, or its parts contradict each other.
    """
    found = header(file)
    if (found.width, found.height) != image.size:
        raise ReasonError("jpeg-2000.header")
    if found.bits > 8 and image.mode != "I;16":
        notes.append(Message("picture.deep", bits=found.bits, read=8))
    image.info["icc_profile"] = found.profile
    if image.mode in ("LA", "RGBA") and found.has_opacity is False:
        return image.convert(image.mode[:-1])
    if image.mode in ("LA", "RGBA") and found.is_premultiplied:
        multiplied = image.convert("RGBA")
        straight = Image.merge("RGBa", multiplied.split()).convert("RGBA").convert(image.mode)
        straight.info = image.info
        return straight
    return image


def header(file: BinaryIO) -> Header:
    """Read the header.

    Raises:
        ReasonError: it is damaged.
    """
    file.seek(0)
    if file.read(4) == SIGNATURES[1]:
        return Header(*_codestream(SIGNATURES[1] + file.read(LONGEST_HEADER)), None, False, None)
    profile, kinds, codestream = None, None, b""
    for box in boxes(file):
        if box.kind == b"jp2h":
            profile, kinds = _colours(file, box)
        if box.kind == b"jp2c":
            codestream = box.read(file, LONGEST_HEADER)
            break
    premultiplied = kinds is not None and PREMULTIPLIED in kinds
    has_opacity = None if kinds is None else OPACITY in kinds or premultiplied
    return Header(*_codestream(codestream), profile, premultiplied, has_opacity)


def _colours(file: BinaryIO, around: Box) -> tuple[bytes | None, tuple[int, ...] | None]:
    """The ICC profile, and the types of the channels if they are defined."""
    profile, kinds = None, None
    for box in boxes(file, around):
        if box.kind == b"colr" and profile is None:
            data = box.read(file, LARGEST_PROFILE + 4)
            profile = data[3:] if data[:1] and data[0] in PROFILE_METHODS else None
        if box.kind == b"cdef":
            data = box.read(file, LONGEST_HEADER)[2:]
            kinds = tuple(
                kind for _, kind, _ in struct.iter_unpack(">3H", data[: len(data) // 6 * 6])
            )
    return profile, kinds


def _codestream(data: bytes) -> tuple[int, int, int, int]:
    """Width, height, channels and bits, from the size marker."""
    try:
        mark, right, bottom, left, top, channels = struct.unpack_from(">I4x4I16xH", data)
        depths = struct.unpack_from(f">{channels * 'Bxx'}", data, 42)
    except struct.error:
        raise ReasonError("jpeg-2000.header") from None
    if mark != int.from_bytes(SIGNATURES[1], "big") or not depths:
        raise ReasonError("jpeg-2000.header")
    bits = 1 + max(depth & 0x7F for depth in depths)
    return max(right - left, 0), max(bottom - top, 0), channels, bits
