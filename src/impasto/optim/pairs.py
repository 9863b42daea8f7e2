"""What L-BFGS remembers: the last steps, and how much each of them changed the gradient."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.optim.optimizer import Tensors
from impasto.settings.pieces import check_whole

MOST, ENOUGH = 12, 8  # pairs; beyond ENOUGH each saves few evaluations, beyond MOST none
SMALL_BYTES, HISTORY_BYTES = 2**27, 2**31
NAMES = ("step", "change", "curvature")  # of the tensors of a pair


def history_for(canvas_bytes: int) -> int:
    """How many pairs L-BFGS remembers: 12, or as many as fit in 128 MiB, but at least 8.

    If these do not fit in 2 GiB, it remembers as many as do, but at least 3. The number depends
    only on the size of a canvas in bytes, so a recipe paints the same picture on any machine.

    >>> [history_for(3 * 4 * side * side) for side in (512, 1024, 4096, 8192)]
    [12, 8, 5, 3]
    """
    pair = 2 * canvas_bytes
    return max(3, min(MOST, max(ENOUGH, SMALL_BYTES // pair), HISTORY_BYTES // pair))


class Pairs:
    """The last pairs of a step and the change of the gradient along it, on the canvas's device.

    Together they are the approximation of the inverse Hessian of L-BFGS, which is applied in two
    loops (Nocedal and Wright, *Numerical Optimization*, algorithm 7.4).

    Args:
        history: how many pairs are remembered.

    Raises:
        InputError: the number cannot be used.
    """

    def __init__(self, history: int = 50) -> None:
        check_whole("history", history, 0)
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)

    def __len__(self) -> int:
        """The number of pairs that are remembered."""
        return len(self._pairs)

    def remember(self, step: Tensor, change: Tensor, curvature: Tensor) -> None:
        """Remember a pair, and forget the oldest one if there are too many.

        Args:
            step: 3 × H × W.
            change: of the gradient along the step, 3 × H × W.
            curvature: the inner product of both, a positive scalar.
        """
        self._pairs.append((step, change, curvature))

    def clear(self) -> None:
        """Forget all pairs."""
        self._pairs.clear()

    def without_changes(self, direction: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """The first loop, from the last pair to the first.

        Args:
            direction: minus the gradient, 3 × H × W; it is overwritten.

        Returns:
            What is left of the direction without a share of each pair's change, and those shares,
            from the last pair to the first.
        """
        shares = []
        for step, change, curvature in reversed(self._pairs):
            share = dot(step, direction) / curvature
            direction.addcmul_(change, share, value=-1)
            shares.append(share)
        return direction, shares

    def with_steps(self, direction: Tensor, shares: Sequence[Tensor]) -> Tensor:
        """The second loop, from the first pair to the last.

        Args:
            direction: what the first loop left, preconditioned, 3 × H × W; it is overwritten.
            shares: of the first loop.

        Returns:
            The direction with a share of each pair's step.
        """
        for (step, change, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            direction.addcmul_(step, share - dot(change, direction) / curvature)
        return direction

    def state(self) -> Tensors:
        """The pairs, as tensors for a checkpoint."""
        return {
            f"{name} {index}": tensor
            for index, pair in enumerate(self._pairs)
            for name, tensor in zip(NAMES, pair, strict=True)
        }

    def restore(self, count: int, tensors: Tensors) -> None:
        """Restore a state of so many pairs that :meth:`state` returned."""
        for index in range(count):
            step, change, curvature = (tensors[f"{name} {index}"] for name in NAMES)
            self.remember(step, change, curvature)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two canvases, left on their device so that a step need not wait for it."""
    return torch.dot(a.flatten(), b.flatten())
