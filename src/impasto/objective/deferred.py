"""An objective that measures its deep layers only at some evaluations, while they hardly matter."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.objective.objective import Evaluation, Objective, evaluation
from impasto.settings.layers import Architecture, in_order, work
from impasto.settings.recipe import Recipe

SAVING = 0.25  # share of the network's work that must lie behind the cut
TOLERANCE = 0.1  # largest error of the estimate, as a share of the decrease of the loss
LEEWAY = 0.1  # largest distance along the tangents, as a share of the loss there and here
LONGEST = 8  # most evaluations from one measurement of the deep layers to the next


@dataclass(frozen=True)
class Tangent:
    """The first-order approximation of a loss of deep layers, as a function of the cut's map.

    Attributes:
        at: the feature map at which the loss was measured, C × H × W.
        value: the loss there, a scalar.
        slope: its gradient with respect to the feature map, C × H × W.
    """

    at: Tensor
    value: Tensor
    slope: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """The estimated loss, a scalar, for a feature map of the cut, C × H × W."""
        return self.value + (self.slope * (features - self.at)).sum()


Tangents = tuple[Tangent, Tangent]


class Deferred:
    """An objective that follows the losses of its deep layers along their tangents.

    The contribution of the layers behind the cut to the gradient passes through the feature map of
    the cut. In the reference's objective, whose curvature is nearly all conv4_1's, it hardly
    changes from step to step; so it is kept, which saves a third of the work. The number of
    evaluations until the next measurement doubles if the error of the tangents was small compared
    with the decrease of the loss, and is halved otherwise. So the deep layers are measured at every
    evaluation in the beginning, and wherever they matter; and they are measured at once if the
    tangents lead too far away.

    Args:
        objective: an objective that processes whole pictures.
        cut: name of the cut, a layer that the objective reads.

    Attributes:
        patience: evaluations from one measurement of the deep layers to the next.
        age: evaluations since the last measurement.
    """

    def __init__(self, objective: Objective, cut: str) -> None:
        self._objective, self._cut = objective, cut
        network = objective.network.architecture
        shallow = {layer.name for layer in network.up_to_deepest({cut})}
        self._content = _split(objective.content_weights, shallow)
        self._style = _split(objective.style_layers, shallow)
        self._tangents: Tangents | None = None  # of content and style loss
        self._loss = math.inf  # at the last look
        self.patience, self.age = 1, 0

    def __call__(
        self, canvas: Tensor, *, exactly: bool = False, stand_in: float = 0.0
    ) -> Evaluation:
        """Evaluate a canvas.

        Args:
            canvas: 3 × H × W.
            exactly: measure the deep layers in any case.
            stand_in: weight of the stand-in for the style loss of the layers before the cut; 0
                follows the style loss itself.

        Returns:
            The losses and the gradient. If the deep layers were measured after an estimate,
            ``correction`` says how far the old tangents are off here.
        """
        objective, before = self._objective, self._tangents
        looks = before is None or exactly or self.age + 1 >= self.patience
        canvas = canvas.detach().requires_grad_()
        with exact_convolutions():
            layers = {*self._content[0], self._cut}
            features, seen = objective.features_of(canvas, layers, self._style[0])
            cut = features[self._cut]
            tangents = self._look(cut) if before is None or looks else before
            deep = tangents[0](cut), tangents[1](cut)
            losses = objective.losses_of(canvas, features, seen, deep, stand_in=stand_in)
            (gradient,) = torch.autograd.grad(losses.followed, canvas)
        # The deep losses that the old tangents give, or those at the last measurement.
        old = [of(cut.detach()) if looks else of.value for of in before] if before else deep
        off = objective.alpha * (deep[0] - old[0]) + objective.beta * (deep[1] - old[1])
        *numbers, distance = torch.stack([*losses, off]).tolist()  # one wait for the device
        measured = evaluation(numbers, gradient.contiguous(), stand_in=stand_in > 0)
        if looks and not measured.is_finite():  # tangents from there would be useless
            return measured
        # A measurement right after another one has no estimate to correct.
        correction = distance if looks and self.age > 0 else 0.0
        if looks:
            self._settle(measured.loss, distance)
            self._tangents = tangents
        elif abs(distance) > LEEWAY * min(self._loss, measured.loss):
            return self(canvas, exactly=True, stand_in=stand_in)
        else:
            self.age += 1
        return replace(measured, correction=correction)

    def state(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """The complete state, as numbers and tensors for a checkpoint."""
        if self._tangents is None:
            return {}, {}
        content, style = self._tangents
        return {"patience": self.patience, "age": self.age, "loss": self._loss}, {
            "deep map": content.at,
            "deep losses": torch.stack([content.value, style.value]),
            "deep content": content.slope,
            "deep style": style.slope,
        }

    def restore(self, numbers: dict[str, float], tensors: dict[str, Tensor]) -> None:
        """Restore a state that :meth:`state` returned."""
        if not numbers:
            return
        self.patience, self.age = int(numbers["patience"]), int(numbers["age"])
        self._loss = numbers["loss"]
        content, style = tensors["deep losses"]
        at, by_content, by_style = (
            self._objective.network.laid_out(tensors[name])
            for name in ("deep map", "deep content", "deep style")
        )
        self._tangents = Tangent(at, content, by_content), Tangent(at, style, by_style)

    def _look(self, cut: Tensor) -> Tangents:
        """Measure the deep layers: the tangents at a feature map of the cut."""
        at = self._objective.network.laid_out(cut.detach()).requires_grad_()
        features, seen = self._objective.features_of(
            at, self._content[1], self._style[1], self._cut
        )
        content, style = self._objective.content_loss(features), self._objective.style_loss(seen)
        return _tangent(content, at), _tangent(style, at)

    def _settle(self, loss: float, error: float) -> None:
        """Decide how many evaluations the new tangents are used for."""
        if self._tangents is not None:
            good = abs(error) <= TOLERANCE * (self._loss - loss)
            self.patience = min(2 * self.patience, LONGEST) if good else max(1, self.patience // 2)
        self.age, self._loss = 0, loss


def cut_layer(recipe: Recipe, network: Architecture) -> str | None:
    """The cut for a recipe: the deepest layer it reads that has a quarter of the work behind it.

    None if there is no such layer, or if deep layers are not deferred: with a precision other than
    ``auto``, with an optimiser other than L-BFGS, and with relative losses, where the deep layers
    matter as much as any other.

    >>> from impasto.settings.layers import VGG_19
    >>> cut_layer(Recipe.preset("gatys-fast"), VGG_19)
    'conv4_1'
    >>> cut_layer(Recipe.preset("gatys"), VGG_19)
    """
    estimates = recipe.precision == "auto" and recipe.optimizer == "lbfgs"
    if not estimates or recipe.balance != "absolute":
        return None
    read = reversed(in_order(recipe.layers))
    fitting = (name for name in read if work_share(recipe, name, network) <= 1 - SAVING)
    return next(fitting, None)


def work_share(recipe: Recipe, cut: str, network: Architecture) -> float:
    """The share of a network's work for a recipe that lies before the cut.

    >>> from impasto.settings.layers import VGG_19
    >>> round(work_share(Recipe(), "conv4_1", VGG_19), 2)
    0.67
    """
    return work(network.up_to_deepest({cut})) / work(network.up_to_deepest(recipe.layers))


def _split(names: Iterable[str], shallow: Collection[str]) -> tuple[list[str], list[str]]:
    """Layer names split into the shallow ones and the others."""
    every = list(names)
    return [n for n in every if n in shallow], [n for n in every if n not in shallow]


def _tangent(loss: Tensor, at: Tensor) -> Tangent:
    """The tangent of a loss at a feature map; the slope is 0 if the loss does not depend on it."""
    slope = torch.zeros_like(at)
    if loss.requires_grad:
        (slope,) = torch.autograd.grad(loss, at, retain_graph=True)
    return Tangent(at.detach(), loss.detach(), slope)
