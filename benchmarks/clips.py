"""Clips whose motion is known exactly, for the section ``steadiness``.

A scene is a background that a window moves over, as a camera pans, and an object that moves in
front of it. So it is known where each pixel of a frame was in the frame before, and whether it
could be seen there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from impasto.pictures import arrays, images

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Place = tuple[float, float]  # across and down, in pixels
Path2D = Callable[[int], Place]  # by the number of the frame

NOISE = 5.0  # grey levels, standard deviation in each frame of the still clip
BORDER = 2  # pixels beside an edge of the object that belong to neither side


@dataclass(frozen=True)
class Clip:
    """Frames, and where their pixels come from.

    Attributes:
        name: of the clip.
        frames: each H × W × 3.
        flows: for each frame but the first, H × W × 2: the way, across and down in pixels, from a
            pixel to its place in the frame before.
        visible: for each frame but the first, H × W: whether that place could be seen.
    """

    name: str
    frames: list[Pixels]
    flows: list[Floats]
    visible: list[npt.NDArray[np.bool_]]


def made(size: tuple[int, int], count: int) -> Clip:
    """A pan over a pattern that a formula gives, and a disc with another pattern before it."""
    width, height = size
    background = pattern((height + 60, 2 * width), 1)
    side = round(0.36 * height)
    return scene(
        "made",
        background,
        pattern((side, side), 2),
        size,
        [(20 + 2.3 * k, 20 + 0.6 * k) for k in range(count)],
        [(0.1 * width + 3.7 * k, 0.3 * height - 0.4 * k) for k in range(count)],
    )


def still(picture: Pixels, size: tuple[int, int], count: int) -> Clip:
    """A picture that does not move, with new noise in every frame."""
    width, height = size
    whole = fitted(picture, size)
    generator = np.random.default_rng(0)
    frames = [
        arrays.to_uint8(whole + generator.normal(0, NOISE, whole.shape)) for _ in range(count)
    ]
    nothing = np.zeros((height, width, 2), np.float32)
    everywhere = np.ones((height, width), bool)
    return Clip("still", frames, [nothing] * (count - 1), [everywhere] * (count - 1))


def natural(picture: Pixels, other: Pixels, size: tuple[int, int], count: int) -> Clip:
    """A window that moves over a photograph, and part of another photograph before it."""
    width, height = size
    background = fitted(picture, (round(1.5 * width), round(1.5 * height)))
    side = round(0.42 * height)
    swing = 0.1 * width
    return scene(
        "natural",
        background,
        fitted(other, (side, side)),
        size,
        [
            (
                0.25 * width + swing * np.sin(0.11 * k),
                0.25 * height + 0.5 * swing * np.sin(0.07 * k),
            )
            for k in range(count)
        ],
        [(0.15 * width + 2.4 * k, 0.25 * height + 12 * np.sin(0.2 * k)) for k in range(count)],
    )


def scene(
    name: str,
    background: Floats,
    thing: Floats,
    size: tuple[int, int],
    windows: list[Place],
    places: list[Place],
) -> Clip:
    """A clip of a disc cut from a picture, in front of a background.

    Args:
        name: of the clip.
        background: the picture that the window moves over, RGB.
        thing: the picture of the object, square.
        size: width and height of the frames.
        windows: for each frame, the place of the window's corner in the background.
        places: for each frame, the place of the object's corner in the frame.
    """
    covers = [shifted(disc(len(thing))[..., None], place, size)[..., 0] for place in places]
    frames, flows, visible = [], [], []
    for number, (window, place) in enumerate(zip(windows, places, strict=True)):
        behind = shifted(background, (-window[0], -window[1]), size)
        front = shifted(thing, place, size)
        cover = covers[number][..., None]
        frames.append(arrays.to_uint8(behind * (1 - cover) + front * cover))
        if number:
            before = windows[number - 1], places[number - 1]
            flow, seen = origin(covers[number], covers[number - 1], (window, place), before)
            flows.append(flow)
            visible.append(seen)
    return Clip(name, frames, flows, visible)


def origin(
    cover: Floats, cover_before: Floats, now: tuple[Place, Place], before: tuple[Place, Place]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The flow to the frame before, and where it leads to something that could be seen there.

    Args:
        cover: H × W, 0…1, where the object is.
        cover_before: the same in the frame before.
        now: the places of the window and of the object.
        before: the same in the frame before.
    """
    of_background = np.subtract(now[0], before[0])
    of_thing = np.subtract(before[1], now[1])
    inside = cover > 0.5
    flow = np.where(inside[..., None], of_thing, of_background).astype(np.float32)
    there = sampled(cover_before[..., None], flow)[..., 0]
    height, width = cover.shape
    y, x = np.mgrid[0:height, 0:width]
    x, y = x + flow[..., 0], y + flow[..., 1]
    within = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    same = np.where(inside, there > 0.99, there < 0.01)
    ring = np.ones((2 * BORDER + 1,) * 2, np.uint8)
    edge = cv2.dilate(inside.astype(np.uint8), ring) != cv2.erode(inside.astype(np.uint8), ring)
    return flow, within & same & ~edge


def sampled(picture: Floats, flow: Floats) -> Floats:
    """A picture, H × W × C, at the places that a flow leads to."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    found = cv2.remap(
        picture,
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(found, np.float32).reshape(height, width, -1)


def shifted(picture: Floats, place: Place, size: tuple[int, int]) -> Floats:
    """A picture, H × W × C, with its corner at a place of a frame; 0 or its border elsewhere."""
    across, down = place
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    border = cv2.BORDER_CONSTANT if picture.shape[-1] == 1 else cv2.BORDER_REPLICATE
    moved = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return np.asarray(moved, np.float32).reshape(size[1], size[0], -1)


def disc(side: int) -> Floats:
    """A disc as large as a square allows, H × W, 0…1, with a soft edge."""
    y, x = np.mgrid[0:side, 0:side] - (side - 1) / 2
    return np.asarray(np.clip(0.46 * side - np.hypot(x, y), 0, 1), np.float32)


def pattern(shape: tuple[int, int], seed: int) -> Floats:
    """Blots of many sizes and colours, H × W × 3, 0…255."""
    generator = np.random.default_rng(seed)
    height, width = shape
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 8):
        cell = 2**octave
        rough = generator.normal(0, 1, (height // cell + 4, width // cell + 4, 3))
        fine = cv2.resize(
            rough.astype(np.float32), None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC
        )
        total += cell**0.5 * fine[:height, :width]
    return np.asarray(np.clip(127.5 + 55 * total / total.std(), 0, 255), np.float32)


def fitted(picture: Pixels, size: tuple[int, int]) -> Floats:
    """The middle of a picture in the shape of a size, resized to it."""
    width, height = size
    scale = min(picture.shape[1] / width, picture.shape[0] / height)
    across, down = round(scale * width), round(scale * height)
    left, top = (picture.shape[1] - across) // 2, (picture.shape[0] - down) // 2
    return arrays.resize(picture[top : top + down, left : left + across], size)


def read(path: Path) -> Pixels:
    """The pixels of a picture file."""
    return arrays.to_uint8(images.read(path).pixels)
