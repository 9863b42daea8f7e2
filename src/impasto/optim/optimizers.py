"""The optimisers that impasto has: Adam and L-BFGS."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from impasto.network import pyramid
from impasto.optim.optimizer import Numbers, Optimizer, Tensors
from impasto.optim.pairs import Pairs, dot
from impasto.settings.pieces import check_number, check_whole

COARSEST_SIDE = 8  # pixels; the shorter side of a pyramid's coarsest level is at least this


class Adam(Optimizer):
    """Adam with bias correction (Kingma and Ba, arXiv:1412.6980, algorithm 1).

    Args:
        learning_rate: step size, in grey levels.
        levels: number of levels of the Laplacian pyramid whose values are the variables, so that
            coarse structure moves as easily as fine structure; with 1, they are the pixels.

    Raises:
        InputError: one of them cannot be used.
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, learning_rate: float, levels: int = 1) -> None:
        check_number("learning_rate", learning_rate)
        check_whole("levels", levels, 1)
        super().__init__(learning_rate)
        self.levels = levels
        self.count = 0
        self.means: list[Tensor] = []
        self.squares: list[Tensor] = []

    def step(
        self,
        canvas: Tensor,
        loss: float,  # noqa: ARG002
        gradient: Tensor,
    ) -> Tensor:
        """The updated canvas, 3 × H × W, given the canvas and its gradient."""
        gradients = pyramid.gradients(gradient, self.levels)
        if not self.count:
            self.means = [torch.zeros_like(one) for one in gradients]
            self.squares = [torch.zeros_like(one) for one in gradients]
        self.count += 1
        moves = [self._move(*of) for of in zip(self.means, self.squares, gradients, strict=True)]
        return canvas - pyramid.synthesis(moves)

    def _move(self, mean: Tensor, square: Tensor, gradient: Tensor) -> Tensor:
        """Update the moving averages of a level in place; return what to subtract from it."""
        mean.lerp_(gradient, 1 - self.BETA1)
        square.mul_(self.BETA2).addcmul_(gradient, gradient, value=1 - self.BETA2)
        first = mean / (1 - self.BETA1**self.count)
        second = square / (1 - self.BETA2**self.count)
        return self.learning_rate * first / (second.sqrt() + self.EPSILON)

    def state(self) -> tuple[Numbers, Tensors]:
        """The number of steps and the two moving averages of each level."""
        averages = {"mean": self.means, "square": self.squares}
        return {"count": self.count}, {
            f"{name} {number}": tensor
            for name, tensors in averages.items()
            for number, tensor in enumerate(tensors)
        }

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        """Restore a state that :meth:`state` returned."""
        self.count = int(numbers["count"])
        if self.count:
            self.means, self.squares = (
                [tensors[f"{name} {number}"] for number in range(self.levels)]
                for name in ("mean", "square")
            )


@dataclass
class Line:
    """The line along which L-BFGS searches for a lower loss."""

    start: Tensor
    loss: float  # at the start of the line, like the gradient
    gradient: Tensor
    direction: Tensor
    slope: float
    inherited: bool = False  # the direction comes from pairs of another loss
    length: float = 1.0
    trials: int = 0


