"""The methods that paint a clip, by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from impasto.errors import InputError
from impasto.settings.validation import suggest

if TYPE_CHECKING:
    from impasto.video.method import Method

# Name → module and function; the module is imported when the method is used.
METHODS: dict[str, str] = {
    "optimised": "impasto.video.optimised:paint",
    "keyframes": "impasto.video.keyframes:paint",
    "learned": "impasto.video.learned:paint",
    "single": "impasto.video.singly:paint",
}
DEFAULT = "single"


def method_named(name: str) -> Method:
    """The function of a method.

    Raises:
        InputError: there is no such method.
    """
    check_method(name)
    module, _, function = METHODS[name].partition(":")
    return cast("Method", getattr(importlib.import_module(module), function))


def check_method(name: object) -> None:
    """Make sure that there is a method of this name.

    Raises:
        InputError: there is none.
    """
    if not isinstance(name, str) or name not in METHODS:
        hint = suggest(str(name), METHODS)
        raise InputError("clip.method", name=name, names=tuple(METHODS), hint=hint)
