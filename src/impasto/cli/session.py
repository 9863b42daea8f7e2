"""A run from the command line: its outputs, what it prints, and how signals stop it."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import platformdirs
import typer
from pydantic import BaseModel, ValidationError

from impasto.cli import pipes
from impasto.cli.ending import DONE, FAILED, code_of, told_to_end
from impasto.cli.notes import note
from impasto.cli.streams import was_closed
from impasto.cli.uncollected import uncollected
from impasto.cli.watching import reason, watchers_of, write_figures
from impasto.errors import ImpastoError, InputError, RunError
from impasto.files.reading import reason_of
from impasto.files.writing import check_writable, is_there
from impasto.messages.message import Message, shown
from impasto.process import interrupts
from impasto.report.outputs import Outputs
from impasto.settings.loss_table import METHODS
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from impasto.pictures import images
    from impasto.run.estimate import Forecast
    from impasto.run.instant import InstantRun
    from impasto.run.prepared import Prepared
    from impasto.run.result import OnStep, Result, Step
    from impasto.run.run import Run
    from impasto.run.workplace import Workplace
    from impasto.settings.recipe import Recipe
    from impasto.settings.style import Style

LONG = 180.0  # seconds; a longer run saves checkpoints without being asked
MANY_PIXELS = 2e7  # in all steps together; the time of a run with more is estimated first
_FLAGS: ContextVar[tuple[str, ...]] = ContextVar("flags", default=())  # to continue a run with


def prepare(
    content: images.Source,
    styles: Sequence[Style] | Path | None,
    recipe: Recipe,
    outputs: Outputs,
    device: str = "auto",
    weights: str = "bundled",
    weights_input: str | None = None,
    threads: int | None = None,
    workplace: Workplace | None = None,
) -> Prepared:
    """Check and read the inputs of a run, and check that its painting can be written.

    With a workplace, the canvases and their optimiser are on the CPU of this machine.
    """
    from impasto.run import either

    if either.paints_in_one_pass(recipe):
        if outputs.checkpoint is not None:
            raise InputError("instant.no-checkpoint")
        if outputs.plot is not None:
            raise InputError("instant.no-plot")
    else:
        with uncollected():
            import impasto.run.prepare  # noqa: F401 – with PyTorch
    run = either.prepare(
        content,
        styles,
        recipe,
        device=device if workplace is None else "cpu",
        weights=weights,
        weights_input=weights_input,
        threads=threads,
        workplace=workplace,
    )
    outputs.check_picture(run.output_size)
    return run


def start(
    run: Prepared,
    outputs: Outputs,
    *,
    dry_run: bool = False,
    also: Sequence[Path] = (),
    foretell: Callable[[Run], None] | None = None,
) -> int:
    """Print what will be painted and what it will take, then paint; return the exit code.

    Args:
        run: the run to paint.
        outputs: what the run writes and shows.
        dry_run: print only, on standard output, and paint nothing.
        also: files that the command has already written.
        foretell: prints what a dry run tells besides.
    """
    from impasto.run.instant import InstantRun

    to_stderr = not dry_run or outputs.document
    if isinstance(run, InstantRun):
        if dry_run or not outputs.quiet:
            announce_pass(run, _verb(dry_run), to_stderr=to_stderr)
        if dry_run and outputs.document:
            from impasto.report import documents

            show_document(documents.plan_of_pass(run, outputs))
        return DONE if dry_run else paint(run, outputs, also)
    return _start(cast("Run", run), outputs, also, foretell if dry_run else None, dry_run=dry_run)


def _verb(dry_run: bool) -> str:
    return "Would paint" if dry_run else "Painting"


def _start(
    run: Run,
    outputs: Outputs,
    also: Sequence[Path],
    foretell: Callable[[Run], None] | None,
    *,
    dry_run: bool,
) -> int:
    """Print what an optimisation will take, then paint."""
    expected = expect(run, always=dry_run)
    if dry_run or not outputs.quiet:
        announce(run, expected, dry_run=dry_run, to_stderr=not dry_run or outputs.document)
    if dry_run:
        from rich.console import Console

        from impasto.run.workplace import HERE

        Console(stderr=outputs.document).print(_levels_table(run))
        if foretell is not None and run.evaluator.workplace is not HERE:
            foretell(run)
        if outputs.document and expected is not None:
            from impasto.report import documents

            show_document(documents.plan(run, outputs, expected))
        return DONE
    return paint(run, keep(run, outputs, expected), also)


def announce(
    run: Run, expected: Forecast | None, *, dry_run: bool = False, to_stderr: bool = True
) -> None:
    """Print what will be painted, and what it will take; it is the answer of a dry run."""
    from impasto.network import devices
    from impasto.run.estimate import cut
    from impasto.run.workplace import HERE

    width, height = run.size
    evaluator, cores = run.evaluator, len(cut(run, run.levels[-1]))
    tiled = f" in {cores} tiles of {evaluator.tiles[-1]}" if cores > 1 else ""
    is_here = evaluator.workplace is HERE
    workers = f"{counted(evaluator.workers, 'worker')} of the cluster"
    where = devices.describe(evaluator.device) if is_here else workers
    typer.echo(
        f"{_verb(dry_run)} {_pictures(run)}: {width}×{height} pixels{tiled}, "
        f"{counted(run.recipe.steps, 'step')} at {_levels(run)} "
        f"in {evaluator.arithmetic.name} on {where}{_taking(expected)}.",
        err=to_stderr,
    )


def announce_pass(run: InstantRun, verb: str, *, to_stderr: bool = True) -> None:
    """Print what one pass of a trained network will paint."""
    width, height = run.size
    text = f"{verb} {_pictures(run)}: {width}×{height} pixels in one pass."
    typer.echo(text, err=to_stderr)


def _pictures(run: Prepared) -> str:
    """The content and the styles of a run, as in ``photo.jpg in the style of oil.jpg``."""
    content, *styles = (
        str(file.path or "standard input")
        for key, file in run.inputs.files.items()
        if key.split()[0] in ("content", "style") and "mask" not in key
    )
    others = [style for style in styles if style != content]  # a texture is its own content
    return f"{content} in the style of {' and '.join(others)}" if others else content


def _levels_table(run: Run) -> Table:
    from rich.table import Table

    from impasto.run.estimate import cut

    table = Table(title="Levels", title_justify="left")
    for heading in ("Canvas", "Style picture", "Steps", "Tiles"):
        table.add_column(heading, justify="right")
    for level in run.levels:
        table.add_row(
            "×".join(map(str, level.size)),
            ", ".join("×".join(map(str, size)) for size in level.style_sizes),
            str(level.steps),
            str(len(cut(run, level))),
        )
    return table


def _levels(run: Run) -> str:
    return "one level" if len(run.levels) == 1 else f"{len(run.levels)} levels"


def _taking(expected: Forecast | None) -> str:
    from impasto.run.showing import estimate

    if expected is None:
        return ""
    return f"; about {estimate(expected.seconds)}, {expected.bytes / 1e9:.1f} GB"


def expect(run: Run, *, always: bool = False) -> Forecast | None:
    """The forecast of time and memory; None for a run too small to be worth estimating."""
    from impasto.run.estimate import forecast, work

    return forecast(run) if always or work(run) > MANY_PIXELS else None


def keep(run: Run, outputs: Outputs, expected: Forecast | None) -> Outputs:
    """Save checkpoints of the run if the user asked for them or the run will take long."""
    if outputs.checkpoint is None and expected is not None and expected.seconds > LONG:
        return _keep_in_cache(run, outputs)
    return _saved_to_checkpoint(run, outputs)


def _keep_in_cache(run: Run, outputs: Outputs) -> Outputs:
    """Save checkpoints of the run in the cache folder, if that is possible."""
    if any(file.path is None for file in run.inputs.files.values()):
        note("No checkpoint is saved, since a picture comes from standard input.")
        return outputs
    folder = platformdirs.user_cache_path("impasto") / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = check_writable(_checkpoint_in(folder, outputs.picture or Path("painting")))
    except (OSError, InputError) as error:
        note(f"No checkpoint is saved: {folder}: {reason(error)}. Use --checkpoint FILE.")
        return outputs
    if not outputs.quiet:
        typer.echo(f"To continue after an interruption: {resume_command(file)}", err=True)
    return _saved_to_checkpoint(run, outputs.changed(checkpoint=file, temporary=True))


def _saved_to_checkpoint(run: Run, outputs: Outputs) -> Outputs:
    if outputs.checkpoint is not None:
        from impasto.run.saving import save_to

        save_to(run, outputs.checkpoint, outputs.checkpoint_every, outputs.to_json())
    return outputs


class _Keeper:
    """Saves a run that takes longer than was expected, from the step on at which that shows.

    Args:
        run: the run.
        outputs: what it writes.
        watchers: are called with every step.

    Attributes:
        outputs: what the run writes, with the checkpoint.
    """

    def __init__(self, run: Prepared, outputs: Outputs, watchers: OnStep) -> None:
        self.run, self.outputs, self._watchers = run, outputs, watchers
        self._may_begin = run.saving is None and not METHODS[run.recipe.method].one_pass

    def __call__(self, step: Step) -> bool | None:
        """Begin to save the run if it has taken long."""
        if self._may_begin and step.seconds > LONG:
            self._may_begin = False
            self.outputs = _keep_in_cache(cast("Run", self.run), self.outputs)
        return self._watchers(step)


def _checkpoint_in(folder: Path, picture: Path) -> Path:
    """A free path for a painting's checkpoint; unfinished runs keep theirs."""
    from impasto.run.checkpoint import is_unfinished

    name = hashlib.sha256(str(picture.absolute()).encode()).hexdigest()[:12]
    for number in itertools.count(1):
        file = folder / f"{picture.stem[:40]}-{name}-{number}.impasto"
        if not is_unfinished(file):
            break
        note(f"An earlier run of {picture} was interrupted; to continue it: {resume_command(file)}")
    return file


