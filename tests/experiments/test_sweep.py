"""A setting or two that vary, on one sheet; and the paper's figure."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import ImpastoWarning, InputError, Recipe, Result, Step, Style, stylize
from impasto.cli.app import run
from impasto.experiments.sweep import Axis, grid, sweep
from impasto.network import weights
from impasto.objective.cache import SHARED_BYTES, keep, measurements
from impasto.objective.objective import Objective
from impasto.pictures import images
from impasto.run import either
from impasto.run.prepare import check_variation, prepare, vary
from impasto.settings.loss_table import CONTENT_LOSSES, METHODS, STYLE_LOSSES

FLAGS = ["--size", "64", "--levels", "1", "--steps", "3", "--device", "cpu"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1"]
SWEEP = ["sweep", "content.png", "style.png", "-o", "sheet.png", *FLAGS, *LAYERS]


pytestmark = pytest.mark.usefixtures("small_pictures")


def test_the_first_setting_goes_across_and_the_second_down() -> None:
    axes = [Axis.read("strength=0.2,0.8"), Axis.read("style-scale=0.5,1,2")]
    recipes = grid(Recipe(), axes)
    assert [[(one.strength, one.style_scale) for one in row] for row in recipes] == [
        [(0.2, scale), (0.8, scale)] for scale in (0.5, 1, 2)
    ]


def test_each_picture_of_a_sweep_is_that_of_its_own_recipe() -> None:
    flags = ["--vary", "strength=0.1,0.9", "--vary", "color=style,content", "--folder", "all"]
    assert run([*SWEEP, *flags, "--quiet"]) == 0
    assert len(list(Path("all").iterdir())) == 4
    alone = ["--strength", "0.9", "--color", "content", "--quiet", "-o", "alone.png"]
    assert run(["stylize", "content.png", "style.png", *FLAGS, *LAYERS, *alone]) == 0
    assert (
        Path("all/strength=0.9- color=content.png").read_bytes() == Path("alone.png").read_bytes()
    )


def test_a_picture_whose_run_ended_early_is_noted() -> None:
    recipe = Recipe(size=64, levels=1, steps=3, optimizer="adam", keep="updated")
    ended = r"'learning_rate=1e\+?30' ended early: the loss of step"
    with pytest.warns(ImpastoWarning, match=ended):
        sweep("content.png", "style.png", {"learning_rate": [1e30]}, recipe, device="cpu")


def test_the_sheet_shows_every_picture() -> None:
    assert run([*SWEEP, "--vary", "strength=0.1,0.5,0.9", "--folder", "all", "--quiet"]) == 0
    sheet = np.asarray(Image.open("sheet.png").convert("RGB")).astype(int)
    for path in Path("all").iterdir():
        picture = np.asarray(Image.open(path)).astype(int)
        assert any(
            np.array_equal(sheet[y : y + 48, x : x + 64], picture)
            for y in range(sheet.shape[0] - 47)
            for x in range(sheet.shape[1] - 63)
        )


# Two values of every setting, or more, which follow each other in one sweep; and beside which
# others, without which the setting would change nothing.
SMALL: dict[str, Any] = {
    "size": 64,
    "levels": 1,
    "steps": 3,
    "content_layers": "conv2_1",
    "style_layers": "conv1_1,conv2_1",
}
REGIONS = ["regions.png#ff0000", "regions.png#00ff00", "mask.png"]
SETTINGS: dict[str, list[Any]] = {
    "size": [64, 56, "64x40"],
    "output_size": ["working", 40],
    "content_fit": ["stretch", "crop"],
    "styles": [["style.png"], ["other.png"], ["style.png", "other.png"]],
    "style_fit": ["aspect", "squeeze", "original"],
    "style_scale": [1.0, 0.5],
    "style_symmetry": ["none", "mirror", "rotate", "all"],
    "protect": [*REGIONS, None],
    "color": ["style", "content", "match", "histogram", "palette"],
    "rescale": [False, True],
    "initial": ["recolored-content", "content", "noise", "style", "other.png", "style.png"],
    "noise_ratio": [0.7, 0.2],
    "seed": [0, 3],
    "content_layers": ["conv2_1", "conv2_1,conv1_2", "conv1_2", "conv1_2,conv2_1"],
    "style_layers": ["conv1_1,conv2_1", "conv2_1,conv1_1:3", "conv1_1", "conv2_1,conv1_1"],
    "method": [name for name, method in METHODS.items() if not method.one_pass],
    "coarse": ["auto", "same"],
    "balance": ["relative", "absolute"],
    "style_loss": list(STYLE_LOSSES),
    "content_loss": list(CONTENT_LOSSES),
    "strength": [0.5, 0.9],
    "alpha": [1.0, 0.0, 2.0],
    "beta": [1.0, 0.0, 9.0],
    "tv_weight": [0.0, 2.0],
    "tv": ["anisotropic", "nine-point"],
    "pooling": ["average", "max"],
    "padding": ["replicate", "zeros"],
    "optimizer": ["lbfgs", "adam"],
    "variable": ["pixels", "pyramid"],
    "learning_rate": [2.0, 5.0],
    "steps": [3, 4],
    "levels": [1, 2],
    "tile": ["auto", 16, 32],
    "keep": ["measured", "updated"],
    "precision": ["auto", "float32", "float64"],
}
BESIDE: dict[str, dict[str, Any]] = {
    "content_fit": {"size": "48x48"},
    "noise_ratio": {"initial": "noisy-content"},
    "seed": {"initial": "noise"},
    "coarse": {
        "size": 128,
        "levels": 2,
        "content_layers": Recipe().content_layers,
        "style_layers": Recipe().style_layers,
    },
    "balance": {"beta": 9.0},
    "tv": {"tv_weight": 2.0},
    "keep": {"optimizer": "adam"},
    "variable": {"optimizer": "adam"},
    "levels": {"size": 128},
}
# Likewise of a style, which is blended with another.
OF_A_STYLE: dict[str, list[Any]] = {
    "picture": ["grey.png", "other.png"],
    "weight": [1.0, 3.0],
    "layers": [None, "conv1_1", "conv2_1", "conv2_1+conv1_1"],
    "mask": [*REGIONS, None],
    "style_mask": [*REGIONS, None],
}


@pytest.fixture
def more_pictures(small_pictures: None) -> None:
    """Beside content and style, another style, a mask, and three regions in one picture."""
    Image.fromarray(style_pixels(48, 48) // 2 + 40).save("style.png")
    Image.fromarray(content_pixels(40, 64)[:, ::-1] // 3 + 90).save("other.png")
    Image.linear_gradient("L").resize((64, 48)).save("mask.png")
    Image.radial_gradient("L").resize((64, 48)).save("grey.png")
    regions = Image.new("RGB", (64, 48), "blue")
    regions.paste("#ff0000", (0, 0, 20, 48))
    regions.paste("#00ff00", (30, 10, 64, 40))
    regions.save("regions.png")


def changed(named: str, style: Any) -> tuple[Any, dict[str, Any]]:
    """A style picture, or none where the recipe names it, and the values of what is named."""
    return (None, {}) if named == "styles" else (style, BESIDE.get(named, {}))


@pytest.mark.parametrize("setting", Recipe.model_fields)
@pytest.mark.usefixtures("more_pictures")
def test_what_is_shared_does_not_change_a_picture(setting: str) -> None:
    style, beside = changed(setting, "style.png")
    recipes = [Recipe(**{**SMALL, **beside, setting: value}) for value in SETTINGS[setting]]
    check_each_is_painted_as_alone(style, recipes)


@pytest.mark.parametrize("field", Style.model_fields)
@pytest.mark.usefixtures("more_pictures")
def test_what_is_shared_does_not_change_a_picture_of_several_styles(field: str) -> None:
    styles = [Style(**{"picture": "grey.png", field: value}) for value in OF_A_STYLE[field]]
    recipes = [Recipe(**SMALL, styles=[style, "other.png:0.5"]) for style in styles]
    check_each_is_painted_as_alone(None, recipes)


def check_each_is_painted_as_alone(style: str | None, recipes: list[Recipe]) -> None:
    """One after the other, and back again to the first."""
    first = prepare("content.png", style, recipes[0], device="cpu", cache_bytes=SHARED_BYTES)
    alone = [stylize("content.png", style, recipe, device="cpu") for recipe in recipes]
    for recipe, expected in zip([*recipes, recipes[0]], [*alone, alone[0]], strict=True):
        check_variation(first, recipe)
        painted = vary(first, recipe).paint()
        assert painted.canvas.tobytes() == expected.canvas.tobytes()
        assert painted.image.tobytes() == expected.image.tobytes()
        assert losses_of(painted) == losses_of(expected)
    for one, other in itertools.pairwise(alone):  # or nothing would have been seen
        assert (one.image, losses_of(one)) != (other.image, losses_of(other))


def test_one_pass_in_a_sweep_takes_styles_of_any_shape() -> None:
    first = either.prepare("content.png", style_pixels(2, 200), Recipe.preset("instant", size=48))
    check_variation(first, Recipe.preset("instant", size=64))
    with pytest.raises(InputError, match="needs 16 pixels a side"):
        check_variation(first, Recipe.preset("instant", size=15))


def test_each_region_of_one_picture_is_the_one_that_is_protected() -> None:
    regions = Image.new("RGB", (64, 48), "#ff0000")
    regions.paste("#00ff00", (32, 0, 64, 48))
    regions.save("regions.png")
    vary = "protect=regions.png#ff0000,regions.png#00ff00"
    assert run([*SWEEP, "--vary", vary, "--folder", "all", "--quiet"]) == 0
    content = np.asarray(Image.open("content.png"))
    left, right = (
        np.asarray(Image.open(f"all/protect=regions.png#{colour}.png"))
        for colour in ("ff0000", "00ff00")
    )
    assert np.array_equal(left[:, :32], content[:, :32])
    assert np.array_equal(right[:, 32:], content[:, 32:])
    assert not np.array_equal(left[:, 32:], content[:, 32:])
    assert not np.array_equal(right[:, :32], content[:, :32])


def test_pictures_in_memory_of_one_colour_are_told_apart_by_their_shape() -> None:
    wide, high = (
        prepare(np.full(shape, 90, np.uint8), np.full((48, 48, 3), 9, np.uint8), Recipe(**SMALL))
        for shape in ((48, 64, 3), (64, 48, 3))
    )
    assert wide.inputs.content.identity != high.inputs.content.identity


def losses_of(result: Result) -> list[float]:
    return [step.loss for step in result.history]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often pictures are read and targets measured."""
    counts: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        counted = getattr(owner, name)

        def counting(*given: Any, **named: Any) -> Any:
            counts[name] += 1
            return counted(*given, **named)

        monkeypatch.setattr(owner, name, counting)

    count(images, "read")
    count(weights, "load")
    count(Objective, "measure_content")
    count(Objective, "measure_styles")
    return counts


