"""The boxes of a file in the format of ISO/IEC 14496-12, as JPEG 2000 and JPEG XL have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from impasto.pictures.limits import bytes_in

MOST_BOXES = 10_000


@dataclass(frozen=True)
class Box:
    """A box.

    Attributes:
        kind: four letters.
        start: offset of its contents.
        end: offset of the byte behind it.
    """

    kind: bytes
    start: int
    end: int

    def read(self, file: BinaryIO, most: int) -> bytes:
        """Its contents, at most so many bytes."""
        file.seek(self.start)
        return file.read(min(self.end - self.start, most))


def boxes(file: BinaryIO, inside: Box | None = None) -> Iterator[Box]:
    """The boxes of a file or of another box, as far as they are whole.

    Args:
        file: open for reading; it may be read between two boxes.
        inside: the box that contains them; None for the file.
    """
    place, end = (inside.start, inside.end) if inside else (0, bytes_in(file))
    for _ in range(MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        start = place + 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), place + 16
        following = place + length if length else end  # 0: up to the end
        if len(kind) < 4 or following < start or following > end:
            return
        yield Box(kind, start, following)
        place = following
