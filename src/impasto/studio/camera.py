"""A visitor's camera, painted live."""

from __future__ import annotations

import binascii
import io
import time
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from impasto.errors import InputError
from impasto.run.instant import PassPainter
from impasto.settings.recipe import Recipe
from impasto.video.live import Rate
from impasto.video.method import Pixels

SIDE = 320  # pixels: longer side of a painted frame
MOST_PIXELS = 9_000_000  # of a frame as the page sends it
FORMATS = ("JPEG", "PNG", "WEBP")  # in which pages send frames


def camera(**settings: Any) -> gr.Image:
    """An image component that passes on each frame of the camera as the bytes of a picture file."""
    image: Any = gr.Image(sources=["webcam"], streaming=True, **settings)
    image.preprocess = _as_sent
    return image  # type: ignore[no-any-return]


def _as_sent(payload: Any) -> bytes | None:
    """The bytes of a frame, which arrives as a data URL."""
    _, comma, encoded = ((payload and payload.url) or "").partition(";base64,")
    return binascii.a2b_base64(encoded) if comma else None


def frame_of(data: bytes) -> Pixels:
    """The pixels of a frame, reduced to the size at which it is painted.

    Raises:
        InputError: it is no picture, or too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise InputError("studio.frame")
            image.draft("RGB", (SIDE, SIDE))
            small = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InputError("studio.frame") from None
    small.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small)


class LivePainter:
    """Paints the frames of a camera in a style.

    Args:
        style: path of the style picture.
        strength: how much of the style, 0…1.
        threads: number of CPU threads.
    """

    def __init__(self, style: str, strength: float, threads: int) -> None:
        self._chosen = style, strength
        recipe = Recipe.preset("instant", size=SIDE, strength=strength)
        self._paint = PassPainter(style, recipe, threads)
        self._rate = Rate()

    def serves(self, style: str, strength: float) -> bool:
        """Whether this is the style and the strength that it paints with."""
        return self._chosen == (style, strength)

    def paint(self, frame: bytes) -> tuple[Pixels, float]:
        """A painted frame, and how many are painted a second.

        Raises:
            InputError: the style picture or the frame cannot be used.
        """
        painting = self._paint(frame_of(frame))
        return painting, self._rate.after(time.perf_counter())
