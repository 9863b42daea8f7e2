"""The sizes that a run works at. Sizes are (width, height), in pixels."""

from __future__ import annotations

from collections.abc import Iterable

from impasto.errors import InputError
from impasto.settings.layers import BY_NAME, in_order
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

PixelSize = tuple[int, int]


def fit(picture: PixelSize, size: str | int | PixelSize) -> PixelSize:
    """The size for a picture: a fixed size, a longer side (keeping the aspect ratio), or its own.

    >>> fit((1024, 768), 512), fit((300, 900), 512), fit((1024, 768), (512, 384))
    ((512, 384), (171, 512), (512, 384))
    >>> fit((1024, 768), "original")
    (1024, 768)
    """
    if isinstance(size, str):
        return picture
    if isinstance(size, tuple):
        return size
    width, height = picture
    longer = max(width, height)
    return max(1, round(size * width / longer)), max(1, round(size * height / longer))


def cropped_size(content: PixelSize, recipe: Recipe) -> PixelSize:
    """Width and height of the part of a content picture that a run uses.

    With ``content_fit = "crop"`` it is the largest part of the shape that the recipe asks for.

    >>> cropped_size((600, 400), Recipe(size=(300, 300), content_fit="crop"))
    (400, 400)
    >>> cropped_size((600, 400), Recipe(size=300, content_fit="crop"))
    (600, 400)
    """
    if recipe.content_fit != "crop" or recipe.shape is None:
        return content
    (width, height), (across, down) = content, recipe.shape
    narrower, lower = round(height * across / down), round(width * down / across)
    if width == narrower or height == lower:  # the shape, but for rounding
        return content
    return (max(1, narrower), height) if narrower < width else (width, max(1, lower))


def canvas_size(content: PixelSize, recipe: Recipe) -> PixelSize:
    """The size of the canvas for a content picture of that size.

    Raises:
        InputError: the canvas is too small for the deepest of the recipe's layers, or for one pass.
    """
    size = fit(cropped_size(content, recipe), recipe.size)
    method = METHODS[recipe.method]
    if not method.one_pass:
        _check(size, "size.canvas", content, recipe)
    elif min(size) < method.smallest_side:
        least = method.smallest_side
        raise InputError("size.instant", width=size[0], height=size[1], least=least)
    return size


def style_size(style: PixelSize, canvas: PixelSize, recipe: Recipe) -> PixelSize:
    """The size to which a style picture of that size is resized.

    Raises:
        InputError: the resized picture is too small for the deepest of the recipe's layers.
    """
    fitted = {"squeeze": canvas, "aspect": fit(style, max(canvas)), "original": style}[
        recipe.style_fit
    ]
    size = round(fitted[0] * recipe.style_scale), round(fitted[1] * recipe.style_scale)
    code = "size.style" if recipe.style_scale >= 1 else "size.scaled-style"
    _check(size, code, style, recipe)
    return size


def check_sizes(content: PixelSize, styles: Iterable[PixelSize], recipe: Recipe) -> None:
    """Make sure that pictures of these sizes are large enough for a recipe.

    For one pass, a style picture may have any size.

    Raises:
        InputError: one is too small.
    """
    canvas = canvas_size(content, recipe)
    if not METHODS[recipe.method].one_pass:
        for style in styles:
            style_size(style, canvas, recipe)


def output_size(content: PixelSize, canvas: PixelSize, recipe: Recipe) -> PixelSize:
    """The size of the result, for a content picture and a canvas of those sizes."""
    match recipe.output_size:
        case "working":
            return canvas
        case size:
            return fit(cropped_size(content, recipe), size)


def squeezed(content: PixelSize, canvas: PixelSize) -> float:
    """By which factor a canvas makes wider what a content picture shows; 1 if only by rounding.

    Either size may have been rounded: the canvas, or the part of the picture that it shows.

    >>> squeezed((600, 400), (512, 341)), squeezed((600, 400), (512, 512))
    (1.0, 0.6666666666666666)
    >>> squeezed((979, 653), (3840, 2560))
    1.0

    Args:
        content: width and height of the content picture, in pixels.
        canvas: width and height of the canvas.
    """
    (across, down), (width, height) = content, canvas
    most = max(1, width / across / 2, height / down / 2)  # half a pixel of the picture
    high, wide = width * down / across, height * across / down
    rounded = abs(high - height) <= most or abs(wide - width) <= most
    return 1.0 if rounded else width * down / (height * across)


def _check(size: PixelSize, code: str, picture: PixelSize, recipe: Recipe) -> None:
    deepest = BY_NAME[in_order(recipe.layers)[-1]]
    if min(size) < deepest.smallest_side:
        raise InputError(
            code,
            width=size[0],
            height=size[1],
            picture_width=picture[0],
            picture_height=picture[1],
            layer=deepest.name,
            least=deepest.smallest_side,
        )
