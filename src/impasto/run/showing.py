"""Shows the progress of a run: a bar in a terminal and in a notebook, or else lines.

:func:`showing` shows it on standard error for a program that calls impasto. The command line, which
reports what fails, uses :class:`Bar` and :class:`Lines` themselves.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

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

from impasto.errors import StoppedError
from impasto.run.levels import Level
from impasto.run.result import OnStep, Step

if TYPE_CHECKING:
    from typing_extensions import Self

LINES = 20  # about how many lines a run prints without a terminal
KNOWN_AFTER = 3  # steps, from which on the time left is shown
MORE_PIXELS = 160 * 160  # by which the cost of a step exceeds that of its canvas's pixels
DRAWN_EVERY = 0.2  # seconds between two drawings of the bar of a notebook

Shown = TypeVar("Shown", bound=AbstractContextManager[Any])
OneBar = TypeVar("OneBar")
SomeLines = TypeVar("SomeLines")


class Account:
    """Keeps count of the steps of a run, to estimate the time left.

    The cost of a step is taken to be proportional to the pixels of its level and some more, since
    many operations take as long for a tiny canvas. The first step counts only for itself: until
    then, the run has also measured its targets and warmed up.

    Args:
        levels: the levels of the run.

    Attributes:
        best: the smallest of the losses that can be compared with the last one.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        self.levels = levels
        self.best = float("inf")
        self.at = 1  # number of the level of the last step
        self.before: dict[int, int] = {}  # steps that earlier levels took, by number of the level
        self.begun = 0.0, 0  # seconds and work up to the end of the first step

    @property
    def steps(self) -> int:
        """The total number of steps; a level that converged early took fewer than planned."""
        return sum(self.before.get(level.number, level.steps) for level in self.levels)

    def take(self, step: Step) -> None:
        """Count a step; the best loss starts again where the step's loss begins anew."""
        if step.level != self.at:
            self.before[self.at] = step.number - 1 - sum(self.before.values())
            self.at = step.level
        self.best = step.loss if step.begins else min(self.best, step.loss)
        if step.number == 1:
            self.begun = step.seconds, self._work(step)[0]

    def left(self, step: Step) -> float:
        """Estimated seconds that the run will still take after a step."""
        done, todo = self._work(step)
        seconds, work = self.begun
        if done > work:
            return (step.seconds - seconds) * todo / (done - work)
        return step.seconds * todo / done

    def time_left(self, step: Step) -> str:
        """The time left in words, as in ``12 s left``; nothing as long as it is a mere guess."""
        return f"{duration(self.left(step))} left" if step.number >= KNOWN_AFTER else ""

    def _work(self, step: Step) -> tuple[int, int]:
        """What all steps up to this one cost, and those after it, in pixels."""
        done = todo = 0
        for level in self.levels:
            pixels = level.size[0] * level.size[1] + MORE_PIXELS
            if level.number < step.level:
                done += self.before.get(level.number, level.steps) * pixels
            elif level.number == step.level:
                count = step.number - sum(self.before.values())
                done += count * pixels
                todo += (level.steps - count) * pixels
            else:
                todo += level.steps * pixels
        return done, todo

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
        super().__init__(
            *columns.values(),
            console=console,
            transient=True,
            redirect_stdout=is_terminal(sys.stdout),  # what goes into a file stays there
        )

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


