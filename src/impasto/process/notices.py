"""Notices that the user should know but need not act on: passed to a listener, or warnings.

Warnings are global to a process, but a server paints for one visitor in one thread while it reads
pictures for another visitor in a second thread. So each thread can have its own listener, which
receives the notices in place of warnings.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from impasto.errors import ImpastoWarning
from impasto.messages.message import Message

_LISTENER: ContextVar[Callable[[Message], None] | None] = ContextVar("listener", default=None)


def tell(message: Message, stacklevel: int = 1) -> None:
    """Pass a notice to the listener; without a listener, warn with :class:`ImpastoWarning`.

    Args:
        message: one sentence, as data.
        stacklevel: which caller's line the warning names; 1 for the caller of this function.
    """
    listener = _LISTENER.get()
    if listener is None:
        warning = ImpastoWarning(message.code, **message.values)
        warnings.warn(warning, stacklevel=stacklevel + 1)
    else:
        listener(message)


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
