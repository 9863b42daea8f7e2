"""Errors and warnings: each has a stable code and values, and one sentence made from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from impasto.messages.message import Message


class WithMessage(Exception):  # noqa: N818 – a base of errors and warnings alike
    """What has a message; its text is the English sentence.

    Args:
        code: of the message, as in ``input.empty``; ``messages/en.toml`` lists them all.
        values: what the sentence speaks of.

    Attributes:
        message: code and values, which can be told in other languages too.
    """

    def __init__(self, code: str, /, **values: Any) -> None:
        self.message = Message(code, **values)
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The same in every version and language."""
        return self.message.code

    @property
    def values(self) -> dict[str, Any]:
        """What the sentence speaks of, by name."""
        return self.message.values

    def text(self, language: str) -> str:
        """The sentence in one of the languages of :data:`impasto.messages.message.LANGUAGES`."""
        return self.message.text(language)

    def __str__(self) -> str:
        return str(self.message)

    def __reduce__(self) -> tuple[Callable[..., WithMessage], tuple[str]]:
        return partial(type(self), **self.values), (self.code,)


class ImpastoError(WithMessage):
    """Any error that impasto raises on purpose.

    >>> error = InputError("input.empty", what="content picture", path="photo.jpg")
    >>> error.code, error.values["path"], str(error)
    ('input.empty', 'photo.jpg', "The content picture 'photo.jpg' is empty.")
    """


class InputError(ImpastoError, ValueError):
    """A picture, weight file, size, layer, setting or path that cannot be used."""


class RunError(ImpastoError, RuntimeError):
    """A run that began and could not continue."""


class StoppedError(RunError):
    """A run that was stopped before it had a picture."""

    def __init__(self, code: str = "run.stopped-early", /, **values: Any) -> None:
        super().__init__(code, **values)


class ReasonError(WithMessage, ValueError):
    """Why a value cannot be used, as a part of a sentence; never leaves impasto by itself."""


class ImpastoWarning(WithMessage, UserWarning):
    """A notice about an input or a run that needs no action."""
