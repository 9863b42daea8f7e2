"""A still clip of 200 frames, painted frame by frame: its colours do not drift. `make soak`.

`tests/video/` holds the short version.
"""

from __future__ import annotations

import numpy as np
import pytest

from impasto import Recipe
from impasto.pictures import samples
from impasto.video import keyframes, optimised
from impasto.video.method import Method, Order
from scenes import Painted, noisy, pattern

COUNT = 200
SIZE = 96, 64


@pytest.mark.parametrize("method", [optimised.paint, keyframes.paint])
def test_the_mean_colour_of_a_still_clip_stays_within_2_grey_levels(method: Method) -> None:
    still = pattern(*SIZE[::-1], seed=1)
    frames = [noisy(still, seed) for seed in range(COUNT)]
    painted = Painted()
    order = Order((samples.style("flowfield"),), Recipe(size=SIZE), "cpu")
    method(frames, painted, order, lambda _: None)
    means = np.array([painted[number].mean(axis=(0, 1)) for number in range(COUNT)])
    assert np.abs(means - means[0]).max() < 2
