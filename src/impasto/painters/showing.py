"""The progress of a training: a bar in a terminal and in a notebook, or else lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TextIO

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from impasto.painters.training import TrainingStep
from impasto.run.showing import Drawn, chosen, displayed, duration, unfailing

LINES = 10  # how often a line is printed where there is no terminal
KEPT = 0.95  # of the running mean of the loss, at every step


class TrainingBar(Drawn):
    """A progress bar with step, loss and time left.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(
            Progress(
                BarColumn(bar_width=24),
                TextColumn("step {task.fields[number]}"),
                TextColumn("loss {task.fields[loss]}"),
                TextColumn("{task.fields[left]}"),
                console=console,
                transient=True,
            )
        )
        self._task = self.progress.add_task("", total=1.0, number=0, loss="…", left="")
        self._loss: float | None = None

    def __call__(self, step: TrainingStep) -> None:
        """Show a step; the loss is a running mean, as every crop has its own."""
        before = step.loss if self._loss is None else self._loss
        self._loss = KEPT * before + (1 - KEPT) * step.loss
        left = step.seconds * (1 - step.share) / step.share if step.share else None
        self.progress.update(
            self._task,
            completed=step.share,
            number=step.number,
            loss=f"{self._loss:.3f}",
            left="" if left is None else f"{duration(left)} left",
        )
        self.draw(step.seconds)


class TrainingLines:
    """Prints a line at every tenth of a training, where there is no terminal.

    Args:
        file: where they are printed; None prints nothing.
    """

    def __init__(self, file: TextIO | None) -> None:
        self._file, self._told = file, -1
        self._losses: list[float] = []

    def __enter__(self) -> TrainingLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, step: TrainingStep) -> None:
        """Print a line if this step is due one."""
        self._losses.append(step.loss)
        part = int(step.share * LINES)
        if part > self._told and self._file is not None:
            told = f"{step.share:.0%}: step {step.number}, mean loss {np.mean(self._losses):.3f}"
            print(f"{told}, {duration(step.seconds)}", file=self._file, flush=True)
            self._told, self._losses = part, []


@contextmanager
def showing() -> Iterator[Callable[[TrainingStep], None]]:
    """A context that shows the progress of a training on standard error, or below a cell.

    If it cannot be shown, because the terminal has gone, for example, the training goes on unseen.

    Yields:
        What is to be called with every step.
    """
    with ExitStack() as stack:
        yield unfailing(displayed(partial(chosen, TrainingBar, TrainingLines), stack))
