"""What one painting of the studio may take, so that nobody takes it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from impasto import sizes
from impasto.errors import InputError
from impasto.recipe import Recipe
from impasto.sizes import PixelSize


@dataclass(frozen=True)
class Limits:
    """What one painting may take.

    Attributes:
        bytes: of an uploaded picture.
        uploaded: pixels of it.
        pixels: of the canvas, of the result, and of each style picture as it is looked at.
        steps: evaluations.
        waiting: paintings in the line, the one that is painted included.
        seconds: of painting.
    """

    bytes: int = 40_000_000
    uploaded: int = 60_000_000
    pixels: int = 4_200_000
    steps: int = 2500
    waiting: int = 20
    seconds: float = 3600.0

    def check(self, pictures: Sequence[PixelSize], recipe: Recipe) -> None:
        """Make sure that a painting keeps to them.

        Args:
            pictures: width and height of the content picture, then of every style picture.
            recipe: its settings.

        Raises:
            InputError: it does not.
        """
        for size in pictures:
            self.check_uploaded(size)
        content, *styles = pictures
        canvas = sizes.canvas_size(content, recipe)
        shown = {
            "canvas": [canvas],
            "painting": [sizes.output_size(content, canvas, recipe)],
            "style picture": [sizes.style_size(style, canvas, recipe) for style in styles],
        }
        for what, sides in shown.items():
            for width, height in sides:
                if width * height > self.pixels:
                    raise InputError(
                        f"The {what} would be {width}×{height} pixels, and this studio paints "
                        f"{self.pixels / 1e6:.1f} megapixels at most: choose a smaller size."
                    )
        if recipe.steps > self.steps:
            raise InputError(
                f"{recipe.steps} steps are more than the {self.steps} that this studio takes: "
                "choose fewer."
            )

    def check_uploaded(self, size: PixelSize) -> None:
        """Make sure that an uploaded picture of that size may be read.

        Raises:
            InputError: it has too many pixels.
        """
        width, height = size
        if width * height > self.uploaded:
            raise InputError(
                f"The uploaded picture is {width}×{height} pixels, and this studio reads "
                f"{self.uploaded / 1e6:.1f} megapixels at most: make it smaller."
            )
