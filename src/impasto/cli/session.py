"""A run from the command line: its outputs, what it prints, and how signals stop it."""

from __future__ import annotations

import hashlib
import itertools
import shlex
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import platformdirs
import typer
from pydantic import ValidationError

from impasto.cli.ending import DONE, FAILED, code_of, told_to_end
from impasto.cli.notes import note
from impasto.cli.watching import reason, watchers_of, write_figures
from impasto.errors import ImpastoError, InputError
from impasto.files.writing import check_writable, is_there
from impasto.messages.message import shown
from impasto.process import interrupts
from impasto.report.outputs import Outputs
from impasto.settings.loss_table import METHODS
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from impasto.run.estimate import Forecast
    from impasto.run.instant import InstantRun
    from impasto.run.prepared import Prepared
    from impasto.run.result import Result
    from impasto.run.run import Run
    from impasto.settings.recipe import Recipe
    from impasto.settings.style import Style

LONG = 180.0  # seconds; a longer run saves checkpoints without being asked
MANY_PIXELS = 2e7  # in all steps together; the time of a run with more is estimated first


def prepare(
    content: Path,
    styles: Sequence[Style] | Path | None,
    recipe: Recipe,
    outputs: Outputs,
    device: str = "auto",
    weights: str = "bundled",
    weights_input: str | None = None,
    threads: int | None = None,
) -> Prepared:
    """Check and read the inputs of a run, and check that its painting can be written."""
    from impasto.pictures import writers
    from impasto.run import either

    if either.paints_in_one_pass(recipe):
        if outputs.checkpoint is not None:
            raise InputError("instant.no-checkpoint")
        if outputs.plot is not None:
            raise InputError("instant.no-plot")
    run = either.prepare(
        content,
        styles,
        recipe,
        device=device,
        weights=weights,
        weights_input=weights_input,
        threads=threads,
    )
    writers.check_output(outputs.picture, bits=outputs.bits, size=run.output_size)
    return run


def start(run: Prepared, outputs: Outputs, *, dry_run: bool = False) -> int:
    """Print what will be painted and what it will take, then paint; return the exit code.

    Args:
        run: the run to paint.
        outputs: what the run writes and shows.
        dry_run: print only, and paint nothing.
    """
    from impasto.run.instant import InstantRun

    verb = "Would paint" if dry_run else "Painting"
    if isinstance(run, InstantRun):
        if dry_run or not outputs.quiet:
            announce_pass(run, verb)
        return DONE if dry_run else paint(run, outputs)
    return _start(cast("Run", run), outputs, verb, dry_run=dry_run)


def _start(run: Run, outputs: Outputs, verb: str, *, dry_run: bool) -> int:
    """Print what an optimisation will take, then paint."""
    expected = expect(run, always=dry_run)
    if dry_run or not outputs.quiet:
        announce(run, expected, verb)
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
    evaluator, cores = run.evaluator, len(cut(run, run.levels[-1]))
    tiled = f" in {cores} tiles of {evaluator.tiles[-1]}" if cores > 1 else ""
    where = f"in {evaluator.arithmetic.name} on {devices.describe(evaluator.device)}"
    typer.echo(
        f"{verb} {_pictures(run)}: {width}×{height} pixels{tiled}, "
        f"{counted(run.recipe.steps, 'step')} at {_levels(run)} {where}{_taking(expected)}.",
        err=True,
    )


def announce_pass(run: InstantRun, verb: str) -> None:
    """Print what one pass of a trained network will paint."""
    width, height = run.size
    typer.echo(f"{verb} {_pictures(run)}: {width}×{height} pixels in one pass.", err=True)


def _pictures(run: Prepared) -> str:
    """The content and the styles of a run, as in ``photo.jpg like oil.jpg``."""
    content, *styles = (
        str(file.path or file.name)
        for key, file in run.inputs.files.items()
        if key.split()[0] in ("content", "style") and "mask" not in key
    )
    others = [style for style in styles if style != content]  # a texture is its own content
    return f"{content} like {' and '.join(others)}" if others else content


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
            note(f"No checkpoint is saved: {folder}: {reason(error)}. Use --checkpoint FILE.")
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


def paint(run: Prepared, outputs: Outputs) -> int:
    """Paint, write every output and print the result; return the exit code."""
    with told_to_end(outputs.quiet) as signals, watchers_of(run, outputs) as watchers:
        result = run.paint(watchers)
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
    left = [path for path in outputs.files if path not in {*lost, *watchers.lost}]
    code = _tell(result, outputs.quiet, left, signals.number, saved)
    return code or (FAILED if lost else DONE)


def _save_painting(result: Result, outputs: Outputs, saved: Path | None) -> None:
    """Write the painting; if that fails, print the command that writes it elsewhere."""
    try:
        save_or_rescue(
            partial(result.save, bits=outputs.bits, metadata=outputs.metadata), outputs.picture
        )
    except (ImpastoError, OSError, MemoryError):
        if saved is not None:
            note(f"The painting is not lost: {_resume(saved)} -o ANOTHER.png", with_error=True)
        raise


def save_or_rescue(save: Callable[[Path], None], path: Path) -> None:
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
        return code_of(number)
    if result.stopped is not None:
        typer.echo(
            f"impasto: {result.stopped}; the best picture before it, from step {best.number}, "
            f"is in {written}{besides}. Try a smaller learning rate or smaller weights.",
            err=True,
        )
        return FAILED
    if not quiet:
        width, height = result.size
        how = (
            f"in one pass of {last.seconds:.1f} s"
            if METHODS[result.recipe.method].one_pass
            else f"in {duration(last.seconds)}: {counted(last.number, 'step')}, "
            f"best loss {best.loss:.4e} at step {best.number}"
        )
        typer.echo(f"Painted {written} ({width}×{height}) {how}{besides}.")
    return DONE
