"""The progress of a clip, as a bar and as lines."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from impasto.video.method import VideoStep
from impasto.video.showing import ClipBar, ClipLines, Pace, Told, showing


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


def test_one_frame_is_not_called_frames() -> None:
    file = io.StringIO()
    tell(ClipLines(1, file), 1)
    assert file.getvalue().splitlines()[::2] == ["Reading 1 frame", "Writing 1 frame"]


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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    """A terminal whose window was closed."""

    def write(self, _: str, /) -> int:
        raise OSError(5, "Input/output error")


def tell_a_program(count: int) -> None:
    with showing(count) as told:
        tell(told, count)


def test_a_program_sees_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    tell_a_program(4)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == "Reading 4 frames"
    assert shown.err.splitlines()[-1] == "Writing 4 frames"


def test_a_program_in_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", file)
    with showing(4) as told:
        tell(told, 4)
        print("of the program")  # noqa: T201 – as a caller's own does
    assert "━" in terminal.getvalue()
    assert file.getvalue() == "of the program\n"


@pytest.mark.parametrize("stream", [Gone(), None], ids=["gone", "none"])
def test_a_terminal_that_fails_does_not_stop_the_work(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    tell_a_program(4)
