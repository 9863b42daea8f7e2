"""Section ``contention``: what a step takes beside other work on the same cores.

A painting of one level runs in a process of its own: alone, beside one and beside two processes
that keep a core busy each, and beside a second painting. The median of its steps counts, without
the first ones. Where all busy threads share two cores equally, a step takes 1.5 times as long
beside one busy core, and twice as long beside two or beside another painting.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from plan import Plan

PRESETS = ("default", "nnst", "strotss", "gatys-fast")
STEPS = 24
FIRST = 4  # steps that do not count
PAINT = """
import statistics, sys, time
from impasto import Recipe, stylize
content, style, preset, size, steps, first = sys.argv[1:]
times = []
recipe = Recipe.preset(preset, size=int(size), levels=1, steps=int(steps), tile="off")
stylize(content, style, recipe, on_step=lambda _: times.append(time.perf_counter()))
times = times[int(first) - 1:]
print(statistics.median(after - before for before, after in zip(times, times[1:])))
"""
BUSY = "while True: pass"


@dataclass(frozen=True)
class Contended:
    """The steps of a painting beside other work.

    Attributes:
        preset: the preset.
        beside: what else ran.
        seconds: the median of the steps; of two paintings, of both.
        ratio: to that of the painting alone.
    """

    preset: str
    beside: str
    seconds: float
    ratio: float


def measure(plan: Plan, console: Console) -> Iterator[Contended]:
    """Paint alone, then beside other work."""
    for preset in PRESETS:
        alone = None
        for beside, paintings, busy in (
            ("nothing", 1, 0),
            ("one busy core", 1, 1),
            ("two busy cores", 1, 2),
            ("the same painting", 2, 0),
        ):
            console.print(f"{preset} beside {beside}")
            seconds = _median_step(plan, preset, paintings, busy)
            alone = alone or seconds
            yield Contended(preset, beside, seconds, seconds / alone)


def _median_step(plan: Plan, preset: str, paintings: int, busy: int) -> float:
    """The median step of some paintings at once, beside some busy processes."""
    pair = plan.pairs[0]
    numbers = [max(plan.size), STEPS, FIRST]
    arguments = [str(one) for one in (pair.content, pair.style, preset, *numbers)]
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        ours = [
            subprocess.Popen(
                [sys.executable, "-c", PAINT, *arguments], stdout=subprocess.PIPE, text=True
            )
            for _ in range(paintings)
        ]
        printed = [process.communicate()[0] for process in ours]
    finally:
        for other in others:
            other.kill()
    return max(map(float, printed))


def table(rows: Sequence[Contended]) -> Table:
    """A row for each kind of other work."""
    shown = Table(title="A step beside other work", title_justify="left")
    for heading in ("Preset", "Beside", "Seconds", "Ratio"):
        numbers = heading in ("Seconds", "Ratio")
        shown.add_column(heading, justify="right" if numbers else "left")
    for row in rows:
        shown.add_row(row.preset, row.beside, f"{row.seconds:.2f}", f"{row.ratio:.2f}")
    return shown
