"""The rows of the pairs of L-BFGS that a worker holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Rows = npt.NDArray[Any]  # 3 × rows × W, float32 or float64
Pair = tuple[Tensor, Tensor]  # the rows of a step, and those of a change of the gradient


class PairHolder:
    """Holds rows of pairs, by share of the canvas and by number of the pair."""

    def __init__(self) -> None:
        self._memory = 0
        self._pairs: dict[int, dict[int, Pair]] = {}

    def keep_pair(
        self, memory: int, share: int, new: int, kept: Sequence[int], step: Rows, change: Rows
    ) -> list[float]:
        """Keep the rows of a pair, and drop those of pairs that are not kept.

        Args:
            memory: number of the memory that the pair belongs to; pairs of others are dropped.
            share: number of the share.
            new: number of the pair.
            kept: numbers of the other pairs.
            step: the rows of its step.
            change: the rows of its change.

        Returns:
            The products of its step with the other changes, then of its change with the other
            steps.
        """
        there = self._of(memory).get(share, {})
        pair = _tensor(step), _tensor(change)
        others = {one: there[one] for one in kept}
        self._pairs[share] = {**others, new: pair}
        return [
            *(product(pair[0], other[1]) for other in others.values()),
            *(product(pair[1], other[0]) for other in others.values()),
        ]

    def along(self, share: int, pairs: Sequence[int], which: int, rows: Rows) -> list[float]:
        """The products of some rows with the steps (0) or the changes (1) of pairs."""
        canvas = _tensor(rows)
        return [product(self._pairs[share][one][which], canvas) for one in pairs]

    def combined(self, share: int, factors: Mapping[int, float], which: int) -> Rows:
        """The sum of multiples of the steps (0) or the changes (1) of pairs."""
        total: Tensor | None = None
        for one, factor in factors.items():
            part = factor * self._pairs[share][one][which]
            total = part if total is None else total.add_(part)
        assert total is not None, "no pair is added"  # noqa: S101
        return total.numpy()

    def pair(self, share: int, number: int) -> tuple[Rows, Rows]:
        """The rows of a pair."""
        step, change = self._pairs[share][number]
        return step.numpy(), change.numpy()

    def holds_pairs(self, memory: int, share: int, pairs: Iterable[int]) -> bool:
        """Whether the rows of all these pairs are held."""
        return memory == self._memory and {*pairs} <= self._pairs.get(share, {}).keys()

    def pairs(self, share: int) -> dict[int, tuple[Rows, Rows]]:
        """The rows of all pairs of a share, by number."""
        return {number: self.pair(share, number) for number in self._pairs[share]}

    def take_pairs(self, memory: int, share: int, pairs: Mapping[int, tuple[Rows, Rows]]) -> None:
        """Hold rows that another worker holds too."""
        self._of(memory)[share] = {
            number: (_tensor(step), _tensor(change)) for number, (step, change) in pairs.items()
        }

    def _of(self, memory: int) -> dict[int, dict[int, Pair]]:
        if memory != self._memory:
            self._memory, self._pairs = memory, {}
        return self._pairs


def product(one: Tensor, other: Tensor) -> float:
    """The inner product of two tensors, added up in float64."""
    return float((one * other).sum(dtype=torch.float64))


def _tensor(rows: Rows) -> Tensor:
    return torch.from_numpy(np.array(rows))
