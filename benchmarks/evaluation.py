"""Section ``evaluation``: what one evaluation of the loss and its gradient costs, and why.

Four things are timed in turn, several times over, and the smallest time of each counts:

- a matrix product of 2048 × 2048 in the preset's precision: what the machine can do;
- the plain trunk: VGG-19 by ``F.conv2d`` to conv5_1, and autograd back to the canvas;
- our trunk: the same by impasto's network;
- our objective: the trunk with every loss on it.

Rates are nominal: the multiplications and additions of the 3 × 3 convolutions, forward and back to
the data, as if each were done. A convolution that saves some of them shows as a higher rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

import plain
from impasto.network import weights
from impasto.network.devices import Arithmetic, arithmetic
from impasto.network.vgg import VGG19
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas
from impasto.settings import layers
from impasto.settings.recipe import Recipe
from plan import Plan
from race import PRESET, prepare

DEEPEST = "conv5_1"
MATRIX = 2048


@dataclass(frozen=True)
class Timed:
    """Something to be timed, and how many operations it nominally is."""

    name: str
    precision: str
    operations: float
    call: Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """One thing's smallest time.

    Attributes:
        name: what was timed.
        precision: in which number format.
        seconds: the smallest time.
        flops: nominal operations a second.
        share: its rate over the matrix product's.
    """

    name: str
    precision: str
    seconds: float
    flops: float
    share: float


def measure(plan: Plan, console: Console) -> Iterator[Timing]:
    """Time the four of them."""
    width, height = plan.evaluation_size
    console.print(f"{plan.repeats} evaluations of each, at {width}×{height}")
    things = timed_things(plan)
    times = smallest_times([thing.call for thing in things], plan.repeats)
    best_rate = things[0].operations / times[0]
    for thing, seconds in zip(things, times, strict=True):
        rate = thing.operations / seconds
        yield Timing(thing.name, thing.precision, seconds, rate, rate / best_rate)


def timed_things(plan: Plan) -> list[Timed]:
    """The four of them, the matrix product first."""
    recipe = Recipe.preset(PRESET, size=plan.evaluation_size)
    how = arithmetic(recipe.precision, torch.device("cpu"))
    prepared = prepare(plan.pairs[0], plan.evaluation_size)
    canvas, loaded = prepared.content, weights.load()
    convolutions = dict(loaded.convolutions)

    def network(taps: set[str]) -> VGG19:
        return VGG19(loaded, taps, pooling=recipe.pooling, dtype=how.dtype, by_rows=how.by_rows)

    def plain_trunk(x: Tensor) -> Tensor:
        return plain.features(x.unsqueeze(0), convolutions)[DEEPEST]

    trunk = network({DEEPEST})
    read = {*recipe.content_layers, *recipe.style_layers}
    objective = Objective(network(read), canvas, [StyleCanvas(prepared.style)], recipe)
    matrix = torch.rand(MATRIX, MATRIX).to(how.dtype)
    bare = Arithmetic(how.dtype).name
    work = trunk_operations(*plan.evaluation_size)
    return [
        Timed("matrix product", bare, 2.0 * MATRIX**3, lambda: matrix @ matrix),
        Timed("plain trunk", "float32", work, lambda: _there_and_back(plain_trunk, canvas)),
        Timed(
            "our trunk",
            how.name,
            work,
            lambda: _there_and_back(lambda x: trunk(x)[DEEPEST], canvas),
        ),
        Timed("our objective", how.name, work, lambda: objective(canvas)),
    ]


def table(timings: Sequence[Timing]) -> Table:
    """A row for each thing timed."""
    shown = Table(title="One evaluation", title_justify="left")
    shown.add_column("What")
    shown.add_column("Precision")
    for heading in ("ms", "GFLOP/s", "Of the product"):
        shown.add_column(heading, justify="right")
    for timing in timings:
        shown.add_row(
            timing.name,
            timing.precision,
            f"{1000 * timing.seconds:.1f}",
            f"{timing.flops / 1e9:.0f}",
            f"{timing.share:.0%}",
        )
    seconds = {timing.name: timing.seconds for timing in timings}
    if "our objective" in seconds:
        overhead = seconds["our objective"] / seconds["our trunk"] - 1
        speedup = seconds["plain trunk"] / seconds["our trunk"]
        shown.caption = (
            f"The losses add {overhead:.1%} to our trunk, which is {speedup:.2f} times as fast as "
            "the plain one."
        )
    return shown


def trunk_operations(width: int, height: int) -> float:
    """Nominal operations of the 3 × 3 convolutions to conv5_1 and of their data gradients."""
    there = 2 * width * height * layers.work(layers.VGG_19.up_to_deepest({DEEPEST}))
    return 2 * there


def smallest_times(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """The smallest of several times of each call, taken in turn, after one that does not count."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, taken in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
    return [min(taken[1:]) for taken in times]


def _there_and_back(network: Callable[[Tensor], Tensor], canvas: Tensor) -> Tensor:
    """The gradient of the sum of a network's output by the canvas."""
    canvas = canvas.detach().requires_grad_()
    output = network(canvas)
    (gradient,) = torch.autograd.grad(output, canvas, torch.ones_like(output))
    return gradient
