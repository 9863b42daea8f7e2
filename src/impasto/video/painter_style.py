"""The method ``painter``: a painter that was learned before paints every frame in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from impasto.errors import InputError
from impasto.files.reading import located
from impasto.painters.applying import Painter, check_color, check_side
from impasto.painters.file import SUFFIXES, read_mixture
from impasto.pictures.refusals import naming
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts, threads
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.video.method import (
    Frames,
    LearnedStyle,
    OnVideoStep,
    Order,
    PaintedFrames,
    VideoStep,
)


def check_painter(style: LearnedStyle, clip: Path, size: PixelSize, recipe: Recipe) -> None:
    """Make sure that a painter can be read, and can paint the frames of a clip at a size.

    Raises:
        InputError: it cannot, it has no such style, or the recipe has a colour transfer that no
            painter does, or protects a part.
    """
    if recipe.protect is not None:
        raise InputError("painter.protect")
    about = Painter.load(style.path, device="cpu").about
    read_mixture(style.mixture or None, about)
    check_color(recipe.color)
    check_side(naming("clip", clip), size)


def learned_style(styles: Sequence[Style]) -> LearnedStyle | None:
    """The painter that is named in place of the first style picture, if one is.

    The styles after it are names of what the painter has learned.

    Raises:
        InputError: a style has more than a weight, such as a mask.

    >>> learned_style([Style(picture="two.safetensors"), Style(picture="ink", weight=2)]).mixture
    {'ink': 2.0}
    >>> learned_style([Style(picture="ink.jpg")])
    """
    if not styles:
        return None
    picture, others = styles[0].picture, styles[1:]
    if not isinstance(picture, str | Path) or Path(picture).suffix.lower() not in SUFFIXES:
        return None
    apart = (one.layers or one.mask is not None or one.style_mask is not None for one in styles)
    if any(apart):
        raise InputError("painter.whole-styles")
    return LearnedStyle(located(picture), {str(one.picture): one.weight for one in others})


def paint(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """Paint every frame that is missing with the painter of the order.

    Args:
        frames: the frames.
        painted: the frames that are painted.
        order: how they are painted.
        on_step: called after every frame.

    Raises:
        InputError: the painter or the device cannot be used.
        StoppedError: the work was interrupted.
    """
    chosen = order.painter
    assert chosen is not None, "the plan names a painter"  # noqa: S101
    painter = Painter.load(chosen.path, device=order.device)
    with threads.use(order.threads):
        paint_with(
            painter,
            chosen.mixture or None,
            frames,
            painted,
            order.recipe,
            lambda done: on_step(VideoStep(done, done / len(frames))),
        )


def paint_with(
    painter: Painter,
    mixture: Mapping[str, float] | None,
    frames: Frames,
    painted: PaintedFrames,
    recipe: Recipe,
    on_done: Callable[[int], None],
) -> None:
    """Paint every frame that is missing with a painter.

    Args:
        painter: the painter.
        mixture: weights of its styles, by name; None for its first style.
        frames: the frames.
        painted: the frames that are painted.
        recipe: gives the strength and the colour transfer.
        on_done: called with the number of painted frames, after every one.

    Raises:
        StoppedError: the work was interrupted.
    """
    missing = [number for number in range(len(frames)) if number not in painted]
    for done, number in enumerate(missing, start=len(frames) - len(missing) + 1):
        interrupts.check()
        painting = painter.paint(
            frames[number], style=mixture, strength=recipe.strength, color=recipe.color
        )
        painted.keep(number, np.asarray(painting.image))
        on_done(done)
