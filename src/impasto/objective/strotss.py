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
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.network.hypercolumns import at_points
from impasto.objective.losses import SMALLEST_ENERGY, SMALLEST_NORM, directions
from impasto.objective.rounds import Compared, LossOfCanvas, Parts, Rounds
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
        distances = dissimilarity(directions(self._joined(self._content, points)))
        there = random_points(STYLE_POINTS // len(self._styles), generator).to(self._content)
        style = torch.cat([self._joined(one, there) for one in self._styles], 1)
        style_colors, style_unit = self._colors(style), directions(style)
        wanted = moments(style)
        del style

        def loss(canvas: Tensor) -> Parts:
            own = self._joined(canvas, points)
            unit = directions(own)
            content = (dissimilarity(unit) - distances).abs().mean()
            transported = relaxed_transport(unit, style_unit, COSINE)
            palette = relaxed_transport(self._colors(own), style_colors, EUCLIDEAN)
            mean, covariance = moments(own)
            of_moments = (mean - wanted[0]).abs().mean() + (covariance - wanted[1]).abs().mean()
            weights = self._weights
            style_loss = transported + of_moments + weights.palette * palette
            total = weights.content * content + weights.style * style_loss
            return Parts(total, content, style_loss)

        return loss

    def _maps(self, picture: Tensor) -> dict[str, Tensor]:
        """The picture itself and its feature maps, by layer."""
        return {INPUT: picture, **self._compared.maps(picture)}

    def _joined(self, picture: Tensor, points: Tensor) -> Tensor:
        """The scaled hypercolumns of a picture at some points, (C, N), pixels first."""
        parts = at_points(self._maps(picture), points)
        scaled = [factor * part for factor, part in zip(self._factors, parts, strict=True)]
        return torch.cat(scaled)

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


def dissimilarity(unit: Tensor) -> Tensor:
    """The cosine distances of every two feature vectors of length 1, (C, N): (N, N).

    Each column is scaled to a mean of 1 (equation 8 of the paper, times N).
    """
    distances = 1 - unit.T @ unit
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
    with torch.no_grad():
        costs = cost.of_all(own, style)
        to_style, to_own = costs.argmin(1), costs.argmin(0)
    forth = cost.of_pairs(own, style[:, to_style]).mean()
    back = cost.of_pairs(own[:, to_own], style).mean()
    return torch.maximum(forth, back)


def moments(held: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, (C), and covariance, (C, C), of feature vectors, (C, N) (equation 6)."""
    mean = held.mean(1, keepdim=True)
    centred = held - mean
    return mean[:, 0], centred @ centred.T / held.shape[1]


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
