"""Cuts between the shots of a clip."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import content_pixels, style_pixels
from impasto.video.cuts import is_cut
from impasto.video.method import Pixels
from scenes import noisy, pattern, scene

PICTURE = pattern(72, 128, 1)
BLACK, WHITE = np.zeros((72, 128, 3), np.uint8), np.full((72, 128, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PICTURE, pattern(72, 128, 2)),
        (content_pixels(), style_pixels()),
        (BLACK, PICTURE),
        (BLACK, WHITE),
        (pattern(720, 1280, 1), pattern(720, 1280, 2)),
    ],
    ids=["patterns", "waves", "from black", "black and white", "large"],
)
def test_another_picture_is_a_cut(before: Pixels, after: Pixels) -> None:
    assert is_cut(before, after)
    assert is_cut(after, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PICTURE, PICTURE),
        (noisy(PICTURE, 1), noisy(PICTURE, 2)),
        (BLACK, BLACK),
        (PICTURE, np.roll(PICTURE, 5, axis=1)),
        (PICTURE, np.asarray(0.9 * PICTURE, np.uint8)),
        (PICTURE[:60, :100], PICTURE[4:64, 8:108]),
        tuple(scene(2).frames),
    ],
    ids=["still", "noise", "black", "shift", "darker", "pan", "a square"],
)
def test_motion_noise_and_light_are_no_cuts(before: Pixels, after: Pixels) -> None:
    assert not is_cut(before, after)
