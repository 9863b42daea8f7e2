"""What an objective reads of a picture tile by tile: feature maps, statistics and gradients.

All of it is a sum over the tiles, so it does not matter who reads which tile: one machine reads all
of them in turn, or several machines read some each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.network.statistics import gram
from impasto.network.tiles import Box, Tile, share
from impasto.network.vgg import VGG
from impasto.objective.cache import Maps
from impasto.objective.regions import Statistics
from impasto.settings.layers import BY_NAME, INPUT


@dataclass(frozen=True)
class Part:
    """Some of the tiles of a picture, or all of them.

    Attributes:
        tiles: the tiles, in coordinates of the pixels that are read.
        whole: the whole picture, of whose positions a tile has its share.
        guides: the guides of the regions by style layer, (R, H', W'), in the same coordinates; None
            without masks.
    """

    tiles: Sequence[Tile]
    whole: Box
    guides: Mapping[str, Tensor] | None = None

    def share(self, tile: Tile, layer: str) -> float:
        """The share of a layer's positions that lie in a tile, 0…1."""
        return share(tile.core, self.whole, layer)

    def guides_of(self, tile: Tile) -> Mapping[str, Tensor] | None:
        """The guides at the core of a tile."""
        if self.guides is None:
            return None
        return {
            name: tile.core.after(BY_NAME[name].pools).of(guide)
            for name, guide in self.guides.items()
        }

    def within(self, box: Box) -> Part:
        """The same tiles in coordinates of a box around their windows."""
        tiles = [Tile(tile.core.within(box), tile.window.within(box)) for tile in self.tiles]
        guides = self.guides and {
            name: box.after(BY_NAME[name].pools).of(guide) for name, guide in self.guides.items()
        }
        return Part(tiles, self.whole, guides)


class Read(NamedTuple):
    """What was read of one tile, to be differentiated.

    Attributes:
        tile: the tile.
        window: its pixels, 3 × H × W, which require a gradient.
        features: feature maps of content layers at its core, by name.
        statistics: statistics of style layers at its core, stacked by region, by name.
    """

    tile: Tile
    window: Tensor
    features: Maps
    statistics: Statistics


