"""Writing files completely or not at all, and checking beforehand that they can be written."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from numbers import Real
from pathlib import Path
from typing import BinaryIO

from impasto.errors import InputError
from impasto.files.reading import NotAFileError, located, reason_of
from impasto.messages.message import Message

LONGEST_INTERVAL = 1e9  # seconds
CHECKPOINT_EVERY = 60.0  # seconds, by default
NAMED = 60  # bytes of a file's name with which the name of its temporary file begins
LOST = (errno.EIO, errno.ENOSPC, errno.EDQUOT)  # errors if bytes do not reach the disk


def is_there(path: str | Path) -> bool:
    """Whether the path exists; False for a name that no file can have."""
    return os.path.exists(path)  # noqa: PTH110 – Path.exists raises where a name is too long


def check_writable(
    path: str | Path, suffixes: Collection[str] = (), *, stream: bool = False
) -> Path:
    """The path, after checking that a file can be written to it.

    Args:
        path: the path of the file.
        suffixes: the allowed suffixes, in lower case; empty allows any.
        stream: whether the file is written during the run, so that it can be a pipe or a device.

    Raises:
        InputError: the suffix is not allowed, the path is a folder, the file or its folder is
            read-only, the folder is missing, or the file system does not allow the name.
    """
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        suffix = repr(path.suffix) if path.suffix else Message("output.no-suffix")
        raise InputError("output.wrong-suffix", path=path, suffixes=suffixes, suffix=suffix)
    path = _looked_up(path)
    target = _target(path)
    if path.is_dir():
        raise InputError("output.is-folder", path=path)
    if path.exists() and not path.is_file():
        if stream and os.access(path, os.W_OK):
            return path
        raise InputError("output.is-device", path=path)
    if target.parent.is_file():
        raise InputError("output.folder-is-file", path=target.parent)
    if not target.parent.is_dir():
        raise InputError("output.no-folder", folder=target.parent, name=target.name)
    if not os.access(target.parent, os.W_OK):
        raise InputError("output.folder-read-only", folder=target.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError("output.read-only", path=path)
    _try_part(target)
    return path


def _try_part(target: Path) -> None:
    """Create and remove the temporary file, since only this shows that it can be created.

    Raises:
        InputError: the temporary file cannot be created.
    """
    part = _part_of(target)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise InputError("output.unwritable", path=target, reason=reason_of(error)) from None


def check_apart(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Make sure that no output replaces an input or another output.

    Args:
        inputs: every file that is read.
        outputs: every file that will be written.

    Raises:
        InputError: an output is the same file as an input or another output.
    """
    taken = {key: "output.is-input" for path in inputs for key in _keys(path)}
    for path in outputs:
        keys = _keys(path)
        for key in keys & taken.keys():
            raise InputError(taken[key], path=path)
        taken.update(dict.fromkeys(keys, "output.is-output"))


def _keys(path: Path) -> set[object]:
    """Keys of a file; two paths share a key if they lead to the same file."""
    keys: set[object] = set()
    path = located(path)
    with suppress(OSError, ValueError):
        keys.add(os.path.normcase(os.path.realpath(path)))
        found = path.stat()
        keys.add((found.st_dev, found.st_ino))
    return keys


def check_folder(path: str | Path) -> Path:
    """The path, after checking that it is a writable folder or that the folder can be created.

    Raises:
        InputError: the path is a file, the folder is read-only, or its parent folder is missing.
    """
    path = _looked_up(Path(path))
    if path.exists() and not path.is_dir():
        raise InputError("output.folder-is-file", path=path)
    existing = path if path.is_dir() else path.parent
    if existing.is_file():
        raise InputError("output.folder-is-file", path=existing)
    if not existing.is_dir():
        raise InputError("output.no-folder-around", folder=existing, name=path.name)
    if not os.access(existing, os.W_OK):
        raise InputError("output.folder-read-only", folder=existing)
    _try_part(existing / (path.name or "picture"))
    return path


@contextmanager
def folders_made(folders: Iterable[Path]) -> Iterator[None]:
    """A context in which folders exist; those that are made for it and stay empty are removed.

    Raises:
        InputError: a folder cannot be made.
    """
    made: list[Path] = []
    try:
        for folder in folders:
            missing = [one for one in (folder, *folder.parents) if not is_there(one)]
            for one in reversed(missing):
                try:
                    one.mkdir(exist_ok=True)
                except (OSError, ValueError) as error:
                    reason = reason_of(error)
                    raise InputError("output.unwritable", path=one, reason=reason) from None
                made.append(one)
        yield
    finally:
        for one in reversed(made):
            with suppress(OSError):
                one.rmdir()


def check_interval(seconds: float) -> float:
    """The interval between two checkpoints in seconds, after checking that it is valid.

    Raises:
        InputError: ``seconds`` is not a number from 0 to 10⁹.
    """
    number = isinstance(seconds, Real) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds <= LONGEST_INTERVAL:
        raise InputError("output.interval", seconds=seconds, most=LONGEST_INTERVAL)
    return float(seconds)


def _looked_up(path: Path) -> Path:
    """The path, after checking its name: Unicode, not too long, without a NUL character."""
    try:
        str(path).encode()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except UnicodeEncodeError:
        reason = Message("file.not-unicode")
        raise InputError("output.unwritable", path=path, reason=reason) from None
    except (OSError, ValueError) as error:
        raise InputError("output.unwritable", path=path, reason=reason_of(error)) from None
    return path


def _target(path: Path) -> Path:
    """The target of a symbolic link, so that the link stays when the file is replaced."""
    return path.resolve() if path.is_symlink() else path


def remove_parts(path: Path) -> None:
    """Remove temporary files that killed processes have left beside a file."""
    target = _target(path)
    for part in target.parent.glob(f"{glob.escape(_part_prefix(target))}{32 * '?'}.part"):
        with suppress(OSError):
            part.unlink()


def _part_of(target: Path) -> Path:
    """A new path beside a file, for the temporary file that will replace it."""
    return target.with_name(f"{_part_prefix(target)}{uuid.uuid4().hex}.part")


def _part_prefix(target: Path) -> str:
    """The start of a temporary file's name: a dot and the first bytes of the file's own name."""
    return f".{target.name.encode(errors='ignore')[:NAMED].decode(errors='ignore')}."


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A context that gives a file to write, which replaces the old one only if the block succeeds.

    A file that replaces another keeps its permissions, if the file system has any.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "a.txt").read_bytes()
    b'whole'

    Raises:
        OSError: the file cannot be written; the ``filename`` of the error is the path.
    """
    target = _target(Path(path))
    part = _part_of(target)
    try:
        if target.exists() and not target.is_file():
            raise NotAFileError("file.exists-not-as-file")
        with part.open("xb") as file:
            yield file
            file.flush()
            _sync(file)
        with suppress(OSError):
            shutil.copymode(target, part)
        _take_place(part, target)
    except OSError as error:  # it names the temporary file, or is an encoder's
        raise OSError(error.errno or errno.EIO, str(reason_of(error)), str(path)) from None
    finally:
        with suppress(OSError):
            part.unlink()


def _take_place(part: Path, target: Path) -> None:
    """Rename a complete temporary file to the target; copy it if the system cannot rename."""
    try:
        part.replace(target)
    except OSError as error:
        if error.errno in LOST or target.exists():  # a copy could damage the old file
            raise
        try:
            shutil.copyfile(part, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _sync(file: BinaryIO) -> None:
    """Flush a file to the disk, if the file system supports this."""
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno in LOST:
            raise
