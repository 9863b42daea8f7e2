"""The loss of a canvas and its gradient, of the whole picture or tile by tile.

The style loss sees a picture only through a statistic, such as Gram matrices, which is a sum over
positions. So it takes two passes over the tiles: the first adds up the statistic, whose loss gives
the gradient by it; the second looks at every tile again, holds that gradient constant, adds the
tile's share of the content loss, and gathers the gradient by the canvas. The result is that of the
whole picture but for rounding, and memory holds one tile's feature maps at a time. A loss that is
no such sum looks at the whole picture at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.network.statistics import gram
from impasto.network.tiles import Box, Tile, cut_for, share
from impasto.network.vgg import VGG19
from impasto.objective import losses
from impasto.objective.cache import TileMaps
from impasto.objective.losses import SMALLEST_ENERGY, Loss, total_variation
from impasto.objective.regions import Region, Statistics, StyleCanvas, guides_for, region_of
from impasto.settings.layers import BY_NAME, INPUT
from impasto.settings.loss_table import STYLE_LOSSES
from impasto.settings.recipe import Recipe

Distances = list[dict[str, Loss]]  # of one region after another, by layer name
KEPT_BYTES = 2**29  # of content targets in memory; where they would be more, they go to a file


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation measured.

    Attributes:
        loss: alpha · content + beta · style, and the total variation if it has a weight.
        content: content loss before alpha.
        style: style loss before beta.
        gradient: d followed / d canvas, 3 × H × W.
        correction: how much larger it is than an estimate like those before it would have been.
        turn: by how much the gradient differs from that of such an estimate; None for nothing.
        stand_in: what the loss would be with the stand-in for the style loss, if that is followed.
    """

    loss: float
    content: float
    style: float
    gradient: Tensor
    correction: float = 0.0
    turn: Tensor | None = None
    stand_in: float | None = None

    @property
    def followed(self) -> float:
        """What the gradient leads down: the loss or its stand-in."""
        return self.loss if self.stand_in is None else self.stand_in

    def is_finite(self) -> bool:
        """Whether the losses and every entry of the gradient are finite."""
        losses = math.isfinite(self.loss) and math.isfinite(self.followed)
        return losses and math.isfinite(self.gradient.sum().item())


class Losses(NamedTuple):
    """Losses of one canvas, each a scalar.

    Attributes:
        total: alpha · content + beta · style, and the total variation if it has a weight.
        followed: the total with the stand-in for the style loss, if that is followed.
        content: content loss before alpha.
        style: style loss before beta.
    """

    total: Tensor
    followed: Tensor
    content: Tensor
    style: Tensor


def evaluation(numbers: Sequence[float], gradient: Tensor, *, stand_in: bool) -> Evaluation:
    """What was measured, from the numbers of :class:`Losses` and the gradient.

    Args:
        numbers: total, followed, content and style loss.
        gradient: d followed / d canvas, 3 × H × W.
        stand_in: whether the stand-in for the style loss is followed.
    """
    total, followed, content, style = numbers
    return Evaluation(total, content, style, gradient, stand_in=followed if stand_in else None)


