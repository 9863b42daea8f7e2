"""The settings of a recipe as flags of a command, each made from its field in :class:`Recipe`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from impasto.cli.completing import one_of
from impasto.errors import InputError
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe
from impasto.settings.strength import USUAL_STRENGTH
from impasto.settings.values import (
    FIRST_CANVASES,
    LARGEST_SIDE,
    MOST_LEVELS,
    TILE_STEP,
    words_of,
)

PANEL = "Recipe"
METAVARS = {
    "size": "WxH|N|original",
    "output_size": "working|content|WxH|N",
    "content_layers": "LAYER:WEIGHT,…",
    "style_layers": "LAYER:WEIGHT,…",
    "initial": "NAME|PICTURE",
    "protect": "MASK",
    "levels": "auto|N",
    "tile": "auto|off|N",
}

# What the fields do not say themselves: the numbers that a setting with words takes.
RANGES = {
    "size": f"1 to {LARGEST_SIDE} pixels a side",
    "output_size": f"1 to {LARGEST_SIDE} pixels a side",
    "content_layers": "weights from 0",
    "style_layers": "weights from 0",
    "levels": f"1 to {MOST_LEVELS}",
    "tile": f"{TILE_STEP} to {LARGEST_SIDE} pixels",
}
# The defaults that another setting or nothing at all stands for.
UNSET = {
    "strength": f"{USUAL_STRENGTH}, unless beta is set",
    "beta": "from strength",
    "protect": "nothing",
}

Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Preset to start from: {', '.join(PRESETS)}.",
        autocompletion=one_of(PRESETS),
        show_default="default",
        rich_help_panel=PANEL,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        metavar="FILE.toml|PAINTING",
        help="File with the settings to start from, in place of a preset: TOML, or a picture that "
        "impasto painted.",
        show_default="none",
        rich_help_panel=PANEL,
    ),
]


def recipe_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a flag for every setting of a recipe to a command that takes ``**settings``.

    A flag that is left out is None; the others are text, which the recipe reads and validates.
    There is no such flag for the styles, since each style has settings of its own, and none for a
    setting whose name is a parameter of the command.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    taken = {"styles", *(parameter.name for parameter in own)}
    settings = [_flag(name) for name in Recipe.model_fields if name not in taken]
    command.__signature__ = signature.replace(parameters=own + settings)  # type: ignore[attr-defined]
    return command


def _flag(name: str) -> inspect.Parameter:
    field = Recipe.model_fields[name]
    option = name.replace("_", "-")
    is_switch = field.annotation is bool
    metavar = METAVARS.get(name) or _metavar(field)
    info = typer.Option(
        f"--{option}/--no-{option}" if is_switch else f"--{option}",
        help=field.description,
        metavar=None if is_switch else metavar,
        rich_help_panel=PANEL,
        autocompletion=None if is_switch else one_of(_words(name)),
        show_default=_default(name),
    )
    kind: Any = (bool if is_switch else str) | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, info]
    )


def _metavar(field: FieldInfo) -> str:
    return "|".join(words_of(field)) or ("N" if field.annotation is int else "X")


def _words(name: str) -> tuple[str, ...]:
    """The fixed words that a setting can be."""
    if name == "initial":
        return FIRST_CANVASES
    in_metavar = METAVARS.get(name, "").split("|")
    return words_of(Recipe.model_fields[name]) or tuple(w for w in in_metavar if w.islower())


def _default(name: str) -> str:
    """The default of a setting, whether presets set another, and the numbers that it takes."""
    field = Recipe.model_fields[name]
    default = UNSET.get(name) or _text(field.default)
    differs = any(name in preset for preset in PRESETS.values())
    own = f"{default}; presets differ" if differs else default
    numbers = RANGES.get(name) or _bounds(field)
    return f"{own}; {numbers}" if numbers else own


def _text(value: Any) -> str:
    """The value of a setting as it is written after its flag."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{layer}:{weight:g}" for layer, weight in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bounds(field: FieldInfo) -> str:
    """The numbers that a setting takes, in words."""
    bounds = {
        name: getattr(mark, name)
        for mark in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(mark, name, None) is not None
    }
    words = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
    if {"ge", "le"} <= bounds.keys():
        return f"{bounds['ge']} to {bounds['le']}"
    return ", ".join(words[name].format(bound) for name, bound in bounds.items())


def build(preset: str | None, file: Path | None, settings: dict[str, Any]) -> Recipe:
    """The recipe of a command: a preset or a file, with the settings of the flags that were given.

    Raises:
        InputError: both a preset and a file are given, or a setting cannot be used.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if file is None:
        return Recipe.preset(preset or "default", **given)
    if preset is not None:
        raise InputError("command.preset-and-recipe")
    return Recipe.load(file, **given)


def setting_of(change: str) -> tuple[str, str]:
    """Name and value of a change of a recipe, as in ``strength=0.8``.

    Raises:
        InputError: it has no equals sign.
    """
    name, equals, value = change.partition("=")
    if not equals:
        raise InputError("command.not-a-setting", change=change, example="strength=0.8")
    return name.strip().replace("-", "_"), value.strip()
