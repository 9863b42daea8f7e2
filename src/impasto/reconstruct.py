"""What the network keeps of two pictures, layer by layer: the first figure of the paper.

Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576, figure 1.
"""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from impasto import figures, images, sizes
from impasto.painter import stylize
from impasto.recipe import Recipe

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def reconstruct(
    content: images.Source,
    style: images.Source,
    *,
    size: int = 256,
    steps: int = 100,
    device: str = "auto",
    on_picture: Callable[[str, str], None] | None = None,
) -> Image.Image:
    """The figure: above the style from more and more layers, below the content from each alone.

    Args:
        content: a path, a PIL image, or an H × W × 3 uint8 array (RGB).
        style: likewise.
        size: longer side of each picture, in pixels.
        steps: evaluations for each.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        on_picture: called with the row and the layer before each is painted.

    Raises:
        InputError: a picture or a setting cannot be used.
        RunError: a run ran out of memory.
    """
    rows = {"style": [_shown(style, size)], "content": [_shown(content, size)]}
    for count, layer in enumerate(LAYERS, start=1):
        recipes = {
            "style": Recipe.preset(
                "texture", style_layers=list(LAYERS[:count]), size=size, steps=steps
            ),
            "content": Recipe.preset(
                "reconstruction", content_layers=[layer], size=size, steps=steps
            ),
        }
        for row, recipe in recipes.items():
            if on_picture is not None:
                on_picture(row, layer)
            picture = style if row == "style" else content
            rows[row].append(stylize(picture, None, recipe, device=device).image)
    return figures.sheet(list(rows.values()), [["original", *LAYERS], []], ["Style", "Content"])


def _shown(picture: images.Source, size: int) -> Image.Image:
    """A picture with that longer side."""
    read = images.read(picture)
    pixels = images.resize_in_kind(read.pixels, sizes.fit(read.size, size))
    return Image.fromarray(images.to_uint8(pixels))
