"""The commands that train a painter and paint with one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import ImpastoWarning
from impasto.cli.app import run
from impasto.errors import StoppedError
from impasto.painters import file as files
from impasto.painters import learning
from impasto.painters.applying import Painter
from impasto.painters.learning import train_painter
from painter_files import random_painter

pytestmark = pytest.mark.usefixtures("small_pictures")
QUICK = ("--size", "32", "--set", "style_layers=conv1_1", "--set", "content_layers=conv2_1")
TRAIN = ("train", "style.png", "--photos", "content.png", *QUICK, "--device", "cpu")


@pytest.fixture
def painter() -> Painter:
    """A painter in the file ``two.safetensors``."""
    made = random_painter()
    made.save("two.safetensors")
    return made


def pixels_of(path: str) -> npt.NDArray[np.float32]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32)


def test_train_writes_a_painter_and_all_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    besides = ("--plot", "l.png", "--trace", "t.jsonl", "--samples", "s", "--export", "p.onnx")
    assert run([*TRAIN, "--steps", "3", "-o", "p.safetensors", *besides]) == 0
    told = capsys.readouterr()
    assert "Training p.safetensors: style, from 1 photograph at 32 pixels, 3 steps" in told.err
    assert told.out.startswith("Trained p.safetensors in ")
    assert Painter.load("p.safetensors").about.steps == 3
    events = [json.loads(line) for line in Path("t.jsonl").read_text("utf-8").splitlines()]
    assert [event["event"] for event in events] == ["training", "step", "step", "step", "done"]
    assert [event["share"] for event in events[1:4]] == pytest.approx([1 / 3, 2 / 3, 1], abs=1e-5)
    assert {path.name for path in Path("s").iterdir()} == {
        f"sample-0000{number}.png" for number in (1, 2, 3)
    }
    assert pixels_of("l.png").shape[1] > 100
    assert Path("p.onnx").stat().st_size > 1000
    assert not Path("p.training").exists()


def test_several_styles_are_in_one_painter(capsys: pytest.CaptureFixture[str]) -> None:
    Path("styles").mkdir()
    for name in ("oil", "ink"):
        Image.fromarray(style_pixels(40, 40)).save(f"styles/{name}.png")
    command = ["train", "styles", "style.png", *TRAIN[2:], "--steps", "1", "-o", "p.safetensors"]
    assert run([*command, "--quiet"]) == 0
    assert Painter.load("p.safetensors").styles == ("ink", "oil", "style")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("-o", "p.pt"), "'.pt'"),
        (("-o", "none/p.safetensors"), "none"),
        (("-o", "p.safetensors", "--steps", "0"), "--steps"),
        (("-o", "p.safetensors", "--minutes", "0"), "minutes"),
        (("-o", "p.safetensors", "--preset", "nnst"), "'nnst'"),
        (("-o", "p.safetensors", "--set", "strength"), "'strength'"),
        (("-o", "p.safetensors", "--strength", "2"), "strength"),
        (("-o", "p.safetensors", "--photos", "nowhere.jpg"), "nowhere.jpg"),
        (("-o", "p.safetensors", "--plot", "l.txt"), "'.txt'"),
        (("-o", "p.safetensors", "--trace", "p.safetensors"), "p.safetensors"),
        (("-o", "p.safetensors", "--export", "p.pb"), "'.pb'"),
        (("-o", "p.safetensors", "--device", "cuda:99"), "cuda"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_sentence(
    flags: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(Path().iterdir())
    assert run(["train", "style.png", "--photos", "content.png", *QUICK, *flags]) == 2
    error = capsys.readouterr().err
    assert "impasto: " in error
    assert told in error
    assert "Traceback" not in error
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize(
    "flags",
    [
        ("--trace", "photos/a.jpg"),
        ("--trace", "recipe.toml"),
        ("--plot", "photos/b.png"),
        ("--samples", "photos"),
        ("--checkpoint", "photos/a.jpg"),
    ],
)
def test_no_photograph_and_no_recipe_is_replaced(
    flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    for name in ("a.jpg", "b.png"):
        Image.fromarray(content_pixels(32, 48)).save(Path("photos", name))
    Path("recipe.toml").write_text("size = 32\n")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    command = ["train", "style.png", "--photos", "photos", "--recipe", "recipe.toml"]
    assert run([*command, "-o", "p.safetensors", "--steps", "1", *flags]) == 2
    error = capsys.readouterr().err
    assert error == f"impasto: '{flags[1]}' is an input of this run too: choose another name.\n"
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("photos", ["photos", "photos/*.png"])
def test_loss_curves_do_not_become_a_photograph(
    photos: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    Image.fromarray(content_pixels(32, 48)).save("photos/a.png")
    command = ["train", "style.png", "--photos", photos, *QUICK, "-o", "p.safetensors"]
    assert run([*command, "--plot", "photos/losses.png"]) == 2
    assert "'photos/losses.png' would be one of the photographs" in capsys.readouterr().err
    assert not Path("p.safetensors").exists()
    assert run([*command, "--plot", "losses.png", "--steps", "1"]) == 0


@pytest.mark.parametrize(
    "words", [("two.safetensors",), ("style.png", "--photos", "two.safetensors")]
)
def test_a_painter_is_no_picture_to_learn_from(
    painter: Painter, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", *words, *QUICK, "--steps", "1", "-o", "p.safetensors"]) == 2
    assert capsys.readouterr().err == (
        "impasto: 'two.safetensors' is a painter, not a picture to learn from: to paint with it, "
        "use 'impasto apply'.\n"
    )
    assert not Path("p.safetensors").exists()


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "long"])
def test_a_training_of_no_such_time_is_refused(
    minutes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(Path().iterdir())
    assert run([*TRAIN, "--minutes", minutes, "-o", "p.safetensors"]) == 2
    told = capsys.readouterr().err
    assert "minutes" in told
    assert "Traceback" not in told
    assert set(Path().iterdir()) == before


def test_photographs_that_cannot_be_read_leave_nothing_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("broken.jpg").write_bytes(b"no picture")
    before = set(Path().iterdir())
    command = ["train", "style.png", "--photos", "broken.jpg", *QUICK, "-o", "p.safetensors"]
    assert run([*command, "--steps", "2"]) == 2
    assert "None of the photographs (1) can be read" in capsys.readouterr().err
    assert set(Path().iterdir()) == before


def test_ctrl_c_writes_the_painter_as_it_is_and_the_same_command_continues() -> None:
    command = [sys.executable, "-m", "impasto", *TRAIN, "--steps", "4000", "-o", "p.safetensors"]
    process = subprocess.Popen(
        [*command, "--trace", "t.jsonl"], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    trace = Path("t.jsonl")
    while not trace.exists() or trace.read_text("utf-8").count("\n") < 4:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    steps = Painter.load("p.safetensors").about.steps
    assert 0 < steps < 4000
    assert f"Stopped after {steps} step" in told
    assert run([*TRAIN, "--steps", str(steps + 2), "-o", "p.safetensors", "--quiet"]) == 0
    assert Painter.load("p.safetensors").about.steps == steps + 2
    assert not Path("p.training").exists()


def test_ctrl_c_before_the_first_step_leaves_an_earlier_painter_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random_painter().save("two.safetensors")
    before = Path("two.safetensors").read_bytes()
    monkeypatch.setattr(learning, "train", lambda *_: iter(()))
    assert run([*TRAIN, "--steps", "2", "-o", "two.safetensors"]) != 0
    assert Path("two.safetensors").read_bytes() == before
    with pytest.warns(ImpastoWarning, match="few photographs"), pytest.raises(StoppedError):
        train_painter("style.png", ["content.png"], "two.safetensors", steps=2)
    assert Path("two.safetensors").read_bytes() == before


def test_apply_paints_one_picture(painter: Painter, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", "two.safetensors", "content.png", "-o", "out.png", "--style", "ink"]) == 0
    assert capsys.readouterr().out.startswith("Painted out.png (64×48) in ")
    expected = painter.paint("content.png", style="ink").image
    assert np.array_equal(pixels_of("out.png"), np.asarray(expected, np.float32))
    with Image.open("out.png") as image:
        carried = json.loads(image.text["impasto"])  # type: ignore[attr-defined]
    assert carried["mixture"] == {"ink": 1.0}
    assert carried["painter"]["name"] == "two.safetensors"
    assert carried["content"]["name"] == "content.png"


def test_without_an_output_the_painting_is_beside_the_picture(painter: Painter) -> None:
    assert run(["apply", "two.safetensors", "content.png", "--quiet"]) == 0
    assert Path("content-painting.png").is_file()


def test_apply_paints_a_folder_and_skips_what_exists(
    painter: Painter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    for name in "ab":
        Image.fromarray(content_pixels(30, 40)).save(f"photos/{name}.png")
    assert run(["apply", "two.safetensors", "photos", "-o", "out/"]) == 0
    assert "Painted 2 of 2 pictures" in capsys.readouterr().out
    assert {path.name for path in Path("out").iterdir()} == {"a-two.png", "b-two.png"}
    Path("out/a-two.png").unlink()
    Path("out/b-two.png").write_bytes(b"kept")
    assert run(["apply", "two.safetensors", "photos", "-o", "out/", "-n"]) == 0
    assert Path("out/b-two.png").read_bytes() == b"kept"
    assert Path("out/a-two.png").stat().st_size > 100


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(
    painter: Painter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    Image.fromarray(content_pixels(30, 40)).save("photos/a.png")
    Path("photos/b.png").write_bytes(b"no picture")
    assert run(["apply", "two.safetensors", "photos", "-o", "out/"]) == 1
    assert "1 of 2 pictures could not be painted" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["a-two.png"]


def test_photographs_of_any_kind_are_painted_and_what_is_too_small_is_named(
    painter: Painter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    made = Image.fromarray(content_pixels(30, 40))
    for mode in ("CMYK", "L", "P", "RGBA"):
        made.convert(mode).save(f"photos/{mode}.tif")
    Image.fromarray(content_pixels(30, 40)[..., 0].astype(np.uint16) * 257).save("photos/deep.png")
    made.resize((1200, 20)).save("photos/long.png")
    made.resize((1, 1)).save("photos/tiny.png")
    assert run(["apply", "two.safetensors", "photos", "-o", "out/"]) == 1
    assert (
        "impasto: 1 of 7 pictures could not be painted:\n"
        "  The painting of the content picture 'photos/tiny.png' would be 1×1 pixels, but"
    ) in capsys.readouterr().err
    sizes = {path.name: pixels_of(str(path)).shape for path in Path("out").iterdir()}
    assert sizes.pop("long-two.png") == (20, 1200, 3)
    names = ("CMYK", "L", "P", "RGBA", "deep")
    assert sizes == {f"{name}-two.png": (30, 40, 3) for name in names}


def test_pictures_of_one_name_from_two_folders_get_paintings_of_two_names(
    painter: Painter,
) -> None:
    for folder in ("one", "other"):
        Path(folder).mkdir()
        Image.fromarray(content_pixels(30, 40)).save(f"{folder}/same.png")
    assert run(["apply", "two.safetensors", "one", "other", "-o", "out/", "-q"]) == 0
    assert {path.name for path in Path("out").iterdir()} == {
        "one-same.png-two.png",
        "other-same.png-two.png",
    }


def test_strength_0_is_the_photograph(painter: Painter) -> None:
    assert run(["apply", "two.safetensors", "content.png", "-o", "o.png", "--strength", "0"]) == 0
    assert np.array_equal(pixels_of("o.png"), pixels_of("content.png"))


@pytest.mark.parametrize("size", ["40", "40x30", "original"])
def test_the_size_of_the_painting(painter: Painter, size: str) -> None:
    assert run(["apply", "two.safetensors", "content.png", "-o", "o.png", "--size", size]) == 0
    assert pixels_of("o.png").shape == ((48, 64, 3) if size == "original" else (30, 40, 3))


@pytest.mark.parametrize("color", ["content", "histogram", "palette"])
def test_colours_are_transferred_afterwards(painter: Painter, color: str) -> None:
    for name, chosen in (("plain", "style"), ("other", color)):
        command = ["apply", "two.safetensors", "content.png", "-o", f"{name}.png", "--color"]
        assert run([*command, chosen]) == 0
    assert not np.array_equal(pixels_of("plain.png"), pixels_of("other.png"))


def test_a_document_of_what_was_painted(
    painter: Painter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", "two.safetensors", "content.png", "-o", "o.png", "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["paintings"]
    assert made["output"] == "o.png"
    assert made["state"] == "painted"
    assert made["size"] == [64, 48]


def test_apply_writes_an_onnx_model_without_a_picture(
    painter: Painter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", "two.safetensors", "--export", "two.onnx"]) == 0
    assert capsys.readouterr().out == "Wrote two.onnx, the painter as an ONNX model.\n"
    assert Path("two.onnx").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("content.png", "content.png", "-o", "o.png"), "content.png"),
        (("none.safetensors", "content.png", "-o", "o.png"), "no painter 'none.safetensors'"),
        (("two.safetensors",), "--export"),
        (("two.safetensors", "none.png", "-o", "o.png"), "none.png"),
        (("two.safetensors", "content.png", "-o", "o.xyz"), "'.xyz'"),
        (("two.safetensors", "content.png", "-o", "content.png"), "content.png"),
        (("two.safetensors", "content.png", "-o", "o.png", "--style", "onk"), "'onk'"),
        (("two.safetensors", "content.png", "-o", "o.png", "--style", "oil:x"), "'x'"),
        (("two.safetensors", "content.png", "-o", "o.png", "--strength", "1.5"), "1.5"),
        (("two.safetensors", "content.png", "-o", "o.png", "--size", "big"), "'big'"),
        (("two.safetensors", "content.png", "-o", "o.png", "--size", "8"), "8×6"),
        (("two.safetensors", "content.png", "-o", "o.png", "--color", "match"), "'match'"),
        (("two.safetensors", "content.png", "-o", "o.png", "--color", "blue"), "'blue'"),
        (("two.safetensors", "--export", "two.pb"), "'.pb'"),
        (("two.safetensors", "content.png", "-o", "style.png/"), "'style.png' is a file: name a"),
        (("two.onnx", "content.png", "-o", "o.png"), "no painter 'two.onnx'"),
        (("style.png", "content.png", "-o", "o.png"), "'style.png' is a picture, not a painter"),
        (("two.safetensors", "--export", "none/two.onnx"), "none"),
    ],
)
def test_what_cannot_be_painted_is_refused_in_one_sentence(
    painter: Painter,
    arguments: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    assert run(["apply", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("impasto: ")
    assert told in error
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


def test_a_painting_of_a_painter_carries_no_recipe_to_paint_again(
    painter: Painter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", "two.safetensors", "content.png", "-o", "o.png"]) == 0
    assert run(["rerun", "o.png", "-o", "again.png"]) == 2
    assert "'o.png' was painted by a painter" in capsys.readouterr().err
    recipe = ["stylize", "content.png", "style.png", "--recipe", "o.png", "-o", "again.png"]
    assert run(recipe) == 2
    assert "'o.png' was painted by a painter" in capsys.readouterr().err


def test_styles_of_a_painter_can_be_named_one_by_one(painter: Painter) -> None:
    names = [name for style in painter.styles for name in ("--style", f"{style}:0.5")]
    mixture = ",".join(f"{style}:0.5" for style in painter.styles)
    assert run(["apply", "two.safetensors", "content.png", *names, "-o", "one.png"]) == 0
    mixed = ["--style", mixture, "-o", "other.png"]
    assert run(["apply", "two.safetensors", "content.png", *mixed]) == 0
    np.testing.assert_array_equal(pixels_of("one.png"), pixels_of("other.png"))


@pytest.mark.parametrize("output", [".", "./", "/"])
def test_a_painter_needs_a_name(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--steps", "1", "-o", output]) == 2
    assert ".safetensors" in capsys.readouterr().err


def test_a_painter_says_in_its_file_what_it_was_trained_with() -> None:
    assert run([*TRAIN, "--steps", "1", "-o", "p.safetensors", "--strength", "0.7", "-q"]) == 0
    about, _, _ = files.read("p.safetensors")
    assert about.recipe["strength"] == 0.7
    assert about.recipe["size"] == 32
    assert about.photographs == 1
