"""Paintings that are moved from one frame of a clip to another."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.errors import StoppedError
from impasto.process import interrupts
from impasto.video.method import Pixels
from impasto.video.moving import Motion
from scenes import SQUARE, Painted, pattern, scene

BEHIND = pattern(64, 96, 6)
COVERED = np.s_[24:40, 54:66]  # what the square covers in the second frame alone


def with_square(left: int) -> Pixels:
    frame: Pixels = BEHIND.copy()
    frame[22 : 22 + SQUARE, left : left + SQUARE] = pattern(SQUARE, SQUARE, 2)
    return frame


PASSING = [with_square(left) for left in (74, 50, 26)]


def test_what_comes_out_from_behind_something_is_that_of_an_earlier_painting() -> None:
    paintings = Painted({0: PASSING[0], 1: np.zeros_like(BEHIND)})
    begun = Motion(PASSING, 4).begun(paintings, 2, (1, 0), 0.0)
    assert begun.trusted[COVERED].mean() > 0.95
    found = np.abs(begun.pixels[COVERED] - BEHIND[COVERED])[begun.trusted[COVERED]]
    assert np.median(found) < 1


def test_it_is_not_taken_from_the_frame_that_hides_it() -> None:
    begun = Motion(PASSING, 4).begun(Painted({1: PASSING[1]}), 2, (1,), 0.0)
    assert begun.seen[COVERED].mean() < 0.1


def test_what_keeps_the_photograph_follows_its_light() -> None:
    frames = [BEHIND, np.asarray(0.95 * BEHIND, np.uint8)]
    begun = Motion(frames, 4).begun(Painted({0: BEHIND}), 1, (0,), 1.0)
    np.testing.assert_allclose(begun.pixels, frames[1], atol=1.01)


def test_a_shot_begins_and_ends_at_cuts() -> None:
    other = pattern(64, 96, 7)
    motion = Motion([other, BEHIND, BEHIND, BEHIND, other], 4)
    assert motion.start(3, 10) == 1
    assert motion.start(3, 1) == 2
    assert motion.end(1, 3) == 3
    assert motion.end(1, 1) == 2


def test_the_search_for_the_flow_can_be_interrupted() -> None:
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        Motion(scene(2).frames, 4).way(1, 0)
