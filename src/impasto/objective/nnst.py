"""Neural neighbours: every place of the canvas gets the features of a similar place of the style.

Kolkin, Kucera, Paris, Sýkora, Shechtman and Shakhnarovich, *Neural Neighbor Style Transfer*,
arXiv:2203.13215, the variant NNST-Opt. Hypercolumns are matched once a level; at the end every
layer is matched alone ("feature splitting"), in several rounds. There are three differences from
the paper, and a fourth with VGG-19, where it has VGG-16. Each layer is scaled by its energy in the
style picture rather than by its number of channels. The content is matched in the style's colours.
And the lengths of feature vectors count a little: without that, nothing keeps L-BFGS from raising
the contrast.

With several styles, every place is matched in each of them, and what is wanted there is the mean of
the matches, weighted by the shares of the styles. Where the shares do not add up to 1, because of a
mask or a low strength, the rest is the content.

The method ``even-nnst`` differs in what is matched: see :mod:`impasto.objective.even`. Its rounds
are shorter and compare fewer positions. Its canvases keep the palette of the content picture in the
style's colours, and detail beyond the style's is penalised, because matches alone raise contrast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.network.bands import slices
from impasto.network.devices import exact_convolutions
from impasto.network.hypercolumns import POOLS, on_grid
from impasto.network.pyramid import averaged, details
from impasto.network.readings import NO_GRIDS, Grid
from impasto.objective.detail import detail_of, detail_within, excess_loss, lags_for
from impasto.objective.even import handicaps
from impasto.objective.losses import (
    SMALLEST_ENERGY,
    SMALLEST_NORM,
    directions,
    most_alike,
)
from impasto.objective.palette import Palette, palette_loss, palette_of
from impasto.objective.regions import Share, StyleCanvas, blended, rest_of
from impasto.objective.rounds import Compared, LossOfCanvas, Parts, Rounds
from impasto.objective.shared import at_once, products_and_lengths, shared
from impasto.pictures.masks import pooled
from impasto.process import threads
from impasto.settings.layers import BY_NAME
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

SAMPLE = 256  # hypercolumns of the canvas from which the handicaps of the style's are found
AT_ONCE = 256  # hypercolumns that a thread searches for at a time
ROUNDS = 8  # in which layers are matched alone
STEPS_EVENLY = 2  # of such a round, if the style is matched evenly
SMALLEST_AREA = 1e-6  # of a style, as a share of the canvas; a smaller one counts as this
FEWEST = 16  # places of a region whose mean is taken for its centre
PALETTE = 1.0  # weight of the palette's loss in even-nnst
DETAIL = 1.0  # weight of its loss of the detail that exceeds the style's
FLATTEST = 0.1  # of the variance of the style's colours; a palette of less is not wanted
LENGTH = 0.1  # weight of the squared logarithm of the ratio of two lengths


class PlaceCounts(NamedTuple):
    """How many places are compared.

    Attributes:
        style: of the style picture, among which the nearest hypercolumn is searched.
        sampled: at least so many along the longer side of the canvas, and fewer than twice as many,
            where a layer is matched alone; all of them if there are no more.
        alone: of the style picture, among which the nearest of such a layer is searched.
    """

    style: int
    sampled: int
    alone: int


OF_NNST, OF_EVEN_NNST = PlaceCounts(8192, 64, 4096), PlaceCounts(4096, 48, 2048)


@dataclass(frozen=True)
class FeaturesOfStyles:
    """What a level reads of the styles, which runs can share.

    Attributes:
        by_style: for each style, its feature vectors and those of its turned copies, each (C, N):
            the scaled hypercolumns, or those of each layer.
        factors: the scales of the layers in hypercolumns.
    """

    by_style: Sequence[Sequence[Tensor]]
    factors: Sequence[float] = ()

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return sum(one.numel() * one.element_size() for own in self.by_style for one in own)


def neighbours(compared: Compared) -> Rounds:
    """The objective of a level."""
    made = Neighbours(compared)
    if compared.splits:
        return compared.rounds(made.by_layer, rounds_of(compared.steps, compared.recipe))
    return compared.rounds(made.by_hypercolumn)


def rounds_of(steps: int, recipe: Recipe) -> int:
    """In how many rounds the layers are matched alone in so many steps."""
    return math.ceil(steps / STEPS_EVENLY) if METHODS[recipe.method].evenly else min(steps, ROUNDS)


def place_counts_of(recipe: Recipe) -> PlaceCounts:
    """How many places the method of a recipe compares."""
    return OF_EVEN_NNST if METHODS[recipe.method].evenly else OF_NNST


class Neighbours:
    """Makes losses from matches between content, canvas and style.

    Args:
        compared: the pictures and settings of a level; at the first of a run, the canvas has no say
            in the matches.

    Attributes:
        evenly: whether every part of the style is matched about equally often.
    """

    def __init__(self, compared: Compared) -> None:
        self._compared, self._content = compared, compared.content
        self.evenly = METHODS[compared.recipe.method].evenly
        self._counts = place_counts_of(compared.recipe)
        self._layers = list(compared.weights)
        total = sum(compared.weights.values())
        self._weights = [weight / total for weight in compared.weights.values()]
        self._canvas_share = 0.0 if compared.number == 1 else compared.recipe.canvas_share
        self._shares = [compared.recipe.matched_share * share for share in compared.shares]
        self._palette = self._wanted_palette() if self.evenly else None
        canvases = [style.canvas for style in compared.styles]
        self._lags = lags_for([self._content, *canvases]) if self.evenly else ()
        with torch.no_grad(), exact_convolutions():
            self._detail = self._wanted_detail() if self._lags else None
            self._alone = self._read_once(self._read_alone).by_style if compared.splits else ()

    def by_hypercolumn(self, canvas: Tensor, _: int) -> LossOfCanvas:
        """Match hypercolumns of a mixture of content and canvas with those of the style.

        The canvas comes from a coarser level, so the details in the mixture are the content's.
        """
        mixture = self._content.lerp(canvas + details(self._content), self._canvas_share)
        read = self._read_once(self._read_hypercolumns)
        styles, factors = [found for (found,) in read.by_style], read.factors

        def hypercolumns(picture: Tensor) -> Tensor:
            return self._hypercolumns(picture, self._maps(picture, POOLS), factors)

        shares = [_at_places(share, POOLS) for share in self._shares]
        matched = self._matched(hypercolumns(mixture), styles, shares)
        targets = blended(matched, shares, lambda: hypercolumns(self._content))
        del matched, styles, read
        wanted = self._parts_by_layer(targets)
        squares = targets.square().sum(0)
        size = canvas.shape[1], canvas.shape[2]

        def compare(number: int, features: Tensor) -> tuple[Tensor, Tensor]:
            factor = factors[number]
            one = on_grid(self._layers[number], features, size)
            products, lengths = products_and_lengths(one, wanted[number])
            return factor * products, factor**2 * lengths

        def loss(canvas: Tensor) -> Parts:
            both = zip(*shared(compare, self._maps(canvas, POOLS)), strict=True)
            products, lengths = (torch.stack(parts).sum(0) for parts in both)
            return self._of_style(canvas, distance(products, lengths, squares))

        return loss

    def by_layer(self, canvas: Tensor, round_number: int) -> LossOfCanvas:
        """Match each layer alone, at positions on a coarse grid that moves from round to round."""
        grids = self._grids(canvas, torch.Generator().manual_seed(round_number))

        def read(picture: Tensor) -> list[Tensor]:
            return [one.flatten(1) for one in self._maps(picture, grids=grids)]

        with torch.enable_grad():
            begun = [read(canvas)]
        own = [one.detach() for one in begun[0]]
        contents = read(self._content) if self._keeps_content else own
        targets = [
            self._wanted_alone(number, *both)
            for number, both in enumerate(zip(grids.values(), own, contents, strict=True))
        ]
        squares = [target.square().sum(0) for target in targets]

        def compare(number: int, features: Tensor) -> tuple[Tensor]:
            both = products_and_lengths(_centred(features), targets[number])
            return (self._weights[number] * distance(*both, squares[number]),)

        def loss(picture: Tensor) -> Parts:
            if picture is not canvas:
                begun.clear()
            features = begun.pop() if begun else read(picture)
            parts = [part for (part,) in shared(compare, features)]
            return self._of_style(picture, torch.stack(parts).sum())

        return loss

    def _wanted_palette(self) -> Palette | None:
        """The palette of the content picture in the style's colours; None if it is flat beside it.

        A flat picture stays flat in other colours, and its painting should not.
        """
        found = palette_of(self._content)
        colours = (
            _counted(style.canvas.flatten(1), style.style_mask, 0)
            for style in self._compared.styles
        )
        widest = max(torch.trace(palette_of(one).covariance) for one in colours)
        is_flat = torch.trace(found.covariance) < FLATTEST * widest
        return None if is_flat else found

    def _wanted_detail(self) -> Tensor:
        """The most detail that is wanted: the mean of that of the styles and the content."""
        found = (self._detail_of(style) for style in self._compared.styles)
        shares = [_mean(share) for share in self._shares]
        return blended(found, shares, lambda: detail_of(self._content, self._lags))

    def _detail_of(self, style: StyleCanvas) -> Tensor:
        """The detail of a style picture, where its style mask marks it."""
        if style.style_mask is None:
            return detail_of(style.canvas, self._lags)
        return detail_within(style.canvas, self._lags, _marked(style.style_mask, 0))

    def _of_style(self, canvas: Tensor, loss: Tensor) -> Parts:
        """The loss of a canvas, given that of its features."""
        if self._palette is not None:
            loss = loss + PALETTE * palette_loss(palette_of(canvas), self._palette)
        if self._detail is not None:
            loss = loss + DETAIL * excess_loss(detail_of(canvas, self._lags), self._detail)
        return Parts(loss, torch.zeros_like(loss), loss)

    def _wanted_alone(self, number: int, grid: Grid, own: Tensor, content: Tensor) -> Tensor:
        """The centred features, (C, N), that a layer should have at the positions of a grid.

        The centre is the mean of the whole style picture, or with regions that of what is wanted.

        Args:
            number: number of the layer.
            grid: the positions.
            own: the canvas's features there, (C, N).
            content: the content picture's, if the content has a share.
        """
        pools = BY_NAME[self._layers[number]].pools
        shares = [_at_places(share, pools, grid) for share in self._shares]
        styles = [of_style[number] for of_style in self._alone]
        means = (style.mean(1, keepdim=True) for style in styles)
        wanted = blended(self._matched(own, styles, shares), shares, lambda: content)
        if any(isinstance(share, Tensor) for share in shares):
            return _centred(wanted)
        return wanted - blended(means, shares, lambda: content.mean(1, keepdim=True))

    @property
    def _keeps_content(self) -> bool:
        """Whether the content has a share anywhere."""
        return rest_of(self._shares) is not None

    def _read_once(self, read: Callable[[], FeaturesOfStyles]) -> FeaturesOfStyles:
        """The features of the styles; read only if no other run has."""
        found: FeaturesOfStyles
        (found,) = self._compared.of_styles(lambda: (read(),))
        return found

    def _read_alone(self) -> FeaturesOfStyles:
        """The features of the styles, each layer alone."""
        return FeaturesOfStyles([self._alone_of(style) for style in self._compared.styles])

    def _alone_of(self, style: StyleCanvas) -> list[Tensor]:
        """The features of a style picture and its turned copies, layer by layer, (C, N)."""
        ways = self._turned(style)
        most = self._counts.alone // len(ways)
        seen = [
            [
                _thinned(_counted(one.flatten(1), mask, BY_NAME[name].pools), most)
                for name, one in zip(self._layers, self._maps(canvas), strict=True)
            ]
            for canvas, mask in ways
        ]
        return [_joined(parts) for parts in zip(*seen, strict=True)]

    def _read_hypercolumns(self) -> FeaturesOfStyles:
        """The scaled hypercolumns of each style, all layers in one, and the scales.

        The scale of a layer follows from the mean squared length of its feature vectors in the
        styles.
        """
        areas = [max(_mean(share), SMALLEST_AREA) for share in self._compared.shares]
        energies = [0.0] * len(self._layers)
        styles = []
        for style, area in zip(self._compared.styles, areas, strict=True):
            found, of_style = self._hypercolumns_of(style)
            styles.append(found)
            energies = [
                energy + area / sum(areas) * own
                for energy, own in zip(energies, of_style, strict=True)
            ]
        factors = [
            math.sqrt(weight / max(energy, SMALLEST_ENERGY))
            for weight, energy in zip(self._weights, energies, strict=True)
        ]
        for found in styles:
            for part, factor in zip(self._parts_by_layer(found), factors, strict=True):
                part.mul_(factor)
        return FeaturesOfStyles([[found] for found in styles], factors)

    def _hypercolumns_of(self, style: StyleCanvas) -> tuple[Tensor, list[float]]:
        """The hypercolumns of a style, (C, N), and each layer's energy in the unturned picture."""
        ways = self._turned(style)
        most = self._counts.style // len(ways)
        seen: list[Tensor] = []
        energies: list[float] = []
        for canvas, mask in ways:
            maps = self._maps(canvas, POOLS if energies else 0)
            energies = energies or self._energies(maps, mask)
            found = self._hypercolumns(canvas, maps, [1.0] * len(maps))
            seen.append(_thinned(_counted(found, mask, POOLS), most))
            del maps, found  # before those of the next are made
        return _joined(seen), energies

    def _matched(
        self, own: Tensor, styles: Sequence[Tensor], shares: Sequence[Share]
    ) -> Iterator[Tensor]:
        """For each style, its feature vectors that match a canvas's, (C, N)."""
        found = [
            _matches(own, style, share, evenly=self.evenly)
            for style, share in zip(styles, shares, strict=True)
        ]
        return (_some(style, index) for style, index in zip(styles, found, strict=True))

    def _turned(self, style: StyleCanvas) -> list[tuple[Tensor, Tensor | None]]:
        """A style picture and its turned copies, each with its style mask."""
        return list(style.turned(self._compared.recipe.style_symmetry))

    def _energies(self, maps: Sequence[Tensor], style_mask: Tensor | None) -> list[float]:
        """The mean squared length of a style's feature vectors, layer by layer."""

        def energy(number: int) -> float:
            pools = BY_NAME[self._layers[number]].pools
            counted = _counted(maps[number].flatten(1), style_mask, pools)
            return counted.square().sum(0).mean().item()

        return threads.results(energy, range(len(maps)), maps[0].device)

    def _grids(self, canvas: Tensor, generator: torch.Generator) -> dict[str, Grid]:
        """The positions at which each layer is matched alone in a round."""
        height, width = canvas.shape[1:]
        pools = {name: BY_NAME[name].pools for name in self._layers}
        return {
            name: _grid((height >> by, width >> by), self._counts.sampled, generator)
            for name, by in pools.items()
        }

    def _maps(
        self, picture: Tensor, pools: int = 0, grids: Mapping[str, Grid] = NO_GRIDS
    ) -> list[Tensor]:
        """The feature maps of a picture, layer by layer."""
        return list(self._compared.maps(picture, pools, grids).values())

    def _parts_by_layer(self, hypercolumns: Tensor) -> Sequence[Tensor]:
        """The parts of hypercolumns, (C, N), that are of each layer."""
        return torch.split(hypercolumns, [BY_NAME[name].channels for name in self._layers])

    def _hypercolumns(
        self, picture: Tensor, maps: Sequence[Tensor], factors: Sequence[float]
    ) -> Tensor:
        """The scaled hypercolumns of a picture, all layers in one, (C, N), from its maps."""
        size = picture.shape[1], picture.shape[2]
        ends = list(accumulate(len(one) for one in maps))
        places = (size[0] >> POOLS) * (size[1] >> POOLS)
        if maps[0].stride(0) == 1:  # the features of a place are adjacent in memory
            joined = maps[0].new_empty(places, ends[-1]).T
        else:
            joined = maps[0].new_empty(ends[-1], places)

        def write(number: int) -> None:
            one = on_grid(self._layers[number], maps[number], size)
            rows = slice(ends[number] - len(one), ends[number])
            torch.mul(one, factors[number], out=joined[rows])

        threads.results(write, range(len(maps)), picture.device)
        return joined