class Objective:
    """How far a canvas is from the content of one picture and the style of others.

    Args:
        network: reads every layer of the recipe's.
        content: 3 × H × W, RGB in 0…255 with the network's mean taken away.
        styles: what the canvas should have the statistics of; looked at one after the other.
        recipe: gives the layers, their weights and balance, alpha and the style's weight.
        tile: side of a tile's core in pixels, a multiple of 16; None to look at whole pictures.
        targets: the content's maps, if another objective has measured the same.
        regions: the styles' statistics, if another objective has measured them; the styles are
            not measured then.

    Attributes:
        targets: the content picture's maps by content layer, tile for tile.
        regions: what the styles ask for.
    """

    def __init__(
        self,
        network: VGG19,
        content: Tensor,
        styles: Iterable[StyleCanvas],
        recipe: Recipe,
        tile: int | None = None,
        *,
        targets: TileMaps | None = None,
        regions: Sequence[Region] | None = None,
    ) -> None:
        self.network = network
        self.alpha, self.beta = recipe.alpha, recipe.style_weight
        self.content_weights = recipe.content_read
        self.tiles = self._cut(content, tile)
        self._whole = _whole(content)
        self._smoothing = recipe.tv, recipe.tv_weight
        self._sees = losses.STATISTICS[STYLE_LOSSES[recipe.style_loss].statistic]
        self._content_distance = losses.CONTENT_LOSSES[recipe.content_loss]
        if targets is None:
            targets = self._measure(content, target_bytes(network, recipe, self._whole))
        if regions is None:
            regions = self._regions(styles, recipe, tile) if self.beta else []
        self.targets, self.regions = targets, regions
        self.style_layers = sorted({name for region in self.regions for name in region.targets})
        masks = [region.mask for region in self.regions]
        make = losses.STYLE_LOSSES[recipe.style_loss]
        self._style_distances: Distances = [
            {name: make(target) for name, target in region.targets.items()}
            for region in self.regions
        ]
        self._guides = guides_for(masks, self.style_layers, (content.shape[1], content.shape[2]))
        self.style_weights = [
            self._weights_in(region, distances, recipe)
            for region, distances in zip(self.regions, self._style_distances, strict=True)
        ]
        if recipe.balance == "relative":
            self.content_weights = _relative(self.content_weights, self._content_energies())
        self._stand_ins: Distances = []
        if follows_stand_in(recipe):
            make_stand_in = losses.STAND_INS[recipe.style_loss]
            self._stand_ins = self._make_stand_ins(content, make_stand_in)

    def features_of(
        self, picture: Tensor, features: Iterable[str], styles: Iterable[str], first: str = INPUT
    ) -> tuple[dict[str, Tensor], Statistics]:
        """What some of the losses see of a whole picture, or go on to see from the map of a layer.

        Args:
            picture: 3 × H × W, or the map of the first layer, C × H' × W'.
            features: names of content layers.
            styles: names of style layers.
            first: the layer whose map is given.

        Returns:
            By layer name, the maps, and the statistics of one region after another.
        """
        return self._features_of(picture, features, styles, self._guides, first=first)

    def content_loss(self, features: Mapping[str, Tensor]) -> Tensor:
        """The content loss of those of the layers whose maps of the whole picture are given."""
        (target,) = self.targets
        return self._content_loss(features, target)

    def style_loss(self, seen: Statistics, *, stand_in: bool = False) -> Tensor:
        """The style loss of those of the layers whose statistics are given, or its stand-in."""
        distances = self._stand_ins if stand_in else self._style_distances
        return self._sum(
            weight * distances[index][name](seen[name][index])
            for index, weights in enumerate(self.style_weights)
            for name, weight in weights.items()
            if name in seen
        )

    def losses_of(
        self,
        canvas: Tensor,
        features: Mapping[str, Tensor],
        seen: Statistics,
        deep: tuple[Tensor, Tensor] | None = None,
        *,
        stand_in: bool,
    ) -> Losses:
        """The losses of a canvas, of which the maps and the statistics are given.

        Args:
            canvas: 3 × H × W.
            features: maps of content layers, by name.
            seen: statistics of style layers, by name.
            deep: content and style loss of layers that are not given; None where all are.
            stand_in: follow the stand-in for the style loss.
        """
        content, style = self.content_loss(features), self.style_loss(seen)
        easier = self.style_loss(seen, stand_in=True) if stand_in else style
        if deep is not None:
            content, style, easier = content + deep[0], style + deep[1], easier + deep[1]
        total = followed = self.total(canvas, content, style)
        if stand_in:
            followed = self.total(canvas, content, easier)
        return Losses(total, followed, content, style)

    def total(self, canvas: Tensor, content: Tensor, style: Tensor) -> Tensor:
        """The loss of a canvas that has those losses."""
        return self.alpha * content + self.beta * style + self._roughness(canvas)

    def __call__(self, canvas: Tensor, *, stand_in: bool = False) -> Evaluation:
        """Evaluate a canvas.

        Args:
            canvas: 3 × H × W.
            stand_in: follow the stand-in for the style loss.
        """
        canvas = canvas.detach()
        with exact_convolutions():
            if len(self.tiles) == 1:
                canvas.requires_grad_()
                features, seen = self.features_of(canvas, self.content_weights, self.style_layers)
                measured = self.losses_of(canvas, features, seen, stand_in=stand_in)
                (gradient,) = torch.autograd.grad(measured.followed, canvas)
                numbers = torch.stack(tuple(measured))
            else:
                numbers, gradient = self._by_tiles(canvas, stand_in=stand_in)
        return evaluation(numbers.tolist(), gradient, stand_in=stand_in)  # one wait for the device

    def _by_tiles(self, canvas: Tensor, *, stand_in: bool) -> tuple[Tensor, Tensor]:
        """Total, what is followed, content and style loss of a canvas; and the gradient."""
        with torch.no_grad():
            seen = self._statistics(canvas, self.tiles, self.style_layers, self._guides)
        leaves = [statistic.requires_grad_() for statistic in seen.values()]
        style = self.style_loss(seen)
        easier = self.style_loss(seen, stand_in=True) if stand_in else style
        by_statistic = torch.autograd.grad(self.beta * easier, leaves) if leaves else ()
        canvas.requires_grad_()
        rough = self._roughness(canvas)
        gradient = torch.zeros_like(canvas)
        if rough.requires_grad:
            (gradient,) = torch.autograd.grad(rough, canvas)
        content = torch.zeros_like(style)
        for tile, target in zip(self.tiles, self.targets, strict=True):
            window = _window(canvas, tile).requires_grad_()
            features, parts = self._features_of(
                window,
                self.content_weights,
                self.style_layers,
                _guides_of(self._guides, tile),
                tile.inside,
            )
            here = self._content_loss(features, target, tile)
            pull = [
                share(tile.core, _whole(canvas), name) * (by_statistic[index] * parts[name]).sum()
                for index, name in enumerate(seen)
            ]
            (by_window,) = torch.autograd.grad(self.alpha * here + self._sum(pull), window)
            tile.window.of(gradient).add_(by_window)
            content += here.detach()
        totals = (self.alpha * content + self.beta * of + rough for of in (style, easier))
        return torch.stack([*totals, content, style]).detach(), gradient

    def _roughness(self, canvas: Tensor) -> Tensor:
        """What the total variation adds to the loss."""
        kind, weight = self._smoothing
        if not weight:
            return canvas.new_zeros(())
        return weight * total_variation(canvas, kind)

    def _features_of(
        self,
        picture: Tensor,
        features: Iterable[str],
        styles: Iterable[str],
        guides: Mapping[str, Tensor] | None = None,
        core: Box | None = None,
        first: str = INPUT,
    ) -> tuple[dict[str, Tensor], Statistics]:
        """Maps of some layers and statistics of others, of one region after another."""
        if self._sees is gram and guides is None:
            maps, grams = self.network.statistics(picture, features, styles, core, first)
            return maps, {name: matrix.unsqueeze(0) for name, matrix in grams.items()}
        maps = self.network.maps(picture, {*features, *styles}, core, first)
        return {name: maps[name] for name in features}, {
            name: self._sees(maps[name]).unsqueeze(0)
            if guides is None
            else torch.stack([self._sees(maps[name], guide) for guide in guides[name]])
            for name in styles
        }

    def _regions(
        self, styles: Iterable[StyleCanvas], recipe: Recipe, tile: int | None
    ) -> list[Region]:
        """The regions of the styles, with the statistics they should have."""
        regions: list[Region] = []
        for style in styles:
            layers = [
                name for name in recipe.style_layers if style.gives(name) and style.is_seen(name)
            ]
            ways = list(style.turned(recipe.style_symmetry))
            sums: Statistics = {}
            for canvas, mask in ways:
                guides = guides_for([mask], layers, (canvas.shape[1], canvas.shape[2]))
                with torch.no_grad(), exact_convolutions():
                    seen = self._statistics(canvas, self._cut(canvas, tile), layers, guides)
                _add(sums, {name: one[0] / len(ways) for name, one in seen.items()})
            region_of(style, regions).add(style, sums)
        return regions

    def _weights_in(
        self, region: Region, distances: Mapping[str, Loss], recipe: Recipe
    ) -> dict[str, float]:
        """Weights of a region's layers, so that each of its pixels counts as in a whole picture."""
        weights = {name: recipe.style_layers[name] for name in distances}
        if recipe.balance == "relative":
            nothing = {name: self._sees(self._nothing(name)) for name in distances}
            energies = {name: of(nothing[name]).item() for name, of in distances.items()}
            weights = _relative(weights, energies)
        heaviest = {
            name: max(other.weights.get(name, 0.0) for other in self.regions) for name in weights
        }
        return {
            name: region.weights[name] / heaviest[name] * region.area(name) * weight
            for name, weight in weights.items()
        }

    def _make_stand_ins(self, content: Tensor, make: Callable[[Tensor, Tensor], Loss]) -> Distances:
        """Stand-ins for the style losses, to which the content picture is as far from the style."""
        with torch.no_grad(), exact_convolutions():
            seen = self._statistics(content, self.tiles, self.style_layers, self._guides)
        return [
            {name: make(target, seen[name][index]) for name, target in region.targets.items()}
            for index, region in enumerate(self.regions)
        ]

    def _nothing(self, layer: str) -> Tensor:
        """A map of a layer that sees nothing, C × 1 × 1."""
        return torch.zeros(BY_NAME[layer].channels, 1, 1).to(self.network.mean)

    def _statistics(
        self,
        picture: Tensor,
        tiles: Iterable[Tile],
        layers: Sequence[str],
        guides: Mapping[str, Tensor] | None,
    ) -> Statistics:
        """What the style loss sees of a picture by layer, one for each guide."""
        sums: Statistics = {}
        for tile in tiles:
            window, here = _window(picture, tile), _guides_of(guides, tile)
            _, parts = self._features_of(window, (), layers, here, tile.inside)
            whole = _whole(picture)
            _add(sums, {name: part * share(tile.core, whole, name) for name, part in parts.items()})
        return sums

    def _measure(self, content: Tensor, size: int) -> TileMaps:
        """The content picture's maps by content layer, tile for tile, which take so many bytes."""

        def maps() -> Iterator[dict[str, Tensor]]:
            if not self.content_weights:
                yield from ({} for _ in self.tiles)
                return
            for tile in self.tiles:
                with torch.no_grad(), exact_convolutions():
                    window = _window(content, tile)
                    yield self.network.maps(window, self.content_weights, tile.inside)

        if size <= KEPT_BYTES or len(self.tiles) == 1:
            return TileMaps(maps(), in_memory=True)
        try:
            return TileMaps(maps(), in_memory=False)
        except OSError:  # no room on the disk
            return TileMaps(maps(), in_memory=True)

    def _content_energies(self) -> dict[str, float]:
        """The content loss of a canvas in which the layers see nothing; relative ones are parts."""
        energies = dict.fromkeys(self.content_weights, 0.0)
        for tile, targets in zip(self.tiles, self.targets, strict=True):
            for name, target in targets.items():
                part = share(tile.core, self._whole, name)
                nothing = torch.zeros_like(target)
                energies[name] += part * self._content_distance(nothing, target).item()
        return energies

    def _content_loss(
        self, features: Mapping[str, Tensor], target: dict[str, Tensor], tile: Tile | None = None
    ) -> Tensor:
        """The content loss, or a tile's share of it."""
        return self._sum(
            (weight if tile is None else weight * share(tile.core, self._whole, name))
            * self._content_distance(features[name], target[name])
            for name, weight in self.content_weights.items()
            if name in features
        )

    def _sum(self, parts: Iterable[Tensor]) -> Tensor:
        """The sum of some losses, 0 of none."""
        several = list(parts)
        return torch.stack(several).sum() if several else self.network.mean.new_zeros(())

    def _cut(self, picture: Tensor, side: int | None) -> list[Tile]:
        height, width = picture.shape[1:]
        return cut_for(self.network.layers, height, width, side)


