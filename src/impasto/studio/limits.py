"""What one painting of the studio may take, so that nobody takes it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from impasto.errors import InputError
from impasto.pictures import sizes
from impasto.settings.recipe import Recipe

if TYPE_CHECKING:
    from impasto.pictures.images import Head

MOST_CHANNELS = 8  # of an uploaded picture: four of colours, and some that are not looked at
PIXEL = 8  # bytes: four channels of 16 bits


@dataclass(frozen=True)
class Limits:
    """What one painting may take.

    Attributes:
        bytes: of an uploaded picture.
        uploaded: pixels of it; and with 8 bytes each, what all of a painting's take in memory.
        pixels: of the canvas, of the result, and of each style picture as it is looked at.
        steps: evaluations.
        work: multiplications in all of them; ten times those of the default recipe at the largest
            canvas.
        waiting: paintings in the line, the one that is painted included.
        seconds: of painting, from the first picture that is read.
    """

    bytes: int = 40_000_000
    uploaded: int = 60_000_000
    pixels: int = 4_200_000
    steps: int = 2500
    work: float = 1e15
    waiting: int = 20
    seconds: float = 3600.0

    def check(self, pictures: Sequence[Head], recipe: Recipe) -> None:
        """Make sure that a painting keeps to them.

        Args:
            pictures: heads of the content picture, then of every style picture.
            recipe: its settings.

        Raises:
            InputError: it does not.
        """
        from impasto.studio.work import multiplications

        self.check_uploaded(pictures)
        content, *styles = (picture.size for picture in pictures)
        canvas = sizes.canvas_size(content, recipe)
        looked_at = [sizes.style_size(style, canvas, recipe) for style in styles]
        shown = {
            "canvas": [canvas],
            "painting": [sizes.output_size(content, canvas, recipe)],
            "style picture": looked_at,
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
        work = multiplications(canvas, looked_at, recipe)
        if work > self.work:
            raise InputError(
                f"The painting would take {_trillions(work)} trillion multiplications, and this "
                f"studio does {_trillions(self.work)} trillion at most: choose a smaller size, "
                "fewer steps, larger tiles or another style loss."
            )

    def check_uploaded(self, pictures: Sequence[Head]) -> None:
        """Make sure that uploaded pictures may be read, by what their heads say of them.

        Raises:
            InputError: one has too many pixels or channels, or all together are too large.
        """
        for picture in pictures:
            (width, height), channels = picture.size, picture.channels
            if width * height > self.uploaded:
                raise InputError(
                    f"The uploaded picture is {width}×{height} pixels, and this studio reads "
                    f"{self.uploaded / 1e6:.1f} megapixels at most: make it smaller."
                )
            if channels > MOST_CHANNELS:
                raise InputError(
                    f"The uploaded picture has {channels} channels, and this studio reads "
                    f"{MOST_CHANNELS} at most: save it with those of its colours alone."
                )
        most, needed = PIXEL * self.uploaded, sum(picture.bytes for picture in pictures)
        if needed > most:
            raise InputError(
                f"The uploaded pictures take {needed / 1e6:.1f} megabytes in memory, and this "
                f"studio reads {most / 1e6:.1f} at most: make them smaller, or save them with 8 "
                "bits a channel."
            )


def _trillions(count: float) -> str:
    """A number for a sentence.

    >>> _trillions(1e15), _trillions(12_345e12), _trillions(25e9)
    ('1,000', '12,345', '0.025')
    """
    trillions = count / 1e12
    return f"{trillions:,.0f}" if trillions >= 100 else f"{trillions:.2g}"
