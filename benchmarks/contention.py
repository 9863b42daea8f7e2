"""Section ``contention``: what a step takes beside other work on the same cores.

A painting of one level runs in a process of its own: alone, beside one and beside two processes
that keep a core busy each, and beside a second painting. The median of its steps counts, without
the first ones. Where all busy threads share two cores equally, a step takes 1.5 times as long
beside one busy core, and twice as long beside two or beside another painting.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from plan import Plan

PAINTINGS: dict[str, dict[str, object]] = {
    "default": {"preset": "default"},
    "nnst": {"preset": "nnst"},
    "strotss": {"preset": "strotss"},
    "gatys-fast": {"preset": "gatys-fast"},
    "gatys": {"preset": "gatys"},
    "fine": {"preset": "fine"},
    "default, sliced": {"preset": "default", "style_loss": "sliced"},
    "default, wasserstein": {"preset": "default", "style_loss": "wasserstein"},
}
STEPS = 24
FIRST = 4  # steps that do not count
PAINT = """
import json, os, statistics, sys, time
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does
from impasto import Recipe, stylize
content, style, chosen, size, steps, first = sys.argv[1:]
times = []
chosen = json.loads(chosen)
chosen |= {"size": int(size), "levels": 1, "steps": int(steps), "tile": "off"}
recipe = Recipe.preset(chosen.pop("preset"), **chosen)
stylize(content, style, recipe, on_step=lambda _: times.append(time.perf_counter()))
times = times[int(first) - 1:]
print(statistics.median(after - before for before, after in zip(times, times[1:])))
"""
BUSY = "while True: pass"


@dataclass(frozen=True)
class Contended:
    """The steps of a painting beside other work.

    Attributes:
        painting: the preset, and the style loss if it has another one.
        beside: what else ran.
        seconds: the median of the steps; of two paintings, of both.
        ratio: to that of the painting alone.
    """

    painting: str
    beside: str
    seconds: float
    ratio: float


def measure(plan: Plan, console: Console) -> Iterator[Contended]:
    """Paint alone, then beside other work."""
    for painting in PAINTINGS:
        alone = None
        for beside, paintings, busy in (
            ("nothing", 1, 0),
            ("one busy core", 1, 1),
            ("two busy cores", 1, 2),
            ("the same painting", 2, 0),
        ):
            console.print(f"{painting} beside {beside}")
            seconds = _median_step(plan, painting, paintings, busy)
            alone = alone or seconds
            yield Contended(painting, beside, seconds, seconds / alone)


def _median_step(plan: Plan, painting: str, paintings: int, busy: int) -> float:
    """The median step of some equal paintings at once, beside some busy processes."""
    pair = plan.pairs[0]
    numbers = [max(plan.size), STEPS, FIRST]
    chosen = json.dumps(PAINTINGS[painting])
    arguments = [str(one) for one in (pair.content, pair.style, chosen, *numbers)]
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
    for heading in ("Painting", "Beside", "Seconds", "Ratio"):
        numbers = heading in ("Seconds", "Ratio")
        shown.add_column(heading, justify="right" if numbers else "left")
    for row in rows:
        shown.add_row(row.painting, row.beside, f"{row.seconds:.2f}", f"{row.ratio:.2f}")
    return shown
