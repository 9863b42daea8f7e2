"""Measuring what a cluster can do, for the model of a step: short trials with one worker."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from impasto.cluster.canvas import ManyWorkers
from impasto.cluster.engine import ray
from impasto.cluster.model import Canvas, Speeds
from impasto.network.vgg import VGG
from impasto.objective.regions import StyleCanvas
from impasto.run.levels import layers_at
from impasto.run.run import Run
from impasto.settings.recipe import Recipe

SIDE, GPU_SIDE = 256, 1024  # pixels; side of the picture whose evaluation is timed
PAYLOAD = 2**25  # bytes that are sent to a worker and back
TIMES = 3  # trials of each kind, the fastest of which counts


def probed(workers: ManyWorkers, network: VGG, recipe: Recipe) -> Speeds:
    """Measure the speeds of the workers' cluster.

    Args:
        workers: the workers.
        network: the network.
        recipe: the settings.
    """
    workers.pool.start(network.weights)
    worker = workers.pool.worker(0)
    byte = _fastest(lambda: ray().get(worker.echo.remote(ray().put(np.ones(PAYLOAD, np.uint8)))))
    call = _fastest(lambda: ray().get(worker.is_ready.remote()))
    side = GPU_SIDE if workers.needs.gpus else SIDE
    generator = torch.Generator().manual_seed(0)
    picture = (50 * torch.randn(3, side, side, generator=generator)).to(network.dtype)
    alone = ManyWorkers(1, workers.needs, pool=workers.pool.first())
    objective = alone.objective(
        network,
        picture,
        [StyleCanvas(picture.flip(1))],
        recipe,
        None,
        deepest=None,
        targets=None,
        regions=None,
    )
    objective(picture)
    evaluation = _fastest(lambda: objective(picture))
    began = time.perf_counter()
    for _ in range(8):  # about what an optimiser does with a canvas
        picture = picture + 0.5 * picture
    driver = (time.perf_counter() - began) / side**2
    return Speeds(
        pixel=max(0.0, evaluation - 3 * call) / side**2,
        byte=byte / (2 * PAYLOAD),
        worker=3 * call,
        driver=driver,
    )


def canvas_of(run: Run, workers: ManyWorkers) -> Canvas:
    """The canvas of a run by some workers at its finest level."""
    level = run.levels[-1]
    layers = layers_at(level, run.recipe, run.loaded.architecture)
    read = {layer.name for layer in layers}
    styles = tuple(name for name in run.recipe.style_layers if name in read)
    itemsize = 8 if run.recipe.precision == "float64" else 4
    canvas_bytes = 3 * itemsize * level.size[0] * level.size[1]
    remembers = run.recipe.optimizer == "lbfgs"
    held = remembers and workers.holds_pairs(canvas_bytes, run.evaluator.device)
    return Canvas(level.size, layers, styles, run.evaluator.tiles[-1], itemsize, held)


def _fastest(work: Any) -> float:
    """The seconds of the fastest of several trials."""
    best = float("inf")
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best
