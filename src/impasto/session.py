"""One run from the command line: what it leaves behind, what it tells, how it is stopped."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from impasto.errors import InputError
from impasto.files import check_folder, check_writable

if TYPE_CHECKING:
    from impasto.painter import Result, Run, Step
    from impasto.progress import Watcher
    from impasto.recipe import Recipe

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130  # exit codes


@dataclass(frozen=True)
class Outputs:
    """What a run leaves behind and shows.

    Attributes:
        picture: the painting.
        bits: of the painting, a channel.
        metadata: whether a PNG carries recipe and inputs.
        montage: content, painting and style in a row.
        plot: the losses over the steps.
        trace: every step as JSON lines.
        snapshots: folder for the canvas at step 1 and every 50th.
        show: watch the canvas in a window.
        quiet: print nothing but errors.
    """

    picture: Path
    bits: int = 8
    metadata: bool = True
    montage: Path | None = None
    plot: Path | None = None
    trace: Path | None = None
    snapshots: Path | None = None
    show: bool = False
    quiet: bool = False

    @property
    def files(self) -> list[Path]:
        """Every file that will be written whole, or line by line, but the snapshots."""
        named = (self.picture, self.montage, self.plot, self.trace)
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
        if self.snapshots is not None:
            check_folder(self.snapshots)
        if self.show:
            from impasto.progress import check_display

            check_display()
        taken = {path.resolve(): "an input" for path in inputs}
        for path in self.files:
            if path.resolve() in taken:
                raise InputError(
                    f"'{path}' is {taken[path.resolve()]} of this run too: choose another name."
                )
            taken[path.resolve()] = "another output"


def prepare(
    content: Path,
    style: Path,
    recipe: Recipe,
    outputs: Outputs,
    device: str = "auto",
    weights: str = "bundled",
    weights_input: str | None = None,
) -> Run:
    """Check and read everything, and say what is about to be painted."""
    from impasto import devices, images
    from impasto.painter import Run

    run = Run(content, style, recipe, device=device, weights=weights, weights_input=weights_input)
    images.check_output(outputs.picture, bits=outputs.bits, size=run.output_size)
    if not outputs.quiet:
        width, height = run.size
        typer.echo(
            f"Painting {content} like {style}: {width}×{height} pixels, "
            f"{recipe.steps} steps at {_levels(run)} in {run.arithmetic.name} on "
            f"{devices.describe(run.device)}.",
            err=True,
        )
    return run


def _levels(run: Run) -> str:
    return "one size" if len(run.levels) == 1 else f"{len(run.levels)} sizes"


def paint(run: Run, outputs: Outputs) -> int:
    """Paint, write every output and say so; the exit code."""
    from impasto.progress import Trace

    with _ask_before_ending(outputs.quiet) as asked, _watchers(run, outputs) as watchers:
        result = run.paint(_on_step(watchers, asked))
        result.save(outputs.picture, bits=outputs.bits, metadata=outputs.metadata)
        _write_figures(result, outputs)
        for watcher in watchers:
            if isinstance(watcher, Trace):
                watcher.done(result)
    return _tell(result, outputs, asked())


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

    watchers: list[Watcher] = []
    if outputs.trace is not None:
        watchers.append(Trace(outputs.trace, run))
    if outputs.snapshots is not None:
        watchers.append(Snapshots(outputs.snapshots))
    if outputs.show:
        watchers.append(Window())
    if outputs.quiet:
        yield watchers
        return
    console = Console(stderr=True)
    with (
        Bar(run.levels, console) if console.is_terminal else Lines(run.levels, sys.stderr)
    ) as shown:
        yield [*watchers, shown]


def _write_figures(result: Result, outputs: Outputs) -> None:
    from impasto import figures, images

    if outputs.montage is not None:
        content, style = (
            images.to_uint8(picture.pixels) for picture in (result.content, result.style)
        )
        images.save(figures.montage([content, result.image, style]), outputs.montage)
    if outputs.plot is not None:
        figures.loss_curves(
            result.history,
            outputs.plot,
            alpha=result.recipe.alpha,
            beta=result.recipe.style_weight,
        )


def _tell(result: Result, outputs: Outputs, asked: bool) -> int:
    from impasto.progress import duration

    last, best = result.history[-1], result.best
    written = ", ".join(str(path) for path in outputs.files)
    if asked:
        typer.echo(
            f"Stopped at step {last.number}; the best picture so far, of step {best.number}, "
            f"is in {written}.",
            err=True,
        )
        return STOPPED
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


@contextmanager
def _ask_before_ending(quiet: bool) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C end the run after its step, and only the second end it at once."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        if not quiet:
            typer.echo("\nStopping after this step; Ctrl-C again gives the picture up.", err=True)

    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, previous)


def note(text: str) -> None:
    """Tell the user something that is no error."""
    typer.echo(f"Note: {text}", err=True)
