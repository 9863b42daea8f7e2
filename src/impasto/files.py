"""Files are written whole or not at all."""

from __future__ import annotations

import glob
import math
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impasto.errors import InputError

CHECKPOINT_EVERY = 60.0  # seconds, where nobody says otherwise
LONGEST_SHOWN = 400  # characters of a path
NAMED = 60  # characters of a file's name that the name of its part begins with


def shown(path: str | Path) -> str:
    """A path between quotes, on one line whatever it holds, without its middle if it is very long.

    >>> print(shown("a name.png"), shown("two\\nlines.png"))
    'a name.png' 'two\\nlines.png'
    """
    text = str(path)
    if len(text) > LONGEST_SHOWN:
        text = f"{text[: LONGEST_SHOWN // 2]}…{text[-LONGEST_SHOWN // 2 :]}"
    return f"'{text}'" if text.isprintable() else ascii(text)


def is_there(path: str | Path) -> bool:
    """Whether there is something of that name; one that no file can have is the name of nothing."""
    return os.path.exists(path)  # noqa: PTH110 – Path.exists raises where a name is too long


def check_writable(path: str | Path, suffixes: Collection[str] = ()) -> Path:
    """The path, if a file can be written there.

    Args:
        path: of the file.
        suffixes: what it may end in, in lower case; any, where none is named.

    Raises:
        InputError: it ends in something else, it is a folder, it or its folder is read-only, or
            its folder is missing.
    """
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(
            f"The output {shown(path)} should end in {', '.join(suffixes)}, "
            f"not {repr(path.suffix) if path.suffix else 'nothing'}."
        )
    path = _looked_up(path)
    target = _target(path)
    if path.is_dir():
        raise InputError(f"The output {shown(path)} is a folder: name a file in it.")
    if not target.parent.is_dir():
        raise InputError(
            f"There is no folder {shown(target.parent)} to write {shown(target.name)} to."
        )
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"The folder {shown(target.parent)} cannot be written to: name another.")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"The file {shown(path)} is read-only: name another.")
    return path


def check_folder(path: str | Path) -> Path:
    """The path, if it is a folder that can be written to, or can be made.

    Raises:
        InputError: it is a file, or it is read-only, or the folder around it is missing.
    """
    path = _looked_up(Path(path))
    if path.exists() and not path.is_dir():
        raise InputError(f"{shown(path)} is a file: name a folder.")
    existing = path if path.is_dir() else path.parent
    if not existing.is_dir():
        raise InputError(f"There is no folder {shown(existing)} to make {shown(path.name)} in.")
    if not os.access(existing, os.W_OK):
        raise InputError(f"The folder {shown(existing)} cannot be written to: name another.")
    return path


def check_interval(seconds: float) -> None:
    """Make sure that something can be written that often.

    Raises:
        InputError: that is no number of seconds.
    """
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds < math.inf:
        raise InputError(
            f"A run cannot be saved every {seconds} seconds: choose a number of at least 0."
        )


def _looked_up(path: Path) -> Path:
    """The path, if the system can look it up at all: a name can be too long, or hold a NUL."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{shown(path)} cannot be written to: {reason}.") from None
    return path


def _target(path: Path) -> Path:
    """Where a path leads, so that a link stays a link when the file behind it is replaced."""
    return path.resolve() if path.is_symlink() else path


def remove_parts(path: Path) -> None:
    """Remove what a process that was killed while it wrote a file has left beside it."""
    target = _target(path)
    for part in target.parent.glob(f".{glob.escape(target.name[:NAMED])}.{32 * '?'}.part"):
        part.unlink(missing_ok=True)


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when the block has ended well; until then the old one stays.

    A file that replaces another takes over its permissions.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "a.txt").read_bytes()
    b'whole'

    Raises:
        OSError: it cannot be written.
    """
    target = _target(Path(path))
    part = target.with_name(f".{target.name[:NAMED]}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        if error.filename == str(part):  # a name that nobody knows
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        part.unlink(missing_ok=True)