@pytest.mark.parametrize(
    ("axes", "contents", "styles"),
    [
        (["strength=0.1,0.5,0.9"], 1, 1),
        (["initial=noise,content,style", "tv_weight=0,2"], 1, 1),
        (["style_scale=0.5,1", "strength=0.2,0.8"], 1, 2),
        (["content_layers=conv1_1,conv2_1", "strength=0.2,0.8"], 2, 1),
        (["size=48,64", "strength=0.2,0.8"], 2, 2),
    ],
)
def test_what_pictures_have_in_common_is_measured_once(
    measured: Counter[str], axes: list[str], contents: int, styles: int
) -> None:
    small = {**SMALL, "steps": 1}
    sweep("content.png", "style.png", [*map(Axis.read, axes)], Recipe(**small), device="cpu")
    expected = {"read": 2, "load": 1, "measure_content": contents, "measure_styles": styles}
    measured["read"] -= len(list(itertools.product(*(Axis.read(axis).values for axis in axes))))
    assert measured == expected


@dataclass(frozen=True)
class Sized:
    bytes: int


def test_no_more_is_kept_than_there_is_room_for() -> None:
    cache = measurements(10)
    for key in "abc":
        keep(cache, key, (Sized(1), Sized(3)))
    assert [key for key in "abc" if cache.get(key)] == ["b", "c"]
    cache.get("b")
    keep(cache, "d", (Sized(4),))
    assert [key for key in "bcd" if cache.get(key)] == ["b", "d"]
    keep(cache, "e", (Sized(11),))
    assert [key for key in "bde" if cache.get(key)] == ["b", "d"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--vary", "strength"], "A sweep takes a setting and its values"),
        (["--vary", "strength=0.2,5"], "strength cannot be '5': it should be from 0 to 1."),
        (["--vary", "strenth=1,2"], "did you mean 'strength'?"),
        (["--vary", "strength=1", "--vary", "strength=0"], "strength is varied twice"),
        (
            ["--vary", "seed=1", "--vary", "steps=2", "--vary", "size=64"],
            "one or two settings, not 3",
        ),
        (["--vary", "seed=1", "--folder", "missing/all"], "There is no folder 'missing'"),
        (["--vary", "size=64,1"], "The canvas would be 1×1 pixels"),
        (["--vary", "style-scale=1,0.01"], "choose a larger style scale"),
    ],
)
def test_a_sweep_that_cannot_be(
    flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*SWEEP, *flags]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("sheet.png").exists()


