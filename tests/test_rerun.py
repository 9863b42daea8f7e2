"""A picture that impasto painted is painted again from what it carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto.cli import run

PAINT = ["--size", "64", "--levels", "1", "--steps", "3", "--device", "cpu", "--quiet"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1,conv2_1"]


@pytest.fixture(autouse=True)
def _pictures(small_pictures: None) -> None:
    Image.fromarray(255 - style_pixels(40, 64)).save("other.png")
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :32] = (255, 0, 0)
    Image.fromarray(mask).save("regions.png")


def paint(*arguments: str) -> None:
    assert run(["stylize", "content.png", *arguments, "-o", "out.png", *PAINT, *LAYERS]) == 0


def again(*arguments: str) -> int:
    return run(["rerun", "out.png", "-o", "again.png", "--device", "cpu", "--quiet", *arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        ("style.png",),
        ("style.png", "--initial", "other.png", "--color", "content"),
        ("style.png:2", "--style", "other.png,layers=conv2_1"),
        (
            "--style",
            "style.png,mask=regions.png#ff0000",
            "--style",
            "other.png:0.5,mask=regions.png#000000,style_mask=regions.png#ff0000",
        ),
        ("style.png", "--protect", "regions.png#ff0000", "--style-symmetry", "all"),
    ],
    ids=["plain", "initial", "blended", "regions", "protect"],
)
def test_the_same_bytes(arguments: tuple[str, ...]) -> None:
    paint(*arguments)
    assert again() == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_inputs_that_lie_elsewhere_are_named() -> None:
    paint("style.png")
    Path("away").mkdir()
    Path("content.png").rename("away/content.png")
    Path("style.png").rename("away/painting.png")
    assert again("--content", "away/content.png", "--style", "away/painting.png") == 0
    Path("away/painting.png").rename("style.png")
    Path("away/content.png").rename("content.png")
    paint("style.png")
    again_pixels, pixels = (np.asarray(Image.open(name)) for name in ("again.png", "out.png"))
    np.testing.assert_array_equal(again_pixels, pixels)


def test_every_input_lies_in_another_folder() -> None:
    paint("--style", "style.png,mask=regions.png#ff0000", "--protect", "regions.png#000000")
    Path("away").mkdir()
    for name in ("content.png", "style.png", "regions.png"):
        Path(name).rename(f"away/{name}")
    assert again() == 2
    assert again("--inputs", "away") == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_an_input_that_is_changed_need_not_be_found() -> None:
    paint("style.png", "--protect", "regions.png#ff0000")
    Path("regions.png").rename("moved.png")
    assert again("--set", "protect=moved.png#ff0000") == 0
    again_pixels, pixels = (np.asarray(Image.open(name)) for name in ("again.png", "out.png"))
    np.testing.assert_array_equal(again_pixels, pixels)


def test_a_setting_is_changed() -> None:
    paint("style.png")
    assert again("--set", "strength=0.9", "--set", "steps=2") == 0
    assert run(["rerun", "again.png", "-o", "third.png", "--device", "cpu", "--quiet"]) == 0
    assert Path("third.png").read_bytes() == Path("again.png").read_bytes()
    assert Path("again.png").read_bytes() != Path("out.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--set", "strength"), "--set takes a setting and its value, as in strength=0.8"),
        (("--set", "strength=2"), "strength cannot be '2': it should be at most 1."),
        (("--set", "strenth=1"), "There is no setting 'strenth'; did you mean 'strength'?"),
        (
            ("--content", "gone.png"),
            "The content picture 'gone.png' is not there: say with --content",
        ),
        (("--style", "other.png"), "The style picture 'other.png' is not the file that 'out.png'"),
        (("--style", "style.png", "--style", "other.png"), "'out.png' has one style"),
        (("--weights", "style.png"), "style.png"),
    ],
)
def test_what_cannot_be(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paint("style.png")
    assert again(*arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not Path("again.png").exists()


@pytest.mark.parametrize("kind", ["content.png", "missing.png", "text.png", "out.jpg"])
def test_a_picture_that_carries_no_recipe(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.png").write_text("no picture", encoding="utf-8")
    Image.fromarray(content_pixels(8, 8)).save("out.jpg")
    assert run(["rerun", kind, "-o", "again.png"]) == 2
    said = capsys.readouterr().err
    assert kind in said
    assert said.count("\n") <= 2
    assert "Traceback" not in said


def test_the_output_does_not_replace_what_it_is_made_from() -> None:
    paint("style.png")
    before = Path("out.png").read_bytes()
    assert run(["rerun", "out.png", "-o", "out.png"]) == 2
    assert Path("out.png").read_bytes() == before
