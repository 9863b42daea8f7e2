"""Interrupt a run: because of a signal, a visitor of the studio or a time limit.

Long computations call :func:`check` a few times a second. Code that may have to interrupt them
opens a :func:`scope` around them, like a cancel scope of structured concurrency. A scope belongs to
its thread.
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

# The signals that ask a program to end; Windows has no SIGHUP.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_stop: ContextVar[Stop] = ContextVar("stop", default=lambda: False)


@contextmanager
def scope(stop: Stop) -> Iterator[None]:
    """Let ``stop`` interrupt the block, in addition to the scopes around it.

    Args:
        stop: returns True to interrupt the block; it is called often, so it should be quick.

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
    """Let nothing interrupt the block, which saves what was painted."""
    token = _stop.set(lambda: False)
    try:
        yield
    finally:
        _stop.reset(token)


def is_asked() -> bool:
    """Whether an interruption has been requested."""
    return _stop.get()()


def check() -> None:
    """Interrupt the computation if that has been requested.

    Raises:
        StoppedError: it has been requested.
    """
    if is_asked():
        raise StoppedError


class Signals:
    """Handles the signals that ask the process to end, as a context manager.

    A signal raises KeyboardInterrupt at once. Within :meth:`asking`, the first signal only requests
    an interruption, like a :func:`scope`, and the second one raises. Later signals are ignored,
    because the process is already ending. A signal that the process ignores, such as SIGHUP under
    nohup, stays ignored; Ctrl-C is always handled. Outside the main thread nothing is handled,
    because Python allows it nowhere else. A context within another one shares its signals.

    Args:
        numbers: the signals.
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
        """The number of the first signal received; None before that."""
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
            with suppress(TypeError):  # of a handler that was not installed from Python
                signal.signal(number, before)  # type: ignore[arg-type]
        self._before.clear()

    @contextmanager
    def asking(self, told: Callable[[], None]) -> Iterator[None]:
        """Let the first signal request the interruption of the block.

        Args:
            told: called from the signal handler when that signal arrives.
        """
        self._told = told
        try:
            with scope(lambda: self.number is not None):
                yield
        finally:
            self._told = None

    def be_deaf(self) -> None:
        """Ignore further signals: the picture is being saved, and the process is ending."""
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
    """Let the first Ctrl-C in a Python session or a notebook request the interruption of the block.

    Where Ctrl-C has another handler, as on the command line or in a server, that handler stays.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with Signals(signal.SIGINT) as signals, signals.asking(lambda: None):
        yield