class Guess:
    """A preconditioner: the initial inverse Hessian of L-BFGS without scale; here, the identity."""

    def __call__(self, canvas: Tensor) -> Tensor:
        """Apply the preconditioner, which is symmetric and positive definite, to a canvas."""
        return canvas.clone()

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Learn from a step and the change of the gradient along it."""

    def state(self) -> Tensors:
        """What was learned, as tensors for a checkpoint."""
        return {}

    def restore(self, tensors: Tensors) -> None:
        """Restore a state that :meth:`state` returned."""


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4).

    After the first step, steps have unit length, and are shortened until the loss falls enough
    (Armijo's condition, with a quadratic estimate of the length). Losses are positive, so a step
    that promises one far below 0 is shortened before it is tried. A pair whose curvature is not
    positive enough is left out, so that the approximation of the Hessian stays positive definite.

    Args:
        first_step: RMS length of the first step, in grey levels.
        history: how many pairs of steps and gradient changes are remembered, or what remembers
            them.
        inverse: the preconditioner, which learns from every pair; None for the identity.
        grows: whether features have to become stronger, as those of an enlarged canvas. Then the
            first step is up to ten times as long, until it promises to lower the loss by 70 %, and
            no later one may promise to lower it by more than twice itself.

    Raises:
        InputError: one of the numbers cannot be used.
    """

    ENOUGH = 1e-4  # least decrease of the loss, as a share of what the slope predicts
    MOST_TRIALS = 12  # along one direction
    # By how many times the loss a step may promise to lower it. Along a quartic whose minimum is 0,
    # as is the loss of a Gram matrix, the right step promises up to 4 times if features are too
    # strong, and less than once if they are too weak.
    MOST_PROMISED, MOST_PROMISED_GROWING = 4.5, 2.0
    FIRST_PROMISED, LONGEST_FIRST = 0.7, 10.0  # of the loss; of the length asked for

    def __init__(
        self,
        first_step: float,
        history: int | Pairs = 50,
        inverse: Guess | None = None,
        *,
        grows: bool = False,
    ) -> None:
        check_number("first_step", first_step)
        super().__init__(first_step)
        self.grows = grows
        self.inverse = Guess() if inverse is None else inverse
        self.pairs = history if isinstance(history, Pairs) else Pairs(history)
        self.scale = torch.ones(())  # of the preconditioner
        self.line: Line | None = None

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """The next canvas to evaluate; None once no step along the gradient lowers the loss."""
        line, self.scale = self.line, self.scale.to(gradient)
        if line is None:
            return self._set_out(canvas, loss, gradient, inherited=bool(self.pairs))
        if loss > line.loss + self.ENOUGH * line.length * line.slope:
            return self._shorten(line, loss)
        self._remember(canvas - line.start, gradient - line.gradient)
        return self._set_out(canvas, loss, gradient)

    def correct(self, change: float) -> None:
        """Correct the loss at the start of the line."""
        if self.line is not None:
            self.line.loss += change

    def step_back(self) -> Tensor | None:
        """A tenth of the proposed step, then ever smaller parts; None after the last trial."""
        return None if self.line is None else self._shorten(self.line, math.inf)

    def change_loss(self) -> None:
        """Start a new line at the next canvas, whatever its loss, and keep the pairs."""
        self.line = None

    def state(self) -> tuple[Numbers, Tensors]:
        """The pairs, the scale, the preconditioner, the current line, and whether features grow."""
        tensors = {"scale": self.scale, **self.inverse.state(), **self.pairs.state()}
        numbers: Numbers = {"pairs": len(self.pairs), "grows": float(self.grows)}
        if self.line is not None:
            for field in fields(Line):
                key, value = f"line {field.name}", getattr(self.line, field.name)
                if isinstance(value, Tensor):
                    tensors[key] = value
                else:
                    numbers[key] = float(value)
        return numbers, tensors

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        """Restore a state that :meth:`state` returned."""
        self.scale, self.grows = tensors["scale"], bool(numbers["grows"])
        self.pairs.restore(int(numbers["pairs"]), tensors)
        self.inverse.restore(tensors)
        if "line loss" in numbers:
            state: dict[str, Any] = {**numbers, **tensors}
            self.line = Line(**{field.name: state[f"line {field.name}"] for field in fields(Line)})
            self.line.trials, self.line.inherited = int(self.line.trials), bool(self.line.inherited)

    def _set_out(
        self, start: Tensor, loss: float, gradient: Tensor, *, inherited: bool = False
    ) -> Tensor | None:
        """Start a new line at a canvas whose loss and gradient are known."""
        direction = self._descent(gradient)
        slope = dot(direction, gradient).item()
        if slope >= 0 and self.pairs:  # only because of rounding
            self.pairs.clear()
            return self._set_out(start, loss, gradient)
        if slope < 0 < loss:
            length = self._length(loss / -slope)
            direction *= length
            slope *= length
        self.line = Line(start, loss, gradient, direction, slope, inherited)
        return start + direction if slope < 0 else None

    def _length(self, to_nothing: float) -> float:
        """The part of a step to try, given the part that promises to lower the loss to 0."""
        if not self.pairs:
            longer = min(self.FIRST_PROMISED * to_nothing, self.LONGEST_FIRST)
            return max(1.0, longer) if self.grows and self.line is None else 1.0
        most = self.MOST_PROMISED_GROWING if self.grows else self.MOST_PROMISED
        return to_nothing if to_nothing * most < 1 else 1.0

    def _shorten(self, line: Line, loss: float) -> Tensor | None:
        """Go back along the line, to the minimum of a parabola through the known values."""
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
            self.pairs.remember(step, change, curvature)
            self.inverse.learn(step, change)
            self.scale = curvature / dot(change, self.inverse(change))

    def _descent(self, gradient: Tensor) -> Tensor:
        """Minus the approximate inverse Hessian times the gradient (two-loop recursion)."""
        if not self.pairs:
            direction = self.inverse(gradient)
            rms = direction.square().mean().sqrt()
            return direction * torch.where(rms > 0, -self.learning_rate / rms, 0.0)
        direction, shares = self.pairs.without_changes(gradient.neg())
        direction = self.inverse(direction).mul_(self.scale)
        return self.pairs.with_steps(direction, shares)


def is_stalled(optimizer: Optimizer) -> bool:
    """Whether an optimiser had to shorten a step twice in a row, a sign of a noisy loss.

    A step without pairs, whose length is a guess, may be shortened once more. The first step after
    :meth:`Optimizer.change_loss` does not count: its direction comes from another loss.
    """
    if not isinstance(optimizer, LBFGS) or optimizer.line is None:
        return False
    line = optimizer.line
    return line.trials >= (2 if optimizer.pairs else 3) and not line.inherited
