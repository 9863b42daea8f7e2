"""A sweep: one pair of pictures painted with one or two varying settings."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from impasto.errors import InputError
from impasto.experiments.contact_sheet import OnPicture, OnSheet, Place, Sheet, painting_in
from impasto.files.writing import check_apart, check_folder
from impasto.objective.cache import SHARED_BYTES
from impasto.pictures import images
from impasto.pictures.inputs import StyleSource, files_of, named, path_of, source_of, styles_of
from impasto.run.either import prepare, vary
from impasto.run.prepare import check_variation
from impasto.run.result import OnStep
from impasto.settings.keywords import check_keywords
from impasto.settings.recipe import Recipe, RecipeSource

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from impasto.settings.keywords import SettingsOverPreset


@dataclass(frozen=True)
class Axis:
    """A setting that varies, and its values.

    >>> Axis.read("style-scale=0.5,1")
    Axis(setting='style_scale', values=('0.5', '1'))
    >>> Axis.read("style_layers=conv1_1,conv2_1; conv3_1").values
    ('conv1_1,conv2_1', 'conv3_1')

    Attributes:
        setting: name of the setting.
        values: its values.
    """

    setting: str
    values: tuple[Any, ...]

    @classmethod
    def read(cls, text: str) -> Axis:
        """Read an axis from text; values separated by semicolons may contain commas.

        Raises:
            InputError: the text names no setting, or no value.
        """
        name, _, rest = text.partition("=")
        values = [part.strip() for part in rest.split(";" if ";" in rest else ",")]
        values = [value for value in values if value]
        if not name.strip() or not values:
            raise InputError("sweep.axis", example="strength=0.2,0.5,0.8", text=text)
        return cls(name.strip().replace("-", "_"), tuple(values))

    @property
    def names(self) -> list[str]:
        """The titles of the values."""
        return [f"{self.setting}={value}" for value in self.values]


def _axes(given: Any) -> list[Axis]:
    """The axes of a sweep, from a table of settings with their values, or from a list of axes."""
    if isinstance(given, Mapping):
        given = [_axis(setting, values) for setting, values in given.items()]
    if not isinstance(given, Sequence) or not all(isinstance(axis, Axis) for axis in given):
        raise InputError("sweep.not-axes", example='{"strength": [0.2, 0.5, 0.8]}')
    return list(given)


def _axis(setting: Any, values: Any) -> Axis:
    """An axis from a setting and its values, which may be text as on the command line."""
    if isinstance(values, str):
        return Axis.read(f"{setting}={values}")
    listed = tuple(values) if isinstance(values, Iterable) else ()
    if not isinstance(setting, str) or not listed:
        raise InputError("sweep.no-values", name=str(setting), value=values)
    return Axis(setting, listed)


def grid(recipe: Recipe, axes: Sequence[Axis]) -> list[list[Recipe]]:
    """The recipes of a sweep, row by row: the first axis goes across, the second down.

    Raises:
        InputError: there is no axis, there are more than two, or a recipe cannot be used.
    """
    if not 1 <= len(axes) <= 2:
        raise InputError("sweep.axes", count=len(axes))
    across, *down = axes
    if down and down[0].setting == across.setting:
        raise InputError("sweep.twice", name=across.setting)
    return [
        [recipe.model_copy(update={across.setting: value, **row}) for value in across.values]
        for row in ([{down[0].setting: value} for value in down[0].values] if down else [{}])
    ]


def paintings(axes: Sequence[Axis], folder: Path) -> list[Path]:
    """The path of every file that a sweep writes to a folder.

    Raises:
        InputError: the folder cannot be written to.
    """
    check_folder(folder)
    return [painting_in(folder, name) for row in _names(axes) for name in row]


def _names(axes: Sequence[Axis]) -> list[list[str]]:
    """The names of the paintings, row by row."""
    across, *down = (axis.names for axis in axes)
    rows = down[0] if down else [""]
    return [[", ".join(filter(None, (name, row))) for name in across] for row in rows]


def sweep(  # noqa: PLR0913 – those of stylize, and the axes
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    axes: Mapping[str, Sequence[Any]] | Sequence[Axis],
    recipe: RecipeSource | None = None,
    *,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    on_picture: OnPicture | None = None,
    on_sheet: OnSheet | None = None,
    on_step: OnStep | None = None,
    threads: int | None = None,
    fill: Callable[..., Image.Image] = Sheet.fill,
    **settings: Unpack[SettingsOverPreset],
) -> Image.Image:
    """Paint a pair of pictures with every combination of settings, on one sheet.

    Pictures and weights are read once, and measurements that several recipes share are made once.

    Args:
        content: the content picture, as for :func:`impasto.stylize`.
        style: the style picture or pictures, as for :func:`impasto.stylize`.
        axes: one or two settings with their values, as in ``{"strength": [0.2, 0.5, 0.8]}``, or
            axes; the first goes across, the second down.
        recipe: the settings that do not vary; None means the preset ``default``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file (:func:`impasto.load_weights`).
        weights_input: the input that a weight file expects, ``caffe`` or ``torchvision``.
        folder: folder in which every painting is also saved as a PNG; None for only the sheet.
        on_picture: called before each painting with its number, the number of all, and its name.
        on_sheet: called with the sheet, before the first painting and after each, and with the
            number of paintings on it.
        on_step: a callback after every step; if it returns False, the sweep ends there.
        threads: number of CPU threads of one pass; an optimisation takes PyTorch's number.
        fill: paints the pictures of the sheet; by default one after another in this process.
        settings: settings of the recipe as keywords, as for :func:`impasto.stylize`.

    Returns:
        The sheet, RGB.

    Raises:
        InputError: a picture, a recipe or a weight file cannot be used.
        RunError: a run failed.
    """
    check_keywords(settings, sweep)
    axes = _axes(axes)
    recipes = grid(Recipe.read(recipe, **settings), axes)
    flat = list(itertools.chain(*recipes))
    content = source_of(content, "content picture")
    style = None if style is None else named(style)
    to = None if folder is None else path_of(folder, "folder")
    if to is not None:
        read = [files_of(content, styles_of(style, one, content), one) for one in flat]
        network = [] if str(weights) == "bundled" else [path_of(weights, "weight file")]
        check_apart(itertools.chain(network, *read), paintings(axes, to))
        to.mkdir(exist_ok=True)
    first = prepare(
        content,
        style,
        recipes[0][0],
        device=device,
        weights=weights,
        weights_input=weights_input,
        cache_bytes=SHARED_BYTES,
        threads=threads,
    )
    for one in flat:
        check_variation(first, one)
    across, down = axes[0].names, axes[1].names if len(axes) > 1 else [""]
    names = _names(axes)
    places = [
        Place(row, column, names[row][column], partial(vary, first, one, device, threads), one)
        for row, several in enumerate(recipes)
        for column, one in enumerate(several)
    ]
    sheet = Sheet(
        first.output_size,
        [[None for _ in across] for _ in down],
        [across, *([] for _ in down[1:])],
        down,
    )
    return fill(sheet, places, folder=to, on_picture=on_picture, on_sheet=on_sheet, on_step=on_step)
