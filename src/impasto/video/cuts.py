"""Cuts: where a clip changes to another shot, whose first frame is painted anew."""

from __future__ import annotations

from impasto.video.flow import opencv, way
from impasto.video.method import Pixels

LONGEST_SIDE = 128  # pixels, of the reduced frames that are compared
LEAST_SHARE = 0.4  # of the pixels; if fewer can be found in the frame before, there is a cut


def is_cut(before: Pixels, frame: Pixels) -> bool:
    """Whether a frame shows another shot than the frame before.

    It does if little of it can be found in the frame before: pixels whose flow cannot be trusted
    (:func:`impasto.video.flow.way`). Between two photographs that is hardly ever more than a
    quarter of them; a pan or a passing object leaves more than two thirds.

    Args:
        before: H × W × 3, RGB.
        frame: the next frame, of the same size.

    Raises:
        InputError: OpenCV is not installed.
    """
    found = way(_reduced(frame), _reduced(before)).trusted
    return bool(found.mean() < LEAST_SHARE)


def _reduced(frame: Pixels) -> Pixels:
    cv2 = opencv()
    height, width = frame.shape[:2]
    by = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(2, round(by * width)), max(2, round(by * height))
    reduced: Pixels = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return reduced
