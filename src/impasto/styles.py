"""A style picture and what it is to give: how much, at which layers, where.

Each control of a style is one field of :class:`Style`; the text form of the command line and the
table of a TOML recipe are made from it.
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

from impasto.errors import InputError
from impasto.layers import READABLE
from impasto.reading import located
from impasto.sentences import not_boolean, sentence, shown_value, suggest

WEIGHT = re.compile(r"^(?P<picture>.+):(?P<weight>[0-9.eE+-]+)$")


def read_path(value: Any) -> str:
    """The path of a picture as text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError("it should be the path of a picture")
    path = os.fsdecode(value)
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ValueError("it should be the path of a picture with a name in Unicode") from None
    return path


def _read_picture(value: Any) -> Any:
    """A path as text, or a picture in memory as it is."""
    return read_path(value) if isinstance(value, str | os.PathLike) else value


def _read_layers(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = value.split("+") if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names:
        raise ValueError("it should name layers, as in conv1_1+conv2_1")
    names = tuple(name.strip() if isinstance(name, str) else name for name in names)
    for name in names:
        if name not in READABLE:
            hint = suggest(name, READABLE) or "; layers have names like conv4_2 and relu1_1"
            raise ValueError(f"there is no layer {shown_value(name)}{hint}")
    return names


class Style(BaseModel):
    """A style picture with what it gives; immutable.

    Its text form is the picture, with a weight after a colon, and the other fields after commas:

    >>> Style.read("oil.jpg:0.7,layers=conv1_1+conv2_1,mask=sky.png").weight
    0.7

    Raises:
        InputError: a field is unknown or has a value that cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    picture: Annotated[Any, PlainValidator(_read_picture)] = Field(
        description="The style picture: a path; from Python a picture in memory, too."
    )
    weight: Annotated[float, BeforeValidator(not_boolean)] = Field(
        1.0, gt=0, description="How much of it, beside the other styles."
    )
    layers: Annotated[
        tuple[str, ...] | None,
        PlainValidator(_read_layers),
        PlainSerializer(lambda names: names and list(names)),
    ] = Field(None, description="Style layers that it gives, as in conv1_1+conv2_1; or all.")
    mask: Annotated[Any, PlainValidator(_read_picture)] = Field(
        None,
        description="Where in the painting: a grey picture, white where the style goes; or a "
        "picture and one of its colours, as in regions.png#ff0000.",
    )
    style_mask: Annotated[Any, PlainValidator(_read_picture)] = Field(
        None, description="What of the style picture counts: a picture likewise."
    )

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(sentence(error, type(self), " of a style")) from None

    @classmethod
    def read(cls, value: Any) -> Style:
        """A style from its text form, a table of its fields, or a picture.

        Raises:
            InputError: a field is unknown or has a value that cannot be used.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            return cls(**{str(name): field for name, field in value.items()})
        if isinstance(value, str):
            return cls(**_fields(value))
        return cls(picture=value)

    @property
    def is_plain(self) -> bool:
        """Whether it is a picture and nothing else."""
        others = (self.layers, self.mask, self.style_mask)
        return self.weight == 1 and all(field is None for field in others)

    def absolute(self) -> Style:
        """The same with absolute paths."""
        paths = ("picture", "mask", "style_mask")
        return self.model_copy(
            update={name: absolute(getattr(self, name)) for name in paths if getattr(self, name)}
        )

    def to_table(self) -> dict[str, Any]:
        """Its fields but for those that are as they always are, for JSON or TOML."""
        return self.model_dump(mode="json", exclude_defaults=True)


def absolute(path: str | Path) -> str:
    """A path from the root on, a label's colour and all."""
    return str(located(path).absolute())


def _fields(text: str) -> dict[str, Any]:
    """The fields of a text form; a file of just that name is a picture and nothing else.

    >>> _fields("oil.jpg"), _fields("a,b.jpg:2,mask=m.png#00ff00")
    ({'picture': 'oil.jpg'}, {'picture': 'a,b.jpg', 'weight': '2', 'mask': 'm.png#00ff00'})
    """
    if Path(text).exists():
        return {"picture": text}
    names = "|".join(name for name in Style.model_fields if name != "picture")
    picture, *others = re.split(rf",({names})=", text)
    fields: dict[str, Any] = dict(zip(others[::2], others[1::2], strict=True))
    weighted = None if Path(picture).exists() else WEIGHT.match(picture)
    if weighted is not None:
        return {"picture": weighted["picture"], "weight": weighted["weight"], **fields}
    return {"picture": picture, **fields}
