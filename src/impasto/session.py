"""One run from the command line: what it leaves behind, what it tells, how it is stopped."""

from __future__ import annotations

import hashlib
import itertools
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import typer

from impasto.errors import ImpastoError, InputError
from impasto.files import CHECKPOINT_EVERY, check_folder, check_interval, check_writable

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.table import Table

    from impasto.forecast import Forecast
    from impasto.painter import Run
    from impasto.progress import Watcher
    from impasto.recipe import Recipe
    from impasto.result import Result, Step
    from impasto.styles import Style

DONE, FAILED, BAD_INPUT, STOPPED, TERMINATED = 0, 1, 2, 130, 143  # exit codes
STDERR = 2  # file descriptor
LONG = 180.0  # seconds, from which on a run is saved without being asked
MANY_PIXELS = 2e7  # looked at in all steps together, from which on the time is estimated first


@dataclass(frozen=True)
class Outputs:
    """What a run leaves behind and shows.

    Attributes:
        picture: the painting.
        bits: of the painting, a channel.
        metadata: whether a PNG carries recipe and inputs.
        montage: content, painting and styles in a row.
        plot: the losses over the steps.
        trace: every step as JSON lines.
        timelapse: the run as a moving picture.
        snapshots: folder for the canvas at step 1 and every 50th.
        show: watch the canvas in a window.
        quiet: print nothing but errors.
        checkpoint: file to which the run is saved; None to decide by how long it takes.
        checkpoint_every: seconds from one time to the next.
        temporary: whether the checkpoint is removed once the run is done.
    """

    picture: Path
    bits: int = 8
    metadata: bool = True
    montage: Path | None = None
    plot: Path | None = None
    trace: Path | None = None
    timelapse: Path | None = None
    snapshots: Path | None = None
    show: bool = False
    quiet: bool = False
    checkpoint: Path | None = None
    checkpoint_every: float = CHECKPOINT_EVERY
    temporary: bool = False

    def to_json(self) -> dict[str, Any]:
        """Itself as a checkpoint keeps it, with absolute paths."""
        return {
            name: str(value.absolute()) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Outputs:
        """What :meth:`to_json` gave."""
        paths = {field.name for field in fields(cls) if "Path" in str(field.type)}
        values: dict[str, Any] = {
            name: Path(value) if name in paths and value is not None else value
            for name, value in kept.items()
        }
        return cls(**values)

    @property
    def files(self) -> list[Path]:
        """Every file that will be written, but the snapshots."""
        named = (self.picture, self.montage, self.plot, self.trace, self.timelapse)
        return [path for path in named if path is not None]

    def check(self, inputs: tuple[Path, ...]) -> None:
        """Find out before the run what could not be written after it.

        Raises:
            InputError: a file could not be written, or is named twice.
        """
        from impasto import figures, images

        images.check_output(self.picture, bits=self.bits)
        if self.montage is not None:
            images.check_output(self.montage)
        if self.plot is not None:
            figures.check_figure(self.plot)
        if self.trace is not None:
            check_writable(self.trace)
        if self.timelapse is not None:
            from impasto.timelapse import check_timelapse

            check_timelapse(self.timelapse)
        if self.snapshots is not None:
            check_folder(self.snapshots)
        if self.show:
            from impasto.progress import check_display

            check_display()
        check_interval(self.checkpoint_every)
        if self.checkpoint is not None:
            check_writable(self.checkpoint)
        taken = {path.resolve(): "an input" for path in inputs}
        for path in [*self.files, *([self.checkpoint] if self.checkpoint else [])]:
            if path.resolve() in taken:
                raise InputError(
                    f"'{path}' is {taken[path.resolve()]} of this run too: choose another name."
                )
            taken[path.resolve()] = "another output"


def prepare(
    content: Path,
    styles: Sequence[Style] | Path | None,
    recipe: Recipe,
    outputs: Outputs,
    device: str = "auto",
    weights: str = "bundled",
    weights_input: str | None = None,
) -> Run:
    """Check and read everything."""
    from impasto import images
    from impasto.painter import Run

    run = Run(content, styles, recipe, device=device, weights=weights, weights_input=weights_input)
    images.check_output(outputs.picture, bits=outputs.bits, size=run.output_size)
    return run


def start(run: Run, outputs: Outputs, *, dry_run: bool = False) -> int:
    """Say what is about to be painted and what it will take, and paint; the exit code.

    Args:
        run: what is to be painted.
        outputs: what it leaves behind.
        dry_run: do not paint.
    """
    expected = expect(run, always=dry_run)
    if dry_run or not outputs.quiet:
        announce(run, expected)
    if dry_run:
        from rich.console import Console

        Console(stderr=True).print(_levels_table(run))
        return DONE
    return paint(run, keep(run, outputs, expected))


def announce(run: Run, expected: Forecast | None) -> None:
    """Say what is about to be painted, and what it will take."""
    from impasto import devices
    from impasto.forecast import cut

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
        f"Painting {content}{like}: {width}×{height} pixels{tiled}, "
        f"{run.recipe.steps} steps at {_levels(run)} {where}{_taking(expected)}.",
        err=True,
    )


