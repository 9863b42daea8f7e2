"""Pictures to try things on without a network: a photograph, and styles that we painted."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from impasto.errors import InputError

PICTURES = Path(__file__).parent / "builtin"
STYLES = ("flowfield", "mosaic", "woodcut")  # painted by tools/paint_styles


def photograph() -> Path:
    """Chelsea the cat, by Stéfan van der Walt (CC0), out of scikit-image's wheel.

    Raises:
        InputError: scikit-image is not installed.
    """
    spec = importlib.util.find_spec("skimage")
    path = Path(spec.origin).parent / "data" / "chelsea.png" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError("demo.no-photograph")
    return path


def style(name: str) -> Path:
    """One of :data:`STYLES`.

    Raises:
        InputError: there is no such style.
    """
    if name not in STYLES:
        raise InputError("demo.no-style", name=name, names=tuple(STYLES))
    return PICTURES / f"{name}.jpg"
