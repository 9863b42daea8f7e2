"""The levels of a run: the sizes of its canvas, from coarse to fine, and the steps at each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from impasto.pictures import sizes
from impasto.pictures.inputs import Inputs
from impasto.pictures.sizes import PixelSize
from impasto.settings.layers import Architecture, Layer, in_order
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

SPLIT_SHARE = 0.3  # of the steps, for a level whose layers are matched alone


@dataclass(frozen=True)
class Level:
    """One size of the canvas.

    Attributes:
        number: counted from 1, the coarsest.
        size: width and height of the canvas, in pixels.
        style_sizes: width and height of each style picture, in pixels.
        steps: number of steps, which are evaluations of the loss.
        deepest: name of the layer up to which the network is read; None for all of its layers.
        splits: whether each layer is matched alone; a second level of the finest size.
        is_last: whether no level follows.
    """

    number: int
    size: PixelSize
    style_sizes: tuple[PixelSize, ...]
    steps: int
    deepest: str | None = None
    splits: bool = field(default=False, repr=False)
    is_last: bool = field(default=False, repr=False)


def plan_for(pictures: Inputs, recipe: Recipe) -> list[Level]:
    """Plan the levels of a run of the given pictures, from coarse to fine.

    Raises:
        InputError: a canvas or a style picture would be too small for the layers of the recipe.
    """
    canvas = sizes.canvas_size(pictures.content.size, recipe)
    styles = [sizes.style_size(style.picture.size, canvas, recipe) for style in pictures.styles]
    return plan(canvas, styles, recipe)


def plan(canvas: PixelSize, styles: Sequence[PixelSize], recipe: Recipe) -> list[Level]:
    """The levels of a run, each twice as large as the one before, up to the canvas itself.

    The finest level takes half as many steps as each of the others: it only adds detail. With
    relative losses it also reads only the layers up to the shallowest content layer, because the
    coarser levels have settled what deeper layers see. With absolute losses, what counts is how far
    the loss of the finest level falls, and each of the others takes a ninth of the steps. With a
    method that compares hypercolumns, all take as many.

    >>> for level in plan((512, 384), [(512, 320)], Recipe(levels=3)):
    ...     print(level)
    Level(number=1, size=(128, 96), style_sizes=((128, 80),), steps=30, deepest=None)
    Level(number=2, size=(256, 192), style_sizes=((256, 160),), steps=30, deepest=None)
    Level(number=3, size=(512, 384), style_sizes=((512, 320),), steps=15, deepest='conv3_2')

    Args:
        canvas: width and height of the canvas at the finest level, in pixels.
        styles: width and height of each style picture at the finest level.
        recipe: gives the number of steps and of levels; levels that would be too small are left
            out.

    Returns:
        The levels, from coarse to fine.
    """
    halved = [(canvas, tuple(styles))]
    method = METHODS[recipe.method]
    most = recipe.steps - method.splits
    for halvings in range(1, min(_count(max(canvas), recipe), most)):
        by = 1 << halvings
        coarser = (_divided(canvas, by), tuple(_divided(style, by) for style in styles))
        if min(*coarser[0], *(min(style) for style in coarser[1])) < method.smallest_side:
            break
        halved.insert(0, coarser)
    splits = [False] * len(halved)
    if method.splits and recipe.steps > 1:
        halved, splits = [*halved, halved[-1]], [*splits, True]
    steps = _shares(recipe, len(halved))
    return [
        Level(
            number,
            *sizes,
            count,
            deepest_at_the_end(recipe) if 1 < number == len(halved) else None,
            split,
            number == len(halved),
        )
        for number, (sizes, count, split) in enumerate(
            zip(halved, steps, splits, strict=True), start=1
        )
    ]


def layers_at(level: Level, recipe: Recipe, network: Architecture) -> tuple[Layer, ...]:
    """The layers of a network that a level computes, from the first to the deepest."""
    return network.up_to_deepest(recipe.layers if level.deepest is None else {level.deepest})


def deepest_at_the_end(recipe: Recipe) -> str | None:
    """The layer up to which a finest level that follows others reads the network; None for all.

    >>> deepest_at_the_end(Recipe())
    'conv3_2'
    >>> deepest_at_the_end(Recipe(balance="absolute", beta=1000))
    """
    if recipe.balance == "absolute" or not recipe.content_read:
        return None
    shallowest = in_order(recipe.content_read)[0]
    reach = in_order({shallowest, *recipe.style_layers})
    return shallowest if reach[0] in recipe.style_layers else None


def _shares(recipe: Recipe, levels: int) -> list[int]:
    """The number of steps of each level, the finest last.

    >>> _shares(Recipe(steps=125), 3), _shares(Recipe.preset("gatys-fast", steps=300), 3)
    ([50, 50, 25], [33, 33, 234])
    """
    if not METHODS[recipe.method].by_layer:
        share = SPLIT_SHARE if METHODS[recipe.method].splits else 1 / levels
        finest = max(1, round(share * recipe.steps)) if levels > 1 else recipe.steps
    elif recipe.balance == "absolute":
        finest = recipe.steps - (levels - 1) * max(1, recipe.steps // max(9, levels))
    else:
        finest = max(1, round(recipe.steps / (2 * levels - 1)))
    others, left = divmod(recipe.steps - finest, max(1, levels - 1))
    return [others + (index < left) for index in range(levels - 1)] + [finest]


def _count(longer: int, recipe: Recipe) -> int:
    """The number of levels for a canvas, given its longer side in pixels.

    >>> [_count(longer, Recipe()) for longer in (100, 512, 1024, 4096)]
    [1, 3, 4, 6]
    >>> _count(4096, Recipe(levels=2))
    2
    """
    if isinstance(recipe.levels, int):
        return recipe.levels
    return max(1, 1 + round(math.log2(longer / METHODS[recipe.method].first_side)))


def _divided(size: PixelSize, by: int) -> PixelSize:
    return round(size[0] / by), round(size[1] / by)
