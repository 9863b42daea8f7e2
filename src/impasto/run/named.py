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
        protect: the part of the content picture to keep as it is, if it is a picture in memory;
            None for that of the recipe, which names a file.
    """

    content: images.Source
    styles: tuple[Style, ...] | None
    weights: str | os.PathLike[str]
    weights_input: str | None
    protect: images.Source | None = None

    def styles_for(self, recipe: Recipe) -> tuple[Style, ...]:
        """The styles of a run with a recipe.

        Raises:
            InputError: there is none, or the recipe does not allow these.
        """
        return styles_of(self.styles, recipe, self.content, self.protect)


def name_inputs(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    weights: str | os.PathLike[str],
    weights_input: str | None,
    protect: images.Source | None = None,
) -> Named:
    """The pictures and the weights of a run as the caller named them; nothing is read yet.

    Raises:
        InputError: one of them is not a picture, a path or a style.
    """
    picture = source_of(content, "content picture")
    styles = None if style is None else inputs.named(style)  # read once: it may be an iterator
    if str(weights) != "bundled":
        weights = path_of(weights, "weight file")
    return Named(picture, styles, weights, weights_input, protect)


def with_protect(
    recipe: Recipe, protect: images.Source | None
) -> tuple[Recipe, images.Source | None]:
    """Take the protected region that a caller gives beside a recipe.

    Returns:
        The recipe, with the path of the region if it is a file; and the region if it is a picture
        in memory, which a recipe cannot hold.

    Raises:
        InputError: it is neither.
    """
    if protect is None:
        return recipe, None
    source = source_of(protect, "protected region")
    path, region = (source, None) if isinstance(source, str) else (None, source)
    return recipe.model_copy(update={"protect": path}), region


def read_pictures(named: Named, recipe: Recipe) -> Inputs:
    """Read every picture of a run.

    Raises:
        InputError: a picture cannot be read, or there is no style picture.
    """
    return inputs.read(named.content, named.styles_for(recipe), recipe, protect=named.protect)