@contextmanager
def continued_with(flags: Sequence[str]) -> Iterator[None]:
    """A context in which the commands that are printed to continue a run have some flags."""
    token = _FLAGS.set(tuple(flags))
    try:
        yield
    finally:
        _FLAGS.reset(token)


def command_line(words: Sequence[str]) -> str:
    """A command as it is typed in the usual shell of the system."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def resume_command(checkpoint: Path) -> str:
    """The command that continues a run."""
    return command_line(["impasto", "resume", *_FLAGS.get(), str(checkpoint)])


def take_up(
    checkpoint: Path,
    picture: Path | None,
    folder: Path | None,
    *,
    format: str | None = None,
    quality: int | None = None,
    quiet: bool = False,
    document: bool = False,
    workplace: Workplace | None = None,
) -> tuple[Run, Outputs]:
    """The run in a checkpoint, and its outputs.

    Args:
        checkpoint: the file.
        picture: another path for the painting, which may be ``-``; None for the path that the run
            started with.
        folder: the folder with the run's inputs, if they were moved; None if it was not given.
        format: another format of the painting; None for that of the run, unless ``picture`` is
            given.
        quality: another quality; None for that of the run, unless the format has none.
        quiet: print only errors.
        document: print the result as a JSON document.
        workplace: where the losses are computed; None for this machine.

    Raises:
        InputError: the run cannot be continued, or an output cannot be written.
    """
    with uncollected():
        from impasto.run.resuming import resumed
        from impasto.run.saving import save_to
        from impasto.run.workplace import HERE

    run = resumed(checkpoint, folder, workplace or HERE)
    assert run.saving is not None  # noqa: S101 – a resumed run is always saved
    if not run.saving.outputs and picture is None:
        raise InputError("command.no-output", path=checkpoint)
    kept = {**run.saving.outputs, "quiet": quiet, "checkpoint": checkpoint, "document": document}
    kept.update(_another(kept, picture, format, quality, document=document))
    try:
        outputs = Outputs(**kept)
    except ValidationError:
        raise InputError("checkpoint.damaged", path=checkpoint) from None
    outputs = _without_lost(_moved_along(outputs, run.saving.came_from, checkpoint), run)
    outputs.check(run.files, run.recipe.steps)
    outputs.check_picture(run.output_size)
    save_to(run, checkpoint, outputs.checkpoint_every, outputs.to_json())
    if not quiet:
        done, steps = len(run.history), run.recipe.steps
        to = called(outputs.picture)
        goes_on = f"Continuing after step {done} of {steps}: {to}"
        ended = f"The run is already finished; its painting is written again: {to}"
        typer.echo(ended if run.is_done else goes_on, err=True)
    return run, outputs


def _another(
    kept: dict[str, Any],
    picture: Path | None,
    format: str | None,
    quality: int | None,
    *,
    document: bool,
) -> dict[str, Any]:
    """What changes of a run's outputs if its painting is written elsewhere, or in another form."""
    from impasto.pictures import writers

    changed: dict[str, Any] = {}
    if picture is not None:
        path = pipes.output_of(picture, document=document)
        form = format or ("png" if path is None else None)
        changed = {"picture": path, "format": form}
        if not writers.has_quality(path, form):
            changed["quality"] = None
    elif kept.get("picture", "") is None:
        pipes.output_of(pipes.DASH, document=document)
    given = {"format": format, "quality": quality}
    return {**changed, **{name: value for name, value in given.items() if value is not None}}


