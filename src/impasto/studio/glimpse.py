"""The quick preview: what the method ``instant`` makes of two pictures before anyone paints."""

from __future__ import annotations

import threading
from pathlib import Path

from PIL import Image

from impasto.errors import ImpastoError
from impasto.network import instant
from impasto.pictures import images
from impasto.process.notices import heard_by
from impasto.run.instant import prepare
from impasto.settings.recipe import Recipe
from impasto.studio.limits import Limits

SIDE = 512  # pixels: longer side of a preview


def glimpse(
    content: str,
    style: str,
    strength: float,
    limits: Limits,
    threads: int,
    reading: threading.Lock,
) -> Image.Image | None:
    """The quick preview of a painting; None if there can be none.

    Whatever is wrong with the pictures is told when they are painted.

    Args:
        content: path of the photograph.
        style: path of the style picture.
        strength: how much of the style, 0…1.
        limits: those of the studio.
        threads: number of CPU threads.
        reading: held while pictures are read, which may take much memory.
    """
    if not instant.is_installed():
        return None
    try:
        recipe = Recipe.preset("instant", size=SIDE, strength=strength)
        limits.check([images.described(Path(path)) for path in (content, style)], recipe)
        with heard_by(lambda _: None):
            with reading:
                run = prepare(Path(content), Path(style), recipe, threads=threads)
            return run.paint().image
    except ImpastoError:
        return None
