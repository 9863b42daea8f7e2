"""Painting a picture again, from the recipe that it carries and its inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
)
from pydantic_core import from_json

from impasto._version import __version__
from impasto.errors import InputError, ReasonError
from impasto.files import reading
from impasto.files.carried import carried_text
from impasto.messages.message import Message
from impasto.pictures import masks
from impasto.pictures.inputs import called, kind_of, numbered
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.settings.validation import refusal
from impasto.settings.values import FIRST_CANVASES

# The pictures of a style: the field of its table, and the key of its file.
OF_A_STYLE = (("picture", "style"), ("mask", "mask"), ("style_mask", "style mask"))
# Names that --set cannot change, because they are not settings, with the flag to use instead.
NO_SETTINGS = {
    "content": "--content",
    "style": "--style",
    "styles": "--style",
    "mask": "--inputs",
    "style_mask": "--inputs",
    "weights": "--weights",
}


def _base_name(name: str) -> str:
    """Check that a name contains no folder, so that it leads to no other folder."""
    if not name or name == ".." or Path(name).name != name or re.search(r"[/\\\0]", name):
        raise ReasonError("value.not-a-base-name")
    return name


class Identity(BaseModel):
    """The identity of a file that a picture was painted from.

    Attributes:
        name: name of the file without its folder; None for a picture in memory.
        sha256: SHA-256 of its bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, AfterValidator(_base_name)] | None
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Carried(BaseModel):
    """The metadata that a PNG carries; they are validated, because anyone may have written them.

    Attributes:
        impasto: version of impasto that painted it.
        recipe: every setting, with the names of pictures instead of paths.
        weights: the network's weights.
        files: every other file, by the keys of :attr:`impasto.pictures.inputs.Inputs.files`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    impasto: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z.+]{1,40}$")]
    recipe: dict[str, Any]
    weights: Identity
    files: dict[str, Identity]

    @property
    def tables(self) -> list[dict[str, Any]]:
        """The settings of every style."""
        plain: list[dict[str, Any]] = [{"picture": ""}] if "style" in self.files else []
        tables: list[dict[str, Any]] = self.recipe.get("styles", plain)
        return tables

    def check(self) -> None:
        """Make sure that the metadata contain every file that the recipe names, and no other.

        Raises:
            ValueError: they do not.
        """
        if not isinstance(self.tables, list) or not all(isinstance(t, dict) for t in self.tables):
            raise ReasonError("carried.styles")
        named = {"content"}
        for number, table in enumerate(self.tables, start=1):
            named |= {numbered(key, number) for field, key in OF_A_STYLE if field in table}
        if isinstance(self.recipe.get("protect"), str):
            named.add("protect")
        known = self.files.get("initial")  # its name may be that of a built-in first canvas
        first = self.recipe.get("initial", FIRST_CANVASES[0])
        if first not in FIRST_CANVASES or (known is not None and first == known.name):
            named.add("initial")
        if named != self.files.keys():
            raise ReasonError("carried.inputs")


@dataclass(frozen=True)
class Again:
    """Everything that is needed to paint a picture again.

    Attributes:
        content: path of the content picture.
        styles: the styles, with the paths of their pictures.
        recipe: the settings.
        weights: ``bundled``, or the path of the weight file.
        version: version of impasto that painted the picture.
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
    """Read the metadata of a picture, and find its inputs.

    Args:
        picture: path of a PNG painted by impasto.
        content: path of the content picture; None to search for it.
        styles: paths of the style pictures, in order; those not given are searched for.
        weights: path of the weight file, if the bundled weights were not used.
        weights_input: the input that the weight file expects.
        folder: the folder to search for inputs; None for the folder of the picture.
        settings: settings of the recipe to change.

    Raises:
        InputError: the picture carries no recipe, a setting cannot be used, or an input is not
            found or is not the same file.
    """
    for name in settings.keys() & NO_SETTINGS.keys():
        raise InputError("rerun.not-a-setting", name=name, flag=NO_SETTINGS[name])
    carried = read_carried(picture)
    paths: dict[str, Path | None] = {"content": content}
    for number, path in enumerate(styles, start=1):
        if numbered("style", number) not in carried.files:
            raise InputError("rerun.too-many-styles", path=picture, number=number, style=path)
        paths[numbered("style", number)] = path
    found = {
        key: str(_found(key, known, paths.get(key), picture, folder or picture.parent))
        for key, known in carried.files.items()
        if key not in settings
    }
    silent = Recipe.model_fields.keys() - {"styles"} - carried.recipe.keys() - settings.keys()
    if silent:
        version, names = carried.impasto, tuple(sorted(silent))
        raise InputError("rerun.silent", path=picture, version=version, names=names)
    try:
        recipe = Recipe(**_recipe_table(carried, found))
        given = list(_styles(carried, found))
    except InputError as error:
        raise InputError("rerun.in-recipe", path=picture, error=error) from None
    recipe = recipe.model_copy(update=settings)
    return Again(
        Path(found["content"]),
        given,
        recipe,
        _weights(carried, recipe, weights, weights_input),
        carried.impasto,
    )


