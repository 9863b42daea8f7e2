"""The settings of a recipe as keyword arguments.

``Unpack[Settings]`` tells a type checker which keywords a function takes, so that it finds one that
is misspelt. The types are what a recipe can read, which for some settings includes text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, Literal, TypedDict

from impasto.errors import InputError
from impasto.messages.message import Message
from impasto.settings.style import Style
from impasto.settings.validation import OF_A_RECIPE, suggest
from impasto.settings.values import Size

LayersGiven = str | Sequence[str] | Mapping[str, float]
StyleGiven = str | os.PathLike[str] | Mapping[str, Any] | Style


class _Everywhere(TypedDict, total=False):
    """Every setting that is a keyword of each function."""

    size: Size
    output_size: Size
    content_fit: Literal["stretch", "crop"]
    style_fit: Literal["aspect", "squeeze", "original"]
    style_scale: float
    style_symmetry: Literal["none", "mirror", "rotate", "all"]
    color: Literal["style", "content", "match", "histogram", "palette"]
    rescale: bool
    noise_ratio: float
    seed: int
    content_layers: LayersGiven
    style_layers: LayersGiven
    coarse: Literal["auto", "same"]
    balance: Literal["relative", "absolute"]
    style_loss: str
    content_loss: str
    strength: float | None
    alpha: float
    beta: float | None
    tv_weight: float
    tv: Literal["anisotropic", "nine-point"]
    pooling: Literal["average", "max"]
    padding: Literal["replicate", "zeros"]
    optimizer: str
    variable: Literal["pixels", "pyramid"]
    learning_rate: float
    steps: int
    levels: str | int
    tile: str | int
    keep: Literal["measured", "updated"]
    precision: Literal["auto", "float32", "bfloat16", "float64"]


class _OfOnePicture(_Everywhere, total=False):
    """Every setting that is a keyword of the functions without a method for clips."""

    method: str


class _Common(_OfOnePicture, total=False):
    """Every setting that is a keyword of the functions without an argument ``styles``."""

    styles: Sequence[StyleGiven]


class Settings(_Common, total=False):
    """The settings of a recipe."""

    initial: str | os.PathLike[str]
    protect: str | os.PathLike[str] | None


class SettingsOverPreset(Settings, total=False):
    """The settings of a recipe, and the preset that they replace settings of."""

    preset: str


class RunSettings(_Common, total=False):
    """The settings for a function that has its own ``initial`` and ``protect``; and a preset."""

    preset: str


class ManySettings(_OfOnePicture, total=False):
    """The settings for a function that has ``styles`` of its own, with their preset."""

    initial: str | os.PathLike[str]
    protect: str | os.PathLike[str] | None
    preset: str


class VideoSettings(_Everywhere, total=False):
    """The settings of a clip's paintings, with their preset, which also chooses their losses."""

    styles: Sequence[StyleGiven]
    initial: str | os.PathLike[str]
    preset: str


def check_keywords(given: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Make sure that every keyword that a function was given is a setting, or ``preset``.

    Raises:
        InputError: one is neither; the error names a similar setting or argument of the function.
    """
    settings = SettingsOverPreset.__annotations__
    for name in given:
        if name not in settings:
            arguments = [one for one in signature(function).parameters if one != "settings"]
            named = Message("hint.settings", of=OF_A_RECIPE, names=tuple(Settings.__annotations__))
            hint = suggest(name, [*settings, *arguments], named)
            raise InputError("setting.unknown", name=name, of=OF_A_RECIPE, hint=hint)
