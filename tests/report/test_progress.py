"""What a run tells while it paints."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from rich.console import Console

from impasto.report.progress import Account, Bar, Lines, Window
from impasto.run.levels import Level
from impasto.run.result import LatestImage, Step


def step(number: int, loss: float = 5.0, seconds: float | None = None, level: int = 1) -> Step:
    latest = LatestImage(number, lambda: Image.new("RGB", (8, 6), (number, 0, 0)))
    seconds = float(number) if seconds is None else seconds
    return Step(number, loss, 1.0, 2.0, seconds, level, latest)


def one_level(steps: int) -> list[Level]:
    return [Level(1, (64, 48), ((64, 48),), steps)]


TWO_LEVELS = [Level(1, (32, 24), ((32, 24),), 8), Level(2, (64, 48), ((64, 48),), 4)]


@pytest.fixture
def window() -> Iterator[Window]:
    """A window on a canvas that is drawn and not shown."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield Window()
    plt.close("all")


def red(window: Window) -> int:
    return int(window.picture.get_array()[0, 0, 0])


def test_lines_come_about_twenty_times_and_at_both_ends() -> None:
    shown = io.StringIO()
    with Lines(one_level(2500), shown) as lines:
        for number in range(1, 2501):
            lines(step(number))
    printed = shown.getvalue().splitlines()
    assert len(printed) == 21
    assert printed[0].startswith("step 1/2500 at 64×48  loss 5.000e+00  best 5.000e+00  1 s, ")
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
    assert account.left(step(4, level=2, seconds=7.0)) == pytest.approx(7.0 * 12 / 7)
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
        bar(step(2, loss=3.0))
        bar.progress.refresh()
    for part in ("step 2/4", "at 64×48", "loss 3.000e+00", "best 2.000e+00", "2 s left"):
        assert part in shown.getvalue()


def test_the_best_loss_begins_anew_at_every_level() -> None:
    account = Account(TWO_LEVELS)
    account.take(step(8, loss=1.0))
    account.take(step(9, loss=7.0, level=2))
    assert account.best == 7.0


def test_a_step_costs_as_much_as_its_level_has_pixels() -> None:
    """Half way through the steps of a level whose pixels are a quarter of the next one's."""
    assert Account(TWO_LEVELS).left(step(4, seconds=4.0)) == pytest.approx(4.0 + 16.0)


def test_the_window_has_the_step_in_its_title(window: Window) -> None:
    window(step(50))
    assert window.axes.get_title() == "Transfer Image After Iteration 50"
    assert red(window) == 50


def test_the_window_is_drawn_at_most_once_a_second(window: Window) -> None:
    for number, seconds in ((1, 0.0), (2, 0.4), (3, 0.9), (4, 1.1)):
        window(step(number, seconds=seconds))
        assert red(window) == (4 if number == 4 else 1)


def test_a_window_that_was_closed_is_left_alone(window: Window) -> None:
    window(step(1))
    window.plt.close(window.figure)
    window(step(9))
    assert red(window) == 1
