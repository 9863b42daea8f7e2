"""How a command ends: its exit code, and the signals that ask it to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from impasto.errors import ImpastoError, StoppedError
from impasto.process.interrupts import ENDING, Signals

DONE, FAILED, BAD_INPUT = 0, 1, 2  # exit codes; 128 + its number if a signal stopped the run
STDERR = 2  # file descriptor
KEEPING = "Stopping, and keeping the best picture if there is one; Ctrl-C again discards it."


class EndedError(ImpastoError):
    """A signal stopped the command before it had written a picture.

    Args:
        number: the number of the signal.

    Attributes:
        exit_code: the exit code of the process.
    """

    def __init__(self, number: int) -> None:
        super().__init__("command.stopped")
        self.exit_code = code_of(number)


def code_of(number: int | None) -> int:
    """The exit code of a run that was stopped by a signal; None for no signal."""
    return DONE if number is None else 128 + number


@contextmanager
def told_to_end(quiet: bool, notice: str = KEEPING) -> Iterator[Signals]:
    """A context in which the first Ctrl-C, SIGTERM or SIGHUP asks the run to stop.

    The run then keeps its best picture; a second signal stops it immediately.

    Args:
        quiet: whether nothing is printed.
        notice: what is printed when the first signal comes.

    Raises:
        EndedError: there was no picture to keep yet, or a second signal came.
    """
    told = partial(_write_at_once, f"\n{notice}\n")
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
