"""Pictures that a user names together: those of a folder, or those that match a pattern."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from impasto.errors import InputError
from impasto.files.reading import ADDRESS, located, reason_of
from impasto.files.writing import is_there

# Suffixes of the pictures that can be read, in lower case: kind of picture → its suffixes.
KINDS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WebP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "HEIC": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEG 2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "JPEG XL": (".jxl",),
    "PSD": (".psd", ".psb"),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pam"),
    "PFM": (".pfm",),
    "DNG": (
        *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf"),
        *(".rw2", ".raw", ".rwl", ".pef", ".srw", ".iiq", ".3fr", ".fff", ".erf", ".kdc", ".dcr"),
        *(".mef", ".mos", ".mrw", ".x3f", ".gpr"),
    ),
}
PICTURES = frozenset(itertools.chain.from_iterable(KINDS.values()))


def names_several(given: str | os.PathLike[str]) -> bool:
    """Whether a text names a folder, or is a pattern such as ``*.jpg`` and not the name of a file.

    >>> names_several("photos/*.jpg"), names_several("photo.jpg")
    (True, False)
    """
    text, path = os.fsdecode(given), located(given)
    if os.path.isdir(path):  # noqa: PTH112 – Path.is_dir raises for some names
        return True
    return glob.has_magic(text) and not is_there(path) and not ADDRESS.fullmatch(text)


def pictures_in(given: str | os.PathLike[str]) -> list[Path]:
    """The pictures of a folder, by their suffix and sorted by name; or those that match a pattern.

    Folders within the folder and hidden files are left out. A pattern may contain ``**`` for any
    number of folders; files that do not end like a picture are left out if others do.

    Raises:
        InputError: the folder cannot be read, or there is no picture.
    """
    path = located(given)
    if path.is_dir():
        found = [file for file in _files_in(path) if _is_picture(file)]
        if not found:
            raise InputError("many.no-pictures", path=path)
        return sorted(found, key=lambda file: file.name)
    matching = _matching(path)
    found = [file for file in matching if _is_picture(file)] or matching
    if not found:
        raise InputError("many.no-match", pattern=os.fsdecode(given))
    return found


def first_of_each(paths: Iterable[Path]) -> list[Path]:
    """The paths in their order, each file once."""
    return list({os.path.realpath(path): path for path in reversed(list(paths))}.values())[::-1]


def _files_in(folder: Path) -> list[Path]:
    try:
        names = [entry.name for entry in os.scandir(folder) if _may_be_picture(entry.path)]
    except OSError as error:
        reason = reason_of(error)
        raise InputError("input.unreadable", what="folder", path=folder, reason=reason) from None
    return [folder / name for name in names if not name.startswith(".")]


def _may_be_picture(path: str) -> bool:
    """Whether a path leads to a file, or nowhere; the latter is named when it is read."""
    return os.path.isfile(path) or not os.path.exists(path)  # noqa: PTH110, PTH113 – never raise


def _matching(pattern: Path) -> list[Path]:
    try:
        names = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 – hides dot files
    except (OSError, ValueError):  # a name that no file can have
        return []
    return [Path(name) for name in names if _may_be_picture(name)]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES
