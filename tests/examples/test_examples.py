"""The examples run as they are, and paint."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

import impasto

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("small_pictures")
def test_an_example_paints(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(example), "content.png", "style.png", "out.png"])
    stylize = impasto.stylize

    def small(content, style, settings, **others):  # type: ignore[no-untyped-def]
        return stylize(content, style, {**settings, "size": 64, "steps": 12}, **others)

    monkeypatch.setattr(impasto, "stylize", small)
    runpy.run_path(str(example), run_name="__main__")
    with Image.open("out.png") as painting:
        assert painting.size == (64, 48)
