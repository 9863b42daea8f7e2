"""What L-BFGS remembers of a large canvas, held in rows by the workers.

The canvas, its gradient and the direction of a step are beside the optimiser; the pairs need not
be, and are not where they do not fit. Every worker holds some rows of all of them, and those of
another worker too, so that nothing is lost if one dies. Inner products are sums over rows. Those of
a new pair with the others are computed once, when it comes; then each loop needs only the products
of one canvas with the pairs, and one weighted sum of pairs (Chen, Wang and Zhou, *Large-scale
L-BFGS using MapReduce*, NIPS 2014). So a step sends a canvas eight times: a pair to
two holders each, two directions, and two sums back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto.cluster.engine import ray, results
from impasto.cluster.pool import Pool
from impasto.messages.message import Message
from impasto.optim.optimizer import Tensors
from impasto.optim.pairs import NAMES, Pairs, history_for
from impasto.process.notices import tell
from impasto.run.memory_need import OTHER_CANVASES, USED

SENT = 8  # how many times a step sends a canvas
NUMBERS = itertools.count(1)  # of the memories of this process
STEPS, CHANGES = 0, 1  # the two of a pair


class _LostError(Exception):
    """Both workers that held some rows are gone."""


def fit_one_machine(canvas_bytes: int, free: float) -> bool:
    """Whether pairs of canvases of so many bytes, and the canvases beside them, fit in free memory.

    >>> wall = 3 * 4 * 65_536**2
    >>> [fit_one_machine(wall, free) for free in (1e12, 2e12)]
    [False, True]
    """
    return (2 * history_for(canvas_bytes) + OTHER_CANVASES) * canvas_bytes <= USED * free


class SpreadPairs(Pairs):
    """The last pairs of steps and gradient changes, held in rows by the workers of a pool.

    If two workers die at once that held the same rows, all pairs are forgotten, with a notice.

    Args:
        pool: the workers, at least two; they have started when the first pair comes.
        history: how many pairs are remembered, at least one.

    Attributes:
        sent: bytes between the driver and the workers.
    """

    def __init__(self, pool: Pool, history: int) -> None:
        super().__init__(history)
        self._pool, self._history, self._memory = pool, history, next(NUMBERS)
        self._coming = itertools.count()
        self._held: list[int] = []  # numbers of the pairs, the oldest first
        self._products: dict[tuple[int, int], float] = {}  # of a pair's step and one's change
        self.sent = 0

    def __len__(self) -> int:
        """The number of pairs that are remembered."""
        return len(self._held)

    def remember(self, step: Tensor, change: Tensor, curvature: Tensor) -> None:
        """Remember a pair, and forget the oldest one if there are too many."""
        self._pool.restore_with("pairs", self._restore)
        # Forgotten here first: a worker that has forgotten it too can still restore others.
        self._held = self._held[max(0, len(self._held) + 1 - self._history) :]
        new, kept = next(self._coming), tuple(self._held)
        rows = list(zip(self._rows(step, 2), self._rows(change, 2), strict=True))
        with self._or_forget():
            products = self._summed(lambda: self._keep(new, kept, rows))
            with_changes, with_steps = products.reshape(2, -1).tolist()
            self._products |= {(new, one): by for one, by in zip(kept, with_changes, strict=True)}
            self._products |= {(one, new): by for one, by in zip(kept, with_steps, strict=True)}
            self._products[new, new] = float(curvature)
            self._held.append(new)
            self._products = {
                both: by for both, by in self._products.items() if {*both} <= {*self._held}
            }

    def clear(self) -> None:
        """Forget all pairs."""
        self._held, self._products = [], {}

    def without_changes(self, direction: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """The first loop, from the last pair to the first."""
        shares: dict[int, float] = {}
        with self._or_forget():
            along = self._along(direction, STEPS)
            for one in reversed(self._held):
                passed = sum(by * self._products[one, other] for other, by in shares.items())
                shares[one] = (along[one] - passed) / self._products[one, one]
            self._add(direction, CHANGES, {one: -share for one, share in shares.items()})
            return direction, [
                torch.tensor(share, dtype=torch.float64) for share in shares.values()
            ]
        return direction, []

    def with_steps(self, direction: Tensor, shares: Sequence[Tensor]) -> Tensor:
        """The second loop, from the first pair to the last."""
        added: dict[int, float] = {}
        with self._or_forget():
            along = self._along(direction, CHANGES)
            for one, share in zip(self._held, reversed(shares), strict=True):
                there = sum(by * self._products[other, one] for other, by in added.items())
                added[one] = float(share) - (along[one] + there) / self._products[one, one]
            self._add(direction, STEPS, added)
        return direction

    def state(self) -> Tensors:
        """The pairs, as tensors for a checkpoint; they are collected from the workers."""
        tensors: Tensors = {}
        with self._or_forget():
            collected = [self._collected(one) for one in self._held]
            for index, (one, both) in enumerate(zip(self._held, collected, strict=True)):
                values = (*both, both[0].new_tensor(self._products[one, one]))
                tensors |= {f"{name} {index}": of for name, of in zip(NAMES, values, strict=True)}
        return tensors

    @contextmanager
    def _or_forget(self) -> Iterator[None]:
        """A context that forgets all pairs if rows are lost."""
        try:
            yield
        except _LostError:
            tell(Message("cluster.pairs-lost"))
            self.clear()

    def _along(self, canvas: Tensor, which: int) -> dict[int, float]:
        """The product of a canvas with the step or the change of each pair."""
        if not self._held:
            return {}
        rows = self._rows(canvas)
        products = self._summed(
            lambda: [
                self._pool.worker(share).along.remote(share, self._held, which, part)
                for share, part in enumerate(rows)
            ]
        )
        return dict(zip(self._held, products.tolist(), strict=True))

    def _add(self, canvas: Tensor, which: int, factors: Mapping[int, float]) -> None:
        """Add multiples of steps or of changes to a canvas."""
        if not factors:
            return
        sums = self._from_all(lambda at, share: at.combined.remote(share, factors, which))
        for rows, part in zip(self._cut(canvas), sums, strict=True):
            rows.add_(self._received(part).to(canvas))

    def _collected(self, pair: int) -> list[Tensor]:
        """The step and the change of a pair."""
        rows = self._from_all(lambda at, share: at.pair.remote(share, pair))
        return [
            torch.cat([self._received(both[which]) for both in rows], dim=1)
            for which in (STEPS, CHANGES)
        ]

    def _keep(self, new: int, kept: Sequence[int], rows: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Have both holders of every share keep the rows of a pair; the products, by share."""
        first, second = (
            [
                self._pool.worker(holder).keep_pair.remote(self._memory, share, new, kept, *both)
                for share, both in enumerate(rows)
                for holder in (self._holders(share)[place],)
            ]
            for place in (0, 1)
        )
        results(second)
        return first

    def _restore(self, moved: Sequence[int]) -> None:
        """Give workers that have taken over shares the rows that others hold too."""
        for share in moved if self._held else ():
            for of in (share, (share - self._pool.count // 2) % self._pool.count):
                (source,) = {*self._holders(of)} - {share}
                there, here = self._pool.worker(source), self._pool.worker(share)
                if not all(results([there.holds_pairs.remote(self._memory, of, self._held)])):
                    raise _LostError
                results([here.take_pairs.remote(self._memory, of, there.pairs.remote(of))])

    def _holders(self, share: int) -> tuple[int, int]:
        """The shares whose workers hold the rows of a share: its own, and one on the other half."""
        return share, (share + self._pool.count // 2) % self._pool.count

    def _from_all(self, ask: Callable[[Any, int], Any]) -> list[Any]:
        """What the worker of every share answers."""
        return self._pool.steadily(
            lambda: results([ask(self._pool.worker(at), at) for at in range(self._pool.count)])
        )

    def _summed(self, ask: Callable[[], list[Any]]) -> npt.NDArray[np.float64]:
        """The sum of what the workers of all shares answer."""
        total: npt.NDArray[np.float64] = np.sum(
            self._pool.steadily(lambda: results(ask())), axis=0, dtype=np.float64
        )
        return total

    def _rows(self, canvas: Tensor, times: int = 1) -> list[Any]:
        """The rows of every share, sent so many times."""
        parts = [part.detach().cpu().contiguous().numpy() for part in self._cut(canvas)]
        self.sent += times * sum(part.nbytes for part in parts)
        return [ray().put(part) for part in parts]

    def _received(self, array: Any) -> Tensor:
        self.sent += array.nbytes
        return torch.from_numpy(array.copy())

    def _cut(self, canvas: Tensor) -> Sequence[Tensor]:
        return torch.tensor_split(canvas, self._pool.count, dim=1)
