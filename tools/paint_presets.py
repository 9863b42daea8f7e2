"""Paint pairs of pictures, a row each: content, preset `default`, preset `gatys`, style.

`python tools/paint_presets.py [--letter] [--pair NAME CONTENT STYLE]… [--folder FOLDER]`

The loss that `gatys` reaches in 2,500 steps of Adam, L-BFGS reaches in 300 from the same first
canvas; with `--letter` it is Adam that paints, in most of an hour a picture. Without `--pair` it
paints the pairs whose pictures come with impasto and scikit-image.
"""

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import Recipe, Result, stylize
from impasto.pictures import samples
from impasto.pictures.montage import montage

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
QUALITY = 85  # of the JPEGs
WIDTH = 1600  # pixels of a row
GATYS_SIZE = (256, 192)  # at which gatys can be waited for
SHORTCUT: dict[str, Any] = {"optimizer": "lbfgs", "steps": 300, "keep": "measured"}

PAIRS = {
    "cat": ("chelsea.png", "flowfield"),
    "astronaut": ("astronaut.png", "mosaic"),
    "coffee": ("coffee.png", "woodcut"),
    "rocket": ("rocket.jpg", "flowfield"),
}


def built_in_pairs() -> dict[str, tuple[Path, Path]]:
    """Photographs out of scikit-image's wheel, with our own style pictures."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("The photographs come with scikit-image: pip install 'impasto[demo]'.")
    photographs = Path(spec.origin).parent / "data"
    return {
        name: (photographs / content, samples.style(style))
        for name, (content, style) in PAIRS.items()
    }


def timed(name: str, content: Path, style: Path, recipe: Recipe) -> Result:
    """Paint, and say how long it took."""
    began = time.perf_counter()
    result = stylize(content, style, recipe)
    print(f"{name}: {len(result.history)} steps in {time.perf_counter() - began:.0f} s", flush=True)
    return result


def paint_row(name: str, content: Path, style: Path, letter: bool) -> Image.Image:
    """Content, `default`, `gatys` and style side by side."""
    settings = {} if letter else SHORTCUT
    gatys = Recipe.preset("gatys", size=GATYS_SIZE, precision="auto", **settings)
    ours = timed(f"{name}, default", content, style, Recipe())
    theirs = timed(f"{name}, gatys", content, style, gatys)
    row = montage([content, ours.image, theirs.image, style])
    return row.resize((WIDTH, round(WIDTH * row.height / row.width)), Image.Resampling.LANCZOS)


def main() -> None:
    """Paint what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letter", action="store_true")
    parser.add_argument(
        "--pair", nargs=3, action="append", metavar=("NAME", "CONTENT", "STYLE"), default=[]
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    pairs = {name: (Path(content), Path(style)) for name, content, style in given.pair}
    for name, (content, style) in (pairs or built_in_pairs()).items():
        row = paint_row(name, content, style, given.letter)
        row.save(given.folder / f"preset-{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
