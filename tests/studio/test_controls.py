"""Every control of the painter in every preset, whole and by tiles, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto.cli.app import run

TINY = ["--size", "64x48", "--levels", "1", "--device", "cpu", "--precision", "float64", "--quiet"]
FEW = ["--steps", "3", "--output-size", "working"]
SHALLOW = ["--content-layers", "conv2_1", "--style-layers", "conv1_1:0.5,conv2_1:1.5"]
# Of the others, default but for size, layers and steps, which are few here.
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


@pytest.fixture(scope="module", autouse=True)
def _pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The module's tests run in a folder with a few pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("pictures"))
        Image.fromarray(content_pixels(48, 64)).save("content.png")
        Image.fromarray(style_pixels(60, 80)).save("style.png")
        Image.fromarray(255 - style_pixels(48, 64)[:, ::-1] // 2).save("other.png")
        left = np.zeros((48, 64, 3), np.uint8)
        left[:, :32] = 255
        Image.fromarray(left).save("left.png")
        labels = np.where(left > 0, left, np.array([0, 0, 255], np.uint8))
        Image.fromarray(labels).save("labels.png")
        yield


@cache  # what is painted without any control is the same for all of them
def painted(preset: str, *flags: str) -> npt.NDArray[np.int16]:
    """What the command line paints."""
    common = ["stylize", "content.png", "-o", "out.png", "--preset", preset]
    assert run([*common, *TINY, *FEW, *SHALLOW, *flags]) == 0
    return np.asarray(Image.open("out.png"), dtype=np.int16)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_control_changes_the_picture_in_every_preset_and_tiles_do_not(
    preset: str, control: str
) -> None:
    plain = painted(preset, "style.png", "--tile", "off")
    whole = painted(preset, *CONTROLS[control], "--tile", "off")
    tiled = painted(preset, *CONTROLS[control], "--tile", "32")
    assert np.abs(whole - plain).max() > 2
    assert np.abs(whole - tiled).max() <= 1
