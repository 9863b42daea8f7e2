"""The commands that set several pictures on one sheet: sweep, reconstruct and montage."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.advice import note_idle
from impasto.cli.ending import EndedError, code_of, told_to_end
from impasto.cli.flags import Preset, RecipeFile, build, recipe_flags
from impasto.cli.options import OFF, Device, Output, Quiet, Threads, files_of_run, use_threads
from impasto.cli.session import save_or_rescue
from impasto.errors import ImpastoError
from impasto.files.writing import check_apart
from impasto.process import interrupts
from impasto.report.outputs import Outputs
from impasto.settings.style import Style

if TYPE_CHECKING:
    from PIL.Image import Image


@recipe_flags
def sweep(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="Picture to paint.")],
    style: Annotated[str, typer.Argument(metavar="STYLE", help="Picture that gives the style.")],
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="SETTING=A,B,…",
            help="A setting and its values; the first goes across, a second one down.",
        ),
    ],
    output: Output,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write every painting to this folder too.", show_default=OFF
        ),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Vary one or two settings, and show every painting on one sheet."""
    from impasto.experiments import sweep as sweeps

    axes = [sweeps.Axis.read(text) for text in vary]
    made = build(preset, recipe, settings)
    outputs = Outputs(picture=output, quiet=quiet)
    named = Style.read(style)
    files = [
        file
        for one in itertools.chain(*sweeps.grid(made, axes))
        for file in files_of_run(content, [named], one, "bundled", recipe)
    ]
    kept = sweeps.paintings(axes, folder) if folder is not None else []
    outputs.check(files, made.steps, within=kept)
    varied = dict.fromkeys((axis.setting for axis in axes), True)
    note_idle({**settings, **varied}, itertools.chain(*sweeps.grid(made, axes)))
    use_threads(threads)
    paint_sheet = partial(sweeps.sweep, content, named, axes, made, device=device, folder=folder)
    raise typer.Exit(fill_sheet(paint_sheet, outputs))


def reconstruct(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="A photograph.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="A painting.")],
    output: Output,
    size: Annotated[
        int, typer.Option(min=32, max=1024, metavar="N", help="Longer side of each picture.")
    ] = 256,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Steps for each picture.")] = 100,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Reconstruct two pictures from each layer of the network, as in the paper's first figure."""
    from impasto.experiments import reconstruct as reconstructions

    outputs = Outputs(picture=output, quiet=quiet)
    outputs.check((content, style), steps)
    use_threads(threads)
    paint_sheet = partial(
        reconstructions.reconstruct, content, style, size=size, steps=steps, device=device
    )
    raise typer.Exit(fill_sheet(paint_sheet, outputs))


def montage(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="From left to right.")],
    output: Output,
) -> None:
    """Set pictures side by side on white, each scaled to the size of the first."""
    from impasto.pictures import montage, writers

    writers.check_output(output)
    check_apart(pictures, [output])
    writers.save(montage.montage(pictures), output)
    typer.echo(f"{output}")


def fill_sheet(paint_sheet: Callable[..., Image], outputs: Outputs) -> int:
    """Paint a sheet of pictures, and write it after every picture; return the exit code.

    Args:
        paint_sheet: paints the sheet; takes ``on_picture`` and ``on_sheet``, as sweeps do.
        outputs: only the picture is written.
    """
    from impasto.pictures import writers

    painted = 0

    def on_picture(number: int, count: int, name: str) -> None:
        if not outputs.quiet:
            typer.echo(f"{number} of {count}: {name}", err=True)

    def on_sheet(sheet: Image, number: int) -> None:
        nonlocal painted
        painted = number
        if number == 0:
            writers.check_output(outputs.picture, size=sheet.size)
        else:
            with suppress(ImpastoError, OSError):  # the finished sheet is written again below
                writers.save(sheet, outputs.picture)

    with told_to_end(outputs.quiet) as signals:
        sheet = paint_sheet(on_picture=on_picture, on_sheet=on_sheet)
        if painted:
            with interrupts.shielded():
                save_or_rescue(partial(writers.save, sheet), outputs.picture)
                signals.be_deaf()
    if signals.number is not None and not painted:
        raise EndedError(signals.number)
    if signals.number is not None:
        typer.echo(
            f"Stopped at picture {painted}; the sheet so far is in {outputs.picture}.", err=True
        )
    elif not outputs.quiet:
        width, height = sheet.size
        typer.echo(f"Painted {outputs.picture} ({width}×{height}).")
    return code_of(signals.number)
