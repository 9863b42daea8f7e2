"""The `impasto` command, which is also `python -m impasto`."""

import signal
import sys

from impasto.cli import streams
from impasto.process.interrupts import ENDING, Signals

NOTHING_WRITTEN = "impasto: Stopped; no picture was written."


def main() -> None:
    """Carry out the command line of this process."""
    streams.open_closed()
    signals = Signals(*ENDING)
    signals.listen()
    try:
        from impasto.cli.app import run

        code = run()
    except BaseException:  # an import makes anything of a signal that comes in its midst
        if signals.number is None:
            raise
        with streams.unfailing():
            print(NOTHING_WRITTEN, file=sys.stderr)  # noqa: T201
        code = 128 + signals.number
    for number in ENDING:  # nothing is left that a signal could save
        signal.signal(number, signal.SIG_IGN)
    streams.give_up_failing()
    sys.exit(code)


if __name__ == "__main__":
    main()
