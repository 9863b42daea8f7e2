"""The names of many paintings: in a folder, by a template, or beside the content pictures."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import string
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import InputError
from impasto.files.reading import located
from impasto.pictures import images
from impasto.settings.style import Style

FIELDS = ("content", "style", "preset", "number")
IN_FOLDER, BESIDE = "{content}-{style}", "{content}-painting"  # without suffix
WIDEST = 20  # most digits of a number
LONGEST = 200  # most bytes of a name before its suffix
STDIN = Path("-")  # a content picture from standard input
Key = tuple[str, Hashable]  # of a picture: its role, and what tells it from others
Pair = tuple[images.Source, tuple[Style, ...]]  # a content picture and the styles of its painting


@dataclass(frozen=True)
class Naming:
    """How paintings are named.

    Attributes:
        template: a name with fields in braces (:data:`FIELDS`), which may contain folders.
        folder: the folder that the name is relative to; None for that of each content picture.
        preset: the value of the field ``preset``.
        is_file: whether the template is the name of one file, in which braces mean nothing.
    """

    template: str
    folder: Path | None
    preset: str
    is_file: bool = False

    @property
    def fields(self) -> set[str]:
        """The fields of the template."""
        if self.is_file:
            return set()
        return {name for _, name, _, _ in string.Formatter().parse(self.template) if name}

    @property
    def is_usual(self) -> bool:
        """Whether the names are impasto's own, rather than those of a template."""
        return Path(self.template).stem in (IN_FOLDER, BESIDE)

    def path(self, content: str, style: str, number: int, folder: Path) -> Path:
        """The path of a painting.

        Args:
            content: what stands for the content picture.
            style: what stands for the style.
            number: number of the painting, from 1.
            folder: the folder of the content picture.
        """
        if self.is_file:
            return Path(self.template)
        values = {"content": content, "style": style, "preset": self.preset, "number": number}
        name = self.template.format(**values)
        return _shortened((folder if self.folder is None else self.folder) / name)


def read_naming(
    output: str | os.PathLike[str] | None,
    preset: str,
    *,
    several: bool,
    format: str | None = None,
) -> Naming:
    """How an output that a user gives names the paintings.

    Args:
        output: an existing folder or a name that ends in a slash; a template with fields in
            braces; the name of one file; or None for names beside the content pictures.
        preset: the value of the field ``preset``.
        several: whether a content picture is painted in several styles.
        format: the suffix of names that are not given; None for PNG.

    Raises:
        InputError: the template has an unknown field or a brace that is not closed.
    """
    suffix = f".{format or 'png'}"
    in_folder = f"{IN_FOLDER}{suffix}"
    if output is None:
        return Naming(in_folder if several else f"{BESIDE}{suffix}", None, preset)
    text, path = os.fsdecode(output), located(output)
    ends_in_slash = text.endswith(("/", os.sep))
    if os.path.isdir(path):  # noqa: PTH112 – Path.is_dir raises for some names
        return Naming(in_folder, path, preset)
    if "{" in text or "}" in text:
        template = str(path / in_folder) if ends_in_slash else str(path)
        _check_template(template, text)
        if Naming(template, Path(), preset).fields:
            return Naming(template, Path(), preset)
        path = Path(template.format())  # its braces were doubled, and stand for themselves
    if ends_in_slash:
        return Naming(in_folder, path, preset)
    return Naming(str(path), Path(), preset, is_file=True)


def _check_template(template: str, text: str) -> None:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:  # a brace without its other half
        raise InputError("many.template", name=text, fields=FIELDS, most=WIDEST) from None
    for _, name, spec, conversion in parts:
        if name is not None and not (name in FIELDS and not conversion and _fits(name, spec)):
            raise InputError("many.template", name=text, fields=FIELDS, most=WIDEST)


def _fits(name: str, spec: str | None) -> bool:
    """Whether a field can have a format; only numbers have one, as in ``{number:03}``.

    >>> _fits("number", "03"), _fits("number", "1000000000"), _fits("content", "03")
    (True, False, False)
    """
    if not spec:
        return True
    if name != "number" or any(float(digits) > WIDEST for digits in re.findall(r"\d+", spec)):
        return False
    try:
        return bool(format(1, spec))
    except ValueError:
        return False


