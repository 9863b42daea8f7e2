"""The levels of a run: the sizes of its canvas, from coarse to fine, and the steps at each."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from impasto.pictures import sizes
from impasto.pictures.inputs import Inputs
from impasto.pictures.sizes import PixelSize
from impasto.settings.layers import Architecture, Layer, in_order
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

SPLIT_SHARE = 0.3  # of the steps, for a level whose layers are matched alone
# Coarse levels that minimise the losses of nnst: the longest side, in pixels, and their share of
# the steps.
NNST_SIDE, COARSE_SHARE = 320, 0.35


@dataclass(frozen=True)
class Level:
    """One size of the canvas.

    Attributes:
        number: counted from 1, the coarsest.
        size: width and height of the canvas, in pixels.
        style_sizes: width and height of each style picture, in pixels.
        steps: number of steps, which are evaluations of the loss.
        deepest: name of the layer up to which the network is read; None for all of its layers.
        method: what is minimised; that of the recipe, or ``nnst`` at a coarse level.
        paints_on: whether the content is matched in a mixture of the photograph and the canvas with
            which the level begins; at the levels after coarse ones of another method.
        splits: whether each layer is matched alone; a second level of the finest size.
        is_last: whether no level follows.
    """

    number: int
    size: PixelSize
    style_sizes: tuple[PixelSize, ...]
    steps: int
    deepest: str | None = None
    method: str = "layers"
    paints_on: bool = field(default=False, repr=False)
    splits: bool = field(default=False, repr=False)
    is_last: bool = field(default=False, repr=False)


def plan_for(pictures: Inputs, recipe: Recipe) -> list[Level]:
    """Plan the levels of a run of the given pictures, from coarse to fine.

    Raises:
        InputError: a canvas or a style picture would be too small for the layers of the recipe.
    """
    canvas = sizes.canvas_size(pictures.content.size, recipe)
    styles = [sizes.style_size(style.picture.size, canvas, recipe) for style in pictures.styles]
    supplied = [style.style.layers for style in pictures.styles]
    return plan(canvas, styles, recipe, supplied)


def plan(
    canvas: PixelSize,
    styles: Sequence[PixelSize],
    recipe: Recipe,
    supplied: Sequence[Collection[str] | None] = (),
) -> list[Level]:
    """The levels of a run, each twice as large as the one before, up to the canvas itself.

    The finest level takes half as many steps as each of the others: it only adds detail. With
    relative losses, it also reads only the layers up to the shallowest content layer, because the
    coarser levels have settled what deeper layers see; it does so only if every style supplies one
    of these layers. With absolute losses, what counts is how far
    the loss of the finest level falls, and each of the others takes a ninth of the steps. With a
    method that compares hypercolumns, all take as many. Coarse levels that minimise the losses of
    ``nnst``, which needs all layers of every style, take about a third of the steps together, and
    the finer ones share the rest equally: with fewer, the finest would end with a fine mesh.

    >>> for level in plan((512, 384), [(512, 320)], Recipe(levels=3)):
    ...     print(level.number, level.size, level.style_sizes, level.steps, level.method)
    1 (128, 96) ((128, 80),) 9 nnst
    2 (256, 192) ((256, 160),) 9 nnst
    3 (512, 384) ((512, 320),) 32 layers

    Args:
        canvas: width and height of the canvas at the finest level, in pixels.
        styles: width and height of each style picture at the finest level.
        recipe: gives the number of steps and of levels; levels that would be too small are left
            out.
        supplied: for each style, the names of the style layers that it supplies, or None for all.

    Returns:
        The levels, from coarse to fine.
    """
    whole = len(styles) > 0 and all(layers is None for layers in supplied)
    coarse = "nnst" if whole and recipe.begins_with_nnst else recipe.method
    planned = [_Planned(canvas, tuple(styles), recipe.method)]
    for halvings in range(1, _count(max(canvas), recipe, coarse)):
        by = 1 << halvings
        size, of_styles = _divided(canvas, by), tuple(_divided(style, by) for style in styles)
        method = coarse if max(size) <= NNST_SIDE else recipe.method
        if min(*size, *(min(style) for style in of_styles)) < METHODS[method].smallest_side:
            break
        planned.insert(0, _Planned(size, of_styles, method))
    if METHODS[recipe.method].splits and recipe.steps > 1:
        planned.append(planned[-1]._replace(splits=True))
    planned = planned[-recipe.steps :]
    steps = _shares(planned, recipe)
    return [
        Level(
            number,
            one.size,
            one.styles,
            count,
            deepest_at_the_end(recipe, supplied) if 1 < number == len(planned) else None,
            one.method,
            one.method != planned[0].method,
            one.splits,
            number == len(planned),
        )
        for number, (one, count) in enumerate(zip(planned, steps, strict=True), start=1)
    ]


class _Planned(NamedTuple):
    """A level before its number and its steps are known."""

    size: PixelSize
    styles: tuple[PixelSize, ...]
    method: str
    splits: bool = False


def recipe_at(level: Level, recipe: Recipe) -> Recipe:
    """The settings of a level: those of the run, or at a coarse level those of ``nnst``."""
    return recipe if level.method == recipe.method else recipe.as_nnst()


def layers_at(level: Level, recipe: Recipe, network: Architecture) -> tuple[Layer, ...]:
    """The layers of a network that a level computes, from the first to the deepest."""
    read = recipe_at(level, recipe).layers if level.deepest is None else {level.deepest}
    return network.up_to_deepest(read)


def deepest_at_the_end(
    recipe: Recipe, supplied: Sequence[Collection[str] | None] = ()
) -> str | None:
    """The layer up to which a finest level that follows others reads the network; None for all.

    It is the shallowest content layer that has a weight, if every style supplies a style layer with
    a weight up to it. Otherwise the level would have no style loss, or none of some style.

    >>> deepest_at_the_end(Recipe())
    'conv3_2'
    >>> deepest_at_the_end(Recipe(), [None, ("conv4_1", "conv5_1")])
    >>> deepest_at_the_end(Recipe(balance="absolute", beta=1000))

    Args:
        recipe: the settings.
        supplied: for each style, the names of the style layers that it supplies, or None for all.
    """
    content = _weighted(recipe.content_read)
    if recipe.balance == "absolute" or not content:
        return None
    shallowest = content[0]
    within = {
        name for name in _weighted(recipe.style_layers) if in_order({name, shallowest})[0] == name
    }
    every = all(layers is None or within.intersection(layers) for layers in supplied)
    return shallowest if within and every else None


def _weighted(layers: Mapping[str, float]) -> list[str]:
    """The names of the layers whose weight is not 0, from shallow to deep."""
    return in_order([name for name, weight in layers.items() if weight])


def _shares(planned: Sequence[_Planned], recipe: Recipe) -> list[int]:
    """The number of steps of each level, the finest last."""
    others = [one for one in planned if one.method != recipe.method]
    count, left = len(others), len(planned) - len(others)
    if not count:
        return _evenly(recipe.steps, left, _finest(recipe.steps, left, recipe))
    coarse = min(max(round(COARSE_SHARE * recipe.steps), count), recipe.steps - left)
    steps = recipe.steps - coarse
    return [
        *_evenly(coarse, count, coarse // count),
        *_evenly(steps, left, steps // left),
    ]


def _finest(steps: int, levels: int, recipe: Recipe) -> int:
    """How many of the steps that several levels share are the finest's.

    >>> _finest(125, 3, Recipe()), _finest(300, 3, Recipe.preset("gatys-fast"))
    (25, 234)
    >>> _finest(5, 5, Recipe.preset("nnst"))
    1
    """
    if levels == 1:
        return steps
    if not METHODS[recipe.method].by_layer:
        share = SPLIT_SHARE if METHODS[recipe.method].splits else 1 / levels
        return max(1, min(round(share * steps), steps - levels + 1))
    if recipe.balance == "absolute":
        return steps - (levels - 1) * max(1, steps // max(9, levels))
    return max(1, round(steps / (2 * levels - 1)))


def _evenly(steps: int, levels: int, finest: int) -> list[int]:
    """The steps of each level: those of the finest, and before it the others' in equal parts.

    >>> _evenly(125, 3, 24)
    [51, 50, 24]
    """
    others, left = divmod(steps - finest, max(1, levels - 1))
    return [others + (index < left) for index in range(levels - 1)] + [finest]


def _count(longer: int, recipe: Recipe, coarse: str) -> int:
    """The number of sizes of a canvas, given its longer side in pixels and the coarse method.

    >>> [_count(longer, Recipe(), "layers") for longer in (100, 512, 1024, 4096)]
    [1, 3, 4, 6]
    >>> _count(512, Recipe(), "nnst"), _count(4096, Recipe(levels=2), "layers")
    (4, 2)
    """
    if isinstance(recipe.levels, int):
        return recipe.levels
    return max(1, 1 + round(math.log2(longer / METHODS[coarse].first_side)))


def _divided(size: PixelSize, by: int) -> PixelSize:
    return round(size[0] / by), round(size[1] / by)
