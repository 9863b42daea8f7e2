"""Standard output and error that never raise, so that a broken pipe costs no painting.

A pipe may be closed, a disk full, a terminal hung up, a descriptor closed from the beginning, or an
encoding without a sign.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

# Signs of impasto's own sentences, for encodings that lack them.
PLAIN = str.maketrans({"×": "x", "…": "...", "–": "-", "·": "*", "━": "-", "╸": "-", "╺": "-"})


class Unfailing(io.TextIOBase):
    """A text stream that accepts everything, and drops what cannot be written.

    Args:
        stream: where it goes; None where there is nothing to write to.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # through which bytes would go past this
            raise AttributeError(name)
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether a person reads it in a terminal."""
        with suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        """Of the stream.

        Raises:
            OSError: it has none.
        """
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write as much of a text as possible, and return its length."""
        if self._stream is not None:
            with suppress(OSError, ValueError):  # the latter of a stream that is closed
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    self._stream.write(self._without_unknown_signs(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if that is possible."""
        if self._stream is not None:
            with suppress(OSError, ValueError):
                self._stream.flush()

    def _without_unknown_signs(self, text: str) -> str:
        plain = text.translate(PLAIN)
        return plain.encode(self.encoding, "backslashreplace").decode(self.encoding)


@contextmanager
def unfailing() -> Iterator[None]:
    """Make printing in the block never raise."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Unfailing(before[0]), Unfailing(before[1])
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def open_closed() -> None:
    """Give a process without standard streams streams that discard everything.

    Else the first file that it opens would be taken for one of them, and get what is printed.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def give_up_failing() -> None:
    """Discard what the streams could not write, which Python would retry at exit."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
