"""The loss of a canvas and its gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.devices import exact_convolutions
from impasto.losses import content_energy, content_loss, style_energy, style_loss
from impasto.recipe import Recipe
from impasto.vgg import VGG19

SMALLEST_ENERGY = 1e-12  # of a layer that sees nothing in a picture, in relative losses


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
    """

    def __init__(self, network: VGG19, content: Tensor, style: Tensor, recipe: Recipe) -> None:
        self.network = network
        self.alpha, self.beta = recipe.alpha, recipe.style_weight
        with torch.no_grad(), exact_convolutions():
            self.content_targets, _ = network.statistics(content, recipe.content_layers, ())
            _, self.style_targets = network.statistics(style, (), recipe.style_layers)
        self.content_weights: Mapping[str, float] = recipe.content_layers
        self.style_weights: Mapping[str, float] = recipe.style_layers
        if recipe.balance == "relative":
            self.content_weights = _relative(
                recipe.content_layers,
                {name: content_energy(target) for name, target in self.content_targets.items()},
            )
            self.style_weights = _relative(
                recipe.style_layers,
                {name: style_energy(target) for name, target in self.style_targets.items()},
            )

    def losses(self, canvas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Total, content and style loss of a canvas (3 × H × W), each a scalar tensor."""
        features, grams = self.network.statistics(canvas, self.content_weights, self.style_weights)
        content = torch.stack(
            [
                weight * content_loss(features[name], self.content_targets[name])
                for name, weight in self.content_weights.items()
            ]
        ).sum()
        style = torch.stack(
            [
                weight * style_loss(grams[name], self.style_targets[name])
                for name, weight in self.style_weights.items()
            ]
        ).sum()
        return self.alpha * content + self.beta * style, content, style

    def __call__(self, canvas: Tensor) -> Evaluation:
        """Evaluate a canvas, 3 × H × W."""
        canvas = canvas.detach().requires_grad_()
        with exact_convolutions():
            total, content, style = self.losses(canvas)
            (gradient,) = torch.autograd.grad(total, canvas)
        losses = torch.stack([total, content, style]).tolist()  # one wait for the device, not three
        return Evaluation(losses[0], losses[1], losses[2], gradient)


def _relative(shares: Mapping[str, float], energies: Mapping[str, Tensor]) -> dict[str, float]:
    """Weights that make every layer's loss a part of its energy, and their sum a mean."""
    total = sum(shares.values()) or 1.0
    return {
        name: share / total / max(energies[name].item(), SMALLEST_ENERGY)
        for name, share in shares.items()
    }