def _levels_table(run: Run) -> Table:
    from rich.table import Table

    from impasto.forecast import cut

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
    from impasto.progress import duration

    if expected is None:
        return ""
    return f"; about {duration(expected.seconds)}, {expected.bytes / 1e9:.1f} GB"


def expect(run: Run, *, always: bool = False) -> Forecast | None:
    """What the run will take; None for a small one, which is over before it is worth asking."""
    from impasto.forecast import forecast, work

    return forecast(run) if always or work(run) > MANY_PIXELS else None


def keep(run: Run, outputs: Outputs, expected: Forecast | None) -> Outputs:
    """Have the run saved now and then, where the user asked for it or it will take long."""
    if outputs.checkpoint is None and expected is not None and expected.seconds > LONG:
        folder = platformdirs.user_cache_path("impasto") / "checkpoints"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            note(f"The run is not saved: {folder}: {error.strerror}. Use --checkpoint FILE.")
            return outputs
        file = _checkpoint_in(folder, outputs.picture)
        outputs = replace(outputs, checkpoint=file, temporary=True)
        if not outputs.quiet:
            typer.echo(f"If it is stopped, go on with: {_resume(file)}", err=True)
    if outputs.checkpoint is not None:
        run.save_to(outputs.checkpoint, outputs.checkpoint_every, outputs.to_json())
    return outputs


def _checkpoint_in(folder: Path, picture: Path) -> Path:
    """A checkpoint for that painting, beside those of runs that can still be gone on with."""
    from impasto.checkpoint import is_unfinished

    name = hashlib.sha256(str(picture.absolute()).encode()).hexdigest()[:12]
    for number in itertools.count(1):
        file = folder / f"{picture.stem[:40]}-{name}-{number}.impasto"
        if not is_unfinished(file):
            break
        note(f"An earlier run of {picture} was stopped, and is kept: {_resume(file)}")
    return file


def _resume(checkpoint: Path) -> str:
    """The command that goes on with a run."""
    return f"impasto resume {shlex.quote(str(checkpoint))}"


