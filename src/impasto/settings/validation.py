"""Errors for values of settings that cannot be used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from impasto.errors import InputError, ReasonError
from impasto.messages.message import Message, catalogue

NO_HINT = Message("hint.none")
OF_A_RECIPE = Message("of.recipe")
BOUNDS = {"gt", "ge", "lt", "le", "multiple_of"}  # pydantic's names


def plain(value: Any) -> Any:
    """A value of NumPy or PyTorch as a plain Python value; any other value is returned unchanged.

    >>> import numpy as np
    >>> plain(np.int64(3)), plain(np.array([640, 480])), plain("a word")
    (3, [640, 480], 'a word')
    """
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def not_boolean(value: Any) -> Any:
    """The value; an error if it is a boolean, which Python would take for 0 or 1."""
    value = plain(value)
    if isinstance(value, bool):
        raise ReasonError("value.not-number")
    return value


def suggest(word: Any, words: Iterable[str], otherwise: Message = NO_HINT) -> Message:
    """A hint that asks whether a similar word was meant; ``otherwise`` if no word is similar."""
    near = (
        difflib.get_close_matches(word, list(words), n=1, cutoff=0.7)
        if isinstance(word, str)
        else []
    )
    return Message("hint.near", word=near[0]) if near else otherwise


def refusal(
    error: ValidationError, model: type[BaseModel], of: Message = OF_A_RECIPE
) -> InputError:
    """Impasto's error for the first of pydantic's; unknown settings come first.

    Args:
        error: the error of the model.
        model: the model that has the settings.
        of: what the settings belong to, for the sentence.
    """
    errors = error.errors()
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):  # an error of a nested setting
        return cause
    name, kind = str(first["loc"][0] if first["loc"] else first["input"]), first["type"]
    if kind == "extra_forbidden":
        all_settings = Message("hint.settings", of=of, names=tuple(model.model_fields))
        hint = suggest(name, model.model_fields, all_settings)
        if len(first["loc"]) > 1:  # a key of a table within one of the settings
            name, hint = str(first["loc"][-1]), NO_HINT
        return InputError("setting.unknown", name=name, of=of, hint=hint)
    if kind == "missing":
        name = next(part for part in reversed(first["loc"]) if isinstance(part, str))
        return InputError("setting.missing", name=name, of=of)
    reason = cause if isinstance(cause, ReasonError) else _expected(first, model)
    return InputError("setting.unusable", name=name, of=of, value=first["input"], reason=reason)


def _expected(error: ErrorDetails, model: type[BaseModel]) -> Message | str:
    """What the value should be, according to the type of pydantic's error."""
    code, context = f"expected.{error['type']}", error.get("ctx", {})
    if code not in catalogue("en"):
        return error["msg"]
    limits = _limits(model, error["loc"])
    if error["type"] in ("less_than_equal", "greater_than_equal") and len(limits) == 2:
        return Message("expected.between", least=limits["ge"], most=limits["le"])
    values: dict[str, Any] = {}
    if error["type"] == "literal_error":
        words = get_args(model.model_fields[str(error["loc"][0])].annotation)
        values.update(words=tuple(map(repr, words)), hint=suggest(error["input"], words))
    for bound in BOUNDS & context.keys():
        values["bound"] = _short(context[bound])
    if "pattern" in context:
        values["pattern"] = context["pattern"]
    return Message(code, **values)


def _limits(model: type[BaseModel], location: tuple[int | str, ...]) -> dict[str, float]:
    """The least and the greatest value of a number, as far as they are part of its range."""
    field = model.model_fields.get(str(location[0])) if len(location) == 1 else None
    limits: dict[str, float] = {}
    for rule in [] if field is None else field.metadata:
        limits |= {
            name: _short(getattr(rule, name)) for name in ("ge", "le") if hasattr(rule, name)
        }
    return limits


def _short(limit: float) -> float:
    """A limit as a whole number, if it is one."""
    return int(limit) if limit == int(limit) else limit


def counted(number: int, what: str) -> str:
    """A number and its noun, in the plural unless the number is 1.

    >>> counted(1, "step"), counted(2500, "thread")
    ('1 step', '2500 threads')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
