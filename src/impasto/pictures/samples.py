"""Pictures for the demo: a photograph, and style pictures of our own; nothing is downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from impasto.errors import InputError

PICTURES = Path(__file__).parent / "builtin"
STYLES = ("flowfield", "mosaic", "woodcut")  # painted by tools/paint_styles


def photograph() -> Path:
    """The path of the photograph *Chelsea* by Stéfan van der Walt (CC0), from scikit-image.

    Raises:
        InputError: scikit-image is not installed.
    """
    spec = importlib.util.find_spec("skimage")
    path = Path(spec.origin).parent / "data" / "chelsea.png" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError("demo.no-photograph")
    return path


def style(name: str) -> Path:
    """The path of the style picture with a name in :data:`STYLES`.

    Raises:
        InputError: there is no such style.
    """
    if name not in STYLES:
        raise InputError("demo.no-style", name=name, names=tuple(STYLES))
    return PICTURES / f"{name}.jpg"
