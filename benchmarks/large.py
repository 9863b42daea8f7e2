"""Section ``large``: time and peak memory of one evaluation by tiles, from 1024² to 8192² pixels.

Each canvas is evaluated in a process of its own, content, style and their targets included, with
tiles of one size throughout. Peak memory is the largest resident set that the system saw; the time
is that of the evaluation alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from plan import Plan
from startup import run

EVALUATE = """
import sys, time
import numpy as np
from impasto import Recipe
from impasto.pictures import arrays, images
from impasto.run.prepare import prepare
content, style, side, tile = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
pixels = arrays.resize_in_kind(images.read(content).pixels, (side, side))
recipe = Recipe(size=side, levels=1, steps=1, tile=tile, initial="content")
made = prepare(pixels, style, recipe, device="cpu")
began = time.perf_counter()
measured = made.evaluator.objective(made.first_canvas)
assert measured.is_finite()
print(len(made.evaluator.objective.tiles), time.perf_counter() - began, file=sys.stdout)
"""


@dataclass(frozen=True)
class Large:
    """One evaluation.

    Attributes:
        side: of the canvas, in pixels.
        tile: side of a tile's core.
        tiles: how many.
        seconds: of the evaluation.
        peak_memory: of its process, in bytes.
    """

    side: int
    tile: int
    tiles: int
    seconds: float
    peak_memory: int

    @property
    def microseconds_a_pixel(self) -> float:
        """Time of the evaluation for each pixel of the canvas."""
        return 1e6 * self.seconds / self.side**2


def measure(plan: Plan, console: Console) -> Iterator[Large]:
    """Evaluate a canvas of every size."""
    pair = plan.pairs[0]
    for side in plan.large_sides:
        console.print(f"{side}×{side} in tiles of {plan.tile}")
        arguments = [str(pair.content), str(pair.style), str(side), str(plan.tile)]
        started = run(["-c", EVALUATE, *arguments])
        tiles, seconds = started.printed.split()
        yield Large(side, plan.tile, int(tiles), float(seconds), started.peak_memory)


def table(rows: Sequence[Large]) -> Table:
    """A row for each canvas."""
    shown = Table(title="One evaluation by tiles", title_justify="left")
    for heading in ("Canvas", "Tiles", "Seconds", "µs a pixel", "Peak memory"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            f"{row.side}×{row.side}",
            f"{row.tiles} of {row.tile}",
            f"{row.seconds:.1f}",
            f"{row.microseconds_a_pixel:.1f}",
            f"{row.peak_memory / 1e9:.2f} GB",
        )
    return shown
