"""Checks before the studio opens: the password of visitors, the address, the folders."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from impasto.errors import InputError
from impasto.files.reading import open_file, reason_of

CREDENTIALS = "IMPASTO_STUDIO_AUTH"  # environment variable
EXAMPLE = "anna:secret"
MOST_BYTES = 10_000  # of a file with a name and a password
BACKLOG = 128  # connections that wait to be accepted

# ------------------------------------------------------------------------------ who may come in


def credentials(given: str | None, file: Path | None) -> tuple[str, str] | None:
    """The name and password of visitors, from the command line, a file or the environment.

    Returns:
        Name and password; None if none are given.

    Raises:
        InputError: they are given twice, are not a name and a password, or the file cannot be read.
    """
    if given is not None and file is not None:
        raise InputError("studio.auth-twice")
    if file is not None:
        otherwise = InputError("studio.auth-file-unclear", path=file, example=EXAMPLE)
        return _name_and_password(_line_of(file), otherwise)
    where = CREDENTIALS if given is None else "--auth"
    text = os.environ.get(CREDENTIALS) if given is None else given
    otherwise = InputError("studio.auth-unclear", where=where, example=EXAMPLE)
    return None if text is None else _name_and_password(text, otherwise)


def _name_and_password(text: str, otherwise: InputError) -> tuple[str, str]:
    name, _, password = text.partition(":")
    if not (name and password) or not text.isprintable():
        raise otherwise
    return name, password


def _line_of(file: Path) -> str:
    """The line in a file; empty if it is not UTF-8."""
    try:
        with open_file(file) as opened:
            data = opened.read(MOST_BYTES)
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return ""
    except (OSError, ValueError) as error:
        raise InputError(
            "studio.auth-file-unreadable", path=file, reason=reason_of(error)
        ) from None


# -------------------------------------------------------------------------------- the address


@dataclass(frozen=True)
class Address:
    """The address on which the studio listens.

    Attributes:
        host: the host as the user named it, without brackets.
        family: the family of the address, such as IPv4.
        place: the address and the port, as sockets take them.
    """

    host: str
    family: socket.AddressFamily
    place: tuple[Any, ...]

    @classmethod
    def of(cls, host: str, port: int) -> Address:
        """The address of a host; IPv4 is preferred if it has several.

        >>> [Address.of(host, 80).is_local for host in ("127.0.0.2", "[::1]", "0.0.0.0")]
        [True, True, False]

        Args:
            host: a name or an address of this machine; an IPv6 address may be in brackets.
            port: the number of the port; 0 for any free one.

        Raises:
            InputError: there is no such host.
        """
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        try:
            found = socket.getaddrinfo(bare or "?", port, type=socket.SOCK_STREAM)
        except (OSError, ValueError):
            raise InputError("studio.no-host", host=host) from None
        family, _, _, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
        return cls(bare, family, place)

    @property
    def is_local(self) -> bool:
        """Whether the address can only be reached from this machine."""
        return ipaddress.ip_address(self.place[0].partition("%")[0]).is_loopback

    def listen(self) -> socket.socket:
        """A socket that listens on the address.

        Raises:
            InputError: no socket can listen on it.
        """
        try:
            return socket.create_server(self.place, family=self.family, backlog=BACKLOG)
        except OSError as error:
            raise _not_listening(error, self.host, self.place[1]) from None

    def url(self, listener: socket.socket) -> str:
        """The URL of the studio, for a socket that listens on the address."""
        host = self.host.replace("%", "%25")
        port = listener.getsockname()[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _not_listening(error: OSError, host: str, port: int) -> InputError:
    """The error for an address that no socket can listen on."""
    match error.errno:
        case errno.EADDRINUSE:
            return InputError("studio.port-taken", host=host, port=port)
        case errno.EACCES | errno.EPERM:
            return InputError("studio.port-forbidden", host=host, port=port, least=1024)
        case errno.EADDRNOTAVAIL | errno.EINVAL | errno.ENODEV | errno.EAFNOSUPPORT:
            return InputError("studio.not-an-address", host=host, example="127.0.0.1")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return InputError("studio.not-listening", host=host, port=port, reason=reason)


# -------------------------------------------------------------------------------- the folders


def folder_of_jobs() -> Path:
    """The folder for paintings in progress, which is created if necessary.

    Raises:
        InputError: this folder or another one that the studio needs cannot be written to.
    """
    folder = platformdirs.user_cache_path("impasto") / "studio"
    _make(folder, "what is being painted", "XDG_CACHE_HOME")
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:
        raise InputError("studio.no-temporary-folder") from None
    uploads = os.environ.get("GRADIO_TEMP_DIR")
    _make(Path(uploads) if uploads else temporary / "gradio", "uploads", "GRADIO_TEMP_DIR")
    return folder


def _make(folder: Path, what: str, variable: str) -> None:
    """Create a folder if necessary, and make sure that it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise InputError(
            "studio.folder-unwritable",
            what=what,
            folder=folder,
            reason=reason_of(error),
            variable=variable,
        ) from None
