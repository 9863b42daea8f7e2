"""Read the merged picture of PSD and PSB.

*Adobe Photoshop File Formats Specification*, Adobe, 2019. Layers are not composed: Photoshop stores
the merged picture beside them, unless it is told not to.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import ReasonError
from impasto.messages.message import Message
from impasto.pictures.arrays import by_strips
from impasto.pictures.limits import Head, bytes_in
from impasto.pictures.profiles import LARGEST_PROFILE
from impasto.pictures.rasters import Raster
from impasto.pictures.refusals import UnusableError
from impasto.process import interrupts

SIGNATURE = b"8BPS"
BITMAP, GREY, INDEXED, RGB, CMYK, DUOTONE, LAB = 0, 1, 2, 3, 4, 8, 9
MODES = {BITMAP: "L", GREY: "L", INDEXED: "RGB", RGB: "RGB", CMYK: "CMYK", DUOTONE: "L", LAB: "LAB"}
CHANNELS = {"L": 1, "RGB": 3, "CMYK": 4, "LAB": 3}  # as stored, except for indexed colours
PROFILE, TRANSPARENT_INDEX, VERSION_INFO = 1039, 1047, 1057  # image resources
UNPACKED, RUNS, DEFLATED, DEFLATED_DIFFERENCES = range(4)  # compressions
RESOURCE_SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
# Blocks behind the layers that hold them in deep files, and those that say that the merged picture
# has transparency; the lengths of some have eight bytes in a PSB.
LAYER_BLOCKS, TRANSPARENCY_BLOCKS = (b"Lr16", b"Lr32", b"Layr"), (b"Mtrn", b"Mt16", b"Mt32")
LONG_BLOCKS = (
    *(b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn"),
    *(b"Alph", b"FMsk", b"lnk2", b"FEid", b"FXid", b"PxSD", b"cinf"),
)
MOST_BLOCKS = 10_000


@dataclass(frozen=True)
class _Header:
    """The first 26 bytes of a file.

    Attributes:
        is_big: whether it is a PSB, whose lengths have more bytes.
        stored: number of channels in the file.
        width: in pixels.
        height: in pixels.
        bits: of a channel.
        kind: the colours, by Photoshop's number.
    """

    is_big: bool
    stored: int
    width: int
    height: int
    bits: int
    kind: int

    @property
    def mode(self) -> str:
        return MODES[self.kind]

    @property
    def colours(self) -> int:
        """Number of channels that hold colours."""
        return 1 if self.kind == INDEXED else CHANNELS[self.mode]

    @property
    def row_bytes(self) -> int:
        return -(-self.width * self.bits // 8)


@dataclass(frozen=True)
class _Sections:
    """What stands between the header and the merged picture.

    Attributes:
        palette: of indexed colours, 768 bytes, all reds first.
        profile: the ICC profile; None if there is none.
        transparent_index: of a palette; None if there is none.
        is_merged: whether the file holds a merged picture.
        is_transparent: whether the channel after the colours is the merged picture's opacity.
        picture: offset of the merged picture.
    """

    palette: bytes
    profile: bytes | None
    transparent_index: int | None
    is_merged: bool
    is_transparent: bool
    picture: int


def accepts(head: bytes) -> bool:
    """Whether a file begins like a PSD or a PSB."""
    return head.startswith(SIGNATURE)


def describe(file: BinaryIO) -> Head:
    """Describe the merged picture from the header.

    Raises:
        ReasonError: the header is damaged.
        UnusableError: the picture is of a kind that cannot be read.
    """
    header = _header(file)
    channels = 3 if header.kind == INDEXED else header.colours
    channels += header.stored > header.colours
    size = header.width * header.height * channels * -(-header.bits // 8)
    return Head((header.width, header.height), channels, size)


def read(file: BinaryIO, notes: list[Message]) -> Raster:
    """Read the merged picture.

    Raises:
        ReasonError: the file is damaged.
        UnusableError: it has no merged picture, is cut short, or of a kind that cannot be read.
    """
    header = _header(file)
    sections = _sections(file, header)
    if not sections.is_merged:
        raise UnusableError("picture.not-merged")
    if header.kind == DUOTONE:
        notes.append(Message("picture.duotone"))
    has_opacity = sections.is_transparent and header.stored > header.colours
    planes = _planes(file, header, sections.picture, header.colours + has_opacity)
    opacity = planes.pop() if has_opacity else None
    values = np.stack(planes, axis=2)
    if header.kind == INDEXED:
        if sections.transparent_index is not None:
            opacity = np.where(values[:, :, 0] == sections.transparent_index, 0, 255)
            opacity = opacity.astype(np.uint8)
        values = np.frombuffer(sections.palette, np.uint8).reshape(3, 256).T[values[:, :, 0]]
    elif header.kind == CMYK:
        values = 255 - values  # which are stored inverted
    if opacity is not None and header.mode in ("L", "RGB") and header.kind != INDEXED:
        values = _without_white(values, opacity)
    return Raster(values, header.mode, opacity, sections.profile, bits=header.bits)


def _without_white(values: npt.NDArray[Any], opacity: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The colours of a merged picture without the white that Photoshop has blended in."""
    both = np.dstack([values, opacity])

    def restored(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        share = np.maximum(rows[:, :, -1:].astype(np.float32) / 255, 1 / 65535)
        return np.asarray(np.clip(255 - (255 - rows[:, :, :-1]) / share, 0, 255))

    kept = by_strips(restored, both, np.float32, channels=values.shape[2])
    return np.rint(kept).astype(np.uint8) if values.dtype == np.uint8 else kept


# -------------------------------------------------------------------------------- sections


def _header(file: BinaryIO) -> _Header:
    file.seek(0)
    head = file.read(26)
    if len(head) < 26:
        raise UnusableError("picture.cut-short")
    version, stored, height, width, bits, kind = struct.unpack(">4xH6xHIIHH", head)
    if version not in (1, 2):
        raise ReasonError("psd.version", version=version)
    if kind not in MODES:
        raise ReasonError("psd.colours", kind=kind)
    if bits == 32:
        raise UnusableError("picture.too-deep", kind="float32")
    header = _Header(version == 2, stored, width, height, bits, kind)
    deepest = {BITMAP: (1,), INDEXED: (8,)}.get(kind, (8, 16))
    if bits not in deepest or stored < header.colours:
        raise ReasonError("psd.header")
    return header


def _sections(file: BinaryIO, header: _Header) -> _Sections:
    file.seek(26)
    length = _number(file, 4)
    palette = file.read(768) if header.kind == INDEXED else b""
    if header.kind == INDEXED and (length < 768 or len(palette) < 768):
        raise ReasonError("psd.palette")
    file.seek(26 + 4 + length)
    end = _number(file, 4)
    end += file.tell()
    resources = dict(_resources(file, end))
    index = resources.get(TRANSPARENT_INDEX, b"")
    file.seek(end)
    end = _number(file, 8 if header.is_big else 4)
    end += file.tell()
    return _Sections(
        palette,
        resources.get(PROFILE) or None,
        int.from_bytes(index, "big") if len(index) == 2 else None,
        resources.get(VERSION_INFO, b"\1" * 5)[4:5] != b"\0",
        _is_transparent(file, end, is_big=header.is_big),
        end,
    )


def _resources(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """The image resources that are used here, by number."""
    for _ in range(MOST_BLOCKS):
        head = file.read(7)
        if file.tell() >= end or len(head) < 7 or head[:4] not in RESOURCE_SIGNATURES:
            return
        number, name = struct.unpack(">4xHB", head)
        file.seek(name + (name + 1) % 2, 1)
        length = _number(file, 4)
        place = file.tell()
        if number in (PROFILE, TRANSPARENT_INDEX, VERSION_INFO):
            yield number, file.read(min(length, LARGEST_PROFILE + 1))
        file.seek(place + length + length % 2)


def _is_transparent(file: BinaryIO, end: int, *, is_big: bool) -> bool:
    """Whether the merged picture has transparency, as a negative number of layers says."""
    word = 8 if is_big else 4
    if file.tell() + word + 2 > end:
        return False
    length = _number(file, word)
    layers = file.tell()
    if length:
        return _is_negative(file)
    file.seek(layers)
    file.seek(_number(file, 4), 1)  # the mask of all layers
    for _ in range(MOST_BLOCKS):
        head = file.read(8)
        if file.tell() > end or len(head) < 8 or head[:4] not in (b"8BIM", b"8B64"):
            return False
        length = _number(file, 8 if is_big and head[4:] in LONG_BLOCKS else 4)
        place = file.tell()
        if head[4:] in TRANSPARENCY_BLOCKS:
            return True
        if head[4:] in LAYER_BLOCKS and length >= 2:
            return _is_negative(file)
        file.seek(place + length + -length % 4)
    return False


def _is_negative(file: BinaryIO) -> bool:
    """Whether the next number, of two bytes, is negative."""
    return _exactly(file, 2)[0] >= 0x80


def _number(file: BinaryIO, count: int) -> int:
    return int.from_bytes(_exactly(file, count), "big")


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise UnusableError("picture.cut-short")
    return data


# ---------------------------------------------------------------------------------- pixels


def _planes(file: BinaryIO, header: _Header, start: int, count: int) -> list[npt.NDArray[Any]]:
    """The first channels of the merged picture, H × W each, in 0…255."""
    if start + 2 > bytes_in(file):
        raise UnusableError("picture.cut-short")
    file.seek(start)
    compression = _number(file, 2)
    size = header.row_bytes * header.height
    if compression == UNPACKED:
        packed: Iterator[bytes] = (_exactly(file, size) for _ in range(count))
    elif compression == RUNS:
        packed = _unpacked_runs(file, header, count)
    elif compression in (DEFLATED, DEFLATED_DIFFERENCES):
        data = zlib.decompressobj().decompress(file.read(), size * count)
        if len(data) < size * count:
            raise UnusableError("picture.cut-short")
        packed = (data[size * plane : size * (plane + 1)] for plane in range(count))
    else:
        raise ReasonError("psd.compression", number=compression)
    differs = compression == DEFLATED_DIFFERENCES
    return [_values(plane, header, are_differences=differs) for plane in packed]


def _unpacked_runs(file: BinaryIO, header: _Header, count: int) -> Iterator[bytes]:
    """The rows of each channel, unpacked by Pillow's decoder of run lengths."""
    word = 4 if header.is_big else 2
    table = _exactly(file, word * header.stored * header.height)
    lengths = np.frombuffer(table, f">u{word}").reshape(header.stored, header.height)
    for total in lengths[:count].sum(axis=1, dtype=np.int64):
        interrupts.check()
        place = file.tell()
        if place + int(total) > bytes_in(file):
            raise UnusableError("picture.cut-short")
        file.seek(place)
        packed = file.read(int(total))
        rows = Image.frombytes("L", (header.row_bytes, header.height), packed, "packbits", "L")
        yield rows.tobytes()


def _values(plane: bytes, header: _Header, *, are_differences: bool) -> npt.NDArray[Any]:
    """A channel, H × W, in 0…255: uint8, or float32 if it has 16 bits."""
    interrupts.check()
    if header.bits == 1:
        rows = np.frombuffer(plane, np.uint8).reshape(header.height, header.row_bytes)
        bits = np.unpackbits(rows, axis=1)[:, : header.width]
        return np.where(bits, 0, 255).astype(np.uint8)
    stored = np.frombuffer(plane, ">u1" if header.bits == 8 else ">u2")
    stored = stored.reshape(header.height, header.width)
    if are_differences:
        stored = np.cumsum(stored, axis=1, dtype=stored.dtype.newbyteorder("="))
    if header.bits == 8:
        return stored
    return by_strips(lambda rows: rows / np.float32(257), stored, np.float32)
