"""Callbacks that report the progress of a run: a bar or lines, a trace, snapshots, a window.

Each is called with every step. If one raises an error, the command line drops it and the run
continues.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from impasto._version import __version__
from impasto.errors import InputError
from impasto.pictures import writers

if TYPE_CHECKING:
    from impasto.run.levels import Level
    from impasto.run.prepared import Prepared
    from impasto.run.result import Result, Step
    from impasto.run.run import Run

SNAPSHOT_EVERY = 50  # steps, after the first, as in the published example
LINES = 20  # about how many lines a run prints without a terminal
WINDOW_EVERY = 1.0  # seconds

Watcher = Callable[["Step"], None]


def is_shown(number: int) -> bool:
    """Whether the published example shows this step: the first step and every 50th.

    >>> [number for number in range(1, 151) if is_shown(number)]
    [1, 50, 100, 150]
    """
    return number == 1 or number % SNAPSHOT_EVERY == 0


class Account:
    """Keeps count of the steps of a run, to estimate the time left.

    The cost of a step is taken to be proportional to the pixels of its level.

    Args:
        levels: the levels of the run.

    Attributes:
        best: the smallest loss of the current level.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        self.levels = levels
        self.best = float("inf")
        self.at = 1  # number of the level of the last step
        self.before: dict[int, int] = {}  # steps that earlier levels took, by number of the level

    @property
    def steps(self) -> int:
        """The total number of steps; a level that converged early took fewer than planned."""
        return sum(self.before.get(level.number, level.steps) for level in self.levels)

    def take(self, step: Step) -> None:
        """Count a step; the best loss starts again at every level."""
        if step.level != self.at:
            self.before[self.at] = step.number - 1 - sum(self.before.values())
            self.at, self.best = step.level, float("inf")
        self.best = min(self.best, step.loss)

    def left(self, step: Step) -> float:
        """Estimated seconds that the run will still take after a step."""
        done = todo = 0
        for level in self.levels:
            pixels = level.size[0] * level.size[1]
            if level.number < step.level:
                done += self.before.get(level.number, level.steps) * pixels
            elif level.number == step.level:
                count = step.number - sum(self.before.values())
                done += count * pixels
                todo += (level.steps - count) * pixels
            else:
                todo += level.steps * pixels
        return step.seconds * todo / done

    def size(self, step: Step) -> str:
        """The size of a step's canvas, as in ``512×384``."""
        width, height = self.levels[step.level - 1].size
        return f"{width}×{height}"


# The columns of the bar by importance; a narrow terminal leaves out the last ones.
BY_WEIGHT = ("step", "left", "loss", "bar", "size", "best", "elapsed")


class _Fitting(Progress):
    """A progress bar that leaves out columns for which a narrow terminal has no room."""

    def __init__(self, columns: Mapping[str, ProgressColumn], console: Console) -> None:
        self.named, self.terminal = columns, console
        super().__init__(*columns.values(), console=console, transient=True)

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """The table of the columns for which there is room."""
        tasks, room, kept = list(tasks), self.terminal.width, set[str]()
        for name in BY_WEIGHT:
            shown = [self.terminal.measure(self.named[name](task)).maximum for task in tasks]
            needed = max(shown, default=0) + 1
            if needed <= room or not kept:
                kept.add(name)
                room -= needed
        self.columns = tuple(column for name, column in self.named.items() if name in kept)
        return super().make_tasks_table(tasks)


class Bar:
    """A progress bar with step, size, loss, best loss of the level, and time left."""

    def __init__(self, levels: Sequence[Level], console: Console) -> None:
        self.account = Account(levels)
        columns = {
            "bar": BarColumn(bar_width=24),
            "step": TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            "size": TextColumn("at {task.fields[size]}"),
            "loss": TextColumn("loss {task.fields[loss]}"),
            "best": TextColumn("best {task.fields[best]}"),
            "elapsed": TimeElapsedColumn(),
            "left": TextColumn("{task.fields[left]}"),
        }
        self.progress = _Fitting(columns, console)
        self.task = self.progress.add_task(
            "", total=self.account.steps, size="…", loss="…", best="…", left=""
        )

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def __call__(self, step: Step) -> None:
        """Move the bar to a step."""
        self.account.take(step)
        self.progress.update(
            self.task,
            completed=step.number,
            total=self.account.steps,
            size=self.account.size(step),
            loss=f"{step.loss:.3e}",
            best=f"{self.account.best:.3e}",
            left=f"{duration(self.account.left(step))} left",
        )