def _moved_along(outputs: Outputs, folder: Path | None, checkpoint: Path) -> Outputs:
    """The outputs, moved along with the checkpoint if their old folders no longer exist."""
    from impasto.run.checkpoint import moved

    if folder is None:
        return outputs
    paths = {
        name: moved(path, folder, checkpoint)
        for name, path in outputs
        if isinstance(path, Path) and path != checkpoint and not is_there(path.parent)
    }
    return outputs.changed(**{name: path for name, path in paths.items() if is_there(path.parent)})


def _without_lost(outputs: Outputs, run: Run) -> Outputs:
    """The outputs without those that can no longer be written or shown, except the painting."""
    bare = Outputs(picture=outputs.picture, **outputs.form)
    bare.check(run.files, run.recipe.steps)
    for name in ("montage", "plot", "trace", "timelapse", "snapshots", "show"):
        try:
            bare.changed(**{name: getattr(outputs, name)}).check(run.files, run.recipe.steps)
        except InputError as error:
            note(f"Continuing without --{name}. {error}")
            outputs = outputs.changed(**{name: getattr(bare, name)})
    return outputs


def paint(run: Prepared, outputs: Outputs, also: Sequence[Path] = ()) -> int:
    """Paint, write every output and print the result; return the exit code.

    Args:
        run: the run to paint.
        outputs: what the run writes and shows.
        also: files that the command has already written, to be named with the outputs.
    """
    # Until its only step is done, one pass has no picture that a notice could promise to keep.
    is_silent = outputs.quiet or METHODS[run.recipe.method].one_pass
    with told_to_end(is_silent) as signals, watchers_of(run, outputs) as watchers:
        keeper = _Keeper(run, outputs, watchers)
        result = run.paint(keeper)
        outputs = keeper.outputs
        saved = run.saving.path if run.saving else None
        with interrupts.shielded():
            _save_painting(result, outputs, saved)
            signals.be_deaf()
            lost = {**write_figures(result, outputs), **watchers.done(result)}
    if outputs.temporary and saved is not None and signals.number is None:
        with suppress(OSError):
            saved.unlink()
    for why in lost.values():
        typer.echo(f"impasto: {why}", err=True)
    gone = {*lost, *watchers.lost}
    folders = [outputs.snapshots] if outputs.snapshots is not None else []
    besides = [
        path
        for path in (*outputs.files, *folders, *also)
        if path != outputs.picture and path not in gone
    ]
    code = _tell(result, outputs, besides, signals.number, saved, _enlarged_from(run, result))
    if outputs.document:
        from impasto.report import documents

        show_document(documents.painting(run, result, outputs, besides, sorted(gone)))
    return code or (FAILED if lost else DONE)


