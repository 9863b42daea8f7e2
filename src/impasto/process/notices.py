"""What the user should know about a run and need not act on: a warning, or told to who listens.

A server makes a painting for one visitor in one thread while another thread reads for a second
one, and the warnings of a process are everybody's. So a thread may have a listener of its own, who
hears what would otherwise be warned of in it.
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
    """Tell who listens, or warn with :class:`ImpastoWarning` where nobody does.

    Args:
        message: one sentence, as data.
        stacklevel: whose line the warning names: 1 for the caller of this function.
    """
    listener = _LISTENER.get()
    if listener is None:
        warning = ImpastoWarning(message.code, **message.values)
        warnings.warn(warning, stacklevel=stacklevel + 1)
    else:
        listener(message)


@contextmanager
def heard_by(listener: Callable[[Message], None]) -> Iterator[None]:
    """Let someone hear everything that is told in the block, in this thread alone.

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
