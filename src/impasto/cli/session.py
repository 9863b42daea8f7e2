"""A run from the command line: its outputs, what it prints, and how signals stop it."""

from __future__ import annotations

import hashlib
import itertools
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import typer
from pydantic import ValidationError

from impasto.errors import ImpastoError, InputError, StoppedError
from impasto.files.reading import reason_of
from impasto.files.writing import check_writable, is_there
from impasto.messages.message import shown
from impasto.process import interrupts
from impasto.process.interrupts import ENDING, Signals
from impasto.report.outputs import Outputs
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from rich.table import Table

    from impasto.report.progress import Watcher
    from impasto.run.estimate import Forecast
    from impasto.run.result import Result, Step
    from impasto.run.run import Run
    from impasto.settings.recipe import Recipe
    from impasto.settings.style import Style

DONE, FAILED, BAD_INPUT = 0, 1, 2  # exit codes; 128 + its number if a signal stopped the run
STDERR = 2  # file descriptor
LONG = 180.0  # seconds; a longer run saves checkpoints without being asked
MANY_PIXELS = 2e7  # in all steps together; the time of a run with more is estimated first


class EndedError(ImpastoError):
    """A signal stopped the command before it had written a picture.

    Args:
        number: the number of the signal.

    Attributes:
        exit_code: the exit code of the process.
    """

    def __init__(self, number: int) -> None:
        super().__init__("command.stopped")
        self.exit_code = _code_of(number)


def prepare(
    content: Path,
    styles: Sequence[Style] | Path | None,
    recipe: Recipe,
    outputs: Outputs,
    device: str = "auto",
    weights: str = "bundled",
    weights_input: str | None = None,
) -> Run:
    """Check and read the inputs of a run, and check that its painting can be written."""
    from impasto.pictures import writers
    from impasto.run import prepare as runs

    run = runs.prepare(
        content, styles, recipe, device=device, weights=weights, weights_input=weights_input
    )
    writers.check_output(outputs.picture, bits=outputs.bits, size=run.output_size)
    return run


def start(run: Run, outputs: Outputs, *, dry_run: bool = False) -> int:
    """Print what will be painted and what it will take, then paint; return the exit code.

    Args:
        run: the run to paint.
        outputs: what the run writes and shows.
        dry_run: print only, and paint nothing.
    """
    expected = expect(run, always=dry_run)
    if dry_run or not outputs.quiet:
        announce(run, expected, "Would paint" if dry_run else "Painting")
    if dry_run:
        from rich.console import Console

        Console(stderr=True).print(_levels_table(run))
        return DONE
    return paint(run, keep(run, outputs, expected))


def announce(run: Run, expected: Forecast | None, verb: str = "Painting") -> None:
    """Print what will be painted, and what it will take."""
    from impasto.network import devices
    from impasto.run.estimate import cut

    width, height = run.size
    content, *styles = (
        str(file.path or file.name)
        for key, file in run.inputs.files.items()
        if key.split()[0] in ("content", "style") and "mask" not in key
    )
    evaluator, cores = run.evaluator, len(cut(run, run.levels[-1]))
    tiled = f" in {cores} tiles of {evaluator.tiles[-1]}" if cores > 1 else ""
    others = [style for style in styles if style != content]  # a texture is its own content
    like = f" like {' and '.join(others)}" if others else ""
    where = f"in {evaluator.arithmetic.name} on {devices.describe(evaluator.device)}"
    typer.echo(
        f"{verb} {content}{like}: {width}×{height} pixels{tiled}, "
        f"{counted(run.recipe.steps, 'step')} at {_levels(run)} {where}{_taking(expected)}.",
        err=True,
    )


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
    return "one size" if len(run.levels) == 1 else f"{len(run.levels)} sizes"


def _taking(expected: Forecast | None) -> str:
    from impasto.report.progress import duration

    if expected is None:
        return ""
    return f"; about {duration(expected.seconds)}, {expected.bytes / 1e9:.1f} GB"


def expect(run: Run, *, always: bool = False) -> Forecast | None:
    """The forecast of time and memory; None for a run too small to be worth estimating."""
    from impasto.run.estimate import forecast, work

    return forecast(run) if always or work(run) > MANY_PIXELS else None


