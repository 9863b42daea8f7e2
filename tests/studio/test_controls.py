"""Every control of the painter in every preset, whole and by tiles, from the command line."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto.cli.app import run

TINY = ["--size", "64x48", "--levels", "1", "--device", "cpu", "--precision", "float32", "--quiet"]
FEW = ["--steps", "3", "--output-size", "working"]
# Of the others, default but for size and steps, which are tiny here.
PRESETS = ("default", "gatys", "gatys-fast")
CONTROLS = {
    "blended": ["style.png:0.7", "--style", "other.png:0.3"],
    "layers": ["--style", "style.png,layers=conv1_1+conv2_1", "--style", "other.png"],
    "regions": [
        "--style",
        "style.png,mask=left.png",
        "--style",
        "other.png,mask=labels.png#0000ff",
    ],
    "style-mask": ["--style", "style.png,style_mask=left.png"],
    "protect": ["style.png", "--protect", "left.png"],
    "color-content": ["style.png", "--color", "content"],
    "color-match": ["style.png", "--color", "match"],
    "color-histogram": ["style.png", "--color", "histogram"],
    "style-scale": ["style.png", "--style-scale", "1.5"],
    "style-fit": ["style.png", "--style-fit", "original"],
    "symmetry": ["style.png", "--style-symmetry", "all"],
}


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(content_pixels(48, 64)).save("content.png")
    Image.fromarray(style_pixels(60, 80)).save("style.png")
    Image.fromarray(255 - style_pixels(48, 64)[:, ::-1] // 2).save("other.png")
    left = np.zeros((48, 64, 3), np.uint8)
    left[:, :32] = 255
    Image.fromarray(left).save("left.png")
    Image.fromarray(np.where(left > 0, left, np.array([0, 0, 255], np.uint8))).save("labels.png")


def painted(preset: str, *flags: str) -> npt.NDArray[np.int16]:
    """What the command line paints."""
    common = ["stylize", "content.png", "-o", "out.png", "--preset", preset, *TINY, *FEW]
    assert run([*common, *flags]) == 0
    return np.asarray(Image.open("out.png"), dtype=np.int16)


@functools.cache
def plain(preset: str) -> npt.NDArray[np.int16]:
    """The painting without any control; the pictures are the same for every test."""
    return painted(preset, "style.png", "--tile", "off")


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_control_in_a_preset(preset: str, control: str) -> None:
    """It changes the picture, and tiles do not."""
    whole = painted(preset, *CONTROLS[control], "--tile", "off")
    tiled = painted(preset, *CONTROLS[control], "--tile", "32")
    assert np.abs(whole - plain(preset)).max() > 2
    assert np.abs(whole - tiled).max() <= 1
