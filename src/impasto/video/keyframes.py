"""Painting a frame every few frames, and moving these paintings to the frames between.

The first frame of a shot is painted as a single picture. The next keyframe is painted from it,
moved along the optical flow, with a temporal loss where the flow can be trusted, and so on; what a
keyframe shows that the last did not is taken from an earlier one, if that shows it. So all
keyframes of a shot show the same painting. A frame between two keyframes is a mixture of both,
moved to it: mostly of the nearer one, and of the other where that alone shows what is to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from impasto.pictures.arrays import to_uint8
from impasto.run.before import Before
from impasto.video.method import Frames, OnVideoStep, Order, PaintedFrames, Pixels, VideoStep
from impasto.video.moving import Motion, feathered
from impasto.video.painting import FramePainter, OnShare

DISTANCES = (12, 8, 5)  # from a keyframe to the next; a shorter one if much moves out of sight
LEAST_SEEN = 0.8  # of the pixels of a keyframe, in the one before
STEPS = 0.5  # of those of a single picture at the finest level
EARLIER = 3  # keyframes back, in which what comes out from behind something is looked for
REMEMBERED = 8  # ways between two frames
HARDLY = 1e-3  # weight, in the mixture, of a painting that does not show what is to be seen
KEYFRAME_WORK = 0.85  # of the work of a keyframe and the frames up to it


def paint(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """Paint every frame that is missing; see :data:`impasto.video.method.Method`.

    Each keyframe is painted before the frames between it and the one before.

    Args:
        frames: the frames of the clip.
        painted: the painted frames.
        order: how the clip is painted.
        on_step: called after every step of a keyframe, and after every frame.

    Raises:
        InputError: the recipe, a style or the device cannot be used, or OpenCV is not installed.
        RunError: memory ran out, or a loss was not finite.
        StoppedError: the work was interrupted.
    """
    count = len(frames)
    if all(number in painted for number in range(count)):
        return
    motion, painter = Motion(frames, REMEMBERED), FramePainter(order)
    keys: list[int] = []  # those of the shot, so far
    for before, number in keyframes(motion, count):
        keys = keys if before is not None else []
        done = number if before is None else before + 1  # frames painted so far
        if number not in painted:
            on_share = partial(_tell, on_step, done, number + 1 - done, count)
            if keys:
                latest = keys[: -1 - EARLIER : -1]
                painting = continued(number, latest, motion, painted, painter, on_share)
            else:
                painting = painter.alone(frames[number], on_share)
            painted.keep(number, painting)
        for between in range(done, number):
            if between not in painted:
                painted.keep(between, mixture(between, (done - 1, number), motion, painted))
        keys.append(number)
        on_step(VideoStep(number + 1, (number + 1) / count))


def keyframes(motion: Motion, count: int) -> Iterator[tuple[int | None, int]]:
    """The keyframes of a clip, each with the one before it in its shot; None if it is the first.

    The first and the last frame of a shot are keyframes.

    Args:
        motion: what moves in the clip.
        count: the number of frames.
    """
    before: int | None = None
    number = 0
    while number < count:
        yield before, number
        last = motion.end(number, min(count - 1 - number, DISTANCES[0]))
        if last == number:
            before, number = None, number + 1
        else:
            before, number = number, _next(motion, number, last)


def _next(motion: Motion, number: int, last: int) -> int:
    """The keyframe after another, at most the last frame that is given."""
    candidates = [min(number + distance, last) for distance in DISTANCES]
    near_enough = (one for one in candidates if motion.way(one, number).seen.mean() >= LEAST_SEEN)
    return next(near_enough, candidates[-1])


def _tell(on_step: OnVideoStep, done: int, more: int, count: int, share: float) -> None:
    """Say how far a keyframe is painted, which finishes so many more frames."""
    on_step(VideoStep(done, (done + KEYFRAME_WORK * share * more) / count))


def continued(
    number: int,
    others: Sequence[int],
    motion: Motion,
    painted: PaintedFrames,
    painter: FramePainter,
    on_share: OnShare,
) -> Pixels:
    """Paint a keyframe from paintings of other frames of its shot.

    Args:
        number: of the frame.
        others: the numbers of these frames, the nearest first.
        motion: what moves in the clip.
        painted: the painted frames.
        painter: paints the frame.
        on_share: called after every step.
    """
    frames, nearest = motion.frames, others[0]
    begun = motion.begun(painted, number, others, painter.photograph_share)
    weights = painter.weights(frames[nearest], painted[nearest])
    trust = begun.trusted.astype(np.float32)
    before = Before(begun.pixels, feathered(begun.seen), trust, weights)
    return painter.continued(frames[number], before, STEPS, on_share)


def mixture(
    number: int, between: tuple[int, int], motion: Motion, painted: PaintedFrames
) -> Pixels:
    """A frame between two keyframes, as a mixture of both, moved to it.

    Args:
        number: of the frame.
        between: the numbers of the keyframes before and after it.
        motion: what moves in the clip.
        painted: the painted frames, with both keyframes.

    Returns:
        H × W × 3.
    """
    first, last = between
    far = (number - first) / (last - first)
    total, weights = np.zeros((2, *painted[first].shape), np.float32)
    for other, near in ((first, 1 - far), (last, far)):
        way = motion.way(number, other)
        weight = near * (HARDLY + feathered(way.trusted))[..., None]
        total += weight * way.moved(painted[other])
        weights += weight
    return to_uint8(total / weights)
