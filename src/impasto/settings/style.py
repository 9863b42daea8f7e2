"""A style: its picture, and its weight, layers and masks.

Each setting of a style is a field of :class:`Style`; its text form on the command line and its
table in a TOML recipe are made from these fields.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from impasto.errors import InputError, ReasonError
from impasto.files.reading import ADDRESS, located, taken
from impasto.files.writing import is_there
from impasto.messages.message import Message
from impasto.settings.layers import READABLE
from impasto.settings.validation import not_boolean, plain, refusal, suggest

WEIGHT = re.compile(r"^(?P<picture>.+):\s*(?P<weight>[0-9.eE+-]+)$")
FIELD = re.compile(r"^(?P<value>[^,]*?)\s*,\s*(?P<name>[A-Za-z_-]+)\s*=.*$", re.DOTALL)
COLON = re.compile(r"^.+?,\s*(?P<name>[A-Za-z_-]+)\s*:(?P<value>.*)$", re.DOTALL)
PICTURES = ("picture", "mask", "style_mask")  # the fields that hold a picture
OF_A_STYLE = Message("of.style")
LIKE_LAYERS = Message("hint.layers", examples=("conv4_2", "relu1_1", "pool3"))


def read_path(value: Any, of: str = "picture") -> str:
    """The path of a file as text; a tilde is replaced by the home folder.

    Args:
        value: the path, as text or ``os.PathLike``.
        of: what the file is, for the error.

    Raises:
        ValueError: ``value`` is not a path, or is not valid Unicode.
    """
    try:
        path = os.fsdecode(value) if isinstance(value, str | os.PathLike) else ""
    except TypeError:  # __fspath__ of the caller's own
        path = ""
    if not path:
        raise ReasonError("value.not-a-path", of=of)
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ReasonError("file.not-unicode") from None
    return str(located(path)) if path.startswith("~") else path


def within(path: Any, folder: str | Path | None) -> Any:
    """A relative path, appended to a folder; any other path or value is returned unchanged.

    >>> within("oil.jpg", "recipes"), within("/oil.jpg", "recipes"), within("oil.jpg", None)
    ('recipes/oil.jpg', '/oil.jpg', 'oil.jpg')
    """
    if not isinstance(path, str) or folder is None or Path(folder) == Path():
        return path
    home = path.startswith("~") or ADDRESS.fullmatch(path)
    return path if home or not path else os.path.join(folder, path)  # noqa: PTH118 – keeps ./


def _read_picture(value: Any) -> Any:
    """A path as text; the bytes of a file object; any other picture in memory unchanged."""
    return read_path(value) if isinstance(value, str | os.PathLike) else taken(value)


def _read_style_picture(value: Any) -> Any:
    if value is None:
        raise ReasonError("value.not-a-picture")
    return _read_picture(value)


def _read_layers(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = value.split("+") if isinstance(value, str) else plain(value)
    if not isinstance(names, Sequence) or not names:
        raise ReasonError("value.not-layers", example="conv1_1+conv2_1")
    names = tuple(name.strip() if isinstance(name, str) else name for name in names)
    for name in names:
        if name not in READABLE:
            hint = suggest(name, READABLE, LIKE_LAYERS)
            raise ReasonError("value.unknown-layer", layer=name, hint=hint)
    return names


class Style(BaseModel):
    """A style picture with its settings; immutable.

    The text form is the picture, the weight after a colon, and the other fields after commas:

    >>> Style.read("oil.jpg:0.7,layers=conv1_1+conv2_1,mask=sky.png").weight
    0.7

    Attributes:
        picture: the style picture: a path, the bytes of a picture file, a binary file object, a PIL
            image, an array or a tensor, as for :func:`impasto.read_picture`. A file object is read
            at once, so that the style can be used again.
        weight: weight relative to the other styles, from 0.0001 to 10000.
        layers: the style layers that it supplies; None for all.
        mask: the part of the canvas that it paints: a grey picture that is white there.
        style_mask: the part of the style picture that counts.

    Raises:
        InputError: a field is unknown or has a value that cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    picture: Annotated[Any, PlainValidator(_read_style_picture)] = Field(
        description="The style picture: a path or, in Python, a picture in memory."
    )
    weight: Annotated[float, BeforeValidator(not_boolean)] = Field(
        1.0, ge=0.0001, le=10000, description="Weight relative to the other styles."
    )
    layers: Annotated[
        tuple[str, ...] | None,
        PlainValidator(_read_layers),
        PlainSerializer(lambda names: names and list(names)),
    ] = Field(None, description="Style layers that it supplies, as in conv1_1+conv2_1; or all.")
    mask: Annotated[Any, PlainValidator(_read_picture)] = Field(
        None,
        description="Where in the painting the style goes: a grey picture that is white there, or "
        "a picture and one of its colours, as in regions.png#ff0000.",
    )
    style_mask: Annotated[Any, PlainValidator(_read_picture)] = Field(
        None, description="Which part of the style picture counts: a picture that is white there."
    )

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise refusal(error, type(self), OF_A_STYLE) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Style) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[Any, ...]:
        """The fields to compare; pictures in memory are equal only if they are the same object."""
        pictures = (self.picture, self.mask, self.style_mask)
        same = [one if one is None or isinstance(one, str) else id(one) for one in pictures]
        return (*same, self.weight, self.layers)

    @classmethod
    def read(cls, value: Any, folder: str | Path | None = None) -> Style:
        """A style from its text form, a table of its fields, or a picture.

        Args:
            value: a string is read as the text form; if a file of exactly that name exists, the
                style is that picture.
            folder: the folder that paths are relative to; None for the current one.

        Raises:
            InputError: a field is unknown or has a value that cannot be used.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = _fields(value, folder)
        if isinstance(value, Mapping):
            fields = {str(name): field for name, field in value.items()}
            seen = {name: within(fields[name], folder) for name in PICTURES if name in fields}
            return cls(**{**fields, **seen})
        return cls(picture=value)

    @property
    def is_plain(self) -> bool:
        """Whether the style has no settings besides its picture."""
        others = (self.layers, self.mask, self.style_mask)
        return self.weight == 1 and all(field is None for field in others)

    def absolute(self) -> Style:
        """The same style with absolute paths."""
        return self.model_copy(
            update={name: absolute(getattr(self, name)) for name in PICTURES if getattr(self, name)}
        )

    def to_table(self) -> dict[str, Any]:
        """The fields that differ from their defaults, for JSON or TOML."""
        return self.model_dump(mode="json", exclude_defaults=True)


def absolute(path: str | os.PathLike[str]) -> str:
    """The absolute path; the colour of a label, as in ``regions.png#ff0000``, is kept."""
    return str(located(path).absolute())


