"""Section ``many``: the time of a picture among many, against a start of impasto for each.

Both paint the same pictures with the same settings, in processes of their own and in turns, so that
other work on the machine delays both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

from plan import Plan
from startup import run

COMMAND = ["-m", "impasto", "stylize"]


@dataclass(frozen=True)
class Many:
    """What it takes to paint several pictures.

    Attributes:
        pictures: how many.
        size: longer side of the paintings, in pixels.
        steps: of each.
        together: seconds for all of them in one command.
        alone: seconds for all of them, one command each.
        memory_of_few: largest memory of one command with three pictures, in bytes.
        memory_of_all: the same with all of them.
    """

    pictures: int
    size: int
    steps: int
    together: float
    alone: float
    memory_of_few: int
    memory_of_all: int

    @property
    def ratio(self) -> float:
        """How many times as long single starts take."""
        return self.alone / self.together


def measure(plan: Plan, console: Console) -> Iterator[Many]:
    """Paint the pictures together, each alone, and together again; the mean of the two counts."""
    pair, (size, steps) = plan.pairs[0], plan.many_settings
    flags = ["--size", str(size), "--steps", str(steps), "-q"]
    with tempfile.TemporaryDirectory() as folder:
        contents = turned(pair.content, Path(folder, "photos"), plan.many_pictures)
        console.print(f"{len(contents)} pictures together and alone")
        style, out = str(pair.style), f"{folder}/out/"
        together = [*COMMAND, f"{folder}/photos", style, "-o", out, *flags]
        few = run([*COMMAND, *map(str, contents[:3]), style, "-o", out, *flags])
        first = run(together)
        alone = [
            run([*COMMAND, str(path), style, "-o", f"{folder}/one.png", *flags])
            for path in contents
        ]
        second = run(together)
        yield Many(
            len(contents),
            size,
            steps,
            (first.seconds + second.seconds) / 2,
            sum(one.seconds for one in alone),
            few.peak_memory,
            max(first.peak_memory, second.peak_memory),
        )


def turned(content: Path, folder: Path, count: int) -> list[Path]:
    """Different pictures of one size: the content picture, turned."""
    folder.mkdir()
    paths = [folder / f"{number:02}.png" for number in range(count)]
    with Image.open(content) as picture:
        for number, path in enumerate(paths):
            picture.convert("RGB").rotate(3 * number).save(path)
    return paths


def table(rows: Sequence[Many]) -> Table:
    """A row for each measurement."""
    shown = Table(title="Many pictures", title_justify="left")
    for heading in ("Pictures", "Together", "Alone", "Ratio", "Memory of 3", "Memory of all"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            f"{row.pictures}, {row.size} pixels, {row.steps} steps",
            f"{row.together / row.pictures:.2f} s each",
            f"{row.alone / row.pictures:.2f} s each",
            f"{row.ratio:.2f}",
            f"{row.memory_of_few / 1e6:,.0f} MB",
            f"{row.memory_of_all / 1e6:,.0f} MB",
        )
    return shown
