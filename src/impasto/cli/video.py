"""The command that paints a clip."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.advice import note_idle, note_squeezed
from impasto.cli.clusters import Ray, Workers, asked_cluster, frames_on
from impasto.cli.completing import one_of
from impasto.cli.ending import DONE, code_of, told_to_end
from impasto.cli.flags import Preset, RecipeFile, build, recipe_flags
from impasto.cli.notes import note
from impasto.cli.options import (
    Device,
    Json,
    Quiet,
    Threads,
    WeightFile,
    WeightsInput,
    use_threads,
)
from impasto.cli.pipes import check_files, path_of, style_of
from impasto.cli.session import show_document
from impasto.errors import InputError, StoppedError
from impasto.messages.message import Message
from impasto.settings.validation import counted
from impasto.video.methods import ALONE, DEFAULT, LEARNED, METHODS, PAINTER, unused

if TYPE_CHECKING:
    from impasto.settings.recipe import Recipe
    from impasto.video.method import VideoStep
    from impasto.video.planning import VideoPlan
    from impasto.video.showing import Told
    from impasto.video.stylize import PaintedClip, PaintFiles

STOPPING = "Stopping; what is painted is kept. Ctrl-C again stops at once."
PANEL = "Clip"
WHY_IDLE = {PAINTER: "idle.painter", LEARNED: "idle.learned"}
USUAL = f"{DEFAULT}; {ALONE} with the preset instant; {PAINTER} with a painter"


@recipe_flags
def video(
    clip: Annotated[
        Path,
        typer.Argument(
            metavar="CLIP",
            help="Clip to paint: a film, a GIF, or a folder of frames.",
            parser=path_of,
        ),
    ],
    style: Annotated[
        str | None,
        typer.Argument(
            metavar="[STYLE]", help="Picture that gives the style, or a painter (.safetensors)."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT.mp4|FOLDER",
            help="The clip to write; its suffix sets the format: mp4, mov, mkv, webm, gif or webp. "
            "Or a folder, for the frames as PNG.",
            show_default="clip.mp4 becomes clip-painting.mp4 beside it",
            parser=path_of,
        ),
    ] = None,
    styles: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="PICTURE[:WEIGHT][,mask=MASK]…",
            help="A style with its weight and the region it paints; several styles are blended. "
            "With a painter: the name of one of its styles.",
            show_default="STYLE, or the recipe's styles",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(METHODS),
            help="How the frames are painted; the preset chooses what is minimised.",
            autocompletion=one_of(METHODS),
            show_default=USUAL,
            rich_help_panel=PANEL,
        ),
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Where to begin: seconds, or h:mm:ss.", rich_help_panel=PANEL
        ),
    ] = "0",
    end: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Where to end.",
            show_default="the end of the clip",
            rich_help_panel=PANEL,
        ),
    ] = None,
    preview: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            help="Paint only so many seconds, and say how long the whole clip would take.",
            show_default="off",
            rich_help_panel=PANEL,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Frames a second of a folder of frames.",
            show_default="25",
            rich_help_panel=PANEL,
        ),
    ] = None,
    crf: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Constant rate factor, 0 (best) to 51 for H.264, to 63 for VP9.",
            show_default="18 for H.264, 28 for VP9",
            rich_help_panel=PANEL,
        ),
    ] = None,
    working: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for the frames until the clip is done; after an interruption, the same "
            "command continues from it.",
            show_default="OUT.mp4.working",
            rich_help_panel=PANEL,
        ),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    device: Device = "auto",
    threads: Threads = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be painted, and paint nothing.")
    ] = False,
    ray: Ray = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Paint a clip in the style of STYLE; its frames, their times and its sound stay."""
    from impasto.pictures.sizes import cropped_size
    from impasto.video.planning import Request, plan
    from impasto.video.spread import check_spreads

    made = build(preset, recipe, settings)
    check_files(
        {
            "CLIP": clip,
            "STYLE": style,
            "--output": output,
            "--working": working,
            "--initial": settings["initial"],
            "--protect": settings["protect"],
        }
    )
    named = [style_of(text) for text in ([style] if style is not None else []) + (styles or [])]
    for one in named:
        check_files({"style picture": one.picture, "mask": one.mask})
    asked = Request(
        clip,
        named or None,
        made,
        output,
        method=method,
        part=_part(start, end, preview),
        rate=rate,
        crf=crf,
        working=working,
        device=device,
        weights=weights,
        weights_input=weights_input,
        is_capped=settings["size"] is None and recipe is None,
        others=[recipe] if recipe is not None else [],
        threads=threads,
    )
    cluster = asked_cluster(ray, workers, device, threads)
    planned = plan(asked if cluster is None else replace(asked, device="auto"))
    if cluster is not None:
        check_spreads(planned.method)
    _note_idle(planned.method, settings, made)
    note_squeezed(cropped_size(planned.clip.size, made), planned.size, made, settings)
    if cluster is None:
        use_threads(threads, made)
    if dry_run or not quiet:
        typer.echo(_announced(planned, dry_run=dry_run), err=not dry_run or json)
    if dry_run:
        _show(planned, json=json)
        raise typer.Exit(DONE)
    with nullcontext() if cluster is None else frames_on(cluster) as paint_frames:
        code = _paint(planned, paint_frames, quiet=quiet, json=json, preview=preview is not None)
    raise typer.Exit(code)


