"""What is wrong with a setting, in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from impasto.errors import InputError

LONGEST_SHOWN = 100  # characters of a value

# What a value should be, by the kind of pydantic's error; impasto's own errors say it themselves.
EXPECTATIONS = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a table",
    "multiple_of": "a multiple of {multiple_of}",
    "string_pattern_mismatch": "like {pattern}",
    "string_type": "a text",
    "tuple_type": "a list",
}


def plain(value: Any) -> Any:
    """A value of NumPy or PyTorch as Python's own; any other as it is.

    >>> import numpy as np
    >>> plain(np.int64(3)), plain(np.array([640, 480])), plain("a word")
    (3, [640, 480], 'a word')
    """
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def not_boolean(value: Any) -> Any:
    """The value, which Python would take for 0 or 1 if it were a boolean."""
    value = plain(value)
    if isinstance(value, bool):
        raise ValueError("it should be a number")
    return value


def suggest(word: Any, words: Iterable[str]) -> str:
    """A question whether a word of those was meant; nothing where none is near."""
    if not isinstance(word, str):
        return ""
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.7)
    return f"; did you mean '{near[0]}'?" if near else ""


def shown_value(value: Any) -> str:
    """A value as it can stand in a sentence: on one line, and not long."""
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):  # over 4300 digits, or too many lists within lists
        text = f"this {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def sentence(error: ValidationError, model: type[BaseModel], of: str = "") -> str:
    """The first of pydantic's errors as one sentence.

    Args:
        error: what the model raised.
        model: whose settings they are.
        of: what they are settings of, as in `` of a style``; nothing for a recipe.
    """
    errors = error.errors()
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):  # of a setting within the setting
        return str(cause)
    name, kind = str(first["loc"][0]), first["type"]
    if kind == "extra_forbidden":
        fields = model.model_fields
        hint = suggest(name, fields) or f"; the settings{of} are {', '.join(fields)}"
        return ended(f"There is no setting {shown_value(name)}{of}{hint}")
    if kind == "missing":
        name = next(part for part in reversed(first["loc"]) if isinstance(part, str))
        return ended(f"The {name}{of} is missing")
    reason = first["msg"].removeprefix("Value error, ")
    if kind in EXPECTATIONS:
        reason = "it should be " + EXPECTATIONS[kind].format(**first.get("ctx", {}))
        reason = reason.removesuffix(".0")
    return ended(f"{name}{of} cannot be {shown_value(first['input'])}: {reason}")


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "step"), counted(2500, "thread")
    ('1 step', '2500 threads')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def ended(text: str) -> str:
    """A sentence with its full stop, if it is no question."""
    return text if text.endswith("?") else f"{text}."
