"""Optimisers of a canvas.

Each is told the loss and the gradient at the canvas it proposed last, and proposes the next; so
every evaluation is one step, and a run can be looked at, stopped and kept after any of them.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

HISTORY_BYTES = 2**31
Numbers = dict[str, float]
Tensors = dict[str, Tensor]


class Optimizer(Protocol):
    """What a run needs of an optimiser."""

    def step(
        self,
        canvas: Tensor,
        loss: float,
        gradient: Tensor,
        correction: float = 0.0,
        turn: Tensor | None = None,
    ) -> Tensor | None:
        """The canvas to evaluate next; None where there is nothing left to gain."""

    def step_back(self) -> Tensor | None:
        """A canvas nearer to the last good one than what was proposed, whose loss is not finite.

        None where there is none.
        """

    def change_loss(self) -> None:
        """From the next step on, losses are not to be compared with those before."""

    def state(self) -> tuple[Numbers, Tensors]:
        """All that the next steps depend on, for a checkpoint."""

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        """Go on from a state."""


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

    def step(
        self,
        canvas: Tensor,
        loss: float,  # noqa: ARG002
        gradient: Tensor,
        correction: float = 0.0,  # noqa: ARG002
        turn: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """The updated canvas."""
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(canvas), torch.zeros_like(canvas)
        self.count += 1
        self.mean.lerp_(gradient, 1 - self.BETA1)
        self.square.mul_(self.BETA2).addcmul_(gradient, gradient, value=1 - self.BETA2)
        mean = self.mean / (1 - self.BETA1**self.count)
        square = self.square / (1 - self.BETA2**self.count)
        return canvas - self.learning_rate * mean / (square.sqrt() + self.EPSILON)

    def step_back(self) -> None:
        """None, since it shortens no step."""

    def change_loss(self) -> None:
        """Nothing, since it compares none."""

    def state(self) -> tuple[Numbers, Tensors]:
        """Its count and its two means."""
        if self.mean is None or self.square is None:
            return {"count": 0}, {}
        return {"count": self.count}, {"mean": self.mean, "square": self.square}

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        """Go on from a state."""
        self.count = int(numbers["count"])
        self.mean, self.square = tensors.get("mean"), tensors.get("square")


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


class Guess:
    """A first guess of the inverse Hessian, but for its scale: all directions are alike."""

    def __call__(self, canvas: Tensor) -> Tensor:
        """The guess, a symmetric positive definite map, of a canvas."""
        return canvas.clone()

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Take in a step and how it changed the gradient."""

    def state(self) -> Tensors:
        """What was learned, for a checkpoint."""
        return {}

    def restore(self, tensors: Tensors) -> None:
        """Go on from a state."""


