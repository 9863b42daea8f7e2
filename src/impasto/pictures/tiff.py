"""Find the pages of a TIFF from its directories alone, without decoding anything.

A TIFF is a chain of pages, each with a directory of tags, and a page may have pages of its own. The
first need not be the picture: cameras and pyramids put a reduced copy of it there.

*TIFF, Revision 6.0*, Adobe, 1992; *TIFF Technical Note 1* (trees of pages); BigTIFF.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from impasto.errors import ReasonError

SIGNATURES = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+")
# Tags, and values of them.
NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE = 254, 255, 256, 257, 258
PHOTOMETRIC, ORIENTATION, SAMPLES, TILE_WIDTH, TILE_HEIGHT = 262, 274, 277, 322, 323
SUB_PAGES, ICC_PROFILE, DNG_VERSION = 330, 34675, 50706
IS_REDUCED, IS_TRANSPARENCY = 1, 4  # bits of the first tag
REDUCED = 2  # value of the second
RAW = (32803, 34892)  # photometric: the sensor's own values, not a picture's
CAMERAS = (b"CR\x02\0", b"IIII", b"MMMM")  # at the ninth byte: Canon's and Phase One's raw files
# Bytes and the struct format of the types of values; the rest are of no tag that is read here.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4} | {
    16: 8,
    17: 8,
    18: 8,
}
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
MOST_PAGES, MOST_TAGS, MOST_VALUES = 1000, 4096, 2**20
MOST_SEEN = 256  # values of a tag that are looked at


@dataclass(frozen=True)
class Page:
    """A page of a TIFF.

    Attributes:
        offset: of its directory.
        is_sub: whether it belongs to another page.
        following: offset of the next page's; 0 for none.
        sub_pages: offsets of those of its own pages.
        width: in pixels, as they are stored.
        height: of the page, in pixels.
        channels: values of a pixel.
        bits: of the deepest channel.
        orientation: as in EXIF.
        is_reduced: whether it is a smaller copy of another page.
        is_mask: whether it says where another page is transparent.
        is_raw: whether it holds what a camera's sensor saw.
        tile_bytes: of one of its tiles; 0 for strips.
        tag_bytes: of the values of all tags that its directory points to.
    """

    offset: int
    is_sub: bool
    following: int
    sub_pages: tuple[int, ...]
    width: int
    height: int
    channels: int
    bits: int
    orientation: int
    is_reduced: bool
    is_mask: bool
    is_raw: bool
    tile_bytes: int
    tag_bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether it is a picture rather than a reduced copy or a mask."""
        return not (self.is_reduced or self.is_mask)

    @property
    def bytes(self) -> int:
        """The size of its decoded pixels in bytes."""
        return self.width * self.height * self.channels * -(-self.bits // 8)


def pages(file: BinaryIO) -> list[Page]:
    """The pages of a TIFF, each followed by its subpages; at most 1000.

    Raises:
        ValueError: the first cannot be made out.
    """
    reader = _Reader(file)
    found = list[Page]()
    ahead, seen = [(reader.first, False)], set[int]()
    while ahead and len(found) < MOST_PAGES:
        offset, is_sub = ahead.pop()
        if offset in seen or not offset:
            continue
        seen.add(offset)
        try:
            page = reader.page(offset, is_sub)
        except (ValueError, struct.error):
            if not found:
                raise ReasonError("tiff.first-directory") from None
            continue
        found.append(page)
        ahead.append((0 if is_sub else page.following, False))
        ahead += [(offset, True) for offset in reversed(page.sub_pages)]
    if not found:
        raise ReasonError("tiff.no-page")
    return found


def first_offset(file: BinaryIO) -> int:
    """Offset of the directory of the first page."""
    return _Reader(file).first


def is_camera_raw(head: bytes, found: list[Page]) -> bool:
    """Whether a TIFF is a camera raw file."""
    return head[8:12] in CAMERAS or any(page.is_raw for page in found)


def beginning_with(page: Page, file: BinaryIO) -> BinaryIO:
    """A view of the file in which a page is the first one."""
    file.seek(0)
    data = bytearray(file.read())
    endian, is_big = _kind(bytes(data[:8]))
    place, form = (8, "Q") if is_big else (4, "I")
    struct.pack_into(endian + form, data, place, page.offset)
    return io.BytesIO(data)


def _kind(head: bytes) -> tuple[str, bool]:
    """The byte order, and whether offsets have 64 bits."""
    return (">" if head.startswith(b"MM") else "<"), b"+" in head[2:4]


@dataclass(frozen=True)
class _Tag:
    kind: int
    count: int
    value: bytes  # or where it is

    @property
    def size(self) -> int:
        return SIZES.get(self.kind, 1) * self.count


class _Reader:
    """Reads directories.

    Attributes:
        first: offset of the first.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, io.SEEK_END)
        head = self._read(0, 16)
        self.first: int
        self.endian, self.is_big = _kind(head)
        self.word, self.entry, self.long = ("Q", "HHQ8s", 8) if self.is_big else ("I", "HHI4s", 4)
        try:
            (self.first,) = struct.unpack_from(self.endian + self.word, head, self.long)
        except struct.error:
            raise ReasonError("tiff.cut-short") from None

    def page(self, offset: int, is_sub: bool) -> Page:
        tags, following = self._directory(offset)
        number = {tag: self._first(tags, tag) for tag in (WIDTH, HEIGHT)}
        if None in number.values():
            raise ReasonError("tiff.no-size")
        channels = self._first(tags, SAMPLES) or 1
        bits = max(self._numbers(tags, BITS_PER_SAMPLE), default=1)
        kind, old_kind = self._first(tags, NEW_SUBFILE_TYPE) or 0, self._first(tags, SUBFILE_TYPE)
        tile = (self._first(tags, TILE_WIDTH) or 0) * (self._first(tags, TILE_HEIGHT) or 0)
        return Page(
            offset=offset,
            is_sub=is_sub,
            following=following,
            sub_pages=tuple(self._numbers(tags, SUB_PAGES)),
            width=number[WIDTH] or 0,
            height=number[HEIGHT] or 0,
            channels=channels,
            bits=bits,
            orientation=self._first(tags, ORIENTATION) or 1,
            is_reduced=bool(kind & IS_REDUCED) or old_kind == REDUCED,
            is_mask=bool(kind & IS_TRANSPARENCY),
            is_raw=DNG_VERSION in tags or self._first(tags, PHOTOMETRIC) in RAW,
            tile_bytes=tile * channels * -(-bits // 8),
            tag_bytes=sum(tag.size for tag in tags.values() if tag.size > self.long),
        )

    def _directory(self, offset: int) -> tuple[dict[int, _Tag], int]:
        counted = "Q" if self.is_big else "H"
        start = offset + struct.calcsize(counted)
        (count,) = struct.unpack(self.endian + counted, self._read(offset, start - offset))
        if count > MOST_TAGS:
            raise ReasonError("tiff.too-many-tags")
        entry = struct.Struct(self.endian + self.entry)
        data = self._read(start, count * entry.size)
        tags = {tag: _Tag(*rest) for tag, *rest in entry.iter_unpack(data)}
        if any(tag.count > MOST_VALUES and SIZES.get(tag.kind, 1) > 1 for tag in tags.values()):
            raise ReasonError("tiff.too-many-values")
        end = self._read(start + len(data), self.long, exactly=False)
        following = struct.unpack(self.endian + self.word, end)[0] if len(end) == self.long else 0
        return tags, following

    def _numbers(self, tags: dict[int, _Tag], tag: int) -> Iterator[int]:
        """The integers of a tag, at most the first few hundred."""
        if tag not in tags or tags[tag].kind not in WHOLE_NUMBERS:
            return iter(())
        found = tags[tag]
        count = min(found.count, MOST_SEEN)
        data = found.value
        if found.size > self.long:
            (place,) = struct.unpack(self.endian + self.word, found.value)
            data = self._read(place, count * SIZES[found.kind])
        return iter(struct.unpack_from(f"{self.endian}{count}{WHOLE_NUMBERS[found.kind]}", data))

    def _first(self, tags: dict[int, _Tag], tag: int) -> int | None:
        return next(self._numbers(tags, tag), None)

    def _read(self, offset: int, count: int, *, exactly: bool = True) -> bytes:
        if offset > self.size:
            raise ReasonError("tiff.cut-short")
        self.file.seek(offset)
        data = self.file.read(count)
        if exactly and len(data) != count and offset:
            raise ReasonError("tiff.cut-short")
        return data