def take_up(checkpoint: Path, picture: Path | None, quiet: bool) -> tuple[Run, Outputs]:
    """The run that a checkpoint holds, and what it should leave behind.

    Raises:
        InputError: it cannot be gone on with, or what it should write cannot be written.
    """
    from impasto import images
    from impasto.painter import Run

    run = Run.resumed(checkpoint)
    assert run.saving is not None  # noqa: S101 – a resumed run is always saved
    if not run.saving.outputs and picture is None:
        raise InputError(
            f"The run in '{checkpoint}' was begun from Python and knows no output: name one with "
            "--output."
        )
    kept = {**run.saving.outputs, "quiet": quiet}
    if picture is not None:
        kept["picture"] = str(picture.absolute())
    outputs = _without_lost(replace(Outputs.from_json(kept), checkpoint=checkpoint))
    outputs.check(run.files)
    images.check_output(outputs.picture, bits=outputs.bits, size=run.output_size)
    run.save_to(checkpoint, outputs.checkpoint_every, outputs.to_json())
    if not quiet:
        done, steps = len(run.history), run.recipe.steps
        typer.echo(f"Going on after step {done} of {steps}: {outputs.picture}", err=True)
    return run, outputs


def _without_lost(outputs: Outputs) -> Outputs:
    """Without what cannot be written or shown any more, but for the painting itself."""
    bare = Outputs(outputs.picture, outputs.bits)
    bare.check(())
    for name in ("montage", "plot", "trace", "timelapse", "snapshots", "show"):
        try:
            replace(bare, **{name: getattr(outputs, name)}).check(())
        except InputError as error:
            note(f"Going on without --{name}. {error}")
            outputs = replace(outputs, **{name: getattr(bare, name)})
    return outputs


def paint(run: Run, outputs: Outputs) -> int:
    """Paint, write every output and say so; the exit code."""
    from impasto.progress import Trace
    from impasto.timelapse import Timelapse

    with _ask_before_ending(outputs.quiet) as asked, _watchers(run, outputs) as watchers:
        result = run.paint(_on_step(watchers, lambda: asked() is not None))
        saved = run.saving.path if run.saving else None
        try:
            result.save(outputs.picture, bits=outputs.bits, metadata=outputs.metadata)
            _write_figures(result, outputs)
        except (ImpastoError, OSError):
            if saved is not None:
                note(
                    f"What was painted is not lost: {_resume(saved)} -o ANOTHER.png",
                    with_error=True,
                )
            raise
        for watcher in watchers:
            if isinstance(watcher, Trace | Timelapse):
                watcher.done(result)
    if outputs.temporary and saved is not None and asked() is None:
        saved.unlink(missing_ok=True)
    return _tell(result, outputs, asked(), saved)


def fill_sheet(paint_sheet: Callable[..., Image], outputs: Outputs) -> int:
    """Paint a sheet, and write it as often as there is one more picture on it; the exit code.

    Args:
        paint_sheet: takes ``on_picture``, ``on_sheet`` and ``on_step``, as sweeps do.
        outputs: of which a sheet has the picture alone.
    """
    from impasto import images

    painted = 0

    def on_picture(number: int, count: int, name: str) -> None:
        if not outputs.quiet:
            typer.echo(f"{number} of {count}: {name}", err=True)

    def on_sheet(sheet: Image, number: int) -> None:
        nonlocal painted
        painted = number
        if number == 0:
            images.check_output(outputs.picture, size=sheet.size)
        else:
            images.save(sheet, outputs.picture)

    with _ask_before_ending(outputs.quiet) as asked:
        sheet = paint_sheet(
            on_picture=on_picture, on_sheet=on_sheet, on_step=lambda _: asked() is None
        )
    if asked() is not None:
        typer.echo(
            f"Stopped at picture {painted}; the sheet so far is in {outputs.picture}.", err=True
        )
    elif not outputs.quiet:
        width, height = sheet.size
        typer.echo(f"Painted {outputs.picture} ({width}×{height}).")
    return _code_of(asked())


def _on_step(watchers: list[Watcher], asked: Callable[[], bool]) -> Callable[[Step], bool]:
    def on_step(step: Step) -> bool:
        for watcher in list(watchers):
            try:
                watcher(step)
            except OSError as error:
                watchers.remove(watcher)
                reason = error.strerror or error
                note(f"{type(watcher).__name__} stopped at step {step.number}: {reason}.")
        return not asked()

    return on_step


