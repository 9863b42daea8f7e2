"""Section ``beauty``: how the presets' paintings look, in numbers and side by side.

Every preset paints every pair of pictures, and `looks.py` measures each painting. A contact sheet a
pair shows the photograph, the paintings and the style picture. In a folder of further pairs, each
folder is a pair: it holds ``content.*``, ``style.*`` and, if someone has published a painting of
them, ``published.*``, which is measured and shown beside ours. The sheets are for judging by eye;
the numbers tell what got worse since the last time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.console import Console, JustifyMethod
from rich.table import Table

import looks
from impasto import Recipe, stylize
from impasto.pictures import arrays, images
from impasto.pictures.montage import montage
from plan import Pair, Plan

PRESETS = ("fast", "default", "fine", "strotss", "nnst")
PUBLISHED = "published"
TALL = 384  # pixels, height of a picture on a sheet


@dataclass(frozen=True)
class Painted:
    """One painting.

    Attributes:
        pair: the pair's name.
        by: the preset, or ``published``.
        seconds: the time it took; 0 for a published one.
        looks: its numbers.
    """

    pair: str
    by: str
    seconds: float
    looks: looks.Looks


def measure(plan: Plan, console: Console) -> Iterator[Painted]:
    """Paint every pair with every preset, measure the paintings, and write a sheet a pair."""
    for pair in plan.looked_at:
        paintings: list[Path] = []
        for preset in PRESETS:
            console.print(f"{pair.name}: {preset}")
            recipe = Recipe.preset(preset)
            if plan.quick:
                recipe = recipe.model_copy(update={"size": 96, "steps": 6})
            began = time.perf_counter()
            result = stylize(pair.content, pair.style, recipe)
            seconds = time.perf_counter() - began
            paintings.append(plan.output / f"{pair.name}-{preset}.png")
            result.save(paintings[-1])
            seen = looks.measure(pair.content, pair.style, paintings[-1])
            yield Painted(pair.name, preset, seconds, seen)
        if pair.published is not None:
            paintings.append(pair.published)
            seen = looks.measure(pair.content, pair.style, pair.published)
            yield Painted(pair.name, PUBLISHED, 0.0, seen)
        write_sheet(pair, paintings, plan.output / f"beauty-{pair.name}.jpg")


def write_sheet(pair: Pair, paintings: list[Path], path: Path) -> None:
    """Write the photograph, the paintings and the style picture side by side, at one height."""
    sized = []
    for file in (pair.content, *paintings, pair.style):
        picture = Image.fromarray(arrays.to_uint8(images.read(file).pixels))
        sized.append(picture.resize((round(TALL * picture.width / picture.height), TALL)))
    montage(sized).save(path, quality=88)


def table(rows: list[Painted]) -> Table:
    """The paintings, to be printed."""
    made = Table(title="How the paintings look: style 0 and edges 1 are best, lattice below 6")
    for heading in ("pair", "by", "s", *looks.Looks.__dataclass_fields__):
        justify: JustifyMethod = "left" if heading in ("pair", "by") else "right"
        made.add_column(heading, justify=justify, overflow="fold")
    for row in rows:
        numbers = (f"{value:.2f}" for value in vars(row.looks).values())
        made.add_row(row.pair, row.by, f"{row.seconds:.0f}" if row.seconds else "–", *numbers)
    return made
