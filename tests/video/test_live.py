"""Painting live: the latest frame is painted, and nothing waits in a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from impasto.video.camera import paced
from impasto.video.live import paint_live
from impasto.video.method import Pixels


def frame(value: int) -> Pixels:
    return np.full((2, 2, 3), value, np.uint8)


def test_frames_that_come_meanwhile_are_dropped() -> None:
    painting, all_have_come = threading.Event(), threading.Event()

    def camera() -> Iterator[Pixels]:
        yield frame(0)
        painting.wait()  # the first one is being painted
        for value in range(1, 10):
            yield frame(value)
        all_have_come.set()

    def paint(pixels: Pixels) -> Pixels:
        painting.set()
        all_have_come.wait()
        return pixels

    shown = list(paint_live(camera(), paint))
    assert [int(one.pixels[0, 0, 0]) for one in shown] == [0, 9]
    assert (shown[-1].painted, shown[-1].dropped) == (2, 8)


def test_no_frame_is_painted_twice() -> None:
    taken = threading.Semaphore(1)

    def camera() -> Iterator[Pixels]:
        for value in range(5):
            taken.acquire()
            yield frame(value)

    def paint(pixels: Pixels) -> Pixels:
        taken.release()
        return pixels

    shown = [int(one.pixels[0, 0, 0]) for one in paint_live(camera(), paint)]
    assert shown == [0, 1, 2, 3, 4]


def test_what_a_camera_raises_is_raised_after_its_last_frame() -> None:
    def camera() -> Iterator[Pixels]:
        yield frame(1)
        raise OSError("unplugged")

    painted = paint_live(camera(), lambda pixels: pixels)
    assert int(next(painted).pixels[0, 0, 0]) == 1
    with pytest.raises(OSError, match="unplugged"):
        next(painted)


def test_the_camera_is_released_by_its_own_thread_when_no_more_is_painted() -> None:
    threads: list[threading.Thread] = []

    def camera() -> Iterator[Pixels]:
        threads.append(threading.current_thread())
        try:
            while True:
                yield frame(1)
        finally:
            threads.append(threading.current_thread())

    painted = paint_live(camera(), lambda pixels: pixels)
    next(painted)
    painted.close()  # type: ignore[attr-defined]
    opened, released = threads
    assert released is opened
    assert not opened.is_alive()


def test_a_clip_is_played_at_its_own_times() -> None:
    waited: list[float] = []
    times = [0.0, 100.0, 300.0]
    played = paced(((due, frame(1)) for due in times), waited.append)
    assert len(list(played)) == 3
    assert waited == pytest.approx([100, 300], abs=1)


def test_the_end_does_not_wait_for_a_camera_that_gives_no_frame() -> None:
    never = threading.Event()

    def camera() -> Iterator[Pixels]:
        yield frame(1)
        never.wait()

    painted = paint_live(camera(), lambda pixels: pixels)
    next(painted)
    began = time.monotonic()
    del painted
    assert time.monotonic() - began < 5
    never.set()
