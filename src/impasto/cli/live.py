"""The command that paints what a camera sees: live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.ending import code_of
from impasto.cli.options import Threads, use_threads
from impasto.cli.pipes import check_files
from impasto.errors import InputError
from impasto.pictures import sizes
from impasto.process.interrupts import ENDING, Signals
from impasto.settings.recipe import Recipe
from impasto.settings.strength import USUAL_STRENGTH, or_usual
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from impasto.video.live import Paint, Shown
    from impasto.video.method import Pixels

PAINTERS = (".safetensors", ".onnx")  # the latter is refused with a sentence of its own
SIZE = 320


def live(
    styles: Annotated[
        list[str],
        typer.Argument(
            metavar="STYLE…",
            help="The style picture, or several, which are blended; or a painter that "
            "`impasto train` wrote.",
        ),
    ],
    camera: Annotated[
        str,
        typer.Option(
            metavar="N|CLIP", help="Number of the camera, or a clip that is played as one."
        ),
    ] = "0",
    size: Annotated[
        int, typer.Option(min=32, max=2048, metavar="N", help="Longer side, in pixels.")
    ] = SIZE,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="How much of the style.",
            show_default=f"{USUAL_STRENGTH}, or what a painter was trained for",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Paint what a camera sees, in a window, until it is closed.

    Frames that come while another one is painted are dropped, so that the window is never behind.
    """
    from impasto.report.progress import Window, check_display
    from impasto.video.live import paint_live

    for one in styles:
        check_files({"STYLE": one})
    check_files({"--camera": camera})
    check_display("live.no-display")
    paint = _painter(styles, size, strength, threads)
    window, shown = Window(), None
    try:
        with Signals(*ENDING) as signals:
            for shown in paint_live(_frames(camera, size), paint):
                window.show(shown.pixels, f"impasto: {shown.rate:.1f} frames a second")
                if not window.is_open:
                    break
    except KeyboardInterrupt:
        if shown is None:
            raise
        raise typer.Exit(code_of(signals.number)) from None
    finally:
        if shown is not None:
            typer.echo(_summary(shown), err=True)


def _painter(styles: list[str], size: int, strength: float | None, threads: int | None) -> Paint:
    """What paints a frame.

    Raises:
        InputError: a style picture or a painter cannot be used, or both are given.
    """
    painters = [one for one in styles if Path(one).suffix.lower() in PAINTERS]
    if painters and len(styles) > 1:
        raise InputError("live.painter-alone", path=painters[0])
    if painters:
        return _learned(Path(painters[0]), strength, threads)
    from impasto.run.instant import PassPainter

    recipe = Recipe.preset("instant", size=size, strength=or_usual(strength))
    return PassPainter(styles, recipe, threads)


def _learned(path: Path, strength: float | None, threads: int | None) -> Paint:
    """A learned painter, as what paints a frame."""
    from impasto.painters.applying import Painter
    from impasto.pictures.arrays import to_uint8

    use_threads(threads)
    painter = Painter.load(path)
    condition = painter.condition(strength=strength)
    return lambda frame: to_uint8(painter.painted(frame, condition))


def _frames(camera: str, size: int) -> Iterator[Pixels]:
    """The frames of a camera, or of a clip that is played.

    Raises:
        InputError: there is no such camera or clip.
    """
    from impasto.video.camera import frames_of_camera, is_camera, played

    def fitted(full: sizes.PixelSize) -> sizes.PixelSize:
        return sizes.fit(full, size)

    return frames_of_camera(int(camera), fitted) if is_camera(camera) else played(camera, fitted)


def _summary(shown: Shown) -> str:
    return (
        f"Painted {counted(shown.painted, 'frame')}, the last ones at {shown.rate:.1f} a second; "
        f"{shown.dropped} were dropped."
    )
