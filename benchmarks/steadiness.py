"""Section ``steadiness``: how steady a clip is that was painted frame by frame.

Three clips whose motion is known exactly (`clips.py`) are painted by every method. The error of a
method is the mean difference, in grey levels, between a frame and the last one moved along the true
flow, where that shows what is to be seen. Beside it are the error of the clip itself, which nobody
has painted, and that of single paintings; how much darker the last frame is than the first; and
numbers for how the last painting looks (`looks.py`), beside those of a single painting of that
frame. Frames from the beginning, the middle and the end are written side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

import clips
import looks
from clips import Clip, Pixels
from impasto import Recipe
from impasto.pictures import samples
from impasto.pictures.montage import montage
from impasto.video import keyframes, learned, optimised
from impasto.video.method import Method, Order
from plan import Plan

METHODS: dict[str, Method] = {
    "optimised": optimised.paint,
    "keyframes": keyframes.paint,
    "learned": learned.paint,
}
SINGLE, UNPAINTED = "single", "unpainted"
SINGLY = 3  # frames that are painted alone, since each takes as long as a picture


@dataclass(frozen=True)
class Steadiness:
    """One clip, painted by one method.

    Attributes:
        clip: the clip's name.
        by: the method; ``single`` for single paintings, ``unpainted`` for the clip itself.
        frames: the number of frames.
        seconds: the time for one frame.
        error: the mean difference to the last frame along the true flow, in grey levels.
        ratio: that error over the error of single paintings.
        drift: the largest difference of the mean colours of the last frame and the first, in grey
            levels, over all channels.
        looks: the numbers for the last painting; None for the clip itself.
    """

    clip: str
    by: str
    frames: int
    seconds: float
    error: float
    ratio: float
    drift: float
    looks: looks.Looks | None


class InMemory(dict[int, Pixels]):
    """Painted frames in memory."""

    def keep(self, number: int, pixels: Pixels) -> None:
        """Keep a painted frame."""
        self[number] = pixels


def measure(plan: Plan, console: Console) -> Iterator[Steadiness]:
    """Paint every clip by every method, and write a sheet a clip and a method."""
    size, count = plan.clip_size, plan.clip_frames
    photograph = clips.read(samples.photograph())
    other = clips.read(samples.photograph().parent / "astronaut.png")
    made = [
        clips.made(size, count),
        clips.still(photograph, size, count),
        clips.natural(photograph, other, size, count),
    ]
    for clip in made:
        yield from _of_clip(clip, plan, console)


def _of_clip(clip: Clip, plan: Plan, console: Console) -> Iterator[Steadiness]:
    recipe = Recipe(size=plan.clip_size, **({"steps": 6} if plan.quick else {}))
    order = Order((samples.style(samples.STYLES[0]),), recipe, "cpu")
    numbers = sorted({*range(min(SINGLY, len(clip.frames))), len(clip.frames) - 1})
    console.print(f"{clip.name}: {SINGLE}")
    began = time.perf_counter()
    singly = {number: _single(clip.frames[number], order) for number in numbers}
    seconds = (time.perf_counter() - began) / len(singly)
    single_error = error(clip, singly)
    unpainted = dict(enumerate(clip.frames))
    error_of_clip = error(clip, unpainted)
    drift_of_clip = drift(unpainted)
    yield Steadiness(
        clip.name,
        UNPAINTED,
        len(clip.frames),
        0.0,
        error_of_clip,
        error_of_clip / single_error,
        drift_of_clip,
        None,
    )
    seen = _looks(clip, singly, order, plan.output)
    yield Steadiness(
        clip.name, SINGLE, len(singly), seconds, single_error, 1.0, drift(singly), seen
    )
    for name, paint in METHODS.items():
        if plan.quick and name == "learned":  # its training takes minutes
            continue
        console.print(f"{clip.name}: {name}")
        painted = InMemory()
        began = time.perf_counter()
        paint(clip.frames, painted, order, lambda _: None)
        seconds = (time.perf_counter() - began) / len(painted)
        write_sheet(clip, painted, plan.output / f"steadiness-{clip.name}-{name}.jpg")
        of_method = error(clip, painted)
        yield Steadiness(
            clip.name,
            name,
            len(painted),
            seconds,
            of_method,
            of_method / single_error,
            drift(painted),
            _looks(clip, painted, order, plan.output),
        )


def _single(frame: Pixels, order: Order) -> Pixels:
    """A frame painted alone: the only frame of a clip."""
    painted = InMemory()
    optimised.paint([frame], painted, order, lambda _: None)
    return painted[0]


def error(clip: Clip, painted: dict[int, Pixels]) -> float:
    """The mean difference of painted frames to those before them, in grey levels."""
    found = []
    for number in sorted(painted):
        if number - 1 not in painted:
            continue
        flow, visible = clip.flows[number - 1], clip.visible[number - 1]
        before = clips.sampled(painted[number - 1].astype(np.float32), flow)
        found.append(np.abs(painted[number] - before)[visible].mean())
    return float(np.mean(found))


def drift(painted: dict[int, Pixels]) -> float:
    """The largest difference of the mean colours of the last frame and the first."""
    first, last = (painted[of(painted)].mean(axis=(0, 1)) for of in (min, max))
    return float(np.abs(last - first).max())


def _looks(clip: Clip, painted: dict[int, Pixels], order: Order, folder: Path) -> looks.Looks:
    """The numbers for the last painting."""
    last = max(painted)
    paths = [folder / f"steadiness-{what}.png" for what in ("content", "painting")]
    for path, pixels in zip(paths, (clip.frames[last], painted[last]), strict=True):
        Image.fromarray(pixels).save(path)
    (style,) = order.styles
    return looks.measure(paths[0], Path(str(style)), paths[1])


def write_sheet(clip: Clip, painted: dict[int, Pixels], path: Path) -> None:
    """Write frames and paintings from the beginning, the middle and the end side by side."""
    numbers = (0, len(painted) // 2, len(painted) - 1)
    pairs = [(clip.frames[number], painted[number]) for number in numbers]
    montage([Image.fromarray(one) for pair in pairs for one in pair]).save(path, quality=88)


def table(rows: list[Steadiness]) -> Table:
    """The clips, to be printed."""
    made = Table(title="How steady painted clips are: error in grey levels, 0 is best")
    left = ("clip", "by")
    for heading in (*left, "frames", "s a frame", "error", "of single", "drift", "style", "edges2"):
        made.add_column(heading, justify="left" if heading in left else "right")
    for row in rows:
        seen = ("–", "–") if row.looks is None else (row.looks.style, row.looks.edges2)
        made.add_row(
            row.clip,
            row.by,
            str(row.frames),
            f"{row.seconds:.1f}" if row.seconds else "–",
            *(f"{value:.2f}" for value in (row.error, row.ratio, row.drift)),
            *(value if isinstance(value, str) else f"{value:.2f}" for value in seen),
        )
    return made
