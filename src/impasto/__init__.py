"""Neural style transfer: the content of one picture painted in the style of another.

>>> import impasto
>>> result = impasto.stylize("lighthouse.png", "starry_night.jpg")  # doctest: +SKIP
>>> result.save("out.png")  # doctest: +SKIP

Everything below is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from impasto._version import __version__

if TYPE_CHECKING:
    from impasto.errors import ImpastoError as ImpastoError
    from impasto.errors import ImpastoWarning as ImpastoWarning
    from impasto.errors import InputError as InputError
    from impasto.errors import RunError as RunError
    from impasto.run.result import Result as Result
    from impasto.run.result import Step as Step
    from impasto.run.stylize import resume as resume
    from impasto.run.stylize import stylize as stylize
    from impasto.settings.recipe import Recipe as Recipe
    from impasto.settings.style import Style as Style

_HOMES = {
    "ImpastoError": "errors",
    "ImpastoWarning": "errors",
    "InputError": "errors",
    "Recipe": "settings.recipe",
    "Result": "run.result",
    "RunError": "errors",
    "Step": "run.result",
    "Style": "settings.style",
    "resume": "run.stylize",
    "stylize": "run.stylize",
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