@contextmanager
def _watchers(run: Run, outputs: Outputs) -> Iterator[list[Watcher]]:
    """Everything that looks on; one that fails is taken out, and the run goes on."""
    from rich.console import Console

    from impasto.progress import Bar, Lines, Snapshots, Trace, Window
    from impasto.timelapse import Timelapse

    watchers: list[Watcher] = []
    if outputs.trace is not None:
        watchers.append(Trace(outputs.trace, run))
    if outputs.timelapse is not None:
        watchers.append(Timelapse(outputs.timelapse))
    if outputs.snapshots is not None:
        watchers.append(Snapshots(outputs.snapshots))
    if outputs.show:
        watchers.append(Window())
    if outputs.quiet:
        yield watchers
        return
    console = Console(stderr=True)
    with (
        Bar(run.levels, console)
        if console.is_terminal and not console.is_dumb_terminal
        else Lines(run.levels, sys.stderr)
    ) as shown:
        for step in run.history:
            shown.account.take(step)
        yield [*watchers, shown]


def _write_figures(result: Result, outputs: Outputs) -> None:
    from impasto import figures, images

    if outputs.montage is not None:
        content, *styles = (
            images.to_uint8(picture.pixels)
            for picture in (result.inputs.content, *(read.picture for read in result.inputs.styles))
        )
        images.save(figures.montage([content, result.image, *styles]), outputs.montage)
    if outputs.plot is not None:
        figures.loss_curves(
            result.history,
            outputs.plot,
            alpha=result.recipe.alpha,
            beta=result.recipe.style_weight,
        )


def _tell(result: Result, outputs: Outputs, asked: int | None, saved: Path | None) -> int:
    from impasto.progress import duration

    last, best = result.history[-1], result.best
    written = ", ".join(str(path) for path in outputs.files)
    if asked is not None:
        typer.echo(
            f"Stopped at step {last.number}; the best picture so far, of step {best.number}, "
            f"is in {written}.",
            err=True,
        )
        if saved is not None:
            typer.echo(f"Go on with: {_resume(saved)}", err=True)
        return _code_of(asked)
    if result.stopped is not None:
        typer.echo(
            f"impasto: {result.stopped}; the best picture before it, of step {best.number}, is in "
            f"{written}. Try a smaller learning rate or smaller weights.",
            err=True,
        )
        return FAILED
    if not outputs.quiet:
        width, height = result.size
        typer.echo(
            f"Painted {written} ({width}×{height}) in {duration(last.seconds)}: "
            f"{last.number} steps, best loss {best.loss:.4e} at step {best.number}."
        )
    return DONE


def _code_of(asked: int | None) -> int:
    """The exit code of a run that was asked to end by that signal, or by none."""
    if asked is None:
        return DONE
    return TERMINATED if asked == signal.SIGTERM else STOPPED


@contextmanager
def _ask_before_ending(quiet: bool) -> Iterator[Callable[[], int | None]]:
    """Let the first Ctrl-C or SIGTERM end the run after its step, and only the second at once.

    Yields what tells the signal that asked, or None.
    """
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        if not quiet:
            _write_at_once("\nStopping after this step; Ctrl-C again gives the picture up.\n")

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked[0] if asked else None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _write_at_once(text: str) -> None:
    """Tell the user from a signal handler, which may have come in the midst of another line."""
    with suppress(OSError):
        os.write(STDERR, text.encode())


_notes_heard = [True]


def hear_notes(wanted: bool) -> None:
    """Whether notes are told from now on."""
    _notes_heard[0] = wanted


def note(text: str, *, with_error: bool = False) -> None:
    """Tell the user something that is no error, unless it is not to be heard.

    Args:
        text: the note.
        with_error: whether an error goes with it, which is told in any case.
    """
    if with_error or _notes_heard[0]:
        typer.echo(f"Note: {text}", err=True)
