"""What the command line says names what was typed, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from impasto.cli.app import run

pytestmark = pytest.mark.usefixtures("small_pictures")

INSTANT = ["stylize", "content.png", "style.png", "--preset", "instant", "--size", "48"]


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    assert run(list(words)) == code
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("stylize a b --strenght 1", "No such option: --strenght; did you mean '--strength'?"),
        ("stylize a b --stroke 3", "No such option: --stroke"),  # --trace is no help
        ("stylize a b --strength", "Option '--strength' requires an argument."),
        ("resume a --nothing", "No such option: --nothing"),
    ],
)
def test_a_mistaken_flag_names_the_nearest_and_the_help_of_its_command(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = words.split()
    expected = f"impasto: {sentence} (try: impasto {typed[0]} --help)\n"
    assert said(capsys, *typed) == expected


@pytest.mark.parametrize(
    ("flag", "value", "reason"),
    [
        ("--strength", "70", "it should be from 0 to 1."),
        ("--strength", "-1", "it should be from 0 to 1."),
        ("--style-scale", "0", "it should be greater than 0."),
    ],
)
def test_a_number_out_of_its_range_names_both_ends(
    flag: str, value: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "stylize", "content.png", "style.png", flag, value).endswith(f"{reason}\n")


def test_without_a_style_the_command_shows_how_to_name_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = said(capsys, "stylize", "content.png")
    assert told.startswith(
        "impasto: There is no style picture: name one after the photograph or clip"
    )


def test_a_run_that_draws_nothing_says_so_of_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, *INSTANT, "--seed", "5", "-o", "out.png", code=0)
    assert "seed has no effect on this run: the method 'instant' draws nothing at random." in told


def test_an_input_of_weights_that_instant_lacks_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "('caffe')" in said(capsys, *INSTANT, "--weights-input", "caffe", "-o", "out.png")


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("montage content.png style.png -o sheet.png", "Wrote sheet.png (134×52).\n"),
        ("network -o network.svg", "Wrote network.svg.\n"),
    ],
)
def test_what_was_written_is_named_as_it_was_typed(
    words: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words.split()) == 0
    assert capsys.readouterr().out.endswith(printed)


def test_a_resumed_run_names_its_painting_as_it_was_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = ["--size", "32", "--steps", "1", "--levels", "1", "--device", "cpu"]
    layers = ["--content-layers", "conv1_1", "--style-layers", "conv1_1"]
    kept = ["--checkpoint", "run.impasto", "-o", "first.png"]
    assert run(["stylize", "content.png", "style.png", *small, *layers, *kept]) == 0
    capsys.readouterr()
    assert run(["resume", "run.impasto", "-o", "again.png"]) == 0
    assert capsys.readouterr().out.startswith("Painted again.png (")


def test_a_dry_run_of_many_prints_its_table_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["stylize", "content.png", "--style", "style.png", "--style", "content.png", "--each"]
    Image.new("RGB", (40, 40), "red").save("third.png")
    many = [*words, "third.png", "--preset", "instant", "-o", "out/", "--dry-run"]
    assert run(many) == 0
    told = capsys.readouterr()
    assert "Paintings" in told.out
    assert "Would paint 3 of 3 pictures" in told.out
    assert told.err == ""
    assert run([*many, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["paintings"]) == 3
    assert not Path("out").exists()
