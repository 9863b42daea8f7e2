"""Files that the user names: finds them, checks that they can be read, and opens them."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from impasto.errors import InputError, ReasonError, StoppedError, WithMessage
from impasto.messages.message import Message
from impasto.process import interrupts

ADDRESS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]+):/{1,2}(?P<rest>[^/].*)", re.DOTALL)
CHUNK = 2**20  # bytes that are read at a time
MOST_BYTES = 2**31  # of a picture


class Readable(Protocol):
    """A binary file object: an open file, a pipe, ``io.BytesIO``, the answer of a web server."""

    def read(self, size: int, /) -> bytes:
        """Read the next bytes, at most ``size``; none at the end."""


class NotAFileError(WithMessage, OSError):
    """A path names something other than a regular file, such as a device or a web address."""


def reason_of(error: Exception) -> Message | str:
    """Why a file could not be read or written: impasto's own reason, or the system's text."""
    if isinstance(error, WithMessage):
        return error.message
    return getattr(error, "strerror", None) or str(error).rstrip(" .") or type(error).__name__


def located(given: str | os.PathLike[str]) -> Path:
    """The path with ``~`` replaced by the home folder, unless a file of exactly that name exists.

    >>> located("~/oil.jpg") == Path.home() / "oil.jpg"
    True
    """
    path = Path(os.fsdecode(given))
    if path.parts[:1] and path.parts[0].startswith("~") and not os.path.lexists(path):
        try:
            return path.expanduser()
        except RuntimeError:  # there is no such user
            return path
    return path


def as_given(path: str | os.PathLike[str]) -> str:
    """A path as it was typed; restores the slash of a web address that :class:`Path` removes.

    >>> as_given(Path("https://example.org/oil.jpg")), as_given("oil.jpg")
    ('https://example.org/oil.jpg', 'oil.jpg')
    """
    text = os.fsdecode(path)
    address = ADDRESS.fullmatch(text)
    return text if address is None else f"{address['scheme']}://{address['rest']}"


class _Interruptible(io.BufferedReader):
    """A file that a decoder reads piece by piece; reading stops if the run is interrupted."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes, at most ``size``.

        Raises:
            StoppedError: the run was asked to end.
        """
        interrupts.check()
        return super().read(size)


class _InterruptibleBytes(io.BytesIO):
    """The bytes of a file in memory, read like :class:`_Interruptible`."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes, at most ``size``.

        Raises:
            StoppedError: the run was asked to end.
        """
        interrupts.check()
        return super().read(size)


def in_memory(data: bytes) -> BinaryIO:
    """The bytes of a file as a file that is open for reading."""
    return _InterruptibleBytes(data)


def is_encoded(source: Any) -> bool:
    """Whether a picture is given as the bytes of its file or as a file object."""
    if isinstance(source, memoryview):
        return source.ndim == 1
    return isinstance(source, bytes | bytearray) or is_file_object(source)


def is_file_object(source: Any) -> bool:
    """Whether something can be read like an open file."""
    read = getattr(source, "read", None)
    of_class = isinstance(getattr(read, "__self__", None), type)  # as ``Style.read`` is
    return callable(read) and not of_class and not isinstance(source, os.PathLike | type)


def taken(source: Any) -> Any:
    """The bytes of an encoded picture, read once; anything else unchanged.

    A file object is read from its position, and stays open. No more is read than the largest
    picture may have, and one byte.

    Raises:
        ReasonError: the file object is open as text, or cannot be read.
    """
    if not is_encoded(source):
        return source
    return _contents(source) if is_file_object(source) else bytes(source)


def _contents(file: Readable) -> bytes:
    """What is left to read in a file object."""
    pieces, left = list[bytes](), MOST_BYTES + 1
    while left > 0:
        interrupts.check()
        try:
            piece: Any = file.read(min(CHUNK, left))
        except StoppedError:
            raise
        except Exception as error:
            raise ReasonError("file.failed", reason=reason_of(error)) from None
        if isinstance(piece, str):
            raise ReasonError("file.is-text")
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise ReasonError("file.no-bytes", type=type(piece).__name__)
        if not piece:
            break
        pieces.append(bytes(piece))
        left -= len(piece)
    return b"".join(pieces)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; pipes are refused, since opening one would block.

    Raises:
        OSError: there is no such file, it may not be read, or it is a folder, a device, a pipe or
            a web address.
        ValueError: no file can have such a name.
    """
    found = located(path)
    try:
        status = found.stat()
    except (FileNotFoundError, NotADirectoryError):
        if ADDRESS.fullmatch(os.fsdecode(path)):
            raise NotAFileError("file.is-address") from None
        raise
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError("file.is-device")
    return _Interruptible(found.open("rb", buffering=0))


def opened(path: str | os.PathLike[str], role: str) -> BinaryIO:
    """Open the file of a picture for reading.

    Args:
        path: the path as the user gave it.
        role: what errors call the file, such as ``content picture``.

    Raises:
        InputError: there is no such file, it cannot be read, or it is empty.
    """
    given = {"what": role, "path": as_given(path)}
    try:
        file = open_file(path)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError("input.not-found", **given) from None
    except IsADirectoryError:
        raise InputError("input.is-folder", **given) from None
    except (OSError, ValueError) as error:
        raise InputError("input.unreadable", **given, reason=reason_of(error)) from None
    if size_in(file) == 0:
        file.close()
        raise InputError("input.empty", **given)
    return file


def size_in(file: BinaryIO) -> int:
    """Size of an open file, or of what stands for one in memory, in bytes."""
    if isinstance(file, io.BytesIO):
        return file.getbuffer().nbytes
    return os.fstat(file.fileno()).st_size


def in_gigabytes(size: int) -> str:
    """A number of bytes as gigabytes, for a sentence.

    >>> in_gigabytes(12_000_000_000), in_gigabytes(2**31)
    ('12 GB', '2.15 GB')
    """
    return f"{size / 1e9:.3g} GB"


def in_units(size: int) -> str:
    """A number of bytes for a sentence, in the unit that suits it.

    >>> in_units(950), in_units(37_400_000), in_units(12_000_000_000)
    ('0.95 kB', '37.4 MB', '12 GB')
    """
    unit, factor = next(
        ((unit, factor) for unit, factor in (("GB", 1e9), ("MB", 1e6)) if size >= factor),
        ("kB", 1e3),
    )
    return f"{size / factor:.3g} {unit}"


def sha256_of(file: BinaryIO) -> str:
    """SHA-256 of an open file, which is read in pieces."""
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(CHUNK):
        digest.update(piece)
    return digest.hexdigest()
