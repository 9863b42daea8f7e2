"""The loss of a canvas and its gradient, for the whole picture at once or in tiles.

The style loss sees a picture only through a statistic, such as Gram matrices, which is a sum over
positions. So an evaluation makes two passes over the tiles. The first adds up the statistic, and
computes the gradient of the style loss with respect to it. The second processes every tile again
with this gradient held constant, adds the tile's share of the content loss, and adds up the
gradient with respect to the canvas. Except for rounding, the result is that of the whole picture,
and memory holds the feature maps of one tile at a time. A loss that is not such a sum needs the
whole picture at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.network.statistics import positions
from impasto.network.tiles import Box, Tile, cut_for
from impasto.network.vgg import VGG
from impasto.objective import losses
from impasto.objective.cache import Maps, TileMaps
from impasto.objective.losses import SMALLEST_ENERGY, Loss
from impasto.objective.of_pixels import Kept, OfPixels
from impasto.objective.reader import Part, Reader, add
from impasto.objective.regions import Region, Statistics, StyleCanvas, guides_for, region_of
from impasto.objective.registered import (
    OWN_CONTENT_LOSSES,
    OWN_STYLE_LOSSES,
    check_energies,
)
from impasto.settings.layers import BY_NAME, INPUT
from impasto.settings.loss_table import STYLE_LOSSES
from impasto.settings.recipe import Recipe

Distances = list[dict[str, Loss]]  # one dictionary per region, by layer name
KEPT_BYTES = 2**29  # of content targets in memory; larger ones are kept in a file


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation.

    Attributes:
        loss: alpha · content + beta · style, plus the weighted losses of the pixels.
        content: content loss, without alpha.
        style: style loss, without beta.
        gradient: d followed / d canvas, 3 × H × W.
        correction: the loss minus the estimate that deferred deep layers would have given.
        stand_in: the loss with the stand-in for the style loss; None if it is not followed.
        is_comparable: whether the loss, with the correction, can be compared with the last one; it
            cannot if that was an estimate whose error is not known.
        is_new: whether the loss is another function than at the last evaluation.
    """

    loss: float
    content: float
    style: float
    gradient: Tensor
    correction: float = 0.0
    stand_in: float | None = None
    is_comparable: bool = True
    is_new: bool = False

    @property
    def followed(self) -> float:
        """The loss that the gradient belongs to: the true loss, or the one with the stand-in."""
        return self.loss if self.stand_in is None else self.stand_in

    def is_finite(self) -> bool:
        """Whether the losses and every entry of the gradient are finite."""
        losses = math.isfinite(self.loss) and math.isfinite(self.followed)
        return losses and math.isfinite(self.gradient.sum().item())


class Losses(NamedTuple):
    """Losses of one canvas, each a scalar.

    Attributes:
        total: alpha · content + beta · style, plus the weighted losses of the pixels.
        followed: the total with the stand-in for the style loss, if the stand-in is followed.
        content: content loss, without alpha.
        style: style loss, without beta.
    """

    total: Tensor
    followed: Tensor
    content: Tensor
    style: Tensor


