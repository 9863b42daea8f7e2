"""The plan of many paintings: which pictures, in which styles, in which files.

It imports no torch, so that what is wrong with the names is said at once.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError, InputError
from impasto.experiments.naming import paths_for, read_naming
from impasto.files.carried import carried_text
from impasto.files.listing import names_several, pictures_in
from impasto.files.reading import located
from impasto.files.writing import check_apart, folders_made, is_there
from impasto.pictures import images, writers
from impasto.pictures.inputs import StyleSource, files_of, styles_of
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style


@dataclass(frozen=True, eq=False)
class Painting:
    """A painting that is planned.

    Attributes:
        content: the content picture.
        styles: its styles; empty if the recipe needs none.
        path: the file of the painting; None if it is not written.
    """

    content: images.Source
    styles: tuple[Style, ...]
    path: Path | None = None

    @property
    def name(self) -> str:
        """The names of its pictures, as in ``photo.jpg in the style of oil.jpg``."""
        content = _shown(self.content)
        styles = " and ".join(_shown(style.picture) for style in self.styles)
        return f"{content} in the style of {styles}" if styles else content

    @property
    def style(self) -> StyleSource | tuple[Style, ...] | None:
        """The style picture; several styles, or one with settings of its own, as :class:`Style`."""
        if not self.styles:
            return None
        plain = len(self.styles) == 1 and self.styles[0].is_plain
        return self.styles[0].picture if plain else self.styles


@dataclass(frozen=True)
class Output:
    """Where a user wants the paintings.

    Attributes:
        text: a folder, a template or a file; None for beside the content pictures.
        preset: what the field ``preset`` of a template stands for.
        format: the format of paintings whose names are not given; None for PNG.
    """

    text: str | None
    preset: str
    format: str | None = None


@dataclass(frozen=True)
class Plan:
    """The paintings that are planned.

    Attributes:
        paintings: in order.
        makes_folders: whether the folders of their files are made if they are missing.
        beside: whether their files are beside the content pictures.
    """

    paintings: tuple[Painting, ...]
    makes_folders: bool = False
    beside: bool = False

    @property
    def paths(self) -> list[Path]:
        """The files of the paintings."""
        return [painting.path for painting in self.paintings if painting.path is not None]

    def folders(self) -> AbstractContextManager[None]:
        """A context in which the folders of the files exist, if they may be made.

        Raises:
            InputError: a folder cannot be made.
        """
        return folders_made(
            dict.fromkeys(path.parent for path in self.paths) if self.makes_folders else ()
        )

    @contextmanager
    def checked(
        self,
        recipe: Recipe,
        inputs: Iterable[Path] = (),
        outputs: Iterable[Path] = (),
        form: Mapping[str, Any] | None = None,
    ) -> Iterator[None]:
        """A context for painting, after checking every name and making the folders.

        Folders that nothing was written to are removed again.

        Args:
            recipe: the settings.
            inputs: further files that are read.
            outputs: further files that are written.
            form: format, quality and bits per channel of the paintings, as
                :func:`writers.check_output` takes them.

        Raises:
            InputError: a painting cannot be written, or is an input or another output.
        """
        read = {
            path: None
            for one in self.paintings
            for path in files_of(one.content, one.styles, recipe)
        }
        check_apart([*read, *inputs], [*self.paths, *outputs])
        with self.folders():
            for path in filter(_is_unicode, self.paths):  # others fail alone, when they are painted
                if not self.beside or is_there(path.parent):  # else the content picture is missing
                    writers.check_output(path, **(form or {}))
            yield


def plan(
    contents: Sequence[images.Source],
    styles: Sequence[Style] | None,
    recipe: Recipe,
    output: Output | None,
    *,
    each: bool = False,
    pairs: bool = False,
    skip_existing: bool = False,
) -> Plan:
    """Plan many paintings; no picture is read yet.

    Args:
        contents: the content pictures, folders and patterns.
        styles: the styles, whose pictures may be folders and patterns; None for those of the
            recipe.
        recipe: the settings.
        output: where the paintings go; None if they are not written.
        each: paint in each of the styles alone.
        pairs: paint the first content picture in the first style, and so on.
        skip_existing: whether paintings that exist are skipped.

    Raises:
        InputError: there is no such picture, nothing to paint, or no way to name the paintings.
    """
    if each and pairs:
        raise InputError("many.each-and-pairs")
    groups = _styles_apart(recipe.styles if styles is None else styles, each or pairs)
    sources = _spread(contents, once=not pairs)
    for group in groups:
        styles_of(group or None, recipe, sources[0][0])
    if pairs and len(sources) != len(groups):
        raise InputError("many.pairs", contents=len(sources), styles=len(groups))
    naming = None
    if output is not None:
        several = len(groups) > 1
        naming = read_naming(output.text, output.preset, several=several, format=output.format)
    earlier: list[tuple[Any, bool]] = []
    if naming is not None and not pairs:
        sources, earlier = _without_paintings(sources)
    while True:
        paired = _paired([source for source, _ in sources], groups, pairs=pairs)
        if naming is None:
            return Plan(tuple(Painting(*pair) for pair in paired))
        paths = paths_for(paired, naming)
        written = {
            identity_of(path): content for (content, _), path in zip(paired, paths, strict=True)
        }
        own = [] if pairs else _own_paintings(sources, written, skip_existing=skip_existing)
        # None may be replaced by another's.
        _own_paintings(earlier, written, skip_existing=skip_existing)
        if not own:
            paintings = (Painting(*pair, path) for pair, path in zip(paired, paths, strict=True))
            beside = naming.folder is None
            return Plan(tuple(paintings), bool(naming.fields) and not beside, beside)
        # Paintings of an earlier run are in the same folder as their content pictures.
        sources = [source for source in sources if not any(source is one for one in own)]


def _styles_apart(styles: Sequence[Style], apart: bool) -> list[tuple[Style, ...]]:
    """The styles of each painting of a content picture; folders and patterns are never blended."""
    spread: list[Style] = []
    for style in styles:
        if isinstance(style.picture, str) and names_several(style.picture):
            apart = True
            files = pictures_in(style.picture)
            spread += [style.model_copy(update={"picture": str(file)}) for file in files]
        else:
            spread.append(style)
    return [(style,) for style in spread] if apart and spread else [tuple(spread)]


def _spread(contents: Iterable[Any], *, once: bool) -> list[tuple[Any, bool]]:
    """The content pictures, each with whether it was found in a folder or by a pattern.

    Args:
        contents: the pictures, folders and patterns.
        once: whether a file that is named twice counts once.
    """
    spread: dict[Hashable, tuple[Any, bool]] = {}
    count = itertools.count()
    for content in contents:
        is_path = isinstance(content, str | os.PathLike)
        several = is_path and names_several(content)
        for one in pictures_in(content) if several else [content]:
            key = identity_of(one) if is_path and once else next(count)
            spread.setdefault(key, (str(one) if is_path else one, several))
    if not spread:
        raise InputError("many.nothing")
    return list(spread.values())


def _without_paintings(
    sources: list[tuple[Any, bool]],
) -> tuple[list[tuple[Any, bool]], list[tuple[Any, bool]]]:
    """The content pictures, and paintings of others that were found in the same folder."""
    beside: dict[Path, set[str]] = defaultdict(set)  # folder → names of the pictures in it
    for path in (Path(source) for source, _ in sources if isinstance(source, str)):
        beside[path.parent].add(path.name)
    apart: tuple[list[tuple[Any, bool]], list[tuple[Any, bool]]] = [], []
    for source, was_found in sources:
        others = beside[Path(source).parent] - {Path(source).name} if was_found else set()
        apart[bool(others) and _is_painting_of(source, others)].append((source, was_found))
    return apart


def _own_paintings(
    sources: list[tuple[Any, bool]], written: Mapping[Hashable, Any], *, skip_existing: bool
) -> list[tuple[Any, bool]]:
    """The content pictures that are paintings of others, made by an earlier run.

    Args:
        sources: the content pictures, each with whether it was found in a folder or by a pattern.
        written: the content picture of each file that is written.
        skip_existing: whether paintings that were named one by one count too.

    Raises:
        InputError: a painting would replace a content picture that is no such painting.
    """
    own: list[tuple[Any, bool]] = []
    for entry in sources:
        source, was_found = entry
        content = written.get(identity_of(source), source)
        if content is source or not (was_found or skip_existing):
            continue  # what was named is an input, which is never replaced
        if not _is_painting_of(source, {Path(content).name if isinstance(content, str) else None}):
            raise InputError("many.would-replace", content=_shown(content), path=_shown(source))
        own.append(entry)
    return own


def _is_painting_of(path: Any, names: Container[str | None]) -> bool:
    """Whether a file carries the metadata of a painting of a content picture with such a name."""
    try:
        return json.loads(carried_text(path) or "")["content"]["name"] in names
    except (ImpastoError, KeyError, TypeError, ValueError, RecursionError):
        return False


def _paired(
    contents: Sequence[Any], groups: Sequence[tuple[Style, ...]], *, pairs: bool
) -> list[tuple[Any, tuple[Style, ...]]]:
    """The content picture and the styles of each painting, style by style.

    Of several, no picture is painted in its own style.
    """
    if pairs:
        return list(zip(contents, groups, strict=True))
    every = [(content, group) for group in groups for content in contents]
    if len(every) == 1:
        return every
    other = [
        (content, group)
        for content, group in every
        if identity_of(content) not in {identity_of(style.picture) for style in group}
    ]
    if not other:
        raise InputError("many.nothing")
    return other


def identity_of(picture: Any) -> Hashable:
    """What tells a picture from others: the file that its path leads to, or the object itself."""
    if not isinstance(picture, str | os.PathLike):
        return id(picture)
    with suppress(OSError, ValueError):
        return os.path.normcase(os.path.realpath(located(picture)))
    return os.fsdecode(picture)


def _is_unicode(path: Path) -> bool:
    with suppress(UnicodeEncodeError):
        return bool(str(path).encode())
    return False


def _shown(picture: Any) -> str:
    return os.fsdecode(picture) if isinstance(picture, str | os.PathLike) else "a picture in memory"
