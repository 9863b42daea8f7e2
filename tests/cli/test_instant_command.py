"""The preset ``instant`` on the command line."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from impasto.cli.app import run
from impasto.network import instant
from impasto.network.instant import Networks
from impasto.run.result import Result

pytestmark = pytest.mark.usefixtures("small_pictures")
COMMAND = ("stylize", "content.png", "style.png", "--preset", "instant", "--size", "64")


def stylize(*flags: str) -> int:
    return run([*COMMAND, "-o", "out.png", *flags])


def test_it_says_what_it_painted(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize() == 0
    told = capsys.readouterr()
    assert told.err == "Painting content.png in the style of style.png: 64×48 pixels in one pass.\n"
    assert told.out.startswith("Painted out.png (64×48) in one pass of ")
    assert "loss" not in told.out


def test_many_pictures_are_painted_with_as_many_threads_as_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int | None] = []
    load = instant.load

    def noted(threads: int | None = None) -> Networks:
        asked.append(threads)
        return load(threads)

    monkeypatch.setattr(instant, "load", noted)
    command = ["stylize", "content.png", "content.png", "style.png", "-o", "out/", *COMMAND[3:]]
    assert run([*command, "--threads", "2", "--quiet"]) == 0
    assert set(asked) == {2}


def test_a_dry_run_paints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize("--dry-run") == 0
    assert capsys.readouterr().out.startswith("Would paint content.png in the style of style.png")
    assert not Path("out.png").exists()


def test_a_painting_painted_again_has_the_same_bytes() -> None:
    assert stylize() == 0
    assert run(["rerun", "out.png", "-o", "again.png"]) == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_painting_can_be_painted_again_with_another_strength_or_method() -> None:
    assert stylize() == 0
    assert run(["rerun", "out.png", "-o", "strong.png", "--set", "strength=1"]) == 0
    assert Path("strong.png").read_bytes() != Path("out.png").read_bytes()
    others = ("--set", "method=layers", "--set", "steps=2", "--set", "levels=1")
    assert run(["rerun", "out.png", "-o", "layers.png", *others]) == 0
    assert run(["rerun", "layers.png", "-o", "once.png", "--set", "method=instant"]) == 2
    back = ("--set", "method=instant", "--set", "steps=1")
    assert run(["rerun", "layers.png", "-o", "once.png", *back]) == 0
    assert Path("once.png").read_bytes() == Path("out.png").read_bytes()


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--steps", "9"), "steps = 9"),
        (("--optimizer", "adam"), "optimizer = adam"),
        (("--plot", "p.png"), "--plot"),
        (("--checkpoint", "run.impasto"), "checkpoint"),
        (("--device", "cuda"), "'cuda'"),
        (("--weights", "mine.pth", "--weights-input", "caffe"), "'mine.pth'"),
        (("--size", "12"), "12×9"),
    ],
)
def test_what_one_pass_does_not_have_is_refused_in_one_sentence(
    flags: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize(*flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("impasto: ")
    assert named in error
    assert error.count("\n") == 1
    assert not Path("out.png").exists()


def test_the_steps_of_a_pass_can_be_watched() -> None:
    watched = ("--trace", "t.jsonl", "--snapshots", "steps", "--timelapse", "t.gif")
    assert stylize(*watched, "--montage", "m.png") == 0
    assert len(Path("t.jsonl").read_text("utf-8").splitlines()) == 3
    assert [path.name for path in Path("steps").iterdir()] == ["step-00001.png"]
    with Image.open("m.png") as montage:
        assert montage.width > 3 * 64


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_pass_leaves_nothing(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before(Networks, "vector", number, monkeypatch)
    assert stylize() == code
    announced, said = capfd.readouterr().err.splitlines()
    assert announced.startswith("Painting content.png in the style of style.png")
    assert said == "impasto: Stopped; nothing was written."
    assert not Path("out.png").exists()


def test_a_signal_after_the_pass_leaves_its_picture(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before(Result, "save", signal.SIGINT, monkeypatch)
    assert stylize("--quiet") == 130
    assert capfd.readouterr().err == "Stopped after the pass; its picture is in out.png.\n"
    with Image.open("out.png") as picture:
        assert picture.size == (64, 48)


def before(owner: type, name: str, number: int, patch: pytest.MonkeyPatch) -> None:
    """Let a signal come whenever a method begins."""
    method = getattr(owner, name)

    def signalled(*given: Any, **named: Any) -> Any:
        signal.raise_signal(number)
        return method(*given, **named)

    patch.setattr(owner, name, signalled)


def test_the_demo_has_no_plot_of_losses() -> None:
    assert run(["demo", "shown", "--preset", "instant", "--size", "96"]) == 0
    assert {path.name for path in Path("shown").iterdir()} == {"painting.png", "montage.png"}


def test_a_sheet_of_strengths() -> None:
    vary = ("--vary", "strength=0,0.5,1", "-o", "sheet.png")
    sheet = ["sweep", "content.png", "style.png", "--preset", "instant", "--size", "64", *vary]
    assert run(sheet) == 0
    assert Path("sheet.png").exists()