def evaluation(numbers: Sequence[float], gradient: Tensor, *, stand_in: bool) -> Evaluation:
    """Make an :class:`Evaluation` from the numbers of :class:`Losses` and the gradient.

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
        network: the network, which reads every layer of the recipe.
        content: the content picture, 3 × H × W, RGB in 0…255 minus the network's mean.
        styles: the style pictures, whose statistics are the targets; measured one by one.
        recipe: gives the layers, their weights and balance, the losses, alpha and the style weight.
        deepest: name of the layer up to which the network is read; None for all layers. The weights
            of the others remain what they are.
        tile: side of a tile's core in pixels, a multiple of 16; None to process pictures whole.
        targets: the content picture's feature maps, if another objective has measured them.
        regions: the regions with the styles' statistics, if another objective has measured them;
            then the styles are not measured again.
        kept: the picture that canvases should stay close to; None for no temporal loss.

    Attributes:
        tiles: the tiles of the canvas; only one if it is processed whole.
        part: all of the tiles, with the guides of the regions.
        reader: reads the tiles.
        targets: the content picture's feature maps by content layer, tile by tile.
        regions: the regions of the canvas and their target statistics.
    """

    def __init__(
        self,
        network: VGG,
        content: Tensor,
        styles: Iterable[StyleCanvas],
        recipe: Recipe,
        tile: int | None = None,
        *,
        deepest: str | None = None,
        targets: TileMaps | None = None,
        regions: Sequence[Region] | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.network = network
        self.alpha, self.beta = recipe.alpha, recipe.style_weight
        self._layers = network.layers
        if deepest is not None:
            self._layers = network.architecture.up_to_deepest({deepest})
        self.content_weights = self._within(recipe.content_read)
        self.tiles = self._cut(content, tile)
        self._whole = _whole(content)
        self._of_pixels = OfPixels.of(recipe, kept)
        self.reader = Reader(
            network,
            losses.STATISTICS[STYLE_LOSSES[recipe.style_loss].statistic],
            losses.CONTENT_LOSSES[recipe.content_loss],
            self.alpha,
        )
        if targets is None:
            targets = self.measure_content(
                content, target_bytes(network, self.content_weights, self._whole)
            )
        if regions is None:
            regions = self.measure_styles(styles, recipe, tile) if self.beta else []
        self.targets, self.regions = targets, regions
        self.style_layers = sorted({name for region in self.regions for name in region.targets})
        masks = [region.mask for region in self.regions]
        make = losses.STYLE_LOSSES[recipe.style_loss]
        self._shares_losses = STYLE_LOSSES[recipe.style_loss].shares
        self._style_distances: Distances = [
            {name: make(target) for name, target in region.targets.items()}
            for region in self.regions
        ]
        guides = guides_for(masks, self.style_layers, (content.shape[1], content.shape[2]))
        self.part = Part(self.tiles, self._whole, guides)
        self.style_weights = [
            self._weights_in(region, distances, recipe)
            for region, distances in zip(self.regions, self._style_distances, strict=True)
        ]
        if recipe.balance == "relative":
            energies = self.content_energies()
            check_energies(recipe.content_loss, energies, OWN_CONTENT_LOSSES)
            self.content_weights = self._relative(
                self.content_weights, energies, recipe.content_layers
            )
        self._stand_ins: Distances = []
        if follows_stand_in(recipe):
            make_stand_in = losses.STAND_INS[recipe.style_loss]
            self._stand_ins = self._make_stand_ins(content, make_stand_in)

    @property
    def is_whole(self) -> bool:
        """Whether pictures are processed whole."""
        return len(self.tiles) == 1

    def features_of(
        self,
        picture: Tensor,
        features: Collection[str],
        styles: Collection[str],
        first: str = INPUT,
    ) -> tuple[dict[str, Tensor], Statistics]:
        """Run the network on a whole picture, or from the feature map of a layer on.

        Args:
            picture: 3 × H × W, or the feature map of the first layer, C × H' × W'.
            features: names of the content layers to read.
            styles: names of the style layers to read.
            first: the layer whose feature map is given.

        Returns:
            By layer name, the feature maps, (C, H', W'), and the statistics, stacked by region.
        """
        return self.reader.features_of(picture, features, styles, self.part.guides, first=first)

    def content_loss(self, features: Mapping[str, Tensor]) -> Tensor:
        """The content loss, a scalar, of the layers whose feature maps (C, H, W) are given."""
        (target,) = self.targets
        return self.reader.content_loss(features, target, self.content_weights)

    def style_loss(self, seen: Statistics, *, stand_in: bool = False) -> Tensor:
        """The style loss, a scalar, of the layers whose statistics are given; or its stand-in."""
        distances = self._stand_ins if stand_in else self._style_distances
        read = [
            (index, name)
            for index, weights in enumerate(self.style_weights)
            for name in weights
            if name in seen
        ]
        pairs = [(distances[index][name], seen[name][index]) for index, name in read]
        values = (
            losses.evaluated(pairs) if self._shares_losses else [loss(one) for loss, one in pairs]
        )
        return self.reader.sum(
            self.style_weights[index][name] * value
            for (index, name), value in zip(read, values, strict=True)
        )

    def losses_of(
        self,
        canvas: Tensor,
        features: Mapping[str, Tensor],
        seen: Statistics,
        deep: tuple[Tensor, Tensor] | None = None,
        *,
        stand_in: float,
    ) -> Losses:
        """The losses of a canvas, computed from its feature maps and statistics.

        Args:
            canvas: 3 × H × W.
            features: feature maps of content layers, by name.
            seen: statistics of style layers, by name.
            deep: content and style loss of the layers that are not given; None if all are given.
            stand_in: weight of the stand-in for the style loss; 0 follows the style loss itself.
        """
        content = self.content_loss(features)
        style, easier = self._style_and_easier(seen, stand_in)
        if deep is not None:
            content, style, easier = content + deep[0], style + deep[1], easier + deep[1]
        return self._weighed(content, style, easier, self._of_pixels(canvas))

    def _style_and_easier(self, seen: Statistics, stand_in: float) -> tuple[Tensor, Tensor]:
        """The style loss, and the stand-in that is followed in its place, or the style loss."""
        style = self.style_loss(seen)
        easier = stand_in * self.style_loss(seen, stand_in=True) if stand_in else style
        return style, easier

    def _weighed(self, content: Tensor, style: Tensor, easier: Tensor, of_pixels: Tensor) -> Losses:
        """All losses, given those of content, style, stand-in and pixels."""
        total, followed = (
            self.alpha * content + self.beta * of + of_pixels for of in (style, easier)
        )
        return Losses(total, followed, content, style)

    def __call__(self, canvas: Tensor, *, stand_in: float = 0.0) -> Evaluation:
        """Evaluate a canvas.

        Args:
            canvas: 3 × H × W, RGB in 0…255 minus the network's mean.
            stand_in: weight of the stand-in for the style loss; 0 follows the style loss itself.

        Returns:
            The losses of the canvas and the gradient.
        """
        canvas = canvas.detach()
        with exact_convolutions():
            if self.is_whole:
                canvas.requires_grad_()
                features, seen = self.features_of(canvas, self.content_weights, self.style_layers)
                measured = self.losses_of(canvas, features, seen, stand_in=stand_in)
                (gradient,) = torch.autograd.grad(measured.followed, canvas)
                gradient = gradient.contiguous()  # as the canvas is, whatever the maps are
                numbers = torch.stack(tuple(measured))
            else:
                numbers, gradient = self._by_tiles(canvas, stand_in=stand_in)
        listed = numbers.tolist()  # one wait for the device
        return evaluation(listed, gradient, stand_in=stand_in > 0)

    def _by_tiles(self, canvas: Tensor, *, stand_in: float) -> tuple[Tensor, Tensor]:
        """The four :class:`Losses` of a canvas, and the gradient, 3 × H × W, in two passes."""
        seen = self.seen_by_tiles(canvas)
        leaves = [statistic.requires_grad_() for statistic in seen.values()]
        style, easier = self._style_and_easier(seen, stand_in)
        slopes = torch.autograd.grad(self.beta * easier, leaves) if leaves else ()
        by_statistic = dict(zip(seen, slopes, strict=True))
        canvas.requires_grad_()
        of_pixels = self._of_pixels(canvas)
        gradient = torch.zeros_like(canvas)
        if of_pixels.requires_grad:
            (gradient,) = torch.autograd.grad(of_pixels, canvas)
        content = self.add_pull(canvas, by_statistic, gradient)
        return torch.stack(self._weighed(content, style, easier, of_pixels)).detach(), gradient

    def measure_styles(
        self, styles: Iterable[StyleCanvas], recipe: Recipe, tile: int | None
    ) -> list[Region]:
        """The regions of the styles, with their target statistics."""
        regions: list[Region] = []
        for style in styles:
            layers = [
                name
                for name in self._within(recipe.style_layers)
                if style.gives(name) and style.is_seen(name)
            ]
            ways = list(style.turned(recipe.style_symmetry))
            sums: Statistics = {}
            for canvas, mask in ways:
                guides = guides_for([mask], layers, (canvas.shape[1], canvas.shape[2]))
                cut = self._cut(canvas, tile)
                with exact_convolutions():
                    seen = self.statistics(canvas, Part(cut, _whole(canvas), guides), layers)
                add(sums, {name: one[0] / len(ways) for name, one in seen.items()})
            region_of(style, regions).add(style, sums)
        return regions

    def _weights_in(
        self, region: Region, distances: Mapping[str, Loss], recipe: Recipe
    ) -> dict[str, float]:
        """Layer weights of a region, so that each of its pixels counts as in a whole picture."""
        weights = {name: recipe.style_layers[name] for name in distances}
        if recipe.balance == "relative":
            energies = {
                name: of(self._of_nothing(name, region.targets[name])).item()
                for name, of in distances.items()
            }
            check_energies(recipe.style_loss, energies, OWN_STYLE_LOSSES)
            weights = self._relative(weights, energies, recipe.style_layers)
        heaviest = {
            name: max(other.weights.get(name, 0.0) for other in self.regions) for name in weights
        }
        return {
            name: region.weights[name] / heaviest[name] * region.area(name) * weight
            for name, weight in weights.items()
        }

    def _make_stand_ins(self, content: Tensor, make: Callable[[Tensor, Tensor], Loss]) -> Distances:
        """Stand-ins for the style losses, scaled to be equal to them for the content picture."""
        with exact_convolutions():
            seen = self.seen_by_tiles(content)
        return [
            {name: make(target, seen[name][index]) for name, target in region.targets.items()}
            for index, region in enumerate(self.regions)
        ]

    def _of_nothing(self, layer: str, target: Tensor) -> Tensor:
        """The statistic of a zero feature map of a layer, of the shape of a style's statistic."""
        if self.reader.sees is positions:  # a loss may depend on their number
            return torch.zeros_like(target)
        return self.reader.sees(torch.zeros(BY_NAME[layer].channels, 1, 1).to(self.network.mean))

    def measure_content(self, content: Tensor, size: int) -> TileMaps:
        """Measure the content picture's feature maps, tile by tile; ``size`` is in bytes."""
        if size <= KEPT_BYTES or len(self.tiles) == 1:
            return TileMaps(self._maps(content), in_memory=True)
        try:
            return TileMaps(self._maps(content), in_memory=False)
        except OSError:  # no room on the disk
            return TileMaps(self._maps(content), in_memory=True)

    def _maps(self, content: Tensor) -> Iterator[Maps]:
        return self.reader.maps(content, self.tiles, self.content_weights)

    def content_energies(self) -> dict[str, float]:
        """The content loss of zero feature maps, by layer; relative losses are divided by it."""
        return self.reader.energies(Part(self.tiles, self._whole), self.targets)

    def statistics(self, picture: Tensor, part: Part, layers: Sequence[str]) -> Statistics:
        """The statistics of a picture by layer, stacked by region."""
        return self.reader.statistics(picture, part, layers)

    def seen_by_tiles(self, canvas: Tensor) -> Statistics:
        """The statistics of a canvas, which the first pass over its tiles adds up."""
        return self.statistics(canvas, self.part, self.style_layers)

    def add_pull(self, canvas: Tensor, by_statistic: Statistics, gradient: Tensor) -> Tensor:
        """Make the second pass over the tiles of a canvas.

        Args:
            canvas: 3 × H × W.
            by_statistic: the gradient of the weighted style loss with respect to the statistics.
            gradient: 3 × H × W, to which the gradients of content and style loss are added.

        Returns:
            The content loss, a scalar.
        """
        return self.reader.add_pulls(
            canvas, self.part, self.targets, self.content_weights, by_statistic, gradient
        )

    def _cut(self, picture: Tensor, side: int | None) -> list[Tile]:
        height, width = picture.shape[1:]
        return cut_for(self._layers, height, width, side)

    def _within(self, weights: Mapping[str, float]) -> dict[str, float]:
        """The weights of the layers that are read."""
        read = {layer.name for layer in self._layers}
        return {name: weight for name, weight in weights.items() if name in read}

    def _relative(
        self, shares: Mapping[str, float], energies: Mapping[str, float], every: Mapping[str, float]
    ) -> dict[str, float]:
        """Layer weights divided by their sum and by the energies of the layers.

        Args:
            shares: the weights of the layers that are read.
            energies: by layer.
            every: the weights in the recipe; layers that are not read keep their part of the sum.
        """
        part = sum(self._within(every).values()) / (sum(every.values()) or 1.0)
        total = sum(shares.values()) or 1.0
        return {
            name: part * weight / total / max(energies[name], SMALLEST_ENERGY)
            for name, weight in shares.items()
        }


def follows_stand_in(recipe: Recipe) -> bool:
    """Whether a run of a recipe follows a stand-in for the style loss.

    It does with L-BFGS and absolute losses, for a style loss that has a stand-in. With relative
    losses, the style loss stays so far from 0 that the stand-in leads elsewhere.

    >>> follows_stand_in(Recipe.preset("gatys-fast")), follows_stand_in(Recipe())
    (True, False)
    """
    stands_in = recipe.style_loss in losses.STAND_INS
    return stands_in and recipe.optimizer == "lbfgs" and recipe.balance == "absolute"


def target_bytes(network: VGG, names: Collection[str], whole: Box) -> int:
    """Bytes of the content targets of some layers for a picture that fills a box."""
    layers = [BY_NAME[name] for name in names]
    positions = sum(whole.after(layer.pools).area * layer.channels for layer in layers)
    return positions * network.dtype.itemsize


def _whole(picture: Tensor) -> Box:
    return Box(0, picture.shape[1], 0, picture.shape[2])
