"""Paint `docs/style-losses.md`: one pair of pictures under every style loss and content loss.

`python tools/paint_style_losses.py [SHEET …]`
"""

import sys
import time
from typing import Any

from paint_gallery import FOLDER, QUALITY, photograph
from PIL import Image

from impasto import Recipe, stylize
from impasto.experiments.reconstruct import reconstruct
from impasto.experiments.sweep import Axis, sweep
from impasto.pictures import samples
from impasto.pictures.montage import sheet
from impasto.report.timelapse import Timelapse
from impasto.settings.loss_table import STYLE_LOSSES

SIZE = 320  # pixels of a painting's longer side
COLUMNS = 2  # of the sheet of styles
CONTENT, STYLE = photograph("chelsea.png"), samples.style("flowfield")
# What brings out the best of each.
BEST: dict[str, dict[str, Any]] = {name: {} for name in STYLE_LOSSES} | {
    "covariance": {"strength": 0.63},
    "nearest": {"strength": 0.63},
}


def paint(**settings: Any) -> Image.Image:
    """A painting of the pair, all of whose levels have the losses of the settings."""
    began = time.perf_counter()
    image = stylize(CONTENT, STYLE, Recipe(**{"size": SIZE, "coarse": "same", **settings})).image
    print(f"  {settings}: {time.perf_counter() - began:.0f} s", flush=True)
    return image


def styles() -> Image.Image:
    """Every style loss, with the two pictures."""
    pictures = [Image.open(path).convert("RGB") for path in (CONTENT, STYLE)]
    for picture in pictures:
        picture.thumbnail((SIZE, SIZE))
    names = ["photograph", "style", *BEST]
    pictures += [paint(style_loss=name, **settings) for name, settings in BEST.items()]
    rows = [slice(start, start + COLUMNS) for start in range(0, len(names), COLUMNS)]
    return sheet(
        [pictures[row] for row in rows],
        [names[row] for row in rows],
        [""] * len(rows),
        pictures[0].size,
    )


def contents() -> Image.Image:
    """Both content losses, and total variation."""
    ways: dict[str, dict[str, Any]] = {
        "features": {},
        "self-similarity": {"content_loss": "self-similarity"},
        "tv_weight=2": {"tv_weight": 2},
        "nine-point, 20": {"tv_weight": 20, "tv": "nine-point"},
    }
    pictures = [paint(**settings) for settings in ways.values()]
    return sheet([pictures], [list(ways)], [""], pictures[0].size)


def figure() -> Image.Image:
    """The paper's figure of reconstructions."""
    return reconstruct(CONTENT, STYLE, size=224, steps=150)


def swept() -> Image.Image:
    """A sweep over two settings."""
    axes = [Axis.read("strength=0.4,0.7,1"), Axis.read("style_scale=0.5,1,2")]
    return sweep(CONTENT, STYLE, axes, Recipe(size=256, steps=100), on_picture=print)


def film() -> None:
    """A timelapse."""
    timelapse = Timelapse(FOLDER / "timelapse.webp")
    recipe = Recipe(size=320, steps=100)
    timelapse.done(stylize(CONTENT, STYLE, recipe, on_step=timelapse))


SHEETS = {"styles": styles, "contents": contents, "reconstructions": figure, "sweep": swept}


def main() -> None:
    """Paint the sheets that the command line names, or all."""
    for name in sys.argv[1:] or [*SHEETS, "film"]:
        print(name, flush=True)
        if name == "film":
            film()
            continue
        SHEETS[name]().save(FOLDER / f"losses-{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