class Drawn:
    """A progress bar in a terminal, or below a cell of a notebook, where it stays at the end.

    Args:
        progress: the bar; its console tells where it is drawn.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._in_notebook = progress.console.is_jupyter
        self._output: Any = None  # where a notebook shows it
        self._drawn = 0.0  # seconds

    def __enter__(self) -> Self:
        if self._in_notebook:
            from IPython.display import display

            self._output = display(self.progress, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_notebook:
            self._draw()
        else:
            self.progress.stop()

    def draw(self, seconds: float) -> None:
        """Draw it in a notebook a few times a second, by the time in seconds."""
        if self._in_notebook and seconds - self._drawn >= DRAWN_EVERY:
            self._drawn = seconds
            self._draw()

    def _draw(self) -> None:
        if self._output is not None:
            self._output.update(self.progress)


class Bar(Drawn):
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
        super().__init__(_Fitting(columns, console))
        self.task = self.progress.add_task(
            "", total=self.account.steps, size="…", loss="…", best="…", left=""
        )

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
            left=self.account.time_left(step),
        )
        self.draw(step.seconds)


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
        left = self.account.time_left(step)
        print(
            f"step {step.number}/{self.account.steps} at {self.account.size(step)}  "
            f"loss {step.loss:.3e}  best {self.account.best:.3e}  "
            f"{duration(step.seconds)}{left and f', {left}'}",
            file=self.file,
            flush=True,
        )


@contextmanager
def showing(
    levels: Sequence[Level], history: Iterable[Step], on_step: OnStep | None
) -> Iterator[OnStep]:
    """A context that shows the progress of a run on standard error, or below a notebook's cell.

    If it cannot be shown, because the terminal has gone, for example, the run continues unseen.

    Args:
        levels: the levels of the run.
        history: the steps that it took before an interruption.
        on_step: the caller's own callback, which is called after the step is shown.

    Yields:
        The callback to paint the run with.
    """
    with ExitStack() as stack:
        choose = partial(chosen, partial(Bar, levels), partial(Lines, levels))
        shown = displayed(choose, stack)
        if shown is not None:
            for step in history:
                shown.account.take(step)

        show = unfailing(shown)

        def told(step: Step) -> bool | None:
            show(step)
            return None if on_step is None else on_step(step)

        yield told


def displayed(choose: Callable[[TextIO, Console], Shown], stack: ExitStack) -> Shown | None:
    """What shows the progress on standard error, until a stack ends; None if nothing can.

    Args:
        choose: makes it for a stream whose writing never fails, and for the console of this stream.
        stack: ends it, without an error of its own.
    """
    if sys.stderr is None:  # a program without a console
        return None
    file: Any = _Unfailing(sys.stderr)
    try:
        shown = choose(file, Console(file=file))
        shown.__enter__()
    except Exception:
        return None
    stack.push(_leaving(shown))
    return shown


def unfailing(tell: Callable[..., object] | None) -> Callable[..., None]:
    """A function that calls another as long as that works; for None, it does nothing.

    Args:
        tell: shows the progress; what it raises is dropped, unless the work is to end.
    """

    def told(*given: Any) -> None:
        nonlocal tell
        if tell is not None:
            try:
                tell(*given)
            except StoppedError:
                raise
            except Exception:
                tell = None

    return told


def chosen(
    bar: Callable[[Console], OneBar],
    lines: Callable[[TextIO], SomeLines],
    file: TextIO,
    console: Console,
) -> OneBar | SomeLines:
    """What shows the progress in a console: a bar in a terminal or a notebook, or lines in a file.

    Args:
        bar: makes the bar.
        lines: makes the lines.
        file: the file.
        console: the console.
    """
    return bar(console) if console.is_jupyter or has_bar(console) else lines(file)


def has_bar(console: Console) -> bool:
    """Whether a bar can be drawn there: it is a terminal that can go back on a line."""
    return console.is_terminal and not console.is_dumb_terminal


def _leaving(shown: AbstractContextManager[Any]) -> Callable[..., None]:
    """Ends a display without an error of its own."""

    def leave(*error: Any) -> None:
        with suppress(Exception):
            shown.__exit__(*error)

    return leave


class _Unfailing(io.TextIOBase):
    """A text stream whose writing never fails; what a closed terminal does not take is lost.

    The bar is also drawn by a thread of its own, whose errors nobody could catch.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self.file, "encoding", None) or "utf-8"

    def write(self, text: str, /) -> int:
        """Write a text if the stream takes it."""
        with suppress(OSError, ValueError):
            self.file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream if that works."""
        with suppress(OSError, ValueError):
            self.file.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return is_terminal(self.file)

    def fileno(self) -> int:
        """The file descriptor of the stream, by which the width of a terminal is found."""
        return self.file.fileno()


def is_terminal(file: TextIO | None) -> bool:
    """Whether a stream is there, and is a terminal."""
    try:
        return file is not None and file.isatty()
    except (OSError, ValueError, AttributeError):  # it is closed, or is no file
        return False


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


def estimate(seconds: float) -> str:
    """A duration that is only estimated, in words: at least a second.

    >>> estimate(0.2)
    '1 s'
    """
    return duration(max(1.0, seconds))
