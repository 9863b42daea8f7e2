"""Streams to standard output and error that never raise, so that a run survives failed printing.

A pipe or a terminal may be closed, a disk full, a descriptor closed from the start, or a character
missing from the encoding.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

# Replacements for characters in impasto's own sentences that an encoding may lack.
PLAIN = str.maketrans({"×": "x", "…": "...", "–": "-", "·": "*", "━": "-", "╸": "-", "╺": "-"})


class Unfailing(io.TextIOBase):
    """A text stream that accepts everything and writes as much of it as possible.

    Args:
        stream: the stream to write to; None discards everything.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.failure: Exception | None = None  # why something was not written

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # bytes written to it would bypass this stream
            raise AttributeError(name)
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        with suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        """The file descriptor of the stream.

        Raises:
            OSError: the stream has none.
        """
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always True."""
        return True

    def write(self, text: str) -> int:
        """Write as much of a text as possible; return the length of the whole text."""
        if self._stream is not None:
            try:
                self._write(self._stream, text)
            except (OSError, ValueError) as error:  # ValueError: the stream is closed
                self.failure = error
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if possible."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.failure = error

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(self._without_unknown_signs(text))

    def _without_unknown_signs(self, text: str) -> str:
        plain = text.translate(PLAIN)
        return plain.encode(self.encoding, "backslashreplace").decode(self.encoding)


@contextmanager
def unfailing() -> Iterator[None]:
    """A context in which printing never raises an error."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Unfailing(before[0]), Unfailing(before[1])
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


_closed: set[int] = set()  # standard streams that were closed when the process started


def was_closed(descriptor: int) -> bool:
    """Whether a standard stream was closed when the process started."""
    return descriptor in _closed


def open_closed() -> None:
    """Open the null device in place of standard streams that were closed when the process started.

    Otherwise the next file that is opened would get the descriptor of a standard stream, and
    everything that is printed would be written to it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _closed.add(descriptor)
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor


def give_up_failing() -> None:
    """Redirect streams that cannot be flushed to the null device, so that Python can exit."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
