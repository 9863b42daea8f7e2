"""What an optimiser of a canvas is, and how another one is registered.

An optimiser receives the loss and the gradient at the canvas that it last proposed, and proposes
the next canvas. So every evaluation is one step, and a run can be displayed, stopped and saved
after any of them.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from impasto.errors import RunError
from impasto.settings.extensions import check_extension
from impasto.settings.values import OPTIMIZERS

Numbers = dict[str, float]
Tensors = dict[str, Tensor]

OWN = "own"  # begins the names of the tensors that a registered optimiser saves


class Optimizer:
    """An optimiser of the canvases of one level. Only :meth:`step` has to be written.

    :func:`register_optimizer` has an example.
    """

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        """The canvas to evaluate next, 3 × H × W; None if the loss cannot be lowered further.

        Args:
            canvas: the canvas that was last proposed, 3 × H × W.
            loss: its loss.
            gradient: the gradient of its loss, 3 × H × W.
        """
        raise NotImplementedError

    def correct(self, change: float, turn: Tensor | None) -> None:
        """Called before every :meth:`step`, because the losses of earlier steps may be estimates.

        An optimiser that does not compare the losses of different steps can ignore it.

        Args:
            change: what has to be added to the losses of earlier steps to compare them with the
                next one.
            turn: what has to be added to the gradients of earlier steps, 3 × H × W; None for
                nothing.
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
        ...     def __init__(self, learning_rate):
        ...         self.learning_rate = learning_rate
        ...
        ...     def step(self, canvas, loss, gradient):
        ...         return canvas - self.learning_rate * gradient.sign()
        >>> register_optimizer("descent", Descent)
        >>> from impasto import Recipe
        >>> Recipe(optimizer="descent", learning_rate=4).optimizer
        'descent'
    """
    check_extension("optimizer", name, make, names=OPTIMIZERS, own=REGISTERED)
    REGISTERED[name] = make
    OPTIMIZERS[name] = None


def registered(name: str, learning_rate: float) -> Optimizer:
    """A new optimiser, made by what was registered under a name.

    Raises:
        RunError: that is no :class:`Optimizer`.
    """
    made = REGISTERED[name](learning_rate)
    if not isinstance(made, Optimizer):
        raise RunError("extension.no-optimizer", name=name, type=type(made).__name__)
    return _Guarded(name, made)


class _Guarded(Optimizer):
    """A registered optimiser, which may change in place what it gets and what it has returned."""

    def __init__(self, name: str, own: Optimizer) -> None:
        self._name, self._own = name, own

    def step(self, canvas: Tensor, loss: float, gradient: Tensor) -> Tensor | None:
        proposed = self._own.step(canvas.clone(), loss, gradient.clone())
        return None if proposed is None else self._checked(proposed, canvas)

    def correct(self, change: float, turn: Tensor | None) -> None:
        self._own.correct(change, turn)

    def step_back(self) -> Tensor | None:
        return self._own.step_back()

    def change_loss(self) -> None:
        self._own.change_loss()

    def state(self) -> tuple[Numbers, Tensors]:
        numbers, tensors = self._own.state()
        return {OWN: 1, **numbers}, {f"{OWN} {name}": tensors[name] for name in tensors}

    def restore(self, numbers: Numbers, tensors: Tensors) -> None:
        own = (name.removeprefix(f"{OWN} ") for name in tensors if name.startswith(f"{OWN} "))
        self._own.restore(numbers, {name: tensors[f"{OWN} {name}"] for name in own})

    def _checked(self, proposed: Tensor, canvas: Tensor) -> Tensor:
        """A copy of a proposed canvas; an error if it is none."""
        if not isinstance(proposed, Tensor):
            raise RunError("extension.no-canvas", name=self._name, type=type(proposed).__name__)
        if proposed.shape != canvas.shape:
            shapes = {"shape": str(tuple(proposed.shape)), "wanted": str(tuple(canvas.shape))}
            raise RunError("extension.canvas-shape", name=self._name, **shapes)
        return proposed.detach().to(canvas, copy=True)
