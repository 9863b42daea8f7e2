"""Optical flow between two frames, and where it can be trusted.

A flow from one frame to another is an H × W × 2 array: the way of each pixel, across and down, in
pixels. It is computed by OpenCV: Kroeger, Timofte, Dai and Van Gool, *Fast Optical Flow using Dense
Inverse Search*, arXiv:1603.03590. Where it can be trusted is decided as in Ruder, Dosovitskiy and
Brox, *Artistic style transfer for videos*, arXiv:1604.08610, and by what is seen at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from impasto.errors import InputError
from impasto.video.method import Pixels

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SMALLEST_SIDE = 24  # pixels; smaller pictures are enlarged for the search
# Square pixels: how far there and back may end from the start, and how much the flow may change
# from pixel to pixel, as a share of the squared lengths and at least (equations 5 and 6).
DISAGREEMENT, LEAST_DISAGREEMENT = 0.01, 0.5
STEEPNESS, LEAST_STEEPNESS = 0.01, 0.002
WINDOW = 7  # pixels, side of the windows whose mean colours are compared
ISLAND, LARGELY = 9, 0.75  # pixels, side of a window, and the share of it that has to be seen
UNLIKE = 40.0  # grey levels, the largest difference of the mean colours of two ends
# The camera is at rest if the median flow of the quarter of the pixels with the steepest colours is
# shorter than this, in pixels. Then a flow up to SHORT pixels long is noise if the frames differ
# hardly more without it: if the squared difference in a window grows at most by this factor and by
# this many square grey levels.
RESTING, TEXTURED = 0.03, 0.75
SHORT, GROWTH, LEAST_GROWTH, STILL_WINDOW = 3.0, 2.0, 2.0, 15


@dataclass(frozen=True)
class Way:
    """Where the pixels of a frame are in another.

    Attributes:
        flow: H × W × 2, from the frame to the other.
        seen: H × W, whether the same thing is seen at both ends.
        trusted: H × W, whether that is so and the flow is sure: not at the boundary of a motion.
    """

    flow: Floats
    seen: Mask
    trusted: Mask

    def moved(self, picture: npt.NDArray[Any]) -> Floats:
        """A picture of the other frame, moved to where its content is in this one.

        Args:
            picture: H × W, or H × W × C.

        Returns:
            The same shape. Interpolated by Lanczos's kernel, which hardly blurs a picture that is
            moved again and again.
        """
        return _sampled(picture, self.flow, opencv().INTER_LANCZOS4)


def opencv() -> ModuleType:
    """OpenCV.

    Raises:
        InputError: it is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise InputError("flow.not-installed", extra="impasto[video]") from None
    return cv2


def way(frame: Pixels, other: Pixels) -> Way:
    """Where the pixels of a frame are in another, and how far that can be trusted.

    Args:
        frame: H × W × 3, RGB.
        other: a frame of the same size.

    Raises:
        InputError: OpenCV is not installed.
    """
    forth, back = flow(frame, other), flow(other, frame)
    seen = without_islands(consistent(forth, back) & alike(frame, other, forth))
    return Way(forth, seen, seen & ~boundary(forth))


def flow(frame: Pixels, other: Pixels) -> Floats:
    """The optical flow from a frame to another, the same for any number of threads.

    Where the camera is at rest, what does not move has a flow of exactly 0, also in frames with
    noise.

    Args:
        frame: H × W × 3, RGB.
        other: a frame of the same size.

    Returns:
        H × W × 2.

    Raises:
        InputError: OpenCV is not installed.
    """
    cv2 = opencv()
    height, width = frame.shape[:2]
    by = max(1.0, SMALLEST_SIDE / min(height, width))
    size = round(by * width), round(by * height)
    grey = [cv2.cvtColor(cv2.resize(one, size), cv2.COLOR_RGB2GRAY) for one in (frame, other)]
    with _one_thread(cv2):
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)
        found = search.calc(*grey, None)
    if by > 1:
        found = cv2.resize(found, (width, height)) / by
    if not camera_rests(frame, found):
        return cast("Floats", found)
    found[_is_still(frame, other, found)] = 0
    return cast("Floats", found)


