"""The losses of the pixels of a canvas, which no network sees: total variation, temporal loss."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from impasto.objective.losses import temporal_loss, total_variation
from impasto.settings.recipe import Recipe


@dataclass(frozen=True)
class Kept:
    """The picture that a canvas should stay close to: the painting before it, moved.

    Attributes:
        target: 3 × H × W, RGB in 0…255 minus the network's mean.
        trust: H × W, 0…1, how much each pixel of the target counts.
        weight: the weight of the temporal loss.
    """

    target: Tensor
    trust: Tensor
    weight: float


@dataclass(frozen=True)
class OfPixels:
    """The weighted losses of the pixels of a canvas.

    Attributes:
        tv: the kind of the total variation.
        tv_weight: the weight of the total variation.
        kept: the picture that the canvas should stay close to; None for none.
    """

    tv: str
    tv_weight: float
    kept: Kept | None = None

    @classmethod
    def of(cls, recipe: Recipe, kept: Kept | None = None) -> OfPixels:
        """The losses of a recipe, and the temporal loss if there is a picture to stay close to."""
        return cls(recipe.tv, recipe.tv_weight, kept)

    def __call__(self, canvas: Tensor) -> Tensor:
        """The sum of the losses of a canvas, 3 × H × W, a scalar; 0 if none has a weight."""
        total = canvas.new_zeros(())
        if self.tv_weight:
            total = self.tv_weight * total_variation(canvas, self.tv)
        if self.kept is not None:
            kept = self.kept
            total = total + kept.weight * temporal_loss(canvas, kept.target, kept.trust)
        return total
