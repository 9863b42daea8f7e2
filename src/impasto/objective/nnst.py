"""Neural neighbours: every place of the canvas gets the features of a similar place of the style.

Kolkin, Kucera, Paris, Sýkora, Shechtman and Shakhnarovich, *Neural Neighbor Style Transfer*,
arXiv:2203.13215, the variant NNST-Opt. Hypercolumns are matched once a level; at the end every
layer is matched alone ("feature splitting"), in several rounds. There are three differences from
the paper, and a fourth with VGG-19, where it has VGG-16. Each layer is scaled by its energy in the
style picture rather than by its number of channels. The content is matched in the style's colours.
And the lengths of feature vectors count a little: without that, nothing keeps L-BFGS from raising
the contrast.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.network.hypercolumns import POOLS, on_grid
from impasto.network.pyramid import details
from impasto.objective.losses import (
    AT_ONCE,
    SMALLEST_ENERGY,
    SMALLEST_NORM,
    directions,
    most_alike,
)
from impasto.objective.rounds import Compared, LossOfCanvas, Parts, Rounds
from impasto.objective.shared import shared
from impasto.process import threads
from impasto.settings.layers import BY_NAME

MOST_STYLE_PLACES = 8192  # hypercolumns of the style picture among which the nearest is searched
SAMPLED = 64  # positions along the longer side at which a layer that is matched alone is compared
MOST_ALONE = 4096  # positions of the style picture among which the nearest of a layer is searched
ROUNDS = 8  # in which layers are matched alone
LENGTH = 0.1  # weight of the squared logarithm of the ratio of two lengths


def neighbours(compared: Compared) -> Rounds:
    """The objective of a level."""
    made = Neighbours(compared)
    if compared.splits:
        return compared.rounds(made.by_layer, ROUNDS)
    return compared.rounds(made.by_hypercolumn)


class Neighbours:
    """Makes losses from matches between content, canvas and style.

    Args:
        compared: the pictures and settings of a level; at the first of a run, the canvas has no say
            in the matches.
    """

    def __init__(self, compared: Compared) -> None:
        self._compared, self._content = compared, compared.content
        self._styles, self._layers = compared.styles, list(compared.weights)
        total = sum(compared.weights.values())
        self._shares = [weight / total for weight in compared.weights.values()]
        self._canvas_share = 0.0 if compared.number == 1 else compared.recipe.canvas_share
        self._style_share = compared.recipe.style_colors
        with torch.no_grad(), exact_convolutions():
            seen = self._maps(compared.style.canvas)
        self._factors = [
            math.sqrt(share / max(features.square().sum(0).mean().item(), SMALLEST_ENERGY))
            for share, features in zip(self._shares, seen, strict=True)
        ]

    def by_hypercolumn(self, canvas: Tensor, _: int) -> LossOfCanvas:
        """Match hypercolumns of a mixture of content and canvas with those of the style.

        The canvas comes from a coarser level, so the details in the mixture are the content's.
        """
        mixture = self._content.lerp(canvas + details(self._content), self._canvas_share)
        most = MOST_STYLE_PLACES // len(self._styles)
        style = torch.cat([_thinned(self._joined(one), most) for one in self._styles], 1)
        targets = style[:, nearest(self._joined(mixture), style)]
        del style
        if self._style_share < 1:
            targets = self._joined(self._content).lerp(targets, self._style_share)
        wanted = torch.split(targets, [BY_NAME[name].channels for name in self._layers])
        squares = targets.square().sum(0)
        size = canvas.shape[1], canvas.shape[2]

        def compare(number: int, features: Tensor) -> tuple[Tensor, Tensor]:
            factor = self._factors[number]
            (one,) = on_grid({self._layers[number]: features}, size)
            products = factor * (one * wanted[number]).sum(0)
            return products, factor**2 * one.square().sum(0)

        def loss(canvas: Tensor) -> Parts:
            both = zip(*shared(compare, self._maps(canvas, POOLS)), strict=True)
            products, lengths = (torch.stack(parts).sum(0) for parts in both)
            return _of_style(distance(products, lengths, squares))

        return loss

    def by_layer(self, canvas: Tensor, number: int) -> LossOfCanvas:
        """Match each layer alone, at positions on a coarse grid that moves from round to round."""
        generator = torch.Generator().manual_seed(number)
        maps = self._maps(canvas)
        grids = [_grid(one, generator) for one in maps]
        own = _on(grids, maps)
        targets = [_matched(*both) for both in zip(own, self._of_styles, strict=True)]
        if self._style_share < 1:
            contents = map(_centred, _on(grids, self._maps(self._content)))
            both = zip(contents, targets, strict=True)
            targets = [content.lerp(target, self._style_share) for content, target in both]
        squares = [target.square().sum(0) for target in targets]

        def compare(number: int, features: Tensor) -> tuple[Tensor]:
            (one,) = _on(grids[number : number + 1], [features])
            one, target = _centred(one), targets[number]
            far = distance((one * target).sum(0), one.square().sum(0), squares[number])
            return (self._shares[number] * far,)

        def loss(canvas: Tensor) -> Parts:
            parts = [part for (part,) in shared(compare, self._maps(canvas))]
            return _of_style(torch.stack(parts).sum())

        return loss

    @functools.cached_property
    def _of_styles(self) -> list[Tensor]:
        """Features of the style picture and its turned copies, layer by layer, (C, N)."""
        most = MOST_ALONE // len(self._styles)
        turned = ([_thinned(one.flatten(1), most) for one in self._maps(of)] for of in self._styles)
        return [torch.cat(parts, 1) for parts in zip(*turned, strict=True)]

    def _maps(self, picture: Tensor, pools: int = 0) -> list[Tensor]:
        """The feature maps of a picture, layer by layer."""
        return list(self._compared.maps(picture, pools).values())

    def _hypercolumns(self, picture: Tensor) -> list[Tensor]:
        """The hypercolumns of a picture, layer by layer, (C, N)."""
        return on_grid(self._compared.maps(picture, POOLS), (picture.shape[1], picture.shape[2]))

    def _joined(self, picture: Tensor) -> Tensor:
        """The scaled hypercolumns of a picture, all layers in one, (C, N)."""
        parts = self._hypercolumns(picture)
        return torch.cat([factor * one for factor, one in zip(self._factors, parts, strict=True)])


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


def nearest(own: Tensor, style: Tensor) -> Tensor:
    """For every feature vector, (C, M), the index of the most similar one of the style, (C, N).

    Both are centred before their directions are compared.
    """
    unit, mean = directions(_centred(style)), own.mean(1, keepdim=True)
    parts = torch.split(own, AT_ONCE, 1)
    found = list(parts)

    def search(number: int) -> None:
        found[number] = most_alike(directions(parts[number] - mean), unit)

    if own.device.type == "cpu":
        threads.each(search, range(len(parts)))
    else:
        with torch.no_grad():
            for number in range(len(parts)):
                search(number)
    return torch.cat(found)


Grid = tuple[slice, slice]


def _grid(features: Tensor, generator: torch.Generator) -> Grid:
    """Rows and columns of a feature map, (C, H, W), evenly spaced from a random first one on."""
    height, width = features.shape[1:]
    step = max(1, max(height, width) // SAMPLED)
    top, left = torch.randint(step, (2,), generator=generator).tolist()
    return slice(top % height, None, step), slice(left % width, None, step)


def _on(grids: Sequence[Grid], maps: Sequence[Tensor]) -> list[Tensor]:
    """The features at the positions of a grid for each layer, (C, N)."""
    return [
        one[:, rows, columns].flatten(1) for one, (rows, columns) in zip(maps, grids, strict=True)
    ]


def _matched(own: Tensor, style: Tensor) -> Tensor:
    """The centred feature vectors of the style that are most similar to a canvas's, (C, N)."""
    return _centred(style)[:, nearest(own, style)]


def _centred(held: Tensor) -> Tensor:
    return held - held.mean(1, keepdim=True)


def _thinned(held: Tensor, most: int) -> Tensor:
    """A copy of at most a number of feature vectors, (C, N), evenly spaced."""
    return held[:, :: math.ceil(held.shape[1] / most)].clone()


def _of_style(loss: Tensor) -> Parts:
    return Parts(loss, torch.zeros_like(loss), loss)