def _note_idle(method: str, settings: dict[str, Any], recipe: Recipe) -> None:
    """Name the settings that were given and have no effect on the clip."""
    given = {name: value for name, value in settings.items() if value is not None}
    for name in unused(method, given):
        del given[name]
        note(str(Message("idle.setting", name=name, reason=Message(WHY_IDLE[method]))))
    note_idle(given, [recipe])


def _part(start: str, end: str | None, preview: str | None) -> Any:
    """The part of the clip that is painted."""
    from impasto.video.clip import Part, seconds_of
    from impasto.video.planning import part_of

    part = part_of(start, end)
    if preview is None:
        return part
    seconds = seconds_of(preview, "--preview")
    if seconds == 0:
        raise InputError("clip.no-preview", value=preview)
    until = part.start + seconds
    return Part(part.start, until if part.end is None else min(part.end, until))


def _announced(planned: VideoPlan, *, dry_run: bool) -> str:
    """What is painted, and what it takes."""
    from impasto.files.reading import in_units
    from impasto.video.working import bytes_of

    clip, (width, height) = planned.clip, planned.size
    (across, down), begin = clip.size, "Would paint" if dry_run else "Painting"
    if planned.continues:
        begin = "Would continue" if dry_run else "Continuing"
    sound = f", {counted(len(clip.sounds), 'track')} of sound" if clip.sounds else ""
    styles = " and ".join(map(_called, planned.paths_of_styles))
    like = f" in the style of {styles}" if styles else ""
    return (
        f"{begin} {clip.path.name} ({across}×{down}, {counted(clip.count, 'frame')}, "
        f"{_rounded(clip.rate)} a second, {_lasting(clip.seconds)}{sound}){like}: "
        f"{width}×{height} pixels, method {planned.method}. Until it is done, its frames take "
        f"about {in_units(bytes_of(clip.count, planned.size))} in {planned.working.folder}."
    )


def _called(path: Path | None) -> str:
    return "a picture" if path is None else path.name


def _lasting(seconds: float) -> str:
    """How long a clip lasts, to a hundredth of a second if it is short."""
    from impasto.run.showing import duration

    return f"{seconds:.2f} s" if seconds < 60 else duration(seconds)


def _rounded(rate: Fraction) -> str:
    """Frames a second, as people write them.

    >>> _rounded(Fraction(25)), _rounded(Fraction(30000, 1001))
    ('25', '29.97')
    """
    return f"{float(rate):.2f}".rstrip("0").rstrip(".")


def _paint(
    planned: VideoPlan, paint_frames: PaintFiles | None, *, quiet: bool, json: bool, preview: bool
) -> int:
    """Paint a clip and print how it ended; return the exit code."""
    from impasto.video.stylize import Watch, paint

    began = time.monotonic()
    trained = 0.0

    def on_step(step: VideoStep) -> None:
        nonlocal trained
        if planned.method == LEARNED and not step.frames:
            trained = time.monotonic() - began
        told.painted(step)

    with told_to_end(quiet, STOPPING) as signals:
        try:
            with _told(planned.clip.count, quiet=quiet) as told:
                watch = Watch(told.read, on_step, told.written)
                made = paint(planned, watch, paint_frames)
        except StoppedError as error:
            if signals.number is None:
                raise
            typer.echo(f"{error}", err=True)
            if json:
                from impasto.report.documents import failure

                show_document(failure(error.code, str(error)))
            return code_of(signals.number)
        signals.be_deaf()
    seconds = time.monotonic() - began
    if not quiet:
        text = _done(planned, made, seconds, trained=trained if preview else None)
        typer.echo(text, err=json)
    _show(planned, made, seconds, json=json)
    return DONE


def _told(count: int, *, quiet: bool) -> Told:
    """What tells of the progress: a bar in a terminal, or else lines."""
    from rich.console import Console

    from impasto.video.showing import ClipLines, chosen_for

    return ClipLines(count, None) if quiet else chosen_for(count, sys.stderr, Console(stderr=True))


def _done(planned: VideoPlan, made: PaintedClip, seconds: float, *, trained: float | None) -> str:
    """What was painted, and after a preview, how long the whole clip would take.

    Args:
        planned: what was asked for.
        made: what was painted.
        seconds: how long it took.
        trained: seconds until a painter was trained, which no number of frames makes longer; None
            if it was no preview.
    """
    from impasto.run.showing import duration, estimate

    width, height = made.size
    text = (
        f"Painted {made.path} ({width}×{height}, {counted(made.frames, 'frame')}, "
        f"{_lasting(made.seconds)}) in {duration(seconds)}."
    )
    if trained is None or planned.continues or planned.clip.total <= made.frames:
        return text
    whole = trained + (seconds - trained) * planned.clip.total / made.frames
    return f"{text} All {planned.clip.total} frames of the clip would take about {estimate(whole)}."


def _show(
    planned: VideoPlan,
    made: PaintedClip | None = None,
    seconds: float | None = None,
    *,
    json: bool,
) -> None:
    """Print the document of a clip, if one is asked for."""
    if json:
        from impasto.report import documents

        show_document(documents.clip(planned, made, seconds))
