"""What a painter minimises: our objective, at a strength that is drawn anew for every crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.network import devices
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.objective import Evaluation, Objective
from impasto.objective.regions import Region, StyleCanvas
from impasto.pictures import arrays, sizes
from impasto.pictures.images import Picture
from impasto.process import threads
from impasto.settings.layers import in_order
from impasto.settings.loss_table import STYLE_LOSSES
from impasto.settings.recipe import Recipe
from impasto.settings.strength import or_usual, style_factor, way

LEAST_SHARE = 0.02  # of the weights of a loss; layers with less that lie behind the others are left
SMALLEST_STRENGTH = 0.05  # that crops are drawn for; 0 is the photograph anyway


def check(recipe: Recipe) -> None:
    """Make sure that a network can learn what a recipe asks for.

    Raises:
        InputError: it cannot.
    """
    if recipe.method != "layers":
        raise InputError("painter.method", method=recipe.method)
    if not recipe.style_weight or not recipe.content_read:
        raise InputError("painter.one-loss")
    if recipe.size == "original":
        raise InputError("painter.size")
    if recipe.protect is not None:
        raise InputError("painter.protect")
    if recipe.color != "style":
        raise InputError("painter.color", color=recipe.color)


def side_of(recipe: Recipe) -> int:
    """The longer side in pixels of the paintings that a painter is trained for."""
    return max(_canvas(recipe))


def weight_at(strength: float, recipe: Recipe) -> float:
    """The weight of the style loss at a strength; at the recipe's own, it is that of the recipe.

    >>> weight_at(0.7, Recipe(beta=7)), weight_at(0.35, Recipe(beta=7))
    (7.0, 1.75)
    """
    own = or_usual(recipe.strength)
    return recipe.style_weight * style_factor(way(strength)) / style_factor(way(own))


class CropObjective:
    """The objective of a crop, with the style's targets measured once.

    Args:
        recipe: the layers, their weights, the losses and the balance.
        weights: the network's weights.
        styles: the style pictures.
        device: the device that computes.
    """

    def __init__(
        self, recipe: Recipe, weights: Weights, styles: Sequence[Picture], device: torch.device
    ) -> None:
        # The optimiser of a recipe decides whether a run follows a stand-in for the style loss.
        self.recipe = recipe.model_copy(update={"optimizer": "adam", "tile": "off"})
        arithmetic = devices.arithmetic(recipe.precision, device)
        self.deepest = deepest_that_counts(recipe)
        read = weights.architecture.up_to_deepest({self.deepest})
        self._network = VGG(
            weights,
            recipe.layers & {layer.name for layer in read},
            pooling=recipe.pooling,
            padding=recipe.padding,
            device=device,
            dtype=arithmetic.dtype,
            by_rows=arithmetic.by_rows,
        )
        self._shares = arithmetic.by_rows and STYLE_LOSSES[recipe.style_loss].shares
        self._regions = [self._measured(style) for style in styles]

    def __call__(
        self, painted: Tensor, photograph: Tensor, style: int, strength: float
    ) -> Evaluation:
        """Evaluate a painted crop.

        Args:
            painted: 3 × H × W, RGB, 0…255.
            photograph: the crop of the photograph, of the same shape.
            style: number of the style, from 0.
            strength: from 0 to 1.

        Returns:
            The losses of the crop, and the gradient of the loss with respect to it.
        """
        weight = {"beta": weight_at(strength, self.recipe)}
        recipe = self.recipe.model_copy(update=weight)
        with threads.whole_operations(shared=self._shares):
            made = self._objective(photograph, (), recipe, [self._regions[style]])
            return made(painted.detach() - self._network.mean)

    def _objective(
        self,
        photograph: Tensor,
        styles: Sequence[StyleCanvas],
        recipe: Recipe,
        regions: list[Region] | None,
    ) -> Objective:
        return Objective(
            self._network,
            photograph - self._network.mean,
            styles,
            recipe,
            deepest=self.deepest,
            regions=regions,
        )

    def _measured(self, style: Picture) -> Region:
        """The target statistics of a style picture."""
        canvas = (
            tensor_of(style_pixels(style, self.recipe), self._network.mean.device)
            - self._network.mean
        )
        with threads.whole_operations(shared=self._shares):
            (region,) = self._objective(
                torch.zeros_like(canvas), [StyleCanvas(canvas)], self.recipe, None
            ).regions
        return region


def style_pixels(style: Picture, recipe: Recipe) -> arrays.Pixels:
    """A style picture at the size at which its statistics are measured, H × W × 3, 0…255."""
    size = sizes.style_size(style.size, _canvas(recipe), recipe)
    pixels = arrays.resize_in_kind(style.pixels, size)
    return arrays.rescale(pixels) if recipe.rescale else pixels


def tensor_of(pixels: arrays.Pixels, device: torch.device | str = "cpu") -> Tensor:
    """Pixels, H × W × 3, as a tensor, 3 × H × W, float32."""
    last = torch.from_numpy(np.ascontiguousarray(pixels)).to(device, torch.float32)
    return last.permute(2, 0, 1).contiguous()


def deepest_that_counts(recipe: Recipe) -> str:
    """The deepest layer that has a share of at least 0.02 of the weights of its loss.

    >>> deepest_that_counts(Recipe())
    'conv4_2'
    """
    of_each = (_counting(recipe.content_read), _counting(recipe.style_layers))
    return in_order({name for names in of_each for name in names})[-1]


def _counting(weights: Mapping[str, float]) -> list[str]:
    least = LEAST_SHARE * sum(weights.values())
    return [name for name, weight in weights.items() if weight > 0 and weight >= least]


def _canvas(recipe: Recipe) -> sizes.PixelSize:
    """The size of the canvas that style pictures are fitted to."""
    if isinstance(recipe.size, str):
        raise InputError("painter.size")
    return recipe.size if isinstance(recipe.size, tuple) else (recipe.size, recipe.size)
