"""What is shown of a run while it paints."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

import impasto
from conftest import content_pixels, style_pixels
from impasto import InputError, stylize
from impasto.run.levels import Level
from impasto.run.result import LatestImage, Step
from impasto.run.showing import Account, Bar, Lines, showing


def step(number: int, loss: float = 5.0, seconds: float | None = None, level: int = 1) -> Step:
    latest = LatestImage(number, lambda: Image.new("RGB", (8, 6), (number, 0, 0)))
    seconds = float(number) if seconds is None else seconds
    return Step(number, loss, 1.0, 2.0, seconds, level, latest)


def one_level(steps: int) -> list[Level]:
    return [Level(1, (64, 48), ((64, 48),), steps)]


SMALL = {"size": (48, 32), "steps": 3, "levels": 1, "style_layers": "conv1_1"}
TWO_LEVELS = [Level(1, (32, 24), ((32, 24),), 8), Level(2, (64, 48), ((64, 48),), 4)]
COSTS = 32 * 24 + 160 * 160, 64 * 48 + 160 * 160


def test_lines_come_about_twenty_times_and_at_both_ends() -> None:
    shown = io.StringIO()
    with Lines(one_level(2500), shown) as lines:
        for number in range(1, 2501):
            lines(step(number))
    printed = shown.getvalue().splitlines()
    assert len(printed) == 21
    assert printed[0] == "step 1/2500 at 64×48  loss 5.000e+00  best 5.000e+00  1 s"
    assert printed[-1].endswith("0 s left")


def test_lines_remember_the_best_between_them() -> None:
    shown = io.StringIO()
    with Lines(one_level(100), shown) as lines:
        for number in range(1, 11):
            lines(step(number, loss=1.0 if number == 3 else 7.0))
    assert "loss 7.000e+00  best 1.000e+00" in shown.getvalue().splitlines()[-1]


def test_lines_end_with_the_last_step_wherever_the_run_ends() -> None:
    for last in (1, 7, 60, 100):
        shown = io.StringIO()
        with Lines(one_level(100), shown) as lines:
            for number in range(1, last + 1):
                lines(step(number))
        printed = shown.getvalue().splitlines()
        assert printed[-1].startswith(f"step {last}/100 ")
        assert len(printed) == len({line.split()[1] for line in printed})


def test_lines_of_no_step_are_none() -> None:
    shown = io.StringIO()
    with Lines(one_level(100), shown):
        pass
    assert shown.getvalue() == ""


def test_steps_that_a_converged_level_does_not_take_are_not_waited_for() -> None:
    """The first level converges after three of its eight steps."""
    shown = io.StringIO()
    with Lines(TWO_LEVELS, shown) as lines:
        for number in range(1, 4):
            lines(step(number))
        lines(step(4, level=2, seconds=7.0))
        for number in range(5, 8):
            lines(step(number, level=2))
    account = lines.account
    assert account.steps == 7
    begun = step(1).seconds
    left = account.left(step(4, level=2, seconds=7.0))
    first, second = COSTS
    assert left == pytest.approx((7.0 - begun) * 3 * second / (2 * first + second))
    assert account.left(step(7, level=2)) == 0.0
    assert shown.getvalue().splitlines()[-1].startswith("step 7/7 at 64×48 ")
    assert shown.getvalue().endswith(" 0 s left\n")


@pytest.mark.parametrize("width", [200, 80, 60, 40, 30, 20, 12])
def test_a_narrow_terminal_shows_what_matters_most(width: int) -> None:
    shown = io.StringIO()
    levels = [Level(1, (1024, 768), ((64, 48),), 12500)]
    with Bar(levels, Console(file=shown, force_terminal=True, width=width)) as bar:
        bar(step(12345, loss=1234567.0))
        bar.progress.refresh()
    text = shown.getvalue()
    if width >= 20:
        assert "step 12345/12500" in text
        assert "…" not in text.splitlines()[-1]
    assert ("left" in text) == (width >= 40)
    assert ("loss 1.235e+06" in text) == (width >= 60)


def test_the_bar_shows_step_size_loss_best_and_time() -> None:
    shown = io.StringIO()
    with Bar(one_level(4), Console(file=shown, force_terminal=True, width=120)) as bar:
        bar(step(1, loss=2.0))
        bar(step(3, loss=3.0))
        bar.progress.refresh()
    for part in ("step 3/4", "at 64×48", "loss 3.000e+00", "best 2.000e+00", "1 s left"):
        assert part in shown.getvalue()


def test_what_comes_before_the_first_step_does_not_lengthen_the_time_left() -> None:
    account = Account(one_level(10))
    for number in range(1, 5):
        account.take(step(number, seconds=100.0 + number))
    assert account.left(step(4, seconds=104.0)) == pytest.approx(6.0)


def test_no_time_left_is_shown_before_it_is_known() -> None:
    shown = io.StringIO()
    with Lines(one_level(4), shown) as lines:
        for number in range(1, 5):
            lines(step(number))
    assert ["left" in line for line in shown.getvalue().splitlines()] == [False, False, True, True]


def test_the_best_loss_begins_anew_at_every_level() -> None:
    account = Account(TWO_LEVELS)
    account.take(step(8, loss=1.0))
    account.take(replace(step(9, loss=7.0, level=2), begins=True))
    assert account.best == 7.0


def test_the_best_loss_that_is_shown_is_that_of_the_result() -> None:
    """Every round of matches has losses of its own."""
    account, shown = Account(TWO_LEVELS), list[float]()

    def watch(step: Step) -> None:
        account.take(step)
        shown.append(account.best)

    pixels = content_pixels(96, 128), style_pixels(96, 128)
    result = stylize(*pixels, size=128, steps=12, on_step=watch)
    assert min(shown) < result.best.loss == shown[-1]


def test_a_step_costs_as_much_as_its_level_has_pixels_and_some_more() -> None:
    """Half way through the steps of the first level."""
    first, second = COSTS
    left = Account(TWO_LEVELS).left(step(4, seconds=4.0))
    assert left == pytest.approx(4.0 + 4 * second / first)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    """A terminal whose window was closed."""

    def write(self, _: str, /) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")


def closed() -> io.StringIO:
    file = io.StringIO()
    file.close()
    return file


def steps_told(on_step: Any = None) -> None:
    with showing(one_level(3), [], on_step) as told:
        for number in (1, 2, 3):
            told(step(number))


def test_lines_are_shown_on_standard_error_and_the_caller_is_told_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard: list[Step] = []
    steps_told(heard.append)
    shown = capsys.readouterr()
    assert [line.split()[1] for line in shown.err.splitlines()] == ["1/3", "2/3", "3/3"]
    assert shown.out == ""
    assert [one.number for one in heard] == [1, 2, 3]


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    steps_told()
    assert "━" in terminal.getvalue()
    assert sys.stderr is terminal


def test_what_a_program_prints_into_a_file_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", file)
    steps_told(lambda one: print("heard", one.number))  # noqa: T201 – as a caller's own does
    assert file.getvalue() == "heard 1\nheard 2\nheard 3\n"
    assert "heard" not in terminal.getvalue()


@pytest.mark.parametrize("stream", [Gone(), closed(), None], ids=["gone", "closed", "none"])
def test_a_terminal_that_fails_does_not_stop_the_run(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Step] = []
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    steps_told(heard.append)
    assert len(heard) == 3


def test_the_answer_of_the_caller_counts(capsys: pytest.CaptureFixture[str]) -> None:
    result = impasto.stylize(
        content_pixels(32, 48),
        style_pixels(32, 48),
        SMALL,
        on_step=lambda one: one.number < 2,
        device="cpu",
        progress=True,
    )
    assert len(result.history) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("step 2/3 at 48×32 ")


def test_without_being_asked_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    impasto.stylize(content_pixels(32, 48), style_pixels(32, 48), SMALL, device="cpu")
    assert capsys.readouterr() == ("", "")


def test_a_resumed_run_shows_its_progress_from_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, pixels in (("c.png", content_pixels(32, 48)), ("s.png", style_pixels(32, 48))):
        Image.fromarray(pixels).save(tmp_path / name)
    saved = tmp_path / "run.impasto"
    impasto.stylize(
        tmp_path / "c.png",
        tmp_path / "s.png",
        SMALL,
        on_step=lambda _: False,
        checkpoint=saved,
        device="cpu",
    )
    assert len(impasto.resume(saved, progress=True).history) == 3
    shown = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in shown] == ["2/3", "3/3"]


def test_progress_is_shown_or_not() -> None:
    with pytest.raises(InputError, match="progress should be True or False, not 'bar'"):
        impasto.stylize("c.png", "s.png", progress="bar")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="progress should be True or False, not 'bar'"):
        impasto.resume("run.impasto", progress="bar")  # type: ignore[arg-type]
