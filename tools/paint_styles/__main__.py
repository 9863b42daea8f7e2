"""Paint style pictures from nothing but a fixed seed: the three that the package carries.

`python tools/paint_styles [folder]`, with a folder, paints the studies of the documentation too.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from mosaic import mosaic
from oil import flowfield
from pencil import pencil
from surface import HEIGHT, WIDTH, Floats
from watercolour import watercolour
from woodcut import woodcut

FOLDER = Path(__file__).resolve().parents[2] / "src" / "impasto" / "pictures" / "builtin"
SEED = 1888
QUALITY = 88  # of the JPEG

PICTURES: dict[str, Callable[[Generator], Floats]] = {
    "flowfield": flowfield,
    "mosaic": mosaic,
    "woodcut": woodcut,
}
STUDIES: dict[str, Callable[[Generator], Floats]] = {
    "pencil": pencil,
    "watercolour": watercolour,
}


def save(picture: Floats, path: Path) -> None:
    """Reduce a picture to its finished size and write it."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    image.save(path, quality=QUALITY, optimize=True)


def main(arguments: Sequence[str]) -> None:
    """Paint everything into the folder that was named, or the package's pictures into it."""
    folder = Path(arguments[0]) if arguments else FOLDER
    pictures = {**PICTURES, **STUDIES} if arguments else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for name, paint in pictures.items():
        path = folder / f"{name}.jpg"
        save(paint(np.random.default_rng(SEED)), path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
