"""The progress of a clip: a bar in a terminal and in a notebook, or else lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from impasto.run.showing import (
    LINES,
    Drawn,
    chosen,
    displayed,
    duration,
    is_terminal,
    unfailing,
)
from impasto.settings.validation import counted
from impasto.video.method import VideoStep

READING, PAINTING, WRITING = "Reading", "Painting", "Writing"
WHOLE = 100  # of the bar


class Pace:
    """Estimates how long a clip will still take, from the share that is done.

    What earlier calls have painted is in the first share, and costs nothing now.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: tuple[float, float] | None = None  # seconds and share

    def left(self, share: float) -> float | None:
        """Seconds that are left; None until some of the work has been seen.

        Args:
            share: the share of the work that is done, from 0 to 1.
        """
        if self._began is None:
            self._began = self._clock(), share
        seconds, begun = self._began
        if share <= begun:
            return None
        return (self._clock() - seconds) * (1 - share) / (share - begun)


class Told(Protocol):
    """What tells of the progress of a clip."""

    def __enter__(self) -> Told:
        """Begin to tell."""

    def __exit__(self, *error: object) -> None:
        """Tell no more."""

    def read(self, number: int, count: int) -> None:
        """Tell of a frame that is read."""

    def painted(self, step: VideoStep) -> None:
        """Tell how far the clip is painted."""

    def written(self, number: int, count: int) -> None:
        """Tell of a frame that is written."""


class ClipBar(Drawn):
    """A progress bar with the frames that are painted, and the time left.

    Args:
        count: about how many frames there are.
        console: the terminal.
    """

    def __init__(self, count: int, console: Console) -> None:
        self.count, self.pace = count, Pace()
        super().__init__(
            Progress(
                TextColumn("{task.fields[stage]}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[frames]} frames"),
                TextColumn("{task.percentage:.0f} %"),
                TextColumn("{task.fields[left]}"),
                console=console,
                transient=True,
                redirect_stdout=is_terminal(sys.stdout),  # what goes into a file stays there
            )
        )
        self.task = self.progress.add_task(
            "", total=WHOLE, stage=READING, frames=f"0/{count}", left=""
        )

    def read(self, number: int, count: int) -> None:
        """Show a frame that is read."""
        self.count = count
        self._show(READING, number, number / count)

    def painted(self, step: VideoStep) -> None:
        """Show how far the clip is painted, and the time left."""
        left = self.pace.left(step.share)
        told = "" if left is None else f"{duration(left)} left"
        self._show(PAINTING, step.frames, step.share, told)

    def written(self, number: int, count: int) -> None:
        """Show a frame that is written."""
        self.count = count
        self._show(WRITING, number, number / count)

    def _show(self, stage: str, frames: int, share: float, left: str = "") -> None:
        self.progress.update(
            self.task,
            completed=WHOLE * share,
            stage=stage,
            frames=f"{frames}/{self.count}",
            left=left,
        )
        self.draw(time.monotonic())


class ClipLines:
    """Prints a line at intervals, where there is no terminal.

    Args:
        count: about how many frames there are.
        file: where they are printed; None prints nothing.
    """

    def __init__(self, count: int, file: TextIO | None) -> None:
        self.count, self.file, self.pace = count, file, Pace()
        self._told = -1  # the last interval that has a line

    def __enter__(self) -> ClipLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, number: int, count: int) -> None:
        """Print once that the frames are read."""
        self.count = count
        if number == 1:
            self._print(f"{READING} {counted(count, 'frame')}")

    def painted(self, step: VideoStep) -> None:
        """Print how far the clip is painted, if a line is due."""
        left, due = self.pace.left(step.share), int(step.share * LINES)
        if left is not None and due > self._told:
            self._told = due
            self._print(
                f"{PAINTING} {step.frames}/{self.count} frames, {step.share:.0%}, "
                f"{duration(left)} left"
            )

    def written(self, number: int, count: int) -> None:
        """Print once that the frames are written."""
        if number == 1:
            self._print(f"{WRITING} {counted(count, 'frame')}")

    def _print(self, text: str) -> None:
        if self.file is not None:
            print(text, file=self.file, flush=True)


def chosen_for(count: int, file: TextIO, console: Console) -> ClipBar | ClipLines:
    """What shows the progress of a clip with so many frames: a bar, or lines in a file."""
    return chosen(partial(ClipBar, count), partial(ClipLines, count), file, console)


@contextmanager
def showing(count: int) -> Iterator[Told]:
    """A context that shows the progress of a clip on standard error, or below a notebook's cell.

    If it cannot be shown, because the terminal has gone, for example, the work goes on unseen.

    Args:
        count: about how many frames there are.

    Yields:
        What is to be told of the progress.
    """
    with ExitStack() as stack:
        yield _Unfailing(displayed(partial(chosen_for, count), stack))


class _Unfailing:
    """Tells of the progress as long as that works."""

    def __init__(self, told: Told | None) -> None:
        self._try = unfailing(None if told is None else lambda tell: tell(told))

    def __enter__(self) -> _Unfailing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, number: int, count: int) -> None:
        """Tell of a frame that is read."""
        self._try(lambda told: told.read(number, count))

    def painted(self, step: VideoStep) -> None:
        """Tell how far the clip is painted."""
        self._try(lambda told: told.painted(step))

    def written(self, number: int, count: int) -> None:
        """Tell of a frame that is written."""
        self._try(lambda told: told.written(number, count))