def _save_painting(result: Result, outputs: Outputs, saved: Path | None) -> None:
    """Write the painting; if that fails, print the command that writes it elsewhere."""
    try:
        save_or_rescue(
            partial(result.save, metadata=outputs.metadata, **outputs.form),
            outputs.picture,
            outputs.form["format"],
        )
    except (ImpastoError, OSError, MemoryError):
        if saved is not None:
            note(
                f"The painting is not lost: {resume_command(saved)} -o ANOTHER.png", with_error=True
            )
        raise


def save_or_rescue(save: Callable[..., None], path: Path | None, format: str | None = None) -> None:
    """Write a picture; if that fails, write it to a temporary folder and print where.

    Args:
        save: writes the picture to a path or a binary stream.
        path: the path; None for standard output.
        format: the format of the picture; None for that of the path's suffix.

    Raises:
        InputError: the picture cannot be written to the path.
        RunError: standard output is closed or full.
        OSError: writing failed.
        MemoryError: there is not enough memory to write the picture.
    """
    try:
        pipes.save_to(save, path)
    except (ImpastoError, OSError, MemoryError):
        with suppress(ImpastoError, OSError, MemoryError):
            rescued = Path(
                tempfile.mkdtemp(prefix="impasto-"), path.name if path else f"painting.{format}"
            )
            save(rescued)
            note(f"The painting is in {shown(rescued)}.", with_error=True)
        raise


