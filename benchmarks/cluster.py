"""Section ``cluster``: one canvas over 1, 2 and 4 local workers, against this process alone.

The times are fitted by the model of :mod:`impasto.cluster.model`, which then foretells a canvas of
65,536 × 65,536 pixels on GPUs. The speeds of GPUs and of their network are assumptions, which the
table names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from rich.console import Console, Group
from rich.table import Table
from torch import Tensor

from impasto.cluster import model
from impasto.cluster.canvas import ManyWorkers, many_workers
from impasto.cluster.engine import Needs, connected, ray
from impasto.cluster.model import Canvas, Speeds, Work
from impasto.network import devices
from impasto.network.vgg import VGG
from impasto.network.weights import load
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas
from impasto.settings.layers import VGG_19, work
from impasto.settings.recipe import Recipe
from plan import Plan

WORKERS = (1, 2, 4)
EVALUATIONS = 4  # of each canvas; the first, in which buffers are made, is not timed
WALL = 65_536  # pixels; side of the canvas that is foretold
GPUS = (8, 64, 512)
# Assumed of one GPU: multiplications a second in bfloat16 that the network reaches, a share of the
# 494 · 10¹² that NVIDIA gives for an H100; and the bytes a second of a network of 100 Gbit/s.
GPU_RATE, NETWORK_RATE = 0.4 * 494e12, 100e9 / 8
GPU_TILE = 2048  # pixels; side of a tile that fits a GPU


@dataclass(frozen=True)
class Measured:
    """An evaluation of a canvas.

    Attributes:
        side: of the canvas, in pixels.
        workers: number of workers; 0 for this process alone.
        seconds: of the fastest evaluation.
        busy: seconds of processor time of an evaluation, of this process and the busiest worker
            together; unlike ``seconds``, it hardly depends on other work on the machine.
        work: what the model says that it takes; None without workers.
        sent: bytes for each pixel of the canvas that were sent, both ways.
    """

    side: int
    workers: int
    seconds: float
    busy: float
    work: Work | None = None
    sent: float = 0.0


def measure(plan: Plan, console: Console) -> Iterator[Measured]:
    """Evaluate canvases of some sizes in this process and by workers, with one thread each."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    recipe = Recipe(precision="float32", steps=1, levels=1)
    network = network_for(recipe)
    try:
        for side in plan.cluster_sides:
            console.print(f"a canvas of {side} × {side} pixels by workers")
            picture = noise(side)
            styles = [StyleCanvas(picture.flip(1))]
            alone = Objective(network, picture, styles, recipe)
            began = time.process_time()
            seconds = fastest(lambda one=alone, of=picture: one(of))  # type: ignore[misc]
            yield Measured(side, 0, seconds, (time.process_time() - began) / EVALUATIONS)
        for count in WORKERS:
            yield from _by_workers(count, plan.cluster_sides, network, recipe)
    finally:
        torch.set_num_threads(threads)


def _by_workers(
    count: int, sides: Sequence[int], network: VGG, recipe: Recipe
) -> Iterator[Measured]:
    """Evaluate canvases by a number of workers."""
    needs = Needs()
    with connected("local", count), many_workers(count, needs) as workers:
        for side in sides:
            picture = noise(side)
            shared = workers.objective(
                network,
                picture,
                [StyleCanvas(picture.flip(1))],
                recipe,
                None,
                deepest=None,
                targets=None,
                regions=None,
            )
            before, spent, began = replace(workers.traffic), used(workers), time.process_time()
            seconds = fastest(lambda one=shared, of=picture: one(of))  # type: ignore[misc]
            after = workers.traffic
            times = after.evaluations - before.evaluations
            sent = after.canvas + after.gradient - before.canvas - before.gradient
            here = time.process_time() - began
            there = max(now - then for now, then in zip(used(workers), spent, strict=True))
            work = canvas_of(side, recipe).work(count)
            busy = (here + there) / EVALUATIONS
            yield Measured(side, count, seconds, busy, work, sent / times / side**2)


def used(workers: ManyWorkers) -> list[float]:
    """Seconds of processor time that each worker has used."""
    every = range(workers.pool.count)
    return list(ray().get([workers.pool.worker(number).spent.remote() for number in every]))


