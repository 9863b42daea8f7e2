"""The methods that paint a clip, by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from impasto.errors import InputError
from impasto.settings.loss_table import METHODS as LOSSES
from impasto.settings.recipe import Recipe
from impasto.settings.validation import suggest

if TYPE_CHECKING:
    from impasto.video.method import Method

# Name → module and function; the module is imported when the method is used.
METHODS: dict[str, str] = {
    "optimised": "impasto.video.optimised:paint",
    "keyframes": "impasto.video.keyframes:paint",
    "learned": "impasto.video.learned:paint",
    "single": "impasto.video.singly:paint",
    "painter": "impasto.video.painter_style:paint",
}
DEFAULT = "keyframes"
LEARNED = "learned"  # what trains a painter, which takes losses of layers
FOLLOWING = ("optimised", "keyframes")  # what paints a frame from the one before, by its losses
PAINTER = "painter"  # what paints the frames if a painter is the style
ALONE = "single"  # what paints the frames if the recipe paints in one pass


OF_PAINTER = ("size", "strength", "color", "content_fit", "output_size")  # what a painter follows
NOT_LEARNED = (
    *("steps", "levels", "coarse", "optimizer", "learning_rate", "variable", "keep", "tile"),
    *("initial", "noise_ratio", "seed", "style_symmetry"),
)


def unused(method: str, settings: Iterable[str]) -> list[str]:
    """Those of some settings that have no effect on what a painter paints.

    >>> unused("painter", ["steps", "strength"]), unused("learned", ["steps", "tv_weight"])
    (['steps'], ['steps'])
    >>> unused("keyframes", ["steps"])
    []
    """
    if method == PAINTER:
        return [name for name in settings if name not in OF_PAINTER]
    return [name for name in settings if method == LEARNED and name in NOT_LEARNED]


def usual_method(recipe: Recipe, *, has_painter: bool = False) -> str:
    """The name of the method if the user names none.

    A recipe that paints in one pass has no losses that could tie a frame to the one before.
    """
    if has_painter:
        return PAINTER
    return ALONE if LOSSES[recipe.method].one_pass else DEFAULT


def method_named(name: str) -> Method:
    """The function of a method.

    Raises:
        InputError: there is no such method.
    """
    _check_name(name)
    module, _, function = METHODS[name].partition(":")
    return cast("Method", getattr(importlib.import_module(module), function))


def check_method(name: object, recipe: Recipe, *, has_painter: bool = False) -> None:
    """Make sure that there is a method of this name, and that it can paint with a recipe.

    Raises:
        InputError: there is none, or it cannot; or it needs a painter, or a style picture.
    """
    _check_name(name)
    if has_painter != (name == PAINTER):
        raise InputError("clip.no-painter" if name == PAINTER else "clip.painter", method=name)
    if name == LEARNED:
        from impasto.painters import objective
        from impasto.painters.applying import check_color

        check_color(recipe.color)  # of a painting, not of what is learned
        of_frames = {"color": "style", "size": 512}  # colours come later; a frame has its size
        objective.check(recipe.model_copy(update=of_frames))
    elif name in FOLLOWING and LOSSES[recipe.method].one_pass:
        raise InputError("flow.one-pass", method=recipe.method)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or name not in METHODS:
        hint = suggest(str(name), METHODS)
        raise InputError("clip.method", name=name, names=tuple(METHODS), hint=hint)
