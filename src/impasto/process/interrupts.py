"""Interrupting a run during its work: on a signal, for a visitor of the studio, or at a time limit.

Long computations call :func:`check` a few times a second. Code that may have to end them opens a
:func:`scope` around them, like a cancel scope of structured concurrency, for its own thread only.
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

# Signals that ask a program to end; Windows has no SIGHUP.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_stop: ContextVar[Stop] = ContextVar("stop", default=lambda: False)


@contextmanager
def scope(stop: Stop) -> Iterator[None]:
    """A context in which ``stop`` can end the work, as the scopes around it can.

    Args:
        stop: returns whether the work should end; it is called often, so it should be fast.

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
    """A context in which nothing ends the work, for saving what was painted."""
    token = _stop.set(lambda: False)
    try:
        yield
    finally:
        _stop.reset(token)


def is_asked() -> bool:
    """Whether the current work was asked to end."""
    return _stop.get()()


def check() -> None:
    """End the current work if it was asked to end.

    Raises:
        StoppedError: it was.
    """
    if is_asked():
        raise StoppedError


class Signals:
    """A context that handles the signals that ask a process to end.

    A signal raises KeyboardInterrupt immediately. Within :meth:`asking`, the first signal only asks
    the work to end, as a :func:`scope` does, and the second raises. Later signals are ignored,
    since the process is already ending. A signal that the process ignores, such as SIGHUP under
    nohup, stays ignored, but Ctrl-C is always handled. Outside the main thread no signals are
    handled, since Python does not allow it. A context within another shares its signals.

    Args:
        numbers: the numbers of the signals to handle.
    """

    _around: Signals | None = None

    def __init__(self, *numbers: int) -> None:
        self._heard: list[int] = []
        self._has_raised: list[bool] = []
        self._numbers = numbers
        self._told: Callable[[], None] | None = None
        self._before: dict[int, object] = {}

    @property
    def number(self) -> int | None:
        """The number of the first signal that came; None if none has come."""
        return self._heard[0] if self._heard else None

    def listen(self) -> None:
        """Handle signals from now on."""
        around = Signals._around
        if around is not None:
            self._heard, self._has_raised = around._heard, around._has_raised
        if threading.current_thread() is threading.main_thread():
            for number in self._numbers:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN or number == signal.SIGINT:
                    self._before[number] = before
                    signal.signal(number, self._hear)
            self._outer, Signals._around = around, self

    def __enter__(self) -> Signals:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        if Signals._around is self:
            Signals._around = self._outer
        for number, before in self._before.items():
            with suppress(TypeError):  # the handler was not installed from Python
                signal.signal(number, before)  # type: ignore[arg-type]
        self._before.clear()

    @contextmanager
    def asking(self, told: Callable[[], None]) -> Iterator[None]:
        """A context in which the first signal asks the work to end.

        Args:
            told: called from the signal handler when the first signal comes.
        """
        self._told = told
        try:
            with scope(lambda: self.number is not None):
                yield
        finally:
            self._told = None

    def be_deaf(self) -> None:
        """Ignore signals from now on: the painting is saved, and the process is ending."""
        self._has_raised.append(True)

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._heard.append(number)
        if self._has_raised:
            return
        if self._told is None or len(self._heard) > 1:
            self._has_raised.append(True)
            raise KeyboardInterrupt
        self._told()


@contextmanager
def ctrl_c_asks() -> Iterator[None]:
    """A context in which the first Ctrl-C of a Python session or a notebook asks the work to end.

    If the program has its own handler for Ctrl-C, as the command line and servers do, it stays.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with Signals(signal.SIGINT) as signals, signals.asking(lambda: None):
        yield
