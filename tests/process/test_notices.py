"""Warnings name the line of the program that called impasto, not one of impasto's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from conftest import content_pixels, style_pixels

CLEAR = Image.fromarray(np.dstack([content_pixels(32, 48), np.full((32, 48), 9, np.uint8)]))
SMALL = {"size": (48, 32), "steps": 1, "levels": 1, "style_layers": "conv1_1"}
CALLS: dict[str, Callable[[], Any]] = {
    "read_picture": lambda: impasto.read_picture(CLEAR),
    "montage": lambda: impasto.montage([CLEAR]),
    "stylize": lambda: impasto.stylize(CLEAR, style_pixels(32, 48), SMALL, device="cpu"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_that_called_impasto(name: str) -> None:
    with pytest.warns(impasto.ImpastoWarning) as heard:
        CALLS[name]()
    assert {Path(warning.filename).name for warning in heard} == {"test_notices.py"}
