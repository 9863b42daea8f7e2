"""One pair of pictures under one or two settings that vary."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from impasto.errors import InputError
from impasto.experiments.contact_sheet import OnPicture, OnSheet, Place, Sheet, painting_in
from impasto.files.writing import check_apart, check_folder
from impasto.objective.cache import SHARED_BYTES
from impasto.pictures import images
from impasto.pictures.inputs import StyleSource, files_of, styles_of
from impasto.run.prepare import check_variation, prepare, vary
from impasto.run.result import OnStep
from impasto.settings.recipe import Recipe, RecipeSource


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it takes, one after the other.

    >>> Axis.read("style-scale=0.5,1")
    Axis(setting='style_scale', values=('0.5', '1'))
    >>> Axis.read("style_layers=conv1_1,conv2_1; conv3_1").values
    ('conv1_1,conv2_1', 'conv3_1')
    """

    setting: str
    values: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Axis:
        """An axis from its text form; where a semicolon stands in it, values may hold commas.

        Raises:
            InputError: it names no setting, or no value.
        """
        name, _, rest = text.partition("=")
        values = [part.strip() for part in rest.split(";" if ";" in rest else ",")]
        values = [value for value in values if value]
        if not name.strip() or not values:
            raise InputError(
                f"--vary takes a setting and its values, as in strength=0.2,0.5,0.8, not '{text}'."
            )
        return cls(name.strip().replace("-", "_"), tuple(values))

    @property
    def names(self) -> list[str]:
        """What each value is called."""
        return [f"{self.setting}={value}" for value in self.values]


def grid(recipe: Recipe, axes: Sequence[Axis]) -> list[list[Recipe]]:
    """A recipe for each picture: the first axis goes across, the second down.

    Raises:
        InputError: there is no axis, there are more than two, or a recipe cannot be used.
    """
    if not 1 <= len(axes) <= 2:
        raise InputError(
            f"A sweep varies one setting or two, not {len(axes)}: give --vary so often."
        )
    across, *down = axes
    if down and down[0].setting == across.setting:
        raise InputError(f"{across.setting} is varied twice: name each setting once.")
    return [
        [recipe.model_copy(update={across.setting: value, **row}) for value in across.values]
        for row in ([{down[0].setting: value} for value in down[0].values] if down else [{}])
    ]


def paintings(axes: Sequence[Axis], folder: Path) -> list[Path]:
    """Every file that a sweep leaves in a folder.

    Raises:
        InputError: the folder cannot be written to.
    """
    check_folder(folder)
    return [painting_in(folder, name) for row in _names(axes) for name in row]


def _names(axes: Sequence[Axis]) -> list[list[str]]:
    """What the pictures of a sheet are called, row by row."""
    across, *down = (axis.names for axis in axes)
    rows = down[0] if down else [""]
    return [[", ".join(filter(None, (name, row))) for name in across] for row in rows]


def sweep(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    axes: Sequence[Axis],
    recipe: RecipeSource | None = None,
    *,
    device: str | torch.device = "auto",
    folder: Path | None = None,
    on_picture: OnPicture | None = None,
    on_sheet: OnSheet | None = None,
    on_step: OnStep | None = None,
) -> Image.Image:
    """Paint every picture, and lay them out on one sheet.

    Pictures and weights are read once, and what several recipes measure alike is measured once.

    Args:
        content: as for :func:`impasto.stylize`.
        style: as for :func:`impasto.stylize`.
        axes: one or two.
        recipe: what does not vary; None means the preset ``default``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        folder: for each painting as a PNG of its own; None for the sheet alone.
        on_picture: called before each painting.
        on_sheet: called with the sheet before the first painting, and after each.
        on_step: called after every step; may return False to stop.

    Raises:
        InputError: a picture or a recipe cannot be used.
        RunError: a run failed.
    """
    recipes = grid(Recipe.read(recipe), axes)
    flat = list(itertools.chain(*recipes))
    if folder is not None:
        read = (files_of(content, styles_of(style, one, content), one) for one in flat)
        check_apart(itertools.chain(*read), paintings(axes, folder))
        folder.mkdir(exist_ok=True)
    first = prepare(content, style, recipes[0][0], device=device, cache_bytes=SHARED_BYTES)
    for one in flat:
        check_variation(first, one)
    across, down = axes[0].names, axes[1].names if len(axes) > 1 else [""]
    names = _names(axes)
    places = [
        Place(row, column, names[row][column], partial(vary, first, one))
        for row, several in enumerate(recipes)
        for column, one in enumerate(several)
    ]
    sheet = Sheet(
        first.output_size,
        [[None for _ in across] for _ in down],
        [across, *([] for _ in down[1:])],
        down,
    )
    return sheet.fill(
        places, folder=folder, on_picture=on_picture, on_sheet=on_sheet, on_step=on_step
    )
