"""What goes into a run, as the user named it, and reading its pictures. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from impasto.pictures import images, inputs
from impasto.pictures.inputs import Inputs, StyleSource, path_of, source_of, styles_of
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style


@dataclass(frozen=True)
class Named:
    """What goes into a run, as the user named it.

    Attributes:
        content: the content picture.
        styles: the styles; None for those of the recipe.
        weights: ``bundled``, or the path of a weight file.
        weights_input: the input that the weight file expects, ``caffe`` or ``torchvision``; None
            if the kind of file decides.
    """

    content: images.Source
    styles: tuple[Style, ...] | None
    weights: str | os.PathLike[str]
    weights_input: str | None


def name_inputs(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    weights: str | os.PathLike[str],
    weights_input: str | None,
) -> Named:
    """The pictures and the weights of a run as the caller named them; nothing is read yet.

    Raises:
        InputError: one of them is not a picture, a path or a style.
    """
    picture = source_of(content, "content picture")
    styles = None if style is None else inputs.named(style)  # read once: it may be an iterator
    if str(weights) != "bundled":
        weights = path_of(weights, "weight file")
    return Named(picture, styles, weights, weights_input)


def read_pictures(named: Named, recipe: Recipe) -> Inputs:
    """Read every picture of a run.

    Raises:
        InputError: a picture cannot be read, or there is no style picture.
    """
    return inputs.read(named.content, styles_of(named.styles, recipe, named.content), recipe)
