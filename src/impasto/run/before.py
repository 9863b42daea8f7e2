"""The painting before a run's, from which the run begins and to which it stays close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Before:
    """The painting of another frame of a clip, moved to where its content is in this one.

    Attributes:
        pixels: H × W × 3, RGB in 0…255, in the colours of the painting.
        seen: H × W, 0…1: how far each level begins from each pixel, and not from the recipe's first
            canvas or from the level before.
        trust: H × W, 0…1: how far the run keeps each pixel.
        weights: the weight of the temporal loss at each level, by its number; the run begins at the
            first of these levels.
    """

    pixels: Floats
    seen: Floats
    trust: Floats
    weights: Mapping[int, float]

    @property
    def level(self) -> int:
        """The number of the level, counted from 1, at which the run begins."""
        return min(self.weights)
