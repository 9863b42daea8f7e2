"""A setting or two that vary, on one sheet; and the paper's figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto import InputError, Recipe, images
from impasto.cli import run
from impasto.painter import Run
from impasto.sweep import Axis, grid

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


def test_pictures_and_weights_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Run("content.png", "style.png", Recipe(size=64, steps=1), device="cpu")
    read: list[object] = []
    monkeypatch.setattr(images, "read", lambda *given: read.append(given))
    other = first.varied(Recipe(size=64, steps=1, strength=0.9))
    assert read == []
    assert other.inputs is first.inputs
    assert other.loaded is first.loaded


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--vary", "strength"], "--vary takes a setting and its values"),
        (["--vary", "strength=0.2,5"], "strength cannot be '5': it should be at most 1."),
        (["--vary", "strenth=1,2"], "did you mean 'strength'?"),
        (["--vary", "strength=1", "--vary", "strength=0"], "strength is varied twice"),
        (
            ["--vary", "seed=1", "--vary", "steps=2", "--vary", "size=64"],
            "one setting or two, not 3",
        ),
        (["--vary", "seed=1", "--folder", "missing/all"], "There is no folder 'missing'"),
    ],
)
def test_a_sweep_that_cannot_be(
    flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*SWEEP, *flags]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("sheet.png").exists()


def test_layers_are_varied_with_semicolons() -> None:
    axis = Axis.read("style_layers=conv1_1:2,conv2_1; conv3_1")
    one, other = grid(Recipe(), [axis])[0]
    assert (one.style_layers, other.style_layers) == ({"conv1_1": 2, "conv2_1": 1}, {"conv3_1": 1})


# ------------------------------------------------------------------- one picture, and the figure


def test_a_texture_needs_one_picture_and_has_its_statistics() -> None:
    flags = ["--preset", "texture", "--size", "64", "--levels", "1", "--steps", "60", "--quiet"]
    assert run(["stylize", "style.png", "-o", "texture.png", *flags, "--trace", "run.jsonl"]) == 0
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
        Run("content.png", None, Recipe(size=64))


def test_one_of_the_two_pictures_has_to_count() -> None:
    with pytest.raises(InputError, match="alpha and beta cannot both be 0"):
        Recipe.preset("texture", beta=0)


def test_the_figure_of_reconstructions() -> None:
    flags = ["--size", "48", "--steps", "2", "--device", "cpu"]
    assert run(["reconstruct", "content.png", "style.png", "-o", "figure.png", *flags]) == 0
    with Image.open("figure.png") as figure:
        width, height = figure.size
    assert width > 6 * 48
    assert height > 2 * 36
