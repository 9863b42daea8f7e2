"""A run of the method ``instant``: one pass of a trained network."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from conftest import content_pixels, style_pixels
from impasto.errors import ImpastoWarning, InputError, RunError, StoppedError
from impasto.experiments.sweep import sweep
from impasto.network import instant as networks
from impasto.pictures import arrays
from impasto.process import interrupts
from impasto.run import instant
from impasto.run.prepare import prepare
from impasto.run.result import ASKED_TO_STOP, INTERRUPTED, Result, Step
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style

CONTENT, STYLE = content_pixels(60, 80), style_pixels(50, 50)
OTHER = np.ascontiguousarray(style_pixels(50, 50)[..., ::-1] // 2)
GREY = np.repeat(CONTENT[..., :1], 3, axis=2)


def painted(
    style: Any = STYLE, content: Any = CONTENT, on_step: Any = None, **settings: Any
) -> Result:
    recipe = Recipe.preset("instant", **{"size": 80, **settings})
    return impasto.stylize(content, style, recipe, on_step=on_step)


def far(one: Result, other: Any) -> float:
    """The mean difference of a canvas from another or from a picture, in grey levels."""
    canvas = other.canvas if isinstance(other, Result) else other.astype(np.float32)
    return float(np.abs(one.canvas - canvas).mean())


def test_a_painting_takes_one_step_without_losses() -> None:
    steps = list[Step]()
    result = painted(on_step=steps.append)
    assert result.canvas.shape == (60, 80, 3)
    assert result.history == steps == [result.best]
    assert (result.best.number, result.best.loss, result.best.level) == (1, 0, 1)
    assert result.stopped is None
    assert far(result, CONTENT) > 10


def test_the_step_shows_the_painting() -> None:
    shown = list[Image.Image]()
    result = painted(on_step=lambda step: shown.append(step.image()))
    assert np.array_equal(np.asarray(shown[0]), np.asarray(result.image))
    with pytest.raises(RunError):
        result.best.image()


def test_the_same_pictures_give_the_same_bytes() -> None:
    assert painted().canvas.tobytes() == painted().canvas.tobytes()


def test_the_stronger_the_style_the_further_from_the_photograph() -> None:
    strengths = (0, 0.25, 0.5, 0.75, 1)
    without = painted(strength=0)
    distances = [far(painted(strength=strength), without) for strength in strengths]
    assert distances == sorted(distances)
    assert distances[-1] > distances[2] > 5 > distances[0] == 0


def test_strength_0_is_painted_in_the_style_of_the_photograph_whatever_the_style() -> None:
    assert far(painted(strength=0), painted(OTHER, strength=0)) == 0
    assert far(painted(strength=0), CONTENT) < far(painted(), CONTENT)


def test_styles_are_blended_by_their_weights() -> None:
    half = painted([Style(picture=STYLE), Style(picture=OTHER)])
    mostly = painted([Style(picture=STYLE, weight=20), Style(picture=OTHER)])
    assert 0 < far(mostly, painted()) < far(half, painted())
    assert far(half, painted(OTHER)) < far(mostly, painted(OTHER))


def test_each_style_paints_its_region_and_the_rest_is_the_photograph() -> None:
    left, middle = np.zeros((2, 60, 80), np.uint8)
    left[:, :30], middle[:, 30:60] = 255, 255
    result = painted([Style(picture=STYLE, mask=left), Style(picture=OTHER, mask=middle)])
    assert np.allclose(result.canvas[:, :30], painted().canvas[:, :30], atol=1e-3)
    assert np.allclose(result.canvas[:, 30:60], painted(OTHER).canvas[:, 30:60], atol=1e-3)
    assert np.allclose(result.canvas[:, 60:], CONTENT[:, 60:], atol=1e-3)


def test_the_protected_part_of_the_photograph_stays(tmp_path: Path) -> None:
    mask = np.zeros((60, 80), np.uint8)
    mask[:, :40] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    image = np.asarray(painted(protect=tmp_path / "mask.png").image)
    assert np.array_equal(image[:, :40], CONTENT[:, :40])
    assert np.abs(image[:, 40:].astype(int) - CONTENT[:, 40:]).mean() > 10


@pytest.mark.parametrize("color", ["content", "match", "histogram", "palette"])
def test_every_colour_transfer_changes_the_colours(color: str) -> None:
    image, plain = (np.asarray(painted(color=of).image).astype(int) for of in (color, "style"))
    assert np.abs(image - plain).mean() > 2


def test_grey_pictures_give_a_grey_painting() -> None:
    grey = np.repeat(STYLE[..., :1], 3, axis=2)
    assert not np.ptp(painted(grey, GREY).canvas, axis=2).any()
    assert np.ptp(painted(STYLE, GREY).canvas, axis=2).any()


def test_the_output_size_is_obeyed() -> None:
    assert painted(size=40, output_size="content").image.size == (80, 60)
    assert painted(size=(33, 47)).image.size == (33, 47)


def test_a_canvas_larger_than_the_network_paints_is_enlarged_with_sharp_edges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = np.full((96, 128, 3), 40, np.uint8)
    content[:, 64:] = 220
    monkeypatch.setattr(instant, "LONGEST_SIDE", 32)
    result = painted(content=content, size=128)
    bicubic = arrays.resize(painted(content=content, size=32).canvas, (128, 96))
    sharp, soft = (np.diff(canvas.mean(axis=(0, 2)))[63] for canvas in (result.canvas, bicubic))
    assert result.size == (128, 96)
    assert sharp > 1.5 * soft > 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"steps": 500}, "steps = 500"),
        ({"levels": 3}, "levels = 3"),
        ({"optimizer": "adam"}, "optimizer = adam"),
        ({"tv_weight": 2.0}, "tv_weight = 2.0"),
        ({"initial": "noise"}, "initial = noise"),
        ({"style_scale": 2.0}, "style_scale = 2.0"),
        ({"beta": 9.0}, "beta = 9.0"),
        ({"style_layers": "conv1_1"}, "style_layers = {'conv1_1': 1.0}"),
    ],
)
def test_a_setting_that_needs_losses_is_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.preset("instant", **settings)
    assert caught.value.code == "recipe.one-pass"
    assert named in str(caught.value)


def test_a_recipe_with_only_the_method_is_the_preset() -> None:
    assert Recipe(method="instant") == Recipe.preset("instant")
    assert Recipe.from_toml('method = "instant"') == Recipe.preset("instant")
    assert Recipe.from_toml(Recipe.preset("instant").to_toml()) == Recipe.preset("instant")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"initial": np.zeros((60, 80, 3))}, "instant.no-initial"),
        ({"device": "cuda"}, "instant.device"),
        ({"weights": "mine.pth"}, "instant.weights"),
        ({"checkpoint": "run.impasto"}, "instant.no-checkpoint"),
    ],
)
def test_an_argument_that_it_does_not_have_is_refused(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        impasto.stylize(CONTENT, STYLE, "instant", **arguments)
    assert caught.value.code == code


@pytest.mark.parametrize("setting", [{"layers": ("conv1_1",)}, {"style_mask": CONTENT}])
def test_a_style_counts_as_a_whole(setting: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        painted(Style(picture=STYLE, **setting))
    assert caught.value.code == "style.whole"


def test_without_a_style_there_is_only_the_photograph() -> None:
    with pytest.raises(InputError) as caught:
        painted(None)
    assert caught.value.code == "style.none"
    assert far(painted(None, strength=0), painted(strength=0)) == 0


def test_a_canvas_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        painted(size=(80, 12))
    assert caught.value.code == "size.instant"


def test_on_step_can_stop_the_run_and_the_painting_is_kept() -> None:
    result = painted(on_step=lambda _: False)
    assert result.stopped == ASKED_TO_STOP
    assert far(result, painted()) == 0


def test_an_interruption_before_the_pass_paints_nothing_and_after_it_keeps_the_painting() -> None:
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        painted()

    def interrupt(_: Step) -> None:
        raise KeyboardInterrupt

    assert painted(on_step=interrupt).stopped == INTERRUPTED


def test_running_out_of_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = type("RuntimeException", (Exception,), {"__module__": "onnxruntime.capi"})

    def fail(*_: object) -> None:
        raise failure("Failed to allocate memory for requested buffer of size 9")

    monkeypatch.setattr(networks.Networks, "paint", fail)
    with pytest.raises(RunError) as caught:
        painted()
    assert caught.value.code == "memory.ran-out-at"


def test_its_painting_can_be_the_first_canvas_of_an_optimisation() -> None:
    recipe = Recipe(initial="instant", size=80, levels=1, steps=1, coarse="same")
    first = prepare(CONTENT, STYLE, recipe, device="cpu").paint()
    assert np.allclose(first.canvas, painted().canvas, atol=1e-3)


@pytest.mark.parametrize(
    ("style", "named"),
    [
        ({"layers": ["conv1_1"]}, "layers of a style"),
        ({"style_mask": np.eye(50)}, "style_mask of a style"),
        ({"layers": ["conv1_1"], "style_mask": np.eye(50)}, "layers, style_mask of a style"),
    ],
)
def test_what_a_first_canvas_leaves_out_of_a_style_is_told(
    style: dict[str, Any], named: str
) -> None:
    settings: dict[str, Any] = {"size": 64, "steps": 1, "levels": 1}
    with pytest.warns(ImpastoWarning, match=f"takes every style as a whole: {named}"):
        prepare(CONTENT, Style(picture=STYLE, **style), Recipe(initial="instant", **settings))


def test_a_first_canvas_follows_every_style_with_a_mask_and_a_weight() -> None:
    recipe = Recipe(initial="instant", size=64, steps=1, levels=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(CONTENT, Style(picture=STYLE, weight=2, mask=np.eye(60, 80)), recipe)


def test_a_first_canvas_for_a_coarser_level_is_the_painting_reduced() -> None:
    recipe = Recipe.preset("gatys-fast", initial="instant", size=(160, 120), levels=2, steps=2)
    run = prepare(CONTENT, STYLE, recipe, device="cpu")
    reduced = arrays.resize(painted(size=(160, 120), rescale=True).canvas, run.levels[0].size)
    assert np.allclose(run.canvases.to_pixels(run.first_canvas), reduced, atol=1e-2)


def test_a_sweep_goes_over_strengths_and_methods() -> None:
    axes: dict[str, list[Any]] = {"strength": [0.1, 0.9], "color": ["style", "content"]}
    sheet = sweep(CONTENT, STYLE, axes, Recipe.preset("instant", size=80))
    assert sheet.size[0] > 2 * 80
    few = Recipe(size=48, steps=1, levels=1)
    both = sweep(CONTENT, STYLE, {"method": ["instant", "layers"]}, few, device="cpu")
    assert both.size[0] > 2 * 48


def test_the_command_paints_without_pytorch(tmp_path: Path) -> None:
    for name, pixels in (("content.png", CONTENT), ("style.png", STYLE)):
        Image.fromarray(pixels).save(tmp_path / name)
    program = (
        "import sys; from impasto.cli.app import run;"
        "code = run(['stylize', 'content.png', 'style.png', '--preset', 'instant', '--threads', "
        "'1', '--montage', 'm.png', '--trace', 't.jsonl', '--save-recipe', 'r.toml', '-o', "
        "'out.png', '--color', 'content']); print(code, 'torch' in sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert asked.stdout.splitlines()[-1] == "0 False"
    assert {path.name for path in tmp_path.iterdir()} >= {"out.png", "m.png", "t.jsonl", "r.toml"}
