"""Many paintings from the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import Recipe, Step
from impasto.cli.app import run
from impasto.cli.many import sort_out
from impasto.report.overall import OverallLines

QUICK = [
    *("--size", "32"),
    *("--steps", "2"),
    *("--levels", "1"),
    *("--content-layers", "conv2_1"),
    *("--style-layers", "conv1_1,conv2_1"),
    *("--device", "cpu"),
]


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    make_photos(*"abc")
    for name in ("oil", "ink"):
        Image.fromarray(style_pixels(30, 40)).save(f"{name}.png")


def make_photos(*names: str) -> None:
    for index, name in enumerate(names):
        pixels = np.roll(content_pixels(30, 40), 5 * index, axis=1)
        Image.fromarray(pixels).save(f"photos/{name}.png")


def stylize(*words: str) -> int:
    return run(["stylize", *words, *QUICK])


def painted(folder: str = "out") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


# ------------------------------------------------------------------------------ what is meant

OIL = Recipe(styles=["oil.png"])


@pytest.mark.parametrize(
    ("typed", "output", "recipe", "contents"),
    [
        ("a oil", "x.png", Recipe(), "a"),
        ("a b oil", "out/", Recipe(), "a b"),
        ("a", None, OIL, "a"),
        # A shell replaces a pattern by names; the last photograph is not the style.
        ("a b c --style oil", "out/", Recipe(), "a b c"),
        ("a b --style oil", "out/", Recipe(), "a b"),
        ("a b --style oil", "{content}.png", Recipe(), "a b"),
        ("a b --style oil", None, Recipe(), "a b"),
        ("a b", "out/", OIL, "a b"),
        ("photos b --style oil", "x.png", Recipe(), "photos b"),
        # One file is one painting: the second picture is a style.
        ("a b --style oil", "x.png", Recipe(), "a"),
        ("a b", "x.png", OIL, "a"),
    ],
)
def test_which_pictures_are_painted(
    typed: str, output: str | None, recipe: Recipe, contents: str
) -> None:
    pictures, _, style = typed.partition(" --style ")
    words = pictures.split()
    found, styles = sort_out(words, style.split(), recipe, output, apart=False)
    assert found == contents.split()
    assert [read.picture for read in styles] == [*words[len(found) :], *style.split()]


# ------------------------------------------------------------------------------ paintings


def test_a_folder_a_pattern_and_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("photos", "oil.png", "-o", "out/") == 0
    assert stylize("photos/*.png", "oil.png", "-o", "two/") == 0
    assert stylize(*(f"photos/{name}.png" for name in "abc"), "oil.png", "-o", "three/") == 0
    assert painted() == painted("two") == painted("three") == [f"{name}-oil.png" for name in "abc"]
    captured = capsys.readouterr()
    assert captured.err.splitlines()[1] == "2 of 3: photos/b.png in the style of oil.png"
    assert re.match(r"Painted 3 of 3 pictures in \d+ s\.\n", captured.out)


def test_a_painting_is_beside_its_picture_unless_the_command_says_where() -> None:
    assert stylize("photos/a.png", "oil.png") == 0
    assert stylize("photos", "oil.png") == 0
    assert stylize("photos", "oil.png") == 0  # and paintings are not painted
    names = [f"{name}{end}.png" for name in "abc" for end in ("-painting", "")]
    assert painted("photos") == names


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["--style", "oil.png", "--style", "ink.png"], ["a-oil+ink.png"]),
        (["--style", "oil.png", "--style", "ink.png", "--each"], ["a-ink.png", "a-oil.png"]),
        (["*.png"], ["a-ink.png", "a-oil.png"]),
        (["--style", "oil.png", "--pairs"], ["a-oil.png"]),
    ],
)
def test_several_styles(flags: list[str], names: list[str]) -> None:
    assert stylize("photos/a.png", *flags, "-o", "out/") == 0
    assert painted() == names


def test_a_template_names_the_preset_or_the_recipe() -> None:
    assert stylize("photos", "oil.png", "-o", "out/{number}-{preset}.jpg", "--preset", "fast") == 0
    Path("mine.toml").write_text('preset = "fast"\n')
    assert (
        stylize("photos/a.png", "oil.png", "-o", "out/{preset}.png", "--recipe", "mine.toml") == 0
    )
    assert painted() == ["1-fast.jpg", "2-fast.jpg", "3-fast.jpg", "mine.png"]


def test_settings_and_metadata_are_those_of_one_painting() -> None:
    styles = ["--style", "oil.png:2"]
    flags = ["--save-recipe", "kept.toml", "--no-metadata", "--bits", "16"]
    assert stylize("photos", *styles, "-o", "out/{content}.tif", *flags) == 0
    assert stylize("photos/c.png", *styles, "-o", "one.tif", *flags) == 0
    assert Path("out/c.tif").read_bytes() == Path("one.tif").read_bytes()
    (style,) = Recipe.load("kept.toml").styles
    assert style.weight == 2


def test_what_exists_is_not_painted_again(capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.png").touch()
    assert stylize("photos/a.png", "oil.png", "-o", "one.png", "-n") == 0
    assert Path("one.png").read_bytes() == b""
    assert capsys.readouterr().out == "one.png exists already, and is not painted again.\n"
    assert stylize("photos", "oil.png", "-o", "out/", "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert stylize("photos", "oil.png", "-o", "out/", "--skip-existing") == 0
    assert (
        capsys.readouterr().out == "Painted 0 of 3 pictures in 0 s; 3 paintings existed already.\n"
    )


# ------------------------------------------------------------------------------ what goes wrong


def test_what_cannot_be_painted_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/b.png").write_bytes(b"no picture")
    assert stylize("photos", "*.png", "-o", "out/", "-q") == 1
    error = capsys.readouterr().err
    assert error.startswith("impasto: 2 of 6 pictures could not be painted:\n")
    assert error.count("photos/b.png") == 1
    assert len(painted()) == 4


@pytest.mark.parametrize("words", [["no.png", "nor.png", "oil.png"], ["photos", "no.png"]])
def test_bad_input_is_bad_input_if_nothing_could_be_painted(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize(*words, "-o", "out/") == 2
    assert "no.png" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_dry_run_lists_the_paintings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    Path("photos/b.png").write_bytes(b"no picture")
    Path("c-oil.png").touch()
    assert stylize("photos", "oil.png", "-o", "./{content}-oil.png", "-n", "--dry-run") == 1
    told = capsys.readouterr()
    for number, what in (
        ("1", "to be painted"),
        ("2", "cannot be painted"),
        ("3", "exists already"),
    ):
        assert re.search(rf"{number} .* {what} ", told.out)
    assert "'photos/b.png' is damaged" in told.err
    assert re.search(
        r"Would paint 1 of 3 pictures: about \d+ s each, \d+ s for all, .* GB\.", told.out
    )
    assert not Path("a-oil.png").exists()
    assert stylize("photos", "oil.png", "-o", "new/", "--dry-run") == 1
    assert not Path("new").exists()


# ------------------------------------------------------------------------------ stopped


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_signal_drops_the_painting_in_progress(
    number: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def stop_at_the_second(_: OverallLines, step: Step) -> None:
        if step.number == 1 and Path("out/a-oil.png").exists():
            signal.raise_signal(number)

    monkeypatch.setattr(OverallLines, "step", stop_at_the_second)
    assert stylize("photos", "oil.png", "-o", "out/") == code
    assert painted() == ["a-oil.png"]
    out, error = capfd.readouterr()
    assert out == ""
    assert (
        "Stopped: 1 of 3 pictures are painted. To paint the others, use the same command with "
        "--skip-existing.\n"
    ) in error
    monkeypatch.undo()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_second_signal_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def stop_twice(_: OverallLines, step: Step) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second signal was ignored")

    monkeypatch.setattr(OverallLines, "step", stop_twice)
    assert stylize("photos", "oil.png", "-o", "out/") == 130
    assert "Stopped: 0 of 3 pictures are painted." in capfd.readouterr().err


def kill_once_there_is(path: str, *words: str) -> None:
    """Paint in a process of its own, and kill it as soon as a file exists."""
    command = [sys.executable, "-m", "impasto", "stylize", *words, *QUICK, "-q"]
    with subprocess.Popen(command) as process:
        until = time.monotonic() + 100
        while not Path(path).exists() and time.monotonic() < until:
            time.sleep(0.002)
        process.kill()
    assert Path(path).exists()


def test_killed_in_the_midst_and_run_again_each_is_painted_once_as_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"{index:02}" for index in range(6)]
    make_photos(*names)
    broken = ("01", "04")
    for name in broken:
        Path(f"photos/{name}.png").write_bytes(b"no picture")
    kill_once_there_is("out/02-oil.png", "photos", "oil.png", "-o", "out/")
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("[!.]*")}
    assert 2 <= len(before) < 7
    assert stylize("photos", "oil.png", "-o", "out/", "-n") == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert painted() == [f"{name}-oil.png" for name in [*names, *"abc"] if name not in broken]
    listed = capsys.readouterr().err.partition("could not be painted:\n")[2]
    assert len(listed.splitlines()) == len(broken)
    assert stylize("photos/05.png", "oil.png", "-o", "alone.png") == 0
    assert Path("out/05-oil.png").read_bytes() == Path("alone.png").read_bytes()
