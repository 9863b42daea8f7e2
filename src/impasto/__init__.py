"""Neural style transfer: the content of one picture painted in the style of another.

>>> import impasto
>>> result = impasto.stylize("lighthouse.png", "starry_night.jpg")  # doctest: +SKIP
>>> result.save("out.png")  # doctest: +SKIP

Everything below is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.errors import ImpastoWarning as ImpastoWarning
    from impasto.errors import InputError as InputError
    from impasto.errors import RunError as RunError
    from impasto.painter import resume as resume
    from impasto.painter import stylize as stylize
    from impasto.recipe import Recipe as Recipe
    from impasto.result import Result as Result
    from impasto.result import Step as Step
    from impasto.styles import Style as Style

__version__ = "0.2.0.dev0"

_HOMES = {
    "ImpastoError": "errors",
    "ImpastoWarning": "errors",
    "InputError": "errors",
    "Recipe": "recipe",
    "Result": "result",
    "RunError": "errors",
    "Step": "result",
    "Style": "styles",
    "resume": "painter",
    "stylize": "painter",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"impasto.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
