"""The settings of a recipe as components, each made from its field in :class:`Recipe`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from impasto.errors import InputError
from impasto.files.carried import carried_text
from impasto.messages.message import Message
from impasto.settings.recipe import Recipe
from impasto.settings.strength import or_usual
from impasto.settings.validation import NO_HINT, OF_A_RECIPE
from impasto.settings.values import FIRST_CANVASES, words_of

# Two hold paths, which visitors may not name on the server; strength has its own slider.
ELSEWHERE = ("styles", "protect", "strength")
NAMES = tuple(name for name in Recipe.model_fields if name not in ELSEWHERE)


def component(name: str, text: Callable[[str], Any]) -> Component:
    """The component of a setting, with its value in the preset ``default``.

    Args:
        name: the name of the setting.
        text: returns a text of the page by its key.
    """
    field = Recipe.model_fields[name]
    value = values_of(Recipe())[NAMES.index(name)]
    label: dict[str, Any] = {
        "label": text(f"setting-{name}"),
        "info": text(f"explained-{name}"),
        "elem_id": f"setting-{name}",
    }
    if name == "initial":
        return gr.Dropdown(list(FIRST_CANVASES), value=value, **label)
    if words := words_of(field):
        return gr.Dropdown(list(words), value=value, **label)
    if field.annotation is bool:
        return gr.Checkbox(value=value, **label)
    return gr.Textbox(value=value, max_length=500, **label)


def values_of(recipe: Recipe) -> list[Any]:
    """The values of the components for a recipe, in the order of :data:`NAMES`."""
    return [_shown(getattr(recipe, name)) for name in NAMES]


def recipe_of(values: Sequence[Any], strength: float) -> Recipe:
    """The recipe for the values of the components and of the strength slider.

    Raises:
        InputError: a setting has a value that cannot be used.
    """
    shown = dict(zip(NAMES, values, strict=True))
    settings = {name: value for name, value in shown.items() if value not in (None, "")}
    if "beta" not in settings:
        settings["strength"] = strength
    recipe = Recipe(**settings)
    if recipe.initial not in FIRST_CANVASES:
        reason = Message(
            "expected.literal_error", words=tuple(map(repr, FIRST_CANVASES)), hint=NO_HINT
        )
        raise InputError(
            "setting.unusable", name="initial", of=OF_A_RECIPE, value=recipe.initial, reason=reason
        )
    return recipe


def strength_of(recipe: Recipe) -> float:
    """The value of the strength slider for a recipe."""
    return or_usual(recipe.strength)


def recipe_in(path: Path) -> Recipe:
    """The recipe in a TOML file or a painting, without the pictures that it names.

    Raises:
        InputError: the file has no recipe, or the recipe cannot be used.
    """
    if path.suffix.lower() == ".toml":
        settings = dict(Recipe.load(path))
    else:
        try:
            carried = json.loads(carried_text(path) or "")["recipe"]
        except (ValueError, KeyError, TypeError):
            raise InputError("studio.no-recipe", path=path) from None
        settings = {name: carried[name] for name in Recipe.model_fields if name in carried}
    return _without_paths(settings)


def recipe_from(text: str) -> Recipe:
    """The recipe in a TOML text, without the pictures that it names.

    Raises:
        InputError: the recipe cannot be used.
    """
    return _without_paths(dict(Recipe.from_toml(text)))


def _without_paths(settings: dict[str, Any]) -> Recipe:
    kept = {name: value for name, value in settings.items() if value is not None}
    for name in ("styles", "protect"):
        kept.pop(name, None)
    if kept.get("initial") not in FIRST_CANVASES:
        kept.pop("initial", None)
    return Recipe(**kept)


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return ",".join(f"{name}:{weight:g}" for name, weight in value.items())
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
