"""Errors and warnings; each has a stable code and values, from which its sentence is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from impasto.messages.message import Message


class WithMessage(Exception):  # noqa: N818 – a base of errors and warnings alike
    """The base of errors and warnings that have a message; their text is the English sentence.

    Args:
        code: the code of the message, as in ``input.empty``; ``messages/en.toml`` lists them all.
        values: the values in the sentence, by name.

    Attributes:
        message: the code and the values, from which a sentence in any language is made.
    """

    def __init__(self, code: str, /, **values: Any) -> None:
        self.message = Message(code, **values)
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The code of the message, the same in every version and language."""
        return self.message.code

    @property
    def values(self) -> dict[str, Any]:
        """The values in the sentence, by name."""
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
    """A run that started and failed."""


class StoppedError(RunError):
    """A run that was stopped before it had painted a picture."""

    def __init__(self, code: str = "run.stopped-early", /, **values: Any) -> None:
        super().__init__(code, **values)


class ReasonError(WithMessage, ValueError):
    """Why a value cannot be used, as part of another error's sentence; internal to impasto."""


class UnusableError(ReasonError):
    """Why a picture cannot be used, as part of an error's sentence that names the picture."""


class ImpastoWarning(WithMessage, UserWarning):
    """Something about an input that the user should know but need not act on."""
