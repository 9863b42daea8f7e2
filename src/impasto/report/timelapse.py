"""A painting as it comes to be, as a moving picture."""

from __future__ import annotations

import importlib.util
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from impasto.errors import InputError
from impasto.files.writing import check_writable, written_whole

if TYPE_CHECKING:
    from impasto.run.result import Result, Step

SIDE = 480  # pixels of a frame, at most
MOST_FRAMES = 120
RATE = 12  # frames a second
HELD = 24  # frames for which the painting is seen at the end
SUFFIXES = (".gif", ".webp", ".mp4")


def check_timelapse(path: Path) -> Path:
    """Make sure that a timelapse can be written there.

    Raises:
        InputError: it cannot.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"The timelapse '{path}' should end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    if path.suffix.lower() == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise InputError(
            f"The timelapse '{path}' needs imageio-ffmpeg, which is not installed: "
            "pip install 'impasto[video]', or end it in .gif or .webp."
        )
    return check_writable(path)


class Timelapse:
    """Watches a run, keeps frames of it that lie evenly, and writes them at its end.

    Args:
        path: where they go.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames: list[Image.Image] = []
        self._every = 1

    def __call__(self, step: Step) -> None:
        """Keep the step's canvas, if it is time for a frame."""
        if (step.number - 1) % self._every:
            return
        self.frames.append(step.image())
        self.frames[-1].thumbnail((SIDE, SIDE))
        if len(self.frames) > MOST_FRAMES:
            del self.frames[1::2]
            self._every *= 2

    def done(self, result: Result) -> None:
        """Write the frames, and the painting after them."""
        last = result.image
        last.thumbnail((SIDE, SIDE))
        write([*self.frames, *[last] * HELD], self.path)


def write(frames: Sequence[Image.Image], path: Path) -> None:
    """Write a moving picture, whole or not at all.

    Args:
        frames: RGB, of one size.
        path: ends in ``.gif``, ``.webp`` or ``.mp4``.
    """
    kind = path.suffix.lower()
    data = _video(frames) if kind == ".mp4" else _animation(frames, kind.removeprefix("."))
    with written_whole(path) as file:
        file.write(data)


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


def _video(frames: Sequence[Image.Image]) -> bytes:
    import imageio_ffmpeg

    width, height = (side - side % 2 for side in frames[0].size)  # as the format asks
    with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
        file = Path(folder, "video.mp4")
        writer = imageio_ffmpeg.write_frames(
            str(file), (width, height), fps=RATE, quality=8, macro_block_size=2
        )
        writer.send(None)
        for frame in frames:
            pixels = np.asarray(frame.crop((0, 0, width, height)))
            writer.send(np.ascontiguousarray(pixels))
        writer.close()
        return file.read_bytes()
