"""Reconstructions of two pictures from each layer of the network: the first figure of the paper.

Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576, figure 1.
"""

from __future__ import annotations

from functools import partial

from PIL import Image

from impasto.experiments.contact_sheet import OnPicture, OnSheet, Place, Sheet
from impasto.pictures import arrays, images, sizes
from impasto.run.prepare import check_variation, prepare, vary
from impasto.run.result import OnStep
from impasto.settings.recipe import Recipe

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def reconstruct(
    content: images.Source,
    style: images.Source,
    *,
    size: int = 256,
    steps: int = 100,
    device: str = "auto",
    on_picture: OnPicture | None = None,
    on_sheet: OnSheet | None = None,
    on_step: OnStep | None = None,
) -> Image.Image:
    """Paint the figure: above, the style from more and more layers; below, the content from each.

    Args:
        content: the content picture: a path, a PIL image, or an H × W × 3 uint8 array (RGB).
        style: the style picture, in the same forms.
        size: longer side of each picture, in pixels.
        steps: steps of each painting.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        on_picture: a callback before each painting.
        on_sheet: a callback with the figure before the first painting, and after each.
        on_step: a callback after every step; if it returns False, the figure ends there.

    Returns:
        The figure, RGB.

    Raises:
        InputError: a picture or a setting cannot be used.
        RunError: a run ran out of memory.
    """
    textures = [
        Recipe.preset("texture", style_layers=list(LAYERS[:count]), size=size, steps=steps)
        for count in range(1, len(LAYERS) + 1)
    ]
    contents = [
        Recipe.preset("reconstruction", content_layers=[layer], size=size, steps=steps)
        for layer in LAYERS
    ]
    of_style = prepare(style, None, textures[0], device=device)
    of_content = prepare(content, None, contents[0], device=device)
    for run, recipes in ((of_style, textures), (of_content, contents)):
        for recipe in recipes:
            check_variation(run, recipe)
    places = [
        Place(row, column, f"{name}, {layer}", partial(vary, run, recipe), recipe)
        for column, (layer, *recipes) in enumerate(
            zip(LAYERS, textures, contents, strict=True), start=1
        )
        for row, (name, run, recipe) in enumerate(
            zip(("style", "content"), (of_style, of_content), recipes, strict=True)
        )
    ]
    originals = [_shown(style, size), _shown(content, size)]
    sheet = Sheet(
        originals[0].size,
        [[original, *(None for _ in LAYERS)] for original in originals],
        [["original", *LAYERS], []],
        ["Style", "Content"],
    )
    return sheet.fill(places, on_picture=on_picture, on_sheet=on_sheet, on_step=on_step)


def _shown(picture: images.Source, size: int) -> Image.Image:
    """A picture resized to a longer side in pixels, RGB."""
    read = images.read(picture)
    pixels = arrays.resize_in_kind(read.pixels, sizes.fit(read.size, size))
    return Image.fromarray(arrays.to_uint8(pixels))
