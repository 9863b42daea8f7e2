"""Estimates of the time and the memory of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from impasto.network import tiles
from impasto.objective.deferred import LONGEST, cut_layer, work_share
from impasto.objective.objective import KEPT_BYTES, Objective, target_bytes
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared
from impasto.run.evaluator import OBJECTIVES
from impasto.run.levels import Level, layers_at
from impasto.run.memory_need import BASE_BYTES, HYPERCOLUMN_BYTES, canvas_bytes, pixel_bytes
from impasto.settings import layers
from impasto.settings.loss_table import METHODS

if TYPE_CHECKING:
    from impasto.run.run import Run

# Side, in pixels, of the picture whose evaluation is timed; a smaller one leaves a GPU idle.
PROBE, GPU_PROBE = 192, 768
FORWARD = 0.45  # share of an evaluation's time that the forward pass takes


@dataclass(frozen=True)
class Forecast:
    """The estimated time and memory of a run.

    Attributes:
        seconds: time from its first step to its last.
        bytes: memory at its largest level, on the device.
    """

    seconds: float
    bytes: float


def cut(run: Run, level: Level) -> list[tiles.Tile]:
    """The tiles of a level of a run."""
    width, height = level.size
    side = run.evaluator.tiles[level.number - 1]
    return tiles.cut_for(_layers(run, level), height, width, side)


def _layers(run: Run, level: Level) -> tuple[layers.Layer, ...]:
    """The layers of the network that a level of a run computes."""
    return layers_at(level, run.recipe, run.loaded.architecture)


def work(run: Run) -> float:
    """Pixels that the network processes, forward and backward, in all steps of a run."""
    looked_at = 0.0
    network = run.loaded.architecture
    deferred = cut_layer(run.recipe, network)
    between = work_share(run.recipe, deferred, network) if deferred else 1.0
    for level in run.levels:
        cores = cut(run, level)
        passes = between + (1 - between) / LONGEST if len(cores) == 1 else 1 + FORWARD
        read = layers.work(_layers(run, level)) / layers.work(run.evaluator.network.layers)
        looked_at += level.steps * passes * read * tiles.positions(cores)
    return looked_at


def forecast(run: Run) -> Forecast:
    """Estimate the time and the memory of a run, by timing one evaluation of a small picture."""
    canvases, window = 0.0, 0
    for level in run.levels:
        targets = min(_target_bytes(run, level), KEPT_BYTES)
        canvases = max(canvases, canvas_bytes(level, run.recipe) + targets)
        window = max(window, *(tile.window.area for tile in cut(run, level)))
    guides = run.inputs.guides if METHODS[run.recipe.method].by_layer else 0
    each = pixel_bytes(run.evaluator.arithmetic, guides, run.loaded.architecture)
    if run.recipe.method in OBJECTIVES:
        each += HYPERCOLUMN_BYTES
    needed = BASE_BYTES + canvases + window * each
    seconds = work(run) * _seconds_a_pixel(run) / run.evaluator.workers
    forecasted = Forecast(seconds, needed)
    run.evaluator.network.release(_layers(run, run.evaluator.level))
    return forecasted


def _target_bytes(run: Run, level: Level) -> int:
    width, height = level.size
    read = {layer.name for layer in _layers(run, level)} & run.recipe.content_read.keys()
    return target_bytes(run.evaluator.network, read, tiles.Box(0, height, 0, width))


def _probed(run: Run, picture: Tensor) -> Callable[[Tensor], object]:
    """An objective like those of a run, for a picture, 3 × H × W."""
    network, recipe, style = run.evaluator.network, run.recipe, StyleCanvas(picture.flip(1))
    if recipe.method in OBJECTIVES:
        return OBJECTIVES[recipe.method](Compared(network, picture, [style], recipe, 1, 2))
    return Objective(network, picture, [style], recipe)


def _seconds_a_pixel(run: Run) -> float:
    side = PROBE if run.evaluator.device.type == "cpu" else GPU_PROBE
    generator = torch.Generator().manual_seed(0)
    picture = 50 * torch.randn(3, side, side, generator=generator)
    network = run.evaluator.network
    picture = picture.to(run.evaluator.device, network.dtype)
    with run.evaluator.threads():
        objective = _probed(run, picture)
        objective(picture)
        began = time.perf_counter()
        objective(picture)
    return (time.perf_counter() - began) / side**2
