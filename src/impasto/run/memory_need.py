"""Memory that the canvases of a level and the network need."""

from __future__ import annotations

import torch

from impasto.network import devices
from impasto.network.devices import Arithmetic
from impasto.optim.optimizers import history_for
from impasto.run.levels import Level
from impasto.settings.recipe import Recipe

# Bytes for each pixel that the network looks at, as measured; of float32, where types differ.
WINOGRAD_BYTES, PLAIN_BYTES = 2000, 3200
GUIDED_BYTES = 500  # for each pixel and region, of the maps that masks multiply
OTHER_CANVASES = 9  # style, gradient and the like, beside the optimiser's
USED = 0.7  # share of the free memory that a run allows itself


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