def network_for(recipe: Recipe) -> VGG:
    """The network of a recipe on this machine, as a run makes it."""
    way = devices.fastest(torch.float32, torch.device("cpu"))
    return VGG(
        load(),
        recipe.layers,
        pooling=recipe.pooling,
        padding=recipe.padding,
        dtype=way.dtype,
        by_rows=way.by_rows,
    )


def canvas_of(side: int, recipe: Recipe, tile: int | None = None) -> Canvas:
    """A square canvas of a recipe."""
    layers = VGG_19.up_to_deepest(recipe.layers)
    return Canvas((side, side), layers, tuple(recipe.style_layers), tile)


def noise(side: int) -> Tensor:
    """A picture of noise, 3 × side × side."""
    return 50 * torch.randn(3, side, side, generator=torch.Generator().manual_seed(0))


def fastest(work: Callable[[], object]) -> float:
    """The seconds of the fastest of several evaluations, after one that does not count."""
    work()
    best = float("inf")
    for _ in range(EVALUATIONS - 1):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def table(measured: Sequence[Measured]) -> Group:
    """What was measured, how the model fits it, and what it foretells."""
    by_workers = [one for one in measured if one.work is not None]
    speeds = model.fitted([(one.work, one.busy) for one in by_workers if one.work is not None])
    alone = {one.side: one.busy for one in measured if one.work is None}
    first = {one.side: one.busy for one in by_workers if one.workers == 1}
    shown = Table(title="One canvas over local workers, one thread each", title_justify="left")
    for heading in (
        "canvas",
        "workers",
        "s",
        "busy s",
        "of alone",
        "of one worker",
        "model s",
        "bytes/pixel",
    ):
        shown.add_column(heading, justify="right")
    for one in measured:
        model_s = "" if one.work is None else f"{model.seconds(one.work, speeds):.2f}"
        shown.add_row(
            f"{one.side}²",
            str(one.workers or "none"),
            f"{one.seconds:.2f}",
            f"{one.busy:.2f}",
            f"{one.busy / alone[one.side]:.2f}",
            f"{first[one.side] / one.busy:.2f}×" if one.work else "",
            model_s,
            f"{one.sent:.1f}" if one.work else "",
        )
    fit = (
        f"fitted: {1e9 * speeds.pixel:.0f} ns a pixel, {1e9 * speeds.byte:.2f} ns a byte, "
        f"{1e3 * speeds.worker:.1f} ms a worker, {1e9 * speeds.driver:.0f} ns a canvas pixel"
    )
    return Group(shown, fit, _wall(speeds))


def gpu_speeds(measured: Speeds, multiplications: float) -> Speeds:
    """The speeds of GPUs, as assumed; the cost of a call is the measured one.

    Args:
        measured: the speeds of this machine.
        multiplications: of an evaluation in two passes, for each pixel.
    """
    return Speeds(multiplications / GPU_RATE, 1 / NETWORK_RATE, measured.worker, 0.0)


def _wall(measured: Speeds) -> Table:
    """What the model foretells for a large canvas on GPUs."""
    recipe = Recipe()
    canvas = canvas_of(WALL, recipe, GPU_TILE)
    speeds = gpu_speeds(measured, 3 * work(canvas.layers))  # twice forward, and back
    enough = model.stops_paying(canvas, speeds)
    table = Table(
        title=f"A step at {WALL:,}², foretold: {GPU_RATE / 1e12:.0f} · 10¹² multiplications a "
        f"second a GPU, {NETWORK_RATE / 1e9:.1f} GB/s at the driver; pays up to {enough} workers",
        title_justify="left",
    )
    for heading in ("GPUs", "s", "computing", "sending", "workers", "halo", "GB sent"):
        table.add_column(heading, justify="right")
    for count in sorted({1, enough, *GPUS}):
        taken = canvas.work(count)
        each = model.parts(taken, speeds)
        table.add_row(
            str(count),
            f"{model.seconds(taken, speeds):.1f}",
            *(f"{each[name]:.1f}" for name in ("computing", "sending", "workers")),
            f"{taken.halo:.0%}",
            f"{taken.bytes / 1e9:.0f}",
        )
    return table