def consistent(forth: Floats, back: Floats) -> Mask:
    """Where the way there and back ends near its start: what is seen here is not hidden there.

    Args:
        forth: the flow from a frame to another, H × W × 2.
        back: the flow from that one to the frame.
    """
    height, width = forth.shape[:2]
    x, y = _places(forth)
    inside: Mask = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    returned = _sampled(back, forth, opencv().INTER_LINEAR)
    lengths = _squares(forth) + _squares(returned)
    near: Mask = _squares(forth + returned) <= DISAGREEMENT * lengths + LEAST_DISAGREEMENT
    return inside & near


def without_islands(mask: Mask) -> Mask:
    """A mask without small islands and its outermost pixels.

    There, beside the border of an object, a flow that is wrong agrees by chance, and colours mix.
    """
    around = opencv().blur(mask.astype(np.float32), (ISLAND, ISLAND))
    return cast("Mask", mask & (around > LARGELY))


def boundary(flow: Floats) -> Mask:
    """Where the flow changes so much from pixel to pixel that a motion ends there."""
    slopes = [_squares(np.gradient(flow, axis=axis)) for axis in (0, 1)]
    return sum(slopes) > STEEPNESS * _squares(flow) + LEAST_STEEPNESS


def alike(frame: Pixels, other: Pixels, flow: Floats) -> Mask:
    """Where the mean colours around both ends of a flow are alike."""
    cv2 = opencv()
    here, there = (cv2.blur(one.astype(np.float32), (WINDOW, WINDOW)) for one in (frame, other))
    apart = np.abs(here - _sampled(there, flow, cv2.INTER_LINEAR)).max(2)
    return cast("Mask", apart <= UNLIKE)


def camera_rests(frame: Pixels, flow: Floats) -> bool:
    """Whether most of what has edges does not move."""
    cv2 = opencv()
    grey = cv2.blur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32), (3, 3))
    steepness = np.hypot(*np.gradient(grey))
    textured = steepness >= np.quantile(steepness, TEXTURED)
    return float(np.hypot(*np.median(flow[textured], axis=0))) < RESTING


def _is_still(frame: Pixels, other: Pixels, flow: Floats) -> Mask:
    """Where a flow is short, and the frames are hardly more different without it."""
    cv2 = opencv()

    def differences(one: npt.NDArray[Any]) -> Floats:
        squares = _squares(frame.astype(np.float32) - one) / 3
        return cast("Floats", cv2.blur(squares, (STILL_WINDOW, STILL_WINDOW)))

    along = _sampled(other.astype(np.float32), flow, cv2.INTER_CUBIC)
    hardly = differences(other) <= GROWTH * differences(along) + LEAST_GROWTH
    return hardly & (_squares(flow) < SHORT**2)


def _places(flow: Floats) -> tuple[Floats, Floats]:
    """The places, across and down, each H × W, to which a flow leads."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]


def _sampled(picture: npt.NDArray[Any], flow: Floats, interpolation: int) -> Floats:
    """A picture, H × W or H × W × C, at the places to which a flow leads; its border beyond."""
    cv2 = opencv()
    floats = picture.astype(np.float32)
    border = cv2.BORDER_REPLICATE
    return cast("Floats", cv2.remap(floats, *_places(flow), interpolation, borderMode=border))


def _squares(vectors: npt.NDArray[Any]) -> Floats:
    """The squared lengths of vectors, H × W × C: H × W."""
    return cast("Floats", np.square(vectors).sum(2))


@contextmanager
def _one_thread(cv2: ModuleType) -> Iterator[None]:
    """A context in which OpenCV has one thread, since the search depends on their number."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
