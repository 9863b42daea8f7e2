"""Estimates of the time and the memory of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from impasto.network import tiles
from impasto.network.vgg import VGG
from impasto.objective.deferred import LONGEST, cut_layer, work_share
from impasto.objective.objective import KEPT_BYTES, Objective, target_bytes
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared
from impasto.run.evaluator import OBJECTIVES
from impasto.run.levels import Level, layers_at, recipe_at, taps_at
from impasto.run.memory_need import level_bytes
from impasto.settings import layers
from impasto.settings.loss_table import METHODS

if TYPE_CHECKING:
    from impasto.run.run import Run

# Side, in pixels, of the picture whose evaluation is timed; a smaller one leaves a GPU idle.
PROBE, GPU_PROBE = 256, 768
EVALUATIONS = 3  # of a probe; the fastest counts, since some of them search for matches
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
    """Pixels that are processed, forward and backward, in all steps of a run."""
    return sum(level.steps * _work(run, level) for level in run.levels)


def _work(run: Run, level: Level) -> float:
    """Pixels that the measured layers would process in the time of a step of a level."""
    network, cores = run.loaded.architecture, cut(run, level)
    recipe = recipe_at(level, run.recipe)
    read = layers.work(_layers(run, level)) / layers.work(_measured(run, level))
    deferred = cut_layer(recipe, network) if METHODS[level.method].by_layer else None
    between = work_share(recipe, deferred, network) if deferred else 1.0
    passes = between + (1 - between) / LONGEST if len(cores) == 1 else 1 + FORWARD
    return passes * read * tiles.positions(cores)


def forecast(run: Run) -> Forecast:
    """Estimate the time and the memory of a run, by timing evaluations of a small picture."""
    paces: dict[tuple[object, ...], _Pace] = {}
    seconds = 0.0
    for level in run.levels:
        key = level.method, level.splits, _measured(run, level)
        pace = paces[key] = paces.get(key) or _pace(run, level)
        workers = run.evaluator.workers if recipe_at(level, run.recipe).tiles else 1
        rounds = math.ceil(level.steps / pace.length)
        # Layers alone are matched at as many positions of any canvas.
        searches = rounds * (1 if level.splits else math.prod(level.size) / pace.pixels)
        seconds += searches * pace.search
        seconds += level.steps * _work(run, level) * pace.each / workers
    forecasted = Forecast(seconds, max(_bytes(run, level) for level in run.levels))
    run.evaluator.network.release(_layers(run, run.evaluator.level))
    return forecasted


def _bytes(run: Run, level: Level) -> float:
    """Memory at a level."""
    targets = _target_bytes(run, level) if METHODS[level.method].by_layer else 0
    window = max(tile.window.area for tile in cut(run, level))
    arithmetic, network = run.evaluator.arithmetic, _layers(run, level)
    needed = level_bytes(level, run.recipe, window, arithmetic, network, run.inputs.guides)
    return needed + min(targets, KEPT_BYTES)


def _measured(run: Run, level: Level) -> tuple[layers.Layer, ...]:
    """The layers that the network computes when the pace of a level is measured."""
    if METHODS[level.method].by_layer:
        return run.loaded.architecture.up_to_deepest(taps_at(level, run.recipe))
    return _layers(run, level)


def _target_bytes(run: Run, level: Level) -> int:
    width, height = level.size
    read = {layer.name for layer in _layers(run, level)} & run.recipe.content_read.keys()
    return target_bytes(run.evaluator.network, read, tiles.Box(0, height, 0, width))


class _Pace(NamedTuple):
    """How long the evaluations of a level take.

    Attributes:
        each: seconds a pixel.
        search: seconds that the first of a round takes longer, because it searches for matches.
        length: of a round, in evaluations.
        pixels: of the picture with which they were measured.
    """

    each: float
    search: float
    length: int
    pixels: int


def _pace(run: Run, level: Level) -> _Pace:
    """Measure the pace of a level with a small picture."""
    side = PROBE if run.evaluator.device.type == "cpu" else GPU_PROBE
    generator = torch.Generator().manual_seed(0)
    network = run.evaluator.network_for(level)
    picture = 50 * torch.randn(3, side, side, generator=generator)
    picture = picture.to(run.evaluator.device, network.dtype)
    with run.evaluator.threads_for(level):
        network(picture, (_measured(run, level)[-1].name,))  # prepares its convolutions
        objective, length = _probed(run, level, network, picture)
        times = [time.perf_counter()]
        for _ in range(EVALUATIONS):
            objective(picture)
            times.append(time.perf_counter())
    begun, *others = (after - before for before, after in pairwise(times))
    each = min(others)
    search = 0.0 if METHODS[level.method].by_layer else begun - each
    return _Pace(each / side**2, search, length, side**2)


def _probed(
    run: Run, level: Level, network: VGG, picture: Tensor
) -> tuple[Callable[[Tensor], object], int]:
    """An objective like that of a level, for a picture, 3 × H × W, and the length of a round."""
    recipe, style = recipe_at(level, run.recipe), StyleCanvas(picture.flip(1))
    if level.method in OBJECTIVES:
        styles = [style] * len(run.inputs.styles)
        compared = Compared(network, picture, styles, recipe, 1, level.steps, level.splits)
        made = OBJECTIVES[level.method](compared)
        return made, made.length
    return Objective(network, picture, [style], recipe), level.steps
