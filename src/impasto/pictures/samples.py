"""Pictures for the demo: a photograph, and style pictures of our own; nothing is downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from impasto.errors import InputError

PICTURES = Path(__file__).parent / "builtin"
# The photographs that every installation of scikit-image carries, for training a painter.
PHOTOGRAPHS = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png"),
    *("grass.png", "gravel.png", "hubble_deep_field.jpg", "motorcycle_left.png", "retina.jpg"),
    *("rocket.jpg",),
)
STYLES = ("flowfield", "mosaic", "woodcut")  # painted by tools/paint_styles


def photograph() -> Path:
    """The path of the photograph *Chelsea* by Stéfan van der Walt (CC0), from scikit-image.

    Raises:
        InputError: scikit-image is not installed.
    """
    path = _data() / "chelsea.png"
    if not path.is_file():
        raise InputError("demo.no-photograph")
    return path


def photographs() -> list[Path]:
    """The paths of the photographs that scikit-image carries, to train a painter on.

    Raises:
        InputError: scikit-image is not installed.
    """
    paths = [path for name in PHOTOGRAPHS if (path := _data() / name).is_file()]
    if not paths:
        raise InputError("painter.no-own-photos")
    return paths


def _data() -> Path:
    """The folder of scikit-image's pictures; it may be missing."""
    spec = importlib.util.find_spec("skimage")
    return Path(spec.origin).parent / "data" if spec and spec.origin else Path("skimage-is-missing")


def style(name: str) -> Path:
    """The path of the style picture with a name in :data:`STYLES`.

    Raises:
        InputError: there is no such style.
    """
    if name not in STYLES:
        raise InputError("demo.no-style", name=name, names=tuple(STYLES))
    return PICTURES / f"{name}.jpg"
