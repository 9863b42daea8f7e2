"""Moving a painting from one frame of a clip to another."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from impasto.process import interrupts
from impasto.run.before import Floats
from impasto.video.cuts import is_cut
from impasto.video.flow import Mask, Way, opencv, way
from impasto.video.method import Frames, PaintedFrames, Pixels

REMEMBERED = 64  # frames of which it is known whether they follow a cut
LEAST_NEW = 0.002  # of the pixels; for less, no other painting is looked at
FEATHER = 5  # pixels, side of the window that softens the border of a mask


class Begun(NamedTuple):
    """A frame as the paintings of other frames show it.

    Attributes:
        pixels: H × W × 3, RGB in 0…255.
        seen: H × W, whether one of them shows what is to be seen.
        trusted: H × W, whether that is so and the flow is sure.
    """

    pixels: Floats
    seen: Mask
    trusted: Mask

    @property
    def lacks(self) -> bool:
        """Whether so much is missing that it is worth looking for in other paintings."""
        return bool(np.mean(~self.seen) >= LEAST_NEW)


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
        interrupts.check()
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

    def end(self, number: int, most: int) -> int:
        """The last frame of the shot of a frame, but at most so many frames after it."""
        last = number
        while last < number + most and not self.is_cut(last + 1):
            last += 1
        return last

    def begun(
        self, painted: PaintedFrames, number: int, others: Iterable[int], photograph: float
    ) -> Begun:
        """A frame as other paintings show it, moved to it: each what those before it do not show.

        Args:
            painted: the paintings.
            number: of the frame.
            others: the numbers of painted frames; the nearest first, the rest only looked at if
                something is missing.
            photograph: how far a painting shows the photograph itself, 0…1: to that extent, what
                changes from frame to frame changes in the painting.
        """
        nearest, *earlier = others
        way = self.way(number, nearest)
        pixels = self._carried(painted[nearest], number, nearest, photograph)
        begun = Begun(pixels, way.seen, way.trusted)
        for other in earlier:
            if not begun.lacks:
                break
            begun = self.filled(begun, painted[other], number, other, photograph)
        return begun

    def filled(
        self, begun: Begun, painting: Pixels, number: int, other: int, photograph: float
    ) -> Begun:
        """A frame with what another painting shows of that which is missing.

        Args:
            begun: the frame as other paintings show it.
            painting: the painting.
            number: of the frame.
            other: number of the frame that was painted.
            photograph: see :meth:`begun`.
        """
        found = ~begun.seen & self.way(number, other).trusted
        carried = self._carried(painting, number, other, photograph)
        pixels = np.where(found[..., None], carried, begun.pixels)
        return Begun(pixels, begun.seen | found, begun.trusted | found)

    def _carried(self, painting: Pixels, number: int, other: int, photograph: float) -> Floats:
        """The painting of another frame, moved to where its content is in this one."""
        way = self.way(number, other)
        moved = way.moved(painting)
        if photograph:
            moved += photograph * (self.frames[number] - way.moved(self.frames[other]))
        return np.clip(moved, 0, 255)


def feathered(mask: Mask | Floats) -> Floats:
    """A mask, H × W, with a soft border, 0…1."""
    soft: Floats = opencv().blur(mask.astype(np.float32), (FEATHER, FEATHER))
    return soft
