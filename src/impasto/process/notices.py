"""Notices for the user, delivered as Python warnings or to a listener.

A server paints for several visitors in several threads, but warnings belong to the whole process.
So a thread can have its own listener, which receives the notices of that thread in place of
warnings.
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
    """Send a notice to the listener of this thread, or warn with :class:`ImpastoWarning`.

    Args:
        message: the notice.
        stacklevel: which caller's line the warning names; 1 for the direct caller.
    """
    listener = _LISTENER.get()
    if listener is None:
        warning = ImpastoWarning(message.code, **message.values)
        warnings.warn(warning, stacklevel=stacklevel + 1)
    else:
        listener(message)


@contextmanager
def heard_by(listener: Callable[[Message], None]) -> Iterator[None]:
    """Send every notice of the block, in this thread only, to a listener.

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
