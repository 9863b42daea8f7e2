"""The work of a painting as a number of multiplications, estimated before anything is read."""

from __future__ import annotations

from collections.abc import Sequence

from impasto.network import tiles
from impasto.network.hypercolumns import POOLS
from impasto.objective.losses import MOST_NEIGHBOURS, MOST_PLACES
from impasto.objective.nnst import place_counts_of, rounds_of
from impasto.objective.regions import TURNS
from impasto.objective.strotss import POINTS, STYLE_POINTS
from impasto.pictures.sizes import PixelSize
from impasto.run import levels
from impasto.settings import layers
from impasto.settings.layers import VGG_19, Layer
from impasto.settings.loss_table import METHODS, STYLE_LOSSES
from impasto.settings.recipe import Recipe
from impasto.video import keyframes

PASSES = 3  # forwards, and backwards with as much work as two passes
TILED_PASSES = 4  # one more forwards, for the statistics of the whole picture
# Time of other operations, measured on a CPU, as a number of multiplications: sorting one value;
# and finding eigenvalues, for each entry of a matrix times its number of columns.
IN_ORDER, EIGENVALUES = 4000, 40
READING = 500  # the same for reading and comparing one value of a hypercolumn


def multiplications(canvas: PixelSize, styles: Sequence[PixelSize], recipe: Recipe) -> float:
    """The approximate number of multiplications in all steps, including tiles and their halos.

    >>> quick = multiplications((512, 384), [(512, 384)], Recipe(coarse="same"))
    >>> f"{quick:.0e}"
    '2e+12'
    >>> slow = multiplications((512, 384), [(512, 384)], Recipe(coarse="same", tile=16))
    >>> slow > 50 * quick
    True

    Args:
        canvas: width and height of the canvas, in pixels.
        styles: width and height of each style picture after resizing.
        recipe: the settings.
    """
    total = 0.0
    for level in levels.plan(canvas, styles, recipe):
        network = levels.layers_at(level, recipe, VGG_19)
        at_level = levels.recipe_at(level, recipe)
        side = at_level.tile if isinstance(at_level.tile, int) else None
        looked_at = _looked_at(network, level.size, side)
        is_whole = looked_at == level.size[0] * level.size[1]
        each = layers.work(network) + _compared(at_level, len(styles))
        step = (PASSES if is_whole else TILED_PASSES) * each * looked_at + _once(at_level)
        total += len(styles) * _matched(level, at_level)
        measured = looked_at + len(TURNS[at_level.style_symmetry]) * sum(
            _looked_at(network, style, side) for style in level.style_sizes
        )
        total += level.steps * step + each * measured
    return total


def pictures_in(frames: int, method: str) -> float:
    """The number of single pictures whose painting takes as much work as that of a clip.

    Keyframes are counted as close together as they can be within a shot.

    >>> pictures_in(101, "single"), pictures_in(101, "keyframes")
    (101, 11.0)

    Args:
        frames: the number of frames, at least 1.
        method: the method that paints the clip.
    """
    if method == "keyframes":
        return 1 + keyframes.STEPS * (frames - 1) / min(keyframes.DISTANCES)
    return frames


def _looked_at(network: Sequence[Layer], size: PixelSize, side: int | None) -> int:
    """The number of pixels that the network processes: the windows of all tiles of a picture."""
    width, height = size
    across = tiles.positions(tiles.cut_for(network, 1, width, side))
    down = tiles.positions(tiles.cut_for(network, height, 1, side))
    return across * down


def _compared(recipe: Recipe, styles: int) -> float:
    """Multiplications of the style loss for each pixel, in addition to the network."""
    total = 0.0
    if not METHODS[recipe.method].by_layer:
        return READING * _channels(recipe) / (1 << 2 * POOLS)
    for name in recipe.style_layers if recipe.style_weight else ():
        layer = layers.BY_NAME[name]
        values = layer.channels / (1 << 2 * layer.pools)
        match STYLE_LOSSES[recipe.style_loss].work:
            case "neighbours":
                total += values * MOST_NEIGHBOURS
            case "sorting":
                total += values * IN_ORDER
            case "projections":
                total += values * (IN_ORDER + layer.channels)
            case "products" | "eigenvalues":
                total += values * layer.channels * max(1, styles)
    return total


def _matched(level: levels.Level, recipe: Recipe) -> float:
    """Multiplications of the searches for the nearest features of a style at a level."""
    if not METHODS[recipe.method].splits:
        return 0.0
    width, height = level.size
    compared = place_counts_of(recipe)
    if not level.splits:
        return width * height / (1 << 2 * POOLS) * compared.style * _channels(recipe)
    positions = compared.sampled**2 * min(level.size) / max(level.size)
    return rounds_of(level.steps, recipe) * positions * compared.alone * _channels(recipe)


def _channels(recipe: Recipe) -> int:
    """The number of channels of a hypercolumn."""
    return sum(layers.BY_NAME[name].channels for name in recipe.style_layers)


def _once(recipe: Recipe) -> float:
    """Multiplications of the losses for each step, independent of the size."""
    total = 0.0
    if recipe.method == "strotss":
        channels = _channels(recipe)
        return PASSES * POINTS * channels * (channels + POINTS + STYLE_POINTS)
    if METHODS[recipe.method].splits:
        return total
    if STYLE_LOSSES[recipe.style_loss].work == "eigenvalues" and recipe.style_weight:
        total += sum(
            EIGENVALUES * layers.BY_NAME[name].channels ** 3 for name in recipe.style_layers
        )
    if recipe.content_loss == "self-similarity":
        total += sum(
            PASSES * layers.BY_NAME[name].channels * MOST_PLACES**2 for name in recipe.content_read
        )
    return total