def history_for(canvas_bytes: int) -> int:
    """How many pairs L-BFGS remembers of canvases that large: 50, or what 2 GiB hold, but 3.

    It depends on the canvas alone, so a recipe paints the same picture on any machine.

    >>> [history_for(3 * 4 * side * side) for side in (512, 4096, 8192)]
    [50, 5, 3]
    """
    return max(3, min(50, HISTORY_BYTES // (2 * canvas_bytes)))


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4).

    Steps have unit length after the first and are shortened until the loss falls enough
    (Armijo's condition, with a quadratic guess of the length). A pair that would bend the
    approximation of the Hessian out of shape is left out.

    Args:
        first_step: RMS length of the first step, in grey levels.
        history: how many pairs of steps and gradient changes are remembered.
        inverse: the first guess of the inverse Hessian, but for its scale; it is told of every
            pair.
    """

    ENOUGH = 1e-4  # share of the promised decrease that a step must bring
    MOST_TRIALS = 12  # along one direction

    def __init__(self, first_step: float, history: int = 50, inverse: Guess | None = None) -> None:
        self.first_step = first_step
        self.inverse = Guess() if inverse is None else inverse
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)
        self.scale = torch.ones(())  # of the first guess
        self.line: Line | None = None

    def step(
        self,
        canvas: Tensor,
        loss: float,
        gradient: Tensor,
        correction: float = 0.0,
        turn: Tensor | None = None,
    ) -> Tensor | None:
        """The next canvas to try; None once no step along the gradient lowers the loss.

        Args:
            canvas: what was proposed last.
            loss: its loss.
            gradient: of the loss by it.
            correction: how much too small the losses before were, in the light of this one.
            turn: what the gradients before lacked, 3 × H × W; None for nothing.
        """
        line = self.line
        if line is None:
            return self._set_out(canvas, loss, gradient)
        line.loss += correction
        if turn is not None:
            line.gradient = line.gradient + turn
        if loss > line.loss + self.ENOUGH * line.length * line.slope:
            return self._shorten(line, loss)
        self._remember(canvas - line.start, gradient - line.gradient)
        return self._set_out(canvas, loss, gradient)

    def step_back(self) -> Tensor | None:
        """A tenth of the proposed step, then less and less of it; None after the last trial."""
        return None if self.line is None else self._shorten(self.line, math.inf)

    def change_loss(self) -> None:
        """Take a new direction from the next canvas, whatever its loss; the pairs stay."""
        self.line = None

    def state(self) -> tuple[Numbers, Tensors]:
        """Its pairs, its scale, its guess and the line it is on."""
        numbers: Numbers = {"pairs": len(self.pairs)}
        tensors = {"scale": self.scale, **self.inverse.state()}
        for index, pair in enumerate(self.pairs):
            for name, tensor in zip(("step", "change", "curvature"), pair, strict=True):
                tensors[f"{name} {index}"] = tensor
        if self.line is not None:
            for field in fields(Line):
                value = getattr(self.line, field.name)
                (tensors if isinstance(value, Tensor) else numbers)[f"line {field.name}"] = value
        return numbers, tensors

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        """Go on from a state."""
        self.scale = tensors["scale"]
        for index in range(int(numbers["pairs"])):
            step, change, curvature = (
                tensors[f"{name} {index}"] for name in ("step", "change", "curvature")
            )
            self.pairs.append((step, change, curvature))
        self.inverse.restore(tensors)
        if "line loss" in numbers:
            state: dict[str, Any] = {**numbers, **tensors}
            self.line = Line(**{field.name: state[f"line {field.name}"] for field in fields(Line)})
            self.line.trials = int(self.line.trials)

    def _set_out(self, start: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """Take a new direction from a canvas whose loss is known."""
        direction = self._descent(gradient)
        slope = dot(direction, gradient).item()
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
        line.length *= min(max(0.1, guess), 0.5) if loss < math.inf else 0.1**line.trials
        return line.start + line.length * line.direction

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = dot(step, change)
        if curvature > 1e-10 * step.norm() * change.norm():
            self.pairs.append((step, change, curvature))
            self.inverse.learn(step, change)
            self.scale = curvature / dot(change, self.inverse(change))

    def _descent(self, gradient: Tensor) -> Tensor:
        """Minus the inverse Hessian, as the pairs show it, times the gradient."""
        if not self.pairs:
            direction = self.inverse(gradient)
            rms = direction.square().mean().sqrt()
            return direction * torch.where(rms > 0, -self.first_step / rms, 0.0)
        direction = gradient.neg()
        shares = []
        for step, change, curvature in reversed(self.pairs):
            share = dot(step, direction) / curvature
            direction.addcmul_(change, share, value=-1)
            shares.append(share)
        direction = self.inverse(direction).mul_(self.scale)
        for (step, change, curvature), share in zip(self.pairs, reversed(shares), strict=True):
            direction.addcmul_(step, share - dot(change, direction) / curvature)
        return direction


def is_stalled(optimizer: Optimizer) -> bool:
    """Whether an optimiser had to shorten a step twice in a row, as it has to on a noisy loss."""
    line = getattr(optimizer, "line", None)
    return line is not None and line.trials >= 2


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two canvases, left on their device, where a step need not wait for it."""
    return torch.dot(a.flatten(), b.flatten())
