"""Imports without garbage collection."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """A context for the imports of a command.

    They make so many objects that Python searches all of them for garbage again and again, but what
    a module makes stays. So the search waits, and if anything was imported, it leaves out from then
    on all that exists.
    """
    was_enabled, modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > modules:
            gc.freeze()
        if was_enabled:
            gc.enable()
