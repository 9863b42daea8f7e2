"""Content pictures that are cropped to the shape of the size, with the masks that lie on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import Recipe, Style, stylize
from impasto.cli.app import run
from impasto.experiments.sweep import sweep
from impasto.run.prepare import prepare, vary

CONTENT, STYLE = content_pixels(48, 96), style_pixels(40, 40)
MIDDLE = CONTENT[:, 24:72]  # its largest square
SQUARE: dict[str, Any] = {
    "size": (48, 48),
    "content_fit": "crop",
    "steps": 2,
    "levels": 1,
    "content_layers": "conv2_1",
    "style_layers": "conv1_1",
}
INSTANT: dict[str, Any] = {"preset": "instant", "size": (48, 48), "content_fit": "crop"}
BOTH = pytest.mark.parametrize("settings", [SQUARE, INSTANT], ids=["steps", "instant"])


def painted(content: Any = CONTENT, style: Any = STYLE, **settings: Any) -> Any:
    return stylize(content, style, device="cpu", **settings)


@BOTH
def test_the_middle_is_painted_as_if_the_picture_had_been_cropped_before(
    settings: dict[str, Any],
) -> None:
    result = painted(**settings)
    np.testing.assert_array_equal(result.canvas, painted(MIDDLE, **settings).canvas)
    np.testing.assert_array_equal(result.inputs.content.pixels, MIDDLE)


def test_a_tall_picture_loses_its_top_and_its_bottom() -> None:
    tall = np.ascontiguousarray(CONTENT.swapaxes(0, 1))
    read = prepare(tall, STYLE, Recipe(**SQUARE), device="cpu").inputs.content
    np.testing.assert_array_equal(read.pixels, tall[24:72])


@BOTH
def test_the_protected_region_is_cropped_with_it(settings: dict[str, Any]) -> None:
    region = np.zeros((48, 96), bool)
    region[:, 60:] = True
    canvas = np.asarray(painted(protect=region, **settings).image)
    np.testing.assert_array_equal(canvas[:, 36:], MIDDLE[:, 36:])
    assert (canvas[:, :36] != MIDDLE[:, :36]).any()


def test_a_region_of_another_size_lies_where_it_lies_on_the_whole_picture() -> None:
    region = np.zeros((12, 24), bool)
    region[:, 15:] = True
    mask = (
        prepare(CONTENT, Style(picture=STYLE, mask=region), Recipe(**SQUARE), device="cpu")
        .inputs.styles[0]
        .mask
    )
    assert mask is not None
    assert mask.size == (48, 48)
    assert mask.shares[:, :32].max() == 0
    assert mask.shares[:, 40:].min() == 1


def test_the_mask_of_a_style_picture_is_not_cropped() -> None:
    style = Style(picture=STYLE, style_mask=np.eye(40, 40))
    read = prepare(CONTENT, style, Recipe(**SQUARE), device="cpu").inputs.styles[0]
    assert read.style_mask is not None
    assert read.style_mask.size == (40, 40)


def test_the_size_of_the_content_is_that_of_its_middle() -> None:
    assert painted(**SQUARE, output_size="content").image.size == (48, 48)
    assert painted(**{**SQUARE, "size": 48, "output_size": (64, 64)}).image.size == (64, 64)


def test_a_run_that_varies_the_shape_reads_the_picture_again() -> None:
    whole = prepare(CONTENT, STYLE, Recipe(**{**SQUARE, "content_fit": "stretch"}), device="cpu")
    cropped = vary(whole, Recipe(**SQUARE))
    assert cropped.inputs.content.size == (48, 48)
    assert vary(cropped, whole.recipe).inputs.content.size == (96, 48)
    axes = {"content_fit": ["stretch", "crop"]}
    few = {**SQUARE, "content_fit": "stretch"}
    sheet = np.asarray(sweep(CONTENT, STYLE, axes, Recipe(**few), device="cpu"))
    assert sheet.shape[1] > 2 * 48


@pytest.mark.usefixtures("small_pictures")
def test_a_painting_and_a_checkpoint_carry_it() -> None:
    Image.fromarray(CONTENT).save("content.png")
    layers = ("--content-layers", "conv2_1", "--style-layers", "conv1_1", "--steps", "3")
    crop = ("--size", "48x48", "--content-fit", "crop", "--checkpoint", "run.impasto")
    command = ("stylize", "content.png", "style.png", "-o", "out.png", "--device", "cpu")
    assert run([*command, *layers, *crop]) == 0
    assert run(["rerun", "out.png", "-o", "again.png"]) == 0
    assert run(["resume", "run.impasto", "-o", "resumed.png"]) == 0
    first = Path("out.png").read_bytes()
    assert Path("again.png").read_bytes() == first
    assert Path("resumed.png").read_bytes() == first
