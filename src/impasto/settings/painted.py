"""The settings that a painting carries, for other pictures than its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from impasto.errors import InputError
from impasto.files.carried import HEAD, SUFFIXES, carried_text, is_picture
from impasto.files.reading import open_file
from impasto.messages.message import Message
from impasto.process.notices import tell
from impasto.settings.style import PICTURES
from impasto.settings.values import FIRST_CANVASES

# What errors call the pictures of a recipe and of its styles, by the key that names them.
NOUNS = {
    "initial": "initial canvas",
    "protect": "protected region",
    "picture": "style picture",
    "mask": "mask",
    "style_mask": "style mask",
}


def is_painting(path: Path) -> bool:
    """Whether a file is a picture, or is named like one, rather than a TOML file.

    Raises:
        OSError: the file cannot be read.
        ValueError: no file can have such a name.
    """
    with open_file(path) as file:
        return is_picture(file.read(HEAD)) or path.suffix.lower() in SUFFIXES


def settings_in(path: Path) -> dict[str, Any]:
    """The settings of the recipe that a painting carries, without the pictures that they name.

    A notice names the pictures that are left out. The weight and the layers of a style are left out
    with its picture, since they say nothing about another.

    Raises:
        InputError: the picture carries no recipe, or cannot be read.
    """
    try:
        carried = json.loads(carried_text(path) or "")
        if "painter" in carried:
            raise InputError("rerun.by-painter", path=path)
        settings = {**carried["recipe"]}  # raises TypeError for anything but a table
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("rerun.no-recipe", path=path) from None
    styles = settings.pop("styles", [])
    left_out = list(_pictures_of(styles))
    for name in ("initial", "protect"):
        value = settings.get(name)
        if name in carried or (value is not None and value not in FIRST_CANVASES):
            left_out += _named(name, settings.pop(name, None))
    if left_out:
        tell(Message("recipe.left-out", path=path, names=tuple(left_out)))
    return settings


def _pictures_of(styles: Any) -> Iterator[Message]:
    """The names of the pictures of styles, which anyone may have written."""
    for style in styles if isinstance(styles, list) else []:
        for name in PICTURES:
            yield from _named(name, style.get(name) if isinstance(style, dict) else None)


def _named(name: str, value: Any) -> Iterator[Message]:
    if isinstance(value, str):
        yield Message("picture.file", what=NOUNS[name], path=value)
