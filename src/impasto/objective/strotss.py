"""Relaxed optimal transport of hypercolumns, with self-similarity as content.

Kolkin, Salavon and Shakhnarovich, *Style Transfer by Relaxed Optimal Transport and
Self-Similarity*, arXiv:1904.12785. Hypercolumns of the canvas, at random points, should be
distributed like those of the style picture, and be as similar to each other as those of the content
picture at the same points. It differs from the paper in this. Each layer is scaled by its energy in
the style picture. The points are drawn once a round rather than at every step, so that L-BFGS
follows one loss for some steps. With these scales, half of the paper's weight of the content gives
its balance. And the bundled network is VGG-19, where the paper has VGG-16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.network.bands import slices
from impasto.network.devices import exact_convolutions
from impasto.network.hypercolumns import at_points
from impasto.objective.losses import SMALLEST_ENERGY, SMALLEST_NORM, directions
from impasto.objective.rounds import Compared, LossOfCanvas, Parts, Rounds
from impasto.objective.shared import Term, at_once, values_of
from impasto.process import threads
from impasto.settings.layers import INPUT

POINTS, STYLE_POINTS = 1024, 2048  # at which the canvas and the style picture are read in a round
LENGTH = 20  # steps of a round
COARSEST = 8.0  # weight of the content at the first level, at the usual strength; then halved
YUV = ((0.299, 0.587, 0.114), (-0.147, -0.289, 0.436), (0.615, -0.515, -0.1))  # from RGB


def transport(compared: Compared) -> Rounds:
    """The objective of a level."""
    made = Transport(compared)
    return compared.rounds(made.at_random_points, math.ceil(compared.steps / LENGTH))


class Transport:
    """Makes losses that compare hypercolumns at random points.

    Args:
        compared: the pictures and settings of a level.
    """

    def __init__(self, compared: Compared) -> None:
        self._compared, self._content = compared, compared.content
        (style,) = compared.styles
        self._styles = [turned for turned, _ in style.turned(compared.recipe.style_symmetry)]
        with torch.no_grad(), exact_convolutions():
            seen = self._maps(style.canvas)
        weights = {INPUT: 1.0, **compared.weights}
        self._factors = [
            math.sqrt(weights[name] / max(one.square().mean().item(), SMALLEST_ENERGY))
            for name, one in seen.items()
        ]
        factor = compared.recipe.content_factor
        self._weights = Weights.of(COARSEST * factor / 2 ** (compared.number - 1))

    def at_random_points(self, _: Tensor, number: int) -> LossOfCanvas:
        """Draw the points of a round; the loss reads a canvas there."""
        generator = torch.Generator().manual_seed(number)
        points = random_points(POINTS, generator).to(self._content)
        there = random_points(STYLE_POINTS // len(self._styles), generator).to(self._content)
        distances = dissimilarity(directions(self._joined(self._content, points)))
        style = torch.cat([self._joined(one, there) for one in self._styles], 1)
        style_unit, style_colors = directions(style), self._colors(style)
        wanted_mean, wanted_covariance = moments(style)
        del style
        size = at_once(points.device)

        def palette(own: Tensor) -> Tensor:
            cost = relaxed_transport(self._colors(own), style_colors, EUCLIDEAN)
            return self._weights.palette * cost

        def unlike(columns: slice, unit: Tensor) -> Tensor:
            off = dissimilarity(unit, columns) - distances[:, columns]
            return off.abs().sum() / distances.numel()

        def loss(canvas: Tensor) -> Parts:
            own = self._joined(canvas, points)
            mean = own.mean(1, keepdim=True)
            centred = own - mean
            parts: list[Term] = [(directions, part) for part in torch.split(own, size, 1)]
            unit = torch.cat(values_of(parts), 1)
            nearest = nearest_of(unit, style_unit, COSINE)
            of_style: list[Term] = [
                (partial(transported, nearest, COSINE, style_unit), unit),
                (palette, own[:3]),
            ]
            wanted = torch.split(wanted_covariance, size)
            for some, theirs in zip(torch.split(centred, size), wanted, strict=True):
                of_style.append((partial(_apart, centred, theirs), some))
            of_content: list[Term] = [
                (partial(unlike, columns), unit) for columns in slices(0, POINTS, size)
            ]
            found = torch.stack(values_of([*of_style, *of_content]))
            style = found[: len(of_style)].sum() + (mean[:, 0] - wanted_mean).abs().mean()
            content = found[len(of_style) :].sum()
            total = self._weights.content * content + self._weights.style * style
            return Parts(total, content, style)

        return loss

    def _maps(self, picture: Tensor) -> dict[str, Tensor]:
        """The picture itself and its feature maps, by layer."""
        return {INPUT: picture, **self._compared.maps(picture)}

    def _joined(self, picture: Tensor, points: Tensor) -> Tensor:
        """The scaled hypercolumns of a picture at some points, (C, N), pixels first."""

        def scaled(factor: float, features: Tensor) -> Tensor:
            return factor * at_points(features, points)

        maps = self._maps(picture).values()
        factors = [partial(scaled, factor) for factor in self._factors]
        return torch.cat(values_of(list(zip(factors, maps, strict=True))))

    def _colors(self, hypercolumns: Tensor) -> Tensor:
        """The colours in scaled hypercolumns, (C, N), as Y, U and V in 0…1, (3, N)."""
        pixels = hypercolumns[:3] / self._factors[0] + self._compared.network.mean[:, :, 0]
        return torch.tensor(YUV).to(pixels) @ pixels / 255


class Weights(NamedTuple):
    """The weights of the terms, which depend on that of the content (section 2.5)."""

    content: float
    style: float
    palette: float  # within the style

    @classmethod
    def of(cls, alpha: float) -> Weights:
        """The weights for the weight of the content, which may be infinite.

        >>> Weights.of(2.0), Weights.of(math.inf).content
        (Weights(content=0.444..., style=0.222..., palette=0.5), 1.0)
        """
        palette = 1 / max(alpha, 1.0)
        total = alpha + 2 + palette
        return cls(1.0 if alpha == math.inf else alpha / total, 1 / total, palette)


def random_points(count: int, generator: torch.Generator) -> Tensor:
    """Random points of a picture, (N, 2), from −1 at one border to 1 at the other."""
    return 2 * torch.rand(count, 2, generator=generator) - 1


def dissimilarity(unit: Tensor, columns: slice = slice(None)) -> Tensor:
    """The cosine distances of every two feature vectors of length 1, (C, N): (N, N), or columns.

    Each column is scaled to a mean of 1 (equation 8 of the paper, times N).
    """
    distances = 1 - unit.T @ unit[:, columns]
    return distances / distances.mean(0, keepdim=True).clamp_min(SMALLEST_NORM)


def relaxed_transport(own: Tensor, style: Tensor, cost: Cost) -> Tensor:
    """The relaxed earth mover's distance of two sets of feature vectors (equations 3 to 5).

    Every vector may go to the nearest one of the other set, whichever others go there too: a lower
    bound of the cost of transport. The dearer of both ways counts.

    Args:
        own: feature vectors of a canvas, (C, N).
        style: feature vectors of the style picture, (C, M).
        cost: the cost of moving one vector to another.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> own, style = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 4.0]])
        >>> relaxed_transport(own, style, EUCLIDEAN)  # 1.0 goes to 0.0; 4.0 is reached from 1.0
        tensor(1.5000)
    """
    return transported(nearest_of(own, style, cost), cost, style, own)


def nearest_of(own: Tensor, style: Tensor, cost: Cost) -> Nearest:
    """For every vector of either set, the nearest one of the other; the threads share the search.

    Args:
        own: feature vectors of a canvas, (C, N).
        style: feature vectors of the style picture, (C, M).
        cost: the cost of moving one vector to another.
    """
    size = at_once(own.device)

    def search(some: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        costs = cost.of_all(some, style)
        least, to_some = costs.min(0)
        return costs.argmin(1), least, to_some

    to_style, least, to_some = zip(
        *threads.results(search, torch.split(own, size, 1), own.device), strict=True
    )
    part = torch.stack(least).argmin(0, keepdim=True)
    to_own = size * part + torch.stack(to_some).gather(0, part)
    return Nearest(torch.cat(to_style), to_own[0])


def transported(nearest: Nearest, cost: Cost, style: Tensor, own: Tensor) -> Tensor:
    """The relaxed earth mover's distance of two sets, given where every vector goes."""
    forth = cost.of_pairs(own, style.index_select(1, nearest.to_style)).mean()
    back = cost.of_pairs(own.index_select(1, nearest.to_own), style).mean()
    return torch.maximum(forth, back)