def _tell(
    result: Result,
    outputs: Outputs,
    also_written: Sequence[Path],
    number: int | None,
    saved: Path | None,
    enlarged: str,
) -> int:
    """Print how a run ended and where its picture is; return the exit code."""
    from impasto.run.showing import duration

    last, best = result.history[-1], result.best
    written = called(outputs.picture)
    besides = f"; also written: {', '.join(map(str, also_written))}" if also_written else ""
    one_pass = METHODS[result.recipe.method].one_pass
    if number is not None:
        what = (
            "Stopped after the pass; its picture"
            if one_pass
            else f"Stopped at step {last.number}; the best picture so far, from step {best.number}"
            f"{enlarged},"
        )
        typer.echo(f"{what} is in {written}{besides}.", err=True)
        if saved is not None:
            typer.echo(f"To continue: {resume_command(saved)}", err=True)
        return code_of(number)
    if result.stopped is not None:
        typer.echo(
            f"impasto: {result.stopped}; the best picture before it, from step {best.number}, "
            f"is in {written}{besides}. Try a smaller learning rate or smaller weights.",
            err=True,
        )
        return FAILED
    if not outputs.quiet:
        width, height = result.size
        how = (
            f"in one pass of {last.seconds:.1f} s"
            if one_pass
            else f"in {duration(last.seconds)}: {counted(last.number, 'step')}, "
            f"best loss {best.loss:.4e} at step {best.number}"
        )
        done = "Wrote the painting to" if outputs.picture is None else "Painted"
        typer.echo(
            f"{done} {written} ({width}×{height}) {how}{besides}.",
            err=outputs.picture is None or outputs.document,
        )
    return DONE


def _enlarged_from(run: Prepared, result: Result) -> str:
    """How a picture of a coarse level came to its size."""
    width, height = run.levels[result.best.level - 1].size
    is_coarse = (width, height) != run.size
    return f" and enlarged from {width}×{height} pixels" if is_coarse else ""


def show_document(document: BaseModel) -> None:
    """Print a JSON document, the only thing that a command with ``--json`` prints on stdout.

    It is ASCII, and so UTF-8, whatever the encoding of standard output.

    Raises:
        RunError: standard output is closed or full.
    """
    typer.echo(json.dumps(document.model_dump(mode="json"), indent=2))
    failure: Exception | None = getattr(sys.stdout, "failure", None)
    if was_closed(pipes.STDOUT):
        raise RunError("pipe.no-document", reason=Message("pipe.closed"))
    if failure is not None:
        raise RunError("pipe.no-document", reason=reason_of(failure))


def called(picture: Path | None) -> str:
    """The path of a painting in a sentence."""
    return "standard output" if picture is None else str(picture)
