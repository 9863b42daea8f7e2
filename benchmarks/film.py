"""Section ``film``: time and memory of the command that paints five seconds of a clip.

Each method of `impasto video` paints the same clip of 25 frames a second with the default preset,
and the preset ``instant`` and the painter that impasto carries paint it too. Each command runs
once, in a process of its own, from its start to the file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

import clips
from impasto.painters.beginning import FIRST_PAINTER
from impasto.video.methods import PAINTER
from plan import Plan
from startup import run

RATE = 25  # frames a second


@dataclass(frozen=True)
class Film:
    """What the command took for a clip.

    Attributes:
        method: the method, and the preset if it is not the default.
        frames: the number of frames.
        size: their width and height.
        seconds: from the start of the command to the file.
        peak_memory: bytes.
    """

    method: str
    frames: int
    size: tuple[int, int]
    seconds: float
    peak_memory: int


def measure(plan: Plan, console: Console) -> Iterator[Film]:
    """Paint the clip by every method that is asked for."""
    pair = plan.pairs[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = folder / "frames"
        frames.mkdir()
        content, style = clips.read(pair.content), clips.read(pair.style)
        shown = clips.natural(content, style, plan.clip_size, plan.film_frames).frames
        for number, pixels in enumerate(shown):
            Image.fromarray(pixels).save(frames / f"{number:03}.png")
        for method in plan.film_methods:
            console.print(f"{len(shown)} frames of {plan.clip_size} by {method}")
            style_file = str(FIRST_PAINTER if method == PAINTER else pair.style)
            how, _, preset = method.partition(", ")
            given = ["--method", how, *(["--preset", preset] if preset else [])]
            out = folder / f"{how}{preset}.mp4"
            files = ["-m", "impasto", "video", str(frames), style_file, "-o", str(out)]
            ran = run([*files, *given, "--rate", str(RATE), "-q"])
            yield Film(method, len(shown), plan.clip_size, ran.seconds, ran.peak_memory)


def table(rows: Sequence[Film]) -> Table:
    """A row for each method."""
    shown = Table(title=f"A clip of {RATE} frames a second", title_justify="left")
    for heading in ("Method", "Frames", "Size", "Time", "A frame", "Memory"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            row.method,
            str(row.frames),
            "×".join(map(str, row.size)),
            f"{row.seconds:.0f} s",
            f"{row.seconds / row.frames:.2f} s",
            f"{row.peak_memory / 1e6:,.0f} MB",
        )
    return shown