class Lines:
    """Prints a line at the first step, at intervals, and at the last step, without a terminal."""

    def __init__(self, levels: Sequence[Level], file: TextIO) -> None:
        self.account, self.file = Account(levels), file
        self.every = max(1, self.account.steps // LINES)
        self.due: Step | None = None  # the last step, if it has no line yet

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        if self.due is not None:
            self._print(self.due)
        self.file.flush()

    def __call__(self, step: Step) -> None:
        """Print a line if this step is due one."""
        self.account.take(step)
        self.due = step
        if step.number in (1, self.account.steps) or step.number % self.every == 0:
            self._print(step)

    def _print(self, step: Step) -> None:
        self.due = None
        print(
            f"step {step.number}/{self.account.steps} at {self.account.size(step)}  "
            f"loss {step.loss:.3e}  best {self.account.best:.3e}  "
            f"{duration(step.seconds)}, {duration(self.account.left(step))} left",
            file=self.file,
            flush=True,
        )


class Trace:
    """The run as JSON lines: a ``run`` event, a ``step`` event each step, a ``done`` event.

    For a resumed run, the steps before the checkpoint are written first.
    """

    def __init__(self, path: Path, run: Prepared) -> None:
        self.path, self._is_done = path, False
        self.file = path.open("w", encoding="utf-8")
        try:
            self._begin(run)
        except BaseException:
            with suppress(OSError):
                self.file.close()
            raise

    def _begin(self, run: Prepared) -> None:
        from impasto.run.result import carried_recipe, identities

        self._write(
            event="run",
            recipe=carried_recipe(run.recipe, run.inputs),
            size=run.size,
            output_size=run.output_size,
            levels=[{"size": level.size, "steps": level.steps} for level in run.levels],
            **_computed_by(run),
            **identities(run.inputs, run.weights),
        )
        for step in run.history:
            self(step)

    def __call__(self, step: Step) -> None:
        """Write a step."""
        self._write(
            event="step",
            number=step.number,
            loss=step.loss,
            content=step.content,
            style=step.style,
            seconds=round(step.seconds, 6),
            level=step.level,
        )

    def done(self, result: Result) -> None:
        """Write how the run ended."""
        self._is_done = True
        self._write(
            event="done",
            steps=len(result.history),
            best=result.best.number,
            loss=result.best.loss,
            seconds=round(result.history[-1].seconds, 6),
            stopped=result.stopped,
        )

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        with suppress(OSError, ValueError), self.file:
            if error is not None and not self._is_done:
                self._write(event="done", stopped=str(error) or type(error).__name__)

    def _write(self, **event: Any) -> None:
        self.file.write(json.dumps(event) + "\n")
        self.file.flush()


class Snapshots:
    """Writes the canvas at step 1 and every 50th step, as ``step-00050.png`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, step: Step) -> None:
        """Write the canvas if this step has a snapshot."""
        if is_shown(step.number):
            writers.save(step.image(), _snapshot(self.path, step.number))


def snapshots_in(folder: Path, steps: int) -> list[Path]:
    """The path of every snapshot of a run, given its folder and the number of steps.

    >>> [path.name for path in snapshots_in(Path(), 60)]
    ['step-00001.png', 'step-00050.png']
    """
    return [_snapshot(folder, number) for number in range(1, steps + 1) if is_shown(number)]


def _snapshot(folder: Path, number: int) -> Path:
    return folder / f"step-{number:05d}.png"


class Window:
    """A window that shows the canvas, with the step in its title."""

    def __init__(self) -> None:
        import matplotlib.pyplot as plt

        self.plt = plt
        plt.ion()
        self.figure, self.axes = plt.subplots(num="impasto")
        self.axes.set_axis_off()
        self.drawn = -WINDOW_EVERY
        self.picture: Any = None

    def __call__(self, step: Step) -> None:
        """Draw the canvas, at most once a second, while the window is open."""
        open_still = self.plt.fignum_exists(self.figure.number)
        if not open_still or step.seconds - self.drawn < WINDOW_EVERY:
            return
        self.drawn = step.seconds
        if self.picture is None:
            self.picture = self.axes.imshow(step.image())
        else:
            self.picture.set_data(step.image())
        self.axes.set_title(f"Transfer Image After Iteration {step.number}")
        self.figure.canvas.draw_idle()
        self.figure.canvas.flush_events()


def check_display() -> None:
    """Make sure that a window can be opened.

    Raises:
        InputError: there is no display, or Matplotlib has no toolkit for windows.
    """
    from impasto.report.figures import import_matplotlib

    mpl: Any = import_matplotlib()
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise InputError("show.no-display")
    import matplotlib.pyplot as plt

    try:
        plt.switch_backend(mpl.rcParams["backend"])
    except (ImportError, ValueError):  # for example a backend set by a notebook
        plt.switch_backend("agg")
    if mpl.get_backend().lower() == "agg":
        raise InputError("show.no-toolkit")


def _computed_by(run: Prepared) -> dict[str, Any]:
    """What computes a run, and how, for its trace."""
    from impasto.run.instant import InstantRun

    if isinstance(run, InstantRun):
        return {"device": "cpu", "versions": _common_versions()}
    return _optimised_by(cast("Run", run))


def _optimised_by(run: Run) -> dict[str, Any]:
    import torch

    from impasto.run.estimate import cut

    return {
        "precision": run.evaluator.arithmetic.name,
        "beta": run.recipe.style_weight,
        "tile": run.evaluator.tiles[-1] or "off",
        "tiles": len(cut(run, run.levels[-1])),
        "device": str(run.evaluator.device),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions of impasto, Python and the libraries that compute a painting."""
    import torch

    return {**_common_versions(), "torch": str(torch.__version__)}


def _common_versions() -> dict[str, str]:
    import PIL

    return {
        "impasto": __version__,
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "numpy": np.__version__,
    }


def duration(seconds: float) -> str:
    """A duration in words.

    >>> duration(7.4), duration(151), duration(7260)
    ('7 s', '2 min 31 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
