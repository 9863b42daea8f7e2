"""State of the whole process that several threads change at the same time.

What Python and PyTorch offer for it puts back what each thread found, and two threads that overlap
leave behind what the first one set.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any


class Shared(AbstractContextManager[None]):
    """Changes a state when the first thread enters, and restores it when the last one leaves.

    Args:
        change: gives what changes it and puts it back.
    """

    def __init__(self, change: Callable[[], AbstractContextManager[Any]]) -> None:
        self._change = change
        self._lock = threading.Lock()
        self._inside = 0
        self._changed = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._changed.enter_context(self._change())
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._changed.close()


class _Here(threading.local):
    """A pattern for a warnings filter that matches everything in a silenced thread.

    Attributes:
        depth: how many blocks of this thread are silent.
    """

    depth = 0

    def match(self, _: str) -> bool:
        """Whether the current thread is silenced."""
        return self.depth > 0


_here = _Here()
_FILTER: Any = ("ignore", _here, Warning, None, 0)


@contextmanager
def _filtered() -> Iterator[None]:
    warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        while _FILTER in warnings.filters:
            warnings.filters.remove(_FILTER)  # type: ignore[attr-defined]


_silence = Shared(_filtered)


@contextmanager
def unwarned() -> Iterator[None]:
    """Silence the warnings of this thread in the block; other threads are unaffected."""
    with _silence:
        _here.depth += 1
        try:
            yield
        finally:
            _here.depth -= 1
