"""What the command line says to a user who may have meant something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto.cli.app import run

QUICK = [
    *("--size", "48", "--steps", "2", "--device", "cpu"),
    *("--content-layers", "conv2_1", "--style-layers", "conv1_1,conv2_1"),
]


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(content_pixels(60, 72)).save("content.png")
    Image.fromarray(style_pixels(50, 40)).save("style.png")


def stylize(*flags: str) -> int:
    return run(["stylize", "content.png", "style.png", "-o", "out.png", *QUICK, *flags])


def test_a_tiny_style_picture_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for side, is_named in ((6, False), (5, True)):
        Image.fromarray(style_pixels(side, side)).save("style.png")
        assert stylize("--dry-run") == 0
        told = capsys.readouterr().err
        assert ("The style picture 'style.png' (5×5) is enlarged 10 times" in told) == is_named


# ------------------------------------------------------------------------------- near misses


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--style", "style.png:0.7,maks=m.png"], "did you mean 'mask'?"),
        (["--style", "style.png,layer=conv1_1"], "did you mean 'layers'?"),
        (["--style", "style.png,weigth=2"], "did you mean 'weight'?"),
        (["--style", "style.png:half"], "weight of a style cannot be 'half': it should be a num"),
        (["--style", "style.png:0,7"], "weight of a style cannot be '0,7': it should be a number"),
        (["--style", "style.png,mask:m.png"], "equals sign: write mask=m.png."),
        (["--style", "style.png:2,mask: m.png"], "equals sign: write mask=m.png."),
        (["--preset", "fien"], "did you mean 'fine'?"),
        (["--optimizer", "adm"], "'lbfgs' or 'adam'; did you mean 'adam'?"),
        (["--color", "contents"], "did you mean 'content'?"),
        (["--levels", "atuo"], "did you mean 'auto'?"),
        (["--size", "orignal"], "did you mean 'original'?"),
        (["--style-layers", "conv1-1:2"], "did you mean 'conv1_1'?"),
        (["--style-layers", "conv1_1=2"], "follows a colon, as in conv1_1:2."),
        (["--stength", "0.5"], "--strength"),
    ],
)
def test_a_near_miss_gets_the_right_word(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stylize", "content.png", "-o", "out.png", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not Path("out.png").exists()


def test_a_setting_to_vary_or_in_a_recipe_gets_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = ["content.png", "style.png", "-o", "out.png"]
    assert run(["sweep", *pictures, "--vary", "stength=0.2,0.5"]) == 2
    assert "did you mean 'strength'?" in capsys.readouterr().err
    Path("r.toml").write_text("strenght = 0.4")
    assert run(["stylize", *pictures, "--recipe", "r.toml"]) == 2
    assert "did you mean 'strength'?" in capsys.readouterr().err


def test_a_setting_to_change_gets_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("--quiet") == 0
    assert run(["rerun", "out.png", "-o", "again.png", "--set", "stength=0.2"]) == 2
    assert "did you mean 'strength'?" in capsys.readouterr().err


def test_a_picture_whose_name_looks_like_settings_is_that_picture() -> None:
    Path("style.png").rename("style.png,mask:half")
    assert (
        run(["stylize", "content.png", "--style", "style.png,mask:half", "-o", "out.png", *QUICK])
        == 0
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--threads", "x"], "--threads cannot be 'x': it should be a whole number."),
        (["--threads", "5000"], "--threads cannot be '5000': it should be at most 1024."),
        (["--threads", "0"], "--threads cannot be '0': it should be at least 1."),
        (["--checkpoint-every", "x"], "--checkpoint-every cannot be 'x': it should be a number."),
    ],
)
def test_the_error_of_a_number_names_the_flag_and_the_value(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize(*arguments) == 2
    assert capsys.readouterr().err == f"impasto: {said}\n"


# ------------------------------------------------------------------------- without any effect


@pytest.mark.parametrize("command", ["stylize", "sweep", "rerun"])
def test_a_setting_that_has_no_effect_is_named(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "Note: seed has no effect on this run: its first canvas 'recolored-content' holds no"
    if command == "stylize":
        assert stylize("--seed", "7") == 0
    elif command == "sweep":
        pictures = ["content.png", "style.png", "-o", "out.png"]
        assert run(["sweep", *pictures, *QUICK, "--vary", "seed=1,2"]) == 0
    else:
        assert stylize("--quiet") == 0
        assert run(["rerun", "out.png", "-o", "again.png", "--set", "seed=7"]) == 0
    assert said in capsys.readouterr().err


def test_a_setting_that_has_an_effect_somewhere_on_a_sheet_is_not_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures = ["content.png", "style.png", "-o", "out.png"]
    flags = [*QUICK, "--seed", "7", "--vary", "initial=content,noise"]
    assert run(["sweep", *pictures, *flags]) == 0
    assert "no effect" not in capsys.readouterr().err


def test_quiet_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("--seed", "7", "--keep", "updated", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_a_preset_s_own_settings_are_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("--preset", "gatys-fast", "--size", "48", "--dry-run") == 0
    assert "no effect" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "said"),
    [
        ("reconstruction", "Note: This run does not use the style style.png: "),
        ("texture", "Note: The content picture 'content.png' gives only the size: "),
    ],
)
def test_a_picture_that_is_not_used_is_named(
    preset: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("--preset", preset, "--dry-run") == 0
    assert said in capsys.readouterr().err


# ------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("size", "change"), [("96x40", "100 % wider"), ("36x40", "25 % narrower"), ("48x42", "4.8 % n")]
)
def test_a_size_that_squeezes_the_content_is_named(
    size: str, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("--size", size, "--dry-run") == 0
    told = capsys.readouterr().err
    assert f"squeezes the content picture (72×60): what it shows becomes {change}" in told
    longer = max(map(int, size.split("x")))
    assert f"(--size {longer}), or cut its edges off with --content-fit crop." in told


def test_a_size_that_the_content_is_cropped_to_squeezes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert stylize("--size", "96x40", "--content-fit", "crop", "--dry-run") == 0
    assert capsys.readouterr().err == ""
    assert stylize("--size", "48", "--content-fit", "crop", "--dry-run") == 0
    assert (
        "content_fit has no effect on this run: no size asks for another" in capsys.readouterr().err
    )


@pytest.mark.parametrize("flags", [["--size", "48x40"], ["--size", "50x41"], ["--size", "48"]])
def test_rounding_squeezes_nothing(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize(*flags, "--dry-run") == 0
    assert "squeezes" not in capsys.readouterr().err


def test_a_preset_s_size_is_its_contract(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["stylize", "content.png", "style.png", "-o", "out.png", "--preset", "gatys"]
    assert run([*arguments, "--dry-run"]) == 0
    assert "squeezes" not in capsys.readouterr().err


# ----------------------------------------------------------------------------------- answers


def test_a_dry_run_answers_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("--dry-run", "--seed", "7") == 0
    told = capsys.readouterr()
    assert told.out.startswith("Would paint content.png in the style of style.png: 48×40 pixels")
    assert "at one level" in told.out
    assert told.err.startswith("Note: seed has no effect")
    assert told.err.count("\n") == 1


def test_the_end_names_every_file_that_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("--snapshots", "steps", "--save-recipe", "r.toml", "--trace", "run.jsonl") == 0
    assert capsys.readouterr().out.endswith("; also written: run.jsonl, steps, r.toml.\n")
