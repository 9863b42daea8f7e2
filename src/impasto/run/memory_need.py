"""The memory that the canvases of a level and the network need."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from impasto.network.devices import Arithmetic
from impasto.network.hypercolumns import POOLS
from impasto.optim.pairs import history_for
from impasto.run.levels import Level, recipe_at
from impasto.settings.layers import BY_NAME, LAYERS, Architecture, Layer, values
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

# Bytes per pixel that VGG-19 processes, as measured in float32; in bfloat16 it is half, or more if
# PyTorch computes the convolutions, since indices of poolings and some maps are not in bfloat16.
BY_ROWS_BYTES, PLAIN_BYTES = 1500, 3200
OF_BFLOAT16 = 0.7  # of the bytes in float32, if PyTorch computes the convolutions
BASE_BYTES = 4.5e8  # for Python, PyTorch and the network's weights
# Values for each weight of a convolution that is computed by rows: in Winograd's algorithm, or one
# copy for each direction.
BY_WINOGRAD, BY_DIRECTION = 36 / 9, 2
HYPERCOLUMNS = 4  # of all places that are held at once: what is read and wanted, and gradients
GUIDED_BYTES = 500  # per pixel and region, for feature maps that masks multiply
OTHER_CANVASES = 10  # style, gradient and so on, besides the optimiser's
USED = 0.7  # share of the free memory that a run may use


def canvas_bytes(level: Level, recipe: Recipe) -> float:
    """Bytes of a level's canvases and of everything of their size, as the optimiser's history."""
    itemsize = 8 if recipe.precision == "float64" else 4
    one = 3 * itemsize * level.size[0] * level.size[1]
    kept = 2 * min(level.steps, history_for(one)) if recipe.optimizer == "lbfgs" else 2
    return one * (kept + OTHER_CANVASES)


def level_bytes(
    level: Level,
    recipe: Recipe,
    window: int,
    arithmetic: Arithmetic,
    network: Sequence[Layer],
    guides: int = 0,
) -> float:
    """Bytes that a level needs, without targets of the content.

    Args:
        level: the level.
        recipe: the settings of the run.
        window: number of pixels that are processed at once.
        arithmetic: how the network computes.
        network: the layers that are computed.
        guides: as of :func:`pixel_bytes`.
    """
    method = METHODS[level.method]
    each = pixel_bytes(arithmetic, guides if method.by_layer else 0, network)
    if not method.by_layer and not method.one_pass:
        each += hypercolumn_bytes(recipe_at(level, recipe))
    return canvas_bytes(level, recipe) + worker_bytes(network, arithmetic) + window * each


def worker_bytes(network: Sequence[Layer], arithmetic: Arithmetic) -> float:
    """Bytes of a process that paints, before it has a canvas."""
    return BASE_BYTES + network_bytes(network, arithmetic)


def network_bytes(network: Sequence[Layer], arithmetic: Arithmetic) -> float:
    """Bytes of the convolutions of a network, prepared."""
    weights = sum(
        9 * before.channels * layer.channels
        for before, layer in pairwise(network)
        if layer.kind == "convolution"
    )
    is_bfloat16 = arithmetic.dtype == torch.bfloat16
    by_rows = BY_DIRECTION if is_bfloat16 else BY_WINOGRAD
    return weights * arithmetic.dtype.itemsize * (by_rows if arithmetic.by_rows else 1)


def hypercolumn_bytes(recipe: Recipe) -> float:
    """Bytes per pixel that the loss of a method that compares hypercolumns needs besides."""
    channels = sum(BY_NAME[name].channels for name in recipe.style_layers)
    itemsize = 8 if recipe.precision == "float64" else 4
    return HYPERCOLUMNS * itemsize * channels / (1 << 2 * POOLS)


def pixel_bytes(arithmetic: Arithmetic, guides: int, network: Sequence[Layer]) -> float:
    """Bytes that an evaluation needs per pixel that the network processes.

    Args:
        arithmetic: how the network computes.
        guides: number of regions with masks; 0 without masks.
        network: the layers that are computed; the need goes with the size of their feature maps.
    """
    of_vgg19 = BY_ROWS_BYTES if arithmetic.by_rows else PLAIN_BYTES
    of_float32 = of_vgg19 * values(network) / values(LAYERS)
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
    return max(0.0, left) / pixel_bytes(arithmetic, guides, network.layers)
