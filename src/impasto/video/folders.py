"""Folders of frames: pictures of one size, in the order of their names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from impasto.errors import InputError
from impasto.files import reading
from impasto.files.listing import pictures_in
from impasto.files.reading import sha256_of
from impasto.messages.message import Message
from impasto.pictures import images
from impasto.pictures.arrays import resize_in_kind, to_uint8
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts
from impasto.process.notices import heard_by, tell
from impasto.video.clip import USUAL_RATE, Clip, Part, Shot

ROLE = "frame"


def look(path: Path, part: Part, rate: Fraction | None) -> Clip:
    """Look over a folder of frames by their headers.

    Args:
        path: the folder.
        part: the part of the clip.
        rate: frames a second; None for the usual rate.

    Raises:
        InputError: there is no frame in the part, or one cannot be read or has another size.
    """
    found = sorted(pictures_in(path), key=lambda file: in_order(file.name))
    each = rate or USUAL_RATE
    inside = [file for number, file in enumerate(found) if number / each in part]
    if not inside:
        start, last = f"{float(part.start):g} s", (len(found) - 1) / float(each)
        raise InputError("clip.no-part", path=path, start=start, last=last)
    size = images.size_of(inside[0], ROLE)
    digest = hashlib.sha256()
    for file in inside:
        interrupts.check()
        width, height = images.size_of(file, ROLE)
        if (width, height) != size:
            raise InputError(
                "clip.other-size",
                path=file,
                width=width,
                height=height,
                first=inside[0].name,
                across=size[0],
                down=size[1],
            )
        with reading.opened(file, ROLE) as opened:
            digest.update(bytes.fromhex(sha256_of(opened)))
    names = tuple(file.name for file in inside)
    count, total = len(inside), len(found)
    made = Clip(path, digest.hexdigest(), size, part, count, total, each, 1 / each)
    return replace(made, names=names)


def shots(clip: Clip, size: PixelSize) -> Iterator[Shot]:
    """Read the frames of a part one after another.

    Args:
        clip: the folder.
        size: width and height of the pixels.

    Raises:
        InputError: a frame cannot be read.
    """
    told = set[str]()  # codes of notices; what is so of one frame is usually so of all
    for number, name in enumerate(clip.names):
        interrupts.check()
        notes: list[Message] = []
        with heard_by(notes.append):
            pixels = images.read(clip.path / name, ROLE).pixels
        for note in notes:
            if note.code not in told:
                tell(note)
        told.update(note.code for note in notes)
        yield Shot(number, 1, to_uint8(resize_in_kind(pixels, size)))


def in_order(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts names as people do, numbers by their value.

    >>> sorted(["f10.png", "f9.png", "f1.png"], key=in_order)
    ['f1.png', 'f9.png', 'f10.png']
    """
    parts = re.findall(r"\d+|\D+", name)
    return [
        (0, int(part), part) if part.isascii() and part.isdecimal() else (1, 0, part)
        for part in parts
    ]
