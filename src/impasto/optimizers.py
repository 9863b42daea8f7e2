"""Optimisers of a canvas.

Each is told the loss and the gradient at the canvas it proposed last, and proposes the next; so
every evaluation is one step, and a run can be looked at, stopped and kept after any of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Optimizer(Protocol):
    """What the painter needs of an optimiser."""

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """The canvas to evaluate next; None where there is nothing left to gain."""


class Adam:
    """Adam with bias correction (Kingma and Ba, arXiv:1412.6980, algorithm 1).

    Args:
        learning_rate: step size, in grey levels.
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.count = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor:  # noqa: ARG002
        """The updated canvas."""
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(canvas), torch.zeros_like(canvas)
        self.count += 1
        self.mean.lerp_(gradient, 1 - self.BETA1)
        self.square.mul_(self.BETA2).addcmul_(gradient, gradient, value=1 - self.BETA2)
        mean = self.mean / (1 - self.BETA1**self.count)
        square = self.square / (1 - self.BETA2**self.count)
        return canvas - self.learning_rate * mean / (square.sqrt() + self.EPSILON)


@dataclass
class Line:
    """The line along which L-BFGS looks for a lower loss."""

    start: Tensor
    loss: float  # at the start, like the gradient
    gradient: Tensor
    direction: Tensor
    slope: float
    length: float = 1.0
    trials: int = 0


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4).

    Steps have unit length after the first and are shortened until the loss falls enough
    (Armijo's condition, with a quadratic guess of the length). A pair that would bend the
    approximation of the Hessian out of shape is left out.

    Args:
        first_step: RMS length of the first step, in grey levels.
        history: how many pairs of steps and gradient changes are remembered.
    """

    ENOUGH = 1e-4  # share of the promised decrease that a step must bring
    MOST_TRIALS = 12  # along one direction

    def __init__(self, first_step: float, history: int = 50) -> None:
        self.first_step = first_step
        self.pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=history)
        self.line: Line | None = None

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """The next canvas to try; None once no step along the gradient lowers the loss."""
        line = self.line
        if line is None:
            return self._set_out(canvas, loss, gradient)
        if loss > line.loss + self.ENOUGH * line.length * line.slope:
            return self._shorten(line, loss)
        self._remember(canvas - line.start, gradient - line.gradient)
        return self._set_out(canvas, loss, gradient)

    def _set_out(self, start: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """Take a new direction from a canvas whose loss is known."""
        direction = self._descent(gradient)
        slope = dot(direction, gradient)
        if slope >= 0 and self.pairs:  # only where rounding has the last word
            self.pairs.clear()
            return self._set_out(start, loss, gradient)
        self.line = Line(start, loss, gradient, direction, slope)
        return start + direction if slope < 0 else None

    def _shorten(self, line: Line, loss: float) -> Tensor | None:
        """Go back along the line to where a parabola through what is known is lowest."""
        line.trials += 1
        if line.trials > self.MOST_TRIALS:
            if not self.pairs:
                return None
            self.pairs.clear()
            return self._set_out(line.start, line.loss, line.gradient)
        excess = loss - line.loss - line.length * line.slope
        guess = -line.slope * line.length / (2 * excess)
        line.length *= min(max(guess, 0.1), 0.5)
        return line.start + line.length * line.direction

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = dot(step, change)
        if curvature > 1e-10 * dot(change, change) ** 0.5 * dot(step, step) ** 0.5:
            self.pairs.append((step, change, curvature))

    def _descent(self, gradient: Tensor) -> Tensor:
        """Minus the inverse Hessian, as the pairs show it, times the gradient."""
        if not self.pairs:
            rms = gradient.square().mean().sqrt().item()
            return gradient * (-self.first_step / rms) if rms > 0 else torch.zeros_like(gradient)
        direction = gradient.neg()
        shares = []
        for step, change, curvature in reversed(self.pairs):
            share = dot(step, direction) / curvature
            direction.sub_(change, alpha=share)
            shares.append(share)
        _, change, curvature = self.pairs[-1]
        direction.mul_(curvature / dot(change, change))
        for (step, change, curvature), share in zip(self.pairs, reversed(shares), strict=True):
            direction.add_(step, alpha=share - dot(change, direction) / curvature)
        return direction


def dot(a: Tensor, b: Tensor) -> float:
    """Inner product of two canvases."""
    return torch.dot(a.flatten(), b.flatten()).item()
