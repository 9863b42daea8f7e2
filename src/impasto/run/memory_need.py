"""The memory that the canvases of a level and the network need."""

from __future__ import annotations

from impasto.network.devices import Arithmetic
from impasto.optim.pairs import history_for
from impasto.run.levels import Level
from impasto.settings.layers import LAYERS, Architecture, values
from impasto.settings.recipe import Recipe

# Bytes per pixel that VGG-19 processes, as measured in float32; in bfloat16 it is half, or more if
# PyTorch computes the convolutions, since indices of poolings and some maps are not in bfloat16.
BY_ROWS_BYTES, PLAIN_BYTES = 1500, 3200
OF_BFLOAT16 = 0.7  # of the bytes in float32, if PyTorch computes the convolutions
BASE_BYTES = 9e8  # for Python, PyTorch and the network's weights
HYPERCOLUMN_BYTES = 2000  # per pixel, for the targets and gradients of hypercolumns
GUIDED_BYTES = 500  # per pixel and region, for feature maps that masks multiply
OTHER_CANVASES = 10  # style, gradient and so on, besides the optimiser's
USED = 0.7  # share of the free memory that a run may use


def canvas_bytes(level: Level, recipe: Recipe) -> float:
    """Bytes of a level's canvases and of everything of their size, as the optimiser's history."""
    itemsize = 8 if recipe.precision == "float64" else 4
    one = 3 * itemsize * level.size[0] * level.size[1]
    kept = 2 * min(level.steps, history_for(one)) if recipe.optimizer == "lbfgs" else 2
    return one * (kept + OTHER_CANVASES)


def pixel_bytes(arithmetic: Arithmetic, guides: int, network: Architecture) -> float:
    """Bytes that an evaluation needs per pixel that the network processes.

    Args:
        arithmetic: how the network computes.
        guides: number of regions with masks; 0 without masks.
        network: the network, whose need goes with the size of its feature maps.
    """
    of_vgg19 = BY_ROWS_BYTES if arithmetic.by_rows else PLAIN_BYTES
    of_float32 = of_vgg19 * values(network.layers) / values(LAYERS)
    guided = GUIDED_BYTES * (1 + guides) if guides else 0
    share = arithmetic.dtype.itemsize / 4
    return of_float32 * (share if arithmetic.by_rows else max(share, OF_BFLOAT16)) + guided


def room(
    level: Level,
    recipe: Recipe,
    arithmetic: Arithmetic,
    free: float,
    guides: int,
    network: Architecture,
) -> float:
    """How many pixels of a level the network can process at once in so many bytes."""
    left = USED * free - canvas_bytes(level, recipe)
    return max(0.0, left) / pixel_bytes(arithmetic, guides, network)