def test_a_sheet_that_its_format_cannot_hold_is_refused_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seeds = ",".join(map(str, range(250)))
    assert run([*SWEEP, "--vary", f"seed={seeds}", "-o", "sheet.webp"]) == 2
    assert "16383" in capsys.readouterr().err
    assert not Path("sheet.webp").exists()


def test_the_painting_at_hand_is_kept_as_it_is(tmp_path: Path) -> None:
    sheets: list[int] = []
    steps = 0

    def on_step(step: Step) -> None:
        nonlocal steps
        steps += 1
        if steps == 6:  # of the second painting
            signal.raise_signal(signal.SIGINT)

    recipe = Recipe(size=64, levels=1, steps=4, content_layers="conv2_1", style_layers="conv1_1")
    sheet = sweep(
        "content.png",
        "style.png",
        [Axis("seed", ("1", "2", "3"))],
        recipe,
        device="cpu",
        folder=tmp_path / "all",
        on_step=on_step,
        on_sheet=lambda _, number: sheets.append(number),
    )
    assert sheets == [0, 1, 2]
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        "seed=1.png",
        "seed=2.png",
    ]
    with Image.open(tmp_path / "all" / "seed=2.png") as second:
        assert is_on(sheet, second)


def is_on(sheet: Image.Image, picture: Image.Image) -> bool:
    """Whether a sheet shows a picture, somewhere."""
    whole, part = np.asarray(sheet), np.asarray(picture)
    height, width = part.shape[:2]
    return any(
        np.array_equal(whole[y : y + height, x : x + width], part)
        for y in range(whole.shape[0] - height + 1)
        for x in range(whole.shape[1] - width + 1)
        if np.array_equal(whole[y, x], part[0, 0])
    )


