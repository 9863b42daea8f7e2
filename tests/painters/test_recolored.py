"""A painter with a map of its colours."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import content_pixels
from impasto.painters.applying import Painter
from impasto.pictures.color_transfer import ColorMap
from painter_files import random_painter

DARKER = ColorMap(np.zeros(3), 0.5 * np.eye(3), np.zeros(3))


@pytest.fixture(scope="module")
def painter() -> Painter:
    return random_painter()


@pytest.mark.parametrize(("strength", "share"), [(0.0, 0.0), (0.35, 0.5), (0.7, 1.0), (1.0, 1.0)])
def test_the_colours_are_mapped_as_far_as_the_photograph_changes(
    painter: Painter, strength: float, share: float
) -> None:
    pixels, condition = content_pixels(32, 48), painter.condition(None, strength)
    plain = painter.painted(pixels, condition)
    mapped = painter.recolored(DARKER).painted(pixels, condition)
    np.testing.assert_allclose(mapped, (1 - 0.5 * share) * plain, rtol=1e-5, atol=1e-3)


def test_the_painter_itself_keeps_its_colours(painter: Painter) -> None:
    pixels, condition = content_pixels(32, 48), painter.condition(None, 0.7)
    before = painter.painted(pixels, condition)
    painter.recolored(DARKER)
    np.testing.assert_array_equal(painter.painted(pixels, condition), before)
