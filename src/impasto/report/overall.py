"""The progress of many paintings: a bar over all of them, or a line for each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from impasto.run.showing import Account, duration, has_bar

if TYPE_CHECKING:
    from impasto.experiments.many import Painted
    from impasto.run.prepared import Prepared
    from impasto.run.result import Step

LONGEST_NAME = 40  # columns of the terminal


class TimeLeft:
    """Estimates how long all paintings will still take.

    A painting that has not begun is taken to last as long as the mean of those before it.
    """

    def __init__(self) -> None:
        self._seconds: list[float] = []  # of the paintings that are done
        self._account: Account | None = None
        self._last: Step | None = None

    def begin(self, run: Prepared) -> None:
        """A run begins."""
        self._account, self._last = Account(run.levels), None

    def take(self, step: Step) -> None:
        """Count a step of the run."""
        if self._account is not None:
            self._account.take(step)
        self._last = step

    def end(self) -> None:
        """The run is over; one that did not paint does not count."""
        if self._last is not None:
            self._seconds.append(self._last.seconds)
        self._account = self._last = None

    def left(self, to_do: int) -> float | None:
        """Estimated seconds for the painting in progress and those that have not begun.

        Args:
            to_do: how many have not begun.

        Returns:
            The seconds; None before the first step.
        """
        in_progress, each = 0.0, list(self._seconds)
        if self._account is not None and self._last is not None:
            in_progress = self._account.left(self._last)
            each.append(self._last.seconds + in_progress)
        return in_progress + to_do * sum(each) / len(each) if each else None


class OverallBar:
    """A progress bar over all paintings, with the step of the current one and the time left.

    Args:
        count: number of paintings.
        console: the terminal.
    """

    def __init__(self, count: int, console: Console) -> None:
        self.count, self.done, self.time = count, 0, TimeLeft()
        self.progress = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f} of {task.total:.0f} pictures"),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[step]}"),
            TextColumn("{task.fields[name]}", markup=False),
            console=console,
            transient=True,
        )
        self.task = self.progress.add_task("", total=count, left="", step="", name="")
        self.steps = 0

    def __enter__(self) -> OverallBar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def begin(self, _number: int, _count: int, name: str) -> None:
        """Show the name of the next painting."""
        short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        self.progress.update(self.task, name=short, step="")

    def run(self, run: Prepared) -> None:
        """A run begins."""
        self.steps = run.recipe.steps
        self.time.begin(run)

    def step(self, step: Step) -> None:
        """Show a step of the current painting, and the time left over all."""
        self.time.take(step)
        left = self.time.left(self.count - self.done - 1)
        self.progress.update(
            self.task,
            step=f"step {step.number}/{self.steps}",
            left="" if left is None else f"{duration(left)} left",
        )

    def painted(self, _: Painted) -> None:
        """Count a painting that is done, existed already, or could not be painted."""
        self.time.end()
        self.done += 1
        self.progress.update(self.task, completed=self.done)


class OverallLines:
    """Prints a line before each painting, where there is no terminal.

    Args:
        file: where they are printed; None prints nothing.
    """

    def __init__(self, file: TextIO | None) -> None:
        self.file = file

    def __enter__(self) -> OverallLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, number: int, count: int, name: str) -> None:
        """Print the line of the next painting."""
        if self.file is not None:
            print(f"{number} of {count}: {name}", file=self.file, flush=True)

    def run(self, run: Prepared) -> None:
        """A run begins, for which nothing is printed."""

    def step(self, step: Step) -> None:
        """Print nothing for a step."""

    def painted(self, record: Painted) -> None:
        """Print nothing for a painting that is done; all are counted at the end."""


class AtTheSameTime:
    """The progress of paintings that are made at the same time, on several machines.

    Args:
        names: their names.
        steps: the number of steps of each.
        bar: a bar over all of them; None where there is no terminal.
        file: where a line is printed for each that begins; None prints nothing.
    """

    def __init__(
        self, names: Sequence[str], steps: int, bar: Progress | None, file: TextIO | None
    ) -> None:
        self._names, self._steps, self._bar, self._file = names, steps, bar, file
        self._ended, self._part, self._begun, self._running = 0, 0.0, 0, 0
        self._began = time.monotonic()
        if bar is not None:
            self._task = bar.add_task("", total=len(names), ended=0, left="", running="")

    def begin(self, number: int) -> None:
        """A painting begins; numbers count from 0."""
        self._begun += 1
        if self._file is not None:
            line = f"{self._begun} of {len(self._names)}: {self._names[number]}"
            print(line, file=self._file, flush=True)

    def take(self, steps: Mapping[int, int]) -> None:
        """Show how many steps are done of each painting in progress, by its number."""
        self._part = sum(min(1.0, done / self._steps) for done in steps.values())
        self._running = len(steps)
        self._show()

    def done(self, _: int) -> None:
        """A painting has ended."""
        self._ended += 1
        self._part = max(0.0, self._part - 1)
        self._running = max(0, self._running - 1)
        self._show()

    def left(self, seconds: float) -> float | None:
        """Estimated seconds for what is left, after some seconds; None before the first step.

        >>> progress = AtTheSameTime(["a", "b"], 10, None, None)
        >>> progress.take({0: 5})
        >>> progress.left(60.0)
        180.0
        """
        whole = self._ended + self._part
        return seconds * (len(self._names) - whole) / whole if whole else None

    def _show(self) -> None:
        if self._bar is None:
            return
        left = self.left(time.monotonic() - self._began)
        self._bar.update(
            self._task,
            completed=self._ended + self._part,
            ended=self._ended,
            left="" if left is None else f"{duration(left)} left",
            running=f"{self._running} in progress" if self._running else "",
        )


@contextmanager
def at_the_same_time(names: Sequence[str], steps: int, *, quiet: bool) -> Iterator[AtTheSameTime]:
    """A context that shows the progress of paintings that are made at the same time.

    Args:
        names: their names.
        steps: the number of steps of each.
        quiet: whether nothing is shown.
    """
    console = Console(stderr=True)
    if quiet or not has_bar(console):
        yield AtTheSameTime(names, steps, None, None if quiet else sys.stderr)
        return
    with Progress(
        BarColumn(bar_width=20),
        TextColumn("{task.fields[ended]} of {task.total:.0f} pictures"),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[running]}"),
        console=console,
        transient=True,
    ) as bar:
        yield AtTheSameTime(names, steps, bar, None)
