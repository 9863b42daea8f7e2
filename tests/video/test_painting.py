"""The painting of single frames."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.run.before import Before, Floats
from impasto.video.method import Order
from impasto.video.painting import FramePainter, without_drift
from scenes import pattern

MOVED = np.asarray(np.clip(1.5 * pattern(64, 96, 1).astype(float) - 20, 0, 255), np.float32)
ALL, NOTHING = np.ones((64, 96), np.float32), np.zeros((64, 96), np.float32)
STROKES = np.random.default_rng(0).normal(0, 40, MOVED.shape).astype(np.float32)


def test_tones_that_drift_are_taken_back_also_where_they_are_clipped() -> None:
    painting = MOVED + STROKES - 3
    before = np.clip(painting, 0, 255) - MOVED
    after = np.clip(without_drift(painting, MOVED, ALL), 0, 255) - MOVED
    assert np.abs(before.mean(axis=(0, 1))).max() > 1.5
    assert np.abs(after.mean(axis=(0, 1))).max() < 0.5


def test_strokes_stay() -> None:
    middle: Floats = np.full_like(MOVED, 128)
    strokes = np.asarray(STROKES / 8, np.float32)
    painted = without_drift(middle + strokes, middle, ALL)
    assert np.abs(painted - middle - strokes).max() < 2


def test_nothing_is_taken_back_where_nothing_is_trusted() -> None:
    painting = np.clip(MOVED + STROKES, 0, 255)
    np.testing.assert_array_equal(without_drift(painting, MOVED, NOTHING), painting)


@pytest.mark.parametrize(("shown", "steps"), [(1.0, 4), (0.98, 4), (0.9, 10 + 4)])
def test_what_a_moved_painting_does_not_show_is_painted_from_the_coarsest_level_on(
    shown: float, steps: int
) -> None:
    recipe = Recipe(size=(96, 64), levels=2, steps=20)
    painter = FramePainter(Order((style_pixels(64, 96),), recipe, "cpu"))
    seen = np.tile((np.linspace(0, 1, 96) <= shown).astype(np.float32), (64, 1))
    before = Before(MOVED, seen, NOTHING, {3: 0.0})
    told: list[float] = []
    painter.continued(content_pixels(64, 96), before, 0, told.append)
    assert len(told) == steps
    assert told[-1] == 1
