"""Running out of memory: recognising the errors of every library, and one error for the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.errors import ImpastoError, RunError
from impasto.messages.message import catalogue

# Texts of libraries that have no error class for it, in lower case.
WORDS = (
    "can't allocate memory",  # PyTorch on a CPU
    "cannot allocate memory",  # the system
    "not enough memory",  # PyTorch on Windows
    "out of memory",  # CUDA, MPS
    "unable to allocate",  # NumPy
    "failed to allocate",
    "could not allocate",
    "bad_alloc",  # C++
    "alloc_failed",  # cuBLAS, cuDNN, cuFFT
    "unable to find an engine to execute",  # cuDNN, for which no working memory is left
    "could not create a memory",  # oneDNN
    "could not create a primitive",
    "failed to map segment",  # loading a library
    "can't start new thread",  # each thread needs a stack
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("CUDA out of memory. …"))
    (True, True)
    >>> is_out_of_memory(RuntimeError("shapes differ"))
    False
    """
    if isinstance(error, ImpastoError):
        return False
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(word in text for word in WORDS)


def free() -> float:
    """Bytes of main memory that are available, including caches that can be released."""
    import psutil

    return float(min(psutil.virtual_memory().available, _left_in_container()))


def _left_in_container() -> float:
    """Bytes that Linux's control groups (version 2) leave this process; infinity if unlimited."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
        cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such files, or no limit: "max"
        return float("inf")
    return limit - used + int(cached.get("inactive_file", 0))


@contextmanager
def memory_errors(size: tuple[int, int] | None = None) -> Iterator[None]:
    """A context that turns every error about running out of memory into a RunError.

    Args:
        size: width and height of the canvas, for the sentence; None if unknown.

    Raises:
        RunError: memory ran out.
    """
    catalogue("en")  # kept, because the sentence may be needed when there is no memory to read it
    try:
        yield
    except (RuntimeError, MemoryError, OSError, ImportError, SystemError) as error:
        if not is_out_of_memory(error):
            raise
        if size is None:
            raise RunError("memory.ran-out") from None
        raise RunError("memory.ran-out-at", width=size[0], height=size[1]) from None
