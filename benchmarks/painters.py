"""How well a painter paints: `python benchmarks/painters.py STYLE [--photos DIR] [--unseen DIR]`.

Trains a painter, or takes one that is given, and paints twenty photographs that it has not seen.
Beside each, the optimised painting of the same recipe. The table says how far each painting has
come on the way from the photograph to the optimised painting, by the objective of the recipe: 0 %
has the loss of the photograph, 100 % that of the optimised painting.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import impasto
from impasto.files.listing import pictures_in
from impasto.network import weights
from impasto.painters.applying import Painter
from impasto.painters.objective import CropObjective, tensor_of
from impasto.pictures import arrays, images, samples, sizes

# Photographs of scikit-image that are painted, and not trained on, if no others are named.
UNSEEN = ("chelsea.png", "rocket.jpg", "coffee.png", "astronaut.png")
COUNT = 20


@dataclass(frozen=True)
class Row:
    """One photograph: its losses, and the pictures side by side.

    Attributes:
        name: of the photograph, and which part of it.
        photograph: loss of the photograph itself.
        painter: loss of the painter's painting.
        optimised: loss of the optimised painting.
        seconds: that the painter took.
        pictures: photograph, painter's painting and optimised painting, H × 3 W × 3.
    """

    name: str
    photograph: float
    painter: float
    optimised: float
    seconds: float
    pictures: arrays.Pixels

    @property
    def share(self) -> float:
        """How far the painter has come on the way to the optimised painting; 1 is all of it."""
        return (self.photograph - self.painter) / (self.photograph - self.optimised)


def main() -> None:
    """Print the table, and write the pictures."""
    asked = _arguments()
    recipe = impasto.Recipe(size=asked.size)
    if asked.painter is not None:
        painter = Painter.load(asked.painter)
    else:
        painter = impasto.train_painter(
            asked.style,
            asked.photos or seen(asked.unseen),
            asked.out / "painter.safetensors",
            recipe=recipe,
            minutes=asked.minutes,
        )
    rows = list(measured(painter, asked.style, recipe, unseen(asked.unseen)))
    print("| photograph | photograph's loss | painter | optimised | share of the way | seconds |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        losses = f"{row.photograph:.2f} | {row.painter:.2f} | {row.optimised:.2f}"
        print(f"| {row.name} | {losses} | {row.share:.0%} | {row.seconds:.2f} |")
    shares = [row.share for row in rows]
    print(f"median {statistics.median(shares):.0%}, least {min(shares):.0%}, {len(rows)} pictures")
    for row in rows:
        Image.fromarray(arrays.to_uint8(row.pictures)).save(asked.out / f"{row.name}.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("style", type=Path)
    parser.add_argument("--painter", type=Path, help="measure this painter instead of training one")
    parser.add_argument("--photos", help="folder of photographs to train on")
    parser.add_argument("--unseen", type=Path, help="folder of photographs to paint")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--out", type=Path, default=Path("benchmark-painters"))
    asked = parser.parse_args()
    asked.out.mkdir(exist_ok=True)
    return asked


def seen(folder: Path | None) -> list[Path]:
    """The photographs that a painter is trained on, unless others are named."""
    return [path for path in samples.photographs() if folder or path.name not in UNSEEN]


def unseen(folder: Path | None) -> Iterator[tuple[str, arrays.Pixels]]:
    """Twenty photographs with their names: whole ones first, then their quarters."""
    own = [path for path in samples.photographs() if path.name in UNSEEN]
    paths = pictures_in(folder) if folder is not None else own
    whole = [(path.stem, images.read(path).pixels) for path in paths]
    quarters = [
        (f"{name}-{down + 1}{across + 1}", _quarter(pixels, down, across))
        for down, across in ((0, 0), (1, 1), (0, 1), (1, 0))
        for name, pixels in whole
    ]
    yield from (whole + quarters)[:COUNT]


def _quarter(pixels: arrays.Pixels, down: int, across: int) -> arrays.Pixels:
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    rows = slice(down * height, (down + 1) * height)
    part: arrays.Pixels = pixels[rows, across * width : (across + 1) * width]
    return part


def measured(
    painter: Painter,
    style: Path,
    recipe: impasto.Recipe,
    photographs: Iterator[tuple[str, arrays.Pixels]],
) -> Iterator[Row]:
    """Paint photographs in both ways, and measure the objective of every picture."""
    objective = CropObjective(recipe, weights.load(), [images.read(style)], torch.device("cpu"))
    for name, pixels in photographs:
        size = sizes.fit((pixels.shape[1], pixels.shape[0]), recipe.size)
        photograph = arrays.resize(pixels, size)
        began = time.perf_counter()
        painting = painter.painted(photograph, painter.condition())
        seconds = time.perf_counter() - began
        optimised = impasto.stylize(pixels, style, recipe).canvas
        three = (photograph, painting, optimised)
        own, learned, best = (
            objective(tensor_of(one), tensor_of(photograph), 0, 0.5).loss for one in three
        )
        yield Row(name, own, learned, best, seconds, np.hstack(three))


if __name__ == "__main__":
    main()
