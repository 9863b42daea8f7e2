"""Files of a painting on another machine: read where they are seen, or sent along.

A node that shares a folder with the driver sees the same files at the same paths. A node that does
not is sent the files, and sends the painting back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from impasto.errors import ImpastoError, WithMessage
from impasto.experiments.planning import Painting
from impasto.messages.message import Message
from impasto.pictures.inputs import file_of, files_of
from impasto.settings.recipe import Recipe
from impasto.settings.style import PICTURES, absolute
from impasto.settings.values import FIRST_CANVASES

PATHS = ("initial", "protect")  # settings of a recipe that may be files

Failure = TypeVar("Failure", bound=WithMessage)


@dataclass(frozen=True)
class SentFile:
    """A file that a painting reads.

    Attributes:
        path: its absolute path on the driver's machine.
        size: its size in bytes.
        modified: when it was written last, in nanoseconds.
        kept: where the engine keeps its bytes.
    """

    path: str
    size: int
    modified: int
    kept: Any

    def is_seen(self) -> bool:
        """Whether the same file is seen here."""
        with suppress(OSError):
            status = os.stat(self.path)  # noqa: PTH116 – once for both
            return (status.st_size, status.st_mtime_ns) == (self.size, self.modified)
        return False


def with_absolute_paths(painting: Painting, recipe: Recipe) -> tuple[Painting, Recipe]:
    """A painting and its recipe as any process of the machine can read them."""
    path = None if painting.path is None else Path(absolute(painting.path))
    return _renamed(Painting(painting.content, painting.styles, path), recipe, absolute)


def sent_files(
    painting: Painting, recipe: Recipe, keep: Callable[[Path, int], Any]
) -> list[SentFile]:
    """The files of a painting that can be read; what is wrong with the others, the node will say.

    Args:
        painting: the painting, with absolute paths.
        recipe: the settings, with absolute paths.
        keep: gives the bytes of a file to the engine, unless it has them; takes the path and when
            the file was written last.
    """
    sent = []
    for path in dict.fromkeys(files_of(painting.content, painting.styles, recipe)):
        with suppress(OSError):
            status = path.stat()
            kept = keep(path, status.st_mtime_ns)
            sent.append(SentFile(str(path), status.st_size, status.st_mtime_ns, kept))
    return sent


@contextmanager
def files_here(
    painting: Painting, recipe: Recipe, files: Sequence[SentFile], fetch: Callable[[Any], bytes]
) -> Iterator[tuple[Painting, Recipe]]:
    """A context in which a painting and its recipe name files that are seen here.

    Args:
        painting: the painting.
        recipe: the settings.
        files: the files that they name.
        fetch: fetches the bytes of a file from the engine.

    Yields:
        The painting and the recipe; files that are not seen here are in a temporary folder.
    """
    missing = [file for file in files if not file.is_seen()]
    if not missing:
        yield painting, recipe
        return
    with TemporaryDirectory(prefix="impasto-") as folder:
        moved: dict[str, str] = {}
        for number, file in enumerate(missing):
            place = Path(folder, str(number), Path(file.path).name)
            place.parent.mkdir()
            place.write_bytes(fetch(file.kept))
            moved[file.path] = str(place)

        def renamed(source: str) -> str:
            path = str(file_of(source))
            return source.replace(path, moved.get(path, path), 1)  # keeps the colour of a label

        try:
            yield _renamed(painting, recipe, renamed)
        except ImpastoError as error:
            raise naming(error, {place: path for path, place in moved.items()}) from None


def given_names(painting: Painting, recipe: Recipe) -> dict[str, str]:
    """The files of a painting and its folder as they are named, by their absolute paths."""
    files = files_of(painting.content, painting.styles, recipe)
    if painting.path is not None:
        files += [painting.path, painting.path.parent]
    return {absolute(file): str(file) for file in files}


def naming(error: Failure, names: Mapping[str, str]) -> Failure:
    """An error that calls files by other names.

    >>> from impasto.errors import InputError
    >>> error = InputError("input.empty", what="content picture", path="/data/a.png")
    >>> print(naming(error, {"/data/a.png": "a.png"}))
    The content picture 'a.png' is empty.

    Args:
        error: the error.
        names: the other names of paths.
    """
    return type(error)(error.code, **_named(error.values, names))


def naming_in(notice: Message, names: Mapping[str, str]) -> Message:
    """A notice that calls files by other names.

    Args:
        notice: the notice.
        names: the other names of paths.
    """
    return Message(notice.code, **_named(notice.values, names))


def _named(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The values of a message, with other names of paths."""

    def other(value: Any) -> Any:
        if isinstance(value, WithMessage):
            return naming(value, names)
        if isinstance(value, Message):
            return naming_in(value, names)
        return names.get(str(value), value) if isinstance(value, str | os.PathLike) else value

    return {name: other(value) for name, value in values.items()}


def _renamed(
    painting: Painting, recipe: Recipe, rename: Callable[[str], str]
) -> tuple[Painting, Recipe]:
    """A painting and its recipe with other paths of their pictures."""

    def other(source: Any) -> Any:
        return rename(os.fspath(source)) if isinstance(source, str | os.PathLike) else source

    def other_styles(styles: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            style.model_copy(
                update={
                    name: other(getattr(style, name)) for name in PICTURES if getattr(style, name)
                }
            )
            for style in styles
        )

    update: dict[str, Any] = {
        name: other(getattr(recipe, name))
        for name in PATHS
        if getattr(recipe, name) not in (None, *FIRST_CANVASES)
    }
    if recipe.styles:
        update["styles"] = other_styles(recipe.styles)
    changed = Painting(other(painting.content), other_styles(painting.styles), painting.path)
    return changed, recipe.model_copy(update=update) if update else recipe
