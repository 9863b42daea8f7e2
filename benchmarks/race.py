"""Who paints a pair to a given loss, and how long it takes.

Every painter sees the same two pictures: those that impasto's preset ``gatys`` lays out at the
race's size, in float32, on the CPU. Every loss that decides anything is measured anew, by the plain
objective, on the canvas that came out. The clock runs from the first evaluation on; reading
pictures, weights and targets is told apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import plain
from impasto.network import weights
from impasto.run import prepare as runs
from impasto.run.result import Step, finish
from impasto.settings.recipe import Recipe
from plan import Pair

PRESET = "gatys-fast"
TRIES = 3  # paintings until the loss measured anew agrees that the target is reached


@dataclass(frozen=True)
class Prepared:
    """A pair laid out for a race; canvases are 3 × H × W, RGB with the mean taken away.

    Attributes:
        pair: the pictures.
        size: width and height.
        content: the content picture.
        style: the style picture, squeezed to the same size.
        first: the reference's first canvas, noise over content.
        mean: what was taken away, 3 × 1 × 1.
        objective: the plain one.
    """

    pair: Pair
    size: tuple[int, int]
    content: Tensor
    style: Tensor
    first: Tensor
    mean: Tensor
    objective: plain.Objective

    def loss(self, canvas: Tensor) -> float:
        """What a canvas is worth by the plain objective."""
        with torch.no_grad():
            return self.objective(canvas.unsqueeze(0)).item()

    def pixels(self, canvas: Tensor) -> npt.NDArray[np.float32]:
        """A canvas as H × W × 3 in 0…255."""
        pixels: npt.NDArray[np.float32] = (canvas + self.mean).permute(1, 2, 0).numpy()
        return np.ascontiguousarray(pixels)

    def save(self, canvas: Tensor, path: str) -> None:
        """Write a canvas as a picture."""
        finish(self.pixels(canvas), self.size).save(path)


@dataclass(frozen=True)
class Painted:
    """How a painter fared.

    Attributes:
        reached: whether the loss reached the target.
        seconds: to the best canvas.
        evaluations: likewise.
        loss: of the best canvas, by the plain objective.
        preparation: seconds before the first evaluation.
        curve_seconds: after every evaluation.
        curve_losses: at every evaluation, as the painter itself measured it.
    """

    reached: bool
    seconds: float
    evaluations: int
    loss: float
    preparation: float
    curve_seconds: list[float]
    curve_losses: list[float]


def prepare(pair: Pair, size: tuple[int, int]) -> Prepared:
    """Lay out a pair as the preset ``gatys`` does."""
    loaded = weights.load()
    convolutions = dict(loaded.convolutions)
    content, style, first = (
        runs.prepare(
            pair.content,
            pair.style,
            Recipe.preset("gatys", size=size, initial=initial),
            device="cpu",
        ).first_canvas
        for initial in ("content", "style", "noisy-content")
    )
    objective = plain.Objective(convolutions, content.unsqueeze(0), style.unsqueeze(0))
    mean = torch.tensor(loaded.mean).reshape(3, 1, 1)
    return Prepared(pair, size, content, style, first, mean, objective)


def paint_plain(prepared: Prepared, steps: Iterable[int]) -> tuple[Painted, Tensor]:
    """The reference: every one of its steps, and the best of its canvases."""
    canvas, seconds, losses = plain.paint(prepared.objective, prepared.first.unsqueeze(0), steps)
    best = int(np.argmin(losses))
    loss = prepared.loss(canvas.squeeze(0))
    painted = Painted(True, seconds[best], best + 1, loss, 0.0, seconds, losses)
    return painted, canvas.squeeze(0)


def paint_ours(
    prepared: Prepared,
    target: float,
    initial: Tensor | None = None,
    steps: int = Recipe.preset(PRESET).steps,
) -> tuple[Painted, Tensor]:
    """Impasto's preset ``gatys-fast``, stopped where its loss reaches the target.

    Its own loss may differ from the plain one, in bfloat16 by some tenths of a per cent. Where it
    stopped by a hair too early, it starts again, with a target that allows for the difference; only
    the last painting counts.

    Args:
        prepared: the pair.
        target: a loss by the plain objective.
        initial: the first canvas, if not the preset's own; reduced to the coarsest level.
        steps: of the painting, if the target is not reached before.
    """
    began = time.perf_counter()
    run = runs.prepare(
        prepared.pair.content,
        prepared.pair.style,
        Recipe.preset(PRESET, size=prepared.size, steps=steps),
        None if initial is None else prepared.pixels(initial),
        device="cpu",
    )
    preparation = time.perf_counter() - began
    goal, finest = target, len(run.levels)
    for _ in range(TRIES):
        result = run.paint(_until(goal, finest))
        canvas = torch.from_numpy(result.canvas).permute(2, 0, 1) - prepared.mean
        loss = prepared.loss(canvas)
        if loss <= target or result.best.loss > goal:
            break
        goal = result.best.loss * target / loss * (1 - 1e-7)
    compared = [step for step in result.history if step.level == finest]
    painted = Painted(
        reached=loss <= target,
        seconds=result.best.seconds,
        evaluations=result.best.number,
        loss=loss,
        preparation=preparation,
        curve_seconds=[step.seconds for step in compared],
        curve_losses=[step.loss for step in compared],
    )
    return painted, canvas


def median(ratios: Sequence[float | None]) -> float | None:
    """The median of the ratios there are; None if there is none."""
    known = [ratio for ratio in ratios if ratio is not None]
    return statistics.median(known) if known else None


def median_text(ratios: Sequence[float | None]) -> str:
    """The median of the ratios there are, and of how many pairs it is."""
    middle = median(ratios)
    if middle is None:
        return "never reached"
    return f"{middle:.1f} ({len(ratios) - ratios.count(None)} of {len(ratios)} pairs)"


def _until(goal: float, level: int) -> Callable[[Step], bool]:
    """What stops a run once the loss of that level has come down to the goal."""
    return lambda step: step.level < level or step.loss > goal
