"""Short clips whose motion is known: a window over a pattern, and a square that moves before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

PAN, STEP = 3, -1  # pixels a frame: the window moves to the right, the square to the left
SQUARE = 20  # pixels, its side


@dataclass(frozen=True)
class Scene:
    """The frames of a clip, and the ways of their pixels.

    Attributes:
        frames: each H × W × 3.
        flows: for each frame but the first, the flow to the frame before, H × W × 2.
        visible: for each frame but the first, whether a pixel can be seen in the frame before.
    """

    frames: list[Pixels]
    flows: list[Floats]
    visible: list[npt.NDArray[np.bool_]]


def scene(count: int, width: int = 96, height: int = 64) -> Scene:
    """A clip in which every motion is a whole number of pixels, so that nothing is interpolated."""
    behind = pattern(height, width + PAN * count, 1)
    thing = pattern(SQUARE, SQUARE, 2)
    frames, flows, visible, covers = [], [], [], []
    for number in range(count):
        left, top = width // 2 + STEP * number, height // 3
        frame = behind[:, PAN * number : PAN * number + width].copy()
        cover = np.zeros((height, width), bool)
        cover[top : top + SQUARE, left : left + SQUARE] = True
        frame[top : top + SQUARE, left : left + SQUARE] = thing
        frames.append(frame)
        covers.append(cover)
        if number:
            ways = np.where(cover[..., None], (-STEP, 0.0), (float(PAN), 0.0))
            flows.append(ways)
            visible.append(_visible(cover, covers[-2]))
    return Scene(frames, flows, visible)


def _visible(cover: npt.NDArray[np.bool_], before: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where a pixel was in the frame before, and was not behind the square."""
    hidden = np.ones_like(before)
    hidden[:, :-PAN] = before[:, PAN:]
    return cover | ~hidden


def pattern(height: int, width: int, seed: int) -> Pixels:
    """Smooth blots of colour, H × W × 3."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    total = np.zeros((height, width, 3))
    for _ in range(40):
        across, down = generator.normal(0, 0.25, 2)
        phase = generator.uniform(0, 7, 3)
        total += np.sin((across * x + down * y)[..., None] + phase)
    return np.asarray(np.clip(np.rint(127.5 + 22 * total), 0, 255), np.uint8)


def noisy(picture: Pixels, seed: int, deviation: float = 4.0) -> Pixels:
    """A picture with noise."""
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.asarray(np.clip(np.rint(picture + noise), 0, 255), np.uint8)


def unsteadiness(painted: list[Pixels], of: Scene) -> float:
    """The mean difference of a painting and the last one along the true flow, where visible."""
    found = []
    for number in range(1, len(painted)):
        flow, seen = of.flows[number - 1].astype(int), of.visible[number - 1]
        y, x = np.nonzero(seen)
        there = painted[number - 1][y + flow[y, x, 1], x + flow[y, x, 0]].astype(float)
        found.append(np.abs(painted[number][y, x] - there).mean())
    return float(np.mean(found))


class Painted(dict[int, Pixels]):
    """Painted frames in memory."""

    def keep(self, number: int, pixels: Pixels) -> None:
        """Save a painted frame."""
        self[number] = pixels.copy()
