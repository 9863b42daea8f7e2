"""Section ``reference``: time to the loss that the plain loop of the worked example ends with.

The plain loop (`plain.py`) paints every pair with all its steps, and the smallest loss it met is
the target. Then impasto's preset ``gatys-fast`` paints the same pair until its loss, measured anew
by the plain objective, is no larger: once from its own first canvas, once from the reference's. The
ratio is the reference's time to its best canvas (not to its last step) over ours; the median over
the pairs is the headline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track
from rich.table import Table

from plan import Plan
from race import Painted, median_text, paint_ours, paint_plain, prepare


@dataclass(frozen=True)
class Race:
    """One pair's race.

    Attributes:
        pair: its name.
        target: the reference's smallest loss.
        reference: the plain loop.
        ours: impasto from its own first canvas.
        same_start: impasto from the reference's first canvas.
        ratio: the reference's time over ours; None where ours did not get there.
        same_start_ratio: likewise.
    """

    pair: str
    target: float
    reference: Painted
    ours: Painted
    same_start: Painted
    ratio: float | None
    same_start_ratio: float | None


def measure(plan: Plan, console: Console) -> Iterator[Race]:
    """Race every pair, and save the pictures."""
    for pair in plan.pairs:
        prepared = prepare(pair, plan.size)
        steps = track(
            range(plan.steps), f"{pair.name}: reference", console=console, refresh_per_second=1
        )
        reference, canvas = paint_plain(prepared, steps)
        prepared.save(canvas, f"{plan.output / pair.name}-reference.png")
        target = reference.loss
        console.print(f"{pair.name}: ours")
        ours, canvas = paint_ours(prepared, target)
        prepared.save(canvas, f"{plan.output / pair.name}-ours.png")
        same_start, canvas = paint_ours(prepared, target, prepared.first)
        prepared.save(canvas, f"{plan.output / pair.name}-ours-same-start.png")
        yield Race(
            pair.name,
            target,
            reference,
            ours,
            same_start,
            _ratio(reference, ours),
            _ratio(reference, same_start),
        )


def table(races: Sequence[Race]) -> Table:
    """A row for every painter of every pair, and the median ratios."""
    shown = Table(title="Time to the reference's loss", title_justify="left")
    for heading in ("Pair", "Painter"):
        shown.add_column(heading)
    for heading in ("Loss", "Evaluations", "Seconds", "Ratio"):
        shown.add_column(heading, justify="right")
    for race in races:
        rows = (
            ("reference", race.reference, 1.0),
            ("ours", race.ours, race.ratio),
            ("ours, same start", race.same_start, race.same_start_ratio),
        )
        for index, (name, painted, ratio) in enumerate(rows):
            shown.add_row(
                "" if index else race.pair,
                name,
                f"{painted.loss:.5g}",
                f"{painted.evaluations:,}",
                f"{painted.seconds:.1f}",
                "not reached" if ratio is None else f"{ratio:.1f}",
                end_section=index == len(rows) - 1,
            )
    shown.caption = (
        f"Median ratio: {median_text([race.ratio for race in races])}; "
        f"from the reference's own start: {median_text([race.same_start_ratio for race in races])}."
    )
    return shown


def _ratio(reference: Painted, ours: Painted) -> float | None:
    return reference.seconds / ours.seconds if ours.reached else None
