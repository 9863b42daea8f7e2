"""Reading a clip of any kind: a film, a picture that moves, or a folder of frames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from impasto.errors import InputError
from impasto.files import reading
from impasto.files.reading import located
from impasto.messages.message import Message
from impasto.pictures import kinds
from impasto.pictures.refusals import UnusableError, naming
from impasto.pictures.sizes import PixelSize, cropped_size
from impasto.process.notices import tell
from impasto.settings.recipe import Recipe
from impasto.video import animations, films, folders
from impasto.video.clip import WHOLE, Clip, Part, Shot

ROLE = "clip"
PICTURES = (b"avif", b"avis", *kinds.HEIF_BRANDS)  # brands of files that FFmpeg reads as films


def look(given: str | os.PathLike[str], part: Part = WHOLE, rate: Fraction | None = None) -> Clip:
    """Look over a clip, without decoding more than its first frame.

    Args:
        given: the path of a file, or of a folder of frames.
        part: the part that is to be painted.
        rate: frames a second of a folder; None for the usual rate. Other clips have times of
            their own.

    Raises:
        InputError: there is no such clip, it cannot be decoded, or it has no frames in the part.
    """
    path = located(given)
    if path.is_dir():
        return folders.look(path, part, rate)
    if rate is not None:
        raise InputError("clip.own-rate", path=path)
    with reading.opened(given, ROLE) as file:
        head = file.read(kinds.HEAD)
    if animations.accepts(head):
        return animations.look(path, part)
    if head[4:8] == b"ftyp" and head[8:12] in PICTURES:
        raise InputError("clip.is-still", picture=naming(ROLE, path))
    films.check_installed()
    try:
        made = films.look(path, part)
    except InputError as error:
        if error.code == "clip.not-one" and _is_picture(path):
            raise InputError("clip.is-still", picture=naming(ROLE, path)) from None
        raise
    if made.is_cut:
        tell(Message("clip.cut-off", path=path, count=made.count))
    return made


def shots(clip: Clip, size: PixelSize) -> Iterator[Shot]:
    """The frames of a clip's part, one after another.

    Args:
        clip: the clip.
        size: width and height of the pixels.

    Raises:
        InputError: a frame cannot be read.
    """
    if clip.names:
        return folders.shots(clip, size)
    with reading.opened(clip.path, ROLE) as file:
        moves = animations.accepts(file.read(kinds.HEAD))
    return animations.shots(clip, size) if moves else films.shots(clip, size)


def cut(clip: Clip, size: PixelSize, recipe: Recipe) -> Iterator[Shot]:
    """The frames of a clip's part as a recipe uses them: of the shape that it asks for, or whole.

    Args:
        clip: the clip.
        size: width and height of the pixels.
        recipe: says with ``content_fit`` whether the edges are cut off.

    Raises:
        InputError: a frame cannot be read.
    """
    (width, height), (across, down) = size, cropped_size(clip.size, recipe)
    whole = round(clip.size[0] * width / across), round(clip.size[1] * height / down)
    left, top = (whole[0] - width) // 2, (whole[1] - height) // 2
    for shot in shots(clip, whole):
        inside = shot.pixels[top : top + height, left : left + width]
        yield shot._replace(pixels=np.ascontiguousarray(inside))


def _is_picture(path: Path) -> bool:
    """Whether a file is a picture, as far as its first bytes tell."""
    try:
        with reading.opened(path, ROLE) as file:
            kinds.checked_head(file)
    except UnusableError as error:
        return error.code not in ("picture.not-one", "picture.is-clip")
    return True
