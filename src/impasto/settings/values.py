"""The values of a recipe's settings: read from text, numbers, lists or tables, and checked."""

from __future__ import annotations

import operator
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, InstanceOf, PlainSerializer
from pydantic.fields import FieldInfo

from impasto.errors import ReasonError
from impasto.settings.layers import READABLE
from impasto.settings.loss_table import CONTENT_LOSSES, METHODS, STYLE_LOSSES
from impasto.settings.style import LIKE_LAYERS, Style, read_path
from impasto.settings.validation import not_boolean, suggest

LARGEST_SIDE = 32768  # pixels; a larger number is more likely a typing error
FIRST_CANVASES = ("recolored-content", "content", "noisy-content", "style", "noise", "instant")
OUTPUT_SIZES = ("working", "content")
OPTIMIZERS: dict[str, None] = {"lbfgs": None, "adam": None}  # a set that keeps its order
TILE_STEP = 16  # pixels; the side of a tile is a multiple of it
MOST_LEVELS = 10
MOST_THREADS = 1024  # a larger number is more likely a typing error


class LayerWeights(dict[str, float]):
    """Weights by layer name; read-only, so that a recipe cannot change during a run."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the settings of a recipe cannot be changed; make another recipe")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[LayerWeights], tuple[dict[str, float]]]:
        return LayerWeights, (dict(self),)


def read_layer_weights(value: Any) -> LayerWeights:
    """Layers with weights, from text, a list of names or a table."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
        for part in value:
            _check_colon(part)
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        pairs = [part.partition(":") for part in value]
        names = [name.strip() for name, _, _ in pairs]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ReasonError("value.layer-twice", layer=twice[0])
        weights = [weight if colon else 1.0 for _, colon, weight in pairs]
        value = dict(zip(names, weights, strict=True))
    if not isinstance(value, Mapping):
        raise ReasonError("value.not-layer-weights", example="conv1_1:0.5,conv2_1:1")
    if not value:
        raise ReasonError("value.no-layer", example="conv4_2")
    return LayerWeights({name: _layer_weight(name, weight) for name, weight in value.items()})


def _check_colon(part: str) -> None:
    """Raise a ReasonError if a layer is followed by ``=`` and its weight."""
    name, equals, weight = (piece.strip() for piece in part.partition("="))
    if equals and name in READABLE:
        raise ReasonError("value.layer-equals", example=f"{name}:{weight}")


def _layer_weight(name: Any, weight: Any) -> float:
    if name not in READABLE:
        hint = suggest(name, READABLE, LIKE_LAYERS)
        raise ReasonError("value.unknown-layer", layer=name, hint=hint)
    try:
        number = float(not_boolean(weight))
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ReasonError("value.layer-weight", layer=name)
    return number


def read_size(value: Any) -> str | int | tuple[int, int]:
    """A size as ``512``, ``(512, 384)``, ``"512"``, ``"512x384"`` or ``"original"``."""
    return value if value == "original" else _size(value, ("original",))


def read_output_size(value: Any) -> str | int | tuple[int, int]:
    """The size of the result: a word, or a size like the working size."""
    if isinstance(value, str) and value in OUTPUT_SIZES:
        return value
    return _size(value, OUTPUT_SIZES)


def _size(value: Any, words: tuple[str, ...]) -> int | tuple[int, int]:
    """A size in pixels; the error for another value also names the words that are allowed."""
    sides = value if isinstance(value, list | tuple) else [value]
    if isinstance(value, str):
        sides = value.lower().replace("×", "x").split("x")
    try:
        numbers = [_pixels(side) for side in sides]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (1, 2):
        quoted, hint = tuple(map(repr, words)), suggest(value, words)
        raise ReasonError("value.not-a-size", words=quoted, one=512, two="512x384", hint=hint)
    if not all(1 <= number <= LARGEST_SIDE for number in numbers):
        raise ReasonError("value.side-out-of-range", least=1, most=LARGEST_SIDE)
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _pixels(side: Any) -> int:
    return int(side) if isinstance(side, str) else operator.index(not_boolean(side))


def read_levels(value: Any) -> str | int:
    """The number of levels, or ``auto``."""
    return _word_or_whole(value, ("auto",), 1, MOST_LEVELS)


def read_tile(value: Any) -> str | int:
    """The side of a tile in pixels, ``auto`` or ``off``."""
    return _word_or_whole(value, ("auto", "off"), TILE_STEP, LARGEST_SIDE, TILE_STEP)


def _word_or_whole(
    value: Any, words: tuple[str, ...], least: int, most: int, step: int = 1
) -> str | int:
    """One of the words, or a whole number within the bounds, given as a number or as text."""
    if isinstance(value, str) and value in words:
        return value
    try:
        number = _pixels(value)
    except (TypeError, ValueError):
        number = 0
    if not least <= number <= most or number % step:
        hint = suggest(value, words)
        wanted = {"words": tuple(map(repr, words)), "least": least, "most": most, "hint": hint}
        if step == 1:
            raise ReasonError("value.not-whole", **wanted)
        raise ReasonError("value.not-a-multiple", step=step, **wanted)
    return number


def read_initial(value: Any) -> str:
    """The name of a first canvas, or the path of a picture."""
    try:
        return read_path(value)
    except ReasonError as error:
        if error.code != "value.not-a-path":
            raise
        raise ReasonError("value.not-a-canvas", names=FIRST_CANVASES) from None


def read_protect(value: Any) -> str | None:
    """The path of a mask, or None."""
    if value is not None and not isinstance(value, str | os.PathLike):
        raise ReasonError("value.picture-in-memory")
    return None if value is None else read_path(value)


def read_styles(value: Any) -> tuple[Style, ...]:
    """Styles, each from its text form, a table or a path."""
    if not isinstance(value, list | tuple):
        raise ReasonError("value.not-styles")
    styles = tuple(Style.read(style) for style in value)
    for style in styles:
        for picture in (style.picture, style.mask, style.style_mask):
            if picture is not None and not isinstance(picture, str):
                raise ReasonError("value.picture-in-memory")
    return styles


@dataclass(frozen=True)
class OneOf:
    """Checks that a value is one of the names in a table, to which names can be added."""

    names: Collection[str]

    def __call__(self, value: str) -> str:
        """The value; an error if it is not one of the names."""
        if value not in self.names:
            words, hint = tuple(map(repr, self.names)), suggest(value, self.names)
            raise ReasonError("expected.literal_error", words=words, hint=hint)
        return value


def words_of(field: FieldInfo) -> tuple[str, ...]:
    """The words that a setting can be; none for a setting of another kind."""
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)
    checks = [check.func for check in field.metadata if isinstance(check, AfterValidator)]
    return tuple(name for check in checks if isinstance(check, OneOf) for name in check.names)


StyleLossName = Annotated[str, AfterValidator(OneOf(STYLE_LOSSES))]
ContentLossName = Annotated[str, AfterValidator(OneOf(CONTENT_LOSSES))]
MethodName = Annotated[str, AfterValidator(OneOf(METHODS))]
OptimizerName = Annotated[str, AfterValidator(OneOf(OPTIMIZERS))]
Size = str | int | tuple[int, int]
Whole = Annotated[int, BeforeValidator(not_boolean)]
Number = Annotated[float, BeforeValidator(not_boolean)]
AsGiven = PlainSerializer(lambda value: value)
Layers = Annotated[
    InstanceOf[LayerWeights], BeforeValidator(read_layer_weights), PlainSerializer(dict)
]