def keep(run: Run, outputs: Outputs, expected: Forecast | None) -> Outputs:
    """Save checkpoints of the run if the user asked for them or the run will take long."""
    if outputs.checkpoint is None and expected is not None and expected.seconds > LONG:
        folder = platformdirs.user_cache_path("impasto") / "checkpoints"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = check_writable(_checkpoint_in(folder, outputs.picture))
        except (OSError, InputError) as error:
            note(f"No checkpoint is saved: {folder}: {_reason(error)}. Use --checkpoint FILE.")
            return outputs
        outputs = outputs.changed(checkpoint=file, temporary=True)
        if not outputs.quiet:
            typer.echo(f"To continue after an interruption: {_resume(file)}", err=True)
    if outputs.checkpoint is not None:
        from impasto.run.saving import save_to

        save_to(run, outputs.checkpoint, outputs.checkpoint_every, outputs.to_json())
    return outputs


def _checkpoint_in(folder: Path, picture: Path) -> Path:
    """A free path for a painting's checkpoint; unfinished runs keep theirs."""
    from impasto.run.checkpoint import is_unfinished

    name = hashlib.sha256(str(picture.absolute()).encode()).hexdigest()[:12]
    for number in itertools.count(1):
        file = folder / f"{picture.stem[:40]}-{name}-{number}.impasto"
        if not is_unfinished(file):
            break
        note(f"An earlier run of {picture} was interrupted; to continue it: {_resume(file)}")
    return file


def _resume(checkpoint: Path) -> str:
    """The command that continues a run."""
    return f"impasto resume {shlex.quote(str(checkpoint))}"


def take_up(
    checkpoint: Path, picture: Path | None, folder: Path | None, quiet: bool
) -> tuple[Run, Outputs]:
    """The run in a checkpoint, and its outputs.

    Args:
        checkpoint: the file.
        picture: another path for the painting; None for the path that the run started with.
        folder: the folder with the run's inputs, if they were moved; None if it was not given.
        quiet: print only errors.

    Raises:
        InputError: the run cannot be continued, or an output cannot be written.
    """
    from impasto.pictures import writers
    from impasto.run.resuming import resumed
    from impasto.run.saving import save_to

    run = resumed(checkpoint, folder)
    assert run.saving is not None  # noqa: S101 – a resumed run is always saved
    if not run.saving.outputs and picture is None:
        raise InputError("command.no-output", path=checkpoint)
    kept = {**run.saving.outputs, "quiet": quiet, "checkpoint": checkpoint}
    if picture is not None:
        kept["picture"] = picture.absolute()
    try:
        outputs = Outputs(**kept)
    except ValidationError:
        raise InputError("checkpoint.damaged", path=checkpoint) from None
    outputs = _without_lost(_moved_along(outputs, run.saving.came_from, checkpoint), run)
    outputs.check(run.files, run.recipe.steps)
    writers.check_output(outputs.picture, bits=outputs.bits, size=run.output_size)
    save_to(run, checkpoint, outputs.checkpoint_every, outputs.to_json())
    if not quiet:
        done, steps = len(run.history), run.recipe.steps
        goes_on = f"Continuing after step {done} of {steps}: {outputs.picture}"
        ended = f"The run is already finished; its painting is written again: {outputs.picture}"
        typer.echo(ended if run.is_done else goes_on, err=True)
    return run, outputs


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
    bare = Outputs(picture=outputs.picture, bits=outputs.bits)
    bare.check(run.files, run.recipe.steps)
    for name in ("montage", "plot", "trace", "timelapse", "snapshots", "show"):
        try:
            bare.changed(**{name: getattr(outputs, name)}).check(run.files, run.recipe.steps)
        except InputError as error:
            note(f"Continuing without --{name}. {error}")
            outputs = outputs.changed(**{name: getattr(bare, name)})
    return outputs


