"""The pictures of a run, read, named and identified by their bytes."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from impasto.errors import InputError, ReasonError
from impasto.files import reading
from impasto.files.writing import is_there
from impasto.messages.message import Message
from impasto.pictures import arrays, images, masks, sizes
from impasto.pictures.color_transfer import Palette, Pixels, palette_of
from impasto.pictures.images import Picture
from impasto.pictures.masks import Mask
from impasto.pictures.refusals import naming
from impasto.pictures.sizes import PixelSize
from impasto.process.notices import tell
from impasto.settings.loss_table import METHODS, STYLE_LOSSES
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style, read_path
from impasto.settings.validation import suggest
from impasto.settings.values import FIRST_CANVASES

SAME_SHAPE = 0.02  # relative difference of aspect ratios that rounding can cause
PALETTE_SIDE = 512  # longest side of a style picture, in pixels, when its palette is measured
SMALLEST_AREA = 1e-9  # of a mask, so that cropping cannot leave a palette without any share
StyleSource: TypeAlias = "images.Source | Style"
# What errors call an input.
CALLED = {
    "content": "content picture",
    "style": "style picture",
    "mask": "mask",
    "style mask": "style mask",
    "protect": "protected region",
    "initial": "initial canvas",
    "weights": "weight file",
}
MASKS = ("mask", "style mask", "protect")
OTHER_WORDS = {"random": "noise", "white": "noise", "photo": "content", "original": "content"}
PICTURES = {"picture", "mask", "style_mask"}  # fields of a style
BEYOND_VECTORS = ("layers", "style_mask")  # those that ``instant`` cannot follow


@dataclass(frozen=True)
class Input:
    """Where one picture of a run came from.

    Attributes:
        path: path of the file; None for a picture from memory.
        name: base name of the file; None for a picture from memory.
        sha256: SHA-256 of the file's bytes, or of the pixels of a picture from memory.
    """

    path: Path | None
    name: str | None
    sha256: str


@dataclass(frozen=True)
class StylePicture:
    """A style that has been read.

    Attributes:
        style: the settings of the style.
        picture: the style picture.
        mask: where in the painting the style goes; None for everywhere.
        style_mask: which part of the style picture counts; None for all of it.
    """

    style: Style
    picture: Picture
    mask: Mask | None = None
    style_mask: Mask | None = None


@dataclass(frozen=True)
class Inputs:
    """Every picture of a run.

    Attributes:
        content: the content picture.
        styles: the style pictures.
        protected: the part of the content picture to keep as it is; None for nothing.
        initial: the first canvas if it is a picture, else None.
        files: where each picture came from, by the keys ``content``, ``style``, ``mask``,
            ``style mask``, ``protect`` and ``initial``; the keys of a second style are
            ``style 2``, ``mask 2`` …
    """

    content: Picture
    styles: tuple[StylePicture, ...]
    protected: Mask | None
    initial: Picture | None
    files: dict[str, Input]

    @property
    def guides(self) -> int:
        """The largest possible number of regions; 0 if there are no masks."""
        masked = self.protected is not None or any(style.mask for style in self.styles)
        return len(self.styles) if masked else 0

    @cached_property
    def identity_of_styles(self) -> Hashable:
        """A key for measurements of the styles: equal keys and recipes give equal targets.

        It contains every style picture, every mask and every setting of a style.
        """
        masked = [(style.mask, style.style_mask) for style in self.styles]
        marks = [mask and mask.digest for masks in [*masked, (self.protected,)] for mask in masks]
        settings = [style.style.model_dump_json(exclude=PICTURES) for style in self.styles]
        pictures = [style.picture.identity for style in self.styles]
        return tuple(pictures), tuple(marks), tuple(settings)

    @cached_property
    def palette(self) -> Palette:
        """The palette of all styles together, for the whole painting; there is at least one style.

        A style counts by its weight and by the area of its mask, and only that part of its picture
        counts that its style mask shows. Large style pictures are reduced first.
        """
        return palette_of(map(_swatch, self.styles))

    def serve(self, styles: Sequence[Style], old: Recipe, new: Recipe) -> bool:
        """Whether a run with the new recipe and these styles reads the same pictures."""
        same = sources(None, (), old) == sources(None, (), new)
        same = same and _cropped_to(old) == _cropped_to(new)
        return same and tuple(read.style for read in self.styles) == tuple(styles)


def _swatch(read: StylePicture) -> tuple[Pixels, Pixels]:
    """A style picture of at most :data:`PALETTE_SIDE` pixels a side, and the shares of its pixels.

    Returns:
        H × W × 3, RGB, 0…255, and H × W. The shares add up to the style's weight, multiplied by the
        area of its mask.
    """
    size = sizes.fit(read.picture.size, min(PALETTE_SIDE, max(read.picture.size)))
    width, height = size
    shown = np.ones((height, width)) if read.style_mask is None else read.style_mask.at(size)
    area = 1.0 if read.mask is None else max(float(read.mask.shares.mean()), SMALLEST_AREA)
    pixels = arrays.resize(read.picture.pixels, size)
    return pixels, read.style.weight * area * shown / max(shown.sum(), SMALLEST_AREA)


def styles_of(
    given: StyleSource | Iterable[StyleSource] | None,
    recipe: Recipe,
    content: images.Source,
    protect: images.Source | None = None,
) -> tuple[Style, ...]:
    """The styles of a run: the given ones, or else those of the recipe.

    If only the style counts (alpha is 0) and no style is given, the content picture is the style.
    If only the content counts, no style is needed, except by a method that compares hypercolumns.

    Args:
        given: the styles, one or several; None for those of the recipe.
        recipe: the settings.
        content: the content picture.
        protect: the protected region, if it is a picture in memory.

    Raises:
        InputError: a style is needed and there is none, a style names a layer that is not one of
            the recipe's style layers, or the style loss does not allow these styles.
    """
    styles = recipe.styles if given is None else named(given)
    if not styles and recipe.alpha == 0:
        styles = (Style(picture=content),)
    method = METHODS[recipe.method]
    by_hypercolumns = not method.by_layer and not method.one_pass
    if not styles and (recipe.style_weight > 0 or recipe.initial == "style" or by_hypercolumns):
        raise InputError("style.none")
    if method.one_pass:
        _check_without(BEYOND_VECTORS, styles, recipe)
        return styles
    _check_alone(styles, recipe, is_protected=protect is not None or recipe.protect is not None)
    for style in styles:
        for layer in style.layers or ():
            if layer not in recipe.style_layers:
                layers = tuple(recipe.style_layers)
                raise InputError("style.other-layer", layer=layer, layers=layers)
    return styles


def named(given: StyleSource | Iterable[StyleSource]) -> tuple[Style, ...]:
    """The given styles: one style, or an iterable of several.

    A string is the text form of a style, as on the command line and in a recipe.
    """
    if isinstance(given, Mapping | Style) or not images.are_several(given):
        return (Style.read(given),)
    return tuple(Style.read(style) for style in given)


def source_of(given: Any, role: str) -> Any:
    """The source of a picture: its path as text, or a picture in memory.

    A file object is read, so that the picture can be decoded more than once.

    Raises:
        InputError: there is no picture, the path cannot be used, or the file object not be read.
    """
    if given is None:
        raise InputError("picture.none", what=role)
    if isinstance(given, str | os.PathLike):
        return str(path_of(given, role))
    try:
        return reading.taken(given)
    except ReasonError as error:
        picture = naming(role, given)
        raise InputError("picture.unreadable", picture=picture, reason=error.message) from None


def path_of(given: Any, role: str) -> Path:
    """The path of a file that the user named.

    Raises:
        InputError: ``given`` is not a path.
    """
    try:
        return Path(read_path(given, role))
    except ValueError as error:
        raise InputError("picture.not-a-path", what=role, value=given, reason=error) from None


def _check_alone(styles: Sequence[Style], recipe: Recipe, *, is_protected: bool) -> None:
    """Make sure that there is one style for the whole painting, if the losses need this.

    Raises:
        InputError: there are several, or a style counts only in part.
    """
    masked = any(style.mask is not None or style.style_mask is not None for style in styles)
    several = len(styles) > 1 or masked
    method = METHODS[recipe.method]
    if not method.by_layer:
        if method.alone and several:
            raise InputError("style.alone-method", method=recipe.method)
        _check_without(("layers",), styles, recipe)
        return
    turned = recipe.style_symmetry != "none"
    if not STYLE_LOSSES[recipe.style_loss].tiles and (several or turned or is_protected):
        raise InputError("style.alone", loss=recipe.style_loss)


def _check_without(names: Iterable[str], styles: Sequence[Style], recipe: Recipe) -> None:
    """Make sure that no style has some settings, which a method cannot follow.

    Raises:
        InputError: a style has one of them.
    """
    for name in _given(names, styles):
        raise InputError("style.whole", setting=name, method=recipe.method)


def beyond_vectors(styles: Sequence[Style]) -> list[str]:
    """The settings of styles that the networks of ``instant`` cannot follow."""
    return _given(BEYOND_VECTORS, styles)


def _given(names: Iterable[str], styles: Sequence[Style]) -> list[str]:
    """Those of some settings that a style has."""
    return [name for name in names if any(getattr(style, name) is not None for style in styles)]


def sources(
    content: images.Source | None,
    styles: Sequence[Style],
    recipe: Recipe,
    protect: images.Source | None = None,
) -> dict[str, images.Source]:
    """The sources of all pictures that a run reads, by the keys of :attr:`Inputs.files`."""
    named: dict[str, Any] = {"content": content}
    for number, style in enumerate(styles, start=1):
        named[numbered("style", number)] = style.picture
        named[numbered("mask", number)] = style.mask
        named[numbered("style mask", number)] = style.style_mask
    named["protect"] = recipe.protect if protect is None else protect
    named["initial"] = _initial(recipe)
    return {key: source for key, source in named.items() if source is not None}


def _cropped_to(recipe: Recipe) -> PixelSize | None:
    """The shape that content pictures are cropped to; None if they are not."""
    return recipe.shape if recipe.content_fit == "crop" else None


def _initial(recipe: Recipe) -> str | None:
    """The path of the first canvas if it is a picture, else None."""
    return None if recipe.initial in FIRST_CANVASES else recipe.initial


def file_of(source: images.Source) -> Path | None:
    """The file of a source, without the colour of a label; None for a picture in memory."""
    file, _ = masks.split(source)
    return reading.located(file) if isinstance(file, str | os.PathLike) else None


def files_of(content: images.Source, styles: Sequence[Style], recipe: Recipe) -> list[Path]:
    """The paths of all files that are read for these pictures."""
    found = (file_of(source) for source in sources(content, styles, recipe).values())
    return [path for path in found if path is not None]


def read(
    content: images.Source,
    styles: Sequence[Style],
    recipe: Recipe,
    shared: Mapping[str, Picture | Mask] | None = None,
    protect: images.Source | None = None,
) -> Inputs:
    """Read every picture of a run.

    Args:
        content: the content picture.
        styles: the styles.
        recipe: the settings.
        shared: pictures that have been read for other runs, by the keys of :attr:`Inputs.files`.
        protect: the protected region, if it is a picture in memory; None for that of the recipe.

    Raises:
        InputError: a picture cannot be used.
    """
    pictures: dict[str, Picture] = {}
    shares: dict[str, Mask] = {}
    files: dict[str, Input] = {}
    if content is None:
        raise InputError("picture.none", what=called("content"))
    _check_initial(recipe)
    for key, source in sources(content, styles, recipe, protect).items():
        made = (shared or {}).get(key) or read_as(key, source)
        if isinstance(made, Mask):
            shares[key] = made
            of = key.replace(" mask", "") if kind_of(key) == "style mask" else "content"
            _check_shape(made, pictures[of], called(key))
        else:
            pictures[key] = made
        path = file_of(source)
        files[key] = Input(path, path.name if path else None, made.sha256)
    whole = pictures["content"]
    part = sizes.cropped_size(whole.size, recipe)
    for key, mask in shares.items():
        if kind_of(key) != "style mask":
            shares[key] = mask.cropped(whole.size, part)
    return Inputs(
        whole.cropped(part),
        tuple(
            StylePicture(
                style,
                pictures[numbered("style", number)],
                shares.get(numbered("mask", number)),
                shares.get(numbered("style mask", number)),
            )
            for number, style in enumerate(styles, start=1)
        ),
        shares.get("protect"),
        pictures.get("initial"),
        files,
    )


def read_shared(
    styles: Sequence[Style], recipe: Recipe, shared: Mapping[str, Picture | Mask] | None = None
) -> dict[str, Picture | Mask]:
    """Read every picture of a run but the content picture, by the keys of :attr:`Inputs.files`.

    Args:
        styles: the styles.
        recipe: the settings.
        shared: pictures that have been read already, by their keys.

    Raises:
        InputError: a picture cannot be used.
    """
    _check_initial(recipe)
    named = sources(None, styles, recipe)
    return {key: (shared or {}).get(key) or read_as(key, one) for key, one in named.items()}


def read_as(key: str, source: images.Source) -> Picture | Mask:
    """Read the picture or the mask with a key of :attr:`Inputs.files`.

    Raises:
        InputError: it cannot be used.
    """
    reads = masks.read if kind_of(key) in MASKS else images.read
    return reads(source, called(key))


def _check_initial(recipe: Recipe) -> None:
    """Make sure that the first canvas is one of the known names or a picture.

    Raises:
        InputError: it is an unknown name, and there is no file of that name.
    """
    initial = _initial(recipe)
    if initial is None or Path(initial).suffix or is_there(initial):
        return
    word = Path(initial).name.lower()
    hint = suggest(OTHER_WORDS.get(word, word), FIRST_CANVASES)
    raise InputError("canvas.unknown", name=initial, names=FIRST_CANVASES, hint=hint)


def _check_shape(mask: Mask, of: Picture, what: str) -> None:
    """Note that a mask has another aspect ratio than its picture."""
    (width, height), (across, down) = of.size, mask.size
    if abs(math.log(width / height) - math.log(across / down)) > SAME_SHAPE:
        sides = {"across": across, "down": down, "width": width, "height": height}
        tell(Message("mask.stretched", what=what, **sides))


def numbered(key: str, number: int) -> str:
    """The key of a picture of the style with that number, from 1.

    >>> numbered("mask", 1), numbered("mask", 2)
    ('mask', 'mask 2')
    """
    return key if number == 1 else f"{key} {number}"


def kind_of(key: str) -> str:
    """A key without the number of the style."""
    return key.rstrip("0123456789 ")


def called(key: str) -> str:
    """The name of an input in errors.

    >>> called("style 2")
    'style picture 2'
    """
    kind = kind_of(key)
    return f"{CALLED[kind]}{key.removeprefix(kind)}"
