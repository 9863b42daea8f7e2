"""The plot: for every pair, the best loss so far of each painter against the time it took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from peer import Duel
from race import Painted
from reference import Race

WIDTH, HEIGHT = 5.2, 3.8  # inches of a panel


def plot(path: Path, races: Sequence[Race], duels: Sequence[Duel]) -> None:
    """Draw what was raced, a panel a pair.

    Args:
        path: of the PNG.
        races: against the reference.
        duels: against pastiche.
    """
    by_pair: dict[str, list[tuple[str, Painted, str]]] = {}
    targets: dict[str, float] = {}
    for race in races:
        targets[race.pair] = race.target
        by_pair[race.pair] = [
            ("plain PyTorch, Adam", race.reference, "C7"),
            ("impasto, same start", race.same_start, "C0"),
            ("impasto", race.ours, "C3"),
        ]
    for duel in duels:
        targets.setdefault(duel.pair, duel.target)
        curves = by_pair.setdefault(duel.pair, [("impasto", duel.ours, "C3")])
        curves.append(("pastiche 1.6.0", duel.pastiche, "C2"))
    if not by_pair:
        return
    figure = Figure(figsize=(WIDTH * len(by_pair), HEIGHT), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(by_pair), squeeze=False)[0]
    for panel, (name, curves) in zip(panels, by_pair.items(), strict=True):
        draw_panel(panel, name, curves, targets[name])
    figure.savefig(path)


def draw_panel(
    panel: Axes, name: str, curves: Sequence[tuple[str, Painted, str]], target: float
) -> None:
    """One pair's curves on logarithmic axes, and the loss that all of them are to reach."""
    for label, painted, colour in curves:
        panel.plot(
            painted.curve_seconds,
            np.fmin.accumulate(painted.curve_losses),
            color=colour,
            label=label,
        )
        if painted.reached:
            panel.plot(painted.seconds, painted.loss, "o", color=colour)
    panel.axhline(target, color="black", linewidth=0.8, linestyle=":")
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_title(name)
    panel.set_xlabel("seconds")
    panel.set_ylabel("best loss so far")
    panel.legend(loc="upper right")