@torch.no_grad()
def moments(held: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, (C), and covariance, (C, C), of feature vectors, (C, N), without gradient (equation 6).

    The threads share the products.
    """
    mean = held.mean(1, keepdim=True)
    centred = held - mean
    parts = torch.split(centred, at_once(held.device))
    rows = threads.results(lambda part: part @ centred.T, parts, held.device)
    return mean[:, 0], torch.cat(rows) / held.shape[1]


class Nearest(NamedTuple):
    """For every vector of either set, the index of the nearest one of the other.

    Attributes:
        to_style: for those of a canvas, (N).
        to_own: for those of the style picture, (M).
    """

    to_style: Tensor
    to_own: Tensor


class Cost(NamedTuple):
    """The cost of moving one vector to another.

    Attributes:
        of_all: from every vector of one set, (C, N), to every one of another, (C, M): (N, M).
        of_pairs: from every vector of one set, (C, N), to the one in the same place, (C, N): (N).
    """

    of_all: Callable[[Tensor, Tensor], Tensor]
    of_pairs: Callable[[Tensor, Tensor], Tensor]


COSINE = Cost(  # of vectors of length 1
    lambda own, style: 1 - own.T @ style,
    lambda own, style: 1 - (own * style).sum(0),
)
EUCLIDEAN = Cost(
    lambda own, style: torch.cdist(own.T, style.T),
    lambda own, style: ((own - style).square().sum(0) + SMALLEST_NORM).sqrt(),
)


def _apart(every: Tensor, wanted: Tensor, some: Tensor) -> Tensor:
    """What some channels add to the mean difference of two covariances.

    Both are symmetric. So the gradient through ``every`` would be the one through ``some``, which
    is taken twice in its place.

    Args:
        every: features of all channels, (C, N), whose means are 0.
        wanted: the wanted covariance of some channels with all, (K, C).
        some: features of these channels, (K, N), whose means are 0.
    """
    twice = 2 * some - some.detach()  # the same values, and twice the gradient
    covariance = twice @ every.detach().T / every.shape[1]
    return (covariance - wanted).abs().sum() / wanted.shape[1] ** 2