def paint(run: Run, outputs: Outputs) -> int:
    """Paint, write every output and print the result; return the exit code."""
    with _told_to_end(outputs.quiet) as signals, _watchers(run, outputs) as watchers:
        result = run.paint(watchers)
        saved = run.saving.path if run.saving else None
        with interrupts.shielded():
            _save_painting(result, outputs, saved)
            signals.be_deaf()
            lost = {**_write_figures(result, outputs), **watchers.done(result)}
    if outputs.temporary and saved is not None and signals.number is None:
        with suppress(OSError):
            saved.unlink()
    for reason in lost.values():
        typer.echo(f"impasto: {reason}", err=True)
    left = [path for path in outputs.files if path not in {*lost, *watchers.lost}]
    code = _tell(result, outputs.quiet, left, signals.number, saved)
    return code or (FAILED if lost else DONE)


def _save_painting(result: Result, outputs: Outputs, saved: Path | None) -> None:
    """Write the painting; if that fails, print the command that writes it elsewhere."""
    try:
        _save(partial(result.save, bits=outputs.bits, metadata=outputs.metadata), outputs.picture)
    except (ImpastoError, OSError, MemoryError):
        if saved is not None:
            note(f"The painting is not lost: {_resume(saved)} -o ANOTHER.png", with_error=True)
        raise


def _save(save: Callable[[Path], None], path: Path) -> None:
    """Write a picture; if that fails, write it to a temporary folder and print where.

    Raises:
        InputError: the picture cannot be written to the path.
        OSError: writing failed.
        MemoryError: there is not enough memory to write the picture.
    """
    try:
        save(path)
    except (ImpastoError, OSError, MemoryError):
        with suppress(ImpastoError, OSError, MemoryError):
            rescued = Path(tempfile.mkdtemp(prefix="impasto-"), path.name)
            save(rescued)
            note(f"The painting is in {shown(rescued)}.", with_error=True)
        raise


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

    with _told_to_end(outputs.quiet) as signals:
        sheet = paint_sheet(on_picture=on_picture, on_sheet=on_sheet)
        if painted:
            with interrupts.shielded():
                _save(partial(writers.save, sheet), outputs.picture)
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
    return _code_of(signals.number)


class Watchers:
    """The watchers of a run; one that fails is reported and removed, and the run continues.

    Args:
        several: each is called with every step; its method ``done``, if it has one, is called with
            the result.

    Attributes:
        lost: the files of the watchers that were removed.
    """

    def __init__(self, several: Sequence[Watcher]) -> None:
        self._left = list(several)
        self.lost: set[Path] = set()

    def __call__(self, step: Step) -> None:
        """Call every watcher with a step."""
        for watcher in list(self._left):
            try:
                watcher(step)
            except StoppedError:
                raise
            except Exception as error:
                self._left.remove(watcher)
                self.lost.update(_files_of(watcher))
                name = " ".join([type(watcher).__name__, *map(shown, _files_of(watcher))])
                reason = f"{name} stopped at step {step.number}: {_reason(error)}."
                note(reason, with_error=True)

    def done(self, result: Result) -> dict[Path, str]:
        """Call the ``done`` of every watcher; return why files could not be written, by path."""
        lost: dict[Path, str] = {}
        for watcher in self._left:
            try:
                getattr(watcher, "done", lambda _: None)(result)
            except Exception as error:
                lost.update(_lost(path, error) for path in _files_of(watcher))
        return lost


def _files_of(watcher: Watcher) -> list[Path]:
    """The file that a watcher writes, if any."""
    path = getattr(watcher, "path", None)
    return [] if path is None else [path]


def _lost(path: Path, error: Exception) -> tuple[Path, str]:
    return path, f"{shown(path)} could not be written: {_reason(error)}."


def _reason(error: Exception) -> str:
    """The reason for an error, as the end of a sentence."""
    return " ".join(str(reason_of(error)).split()).rstrip(".")


@contextmanager
def _watchers(run: Run, outputs: Outputs) -> Iterator[Watchers]:
    """A context that gives the watchers of a run."""
    from rich.console import Console

    from impasto.report.progress import Bar, Lines, Snapshots, Trace, Window
    from impasto.report.timelapse import Timelapse

    with ExitStack() as stack:
        watchers: list[Watcher] = []
        if outputs.trace is not None:
            watchers.append(stack.enter_context(Trace(outputs.trace, run)))
        if outputs.timelapse is not None:
            watchers.append(Timelapse(outputs.timelapse))
        if outputs.snapshots is not None:
            watchers.append(Snapshots(outputs.snapshots))
        if outputs.show:
            watchers.append(Window())
        if not outputs.quiet:
            console = Console(stderr=True)
            draws = console.is_terminal and not console.is_dumb_terminal
            told: Bar | Lines = Bar(run.levels, console) if draws else Lines(run.levels, sys.stderr)
            stack.enter_context(told)
            for step in run.history:
                told.account.take(step)
            watchers.append(told)
        yield Watchers(watchers)


