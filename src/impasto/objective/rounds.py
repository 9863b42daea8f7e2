"""An objective in rounds: its loss is made anew, from the canvas at that time, at intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from impasto.network.devices import exact_convolutions
from impasto.network.readings import NO_GRIDS, Grid
from impasto.network.vgg import VGG
from impasto.objective.objective import Evaluation
from impasto.objective.of_pixels import Kept, OfPixels
from impasto.objective.regions import Share, StyleCanvas, shares_of
from impasto.process import interrupts
from impasto.settings.layers import in_order
from impasto.settings.recipe import Recipe


class Parts(NamedTuple):
    """A loss and its parts, each a scalar.

    Attributes:
        total: the loss.
        content: the part of the content, without its weight.
        style: the part of the style, without its weight.
    """

    total: Tensor
    content: Tensor
    style: Tensor


LossOfCanvas = Callable[[Tensor], Parts]
# Makes the loss of a round from the canvas at its start, which requires a gradient, and its number,
# counted from 0. The loss is first called with this canvas, unless the run is resumed.
Make = Callable[[Tensor, int], LossOfCanvas]
Measure = Callable[[], Sequence[Any]]  # gives measurements, as of impasto.objective.cache


class Rounds:
    """An objective whose loss changes at the start of every round.

    Args:
        make: makes the loss of a round.
        steps: number of evaluations of the level.
        rounds: number of rounds, which share the evaluations.
        of_pixels: the losses of the pixels of a canvas, which are added.

    Attributes:
        length: number of evaluations of a round.
    """

    def __init__(self, make: Make, steps: int, rounds: int, of_pixels: OfPixels) -> None:
        self._make, self.length = make, math.ceil(steps / rounds)
        self._of_pixels = of_pixels
        self._count = 0
        self._start: Tensor | None = None
        self._loss: LossOfCanvas | None = None

    def __call__(self, canvas: Tensor) -> Evaluation:
        """Evaluate a canvas, and begin a round if one is due.

        Args:
            canvas: 3 × H × W, RGB in 0…255 minus the network's mean.

        Returns:
            The loss of the current round, and the gradient.
        """
        canvas = canvas.detach()
        is_new = self._count % self.length == 0
        if is_new:
            self._start, self._loss = canvas.clone(), None
        with exact_convolutions():
            start, loss = self._round()
            canvas = start if is_new else canvas.requires_grad_()
            parts = loss(canvas)
            parts = parts._replace(total=parts.total + self._of_pixels(canvas))
            (gradient,) = torch.autograd.grad(parts.total, canvas)
        total, content, style = torch.stack(parts).tolist()
        found = Evaluation(total, content, style, gradient.contiguous(), is_new=is_new)
        self._count += found.is_finite()  # otherwise the round begins again, from a shorter step
        return found

    def state(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """The number of evaluations, and the canvas at the start of the current round."""
        if self._start is None:
            return {}, {}
        return {"count": self._count}, {"round": self._start.detach()}

    def restore(self, numbers: dict[str, float], tensors: dict[str, Tensor]) -> None:
        """Restore a state that :meth:`state` returned."""
        if numbers:
            self._count, self._start = int(numbers["count"]), tensors["round"]

    def _round(self) -> tuple[Tensor, LossOfCanvas]:
        """The canvas at the start of the current round, and its loss."""
        assert self._start is not None  # noqa: S101 – a round has begun
        self._start.requires_grad_()
        if self._loss is None:
            with torch.no_grad():
                self._loss = self._make(self._start, self._count // self.length)
        return self._start, self._loss


def anew(measure: Measure) -> Sequence[Any]:
    """Measurements that no other run has made."""
    return measure()


@dataclass(frozen=True)
class Compared:
    """What the canvases of a level are compared with, hypercolumn by hypercolumn.

    Attributes:
        network: the network, which reads every style layer of the recipe.
        content: the content picture in the style's colours, 3 × H × W, RGB in 0…255 minus the
            network's mean.
        styles: the style pictures.
        recipe: gives the layers and their weights, the symmetry of the style, and the strength.
        number: number of the level, counted from 1.
        steps: number of steps of the level.
        splits: whether each layer is matched alone; only in ``nnst`` and ``even-nnst``.
        kept: the picture that canvases should stay close to; None for no temporal loss.
        of_styles: gives what a function measures of the styles, or what it measured in another run.
    """

    network: VGG
    content: Tensor
    styles: Sequence[StyleCanvas]
    recipe: Recipe
    number: int
    steps: int
    splits: bool = False
    kept: Kept | None = None
    of_styles: Callable[[Measure], Sequence[Any]] = anew

    @cached_property
    def weights(self) -> dict[str, float]:
        """The weights of the layers, in the order of the network."""
        given = self.recipe.style_layers
        return {name: given[name] for name in in_order(given) if given[name]}

    @cached_property
    def shares(self) -> list[Share]:
        """How much each style counts at each place, as of :func:`shares_of`."""
        return shares_of([one.weight for one in self.styles], [one.mask for one in self.styles])

    def maps(
        self, picture: Tensor, pools: int = 0, grids: Mapping[str, Grid] = NO_GRIDS
    ) -> dict[str, Tensor]:
        """The feature maps of a picture, by layer, as of :meth:`impasto.network.vgg.VGG.maps`."""
        interrupts.check()
        maps = self.network.maps(picture, self.weights, pools=pools, grids=grids)
        return {name: maps[name] for name in self.weights}

    def rounds(self, make: Make, count: int = 1) -> Rounds:
        """The objective of the level, in a number of rounds."""
        return Rounds(make, self.steps, count, OfPixels.of(self.recipe, self.kept))
