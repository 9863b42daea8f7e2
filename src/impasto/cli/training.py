"""The command that trains a painter."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.ending import DONE, FAILED, code_of, told_to_end
from impasto.cli.flags import Preset, RecipeFile, build, setting_of
from impasto.cli.notes import note
from impasto.cli.options import (
    OFF,
    CheckpointEvery,
    Device,
    Plot,
    Quiet,
    Threads,
    Trace,
    WeightFile,
    WeightsInput,
    use_threads,
)
from impasto.cli.pipes import check_files
from impasto.cli.watching import reason
from impasto.errors import ImpastoError, InputError
from impasto.files.listing import names_several, pictures_in
from impasto.files.reading import located
from impasto.files.writing import (
    CHECKPOINT_EVERY,
    check_apart,
    check_folder,
    check_interval,
    check_writable,
)
from impasto.process import interrupts
from impasto.settings.strength import USUAL_STRENGTH
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from impasto.painters.applying import Painter
    from impasto.painters.learning import Course
    from impasto.painters.training import TrainingStep
    from impasto.report.training import TrainingTrace
    from impasto.settings.recipe import Recipe

KEEPING = "Stopping after this step and keeping the painter as it is; Ctrl-C again discards it."
FIGURES = (".png", ".svg", ".pdf")


def train(
    styles: Annotated[
        list[str],
        typer.Argument(
            metavar="STYLE…",
            help="Style pictures, folders or patterns; one painter learns all of them.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="PAINTER.safetensors", help="The file of the painter."
        ),
    ],
    photos: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER|PICTURE",
            help="Photographs to learn from: a folder, a pattern or a picture; may be given "
            "several times.",
            show_default="those of scikit-image",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(metavar="N", help="How long to train, if --steps is not given.")
    ] = 30.0,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Number of steps.", show_default="as many as the time allows"
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Number of crops in a step.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed of everything that is drawn.")
    ] = 0,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|WxH",
            help="Size that photographs and style pictures have in training: the size at which "
            "the painter paints best.",
            show_default="512; presets differ",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Strength at which seven of ten crops are painted, and the usual one when the "
            "painter is applied; the others learn every strength.",
            show_default=str(USUAL_STRENGTH),
        ),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SETTING=VALUE",
            help="Another setting of the recipe, as in style-scale=1.5; may be given several "
            "times.",
            show_default="none",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write crops and their paintings to this folder, twenty times.",
            show_default=OFF,
        ),
    ] = None,
    plot: Plot = None,
    trace: Trace = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="PAINTER.onnx", help="Write the painter as an ONNX model too.", show_default=OFF
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save the training in this file. If it exists, the training continues from it; "
            "it is removed when the painter is done.",
            show_default="PAINTER.training beside the painter",
        ),
    ] = None,
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
    quiet: Quiet = False,
) -> None:
    """Train a painter: a network that learns STYLE once, then paints any picture in one pass."""
    given: dict[str, Any] = dict(setting_of(change) for change in changes or [])
    flags = {"size": size, "strength": strength}
    given.update({name: value for name, value in flags.items() if value is not None})
    made = build(preset, recipe, given)
    saved = checkpoint or output.parent / f"{output.stem}.training"
    check_files(
        {"-o": output, "--samples": samples, "--plot": plot, "--trace": trace, "--export": export}
    )
    for one in [*styles, *(photos or [])]:
        check_files({"STYLE" if one in styles else "--photos": one})
    output, saved = located(output), located(saved)
    samples, plot, trace, export = (
        None if path is None else located(path) for path in (samples, plot, trace, export)
    )
    own = [recipe, Path(weights) if weights != "bundled" else None]
    read = [*_files_of([*styles, *(photos or [])]), *(path for path in own if path is not None)]
    _check_outputs(read, output, saved, samples, plot, trace, export)
    _check_plot(plot, photos or [])
    from impasto.painters import file as files
    from impasto.painters import learning

    for one in [*styles, *(photos or [])]:
        if Path(one).suffix.lower() in files.SUFFIXES:
            raise InputError("painter.is-no-picture", path=one)
    use_threads(threads)
    course = learning.prepare(
        styles,
        photos,
        made,
        learning.read_length(minutes, steps),
        batch=batch,
        seed=seed,
        device=device,
        weights=weights,
        weights_input=weights_input,
        checkpoint=saved,
        every=check_interval(checkpoint_every),
    )
    if not quiet:
        _announce(course, output, made)
    raise typer.Exit(_train(course, output, samples, plot, trace, export, quiet=quiet))


def _files_of(pictures: list[str]) -> list[Path]:
    """The pictures that are named, those in folders and of patterns, and the folders themselves.

    Raises:
        InputError: a folder cannot be read, or holds no picture.
    """
    several = [one for one in pictures if names_several(one)]
    return [*map(Path, pictures), *(path for one in several for path in pictures_in(one))]


def _check_outputs(
    read: list[Path],
    output: Path,
    saved: Path,
    samples: Path | None,
    plot: Path | None,
    trace: Path | None,
    export: Path | None,
) -> None:
    """Check every file that a training writes, before anything is read.

    Samples are not written into a folder of photographs, whose number they would change.

    Raises:
        InputError: one cannot be written, or is an input or another output.
    """
    from impasto.painters.learning import check_output
    from impasto.painters.onnx import SUFFIXES, check_installed

    check_output(output)
    check_writable(saved)
    if samples is not None:
        check_folder(samples)
    if plot is not None:
        check_writable(plot, FIGURES)
    if trace is not None:
        check_writable(trace, stream=True)
    if export is not None:
        check_installed()
        check_writable(export, SUFFIXES)
    written = (output, saved, samples, plot, trace, export)
    check_apart(read, [path for path in written if path is not None])


def _check_plot(plot: Path | None, photos: list[str]) -> None:
    """Make sure that the loss curves will not be among the photographs of the next call.

    Raises:
        InputError: they would be.
    """
    if plot is None or plot.suffix.lower() != ".png":
        return
    path = Path(os.path.realpath(plot))
    for one in filter(names_several, photos):
        several = Path(os.path.realpath(one))
        if path.parent == several or path.match(str(several)):
            raise InputError("painter.plot-among-photos", path=plot, photos=one)


def _announce(course: Course, output: Path, recipe: Recipe) -> None:
    """Print what is trained, for how long, and where."""
    from impasto.network import devices
    from impasto.run.showing import duration

    names = " and ".join(course.about.names)
    done = len(course.state.history)
    length = course.length
    took = duration(length.seconds) if length.steps is None else counted(length.steps, "step")
    begins = f"Continuing after step {done}" if done else f"Training {output}"
    typer.echo(
        f"{begins}: {names}, from {counted(course.about.photographs, 'photograph')} at "
        f"{_size_of(recipe)} pixels, {took} on {devices.describe(course.device)}.",
        err=True,
    )


def _size_of(recipe: Recipe) -> str:
    size = recipe.size
    return "×".join(map(str, size)) if isinstance(size, tuple) else str(size)


def _train(
    course: Course,
    output: Path,
    samples: Path | None,
    plot: Path | None,
    trace: Path | None,
    export: Path | None,
    *,
    quiet: bool,
) -> int:
    """Train, and write the painter and what else is asked for; return the exit code."""
    from impasto.painters.showing import showing
    from impasto.report import training as reports
    from impasto.run.showing import duration, unfailing

    lost: dict[Path, str] = {}
    with told_to_end(quiet, KEEPING) as signals, ExitStack() as closing:
        show = unfailing(None) if quiet else closing.enter_context(showing())
        watchers: list[tuple[Path, Callable[[TrainingStep], None]]] = []
        log = None if trace is None else reports.TrainingTrace(trace, course)
        if log is not None:
            watchers.append((log.path, log))
        if samples is not None:
            watchers.append((samples, reports.Samples(samples, course)))
        for step in course.train():
            show(step)
            watchers = [one for one in watchers if _watched(one, step, lost)]
        with interrupts.shielded():
            painter = course.painter()
            painter.save(output)
            if signals.number is None:
                course.finish()
            signals.be_deaf()
    lost.update(_write_further(course, painter, log, plot, export))
    for why in lost.values():
        typer.echo(f"impasto: {why}", err=True)
    steps = counted(len(course.state.history), "step")
    if signals.number is not None:
        typer.echo(
            f"Stopped after {steps}; the painter as it is now is in {output}. To continue, use "
            "the same command.",
            err=True,
        )
        return code_of(signals.number)
    if not quiet:
        typer.echo(f"Trained {output} in {duration(course.state.seconds)}: {steps}.")
    return FAILED if lost else DONE


def _watched(
    watcher: tuple[Path, Callable[[TrainingStep], None]],
    step: TrainingStep,
    lost: dict[Path, str],
) -> bool:
    """Call a watcher with a step; return whether it is called with the next one too."""
    path, call = watcher
    try:
        with interrupts.shielded():  # the training ends with its next step, which keeps the painter
            call(step)
    except (OSError, InputError) as error:
        note(f"{path} is not written from step {step.number} on: {reason(error)}.", with_error=True)
        lost[path] = f"{path} could not be written: {reason(error)}."
        return False
    return True


def _write_further(
    course: Course,
    painter: Painter,
    log: TrainingTrace | None,
    plot: Path | None,
    export: Path | None,
) -> dict[Path, str]:
    """Write what is written at the end; return why files could not be written, by path."""
    from impasto.painters import onnx
    from impasto.report.training import training_curves

    writes: dict[Path, Callable[[], None]] = {}
    if plot is not None and course.state.history:
        writes[plot] = partial(training_curves, course, plot)
    if export is not None:
        writes[export] = partial(onnx.export, painter, export)
    if log is not None:
        writes[log.path] = partial(log.close, course)
    lost: dict[Path, str] = {}
    for path, write in writes.items():
        try:
            write()
        except (OSError, ImpastoError, ValueError) as error:
            lost[path] = f"{path} could not be written: {reason(error)}."
    return lost
