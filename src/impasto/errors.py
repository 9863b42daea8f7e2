"""What goes wrong, in one sentence each: what was wrong, with which value, and what to do."""

from __future__ import annotations


class ImpastoError(Exception):
    """Any error that impasto raises on purpose; its text is one sentence for the user."""


class InputError(ImpastoError, ValueError):
    """A picture, weight file, size, layer, setting or path that cannot be used."""


class RunError(ImpastoError, RuntimeError):
    """A run that began and could not go on."""


class StoppedError(RunError):
    """A run that was told to end before it had a picture."""

    def __init__(self, text: str = "The run was stopped before it had painted a picture.") -> None:
        super().__init__(text)


class ImpastoWarning(UserWarning):
    """Something about an input that the user should know and need not act on."""
