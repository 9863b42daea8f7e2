"""What is checked when a caller registers a loss or an optimiser of their own."""

from __future__ import annotations

import re
from collections.abc import Container

from impasto.errors import InputError

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
