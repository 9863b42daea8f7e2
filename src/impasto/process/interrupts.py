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
    :func:`scope` does, and the next raises. What comes after that is ignored, since the process is
    ending already. A signal that the process ignores, as a hang-up under nohup, stays ignored;
    Ctrl-C is always heard. Outside the main thread nothing is heard, since Python lets no other
    thread listen. One that is entered within another shares what that has heard.

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
        """Of the first signal that came; None before."""
        return self._heard[0] if self._heard else None

    def listen(self) -> None:
        """Hear signals from here on."""
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

    def be_deaf(self) -> None:
        """Ignore what comes from here on: what was painted is kept, and the process is ending."""
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
    """Let the first Ctrl-C in a Python session or a notebook ask the work in the block to end.

    Where Ctrl-C means something else, as on the command line or in a server, it still does.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with Signals(signal.SIGINT) as signals, signals.asking(lambda: None):
        yield
