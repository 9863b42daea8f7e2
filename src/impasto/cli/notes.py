"""Notes: sentences on stderr that are not errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from impasto.errors import ImpastoWarning

_heard = [True]


def hear_notes(wanted: bool) -> None:
    """Print notes from now on, or print none."""
    _heard[0] = wanted


def note(text: str, *, with_error: bool = False) -> None:
    """Print a note, which is not an error, unless notes are turned off.

    Args:
        text: the note.
        with_error: whether the note belongs to an error, and is printed even if notes are off.
    """
    if with_error or _heard[0]:
        typer.echo(f"Note: {text}", err=True)


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """A context in which impasto's warnings are printed as notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ImpastoWarning)
        show_other = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, ImpastoWarning):
                note(str(message))
            else:
                show_other(message, category, *place)

        warnings.showwarning = show  # type: ignore[assignment]
        yield
