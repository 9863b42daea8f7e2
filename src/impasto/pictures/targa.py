"""TGA: whether a file is one, since it has no signature, and whether its last channel is opacity.

*Truevision TGA File Format Specification*, version 2.0, 1991.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

HEADER_BYTES = 18
FOOTER, FOOTER_BYTES = b"TRUEVISION-XFILE.\0", 26
PALETTE, COLOURS, GREY, RUNS = 1, 2, 3, 8  # types; the last is added if runs are packed
DEPTHS = {PALETTE: (8,), COLOURS: (16, 24, 32), GREY: (1, 8, 16)}  # bits of a pixel
PALETTE_DEPTHS = (16, 24, 32)
OPACITY_BITS, INTERLEAVED = 0x0F, 0xC0  # of the last byte of the header
OPACITY_TYPE = 494  # offset in the extension area
OPACITY, PREMULTIPLIED = 3, 4


@dataclass(frozen=True)
class _Header:
    has_palette: int
    kind: int
    palette_length: int
    palette_bits: int
    width: int
    height: int
    bits: int
    flags: int


def accepts(head: bytes) -> bool:
    """Whether the beginning of a file can be the header of a TGA."""
    if len(head) < HEADER_BYTES:
        return False
    header = _header(head)
    if header.has_palette > 1 or header.bits not in DEPTHS.get(header.kind, ()):
        return False
    has_map = header.has_palette and header.palette_length
    if header.kind == PALETTE and not (has_map and header.palette_bits in PALETTE_DEPTHS):
        return False
    return bool(header.width and header.height) and not header.flags & INTERLEAVED


def completed(image: Image.Image, file: BinaryIO) -> Image.Image:
    """The picture, decoded, with its opacity; without one where the last channel is none.

    It is none if the file does not declare it, has a single bit for it, or it is 0 everywhere, as
    programs write it that do not use it.
    """
    if image.palette is not None and image.palette.rawmode == "BGRA":
        image.palette.mode = "RGBA"  # which Pillow 12 forgets
    if not image.has_transparency_data:
        return image
    file.seek(0)
    header = _header(file.read(HEADER_BYTES))
    depth = header.palette_bits if header.kind == PALETTE else header.bits
    is_deep = depth == 32 or (header.kind == GREY and depth == 16)
    kind = _opacity_type(file) if is_deep and header.flags & OPACITY_BITS else None
    grey = image.mode == "LA"
    if kind in (OPACITY, PREMULTIPLIED):
        rgba = image.convert("RGBA")
        if rgba.getchannel("A").getbbox() is not None:
            if kind == PREMULTIPLIED:
                rgba = Image.merge("RGBa", rgba.split()).convert("RGBA")
            return rgba.convert("LA") if grey else rgba
    return image.convert("L" if grey else "RGB")


def _header(head: bytes) -> _Header:
    has_palette, kind, length, palette_bits = struct.unpack_from("<xBBxxHB", head)
    return _Header(
        has_palette, kind & ~RUNS, length, palette_bits, *struct.unpack_from("<HHBB", head, 12)
    )


def _opacity_type(file: BinaryIO) -> int:
    """What the extension area says of the last channel; opacity if there is no such area."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(end - FOOTER_BYTES, 0))
    footer = file.read()
    (extension,) = struct.unpack_from("<I", footer) if len(footer) == FOOTER_BYTES else (0,)
    if not footer.endswith(FOOTER) or not extension:
        return OPACITY
    file.seek(extension + OPACITY_TYPE)
    return int.from_bytes(file.read(1), "little")