@dataclass(frozen=True)
class Reader:
    """Reads the tiles of pictures with a network.

    Attributes:
        network: the network.
        sees: the statistic of a feature map that the style loss compares.
        distance: the content loss of a feature map and its target.
        alpha: the weight of the content loss.
    """

    network: VGG
    sees: Callable[..., Tensor]
    distance: Callable[[Tensor, Tensor], Tensor]
    alpha: float

    def features_of(
        self,
        picture: Tensor,
        features: Collection[str],
        styles: Collection[str],
        guides: Mapping[str, Tensor] | None = None,
        core: Box | None = None,
        first: str = INPUT,
    ) -> tuple[Maps, Statistics]:
        """Feature maps of some layers, and statistics of others, stacked by region.

        Args:
            picture: 3 × H × W, or the feature map of the first layer, C × H' × W'.
            features: names of the content layers to read.
            styles: names of the style layers to read.
            guides: the guides of the regions by style layer; None without masks.
            core: the part of the picture that is measured; None for all of it.
            first: the layer whose feature map is given.
        """
        if self.sees is gram and guides is None:
            maps, grams = self.network.statistics(picture, features, styles, core, first)
            return maps, {name: matrix.unsqueeze(0) for name, matrix in grams.items()}
        maps = self.network.maps(picture, {*features, *styles}, core, first)
        return {name: maps[name] for name in features}, {
            name: self.sees(maps[name]).unsqueeze(0)
            if guides is None
            else torch.stack([self.sees(maps[name], guide) for guide in guides[name]])
            for name in styles
        }

    def maps(self, picture: Tensor, tiles: Iterable[Tile], layers: Iterable[str]) -> Iterator[Maps]:
        """The feature maps of some layers, tile by tile."""
        names = list(layers)
        for tile in tiles:
            with torch.no_grad(), exact_convolutions():
                window = tile.window.of(picture).detach()
                yield self.network.maps(window, names, tile.inside) if names else {}

    def statistics(self, picture: Tensor, part: Part, layers: Sequence[str]) -> Statistics:
        """The share of some tiles in the statistics of a picture, by layer, stacked by region."""
        sums: Statistics = {}
        with torch.no_grad():
            for tile in part.tiles:
                window, guides = tile.window.of(picture).detach(), part.guides_of(tile)
                _, seen = self.features_of(window, (), layers, guides, tile.inside)
                add(sums, {name: one * part.share(tile, name) for name, one in seen.items()})
        return sums

    def energies(self, part: Part, targets: Iterable[Maps]) -> dict[str, float]:
        """The share of some tiles in the content loss of zero feature maps, by layer."""
        energies: dict[str, float] = {}
        for tile, maps in zip(part.tiles, targets, strict=True):
            for name, target in maps.items():
                nothing = torch.zeros_like(target)
                energy = part.share(tile, name) * self.distance(nothing, target).item()
                energies[name] = energies.get(name, 0.0) + energy
        return energies

    def content_loss(
        self, features: Mapping[str, Tensor], target: Maps, weights: Mapping[str, float]
    ) -> Tensor:
        """The content loss, a scalar, of the layers whose feature maps are given."""
        return self.sum(
            weight * self.distance(features[name], target[name])
            for name, weight in weights.items()
            if name in features
        )

    def read(
        self,
        picture: Tensor,
        part: Part,
        tile: Tile,
        features: Collection[str],
        styles: Collection[str],
    ) -> Read:
        """Read a tile of a picture so that it can be differentiated."""
        window = tile.window.of(picture).detach().requires_grad_()
        guides = part.guides_of(tile)
        return Read(tile, window, *self.features_of(window, features, styles, guides, tile.inside))

    def pull(
        self,
        read: Read,
        part: Part,
        target: Maps,
        weights: Mapping[str, float],
        by_statistic: Statistics,
    ) -> tuple[Tensor, Tensor]:
        """The share of a tile in the content loss, and in the gradient of the loss.

        Args:
            read: what was read of the tile.
            part: the tiles that it is one of.
            target: the content picture's feature maps there, by layer.
            weights: the weights of the content layers.
            by_statistic: the gradient of the style loss, with its weight, with respect to the
                statistics of the whole picture.

        Returns:
            The content loss, a scalar, and the gradient with respect to the window, 3 × H × W.
        """
        of_layer = {name: part.share(read.tile, name) for name in {*weights, *by_statistic}}
        shares = {name: weight * of_layer[name] for name, weight in weights.items()}
        content = self.content_loss(read.features, target, shares)
        style = self.sum(
            of_layer[name] * (slope * read.statistics[name]).sum()
            for name, slope in by_statistic.items()
        )
        (gradient,) = torch.autograd.grad(self.alpha * content + style, read.window)
        return content.detach(), gradient

    def add_pulls(
        self,
        picture: Tensor,
        part: Part,
        targets: Iterable[Maps],
        weights: Mapping[str, float],
        by_statistic: Statistics,
        gradient: Tensor,
    ) -> Tensor:
        """Read some tiles, and add their shares in the gradient of the loss to a gradient.

        Args:
            picture: 3 × H × W.
            part: the tiles.
            targets: the content picture's feature maps at each tile, by layer.
            weights: as for :meth:`pull`, like ``by_statistic``.
            by_statistic: the gradient of the style loss with respect to the statistics.
            gradient: 3 × H × W, which is changed.

        Returns:
            Their share in the content loss, a scalar.
        """
        content = self.sum(())
        for tile, target in zip(part.tiles, targets, strict=True):
            read = self.read(picture, part, tile, weights, by_statistic)
            here, by_window = self.pull(read, part, target, weights, by_statistic)
            tile.window.of(gradient).add_(by_window)
            content += here
        return content

    def sum(self, parts: Iterable[Tensor]) -> Tensor:
        """The sum of some losses; 0 if there are none."""
        several = list(parts)
        return torch.stack(several).sum() if several else self.network.mean.new_zeros(())


def add(sums: Statistics, parts: Statistics) -> None:
    """Add statistics to sums of them."""
    for name, part in parts.items():
        sums[name] = sums[name] + part if name in sums else part