def distance(products: Tensor, lengths: Tensor, squares: Tensor) -> Tensor:
    r"""Mean cosine distance of feature vectors, plus a little for a difference of their lengths.

    .. math:: \mathrm{mean}_i \left(1 - \cos(F_i, F'_i) + 0.1 \ln^2 (|F_i| / |F'_i|)\right)

    The cosine distance is equation 2 of the paper.

    Args:
        products: the inner products of a canvas's feature vectors with those wanted, (N).
        lengths: the squared lengths of the canvas's, (N).
        squares: the squared lengths of those wanted, (N).

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> distance(torch.tensor([0.0]), torch.tensor([9.0]), torch.tensor([9.0]))  # a right angle
        tensor(1.)
    """
    smallest = SMALLEST_NORM**2
    lengths, squares = lengths.clamp_min(smallest), squares.clamp_min(smallest)
    cosines = products / (lengths * squares).sqrt()
    return (1 - cosines + LENGTH * ((lengths / squares).log() / 2).square()).mean()


def nearest(
    own: Tensor, style: Tensor, centre: Tensor | None = None, *, evenly: bool = False
) -> Tensor:
    """For every feature vector, (C, M), the index of the most similar one of the style, (C, N).

    Both are centred before their directions are compared, by their means unless a centre of the
    first, (C, 1), is given. The handicaps of :mod:`impasto.objective.even` count if ``evenly``.
    """
    device, count = own.device, at_once(own.device, AT_ONCE)
    mean = style.mean(1, keepdim=True)
    unit = torch.empty_like(style)
    own_mean = own.mean(1, keepdim=True) if centre is None else centre

    def scale(part: slice) -> None:
        unit[:, part] = directions(style[:, part] - mean)

    threads.results(scale, slices(0, style.shape[1], count), device)
    added = None
    if evenly:
        added = handicaps(directions(_sampled(own) - own_mean), unit)

    def search(part: Tensor) -> Tensor:
        return most_alike(part - own_mean, unit, added)

    return torch.cat(threads.results(search, torch.split(own, count, 1), device))


