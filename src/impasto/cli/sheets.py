"""The commands that set several pictures on one sheet: sweep, reconstruct and montage."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from impasto.cli.advice import note_idle
from impasto.cli.clusters import Ray, Workers, asked_cluster, filling
from impasto.cli.ending import EndedError, code_of, told_to_end
from impasto.cli.flags import Preset, RecipeFile, build, recipe_flags
from impasto.cli.options import (
    OFF,
    Device,
    Format,
    Json,
    Output,
    Quality,
    Quiet,
    Threads,
    WeightFile,
    WeightsInput,
    files_of_run,
    use_threads,
)
from impasto.cli.pipes import (
    check_files,
    output_of,
    path_of,
    save_to,
    style_of,
    take_in,
    taken_in,
)
from impasto.cli.session import called, save_or_rescue, show_document
from impasto.errors import ImpastoError
from impasto.files.reading import located
from impasto.files.writing import check_apart
from impasto.process import interrupts
from impasto.report.outputs import Outputs

if TYPE_CHECKING:
    from PIL.Image import Image


@recipe_flags
def sweep(
    content: Annotated[
        Path,
        typer.Argument(
            metavar="CONTENT", help="Picture to paint, or - for standard input.", parser=path_of
        ),
    ],
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
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    format: Format = None,
    quality: Quality = None,
    ray: Ray = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Vary one or two settings, and show every painting on one sheet."""
    from impasto.experiments import sweep as sweeps
    from impasto.report import documents

    axes = [sweeps.Axis.read(text) for text in vary]
    made = build(preset, recipe, settings)
    named = style_of(style)
    check_files(
        {"--folder": folder, "--initial": settings["initial"], "--protect": settings["protect"]}
    )
    outputs = Outputs(
        picture=output_of(output, document=json),
        format=format,
        quality=quality,
        quiet=quiet,
        document=json,
    )
    files = [
        file
        for one in itertools.chain(*sweeps.grid(made, axes))
        for file in files_of_run(content, [named], one, weights, recipe)
    ]
    folder = None if folder is None else located(folder)
    kept = sweeps.paintings(axes, folder) if folder is not None else []
    outputs.check(files, made.steps, within=kept)
    varied = dict.fromkeys((axis.setting for axis in axes), True)
    note_idle({**settings, **varied}, itertools.chain(*sweeps.grid(made, axes)))
    cluster = asked_cluster(ray, workers, device, threads)
    if cluster is None:
        use_threads(threads)
    photograph, styles = taken_in(content, [named])
    paint_sheet = partial(
        sweeps.sweep,
        photograph,
        styles,
        axes,
        made,
        device=device if cluster is None else "cpu",
        weights=weights,
        weights_input=weights_input,
        folder=folder,
        threads=threads,
    )
    describe = partial(documents.sweep, axes, kept)
    with filling(cluster, photograph, styles, weights, weights_input) as how:
        code = fill_sheet(partial(paint_sheet, **how), outputs, describe)
    raise typer.Exit(code)


def reconstruct(
    content: Annotated[
        Path, typer.Argument(metavar="CONTENT", help="A photograph.", parser=path_of)
    ],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="A painting.", parser=path_of)],
    output: Output,
    size: Annotated[
        int, typer.Option(min=32, max=1024, metavar="N", help="Longer side of each picture.")
    ] = 256,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Steps for each picture.")] = 100,
    device: Device = "auto",
    threads: Threads = None,
    format: Format = None,
    quality: Quality = None,
    quiet: Quiet = False,
) -> None:
    """Reconstruct two pictures from each layer, like the first figure of Gatys and others."""
    from impasto.experiments import reconstruct as reconstructions

    outputs = Outputs(picture=output_of(output), format=format, quality=quality, quiet=quiet)
    outputs.check((content, style), steps)
    use_threads(threads)
    pictures = take_in({"content picture": content, "style picture": style}).values()
    paint_sheet = partial(
        reconstructions.reconstruct, *pictures, size=size, steps=steps, device=device
    )
    raise typer.Exit(fill_sheet(paint_sheet, outputs))


def montage(
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="PICTURE…", help="From left to right.", parser=path_of),
    ],
    output: Output,
    format: Format = None,
    quality: Quality = None,
) -> None:
    """Set pictures side by side on white, each scaled to the size of the first."""
    from impasto.pictures import montage, writers

    outputs = Outputs(picture=output_of(output), format=format, quality=quality)
    outputs.check_picture()
    check_apart(pictures, outputs.files)
    named = {f"picture {number}": picture for number, picture in enumerate(pictures, start=1)}
    sheet = montage.montage(list(take_in(named).values()))
    save_to(partial(writers.save, sheet, **outputs.form), outputs.picture)
    if outputs.picture is not None:
        width, height = sheet.size
        typer.echo(f"Wrote {output} ({width}×{height}).")


def fill_sheet(
    paint_sheet: Callable[..., Image],
    outputs: Outputs,
    describe: Callable[..., BaseModel] | None = None,
) -> int:
    """Paint a sheet of pictures, and write it after every picture; return the exit code.

    Args:
        paint_sheet: paints the sheet; takes ``on_picture`` and ``on_sheet``, as sweeps do.
        outputs: only the picture is written.
        describe: makes the document of the sheet, if the outputs ask for one, from its path, its
            size, the number of paintings on it, the seconds it took, and whether it was stopped.
    """
    from impasto.pictures import writers

    painted, began = 0, time.perf_counter()
    picture = outputs.picture

    def on_picture(number: int, count: int, name: str) -> None:
        if not outputs.quiet:
            typer.echo(f"{number} of {count}: {name}", err=True)

    def on_sheet(sheet: Image, number: int) -> None:
        nonlocal painted
        painted = number
        if number == 0:
            outputs.check_picture(sheet.size)
        elif picture is not None:
            with suppress(ImpastoError, OSError):  # the finished sheet is written again below
                writers.save(sheet, picture, **outputs.form)

    with told_to_end(outputs.quiet) as signals:
        sheet = paint_sheet(on_picture=on_picture, on_sheet=on_sheet)
        if painted:
            with interrupts.shielded():
                save = partial(writers.save, sheet, **outputs.form)
                save_or_rescue(save, picture, outputs.form["format"])
                signals.be_deaf()
    if signals.number is not None and not painted:
        raise EndedError(signals.number)
    stopped = signals.number is not None
    _tell_of_sheet(outputs, sheet.size, painted, stopped=stopped)
    if outputs.document and describe is not None:
        seconds = time.perf_counter() - began
        show_document(describe(picture, sheet.size, painted, seconds=seconds, stopped=stopped))
    return code_of(signals.number)


def _tell_of_sheet(outputs: Outputs, size: tuple[int, int], painted: int, *, stopped: bool) -> None:
    """Print where a sheet is, and how many paintings are on it if it was stopped."""
    where = called(outputs.picture)
    if stopped:
        typer.echo(f"Stopped at picture {painted}; the sheet so far is in {where}.", err=True)
    elif not outputs.quiet:
        width, height = size
        aside = outputs.picture is None or outputs.document
        done = "Wrote the sheet to" if outputs.picture is None else "Painted"
        typer.echo(f"{done} {where} ({width}×{height}).", err=aside)
