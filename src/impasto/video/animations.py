"""Pictures that move: GIF, animated WebP and PNG, decoded by Pillow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from impasto.errors import InputError, UnusableError
from impasto.files import reading
from impasto.files.png_text import PNG_SIGNATURE
from impasto.files.reading import sha256_of
from impasto.messages.message import Message
from impasto.pictures.arrays import resize_in_kind, to_uint8
from impasto.pictures.limits import check_density, check_size
from impasto.pictures.refusals import naming, refusing
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts
from impasto.process.notices import tell
from impasto.video.clip import Clip, Part, Shot
from impasto.video.method import Pixels

ROLE = "clip"
FORMATS = ("GIF", "WEBP", "PNG")
MILLISECOND = Fraction(1, 1000)
RIFF_HEADER = 12  # bytes before the first chunk of a WebP
AT_ONCE, USUAL = 10, 100  # milliseconds: as browsers do, up to AT_ONCE is shown as USUAL


def accepts(head: bytes) -> bool:
    """Whether a file begins like a picture that may move."""
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith((b"GIF87a", b"GIF89a", PNG_SIGNATURE)) or is_webp


def look(path: Path, part: Part) -> Clip:
    """Look over a picture that moves, without decoding more than its first frame.

    Raises:
        InputError: it cannot be decoded, does not move, or nothing of it lies within the part.
    """
    with reading.opened(path, ROLE) as file:
        sha256 = sha256_of(file)
        of_webp = _durations_of_webp(file)
    with _opened(path) as image:
        frames = int(getattr(image, "n_frames", 1)) - _first(image)
        if frames < 2:
            raise UnusableError("clip.is-still")
        others = [USUAL] * (frames - len(of_webp))
        is_webp = image.format == "WEBP"
        lasting = [*of_webp[:frames], *others] if is_webp else _durations(image, frames)
        times = list(_times(lasting))
        size = image.size
    inside = [
        begin
        for begin, lasts in times
        if part.shows(begin * MILLISECOND, (begin + lasts) * MILLISECOND)
    ]
    if not inside:
        start, last = f"{float(part.start):g} s", times[-1][0] / 1000
        raise InputError("clip.no-part", path=path, start=start, last=last)
    rate = Fraction(1000 * frames, sum(times[-1]))
    return Clip(path, sha256, size, part, len(inside), len(times), rate, MILLISECOND)


def shots(clip: Clip, size: PixelSize) -> Iterator[Shot]:
    """Decode the frames of a part one after another; what is transparent is laid on white.

    Args:
        clip: the picture.
        size: width and height of the pixels.

    Raises:
        InputError: a frame before the first of the part cannot be decoded.
    """
    with _opened(clip.path) as image:
        begin, first = 0, _first(image)
        for number in range(first, int(getattr(image, "n_frames", 1))):
            interrupts.check()
            try:
                image.seek(number)
                image.load()
            except (OSError, EOFError, ValueError, SyntaxError):
                if not number:
                    raise
                tell(Message("clip.cut-off", path=clip.path, count=number - first))
                return
            end = begin + _duration(image)
            if clip.part.shows(begin * MILLISECOND, end * MILLISECOND):
                at = max(begin, round(clip.part.start / MILLISECOND))
                yield Shot(at, end - at, to_uint8(resize_in_kind(_on_white(image), size)))
            begin = end


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A context that gives an animation, and turns errors of its decoder into one of impasto."""
    with (
        reading.opened(path, ROLE) as file,
        refusing(naming(ROLE, path)),
        Image.open(file, formats=FORMATS) as image,
    ):
        check_size(*image.size)
        check_density(file, *image.size)
        yield image


def _times(lasting: Iterable[int]) -> Iterator[tuple[int, int]]:
    """When each frame begins, and how long it is shown, in milliseconds."""
    begin = 0
    for lasts in lasting:
        yield begin, lasts
        begin += lasts


def _first(image: Image.Image) -> int:
    """The number of the first frame: a PNG may begin with a picture for what shows no frames."""
    return 1 if image.info.get("default_image") else 0


def _durations(image: Image.Image, frames: int) -> Iterator[int]:
    """How long each frame of a GIF or a PNG is shown, in milliseconds."""
    first = _first(image)
    for number in range(first, first + frames):
        interrupts.check()
        try:
            image.seek(number)
        except (OSError, EOFError, ValueError, SyntaxError):
            if not number:
                raise
            return
        yield _duration(image)


def _durations_of_webp(file: BinaryIO) -> list[int]:
    """How long each frame of a WebP is shown, in milliseconds, from the headers of its frames.

    Pillow gives it only once a frame is decoded. WebP Container Specification, *Animation*.
    """
    lasting: list[int] = []
    file.seek(0)
    if file.read(RIFF_HEADER)[:4] != b"RIFF":
        return lasting
    while len(header := file.read(8)) == 8:
        size = int.from_bytes(header[4:], "little")
        after = file.tell() + size + size % 2
        if header[:4] == b"ANMF":
            lasting.append(_shown(int.from_bytes(file.read(16)[12:15], "little")))
        file.seek(after)
    return lasting


def _duration(image: Image.Image) -> int:
    """How long the current frame, if it is loaded, is shown, in milliseconds."""
    return _shown(round(float(image.info.get("duration") or 0)))


def _shown(given: int) -> int:
    """How long a frame is shown, in milliseconds, given what its file says."""
    return given if given > AT_ONCE else USUAL


def _on_white(image: Image.Image) -> Pixels:
    """The pixels of the current frame, H × W × 3."""
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
