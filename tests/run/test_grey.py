"""A grey picture in a grey style is painted in grey, exactly, whatever else is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import Recipe, Style, resume, stylize
from impasto.pictures import arrays
from impasto.run.prepare import prepare
from impasto.run.result import Result, Step
from impasto.settings.presets import PRESETS
from impasto.settings.values import FIRST_CANVASES

U8 = npt.NDArray[np.uint8]
SIZE = (40, 32)
LAYERS: dict[str, Any] = {"content_layers": "conv2_1", "style_layers": "conv1_1,conv2_1"}
QUICK: dict[str, Any] = {"size": SIZE, "output_size": "working", "steps": 4}


def grey(pixels: U8) -> U8:
    return np.repeat(pixels[..., :1], 3, axis=2)


COLOURED, COLOURED_STYLE = content_pixels(32, 40), style_pixels(32, 40)
CONTENT, STYLE = grey(COLOURED), grey(COLOURED_STYLE)


def painted(content: U8, style: U8 | None, recipe: Recipe, **more: Any) -> Result:
    return stylize(content, style, recipe, device="cpu", **more)


def chroma(result: Result) -> int:
    """Of the picture, and none of the canvas may be without it."""
    assert np.ptp(result.canvas) > 1
    return int(np.ptp(np.asarray(result.image).astype(int), axis=2).max())


def is_grey(result: Result) -> bool:
    return chroma(result) == 0 and not np.ptp(result.canvas, axis=2).any()


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "instant"])
def test_every_preset(preset: str) -> None:
    assert is_grey(painted(CONTENT, STYLE, Recipe.preset(preset, **QUICK, **LAYERS)))


@pytest.mark.parametrize("initial", FIRST_CANVASES)
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_every_first_canvas(initial: str, optimizer: str) -> None:
    recipe = Recipe(initial=initial, optimizer=optimizer, **QUICK, **LAYERS)
    assert is_grey(painted(CONTENT, STYLE, recipe))


@pytest.mark.parametrize("color", ["style", "content", "match", "histogram", "palette"])
def test_every_choice_of_colours(color: str) -> None:
    assert is_grey(painted(CONTENT, STYLE, Recipe(color=color, **QUICK, **LAYERS)))


def test_a_first_canvas_gives_no_colours(tmp_path: Path) -> None:
    Image.fromarray(COLOURED).save(tmp_path / "first.png")
    recipe = Recipe(initial=tmp_path / "first.png", **QUICK, **LAYERS)
    assert is_grey(painted(CONTENT, STYLE, recipe))
    first = COLOURED.astype(np.float32)
    assert is_grey(painted(CONTENT, STYLE, Recipe(**QUICK, **LAYERS), initial=first))


@pytest.mark.parametrize("more", [{"levels": 2, "size": 96}, {"tile": 16}, {"tv_weight": 2.0}])
def test_levels_tiles_and_total_variation(more: dict[str, Any]) -> None:
    recipe = Recipe(**{**QUICK, **LAYERS, "size": (48, 40), **more})
    assert is_grey(painted(CONTENT, STYLE, recipe))


def test_several_styles_by_regions() -> None:
    mask = np.zeros((32, 40), np.uint8)
    mask[:, :20] = 255
    styles = [Style(picture=STYLE, mask=mask), Style(picture=255 - STYLE)]
    result = stylize(CONTENT, styles, Recipe(**QUICK, **LAYERS), device="cpu")
    assert is_grey(result)


def test_a_texture_of_a_grey_style_whatever_the_content() -> None:
    assert is_grey(painted(COLOURED, STYLE, Recipe.preset("texture", **QUICK)))


def test_a_reconstruction_of_a_grey_content() -> None:
    recipe = Recipe.preset("reconstruction", **QUICK)
    assert is_grey(painted(CONTENT, None, recipe))
    assert is_grey(painted(CONTENT, COLOURED_STYLE, recipe))


@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "1"])
def test_every_kind_of_grey_file(tmp_path: Path, mode: str) -> None:
    Image.fromarray(CONTENT).convert(mode).save(tmp_path / "a.png")
    Image.fromarray(STYLE).save(tmp_path / "s.webp", lossless=False, quality=60)
    recipe = Recipe(**QUICK, **LAYERS)
    result = stylize(tmp_path / "a.png", tmp_path / "s.webp", recipe, device="cpu")
    assert is_grey(result)


def test_what_is_seen_on_the_way_is_grey_too() -> None:
    seen = []

    def look(step: Step) -> None:
        seen.append(np.ptp(np.asarray(step.image()).astype(int), axis=2).max())

    painted(CONTENT, STYLE, Recipe(initial="noise", **QUICK, **LAYERS), on_step=look)
    assert seen == [0] * 4


def test_the_losses_are_those_of_the_grey_canvas() -> None:
    result = painted(CONTENT, STYLE, Recipe(initial="noise", levels=1, **QUICK, **LAYERS))
    run = prepare(CONTENT, STYLE, result.recipe, initial=result.canvas, device="cpu")
    assert run.evaluator(run.first_canvas).loss == pytest.approx(result.best.loss, rel=1e-5)
    losses = [step.loss for step in result.history]
    assert losses[-1] < losses[0]


def test_a_resumed_run_is_grey_with_the_same_bytes(tmp_path: Path) -> None:
    for name, pixels in (("c.png", CONTENT), ("s.png", STYLE)):
        Image.fromarray(pixels).save(tmp_path / name)
    recipe = Recipe(initial="noise", **QUICK, **LAYERS)
    files = tmp_path / "c.png", tmp_path / "s.png"
    whole = stylize(*files, recipe, device="cpu", checkpoint=tmp_path / "whole.impasto")
    saved = tmp_path / "run.impasto"
    stylize(*files, recipe, on_step=lambda step: step.number < 2, device="cpu", checkpoint=saved)
    result = resume(saved)
    assert is_grey(result)
    np.testing.assert_array_equal(result.canvas, whole.canvas)


# ------------------------------------------------------------------------------ and no other


@pytest.mark.parametrize(
    ("content", "style"),
    [(CONTENT, COLOURED_STYLE), (COLOURED, COLOURED_STYLE)],
)
def test_a_style_with_colours_gives_them(content: U8, style: U8) -> None:
    assert chroma(painted(content, style, Recipe(**QUICK, **LAYERS))) > 20


@pytest.mark.parametrize("preset", ["default", "fast", "fine", "strotss", "nnst"])
def test_a_grey_style_gives_a_grey_painting(preset: str) -> None:
    assert is_grey(painted(COLOURED, STYLE, Recipe.preset(preset, **QUICK, **LAYERS)))


@pytest.mark.parametrize(
    "more", [{"strength": 0.3}, {"initial": "content"}, {"balance": "absolute", "beta": 1000.0}]
)
def test_a_content_that_keeps_its_colours_gives_them(more: dict[str, Any]) -> None:
    assert chroma(painted(COLOURED, STYLE, Recipe(**QUICK, **LAYERS, **more))) > 20


@pytest.mark.parametrize("color", ["content", "match", "histogram"])
def test_the_colours_of_a_grey_content_are_none(color: str) -> None:
    recipe = Recipe(color=color, **QUICK, **LAYERS)
    assert chroma(painted(CONTENT, COLOURED_STYLE, recipe)) <= 1


def test_a_faint_tint_is_a_colour() -> None:
    tinted = CONTENT.copy()
    tinted[..., 2] = np.maximum(tinted[..., 2], 12) - 12
    assert not arrays.is_grey(tinted)
    assert arrays.is_grey(CONTENT)
