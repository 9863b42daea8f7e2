"""The progress of a clip, as a bar and as lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from impasto.report.clips import ClipBar, ClipLines, Pace, Told
from impasto.video.method import VideoStep


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_that_of_the_share_left() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.left(0.0) is None
    clock.now += 10
    assert pace.left(0.25) == pytest.approx(30)


def test_what_was_painted_before_costs_no_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.left(0.8) is None
    clock.now += 10
    assert pace.left(0.9) == pytest.approx(10)


def tell(told: Told, count: int) -> None:
    with told:
        for number in range(1, count + 1):
            told.read(number, count)
        for number in range(count + 1):
            told.painted(VideoStep(number, number / count))
        for number in range(1, count + 1):
            told.written(number, count)


def test_lines_are_few() -> None:
    file = io.StringIO()
    tell(ClipLines(500, file), 500)
    lines = file.getvalue().splitlines()
    assert lines[0] == "Reading 500 frames"
    assert lines[-1] == "Writing 500 frames"
    assert "Painting 250/500 frames, 50%, 0 s left" in lines
    assert 10 < len(lines) < 30


def test_no_file_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    tell(ClipLines(5, None), 5)
    assert capsys.readouterr() == ("", "")


def test_a_bar_shows_frames_and_time_left() -> None:
    file = io.StringIO()
    bar = ClipBar(4, Console(file=file, force_terminal=True, width=100))
    tell(bar, 4)
    with bar:
        bar.painted(VideoStep(2, 0.5))
        bar.progress.refresh()
    assert "2/4 frames" in file.getvalue()
