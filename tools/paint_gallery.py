"""Paint the gallery: a row of pictures for each of the painter's controls, before and after.

`python tools/paint_gallery.py [ROW …] [--folder FOLDER]`

Photographs come out of scikit-image's wheel, style pictures are our own, masks are drawn here.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from impasto import Recipe, Style, stylize
from impasto.pictures import samples
from impasto.pictures.montage import montage

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
QUALITY = 85  # of the JPEGs
WIDTH = 1600  # pixels of a row, at most
SIZE = 384  # pixels of a painting's longer side

Mask = npt.NDArray[np.uint8]


def photograph(name: str) -> Path:
    """A photograph of scikit-image's."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("The photographs come with scikit-image: pip install 'impasto[demo]'.")
    return Path(spec.origin).parent / "data" / name


def paint(content: Path, styles: Any, **settings: Any) -> Image.Image:
    """A painting of the gallery's size."""
    began = time.perf_counter()
    result = stylize(content, styles, Recipe(**{"size": SIZE, **settings}))
    print(f"  {settings or styles}: {time.perf_counter() - began:.0f} s", flush=True)
    return result.image


def mask_of(content: Path, draw: Callable[[ImageDraw.ImageDraw, int, int], None]) -> Image.Image:
    """A mask with a soft edge, drawn in white for a photograph."""
    with Image.open(content) as image:
        width, height = image.size
    mask = Image.new("L", (width, height))
    draw(ImageDraw.Draw(mask), width, height)
    return mask.filter(ImageFilter.GaussianBlur(0.015 * width))


def inverted(mask: Image.Image) -> Image.Image:
    """White where the mask is black."""
    return mask.point(lambda value: 255 - value)


def strength() -> list[Any]:
    """0.2, 0.35, 0.5, 0.65, 0.8."""
    content, style = photograph("chelsea.png"), samples.style("flowfield")
    return [paint(content, style, strength=value) for value in (0.2, 0.45, 0.7, 0.85, 1)]


def blended() -> list[Any]:
    """One style, both, the other."""
    content = photograph("astronaut.png")
    one, other = (str(samples.style(name)) for name in ("mosaic", "flowfield"))
    both = [Style(picture=one, weight=0.5), Style(picture=other, weight=0.5)]
    return [one, paint(content, one), paint(content, both), paint(content, other), other]


def layers() -> list[Any]:
    """The fine texture of one with the coarse strokes of the other, and the other way round."""
    content = photograph("chelsea.png")
    one, other = (str(samples.style(name)) for name in ("woodcut", "flowfield"))
    fine, coarse = ("conv1_1", "conv2_1", "conv3_1"), ("conv4_1", "conv5_1")
    pairs = (
        [Style(picture=one, layers=fine), Style(picture=other, layers=coarse)],
        [Style(picture=other, layers=fine), Style(picture=one, layers=coarse)],
    )
    return [one, *(paint(content, pair) for pair in pairs), other]


def regions() -> list[Any]:
    """The cup in one style and the table in another, as a mask says."""
    content = photograph("coffee.png")
    cup = mask_of(content, lambda d, w, h: d.ellipse((0.2 * w, 0.06 * h, 0.79 * w, 0.93 * h), 255))
    styles = [
        Style(picture=samples.style("flowfield"), mask=cup),
        Style(picture=samples.style("woodcut"), mask=inverted(cup)),
    ]
    return [content, cup.convert("RGB"), paint(content, styles)]


def protect() -> list[Any]:
    """A face that stays a photograph."""
    content = photograph("astronaut.png")
    face = mask_of(
        content, lambda d, w, h: d.ellipse((0.31 * w, 0.08 * h, 0.56 * w, 0.44 * h), 255)
    )
    file = Path("protect.png")
    face.save(file)
    style = samples.style("flowfield")
    try:
        kept = paint(content, style, protect=str(file))
    finally:
        file.unlink()
    return [paint(content, style), face.convert("RGB"), kept]


def style_mask() -> list[Any]:
    """All of a style picture, and its sun alone."""
    content, style = photograph("rocket.jpg"), samples.style("mosaic")
    sun = mask_of(style, lambda d, w, h: d.ellipse((0.42 * w, 0.06 * h, 0.88 * w, 0.52 * h), 255))
    return [
        style,
        paint(content, style),
        sun.convert("RGB"),
        paint(content, Style(picture=style, style_mask=sun)),
    ]


def color() -> list[Any]:
    """style, content, match, histogram."""
    content, style = photograph("coffee.png"), samples.style("flowfield")
    modes = ("style", "content", "match", "histogram")
    return [content, *(paint(content, style, color=mode) for mode in modes)]


def style_scale() -> list[Any]:
    """0.5, 1, 2."""
    content, style = photograph("chelsea.png"), samples.style("mosaic")
    return [paint(content, style, style_scale=scale) for scale in (0.5, 1, 2)]


def style_symmetry() -> list[Any]:
    """none, mirror, rotate, all."""
    content, style = photograph("rocket.jpg"), samples.style("woodcut")
    kinds = ("none", "mirror", "rotate", "all")
    return [paint(content, style, style_symmetry=kind) for kind in kinds]


def padding() -> list[Any]:
    """The lower left corner, three times as large: zeros, replicate."""
    content, style = photograph("rocket.jpg"), samples.style("flowfield")
    corners = []
    for kind in ("zeros", "replicate"):
        painting = paint(content, style, padding=kind)
        height = painting.height
        corner = painting.crop((0, height - 96, 144, height))
        corners.append(corner.resize((432, 288), Image.Resampling.NEAREST))
    return corners


ROWS = (
    strength,
    blended,
    layers,
    regions,
    protect,
    style_mask,
    color,
    style_scale,
    style_symmetry,
    padding,
)


def main() -> None:
    """Paint the rows that the command line names, or all."""
    rows = {row.__name__: row for row in ROWS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*rows, []], metavar="ROW", default=[])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    for name in given.rows or rows:
        print(name, flush=True)
        pictures = [
            image if isinstance(image, Image.Image) else Image.open(image).convert("RGB")
            for image in rows[name]()
        ]
        row = montage([fitted(image) for image in pictures])
        row.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
        row.save(given.folder / f"gallery-{name}.jpg", quality=QUALITY, optimize=True)


def fitted(image: Image.Image) -> Image.Image:
    """A picture no larger than a painting of the gallery."""
    small = image.copy()
    small.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    return small


if __name__ == "__main__":
    main()
