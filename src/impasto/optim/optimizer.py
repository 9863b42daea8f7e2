"""What an optimiser of a canvas is, and how another one is registered.

An optimiser receives the loss and the gradient at the canvas that it last proposed, and proposes
the next canvas. So every evaluation is one step, and a run can be displayed, stopped and saved
after any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from torch import Tensor

from impasto.errors import InputError, RunError
from impasto.settings.extensions import check_extension, noting
from impasto.settings.pieces import described
from impasto.settings.values import OPTIMIZERS

Numbers = dict[str, float]
Tensors = dict[str, Tensor]
Value = TypeVar("Value")

OWN = "own"  # begins the names of the tensors that a registered optimiser saves


class Optimizer:
    """An optimiser of the canvases of one level. Only :meth:`step` has to be written.

    :func:`register_optimizer` has an example.

    Args:
        learning_rate: the recipe's learning rate, in grey levels.

    Attributes:
        learning_rate: the same.
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """The canvas to evaluate next, 3 × H × W; None if the loss cannot be lowered further.

        Args:
            canvas: the canvas that was last proposed, 3 × H × W.
            loss: its loss.
            gradient: the gradient of its loss, 3 × H × W.
        """
        raise NotImplementedError

    def correct(self, change: float) -> None:
        """Called before every :meth:`step`, because the losses of earlier steps may be estimates.

        An optimiser that does not compare the losses of different steps can ignore it.

        Args:
            change: what has to be added to the losses of earlier steps to compare them with the
                next one.
        """

    def step_back(self) -> Tensor | None:
        """A canvas nearer to the last good one, after a loss that is not finite; None if none."""
        return None

    def change_loss(self) -> None:
        """Called when the loss becomes another function, which cannot be compared with the last."""

    def state(self) -> tuple[Numbers, Tensors]:
        """The complete state, as numbers and tensors, so that a run can be resumed exactly."""
        return {}, {}

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        """Restore a state that :meth:`state` returned."""


MakeOptimizer = Callable[[float], Optimizer]  # takes the learning rate, in grey levels
REGISTERED: dict[str, MakeOptimizer] = {}


def register_optimizer(name: str, make: MakeOptimizer) -> None:
    """Let recipes use another optimiser, as ``optimizer=name``.

    Args:
        name: its name in a recipe: lower-case letters, digits and hyphens. A name that was
            registered before is replaced; one of impasto's own is not.
        make: makes the optimiser of a level from the recipe's learning rate, in grey levels;
            usually a class derived from :class:`Optimizer`.

    Raises:
        InputError: the name or ``make`` cannot be used.

    Example:
        >>> class Descent(Optimizer):
        ...     def step(self, canvas, loss, gradient):
        ...         return canvas - self.learning_rate * gradient.sign()
        >>> register_optimizer("descent", Descent)
        >>> from impasto import Recipe
        >>> Recipe(optimizer="descent", learning_rate=4).optimizer
        'descent'
    """
    check_extension("optimizer", name, make, names=OPTIMIZERS, own=REGISTERED)
    if getattr(make, "step", None) is Optimizer.step:
        raise InputError("extension.no-step", name=name)
    REGISTERED[name] = make
    OPTIMIZERS[name] = None


def registered(name: str, learning_rate: float, canvas: Tensor) -> Optimizer:
    """A new optimiser, made by what was registered under a name.

    Raises:
        RunError: that is no :class:`Optimizer`.
    """
    try:
        with noting("optimizer", name):
            made = REGISTERED[name](learning_rate)
    except TypeError as error:  # such as a constructor that takes no learning rate
        raise RunError("extension.not-made", name=name, reason=str(error)) from error
    if not isinstance(made, Optimizer):
        raise RunError("extension.no-optimizer", name=name, type=type(made).__name__)
    return _Guarded(name, made, canvas)


class _Guarded(Optimizer):
    """A registered optimiser, which may change in place what it gets and what it has returned."""

    MOST_TRIALS = 12  # after a loss that is not finite

    def __init__(self, name: str, own: Optimizer, canvas: Tensor) -> None:
        self._name, self._own = name, own
        self._last = canvas  # of the last step
        self._trials = 0

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        self._last, self._trials = canvas, 0
        with self._noting():
            proposed = self._own.step(canvas.clone(), loss, gradient.clone())
        return self._checked(proposed)

    def correct(self, change: float) -> None:
        with self._noting():
            self._own.correct(change)

    def step_back(self) -> Tensor | None:
        self._trials += 1
        if self._trials > self.MOST_TRIALS:
            return None
        with self._noting():
            proposed = self._own.step_back()
        return self._checked(proposed)

    def change_loss(self) -> None:
        with self._noting():
            self._own.change_loss()

    def state(self) -> tuple[Numbers, Tensors]:
        with self._noting():
            state = self._own.state()
        try:
            numbers, tensors = state
            own_numbers = {f"{OWN} {name}": float(numbers[name]) for name in numbers}
            own_tensors = {f"{OWN} {name}": tensors[name] for name in tensors}
        except (TypeError, ValueError, KeyError, IndexError):
            raise RunError("extension.state", name=self._name) from None
        finite = all(map(math.isfinite, own_numbers.values()))
        if not finite or not all(isinstance(tensor, Tensor) for tensor in own_tensors.values()):
            raise RunError("extension.state", name=self._name)
        return {OWN: 1, **own_numbers}, own_tensors

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        with self._noting():
            self._own.restore(_own(numbers), _own(tensors))

    def _noting(self) -> AbstractContextManager[None]:
        return noting("optimizer", self._name)

    def _checked(self, proposed: Tensor | None) -> Tensor | None:
        """A copy of a proposed canvas, if there is one; an error if it is no canvas."""
        if proposed is None:
            return None
        is_real = isinstance(proposed, Tensor) and proposed.is_floating_point()
        if not is_real or proposed.shape != self._last.shape:
            got, wanted = described(proposed), str(tuple(self._last.shape))
            raise RunError("extension.no-canvas", name=self._name, got=got, shape=wanted)
        return proposed.detach().to(self._last, copy=True)


def _own(named: dict[str, Value]) -> dict[str, Value]:
    """What a registered optimiser has saved, under its own names."""
    prefix = f"{OWN} "
    own = [name for name in named if name.startswith(prefix)]
    return {name.removeprefix(prefix): named[name] for name in own}