def _write_figures(result: Result, outputs: Outputs) -> dict[Path, str]:
    """Write the montage and the plot; return why files could not be written, by path."""
    lost: dict[Path, str] = {}
    for path, write in ((outputs.montage, _write_montage), (outputs.plot, _write_plot)):
        if path is None:
            continue
        try:
            write(result, path)
        except Exception as error:
            lost.update([_lost(path, error)])
    return lost


def _write_montage(result: Result, path: Path) -> None:
    from impasto.pictures import arrays, montage, writers

    content, *styles = (
        arrays.to_uint8(picture.pixels)
        for picture in (result.inputs.content, *(read.picture for read in result.inputs.styles))
    )
    writers.save(montage.montage([content, result.image, *styles]), path)


def _write_plot(result: Result, path: Path) -> None:
    from impasto.report import figures

    recipe = result.recipe
    figures.loss_curves(result.history, path, alpha=recipe.alpha, beta=recipe.style_weight)


def _tell(
    result: Result, quiet: bool, files: Sequence[Path], number: int | None, saved: Path | None
) -> int:
    """Print how a run ended and where its picture is; return the exit code."""
    from impasto.report.progress import duration

    last, best = result.history[-1], result.best
    written = str(files[0])
    besides = f"; also written: {', '.join(map(str, files[1:]))}" if files[1:] else ""
    if number is not None:
        typer.echo(
            f"Stopped at step {last.number}; the best picture so far, from step {best.number}, "
            f"is in {written}{besides}.",
            err=True,
        )
        if saved is not None:
            typer.echo(f"To continue: {_resume(saved)}", err=True)
        return _code_of(number)
    if result.stopped is not None:
        typer.echo(
            f"impasto: {result.stopped}; the best picture before it, from step {best.number}, "
            f"is in {written}{besides}. Try a smaller learning rate or smaller weights.",
            err=True,
        )
        return FAILED
    if not quiet:
        width, height = result.size
        typer.echo(
            f"Painted {written} ({width}×{height}) in {duration(last.seconds)}: "
            f"{counted(last.number, 'step')}, best loss {best.loss:.4e} at step {best.number}"
            f"{besides}."
        )
    return DONE


def _code_of(number: int | None) -> int:
    """The exit code of a run that was stopped by a signal; None for no signal."""
    return DONE if number is None else 128 + number


@contextmanager
def _told_to_end(quiet: bool) -> Iterator[Signals]:
    """A context in which the first Ctrl-C, SIGTERM or SIGHUP asks the run to stop.

    The run then keeps its best picture; a second signal stops it immediately.

    Raises:
        EndedError: there was no picture to keep yet, or a second signal came.
    """
    told = partial(
        _write_at_once, "\nStopping and keeping the best picture; Ctrl-C again discards it.\n"
    )
    with Signals(*ENDING) as signals, signals.asking(lambda: None if quiet else told()):
        try:
            yield signals
        except (KeyboardInterrupt, StoppedError):
            if signals.number is None:
                raise
            raise EndedError(signals.number) from None


def _write_at_once(text: str) -> None:
    """Print from a signal handler, which may run while another line is being printed."""
    with suppress(OSError):
        os.write(STDERR, text.encode())


_notes_heard = [True]


def hear_notes(wanted: bool) -> None:
    """Print notes from now on, or print none."""
    _notes_heard[0] = wanted


def note(text: str, *, with_error: bool = False) -> None:
    """Print a note, which is not an error, unless notes are turned off.

    Args:
        text: the note.
        with_error: whether the note belongs to an error, and is printed even if notes are off.
    """
    if with_error or _notes_heard[0]:
        typer.echo(f"Note: {text}", err=True)
