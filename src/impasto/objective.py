"""The loss of a canvas and its gradient, of the whole picture or tile by tile.

The style loss sees a picture only through Gram matrices, which are sums over positions. So it takes
two passes over the tiles: the first adds up the matrices, whose loss gives the gradient by each of
them; the second looks at every tile again, holds that gradient constant, adds the tile's share of
the content loss, and gathers the gradient by the canvas. The result is that of the whole picture
but for rounding, and memory holds one tile's feature maps at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.devices import exact_convolutions
from impasto.losses import content_energy, content_loss, style_energy, style_loss
from impasto.recipe import Recipe
from impasto.tiles import Box, Tile, cut_for, share
from impasto.vgg import VGG19

SMALLEST_ENERGY = 1e-12  # of a layer that sees nothing in a picture, in relative losses
KEPT_BYTES = 2**29  # of content targets; where they would be more, they are measured every time


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation measured.

    Attributes:
        loss: alpha · content + beta · style.
        content: content loss before alpha.
        style: style loss before beta.
        gradient: d loss / d canvas, 3 × H × W.
    """

    loss: float
    content: float
    style: float
    gradient: Tensor

    def is_finite(self) -> bool:
        """Whether the loss and every entry of the gradient are finite."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient.sum().item())


class Objective:
    """How far a canvas is from the content of one picture and the style of another.

    Args:
        network: reads every layer of the recipe's.
        content: 3 × H × W, RGB in 0…255 with the network's mean taken away.
        style: 3 × H' × W', likewise.
        recipe: gives the layers, their weights and balance, alpha and the style's weight.
        tile: side of a tile's core in pixels, a multiple of 16; None to look at whole pictures.
    """

    def __init__(
        self,
        network: VGG19,
        content: Tensor,
        style: Tensor,
        recipe: Recipe,
        tile: int | None = None,
    ) -> None:
        self.network = network
        self.alpha, self.beta = recipe.alpha, recipe.style_weight
        self.content_weights: Mapping[str, float] = recipe.content_layers
        self.style_weights: Mapping[str, float] = recipe.style_layers
        self.tiles = self._cut(content, tile)
        self._content = content
        self._kept: list[dict[str, Tensor]] | None = None
        if keeps_targets(target_bytes(network, recipe, _whole(content)), len(self.tiles)):
            self._kept = list(self._content_targets())
        with torch.no_grad(), exact_convolutions():
            self.style_targets = self._grams(style, self._cut(style, tile))
        if recipe.balance == "relative":
            self.content_weights = _relative(recipe.content_layers, self._content_energies())
            self.style_weights = _relative(
                recipe.style_layers,
                {name: style_energy(target).item() for name, target in self.style_targets.items()},
            )

    def losses(self, canvas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Total, content and style loss of a canvas (3 × H × W) looked at whole, each a scalar."""
        features, grams = self.network.statistics(canvas, self.content_weights, self.style_weights)
        (target,) = self._content_targets()
        content, style = self._content_loss(features, target), self._style_loss(grams)
        return self.alpha * content + self.beta * style, content, style

    def __call__(self, canvas: Tensor) -> Evaluation:
        """Evaluate a canvas, 3 × H × W."""
        canvas = canvas.detach()
        with exact_convolutions():
            if len(self.tiles) == 1:
                canvas.requires_grad_()
                total, content, style = self.losses(canvas)
                (gradient,) = torch.autograd.grad(total, canvas)
            else:
                total, content, style, gradient = self._by_tiles(canvas)
        losses = torch.stack([total, content, style]).tolist()  # one wait for the device, not three
        return Evaluation(losses[0], losses[1], losses[2], gradient)

    def _by_tiles(self, canvas: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Total, content and style loss of a canvas, and the gradient."""
        with torch.no_grad():
            grams = self._grams(canvas, self.tiles)
        leaves = [matrix.requires_grad_() for matrix in grams.values()]
        style = self._style_loss(grams)
        by_gram = torch.autograd.grad(self.beta * style, leaves)
        content, gradient = torch.zeros_like(style), torch.zeros_like(canvas)
        for tile, target in zip(self.tiles, self._content_targets(), strict=True):
            window = _window(canvas, tile).requires_grad_()
            features, parts = self.network.statistics(
                window, self.content_weights, self.style_weights, tile.inside
            )
            here = self._content_loss(features, target, tile)
            pull = [
                share(tile.core, _whole(canvas), name) * (by_gram[index] * parts[name]).sum()
                for index, name in enumerate(grams)
            ]
            loss = self.alpha * here + torch.stack(pull).sum()
            (by_window,) = torch.autograd.grad(loss, window)
            _window(gradient, tile).add_(by_window)
            content += here.detach()
        style = style.detach()
        return self.alpha * content + self.beta * style, content, style, gradient

    def _grams(self, picture: Tensor, tiles: Iterable[Tile]) -> dict[str, Tensor]:
        """Gram matrices of a picture, by style layer."""
        sums: dict[str, Tensor] = {}
        for tile in tiles:
            _, parts = self.network.statistics(
                _window(picture, tile), (), self.style_weights, tile.inside
            )
            for name, matrix in parts.items():
                part = matrix * share(tile.core, _whole(picture), name)
                sums[name] = sums[name] + part if name in sums else part
        return sums

    def _content_targets(self) -> Iterator[dict[str, Tensor]]:
        """The content picture's maps by content layer, tile for tile."""
        if self._kept is not None:
            yield from self._kept
            return
        for tile in self.tiles:
            with torch.no_grad(), exact_convolutions():
                features, _ = self.network.statistics(
                    _window(self._content, tile), self.content_weights, (), tile.inside
                )
            yield {name: feature.clone() for name, feature in features.items()}

    def _content_energies(self) -> dict[str, float]:
        energies = dict.fromkeys(self.content_weights, 0.0)
        for tile, targets in zip(self.tiles, self._content_targets(), strict=True):
            for name, target in targets.items():
                part = share(tile.core, _whole(self._content), name)
                energies[name] += part * content_energy(target).item()
        return energies

    def _content_loss(
        self, features: dict[str, Tensor], target: dict[str, Tensor], tile: Tile | None = None
    ) -> Tensor:
        """The content loss, or a tile's share of it."""
        whole = _whole(self._content)
        return torch.stack(
            [
                (weight if tile is None else weight * share(tile.core, whole, name))
                * content_loss(features[name], target[name])
                for name, weight in self.content_weights.items()
            ]
        ).sum()

    def _style_loss(self, grams: dict[str, Tensor]) -> Tensor:
        return torch.stack(
            [
                weight * style_loss(grams[name], self.style_targets[name])
                for name, weight in self.style_weights.items()
            ]
        ).sum()

    def _cut(self, picture: Tensor, side: int | None) -> list[Tile]:
        height, width = picture.shape[1:]
        return cut_for(self.network.layers, height, width, side)


def target_bytes(network: VGG19, recipe: Recipe, whole: Box) -> int:
    """What the content targets of a picture that fills that box take in memory."""
    layers = [layer for layer in network.layers if layer.name in recipe.content_layers]
    positions = sum(whole.after(layer.pools).area * layer.channels for layer in layers)
    return positions * network.dtype.itemsize


def keeps_targets(targets: int, tiles: int) -> bool:
    """Whether content targets of so many bytes, of so many tiles, stay in memory."""
    return tiles == 1 or targets <= KEPT_BYTES


def _whole(picture: Tensor) -> Box:
    return Box(0, picture.shape[1], 0, picture.shape[2])


def _window(picture: Tensor, tile: Tile) -> Tensor:
    """What the network looks at of a picture (3 × H × W) for a tile."""
    rows, columns = tile.window.slices
    return picture[:, rows, columns].detach()


def _relative(shares: Mapping[str, float], energies: Mapping[str, float]) -> dict[str, float]:
    """Weights that make every layer's loss a part of its energy, and their sum a mean."""
    total = sum(shares.values()) or 1.0
    return {
        name: weight / total / max(energies[name], SMALLEST_ENERGY)
        for name, weight in shares.items()
    }
