"""The `impasto` command, which is also `python -m impasto`."""

import sys


def main() -> None:
    """Carry out the command line of this process."""
    try:
        from impasto.cli import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


if __name__ == "__main__":
    main()
