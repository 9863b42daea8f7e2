"""What is checked when a caller registers a loss or an optimiser of their own."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from contextlib import contextmanager

from impasto.errors import InputError, StoppedError
from impasto.messages.message import Message

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def check_extension(
    kind: str, name: str, part: object, *, names: Container[str], own: Container[str]
) -> None:
    """Make sure that a part can be registered under a name.

    Args:
        kind: the setting that will name it.
        name: its name.
        part: the function or class.
        names: the names that are taken.
        own: those of them that were registered before, and may be replaced.

    Raises:
        InputError: it cannot.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError("extension.name", kind=kind, name=name, example="my-own")
    if name in names and name not in own:
        raise InputError("extension.taken", kind=kind, name=name)
    if not callable(part):
        raise InputError("extension.not-callable", kind=kind, name=name, type=type(part).__name__)


@contextmanager
def noting(kind: str, name: str) -> Iterator[None]:
    """A context that notes on any exception which registered part raised it (from Python 3.11).

    Args:
        kind: the setting that names the part.
        name: its name.
    """
    try:
        yield
    except StoppedError:  # the run was interrupted there
        raise
    except Exception as error:
        if hasattr(error, "add_note"):
            error.add_note(str(Message("extension.raised", kind=kind, name=name)))
        raise
