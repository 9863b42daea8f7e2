"""The pages of a TIFF, read from its directories: which page is the picture, and how large it is.

A TIFF is a chain of pages, each with a directory of tags; a page can have sub-pages. The first page
need not be the picture: cameras and pyramids store a reduced copy there.

*TIFF, Revision 6.0*, Adobe, 1992; *TIFF Technical Note 1* (trees of pages); BigTIFF.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from impasto.errors import ReasonError

SIGNATURES = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+")
# Tags and their values.
NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE = 254, 255, 256, 257, 258
PHOTOMETRIC, ORIENTATION, SAMPLES, TILE_WIDTH, TILE_HEIGHT = 262, 274, 277, 322, 323
SUB_PAGES, SAMPLE_FORMAT, XMP, ICC_PROFILE, DNG_VERSION = 330, 339, 700, 34675, 50706
IS_REDUCED, IS_TRANSPARENCY = 1, 4  # bits of the first tag
REDUCED = 2  # value of the second tag
RAW = (32803, 34892)  # photometric: values of the camera's sensor, not of a picture
CAMERAS = (b"CR\x02\0", b"IIII", b"MMMM")  # from the ninth byte: raw files of Canon and Phase One
# Bytes of each type of value, and the struct format of the types that are read here.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4} | {
    16: 8,
    17: 8,
    18: 8,
}
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
MOST_PAGES, MOST_TAGS, MOST_VALUES = 1000, 4096, 2**20
MOST_SEEN = 256  # values that are read of a tag
MOST_XMP = 2**22  # bytes of XMP data that are read
TURNED = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\b")


@dataclass(frozen=True)
class Page:
    """A page of a TIFF.

    Attributes:
        offset: offset of the page's directory.
        is_sub: whether it is a sub-page of another page.
        following: offset of the next page's directory; 0 for none.
        sub_pages: offsets of the directories of its sub-pages.
        width: width in pixels, as stored.
        height: height in pixels, as stored.
        channels: number of values of a pixel.
        bits: number of bits of the deepest channel.
        orientation: as in EXIF; from XMP if the page has none.
        is_reduced: whether it is a smaller copy of another page.
        is_mask: whether it is the transparency mask of another page.
        is_raw: whether it holds the values of a camera's sensor.
        tile_bytes: size of one tile, decoded; 0 if the page is stored in strips.
        tag_bytes: size of all tag values that the directory points to.
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
        """Whether it is a picture of its own, neither a reduced copy nor a mask."""
        return not (self.is_reduced or self.is_mask)

    @property
    def bytes(self) -> int:
        """Size of its decoded pixels."""
        return self.width * self.height * self.channels * -(-self.bits // 8)


def pages(file: BinaryIO) -> list[Page]:
    """The pages of a file, at most 1000; every page is followed by its sub-pages.

    Raises:
        ValueError: there is no page, or the first cannot be read.
    """
    reader = Reader(file)
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


def xmp_orientation(packet: bytes) -> int:
    """The orientation that XMP data gives, as in EXIF; 1 if it gives none.

    >>> xmp_orientation(b'<rdf:Description tiff:Orientation="6"/>')
    6
    """
    found = TURNED.search(packet)
    return int(found[1]) if found else 1


def first_offset(file: BinaryIO) -> int:
    """The offset of the first page's directory."""
    return Reader(file).first


def is_camera_raw(head: bytes, found: list[Page]) -> bool:
    """Whether the file is a camera raw file, judging by its head and its pages."""
    return head[8:12] in CAMERAS or any(page.is_raw for page in found)


def beginning_with(page: Page, file: BinaryIO) -> BinaryIO:
    """A copy of the file in memory in which that page is the first."""
    file.seek(0)
    data = bytearray(file.read())
    endian, is_big = _kind(bytes(data[:8]))
    place, form = (8, "Q") if is_big else (4, "I")
    struct.pack_into(endian + form, data, place, page.offset)
    return io.BytesIO(data)


def _kind(head: bytes) -> tuple[str, bool]:
    """The byte order for struct, and whether offsets have 64 bits."""
    return (">" if head.startswith(b"MM") else "<"), b"+" in head[2:4]


@dataclass(frozen=True)
class Tag:
    """An entry of a directory.

    Attributes:
        kind: type of its values.
        count: number of values.
        value: the values, or the offset at which they stand.
    """

    kind: int
    count: int
    value: bytes

    @property
    def size(self) -> int:
        """Size of the values, in bytes."""
        return SIZES.get(self.kind, 1) * self.count


class Reader:
    """Reads the directories of a file.

    Args:
        file: open for reading.

    Attributes:
        first: offset of the first directory.
        endian: byte order, as in struct.
        is_big: whether offsets have 64 bits.
        word: format of an offset, as in struct.
        entry: format of an entry of a directory.
        long: size of an offset, in bytes.

    Raises:
        ReasonError: the file ends before its first offset.
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
        """The page whose directory is at that offset.

        Raises:
            ValueError: the directory is damaged.
            struct.error: it is cut short.
        """
        tags, following = self.directory(offset)
        number = {tag: self.number(tags, tag) for tag in (WIDTH, HEIGHT)}
        if None in number.values():
            raise ReasonError("tiff.no-size")
        channels = self.number(tags, SAMPLES) or 1
        bits = max(self.numbers(tags, BITS_PER_SAMPLE), default=1)
        kind, old_kind = self.number(tags, NEW_SUBFILE_TYPE) or 0, self.number(tags, SUBFILE_TYPE)
        tile = (self.number(tags, TILE_WIDTH) or 0) * (self.number(tags, TILE_HEIGHT) or 0)
        return Page(
            offset=offset,
            is_sub=is_sub,
            following=following,
            sub_pages=tuple(self.numbers(tags, SUB_PAGES)),
            width=number[WIDTH] or 0,
            height=number[HEIGHT] or 0,
            channels=channels,
            bits=bits,
            orientation=self.number(tags, ORIENTATION) or self._xmp_orientation(tags),
            is_reduced=bool(kind & IS_REDUCED) or old_kind == REDUCED,
            is_mask=bool(kind & IS_TRANSPARENCY),
            is_raw=DNG_VERSION in tags or self.number(tags, PHOTOMETRIC) in RAW,
            tile_bytes=tile * channels * -(-bits // 8),
            tag_bytes=sum(tag.size for tag in tags.values() if tag.size > self.long),
        )

    def directory(self, offset: int) -> tuple[dict[int, Tag], int]:
        """The entries of a directory by tag, and the offset of the next directory.

        Raises:
            ValueError: it is damaged.
            struct.error: it is cut short.
        """
        counted = "Q" if self.is_big else "H"
        start = offset + struct.calcsize(counted)
        (count,) = struct.unpack(self.endian + counted, self._read(offset, start - offset))
        if count > MOST_TAGS:
            raise ReasonError("tiff.too-many-tags")
        entry = struct.Struct(self.endian + self.entry)
        data = self._read(start, count * entry.size)
        tags = {tag: Tag(*rest) for tag, *rest in entry.iter_unpack(data)}
        if any(tag.count > MOST_VALUES and SIZES.get(tag.kind, 1) > 1 for tag in tags.values()):
            raise ReasonError("tiff.too-many-values")
        end = self._read(start + len(data), self.long, exactly=False)
        following = struct.unpack(self.endian + self.word, end)[0] if len(end) == self.long else 0
        return tags, following

    def numbers(self, tags: dict[int, Tag], tag: int) -> Iterator[int]:
        """The first 256 whole numbers of a tag; none if it is absent or of another type."""
        if tag not in tags or tags[tag].kind not in WHOLE_NUMBERS:
            return iter(())
        found = tags[tag]
        count = min(found.count, MOST_SEEN)
        data = found.value
        if found.size > self.long:
            (place,) = struct.unpack(self.endian + self.word, found.value)
            data = self._read(place, count * SIZES[found.kind])
        return iter(struct.unpack_from(f"{self.endian}{count}{WHOLE_NUMBERS[found.kind]}", data))

    def data(self, tags: dict[int, Tag], tag: int, most: int) -> bytes | None:
        """The bytes of a tag, at most so many; None if they are not in the file."""
        if tag not in tags or tags[tag].size <= self.long:
            return None
        (place,) = struct.unpack(self.endian + self.word, tags[tag].value)
        if place > self.size:
            return None
        return self._read(place, min(tags[tag].size, most), exactly=False)

    def _xmp_orientation(self, tags: dict[int, Tag]) -> int:
        return xmp_orientation(self.data(tags, XMP, MOST_XMP) or b"")

    def number(self, tags: dict[int, Tag], tag: int) -> int | None:
        """The first whole number of a tag; None if it has none."""
        return next(self.numbers(tags, tag), None)

    def _read(self, offset: int, count: int, *, exactly: bool = True) -> bytes:
        if offset > self.size:
            raise ReasonError("tiff.cut-short")
        self.file.seek(offset)
        data = self.file.read(count)
        if exactly and len(data) != count and offset:
            raise ReasonError("tiff.cut-short")
        return data
