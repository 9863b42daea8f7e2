"""Moving a painting from one frame of a clip to another."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from impasto.run.before import Floats
from impasto.video.cuts import is_cut
from impasto.video.flow import Mask, Way, opencv, way
from impasto.video.method import Frames, PaintedFrames, Pixels

REMEMBERED = 64  # frames of which it is known whether they follow a cut
FEATHER = 5  # pixels, side of the window that softens the border of a mask


class Motion:
    """What moves in a clip, and where it is cut.

    Args:
        frames: the frames.
        ways: how many ways between frames are remembered.
    """

    def __init__(self, frames: Frames, ways: int) -> None:
        self.frames = frames
        self.way = lru_cache(ways)(self._way)
        self.is_cut = lru_cache(REMEMBERED)(self._is_cut)

    def _way(self, number: int, other: int) -> Way:
        """Where the pixels of a frame are in another, by their numbers."""
        return way(self.frames[number], self.frames[other])

    def _is_cut(self, number: int) -> bool:
        """Whether a frame is the first of a shot."""
        return number == 0 or is_cut(self.frames[number - 1], self.frames[number])

    def start(self, number: int, most: int) -> int:
        """The first frame of the shot of a frame, but at most so many frames before it."""
        first = number
        while first > max(0, number - most) and not self.is_cut(first):
            first -= 1
        return first

    def carried(self, painted: PaintedFrames, number: int, other: int, photograph: float) -> Floats:
        """The painting of another frame, moved to where its content is in this one.

        Args:
            painted: the paintings.
            number: of this frame.
            other: number of the other frame.
            photograph: how far a painting shows the photograph itself, 0…1: to that extent, what
                changes between the frames changes in the painting.

        Returns:
            H × W × 3, RGB in 0…255.
        """
        there = self.way(number, other)
        moved = there.moved(painted[other])
        if photograph:
            moved += photograph * (self.frames[number] - there.moved(self.frames[other]))
        return np.clip(moved, 0, 255)


def feathered(mask: Mask | Floats) -> Floats:
    """A mask, H × W, with a soft border, 0…1."""
    soft: Floats = opencv().blur(mask.astype(np.float32), (FEATHER, FEATHER))
    return soft
