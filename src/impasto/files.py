"""Files are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from impasto.errors import InputError


def check_writable(path: str | Path) -> Path:
    """The path, if a file can be written there.

    Raises:
        InputError: it is a folder, or its folder is missing or read-only.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"The output '{path}' is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder '{path.parent}' to write '{path.name}' to.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"The folder '{path.parent}' cannot be written to.")
    return path


def check_folder(path: str | Path) -> Path:
    """The path, if it is a folder that can be written to, or can be made.

    Raises:
        InputError: it is a file, or it is read-only, or the folder around it is missing.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"'{path}' is a file: name a folder.")
    existing = path if path.is_dir() else path.parent
    if not existing.is_dir():
        raise InputError(f"There is no folder '{existing}' to make '{path.name}' in.")
    if not os.access(existing, os.W_OK):
        raise InputError(f"The folder '{existing}' cannot be written to.")
    return path


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when the block has ended well; until then the old one stays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "a.txt").read_bytes()
    b'whole'
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
