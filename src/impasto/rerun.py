"""Painting a picture again: what it carries, and where its inputs are now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto import __version__, images, masks, reading
from impasto.errors import InputError
from impasto.files import shown
from impasto.inputs import called, kind_of, numbered
from impasto.recipe import Recipe
from impasto.styles import Style


@dataclass(frozen=True)
class Again:
    """What it takes to paint a picture again.

    Attributes:
        content: path of the content picture.
        styles: the styles, with the paths of their pictures.
        recipe: the settings.
        weights: ``bundled``, or the path of the weight file.
        version: of impasto that painted it.
    """

    content: Path
    styles: list[Style]
    recipe: Recipe
    weights: str
    version: str


def prepare(
    picture: Path,
    *,
    content: Path | None = None,
    styles: Sequence[Path] = (),
    weights: Path | None = None,
    weights_input: str | None = None,
    folder: Path | None = None,
    settings: dict[str, Any],
) -> Again:
    """Read what a picture carries, and find its inputs: where it is said, or beside the picture.

    Args:
        picture: a PNG made by impasto.
        content: the content picture.
        styles: the style pictures, in order.
        weights: the weight file, where the bundled weights were not used.
        weights_input: what it expects.
        folder: where the other inputs are; None for beside the picture.
        settings: of the recipe, that are to be other than they were.

    Raises:
        InputError: it carries no recipe, a setting cannot be used, an input is not to be found, or
            is not the same file.
    """
    carried = _carried(picture)
    paths: dict[str, Path | None] = {"content": content}
    for number, path in enumerate(styles, start=1):
        if numbered("style", number) not in carried:
            many = "one style" if number == 2 else f"{number - 1} styles"
            raise InputError(f"{shown(picture)} has {many}: leave out {shown(path)}.")
        paths[numbered("style", number)] = path
    found = {
        key: str(_found(key, carried[key], paths.get(key), picture, folder or picture.parent))
        for key in carried.keys() - {"impasto", "recipe", "weights"} - settings.keys()
    }
    table = dict(carried["recipe"])
    silent = Recipe.model_fields.keys() - {"styles"} - table.keys() - settings.keys()
    if silent:
        raise InputError(
            f"The recipe in {shown(picture)} (impasto {carried['impasto']}) says nothing of "
            f"{', '.join(sorted(silent))}: give each with --set, as in --set padding=zeros."
        )
    changed = {key: found[key] for key in ("initial", "protect") if key in found}
    changed = {key: _with_colour(path, table[key]) for key, path in changed.items()}
    given = list(_styles(table.pop("styles", None), found))
    return Again(
        Path(found["content"]),
        given,
        Recipe(**{**table, **changed}).model_copy(update=settings),
        _weights(carried["weights"], weights, weights_input),
        str(carried["impasto"]),
    )


def is_of_this_version(again: Again) -> bool:
    """Whether the same version paints again, and so the same picture."""
    return again.version == __version__


def _carried(picture: Path) -> dict[str, Any]:
    text = images.carried_text(picture)
    try:
        carried = json.loads(text or "")
        if not {"impasto", "recipe", "content", "weights"} <= carried.keys():
            raise ValueError
        for key in carried.keys() - {"impasto", "recipe"}:
            carried[key]["name"], carried[key]["sha256"]
    except (ValueError, AttributeError, TypeError, KeyError):
        raise InputError(
            f"{shown(picture)} carries no recipe: only a PNG does that impasto painted, unless "
            "with --no-metadata."
        ) from None
    return dict(carried)


def _found(key: str, known: dict[str, Any], said: Path | None, picture: Path, folder: Path) -> Path:
    """The file of an input, which has to be the same one."""
    kind = kind_of(key)
    flag = f"--{kind}" if kind in ("content", "style") else "--inputs FOLDER"
    if known["name"] is None:
        raise InputError(
            f"The {called(key)} of {shown(picture)} was in memory, and no file: it cannot be found."
        )
    path = said or folder / str(known["name"])
    if not path.is_file():
        raise InputError(
            f"The {called(key)} {shown(path)} is not there: say with {flag} where it is."
        )
    with reading.opened(path, called(key)) as file:
        sha256 = reading.sha256_of(file)
    if sha256 != known["sha256"]:
        raise InputError(
            f"The {called(key)} {shown(path)} is not the file that {shown(picture)} was painted "
            f"from: say with {flag} where that one is."
        )
    return path


def _styles(tables: list[dict[str, Any]] | None, found: dict[str, str]) -> Iterator[Style]:
    """The styles with the paths of what was found."""
    for number, table in enumerate(tables or ([{}] if "style" in found else []), start=1):
        paths = {
            field: numbered(key, number)
            for field, key in (("picture", "style"), ("mask", "mask"), ("style_mask", "style mask"))
        }
        pictures = {
            field: _with_colour(found[key], table.get(field, ""))
            for field, key in paths.items()
            if key in found
        }
        yield Style(**{**table, **pictures})


def _with_colour(path: str, carried: str) -> str:
    """A path with the colour of the label that was meant, if one was."""
    label = masks.LABEL.match(carried)
    return path if label is None else f"{path}#{label['colour']}"


def _weights(known: dict[str, Any], said: Path | None, weights_input: str | None) -> str:
    from impasto.weights import load

    weights = "bundled" if said is None else str(said)
    if load(weights, weights_input).sha256 != known["sha256"]:
        raise InputError(
            f"It was painted with the weights {shown(known['name'])}: name that file with "
            "--weights."
        )
    return weights
