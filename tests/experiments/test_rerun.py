"""A picture that impasto painted is painted again from what it carries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from conftest import content_pixels, save_small_pictures, style_pixels
from impasto.cli.app import run
from impasto.files.carried import carried_text

PAINT = ["--size", "64", "--levels", "1", "--steps", "3", "--device", "cpu", "--quiet"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1,conv2_1"]


def save_pictures() -> None:
    save_small_pictures()
    Image.fromarray(255 - style_pixels(40, 64)).save("other.png")
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :32] = (255, 0, 0)
    Image.fromarray(mask).save("regions.png")


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_pictures()


def paint(*arguments: str) -> None:
    assert run(["stylize", "content.png", "-o", "out.png", *arguments, *PAINT, *LAYERS]) == 0


def paint_in(folder: Path, *arguments: str) -> Path:
    """Paint ``out.png`` in another folder, from the same pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        save_pictures()
        paint(*arguments)
    return folder / "out.png"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A painting in one style."""
    return paint_in(tmp_path_factory.mktemp("plain"), "style.png").read_bytes()


@pytest.fixture
def _painted(plain: bytes) -> None:
    """The test finds that painting as ``out.png``."""
    Path("out.png").write_bytes(plain)


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


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_a_picture_of_any_format_is_painted_again(suffix: str) -> None:
    paint("style.png", "--strength", "0.7", "-o", f"first.{suffix}")
    again = ["rerun", f"first.{suffix}", "-o", f"again.{suffix}", "--device", "cpu", "--quiet"]
    assert run(again) == 0
    assert Path(f"again.{suffix}").read_bytes() == Path(f"first.{suffix}").read_bytes()


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


@pytest.mark.usefixtures("_painted")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--set", "strength"), "--set takes a setting and its value, as in strength=0.8"),
        (("--set", "strength=2"), "strength cannot be '2': it should be from 0 to 1."),
        (("--set", "strenth=1"), "There is no setting 'strenth'; did you mean 'strength'?"),
        (
            ("--content", "gone.png"),
            "The content picture 'gone.png' does not exist: say with --content",
        ),
        (("--style", "other.png"), "The style picture 'other.png' is not the file that 'out.png'"),
        (
            ("--style", "style.png", "--style", "other.png"),
            "painted without a style 2",
        ),
        (("--weights", "style.png"), "style.png"),
    ],
)
def test_what_cannot_be(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
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


# --------------------------------------------------------------- what someone else wrote into it


def carry(text: str) -> None:
    """A picture, ``out.png``, that carries that text."""
    info = PngInfo()
    info.add_itxt("impasto", text)
    Image.fromarray(content_pixels(48, 64)).save("out.png", pnginfo=info)


def refused_again(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that painting it again is refused with."""
    capsys.readouterr()
    assert again() == 2
    said = capsys.readouterr().err
    assert said.startswith("impasto: ")
    assert said.count("\n") == 1
    assert not Path("again.png").exists()
    return said


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a painting with a mask and a protected region carries."""
    masked = "--style", "style.png,mask=regions.png#ff0000", "--protect", "regions.png"
    path = paint_in(tmp_path_factory.mktemp("masked"), *masked)
    table: dict[str, Any] = json.loads(carried_text(path) or "")
    return table


@pytest.mark.parametrize(
    "text",
    ["", "5", "[]", "{", '"recipe"', "[" * 100_000, "9" * 5000, '{"impasto": NaN', "\ud7ff"],
    ids=lambda text: text[:10],
)
def test_metadata_that_is_no_table(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    carry(text)
    assert "'out.png' carries no recipe" in refused_again(capsys)


PARTS = ("impasto", "recipe", "content", "style", "mask", "protect", "weights")
NO_PARTS: tuple[Any, ...] = (
    None,
    5,
    "x",
    [],
    {},
    {"name": "a.png"},
    {"sha256": "x"},
    [[[[]]]],
    10**30,
    "",
)


@pytest.mark.parametrize("part", [*PARTS, "new"])
def test_metadata_of_which_a_part_is_none(
    part: str, carried: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for value in NO_PARTS if part != "impasto" else (None, 5, "", "x y", [], {}, "x" * 300):
        carry(json.dumps({**carried, part: value}))
        refused_again(capsys)
    carry(json.dumps({name: value for name, value in carried.items() if name != part}))
    if part != "new":
        refused_again(capsys)


@pytest.mark.parametrize("setting", ["size", "styles", "protect", "seed", "balance", "stepz"])
def test_a_recipe_with_a_value_that_cannot_be(
    setting: str, carried: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    values: list[Any] = [-5, [], {"a": 1}, 1e300, 10**40, [None], [[[[]]]]]
    for value in values:
        recipe = {**carried["recipe"], setting: value}
        carry(json.dumps({**carried, "recipe": recipe}))
        refused_again(capsys)


NAMES = ("../secret.png", "/etc/hostname", "a/../../b.png", "..", "", "a\\b.png", "a\0b.png")


@pytest.mark.parametrize("part", ["content", "style", "mask", "protect", "weights"])
def test_a_name_in_metadata_leads_to_no_other_folder(
    part: str, carried: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        carry(json.dumps({**carried, part: {**carried[part], "name": name}}))
        assert "should be the name of a file, without a folder" in refused_again(capsys)


def test_a_recipe_names_no_file_beside_those_that_are_known_by_their_bytes(
    carried: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for table in ({"style_mask": "../secret.png"}, {"picture": "../secret.png"}):
        styles = [
            {**carried["recipe"]["styles"][0], **table},
            *([table] if "picture" in table else []),
        ]
        carry(json.dumps({**carried, "recipe": {**carried["recipe"], "styles": styles}}))
        assert "its recipe and its inputs do not match" in refused_again(capsys)
    carry(json.dumps({**carried, "recipe": {**carried["recipe"], "initial": "../secret.png"}}))
    assert "its recipe and its inputs do not match" in refused_again(capsys)


def test_a_name_in_metadata_that_no_file_can_have(
    carried: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for length in (300, 5000):
        known = {**carried["content"], "name": "x" * length}
        carry(json.dumps({**carried, "content": known}))
        assert "does not exist: say with --content" in refused_again(capsys)


@pytest.mark.usefixtures("_painted")
@pytest.mark.parametrize("name", ["content", "styles", "style", "mask", "style-mask", "weights"])
def test_an_input_is_no_setting_to_be_changed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert again("--set", f"{name}=other.png") == 2
    assert "is not a setting of the recipe" in capsys.readouterr().err


def test_a_file_whose_name_is_that_of_a_first_canvas() -> None:
    Path("other.png").rename("noise")
    paint("style.png", "--initial", "./noise")
    assert again() == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_mask_whose_name_ends_like_a_colour() -> None:
    Path("regions.png").rename("regions#ff0000")
    paint("style.png", "--protect", "regions#ff0000")
    assert again() == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()
