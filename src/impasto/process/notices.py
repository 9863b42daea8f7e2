"""Notices that the user should know but need not act on: passed to a listener, or warnings.

Warnings are global to a process, but a server paints for one visitor in one thread while it reads
pictures for another visitor in a second thread. So each thread can have its own listener, which
receives the notices in place of warnings.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from impasto.errors import ImpastoWarning
from impasto.messages.message import Message

_LISTENER: ContextVar[Callable[[Message], None] | None] = ContextVar("listener", default=None)


# Code between two functions of impasto: its decorators and its threads.
_BETWEEN = ("contextlib", "functools", "threading", "concurrent.futures.thread")


def tell(message: Message) -> None:
    """Pass a notice to the listener; without a listener, warn with :class:`ImpastoWarning`.

    The warning names the line of the caller's program that called impasto.

    Args:
        message: one sentence, as data.
    """
    listener = _LISTENER.get()
    if listener is None:
        warning = ImpastoWarning(message.code, **message.values)
        warnings.warn(warning, stacklevel=_outside())
    else:
        listener(message)


def _outside() -> int:
    """How many calls above :func:`tell` the program is that called impasto, as a stack level."""
    frame, level = sys._getframe(1), 1  # inspect.stack would read every source file
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_inside(module: str) -> bool:
    return module == "impasto" or module.startswith("impasto.") or module in _BETWEEN


@contextmanager
def heard_by(listener: Callable[[Message], None]) -> Iterator[None]:
    """A context in which a listener receives all notices of this thread.

    >>> heard = []
    >>> with heard_by(heard.append):
    ...     tell(Message("memory.ran-out"))
    >>> [message.code for message in heard]
    ['memory.ran-out']
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


@contextmanager
def told_once(*without: str) -> Iterator[None]:
    """A context in which every notice is told only the first time.

    >>> heard = []
    >>> with heard_by(heard.append), told_once("memory.ran-out"):
    ...     for code in ("clip.even", "memory.ran-out", "clip.even"):
    ...         tell(Message(code, width=1, height=1, across=2, down=2))
    >>> [message.code for message in heard]
    ['clip.even']

    Args:
        without: the codes of notices that are not told at all.
    """
    listener, told = _LISTENER.get(), set[str]()

    def hear(message: Message) -> None:
        text = str(message)
        if message.code in without or text in told:
            return
        told.add(text)
        outside = _LISTENER.set(listener)
        try:
            tell(message)
        finally:
            _LISTENER.reset(outside)

    with heard_by(hear):
        yield
