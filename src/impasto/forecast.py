"""What a run will take: memory, and time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from impasto import devices, tiles
from impasto.deferred import LONGEST, cut_for, work_share
from impasto.devices import Arithmetic
from impasto.objective import KEPT_BYTES, Objective, target_bytes
from impasto.optimizers import history_for
from impasto.pyramid import Level
from impasto.recipe import Recipe
from impasto.regions import StyleCanvas

if TYPE_CHECKING:
    from impasto.painter import Run

# Bytes for each pixel that the network looks at, as measured; of float32, where types differ.
WINOGRAD_BYTES, PLAIN_BYTES = 2000, 3200
GUIDED_BYTES = 500  # for each pixel and region, of the maps that masks multiply
OTHER_CANVASES = 9  # style, gradient and the like, beside the optimiser's
USED = 0.7  # share of the free memory that a run allows itself
BASE_BYTES = 9e8  # of Python, PyTorch and the network's weights
# Pixels a side of the picture whose evaluation is timed; a GPU is idle at less.
PROBE, GPU_PROBE = 192, 768
FORWARD = 0.45  # share of an evaluation that the pass from the picture to the maps takes


@dataclass(frozen=True)
class Forecast:
    """What a run will take.

    Attributes:
        seconds: from its first step to its last.
        bytes: of memory, at its largest level, on the device.
    """

    seconds: float
    bytes: float


def canvas_bytes(level: Level, recipe: Recipe) -> float:
    """Memory of a level's canvases and what is of their size."""
    itemsize = 8 if recipe.precision == "float64" else 4
    one = 3 * itemsize * level.size[0] * level.size[1]
    kept = 2 * min(level.steps, history_for(one)) if recipe.optimizer == "lbfgs" else 2
    return one * (kept + OTHER_CANVASES)


def pixel_bytes(arithmetic: Arithmetic, guides: int) -> float:
    """Memory of an evaluation, for each pixel that the network looks at.

    Args:
        arithmetic: how it computes.
        guides: regions that masks make; 0 without masks.
    """
    plain = PLAIN_BYTES * arithmetic.dtype.itemsize / 4
    guided = GUIDED_BYTES * (1 + guides) if guides else 0
    return (WINOGRAD_BYTES if arithmetic.winograd else plain) + guided


def room(
    level: Level, recipe: Recipe, arithmetic: Arithmetic, device: torch.device, guides: int
) -> float:
    """Pixels of a level that the network can look at at once."""
    free = USED * devices.free_memory(device) - canvas_bytes(level, recipe)
    return max(0.0, free) / pixel_bytes(arithmetic, guides)


def cut(run: Run, level: Level) -> list[tiles.Tile]:
    """The tiles of a level."""
    width, height = level.size
    side = run.evaluator.tiles[level.number - 1]
    return tiles.cut_for(run.evaluator.network.layers, height, width, side)


def work(run: Run) -> float:
    """Pixels that the network looks at in all of a run's steps, one pass there and back each."""
    looked_at = 0.0
    deferred = cut_for(run.recipe)
    between = work_share(run.recipe, deferred) if deferred else 1.0
    for level in run.levels:
        cores = cut(run, level)
        passes = between + (1 - between) / LONGEST if len(cores) == 1 else 1 + FORWARD
        looked_at += level.steps * passes * tiles.positions(cores)
    return looked_at


def forecast(run: Run) -> Forecast:
    """What a run will take, by the time of an evaluation of a corner of its pictures."""
    canvases, window = 0.0, 0
    for level in run.levels:
        targets = min(_target_bytes(run, level), KEPT_BYTES)
        canvases = max(canvases, canvas_bytes(level, run.recipe) + targets)
        window = max(window, *(tile.window.area for tile in cut(run, level)))
    each = pixel_bytes(run.evaluator.arithmetic, run.inputs.guides)
    needed = BASE_BYTES + canvases + window * each
    return Forecast(work(run) * _seconds_a_pixel(run), needed)


def _target_bytes(run: Run, level: Level) -> int:
    width, height = level.size
    return target_bytes(run.evaluator.network, run.recipe, tiles.Box(0, height, 0, width))


def _seconds_a_pixel(run: Run) -> float:
    side = PROBE if run.evaluator.device.type == "cpu" else GPU_PROBE
    generator = torch.Generator().manual_seed(0)
    picture = 50 * torch.randn(3, side, side, generator=generator)
    network = run.evaluator.network
    picture = picture.to(run.evaluator.device, network.dtype)
    objective = Objective(network, picture, [StyleCanvas(picture.flip(1))], run.recipe)
    objective(picture)
    began = time.perf_counter()
    objective(picture)
    return (time.perf_counter() - began) / side**2
