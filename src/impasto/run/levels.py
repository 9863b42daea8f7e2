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

SPLIT_SHARE = 0.3  # of the steps of nnst, for the level whose layers are matched alone
# With even-nnst: the share of the steps of the levels before the finest matched one, all of which
# read the network deeply; and the share of the finest one's in which layers are matched alone.
COARSE_SHARE, EVEN_SPLIT_SHARE = 0.35, 0.43
EVEN = "even-nnst"
MATCHED_SIDE = 640  # pixels; up to this longer side, levels of the default minimise even-nnst
SHALLOW = "relu3_1"  # up to which the finest of them reads the network
# Pixels; up to this longer side, a finest level of single layers reads the network only up to the
# shallowest content layer. A larger one has strokes that this layer does not see whole.
SHALLOW_SIDE = 1280
REACH = 1.5  # pixels; how far levels above MATCHED_SIDE smooth the style along its strokes


@dataclass(frozen=True)
class Level:
    """One size of the canvas.

    Attributes:
        number: counted from 1, the coarsest.
        size: width and height of the canvas, in pixels.
        style_sizes: width and height of each style picture, in pixels.
        steps: number of steps, which are evaluations of the loss.
        deepest: name of the layer up to which the network is read; None for all of its layers.
        method: what is minimised; that of the recipe, or ``even-nnst``.
        paints_on: whether the content is compared with a mixture of the photograph and the canvas
            with which the level begins; at the levels after coarse ones of another method.
        splits: whether each layer is matched alone; the second of two levels of the finest size
            that is matched.
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

    @property
    def reach(self) -> float:
        """How far style pictures are smoothed along their strokes, in pixels; 0 for not at all.

        Large levels that go on after even matches smooth them: their Gram matrices would ask for
        the grain of the file, but not for where it is.
        """
        return REACH if self.paints_on and max(self.size) > MATCHED_SIDE else 0.0


def plan_for(pictures: Inputs, recipe: Recipe, *, ends_by_layer: bool = False) -> list[Level]:
    """Plan the levels of a run of the given pictures, from coarse to fine.

    Args:
        pictures: the pictures.
        recipe: the settings.
        ends_by_layer: as in :func:`plan`.

    Raises:
        InputError: a canvas or a style picture would be too small for the layers of the recipe.
    """
    canvas = sizes.canvas_size(pictures.content.size, recipe)
    styles = [sizes.style_size(style.picture.size, canvas, recipe) for style in pictures.styles]
    supplied = [style.style.layers for style in pictures.styles]
    return plan(canvas, styles, recipe, supplied, ends_by_layer=ends_by_layer)


def plan(
    canvas: PixelSize,
    styles: Sequence[PixelSize],
    recipe: Recipe,
    supplied: Sequence[Collection[str] | None] = (),
    *,
    ends_by_layer: bool = False,
) -> list[Level]:
    """The levels of a run, each twice as large as the one before, up to the canvas itself.

    The finest level takes half as many steps as each of the others: it only adds detail. With
    relative losses, it also reads only the layers up to the shallowest content layer, or to the
    deepest one on a canvas of more than 1,280 pixels, because the coarser levels have settled what
    deeper layers see; it does so only if every style supplies one of these layers. With absolute
    losses, what counts is how far the loss of the finest level falls, and each of the others takes
    a ninth of the steps. With ``strotss``, all take as many; with ``nnst``, the level whose layers
    are matched alone takes 30 %, and the others share the rest.

    By default, the levels of up to 640 pixels minimise the losses of ``even-nnst``, which needs all
    layers of every style. The finest of them comes twice, the second time with layers matched
    alone, and reads only shallow layers. Those before it take about a third of the steps together,
    and the finer sizes share the rest equally: with fewer, the finest would end with a fine mesh.

    >>> for level in plan((1024, 768), [(1024, 640)], Recipe(levels=3)):
    ...     print(level.number, level.size, level.steps, level.method, level.deepest, level.splits)
    1 (256, 192) 18 even-nnst None False
    2 (512, 384) 9 even-nnst relu3_1 False
    3 (512, 384) 7 even-nnst relu3_1 True
    4 (1024, 768) 16 layers conv3_2 False

    Args:
        canvas: width and height of the canvas at the finest level, in pixels.
        styles: width and height of each style picture at the finest level.
        recipe: gives the number of steps and of levels; levels that would be too small are left
            out.
        supplied: for each style, the names of the style layers that it supplies, or None for all.
        ends_by_layer: whether the canvas itself is never one of the levels of up to 640 pixels; so
            it is with tiles of a given size, because ``even-nnst`` needs the whole picture.

    Returns:
        The levels, from coarse to fine.
    """
    whole = len(styles) > 0 and all(layers is None for layers in supplied)
    by_layer = ends_by_layer or isinstance(recipe.tile, int)
    matched = EVEN if whole and recipe.matches_evenly else recipe.method
    planned: list[_Planned] = []
    for halvings in range(_count(max(canvas), recipe, matched)):
        here = recipe.method if by_layer and not halvings else matched
        one = _planned(canvas, styles, 1 << halvings, here, recipe.method)
        if planned and one.shortest < METHODS[one.method].smallest_side:
            break
        planned.insert(0, one)
    finest = max((one for one in planned if one.method == matched), default=None)
    if finest is not None and METHODS[matched].splits and recipe.steps > 1:
        planned.insert(planned.index(finest) + 1, finest._replace(splits=True))
    planned = planned[-recipe.steps :]
    if planned[0].splits:
        planned[0] = planned[0]._replace(splits=False)
    steps = _shares(planned, recipe)
    return [
        Level(
            number,
            one.size,
            one.styles,
            count,
            _deepest(number, planned, recipe, supplied),
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

    @property
    def shortest(self) -> int:
        """The shortest side of its canvas and its style pictures, in pixels."""
        return min(*self.size, *(min(style) for style in self.styles))


def _planned(
    canvas: PixelSize, styles: Sequence[PixelSize], by: int, matched: str, otherwise: str
) -> _Planned:
    """A level so many times as small as the canvas, and its method: ``matched`` if it suits it."""
    one = _Planned(_divided(canvas, by), tuple(_divided(style, by) for style in styles), matched)
    suits = one.shortest >= METHODS[matched].smallest_side and max(one.size) <= MATCHED_SIDE
    return one if suits else one._replace(method=otherwise)


def recipe_at(level: Level, recipe: Recipe) -> Recipe:
    """The settings of a level: those of the run, or those of ``even-nnst``.

    Where ``even-nnst`` reads all of its layers, it also sees the style turned; the shallow layers
    see single strokes, of which the style has enough.
    """
    settings = _of_method(level.method, recipe)
    if level.method != EVEN:
        return settings
    if level.deepest is None:
        turned = "rotate" if recipe.style_symmetry == "none" else recipe.style_symmetry
        return settings.model_copy(update={"style_symmetry": turned})
    return settings.model_copy(update={"style_layers": _up_to(level.deepest, settings)})


def taps_at(level: Level, recipe: Recipe) -> Collection[str]:
    """The layers that the network of a level gives: those of all levels with the same method."""
    return _of_method(level.method, recipe).layers


def _of_method(method: str, recipe: Recipe) -> Recipe:
    """The settings of levels with a method: those of the run, or those of ``even-nnst``."""
    return recipe if method == recipe.method else recipe.as_even_nnst()


def layers_at(level: Level, recipe: Recipe, network: Architecture) -> tuple[Layer, ...]:
    """The layers of a network that a level computes, from the first to the deepest."""
    read = recipe_at(level, recipe).layers if level.deepest is None else {level.deepest}
    return network.up_to_deepest(read)


def deepest_at_the_end(
    longer: int, recipe: Recipe, supplied: Sequence[Collection[str] | None] = ()
) -> str | None:
    """The layer up to which a finest level that follows others reads the network; None for all.

    It is the shallowest content layer that has a weight, or the deepest on a large canvas, if every
    style supplies a style layer with a weight up to it. Otherwise the level would have no style
    loss, or none of some style.

    >>> deepest_at_the_end(1024, Recipe()), deepest_at_the_end(2048, Recipe())
    ('conv3_2', 'conv4_2')
    >>> deepest_at_the_end(1024, Recipe(), [None, ("conv4_1", "conv5_1")])
    >>> deepest_at_the_end(1024, Recipe(balance="absolute", beta=1000))

    Args:
        longer: the longer side of the canvas, in pixels.
        recipe: the settings.
        supplied: for each style, the names of the style layers that it supplies, or None for all.
    """
    content = _weighted(recipe.content_read)
    if recipe.balance == "absolute" or not content:
        return None
    deepest = content[0 if longer <= SHALLOW_SIDE else -1]
    within = _up_to(deepest, recipe).keys()
    every = all(layers is None or within & set(layers) for layers in supplied)
    return deepest if within and every else None


def _deepest(
    number: int,
    planned: Sequence[_Planned],
    recipe: Recipe,
    supplied: Sequence[Collection[str] | None],
) -> str | None:
    """The layer up to which a planned level reads the network; None for all."""
    one = planned[number - 1]
    if one.method == EVEN:
        is_finest = planned[0].size != one.size == _finest_matched(planned)
        shallow = _up_to(SHALLOW, _of_method(EVEN, recipe))
        return in_order(shallow)[-1] if is_finest and shallow else None
    if not 1 < number == len(planned):
        return None
    return deepest_at_the_end(max(one.size), recipe, supplied)


def _finest_matched(planned: Sequence[_Planned]) -> PixelSize | None:
    """The size of the finest level of ``even-nnst``; None if there is none."""
    return max((one.size for one in planned if one.method == EVEN), default=None)


def _up_to(deepest: str, recipe: Recipe) -> dict[str, float]:
    """The style layers of a recipe up to a layer, with their weights."""
    weights = recipe.style_layers
    return {
        name: weights[name]
        for name in _weighted(weights)
        if in_order({name, deepest})[-1] == deepest
    }


def _weighted(layers: Mapping[str, float]) -> list[str]:
    """The names of the layers whose weight is not 0, from shallow to deep."""
    return in_order([name for name, weight in layers.items() if weight])


def _shares(planned: Sequence[_Planned], recipe: Recipe) -> list[int]:
    """The number of steps of each level, the finest last."""
    finest = _finest_matched(planned)
    if finest is None:
        count = len(planned)
        return _evenly(recipe.steps, count, _finest(recipe.steps, count, recipe))
    coarse = [one for one in planned if one.size < finest]
    left = len(planned) - len(coarse)
    first: list[int] = []
    if coarse:
        most = recipe.steps - left
        of_coarse = min(max(round(COARSE_SHARE * recipe.steps), len(coarse)), most)
        first = _evenly(of_coarse, len(coarse), of_coarse // len(coarse))
    finer_sizes = len({one.size for one in planned}) - len(coarse)
    steps = recipe.steps - sum(first)
    at_finest, *finer = _evenly(steps, finer_sizes, steps // finer_sizes)
    if left > finer_sizes:
        split = max(1, round(EVEN_SPLIT_SHARE * at_finest))
        finer = [split, *finer]
        at_finest -= split
    return [*first, at_finest, *finer]


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
