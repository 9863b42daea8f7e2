"""Timelapses: a run as an animation."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from impasto.errors import InputError
from impasto.files.writing import check_writable, written_whole

if TYPE_CHECKING:
    from impasto.run.result import Result, Step

SIDE = 480  # pixels, the longest side of a frame
MOST_FRAMES = 120
RATE = 12  # frames a second
HELD = 24  # frames that show the finished painting at the end
SUFFIXES = (".gif", ".webp", ".mp4")


def check_timelapse(path: Path) -> Path:
    """The path, if a timelapse can be written there.

    Raises:
        InputError: the suffix is not ``.gif``, ``.webp`` or ``.mp4``, MP4 needs a package that is
            not installed, or the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError("timelapse.wrong-suffix", path=path, suffixes=SUFFIXES)
    if path.suffix.lower() == ".mp4" and importlib.util.find_spec("av") is None:
        raise InputError("timelapse.needs-av", path=path)
    return check_writable(path)


class Timelapse:
    """A callback that keeps evenly spaced frames of a run, and writes them at its end.

    Args:
        path: path of the timelapse.

    Attributes:
        frames: the canvases kept so far.
        every: steps from one frame to the next; doubled whenever there are too many frames.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames: list[Image.Image] = []
        self.every = 1

    def __call__(self, step: Step) -> None:
        """Keep the step's canvas if a frame is due."""
        if (step.number - 1) % self.every:
            return
        self.frames.append(step.image())
        self.frames[-1].thumbnail((SIDE, SIDE))
        if len(self.frames) > MOST_FRAMES:
            del self.frames[1::2]
            self.every *= 2

    def done(self, result: Result) -> None:
        """Write the frames, followed by the finished painting."""
        last = result.image
        last.thumbnail((SIDE, SIDE))
        write([*self.frames, *[last] * HELD], self.path)


def write(frames: Sequence[Image.Image], path: Path) -> None:
    """Write an animation, completely or not at all.

    Args:
        frames: RGB images of one size.
        path: ends in ``.gif``, ``.webp`` or ``.mp4``.
    """
    kind = path.suffix.lower()
    if kind == ".mp4":
        _write_video(frames, path)
        return
    with written_whole(path) as file:
        file.write(_animation(frames, kind.removeprefix(".")))


def _animation(frames: Sequence[Image.Image], kind: str) -> bytes:
    first, *others = frames
    file = io.BytesIO()
    first.save(
        file,
        kind.upper(),
        save_all=True,
        append_images=others,
        duration=round(1000 / RATE),
        loop=0,
    )
    return file.getvalue()


def _write_video(frames: Sequence[Image.Image], path: Path) -> None:
    """Write an MP4; the format requires even sides, so that a last row or column may be cut."""
    from impasto.video.clip import Times
    from impasto.video.encoding import check_target, write

    width, height = (side - side % 2 for side in frames[0].size)
    pixels = [np.asarray(frame.crop((0, 0, width, height))) for frame in frames]
    count, rate = len(frames), Fraction(RATE)
    times = Times(tuple(range(count)), count, 1 / rate, Fraction(0), rate)
    write(pixels, times, check_target(path), (width, height))