@pytest.mark.parametrize(
    "command", [["sweep", "--vary", "seed=1,2,3,4", *LAYERS, "--levels", "1"], ["reconstruct"]]
)
def test_ctrl_c_keeps_the_sheet_so_far(command: list[str]) -> None:
    name, *flags = command
    given = [name, "content.png", "style.png", "-o", "sheet.png", "--size", "48", *flags]
    with subprocess.Popen(
        [sys.executable, "-m", "impasto", *given, "--steps", "30", "--device", "cpu"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("2 of"):
                process.send_signal(signal.SIGINT)
                break
        told = process.stderr.read()
    assert process.returncode == 130
    assert re.search(r"Stopped at picture [12]; the sheet so far is in sheet\.png\.", told)
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 4 * 48


def test_layers_are_varied_with_semicolons() -> None:
    axis = Axis.read("style_layers=conv1_1:2,conv2_1; conv3_1")
    one, other = grid(Recipe(), [axis])[0]
    assert (one.style_layers, other.style_layers) == ({"conv1_1": 2, "conv2_1": 1}, {"conv3_1": 1})


# ------------------------------------------------------------------- one picture, and the figure


def test_a_texture_needs_one_picture_and_has_its_statistics() -> None:
    flags = ["--preset", "texture", "--size", "64", "--levels", "1", "--steps", "60", "--quiet"]
    flags += ["--style-layers", "conv1_1,conv2_1", "--trace", "run.jsonl"]
    assert run(["stylize", "style.png", "-o", "texture.png", *flags]) == 0
    losses = [line for line in Path("run.jsonl").read_text().splitlines() if '"step"' in line]
    first, last = (
        float(line.split('"loss": ')[1].split(",")[0]) for line in (losses[0], losses[-1])
    )
    assert last < first / 50


def test_a_reconstruction_comes_near_its_picture() -> None:
    flags = ["--preset", "reconstruction", "--size", "64", "--steps", "40", "--quiet"]
    shallow = ["--content-layers", "conv1_1"]
    assert run(["stylize", "content.png", "-o", "again.png", *flags, *shallow]) == 0
    again, content = (np.asarray(Image.open(n)).astype(float) for n in ("again.png", "content.png"))
    assert np.abs(again - content).mean() < 8
    assert run(["rerun", "again.png", "-o", "third.png", "--quiet"]) == 0
    assert Path("third.png").read_bytes() == Path("again.png").read_bytes()


def test_a_painting_needs_a_style() -> None:
    with pytest.raises(InputError, match="There is no style picture"):
        prepare("content.png", None, Recipe(size=64))


def test_one_of_the_two_pictures_has_to_count() -> None:
    with pytest.raises(InputError, match="Neither picture counts, since alpha and beta"):
        Recipe.preset("texture", beta=0)
    with pytest.raises(InputError, match="or the weights of their layers, are 0"):
        Recipe(alpha=0, style_layers={"conv1_1": 0})


def test_the_figure_of_reconstructions() -> None:
    flags = ["--size", "48", "--steps", "2", "--device", "cpu"]
    assert run(["reconstruct", "content.png", "style.png", "-o", "figure.png", *flags]) == 0
    with Image.open("figure.png") as figure:
        width, height = figure.size
    assert width > 6 * 48
    assert height > 2 * 36
