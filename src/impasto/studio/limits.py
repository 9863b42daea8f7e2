"""The limits for one painting of the studio, so that no visitor takes all resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from impasto.errors import InputError
from impasto.pictures import sizes
from impasto.pictures.limits import Head
from impasto.settings.recipe import Recipe

if TYPE_CHECKING:
    from impasto.video.clip import Clip

MOST_CHANNELS = 8  # of an uploaded picture: four for the colours, and some that are ignored
WIDEST = (64, 128, 256)  # channels of a painter's network, four times those of impasto's own
MOST_BLOCKS = 16  # residual blocks of a painter's network
PIXEL = 8  # bytes: four channels of 16 bits


@dataclass(frozen=True)
class Limits:
    """The limits for one painting.

    Attributes:
        bytes: size of the file of an uploaded picture.
        uploaded: pixels of an uploaded picture; all pictures of a painting together may take
            8 bytes of memory for each of these pixels.
        pixels: pixels of the canvas, of the result, and of each style picture after resizing.
        steps: number of steps.
        work: number of multiplications in all steps; the default is ten times the number for the
            default recipe at the largest canvas.
        frames: number of frames of a clip.
        minutes: time of the training of a painter; 0 if painters cannot be trained.
        waiting: number of paintings in the queue, including the current one.
        seconds: time of a painting, from reading the first picture.
    """

    bytes: int = 40_000_000
    uploaded: int = 60_000_000
    pixels: int = 4_200_000
    steps: int = 2500
    work: float = 1e15
    frames: int = 250
    minutes: float = 30.0
    waiting: int = 20
    seconds: float = 3600.0

    def check(self, pictures: Sequence[Head], recipe: Recipe) -> None:
        """Make sure that a painting is within the limits.

        Args:
            pictures: the heads of the content picture and of every style picture, in this order.
            recipe: the settings of the painting.

        Raises:
            InputError: the painting exceeds a limit.
        """
        from impasto.studio.work import multiplications

        self.check_uploaded(pictures)
        content, *styles = (picture.size for picture in pictures)
        canvas = sizes.canvas_size(content, recipe)
        looked_at = [sizes.style_size(style, canvas, recipe) for style in styles]
        self._check_pixels("canvas", canvas)
        self._check_pixels("painting", sizes.output_size(content, canvas, recipe))
        self._check_pixels("style picture", *looked_at)
        if recipe.steps > self.steps:
            raise InputError("studio.too-many-steps", steps=recipe.steps, most=self.steps)
        work = multiplications(canvas, looked_at, recipe)
        if work > self.work:
            raise InputError(
                "studio.too-much-work", work=_trillions(work), most=_trillions(self.work)
            )

    def check_clip(self, clip: Clip, styles: Sequence[Head], recipe: Recipe) -> None:
        """Make sure that a clip is within the limits, and so is its painting.

        Args:
            clip: the clip, as its headers describe it.
            styles: the heads of the style pictures.
            recipe: the settings of every frame.

        Raises:
            InputError: the clip exceeds a limit; the error says how long it may be.
        """
        from impasto.studio.work import multiplications, pictures_in
        from impasto.video.methods import usual_method
        from impasto.video.planning import fitted

        canvas = fitted(clip.size, recipe, is_capped=True)
        settings = recipe.model_copy(update={"size": canvas})
        width, height = clip.size
        self.check([Head(clip.size, 3, 3 * width * height), *styles], settings)
        looked_at = [sizes.style_size(style.size, canvas, settings) for style in styles]
        each = multiplications(canvas, looked_at, settings)
        method, most = usual_method(recipe), self.frames
        if each * pictures_in(clip.count, method) > self.work:
            most = min(most, clip.count)
            while most > 1 and each * pictures_in(most, method) > self.work:
                most -= 1
        self.check_length(clip, most)

    def check_length(self, clip: Clip, most: int | None = None) -> None:
        """Make sure that a clip is not too long.

        Args:
            clip: the clip, as its headers describe it.
            most: the number of frames that it may have; None for the limit of every clip.

        Raises:
            InputError: it is.
        """
        most = self.frames if most is None else most
        if clip.count > most:
            raise InputError(
                "studio.clip-too-long" if most == self.frames else "studio.clip-too-much-work",
                count=clip.count,
                seconds=clip.seconds,
                most=most,
                longest=float(most / clip.rate),
            )

    def check_training(self, styles: Sequence[Head], recipe: Recipe, minutes: float) -> None:
        """Make sure that the training of a painter is within the limits.

        Args:
            styles: the heads of the style pictures.
            recipe: the settings of the training, with a size in pixels.
            minutes: how long it takes.

        Raises:
            InputError: it exceeds a limit.
        """
        self.check_uploaded(styles)
        assert not isinstance(recipe.size, str), "a painter is trained at a size in pixels"  # noqa: S101
        canvas = recipe.size if isinstance(recipe.size, tuple) else (recipe.size, recipe.size)
        self._check_pixels("canvas", canvas)
        looked_at = [sizes.style_size(style.size, canvas, recipe) for style in styles]
        self._check_pixels("style picture", *looked_at)
        if not 0 < minutes <= self.minutes:
            raise InputError("studio.too-many-minutes", minutes=minutes, most=self.minutes)

    def check_painting(self, photograph: Head, recipe: Recipe) -> None:
        """Make sure that what a painter paints is within the limits.

        Raises:
            InputError: the photograph or its painting is too large.
        """
        self.check_uploaded([photograph])
        self._check_pixels("painting", sizes.fit(photograph.size, recipe.size))

    def check_output(self, photograph: sizes.PixelSize, recipe: Recipe) -> None:
        """Make sure that a painting is within the limits at the size at which it is written.

        Raises:
            InputError: it is too large.
        """
        canvas = sizes.fit(photograph, recipe.size)
        self._check_pixels("painting", sizes.output_size(photograph, canvas, recipe))

    def check_painter(self, channels: Sequence[int], blocks: int) -> None:
        """Make sure that the network of an uploaded painter takes no more than its share of memory.

        Args:
            channels: of the network at the whole, half and quarter of a photograph's sides.
            blocks: number of its residual blocks.

        Raises:
            InputError: it is too large.
        """
        is_wide = any(one > most for one, most in zip(channels, WIDEST, strict=True))
        if is_wide or blocks > MOST_BLOCKS:
            raise InputError("studio.painter-too-large")

    def _check_pixels(self, what: str, *pictures: sizes.PixelSize) -> None:
        for width, height in pictures:
            if width * height > self.pixels:
                most = self.pixels / 1e6
                raise InputError(
                    "studio.too-large", what=what, width=width, height=height, most=most
                )

    def check_uploaded(self, pictures: Sequence[Head]) -> None:
        """Make sure that uploaded pictures are within the limits, judging by their heads.

        Raises:
            InputError: a picture has too many pixels or channels, or all together are too large.
        """
        for picture in pictures:
            (width, height), channels = picture.size, picture.channels
            if width * height > self.uploaded:
                most = self.uploaded / 1e6
                raise InputError("studio.upload-too-large", width=width, height=height, most=most)
            if channels > MOST_CHANNELS:
                raise InputError("studio.too-many-channels", channels=channels, most=MOST_CHANNELS)
        most, needed = PIXEL * self.uploaded, sum(picture.bytes for picture in pictures)
        if needed > most:
            raise InputError(
                "studio.uploads-too-large", needed=needed / 1e6, most=most / 1e6, bits=8
            )


def _trillions(count: float) -> float:
    """A number in trillions, rounded for a sentence.

    >>> _trillions(1e15), _trillions(12_345_678e9), _trillions(25.4e9)
    (1000, 12346, 0.025)
    """
    trillions = count / 1e12
    return round(trillions) if trillions >= 100 else float(f"{trillions:.2g}")
