"""Pictures from standard input and to standard output, which a command line names ``-``."""

from __future__ import annotations

import io
import os
import re
import select
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from impasto.cli.streams import was_closed
from impasto.errors import InputError, RunError
from impasto.files.reading import CHUNK, in_gigabytes, reason_of
from impasto.settings.style import Style

if TYPE_CHECKING:
    from impasto.pictures import images

DASH = Path("-")
STDIN, STDOUT = 0, 1  # file descriptors
SETTINGS = re.compile(r"-[:,]")  # begins the text form of a style that is standard input
SHIELD = "\0"  # which no argument of a process can contain


def shielded(arguments: Sequence[str]) -> list[str]:
    """The arguments, with a mark before those like ``-:0.5`` that would be taken for an option.

    >>> shielded(["stylize", "-", "-:0.5", "-o", "-"])
    ['stylize', '-', '\\x00-:0.5', '-o', '-']
    """
    command, others = arguments[:1], arguments[1:]
    return [*command, *(f"{SHIELD}{one}" if SETTINGS.match(one) else one for one in others)]


def path_of(text: str) -> Path:
    """The path in an argument: ``-`` is :data:`DASH`, and ``./-`` the file of that name."""
    path = Path(text.removeprefix(SHIELD))
    return path.absolute() if path == DASH and text != str(DASH) else path


def style_of(text: str) -> Style:
    """The style in an argument.

    Raises:
        InputError: a field is unknown or has a value that cannot be used.
    """
    return Style.read(text.removeprefix(SHIELD))


def is_dash(picture: object) -> bool:
    """Whether the source of a picture is named ``-``."""
    return isinstance(picture, str | Path) and str(picture) == str(DASH)


def check_files(paths: Mapping[str, object]) -> None:
    """Make sure that files are not named ``-``, where only a file will do.

    Args:
        paths: what is named, by the flag or the noun that names it.

    Raises:
        InputError: one is.
    """
    for name, path in paths.items():
        if is_dash(path):
            raise InputError("pipe.needs-file", name=name)


def taken_in(content: Path, styles: Sequence[Style]) -> tuple[images.Source, list[Style]]:
    """The content and the styles, with the bytes of standard input for the one named ``-``.

    Raises:
        InputError: more than one is named ``-``, a mask is, or standard input cannot be read.
    """
    from impasto.pictures.inputs import called, numbered

    pictures = {"content picture": content} | {
        called(numbered("style", number)): style.picture
        for number, style in enumerate(styles, start=1)
    }
    for style in styles:
        check_files({"mask": style.mask, "style_mask": style.style_mask})
    first, *others = take_in(pictures).values()
    return first, [
        style.model_copy(update={"picture": picture})
        for style, picture in zip(styles, others, strict=True)
    ]


def take_in(pictures: Mapping[str, images.Source]) -> dict[str, images.Source]:
    """Pictures by the nouns of errors, with the bytes of standard input for the one named ``-``.

    Raises:
        InputError: more than one is named ``-``, or standard input cannot be read.
    """
    piped = [role for role, picture in pictures.items() if is_dash(picture)]
    if len(piped) > 1:
        raise InputError("pipe.two-inputs", one=piped[0], other=piped[1])
    return {**pictures, **{role: _read_stdin(role) for role in piped}}


def _read_stdin(role: str) -> bytes:
    """Every byte of standard input, at most as many as the file of a picture may have."""
    from impasto.pictures.limits import MOST_BYTES

    read = io.BytesIO()
    try:
        if os.isatty(STDIN):
            raise InputError("pipe.input-terminal", what=role)
        while piece := os.read(STDIN, CHUNK):
            read.write(piece)
            if read.tell() > MOST_BYTES:
                raise InputError("pipe.too-large", what=role, most=in_gigabytes(MOST_BYTES))
    except OSError as error:
        raise InputError("pipe.unreadable", what=role, reason=reason_of(error)) from None
    if read.tell() == 0:
        raise InputError("pipe.empty", what=role)
    return read.getvalue()


def output_of(path: Path, *, document: bool = False) -> Path | None:
    """The path of an output, or None for standard output.

    Args:
        path: the path as it was named.
        document: whether standard output gets a JSON document.

    Raises:
        InputError: it is ``-``, and standard output is a terminal, is closed or gets a document.
    """
    if path != DASH:
        return path
    if document:
        raise InputError("command.json-and-stdout")
    if was_closed(STDOUT):
        raise InputError("pipe.output-closed")
    if os.isatty(STDOUT):
        raise InputError("pipe.output-terminal")
    return None


def check_apart_from_stdout(paths: Iterable[Path | None]) -> None:
    """Make sure that standard output, which gets a picture or a document, gets nothing else.

    Args:
        paths: what is written during the run; None for what is not.

    Raises:
        InputError: one is standard output by another name, such as ``/dev/stdout``.
    """
    for path in paths:
        if path is not None and _is_stdout(path):
            raise InputError("output.is-output", path=path)


def _is_stdout(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return os.path.samestat(path.stat(), os.fstat(STDOUT))
    return False


def save_to(save: Callable[..., None], path: Path | None) -> None:
    """Write a picture to a file, or to standard output.

    Args:
        save: writes the picture to a path or a binary stream.
        path: the path; None for standard output.

    Raises:
        InputError: the picture cannot be written to the path.
        OSError: the file could not be written.
        RunError: standard output could not be written.
    """
    save(path) if path is not None else write_out(save)


def write_out(save: Callable[[BinaryIO], None]) -> None:
    """Write a picture to standard output.

    Args:
        save: writes the picture to a stream.

    Raises:
        RunError: standard output is closed or full.
    """
    encoded = io.BytesIO()
    save(encoded)
    left = encoded.getbuffer()
    try:
        while left:
            try:
                left = left[os.write(STDOUT, left) :]
            except BlockingIOError:  # whoever made the pipe may have set it so
                select.select([], [STDOUT], [])
    except OSError as error:
        raise RunError("pipe.not-written", reason=reason_of(error)) from None
