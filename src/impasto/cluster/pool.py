"""The workers of a canvas: who holds which share, and who takes over from a worker that died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from impasto.cluster.engine import (
    SOON,
    Needs,
    is_lost,
    is_out_of_memory,
    ray,
    starting,
    told_by,
    too_few,
)
from impasto.cluster.worker import Worker
from impasto.errors import RunError
from impasto.messages.message import Message
from impasto.network.weights import Weights
from impasto.process import interrupts
from impasto.process.notices import tell

START = 300.0  # seconds in which the workers have to start; a cluster may have to add nodes first
REPLACE = 30.0  # seconds to wait for the place of a worker that died
TRIES = 5  # of one piece of work, before it is given up
MOST_OUT_OF_MEMORY = 2  # tries that run out of memory, before it is tried in smaller tiles

Answer = TypeVar("Answer")
Restore = Callable[[Sequence[int]], object]  # takes the shares that have another holder than before


class Pool:
    """Workers, each of which has its share, and may have those of others that died.

    Args:
        count: number of workers.
        needs: what each needs of its node.

    Attributes:
        count: number of shares.
        holders: for each share, the index of the worker that holds it.
    """

    def __init__(self, count: int, needs: Needs) -> None:
        self.count, self._needs = count, needs
        self._weights: Any = None
        self._workers: list[Any] = []
        self.holders = list(range(count))
        self._restorers: dict[str, Restore] = {}

    def start(self, weights: Weights) -> None:
        """Start the workers, unless they have started; the weights go to each node once.

        Raises:
            RunError: the cluster has no room for them, or one died.
        """
        if self._workers:
            return
        self._weights = ray().put(weights)
        self._workers = [self._new() for _ in range(self.count)]
        ready = self._started(SOON)
        if len(ready) < self.count:
            tell(starting(len(ready), self.count, self._needs, START))
            ready = self._started(START)
        if len(ready) < self.count:
            self.stop()
            raise too_few(len(ready), self.count, self._needs, START)

    def _started(self, seconds: float) -> set[int]:
        """Those workers that have started within some seconds."""
        ready, died = self._answers(range(self.count), seconds)
        if died:
            self.stop()
            raise RunError(
                "cluster.died-starting", count=len(died), reason=told_by(next(iter(died.values())))
            )
        return ready

    def stop(self) -> None:
        """End the workers."""
        for worker in self._workers:
            ray().kill(worker)
        self._workers = []

    def first(self) -> Pool:
        """A pool of only the first worker, for trials; it is still this pool's too."""
        one = Pool(1, self._needs)
        one._weights, one._workers = self._weights, self._workers[:1]
        return one

    def worker(self, share: int) -> Any:
        """The worker that holds a share."""
        return self._workers[self.holders[share]]

    def restore_with(self, name: str, restore: Restore) -> None:
        """Restore what workers hold by a function, in place of another one of the same name."""
        self._restorers[name] = restore

    def steadily(self, work: Callable[[], Answer]) -> Answer:
        """Do some work, again if a worker dies during it.

        Args:
            work: the work, which can be done any number of times.

        Raises:
            MemoryError: the memory of a node ran out twice.
            RunError: workers died again and again, or none is left.
        """
        moved: list[int] = []
        ran_out = 0
        for _ in range(TRIES):
            try:
                if moved:
                    for restore in self._restorers.values():
                        restore(moved)
                    moved = []
                return work()
            except Exception as error:
                if not is_lost(error):
                    raise
                ran_out += is_out_of_memory(error)
            if ran_out == MOST_OUT_OF_MEMORY:
                raise MemoryError
            moved = sorted({*moved, *self._mend()})
        raise RunError("cluster.died-again", count=TRIES)

    def _mend(self) -> list[int]:
        """Replace the workers that died; return the shares that they held.

        If there is no place for a new worker in half a minute, others take over the shares.
        """
        used = sorted(set(self.holders))
        dead = sorted(self._answers(used, REPLACE)[1])
        if not dead:
            return []
        tell(Message("cluster.died", count=len(dead)))
        lost = [share for share, holder in enumerate(self.holders) if holder in dead]
        for index in dead:
            ray().kill(self._workers[index])
            self._workers[index] = self._new()
        new, _ = self._answers(dead, REPLACE)
        living = sorted((set(used) - set(dead)) | new)
        if not living:
            raise RunError("cluster.none-left")
        for index in set(dead) - new:
            ray().kill(self._workers[index])
        for turn, share in enumerate(lost):
            if self.holders[share] not in living:
                self.holders[share] = living[turn % len(living)]
        return lost

    def _new(self) -> Any:
        actor = ray().remote(**self._needs.options(), max_restarts=0)(Worker)
        return actor.remote(self._weights, self._needs.cpus, self._needs.device)

    def _answers(
        self, indices: Iterable[int], seconds: float
    ) -> tuple[set[int], dict[int, Exception]]:
        """Those workers that answer within some seconds, and why others never will.

        A worker that does neither is busy.
        """
        asked = {self._workers[index].is_ready.remote(): index for index in indices}
        waiting, until = list(asked), time.monotonic() + seconds
        ready: set[int] = set()
        died: dict[int, Exception] = {}
        while waiting and time.monotonic() < until:
            done, waiting = ray().wait(waiting, timeout=0.2)
            interrupts.check()
            for one in done:
                try:
                    ray().get(one)
                except Exception as error:
                    if not is_lost(error):
                        raise
                    died[asked[one]] = error
                else:
                    ready.add(asked[one])
        return ready, died


def tree_sum(parts: Sequence[Any], add: Callable[[int, Any, Any], Any]) -> Any:
    """Add up references by a tree: first neighbours in pairs, then their sums, and so on.

    The order depends only on their number, so the same parts have the same sum to the last bit.

    >>> tree_sum(["a", "b", "c"], lambda _, one, other: f"({one}+{other})")
    '((a+b)+c)'

    Args:
        parts: the parts; at least one.
        add: adds two of them; its first argument is the index of the first one.
    """
    layer = list(enumerate(parts))
    while len(layer) > 1:
        pairs = [layer[start : start + 2] for start in range(0, len(layer), 2)]
        layer = [
            (pair[0][0], add(pair[0][0], pair[0][1], pair[1][1])) if len(pair) == 2 else pair[0]
            for pair in pairs
        ]
    return layer[0][1]
