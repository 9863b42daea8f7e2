"""One pair of pictures under one or two settings that vary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto import figures
from impasto.errors import InputError
from impasto.painter import Run
from impasto.recipe import Recipe

PLAIN = str.maketrans(dict.fromkeys('/\\:*?"<>|,;', "-"))


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


def sweep(
    run: Run,
    axes: Sequence[Axis],
    *,
    folder: Path | None = None,
    on_picture: Callable[[str], None] | None = None,
) -> Image.Image:
    """Paint every picture, and lay them out on one sheet.

    The pictures are read once, and the network's weights too.

    Args:
        run: with the recipe to vary.
        axes: one or two.
        folder: for each painting as a PNG of its own; None for the sheet alone.
        on_picture: called with the name of each before it is painted.

    Raises:
        InputError: a recipe cannot be used.
        RunError: a run failed.
    """
    recipes = grid(run.recipe, axes)
    across, down = axes[0].names, axes[1].names if len(axes) > 1 else [""]
    rows = []
    for row, name in zip(recipes, down, strict=True):
        pictures = []
        for recipe, column in zip(row, across, strict=True):
            called = ", ".join(part for part in (column, name) if part)
            if on_picture is not None:
                on_picture(called)
            result = run.varied(recipe).paint()
            if folder is not None:
                result.save(folder / f"{called.translate(PLAIN)}.png")
            pictures.append(result.image)
        rows.append(pictures)
    return figures.sheet(rows, [across, *([] for _ in down[1:])], down)
