"""The progress of many paintings."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from impasto.experiments.many import Painted
from impasto.report.overall import OverallBar, OverallLines, TimeLeft
from impasto.run.levels import plan
from impasto.run.result import Step
from impasto.settings.recipe import Recipe

RECIPE = Recipe(steps=10, levels=1)
RUN = cast(Any, SimpleNamespace(levels=plan((64, 64), [(64, 64)], RECIPE), recipe=RECIPE))


def step(number: int, seconds: float) -> Step:
    return Step(number, 1.0, 1.0, 1.0, seconds)


def test_the_time_left_is_that_of_this_painting_and_of_those_to_come() -> None:
    time = TimeLeft()
    assert time.left(3) is None
    time.begin(RUN)
    time.take(step(5, 4.0))
    assert time.left(0) == pytest.approx(4)
    assert time.left(2) == pytest.approx(4 + 2 * 8)
    time.take(step(10, 8.0))
    time.end()
    assert time.left(2) == pytest.approx(2 * 8)


def test_a_painting_that_failed_has_no_part_in_the_time_left() -> None:
    time = TimeLeft()
    time.end()
    assert time.left(2) is None


def test_the_bar_shows_pictures_steps_and_time() -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120)
    with OverallBar(3, console) as bar:
        bar.begin(1, 3, "a [b].png like oil.png")
        bar.run(RUN)
        bar.step(step(10, 8.0))
        bar.painted(Painted("a [b].png", "oil.png"))
        bar.progress.refresh()
    text = drawn.getvalue()
    for part in ("1 of 3 pictures", "step 10/10", "16 s left", "a [b].png like oil.png"):
        assert part in text


def test_without_a_terminal_each_painting_has_a_line() -> None:
    file = io.StringIO()
    with OverallLines(file) as lines:
        lines.begin(3, 30, "photos/a.jpg like oil.jpg")
        lines.run(RUN)
        lines.step(step(1, 1.0))
        lines.painted(Painted("photos/a.jpg", "oil.jpg"))
    assert file.getvalue() == "3 of 30: photos/a.jpg like oil.jpg\n"