def _grid(size: tuple[int, int], most: int, generator: torch.Generator) -> Grid:
    """Rows and columns of a feature map, H × W, evenly spaced from a random first one on."""
    height, width = size
    step = max(1, max(height, width) // most)
    top, left = torch.randint(step, (2,), generator=generator).tolist()
    return slice(top % height, None, step), slice(left % width, None, step)


def _at_places(share: Share, pools: int, grid: Grid = (slice(None), slice(None))) -> Share:
    """The shares of a style, H × W, at the positions of a layer, (N); a number stays one."""
    return pooled(share, pools)[grid].flatten() if isinstance(share, Tensor) else share


def _matches(own: Tensor, style: Tensor, share: Share, *, evenly: bool) -> Tensor:
    """As :func:`nearest`, for the places where the style has a share; 0 for the others."""
    if not isinstance(share, Tensor):
        return nearest(own, style, evenly=evenly)
    places = share.nonzero()[:, 0]
    found = torch.zeros_like(share, dtype=torch.long)
    if len(places):
        inside = _some(own, places)
        centre = inside if len(places) >= FEWEST else own
        found[places] = nearest(inside, style, centre.mean(1, keepdim=True), evenly=evenly)
    return found


def _mean(share: Share) -> float:
    return share.mean().item() if isinstance(share, Tensor) else share


def _counted(held: Tensor, style_mask: Tensor | None, pools: int) -> Tensor:
    """Those of a style's feature vectors, (C, N), whose places the style mask marks."""
    if style_mask is None:
        return held
    return _some(held, _marked(style_mask, pools).flatten())


def _marked(style_mask: Tensor, pools: int) -> Tensor:
    """Which places behind some poolings a style mask, H × W, marks."""
    height, width = style_mask.shape
    shares = averaged(style_mask[None], (height >> pools, width >> pools))[0]
    return shares >= shares.max() / 2


def _centred(held: Tensor) -> Tensor:
    return held - held.mean(1, keepdim=True)


def _thinned(held: Tensor, most: int) -> Tensor:
    """A copy of at most a number of feature vectors, (C, N), evenly spaced."""
    return held[:, :: math.ceil(held.shape[1] / most)].clone()


def _sampled(held: Tensor) -> Tensor:
    """Feature vectors, (C, N), at random places, the same for every call.

    Evenly spaced ones could all be of one column of the picture.
    """
    drawn = torch.randperm(held.shape[1], generator=torch.Generator().manual_seed(0))
    return _some(held, drawn[:SAMPLE].sort().values.to(held.device))


def _some(held: Tensor, chosen: Tensor) -> Tensor:
    """Some of the feature vectors, (C, N), each of them adjacent in memory."""
    return held.T[chosen].T


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Feature vectors one after the other, (C, N), each of them adjacent in memory."""
    return torch.cat([part.T for part in parts]).T
