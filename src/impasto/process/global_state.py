"""Global state of the process that several threads may change at the same time.

The context managers of Python and PyTorch restore the state that each thread found. If two threads
overlap, the second one restores the state that the first one had set.
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
        change: returns a context manager that changes the state and restores it.
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
    """A pattern for a warnings filter; matches every text in threads that are silent.

    Attributes:
        depth: the number of silent blocks that this thread is in.
    """

    depth = 0

    def match(self, _: str) -> bool:
        """Whether a warning of this thread should be ignored."""
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
    """A context in which this thread shows no warnings; other threads are not affected."""
    with _silence:
        _here.depth += 1
        try:
            yield
        finally:
            _here.depth -= 1