def paths_for(pairs: Sequence[Pair], naming: Naming) -> list[Path]:
    """The path of every painting, in the order of the pairs.

    Pictures are named by their stems. Names of impasto's own that differ only by upper and lower
    case get numbers. Where two paintings would get the same name, the whole file
    names of their pictures take the place of the stems, and then also the names of their folders.

    Raises:
        InputError: the name has no field that would tell the paintings apart.
    """
    if len(pairs) > 1 and naming.is_file:
        name = naming.template
        raise InputError("many.one-file", **_proposals(Path(name)), count=len(pairs), path=name)
    labels = _Labels(pairs)
    while True:
        paths = [
            naming.path(*labels.of(index), index + 1, labels.folder(index))
            for index in range(len(pairs))
        ]
        same = defaultdict(list)
        for index, path in enumerate(paths):
            same[_folded(path)].append(index)
        clashes = [indices for indices in same.values() if len(indices) > 1]
        if not clashes:
            return paths
        if not labels.lengthen(clashes, naming.fields):
            if naming.is_usual and all(_differ(paths, indices) for indices in clashes):
                return _numbered(paths)
            raise InputError("many.same-name", path=paths[clashes[0][0]], fields=FIELDS)


def _differ(paths: Sequence[Path], indices: Sequence[int]) -> bool:
    """Whether paths differ, if only by upper and lower case."""
    return len({paths[index] for index in indices}) == len(indices)


def _numbered(paths: Iterable[Path]) -> list[Path]:
    """The paths; those that differ from an earlier one only by case get numbers.

    >>> [path.name for path in _numbered([Path("p.png"), Path("P.png")])]
    ['p.png', 'P-2.png']
    """
    numbered: dict[str, Path] = {}
    for path in paths:
        others = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
        free = (one for one in itertools.chain([path], others) if _folded(one) not in numbered)
        chosen = next(free)
        numbered[_folded(chosen)] = chosen
    return list(numbered.values())


def _folded(path: Path) -> str:
    """A path as file systems compare it that do not tell upper from lower case."""
    return os.path.normcase(os.path.abspath(path)).casefold()  # noqa: PTH100


def _proposals(path: Path) -> dict[str, Any]:
    suffix = path.suffix or ".png"
    template = str(path.with_name(f"{{content}}-{{style}}{suffix}"))
    return {"folder": f"{path.with_suffix('')}/", "template": template}


class _Labels:
    """What stands for the pictures of each painting in its name; at first their stems."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._parts: dict[Key, int] = defaultdict(int)  # of a picture: how much of its path
        self._numbers: dict[Key, int] = {}  # of pictures in memory, in their order

    def of(self, index: int) -> tuple[str, str]:
        """The labels of a painting's content picture and of its style."""
        content, styles = self._pairs[index]
        style = "+".join(self._label("style", style.picture) for style in styles) or "painting"
        return self._label("content", content), style

    def folder(self, index: int) -> Path:
        """The folder of a painting's content picture."""
        path = _path_of(self._pairs[index][0])
        return Path() if path is None else path.parent

    def lengthen(self, clashes: Iterable[Sequence[int]], fields: set[str]) -> bool:
        """Use more of the paths of the pictures of paintings that have the same name.

        Args:
            clashes: the indices of paintings that have the same name, name by name.
            fields: the fields of the name.

        Returns:
            Whether there was more to use.
        """
        longer: set[Key] = set()
        for indices in clashes:
            contents = self._longer("content", [self._pairs[i][0] for i in indices])
            pictures = [style.picture for i in indices for style in self._pairs[i][1]]
            styles = self._longer("style", pictures)
            if "content" in fields and contents:
                longer |= contents
            elif "style" in fields:
                longer |= styles
        for key in longer:
            self._parts[key] += 1
        return bool(longer)

    def _longer(self, role: str, pictures: Iterable[Any]) -> set[Key]:
        """Keys of different pictures whose labels can be longer; empty if they are one picture."""
        by_key = {_key(role, picture): _path_of(picture) for picture in pictures}
        if len({str(path).casefold() if path else key for key, path in by_key.items()}) == 1:
            return set()
        return {
            key
            for key, path in by_key.items()
            if path is not None and self._parts[key] < len(path.parts)
        }

    def _label(self, role: str, picture: Any) -> str:
        key, path = _key(role, picture), _path_of(picture)
        if path is None:
            count = sum(of == role for of, _ in self._numbers)
            return f"{role}-{self._numbers.setdefault(key, 1 + count)}"
        used = self._parts[key]
        parts = [part for part in path.parts[-used:] if part != path.anchor]
        if used:
            return "-".join(parts)
        return "stdin" if path == STDIN else path.stem


def _path_of(picture: Any) -> Path | None:
    """The path of a picture; None for one in memory."""
    return Path(os.fsdecode(picture)) if isinstance(picture, str | os.PathLike) else None


def _key(role: str, picture: Any) -> Key:
    path = _path_of(picture)
    return role, id(picture) if path is None else str(path)


def _shortened(path: Path) -> Path:
    """The path; a name that is too long for many file systems is cut, and marked by its hash."""
    stem = path.stem.encode(errors="surrogateescape")
    if len(stem) <= LONGEST:
        return path
    digest = hashlib.sha256(stem).hexdigest()[:16]
    return path.with_name(f"{stem[:LONGEST].decode(errors='ignore')}-{digest}{path.suffix}")
