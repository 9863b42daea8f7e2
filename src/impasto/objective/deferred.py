"""An objective whose deep layers are looked at only now and then, while they hardly matter."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.objective.objective import Evaluation, Objective, evaluation
from impasto.settings.layers import LAYERS, up_to_deepest, work
from impasto.settings.recipe import Recipe

SAVING = 0.25  # share of the network's work that has to lie behind the cut
TOLERANCE = 0.02  # of the loss's decrease, how far the estimate may have been off
LEEWAY = 0.1  # of the loss, how far the tangents are followed
LONGEST = 8  # evaluations from one look at the deep layers to the next


@dataclass(frozen=True)
class Tangent:
    """A loss of deep layers near a map of the cut, to first order.

    Attributes:
        at: the map for which it was measured, C × H × W.
        value: the loss there.
        slope: its gradient by the map there.
    """

    at: Tensor
    value: Tensor
    slope: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """The loss, a scalar, for a map of the cut."""
        return self.value + (self.slope * (features - self.at)).sum()


Tangents = tuple[Tangent, Tangent]


class Deferred:
    """An objective that follows the losses of its deep layers along their tangents.

    What a layer behind the cut adds to the gradient goes through the map of the cut. Where it
    hardly changes from step to step, as in the reference's objective, whose bends are nearly all
    conv4_1's, it is kept, and a third of the work saved. It is measured anew after twice as many
    evaluations as the last time where the tangents were off by little of what the loss fell
    meanwhile, and after half as many where they were off by more: at every evaluation in the
    beginning, and wherever the deep layers matter; and at once where the tangents lead far away.

    Args:
        objective: looks at whole pictures.
        cut: name of a layer that is read.

    Attributes:
        patience: evaluations from one look at the deep layers to the next.
        age: evaluations since the last.
    """

    def __init__(self, objective: Objective, cut: str) -> None:
        self._objective, self._cut = objective, cut
        shallow = {layer.name for layer in up_to_deepest({cut})}
        self._content = _split(objective.content_weights, shallow)
        self._style = _split(objective.style_layers, shallow)
        self._tangents: Tangents | None = None  # of content and style loss
        self._loss = math.inf  # at the last look
        self.patience, self.age = 1, 0

    def __call__(
        self, canvas: Tensor, *, exactly: bool = False, stand_in: bool = False
    ) -> Evaluation:
        """Evaluate a canvas.

        Args:
            canvas: 3 × H × W.
            exactly: look at the deep layers in any case.
            stand_in: follow the stand-in for the style loss of the layers before the cut.
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
            # What was measured at the last evaluation has no part of an estimate in it.
            turns = before is not None and looks and self.age > 0
            (gradient,) = torch.autograd.grad(losses.followed, canvas, retain_graph=turns)
            turn = self._turn(before, deep, cut, canvas) if before and turns else None
        # From what the tangents made of them, or from where they were last looked at.
        old = [of(cut.detach()) if looks else of.value for of in before] if before else deep
        off = objective.alpha * (deep[0] - old[0]) + objective.beta * (deep[1] - old[1])
        *numbers, distance = torch.stack([*losses, off]).tolist()  # one wait for the device
        measured = evaluation(numbers, gradient, stand_in=stand_in)
        if looks and not measured.is_finite():  # the tangents, too, are good for nothing there
            return measured
        if looks:
            self._settle(measured.loss, distance)
            self._tangents = tangents
        elif abs(distance) > LEEWAY * self._loss:
            return self(canvas, exactly=True, stand_in=stand_in)
        else:
            self.age, distance = self.age + 1, 0.0
        return replace(measured, correction=distance, turn=turn)

    def state(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """All that the next evaluations depend on, for a checkpoint."""
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
        """Go on from a state."""
        if not numbers:
            return
        self.patience, self.age = int(numbers["patience"]), int(numbers["age"])
        self._loss = numbers["loss"]
        at, (content, style) = tensors["deep map"], tensors["deep losses"]
        self._tangents = (
            Tangent(at, content, tensors["deep content"]),
            Tangent(at, style, tensors["deep style"]),
        )

    def _turn(
        self, before: Tangents, deep: tuple[Tensor, Tensor], cut: Tensor, canvas: Tensor
    ) -> Tensor:
        """What new tangents add to the gradient by the canvas, beside those before."""
        content, style = (new - old(cut) for new, old in zip(deep, before, strict=True))
        by_deep = self._objective.alpha * content + self._objective.beta * style
        (turn,) = torch.autograd.grad(by_deep, canvas)
        return turn

    def _look(self, cut: Tensor) -> Tangents:
        """The tangents for a map of the cut."""
        at = cut.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
        features, seen = self._objective.features_of(
            at, self._content[1], self._style[1], self._cut
        )
        content, style = self._objective.content_loss(features), self._objective.style_loss(seen)
        return _tangent(content, at), _tangent(style, at)

    def _settle(self, loss: float, error: float) -> None:
        """Decide how long the new tangents are to serve."""
        if self._tangents is not None:
            good = abs(error) <= TOLERANCE * (self._loss - loss)
            self.patience = min(2 * self.patience, LONGEST) if good else max(1, self.patience // 2)
        self.age, self._loss = 0, loss


def cut_for(recipe: Recipe) -> str | None:
    """The deepest layer that a recipe reads with a quarter of the work behind it; None if none is.

    Nor is there one where every loss is to be measured, where it is not L-BFGS that is told of
    them, or where losses are relative, by which deep layers matter as much as any.

    >>> cut_for(Recipe.preset("gatys-fast"))
    'conv4_1'
    >>> cut_for(Recipe.preset("gatys"))
    """
    estimates = recipe.precision == "auto" and recipe.optimizer == "lbfgs"
    if not estimates or recipe.balance != "absolute":
        return None
    read = [layer.name for layer in LAYERS if layer.name in recipe.layers]
    fitting = (name for name in reversed(read) if work_share(recipe, name) <= 1 - SAVING)
    return next(fitting, None)


def work_share(recipe: Recipe, cut: str) -> float:
    """How much of the work on the layers of a recipe lies before the cut.

    >>> round(work_share(Recipe(), "conv4_1"), 2)
    0.67
    """
    return work(up_to_deepest({cut})) / work(up_to_deepest(recipe.layers))


def _split(names: Iterable[str], shallow: Collection[str]) -> tuple[list[str], list[str]]:
    """Those that are shallow, and the others."""
    every = list(names)
    return [n for n in every if n in shallow], [n for n in every if n not in shallow]


def _tangent(loss: Tensor, at: Tensor) -> Tangent:
    """That of a loss which was measured for a map, and may not depend on it."""
    slope = torch.zeros_like(at)
    if loss.requires_grad:
        (slope,) = torch.autograd.grad(loss, at, retain_graph=True)
    return Tangent(at.detach(), loss.detach(), slope)
