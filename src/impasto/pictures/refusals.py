"""Errors and notes about a picture, as messages that name the picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt

from impasto.errors import InputError, ReasonError, StoppedError, UnusableError
from impasto.files import reading
from impasto.messages.message import Message
from impasto.process.global_state import unwarned
from impasto.process.notices import tell

__all__ = ["UnusableError", "naming", "refusing", "shape_of", "tell_of"]


def naming(role: str, source: Any) -> Message:
    """The name of a picture in a sentence: its role, and its path if it is a file."""
    if isinstance(source, str | os.PathLike):
        return Message("picture.file", what=role, path=reading.as_given(source))
    return Message("picture.in-memory", what=role)


@contextmanager
def refusing(picture: Message, unusual: str = "picture.unusual") -> Iterator[None]:
    """A context that turns any error of a decoder into an error that names the picture.

    On hostile bytes, decoders raise errors and warnings of every kind.

    Args:
        picture: the picture, for the sentence.
        unusual: the code of an error of a kind that is not known.

    Raises:
        InputError: the picture cannot be used.
    """
    try:
        with unwarned():
            yield
    except StoppedError:
        raise
    except UnusableError as error:
        raise InputError(error.code, picture=picture, **error.values) from None
    except MemoryError:
        raise InputError("picture.memory", picture=picture) from None
    except Exception as error:
        raise InputError(unusual, picture=picture, reason=_reason(error)) from None


def tell_of(picture: Message, notes: Iterable[Message]) -> None:
    """Tell the user the notes about a picture."""
    for note in notes:
        tell(Message(note.code, picture=picture, **note.values))


def shape_of(array: npt.NDArray[Any]) -> Message | str:
    """The shape of an array for a sentence, as in ``480×640×4``."""
    return "×".join(map(str, array.shape)) or Message("picture.one-value")


def _reason(error: Exception) -> Message | str:
    """The text of a decoder's error, or the error's type if the text is unsuitable."""
    if isinstance(error, ReasonError):
        return error.message
    text = str(error).partition("\n")[0].strip(" .")
    unreadable = not text.isprintable() or " at 0x" in text or not text
    return type(error).__name__ if unreadable else text
