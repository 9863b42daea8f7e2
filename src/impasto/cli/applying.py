"""The command that paints pictures with a painter."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.completing import one_of
from impasto.cli.ending import DONE, code_of, told_to_end
from impasto.cli.many import Asked, paint_all
from impasto.cli.options import (
    OFF,
    Bits,
    Device,
    Format,
    Json,
    Quality,
    Quiet,
    SkipExisting,
    Threads,
    use_threads,
)
from impasto.cli.pipes import (
    DASH,
    check_apart_from_stdout,
    check_files,
    is_dash,
    output_of,
    path_of,
    take_in,
)
from impasto.cli.session import called, save_or_rescue
from impasto.cli.uncollected import uncollected
from impasto.errors import InputError
from impasto.files.listing import PICTURES
from impasto.files.reading import located
from impasto.files.writing import check_apart, check_writable, is_there, remove_parts
from impasto.process import interrupts
from impasto.report.outputs import Outputs
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style

if TYPE_CHECKING:
    from impasto.experiments.planning import Plan
    from impasto.painters.many import Applied

STOPPING = "Stopping; a painting that is not finished is dropped. Ctrl-C again stops at once."


def apply(
    painter: Annotated[
        Path,
        typer.Argument(
            metavar="PAINTER.safetensors", help="The painter, from `impasto train`.", parser=path_of
        ),
    ],
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PICTURE…]",
            help="Pictures to paint; each can also be a folder, a pattern such as '*.jpg', or - "
            "for standard input.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT.png|FOLDER/|TEMPLATE",
            help="The picture to write; its suffix sets the format. Or a folder, or a template "
            "such as 'out/{content}-{style}.jpg', where {style} is the painter. - is standard "
            "output.",
            show_default="photo.jpg becomes photo-painting.png beside it",
        ),
    ] = None,
    styles: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="NAME|N|NAME:SHARE,…",
            help="Which of its styles, by name or number, or a mixture as in oil:0.3,ink:0.7; may "
            "be given several times.",
            show_default="the first",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="How much of the style, from 0, the photograph, to 1.",
            show_default="that of the training",
        ),
    ] = None,
    size: Annotated[
        str,
        typer.Option(
            metavar="WxH|N|original",
            help="Size of the painting: the longer side, WIDTHxHEIGHT, or that of the picture.",
        ),
    ] = "original",
    color: Annotated[
        str,
        typer.Option(
            metavar="style|content|histogram|palette",
            help="Colours of the painting, as for `impasto stylize`.",
            autocompletion=one_of(("style", "content", "histogram", "palette")),
        ),
    ] = "style",
    skip_existing: SkipExisting = False,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="PAINTER.onnx",
            help="Write the painter as an ONNX model; no picture is needed then.",
            show_default=OFF,
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    bits: Bits = 8,
    format: Format = None,
    quality: Quality = None,
    no_metadata: Annotated[
        bool,
        typer.Option("--no-metadata", help="Leave the painter and the inputs out of the painting."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Paint pictures with a painter that `impasto train` has trained, each in one pass."""
    from impasto.experiments import planning

    check_files({"PAINTER.safetensors": painter, "--export": export})
    export = None if export is None else located(export)
    if painter.suffix.lower() in PICTURES and is_there(painter):
        raise InputError("painter.is-picture", path=painter)
    if not pictures and export is None:
        raise InputError("command.no-pictures")
    use_threads(threads)
    if export is not None:
        _check_export(painter, export)
    plan: Plan | None = None
    to_stdout = output == str(DASH)
    if pictures:
        if to_stdout:
            check_apart_from_stdout([export])
        plan = planning.plan(
            [str(path_of(picture)) for picture in pictures],
            [Style(picture=str(painter))],
            Recipe(),
            None if to_stdout else planning.Output(output, painter.stem, format),
            skip_existing=skip_existing,
        )
    outputs = Outputs(
        picture=output_of(DASH, document=json)
        if to_stdout
        else plan.paths[0]
        if plan is not None
        else None,
        format=format,
        quality=quality,
        document=json,
        bits=bits,
        metadata=not no_metadata,
        quiet=quiet,
    )
    with uncollected():
        from impasto.painters.applying import Painter
        from impasto.painters.many import Applied

    loaded = Painter.load(painter, device=device)
    applied = Applied(loaded, ",".join(styles or []) or None, strength, size, color, outputs.form)
    if export is not None:
        from impasto.painters import onnx

        onnx.export(loaded, export)
        if not quiet:
            typer.echo(f"Wrote {export}, the painter as an ONNX model.", err=to_stdout or json)
    if plan is None:
        raise typer.Exit(DONE)
    asked = Asked(
        loaded.recipe,
        {},
        outputs,
        device,
        threads,
        "bundled",
        None,
        None,
        None,
        False,
        skip_existing,
    )
    if len(plan.paintings) == 1 and not json:
        raise typer.Exit(_paint_one(plan, applied, outputs, skip_existing=skip_existing))
    raise typer.Exit(_paint_many(plan, applied, asked))


def _check_export(painter: Path, export: Path) -> None:
    from impasto.painters.onnx import SUFFIXES, check_installed

    check_installed()
    check_writable(export, SUFFIXES)
    check_apart([painter], [export])


def _paint_one(plan: Plan, applied: Applied, outputs: Outputs, *, skip_existing: bool) -> int:
    """Paint the one picture of a plan; return the exit code."""
    (painting,) = plan.paintings
    if skip_existing and outputs.picture is not None and is_there(outputs.picture):
        if not outputs.quiet:
            typer.echo(f"{outputs.picture} exists already, and is not painted again.")
        return DONE
    content = painting.content
    picture = take_in({"content picture": Path(str(content)) if is_dash(content) else content})
    with plan.checked(applied.painter.recipe, form=outputs.form):
        began = time.perf_counter()
        with told_to_end(outputs.quiet, STOPPING) as signals:
            made = applied.painting_of(picture["content picture"])
            seconds = time.perf_counter() - began
            outputs.check_picture(made.size)
            with interrupts.shielded():
                if outputs.picture is not None:
                    remove_parts(outputs.picture)
                save = partial(made.save, metadata=outputs.metadata, **outputs.form)
                save_or_rescue(save, outputs.picture, outputs.form["format"])
                signals.be_deaf()
    if signals.number is not None:
        where = called(outputs.picture)
        typer.echo(f"Stopped after the painting was finished; it is in {where}.", err=True)
        return code_of(signals.number)
    if not outputs.quiet:
        width, height = made.size
        typer.echo(
            f"Painted {called(outputs.picture)} ({width}×{height}) in {seconds:.1f} s.",
            err=outputs.picture is None,
        )
    return DONE


def _paint_many(plan: Plan, applied: Applied, asked: Asked) -> int:
    """Paint the pictures of a plan; return the exit code."""
    if asked.outputs.picture is None:
        raise InputError("many.one-stdout", count=len(plan.paintings))
    if len(plan.paintings) == 1 and is_dash(plan.paintings[0].content):
        (painting,) = plan.paintings
        content = take_in({"content picture": painting.content})["content picture"]
        plan = replace(plan, paintings=(replace(painting, content=content),))
    for painting in plan.paintings:
        check_files({"content picture": painting.content})
    with plan.checked(asked.recipe, form=asked.outputs.form):
        return paint_all(plan, asked, lambda: applied)
