"""The settings of a recipe as flags of a command, each made from its field in :class:`Recipe`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from impasto.errors import InputError
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe
from impasto.settings.values import words_of

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

Preset = Annotated[
    str | None,
    typer.Option(metavar="|".join(PRESETS), help="Preset to start from.", rich_help_panel=PANEL),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        metavar="FILE.toml|PAINTING",
        help="File with the settings to start from: TOML, or a picture that impasto painted.",
        rich_help_panel=PANEL,
    ),
]


def recipe_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a flag for every setting of a recipe to a command that takes ``**settings``.

    A flag that is left out is None; the others are text, which the recipe reads and validates.
    There is no such flag for the styles, since each style has settings of its own.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    settings = [_flag(name) for name in Recipe.model_fields if name != "styles"]
    command.__signature__ = signature.replace(parameters=own + settings)  # type: ignore[attr-defined]
    return command


def _flag(name: str) -> inspect.Parameter:
    field = Recipe.model_fields[name]
    option = name.replace("_", "-")
    is_switch = field.annotation is bool
    info = typer.Option(
        f"--{option}/--no-{option}" if is_switch else f"--{option}",
        help=field.description,
        metavar=None if is_switch else METAVARS.get(name) or _metavar(field),
        rich_help_panel=PANEL,
        show_default=False,
    )
    kind: Any = (bool if is_switch else str) | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, info]
    )


def _metavar(field: FieldInfo) -> str:
    return "|".join(words_of(field)) or ("N" if field.annotation is int else "X")


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
