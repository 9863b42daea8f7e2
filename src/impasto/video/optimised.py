"""Painting every frame by optimisation, from the last painting moved along the optical flow.

Ruder, Dosovitskiy and Brox, *Artistic style transfer for videos*, arXiv:1604.08610. The first frame
of a shot is painted as a single picture. Every other begins with the last painting, moved to where
its content is now, and a temporal loss holds it there where the flow can be trusted. What comes out
from behind something begins with the painting of an earlier frame that shows it. What is seen for
the first time is taken from a draft: a keyframe, painted ahead from the last one's painting, which
shows at once all that comes into view until then, in strokes that go on beyond the border of each
single frame. The temporal loss takes hold of what is new step by step over several frames, since a
few steps of one frame do not finish it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

import numpy as np

from impasto.run.before import Before, Floats
from impasto.video import keyframes
from impasto.video.method import Frames, OnVideoStep, Order, PaintedFrames, Pixels, VideoStep
from impasto.video.moving import Motion, feathered
from impasto.video.painting import FramePainter, OnShare

STEPS = 0.25  # of those of a single picture at the finest level
REFERENCE = 25  # frames; the loss of the painting of every so many is measured
WET = 4  # frames over which the temporal loss takes hold of what is new
AHEAD = 12  # frames from a draft to the next
EARLIER = (5, 15, 40)  # frames back, in which what comes out from behind something is looked for


def paint(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """Paint every frame that is missing, in order; see :data:`impasto.video.method.Method`.

    Args:
        frames: the frames of the clip.
        painted: the painted frames.
        order: how the clip is painted.
        on_step: called after every step of a painting.

    Raises:
        InputError: the recipe, a style or the device cannot be used, or OpenCV is not installed.
        RunError: memory ran out, or a loss was not finite.
        StoppedError: the work was interrupted.
    """
    count = len(frames)
    missing = [number for number in range(count) if number not in painted]
    if not missing:
        return
    clip = _Clip(frames, painted, FramePainter(order))
    for number in missing:
        clip.paint(number, partial(_tell, on_step, number, count))
        on_step(VideoStep(number + 1, (number + 1) / count))


def _tell(on_step: OnVideoStep, number: int, count: int, share: float) -> None:
    """Say how far a frame is painted."""
    on_step(VideoStep(number, (number + share) / count))


class _Clip:
    """Paints the frames of a clip, each from those before it.

    Args:
        frames: the frames.
        painted: the painted frames.
        painter: paints a frame.
    """

    def __init__(self, frames: Frames, painted: PaintedFrames, painter: FramePainter) -> None:
        self._frames, self._painted, self._painter = frames, painted, painter
        self._motion = Motion(frames, WET + 2 + len(EARLIER))
        self._draft = lru_cache(1)(self._drafted)
        self._measured: tuple[int, Mapping[int, float]] = -1, {}

    def paint(self, number: int, on_share: OnShare) -> None:
        """Paint a frame; those before it have been painted."""
        frame = self._frames[number]
        if self._motion.is_cut(number):
            self._painted.keep(number, self._painter.alone(frame, on_share))
        elif np.array_equal(frame, self._frames[number - 1]):
            self._painted.keep(number, self._painted[number - 1])
        else:
            before = self._before(number)
            self._painted.keep(number, self._painter.continued(frame, before, STEPS, on_share))

    def _before(self, number: int) -> Before:
        """The painting from which a frame begins, and how far it is kept."""
        first = self._motion.start(number, max(EARLIER))
        others = [number - back for back in (1, *EARLIER) if number - back >= first]
        photograph = self._painter.photograph_share
        begun = self._motion.begun(self._painted, number, others, photograph)
        if begun.lacks:
            base = (number - 1) // AHEAD * AHEAD
            ahead = self._motion.end(number, min(base + AHEAD, len(self._frames) - 1) - number)
            draft = self._draft(ahead, max(first, base))
            begun = self._motion.filled(begun, draft, number, ahead, photograph)
        new = ~self._motion.way(number, number - 1).seen
        trust = np.where(new, begun.trusted, self._dry(number, first)).astype(np.float32)
        return Before(begun.pixels, feathered(begun.seen), trust, self._weights(number, first))

    def _drafted(self, number: int, base: int) -> Pixels:
        """A frame, painted ahead from the painting of a frame before it."""
        return keyframes.continued(
            number, [base], self._motion, self._painted, self._painter, lambda _: None
        )

    def _dry(self, number: int, first: int) -> Floats:
        """How far the painting of each pixel of a frame is finished, H × W, 0…1."""
        dry = np.ones(self._frames[number].shape[:2], np.float32)
        for one in range(max(first, number - WET) + 1, number + 1):
            way = self._motion.way(one, one - 1)
            dry = np.where(way.trusted, np.clip(way.moved(dry) + 1 / WET, 0, 1), np.float32(0))
        return dry

    def _weights(self, number: int, first: int) -> Mapping[int, float]:
        """The weights of the temporal loss, from the painting of an earlier frame of the shot."""
        reference = max(first, (number - 1) // REFERENCE * REFERENCE)
        if self._measured[0] != reference:
            frame, painting = self._frames[reference], self._painted[reference]
            self._measured = reference, self._painter.weights(frame, painting)
        return self._measured[1]
