"""Ending a run in the midst of its work: a signal, a visitor or a time limit may ask for it.

Long work calls :func:`check` a few times a second. Whoever may end it opens a :func:`scope` around
it, as with a cancel scope of structured concurrency; the scope is the thread's own.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FrameType

from impasto.errors import StoppedError

Stop = Callable[[], bool]

# Those that a system sends to end a program in order; Windows has no hang-up.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_stop: ContextVar[Stop] = ContextVar("stop", default=lambda: False)


@contextmanager
def scope(stop: Stop) -> Iterator[None]:
    """Let ``stop`` end the work in the block, as what is around it may.

    Args:
        stop: whether the work is to end; asked often, so it should be quick.

    Example:
        >>> with scope(lambda: True):
        ...     check()
        Traceback (most recent call last):
        impasto.errors.StoppedError: The run was stopped before it had painted a picture.
    """
    around = _stop.get()
    token = _stop.set(lambda: stop() or around())
    try:
        yield
    finally:
        _stop.reset(token)


@contextmanager
def shielded() -> Iterator[None]:
    """Let nothing end the work in the block: what was painted is being kept."""
    token = _stop.set(lambda: False)
    try:
        yield
    finally:
        _stop.reset(token)


def is_asked() -> bool:
    """Whether the work that is being done is to end."""
    return _stop.get()()


def check() -> None:
    """End the work that is being done, if it is to end.

    Raises:
        StoppedError: it is.
    """
    if is_asked():
        raise StoppedError


class Signals:
    """What a process is sent to end it, while this is entered.

    A signal raises KeyboardInterrupt at once; within :meth:`asking` the first one only asks, as a
    :func:`scope` does, and the next raises. A signal that the process ignores, as a hang-up under
    nohup, stays ignored; Ctrl-C is always heard. Outside the main thread nothing is heard, since
    Python lets no other thread listen.

    Args:
        numbers: the signals.

    Attributes:
        number: of the first that came; None before.
    """

    def __init__(self, *numbers: int) -> None:
        self.number: int | None = None
        self._numbers = numbers
        self._told: Callable[[], None] | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in self._numbers:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN or number == signal.SIGINT:
                    self._before[number] = before
                    signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            with suppress(TypeError):  # of a handler that was not installed from Python
                signal.signal(number, before)  # type: ignore[arg-type]
        self._before.clear()

    @contextmanager
    def asking(self, told: Callable[[], None]) -> Iterator[None]:
        """Let the first signal ask the work in the block to end.

        Args:
            told: called when it comes, from the signal's handler.
        """
        self._told = told
        try:
            with scope(lambda: self.number is not None):
                yield
        finally:
            self._told = None

    def _hear(self, number: int, _: FrameType | None) -> None:
        is_first = self.number is None
        self.number = self.number or number
        if self._told is None or not is_first:
            raise KeyboardInterrupt
        self._told()


@contextmanager
def ctrl_c_asks() -> Iterator[None]:
    """Let the first Ctrl-C in a Python session or a notebook ask the work in the block to end.

    Where Ctrl-C means something else, as on the command line or in a server, it still does.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with Signals(signal.SIGINT) as signals, signals.asking(lambda: None):
        yield