def _fields(text: str, folder: str | Path | None = None) -> dict[str, Any]:
    """The fields of a text form; if a file of exactly that name exists, it is the picture.

    >>> _fields("oil.jpg"), _fields("a,b.jpg:2, mask=m.png#00ff00")
    ({'picture': 'oil.jpg'}, {'picture': 'a,b.jpg', 'weight': '2', 'mask': 'm.png#00ff00'})
    """
    if is_there(within(text, folder)):
        return {"picture": text}
    names = "|".join(name for name in Style.model_fields if name != "picture")
    picture, *others = re.split(rf"\s*,\s*({names})\s*=\s*", text)
    fields: dict[str, Any] = {}
    for name, value in zip(others[::2], others[1::2], strict=True):
        if name in fields:
            raise InputError("style.setting-twice", text=text, name=name)
        fields[name] = value.strip()
    for value in (picture, *fields.values()):
        _check_names(value, folder)
    _check_signs(picture, folder)
    weighted = None if is_there(within(picture, folder)) else WEIGHT.match(picture)
    if weighted is not None:
        if "weight" in fields:
            raise InputError("style.setting-twice", text=text, name="weight")
        return {"picture": weighted["picture"], "weight": weighted["weight"], **fields}
    return {"picture": picture, **fields}


def _check_signs(picture: str, folder: str | Path | None) -> None:
    """Make sure that a colon for ``=``, or a weight in words, is not taken for part of a file name.

    Raises:
        InputError: there is no such file, but there is one of the name before that sign.
    """
    if is_there(within(picture, folder)):
        return
    field = COLON.match(picture)
    fields = [name for name in Style.model_fields if name != "picture"]
    hint = suggest(field["name"].replace("-", "_").lower(), fields) if field else None
    if field and hint and "word" in hint.values:
        word = hint.values["word"]
        example = f"{word}={field['value'].strip()}"
        raise InputError("style.colon", text=field[0], example=example)
    before, colon, weight = picture.rpartition(":")
    if colon and WEIGHT.match(picture) is None and is_there(within(before, folder)):
        reason = Message("expected.float_parsing")
        raise InputError(
            "setting.unusable", name="weight", of=OF_A_STYLE, value=weight, reason=reason
        )


def _check_names(value: str, folder: str | Path | None) -> None:
    """Make sure that a misspelt field is not taken for the end of a file name.

    Raises:
        InputError: there is no such file, and the text contains a misspelt field.
    """
    found = None if is_there(within(value, folder)) else FIELD.match(value)
    if found is None:
        return
    fields = [name for name in Style.model_fields if name != "picture"]
    listed = Message("hint.settings", of=OF_A_STYLE, names=tuple(fields))
    hint = suggest(found["name"].replace("-", "_").lower(), fields, listed)
    path = WEIGHT.match(found["value"])
    picture = path["picture"] if path else found["value"]
    if hint is not listed or is_there(within(picture, folder)):
        raise InputError("setting.unknown", name=found["name"], of=OF_A_STYLE, hint=hint)
