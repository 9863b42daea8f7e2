"""The recipe of a painting is used for other pictures, without the pictures of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import impasto
from conftest import style_pixels
from impasto import Recipe
from impasto.cli.app import run
from impasto.errors import ImpastoWarning, InputError

QUICK = ["--size", "48", "--steps", "2", "--levels", "1", "--device", "cpu"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1,conv2_1"]


@pytest.fixture(autouse=True)
def _pictures(small_pictures: None) -> None:
    Image.fromarray(255 - style_pixels(40, 64)).save("other.png")


def paint(*arguments: str) -> int:
    return run(["stylize", "content.png", *arguments])


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tif"])
@pytest.mark.filterwarnings("error")
def test_a_painting_of_one_style_gives_all_of_its_settings(name: str) -> None:
    assert paint("style.png", "-o", name, "--strength", "0.7", *QUICK, *LAYERS) == 0
    made = Recipe(
        size=48, steps=2, levels=1, strength=0.7, content_layers="conv2_1",
        style_layers="conv1_1,conv2_1",
    )  # fmt: skip
    assert impasto.recipe_of(name) == made
    assert Recipe.load(name) == Recipe.read(name) == Recipe.read(Path(name)) == made
    assert Recipe.load(name, beta=3).beta == 3


def test_the_command_line_and_python_take_a_painting_for_a_recipe() -> None:
    assert paint("style.png", "-o", "out.png", *QUICK, *LAYERS) == 0
    assert paint("other.png", "--recipe", "out.png", "-o", "a.png", "--device", "cpu") == 0
    assert paint("other.png", "-o", "b.png", *QUICK, *LAYERS) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    result = impasto.stylize("content.png", "other.png", "out.png", device="cpu")
    result.save("c.png")
    assert Path("c.png").read_bytes() == Path("a.png").read_bytes()


def test_it_can_be_saved_resumed_and_painted_again() -> None:
    assert paint("style.png", "-o", "out.png", *QUICK, *LAYERS) == 0
    kept = ["--save-recipe", "r.toml", "--checkpoint", "run.impasto", "--device", "cpu"]
    assert paint("other.png", "--recipe", "out.png", "-o", "a.png", *kept) == 0
    saved = Recipe.load("r.toml")
    assert saved.model_copy(update={"styles": []}) == impasto.recipe_of("out.png")
    assert run(["resume", "run.impasto", "-o", "b.png"]) == 0
    assert run(["rerun", "a.png", "-o", "c.png", "--device", "cpu"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() == Path("c.png").read_bytes()


def test_what_names_a_picture_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    styles = ["style.png:2,mask=other.png", "--style", "other.png,layers=conv2_1"]
    own = ["--initial", "other.png", "--protect", "style.png"]
    assert paint(*styles, *own, "-o", "out.png", *QUICK, *LAYERS) == 0
    with pytest.warns(ImpastoWarning) as heard:
        recipe = impasto.recipe_of("out.png")
    assert (recipe.styles, recipe.protect, recipe.initial) == ((), None, Recipe().initial)
    said = str(heard[0].message)
    for name in (
        "initial canvas 'other.png'",
        "protected region 'style.png'",
        "style picture 'style.png'",
        "style picture 'other.png'",
        "mask 'other.png'",
    ):
        assert name in said
    capsys.readouterr()
    assert paint("style.png", "--recipe", "out.png", "-o", "a.png", "--device", "cpu") == 0
    assert f"Note: {said}" in capsys.readouterr().err


def carrying(text: str) -> None:
    chunk = PngInfo()
    chunk.add_text("impasto", text)
    Image.new("RGB", (4, 4)).save("made.png", pnginfo=chunk)


@pytest.mark.parametrize(
    ("carried", "sentence"),
    [
        ("", "carries no recipe"),
        ("[]", "carries no recipe"),
        ('{"recipe": 5}', "carries no recipe"),
        ("[" * 100_000, "carries no recipe"),
        (json.dumps({"recipe": {"steps": -1}}), "In the recipe that 'made.png' carries: steps"),
        (json.dumps({"recipe": {"stepz": 1}}), "There is no setting 'stepz'"),
    ],
)
def test_metadata_that_is_no_recipe(
    carried: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    carrying(carried)
    assert paint("style.png", "--recipe", "made.png", "-o", "out.png") == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not Path("out.png").exists()


@pytest.mark.parametrize("name", ["content.png", "gone.png", "text.png"])
def test_a_picture_that_carries_no_recipe(name: str) -> None:
    Path("text.png").write_text("steps = 5", encoding="utf-8")
    with pytest.raises(InputError, match=name):
        impasto.recipe_of(name)


def test_hostile_styles_are_left_out_too() -> None:
    styles: list[Any] = [5, {"picture": 7}, {"picture": "a.png"}]
    carrying(json.dumps({"recipe": {"styles": styles, "initial": "/etc/passwd", "steps": 3}}))
    with pytest.warns(ImpastoWarning, match="a.png"):
        assert impasto.recipe_of("made.png") == Recipe(steps=3)
