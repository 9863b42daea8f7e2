"""Cameras: the frames of one, as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from impasto.errors import InputError

if TYPE_CHECKING:
    from impasto.pictures.sizes import PixelSize
    from impasto.video.clip import Clip
    from impasto.video.method import Pixels

LARGEST_NUMBER = 2**31 - 1  # that OpenCV takes

Sized = Callable[["PixelSize"], "PixelSize"]


def frames_of_camera(number: int, sized: Sized) -> Iterator[Pixels]:
    """The frames of a camera as they come, until it is unplugged.

    Args:
        number: number of the camera, from 0.
        sized: the size at which a frame is wanted, from the size that the camera gives.

    Raises:
        InputError: there is no such camera, or OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise InputError("live.needs-opencv") from None
    cv2.utils.logging.setLogLevel(0)  # what is wrong is said below
    if number > LARGEST_NUMBER:
        raise InputError("live.no-camera", number=number)
    camera = cv2.VideoCapture(number)
    try:
        there, frame = camera.read()
        if not there:
            raise InputError("live.no-camera", number=number)
        width, height = sized((frame.shape[1], frame.shape[0]))
        while there:
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            yield np.ascontiguousarray(small[..., ::-1], np.uint8)
            there, frame = camera.read()
    finally:
        camera.release()


def played(path: str, sized: Sized) -> Iterator[Pixels]:
    """The frames of a clip, each when it is due, as if the clip were a camera.

    Args:
        path: path of the clip.
        sized: the size at which a frame is wanted, from the size of the clip.

    Raises:
        InputError: it cannot be read.
    """
    from impasto.video import reading

    clip = reading.look(path)
    shots = enumerate(reading.shots(clip, sized(clip.size)))
    return paced(
        (
            float(number / clip.rate if shot.ticks is None else _since(clip, shot.ticks)),
            shot.pixels,
        )
        for number, shot in shots
    )


def _since(clip: Clip, ticks: int) -> Fraction:
    """Seconds from the beginning of a clip."""
    return (ticks - clip.origin) * clip.time_base


def paced(
    frames: Iterable[tuple[float, Pixels]], sleep: Callable[[float], None] = time.sleep
) -> Iterator[Pixels]:
    """Frames that come when they are due, as from a camera.

    Args:
        frames: the time of each frame, in seconds from the first, and the frame.
        sleep: waits so many seconds.
    """
    began = time.perf_counter()
    for due, frame in frames:
        early = due - (time.perf_counter() - began)
        if early > 0:
            sleep(early)
        yield frame


def is_camera(text: str) -> bool:
    """Whether a text names a camera, not a file.

    >>> is_camera("0"), is_camera("clip.mp4")
    (True, False)
    """
    return text.isdecimal() and not Path(text).exists()