def follows_stand_in(recipe: Recipe) -> bool:
    """Whether a run of a recipe may follow a stand-in for the style loss.

    Where losses are relative, the style loss stays so far from 0 that the stand-in's way leads
    elsewhere.

    >>> follows_stand_in(Recipe.preset("gatys-fast")), follows_stand_in(Recipe())
    (True, False)
    """
    stands_in = recipe.style_loss in losses.STAND_INS
    return stands_in and recipe.optimizer == "lbfgs" and recipe.balance == "absolute"


def _guides_of(guides: Mapping[str, Tensor] | None, tile: Tile) -> Mapping[str, Tensor] | None:
    """What guides are at the core of a tile."""
    if guides is None:
        return None
    return {name: tile.core.after(BY_NAME[name].pools).of(guide) for name, guide in guides.items()}


def _add(sums: Statistics, parts: Statistics) -> None:
    for name, part in parts.items():
        sums[name] = sums[name] + part if name in sums else part


def target_bytes(network: VGG19, recipe: Recipe, whole: Box) -> int:
    """What the content targets of a picture that fills that box take in memory."""
    layers = [layer for layer in network.layers if layer.name in recipe.content_read]
    positions = sum(whole.after(layer.pools).area * layer.channels for layer in layers)
    return positions * network.dtype.itemsize


def _whole(picture: Tensor) -> Box:
    return Box(0, picture.shape[1], 0, picture.shape[2])


def _window(picture: Tensor, tile: Tile) -> Tensor:
    """What the network looks at of a picture (3 × H × W) for a tile."""
    return tile.window.of(picture).detach()


def _relative(shares: Mapping[str, float], energies: Mapping[str, float]) -> dict[str, float]:
    """Weights that make every layer's loss a part of its energy, and their sum a mean."""
    total = sum(shares.values()) or 1.0
    return {
        name: weight / total / max(energies[name], SMALLEST_ENERGY)
        for name, weight in shares.items()
    }
