"""The window that shows a run while it paints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image

from impasto.report.progress import Window
from impasto.run.result import LatestImage, Step


def step(number: int, seconds: float | None = None) -> Step:
    latest = LatestImage(number, lambda: Image.new("RGB", (8, 6), (number, 0, 0)))
    return Step(number, 5.0, 1.0, 2.0, float(number) if seconds is None else seconds, 1, latest)


@pytest.fixture
def window() -> Iterator[Window]:
    """A window on a canvas that is drawn and not shown."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield Window()
    plt.close("all")


def red(window: Window) -> int:
    return int(window.picture.get_array()[0, 0, 0])


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
