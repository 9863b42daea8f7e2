"""What a run writes besides its painting, and what watches its steps."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.notes import note
from impasto.errors import StoppedError
from impasto.files.reading import reason_of
from impasto.messages.message import shown
from impasto.report.outputs import Outputs
from impasto.settings.loss_table import METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from impasto.report.progress import Watcher
    from impasto.run.prepared import Prepared
    from impasto.run.result import Result, Step


class Watchers:
    """The watchers of a run; one that fails is reported and removed, and the run continues.

    Args:
        several: each is called with every step; its method ``done``, if it has one, is called with
            the result.
        lost: the files of watchers that could not begin.

    Attributes:
        lost: the same, and the files of the watchers that were removed.
    """

    def __init__(self, several: Sequence[Watcher], lost: Iterable[Path] = ()) -> None:
        self._left = list(several)
        self.lost = set(lost)

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
                note(f"{name} stopped at step {step.number}: {reason(error)}.", with_error=True)

    def done(self, result: Result) -> dict[Path, str]:
        """Call the ``done`` of every watcher; return why files could not be written, by path."""
        lost: dict[Path, str] = {}
        for watcher in self._left:
            try:
                getattr(watcher, "done", lambda _: None)(result)
            except Exception as error:
                lost.update(_lost(path, error) for path in _files_of(watcher))
        return lost


@contextmanager
def watchers_of(run: Prepared, outputs: Outputs) -> Iterator[Watchers]:
    """A context that gives the watchers of a run."""
    from rich.console import Console

    from impasto.report.progress import Snapshots, Trace, Window
    from impasto.run.showing import Bar, Lines, has_bar

    with ExitStack() as stack:
        watchers: list[Watcher] = []
        lost: dict[Path, str] = {}
        if outputs.trace is not None:
            try:
                watchers.append(stack.enter_context(Trace(outputs.trace, run)))
            except OSError as error:
                lost.update([_lost(outputs.trace, error)])
        if outputs.timelapse is not None:
            from impasto.report.timelapse import Timelapse

            watchers.append(Timelapse(outputs.timelapse))
        if outputs.snapshots is not None:
            watchers.append(Snapshots(outputs.snapshots))
        if outputs.show:
            watchers.append(Window())
        if not outputs.quiet and not METHODS[run.recipe.method].one_pass:
            console = Console(stderr=True)
            draws = has_bar(console)
            told: Bar | Lines = Bar(run.levels, console) if draws else Lines(run.levels, sys.stderr)
            stack.enter_context(told)
            for step in run.history:
                told.account.take(step)
            watchers.append(told)
        for why in lost.values():
            note(why, with_error=True)
        yield Watchers(watchers, lost)


def write_figures(result: Result, outputs: Outputs) -> dict[Path, str]:
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
    from impasto.run.levels import plan_for

    recipe = result.recipe
    methods = [level.method for level in plan_for(result.inputs, recipe)]
    weights = {"alpha": recipe.alpha, "beta": recipe.style_weight}
    figures.loss_curves(result.history, path, **weights, methods=methods)


def _files_of(watcher: Watcher) -> list[Path]:
    """The file that a watcher writes, if any."""
    path = getattr(watcher, "path", None)
    return [] if path is None else [path]


def _lost(path: Path, error: Exception) -> tuple[Path, str]:
    return path, f"{shown(path)} could not be written: {reason(error)}."


def reason(error: Exception) -> str:
    """The reason for an error, as the end of a sentence."""
    return " ".join(str(reason_of(error)).split()).rstrip(".")
