"""The `impasto` command, which is also `python -m impasto`."""

import atexit
import os
import signal
import sys

from impasto.cli import streams
from impasto.cli.uncollected import uncollected
from impasto.process.interrupts import ENDING, Signals

NOTHING_WRITTEN = "impasto: Stopped; nothing was written."


def main() -> None:
    """Carry out the command line of this process."""
    # Must be set before PyTorch is loaded: otherwise its waiting threads spin and take the cores
    # from other programs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    streams.open_closed()
    signals = Signals(*ENDING)
    signals.listen()
    codes: list[int] = []
    atexit.register(_exit_with, codes)  # before anything else, so that it is called last
    try:
        with uncollected():
            from impasto.cli.app import run

        code = run()
    except BaseException:  # an import makes anything of a signal that comes in its midst
        if signals.number is None:
            raise
        with streams.unfailing():
            print(NOTHING_WRITTEN, file=sys.stderr)  # noqa: T201
        code = 128 + signals.number
    codes.append(code)
    for number in ENDING:  # nothing is left that a signal could save
        signal.signal(number, signal.SIG_IGN)
    streams.give_up_failing()
    sys.exit(code)


def _exit_with(codes: list[int]) -> None:
    """Exit at once with a code, if there is one.

    Otherwise Python would take the interpreter apart first, which takes a tenth of a second. And it
    ends a process as Ctrl-C does, whichever the signal and the code, if the signal came in the
    midst of source code that a module gave to ``exec``.
    """
    if codes:
        streams.give_up_failing()
        os._exit(codes[0])


if __name__ == "__main__":
    main()