def is_of_this_version(again: Again) -> bool:
    """Whether this version of impasto painted the picture, so that it paints the same again."""
    return again.version == __version__


def read_carried(picture: Path) -> Carried:
    """Read and validate the metadata of a picture.

    Raises:
        InputError: the picture carries no metadata, or none that impasto wrote.
    """
    text = carried_text(picture)
    try:
        table = from_json(text or "")
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise InputError("rerun.no-recipe", path=picture)
    if "painter" in table:
        raise InputError("rerun.by-painter", path=picture)
    parts = {key: table.pop(key) for key in ("impasto", "recipe", "weights") if key in table}
    try:
        carried = Carried(**parts, files=table)
        carried.check()
    except ValidationError as error:
        reason: InputError | ReasonError = refusal(error, Carried, Message("of.carried"))
    except ReasonError as error:
        reason = error
    else:
        return carried
    raise InputError("rerun.unusable-recipe", path=picture, reason=reason)


def _recipe_table(carried: Carried, found: dict[str, str]) -> dict[str, Any]:
    """The recipe's settings, with the paths of the files that were found."""
    table = {name: value for name, value in carried.recipe.items() if name != "styles"}
    for name in ("initial", "protect"):
        if name in found:
            # Absolute, so that it is never the name of a built-in first canvas.
            path = reading.located(found[name]).absolute()
            table[name] = _with_colour(str(path), table[name], carried.files[name])
        elif name in carried.files:  # replaced by a setting
            del table[name]
    return table


def _found(key: str, known: Identity, said: Path | None, picture: Path, folder: Path) -> Path:
    """Find the file of an input and make sure that it is the same file."""
    kind = kind_of(key)
    own = (f"--{kind} PICTURE",) if kind in ("content", "style") else ()
    flags = (*own, "--inputs FOLDER")
    if said is None and known.name is None:
        if own:
            raise InputError("rerun.was-piped", what=called(key), path=picture, flag=own[0])
        raise InputError("rerun.was-in-memory", what=called(key), path=picture)
    path = said or folder / str(known.name)
    try:
        with reading.open_file(path) as file:
            sha256 = reading.sha256_of(file)
    except (OSError, ValueError):
        raise InputError("rerun.input-gone", what=called(key), path=path, flags=flags) from None
    if sha256 != known.sha256:
        raise InputError(
            "rerun.other-input", what=called(key), path=path, picture=picture, flags=flags
        )
    return path


def _styles(carried: Carried, found: dict[str, str]) -> Iterator[Style]:
    """The styles, with the paths of the files that were found."""
    for number, table in enumerate(carried.tables, start=1):
        keys = {field: numbered(key, number) for field, key in OF_A_STYLE}
        pictures = {
            field: _with_colour(found[key], table[field], carried.files[key])
            for field, key in keys.items()
            if key in found
        }
        yield Style(**{**table, **pictures})


def _with_colour(path: str, carried: Any, known: Identity) -> str:
    """A path, with the label colour that the recipe names, if it names one."""
    label = masks.LABEL.match(carried) if isinstance(carried, str) else None
    named = label is not None and carried != known.name
    return f"{path}#{label['colour']}" if label is not None and named else path


def _weights(
    carried: Carried, recipe: Recipe, weights: Path | None, weights_input: str | None
) -> str:
    """The weights to paint with: those that the picture was painted with.

    A picture that was painted in one pass, or will be, was not painted with VGG-19, or will not be.

    Raises:
        InputError: they are not the same.
    """
    named = "bundled" if weights is None else str(weights)
    known, method = carried.weights, METHODS.get(str(carried.recipe.get("method")))
    if METHODS[recipe.method].one_pass or (method is not None and method.one_pass):
        return named
    from impasto.network.weights import load

    if load(named, weights_input).sha256 != known.sha256:
        raise InputError("rerun.other-weights", weights=known.name or "bundled")
    return named
