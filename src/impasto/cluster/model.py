"""A model of the time of a step of one canvas against the number of workers.

A step of a shared canvas takes as long as four things together:

- the worker with the largest share computes, halo included;
- the shares of the canvas go out from the driver, and those of the gradient come back to it;
- the statistics of every share go up, added by a tree, and their gradients go down to every worker;
- the driver does what is not shared, such as the optimiser. If its memory is too small for what
  L-BFGS remembers, rows of that go out to the workers, and come back to it.

The first falls with the number of workers, down to the halo; the second hardly changes; the third
grows. So there is a number of workers from which more of them bring nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from impasto.cluster.pairs import SENT
from impasto.cluster.shares import Share, share_out
from impasto.settings.layers import BY_NAME, Layer

PAYS = 0.1  # a doubling of the workers pays if it saves at least this share of the time


@dataclass(frozen=True)
class Speeds:
    """What a cluster can do.

    Attributes:
        pixel: seconds in which a worker evaluates a pixel of its windows.
        byte: seconds in which the driver sends or receives a byte.
        worker: seconds of the driver for each worker and step.
        driver: seconds of the driver for each pixel of the canvas, such as those of the optimiser.
    """

    pixel: float
    byte: float
    worker: float
    driver: float


@dataclass(frozen=True)
class Work:
    """What a step of a canvas takes with some number of workers.

    Attributes:
        workers: number of workers that have a share.
        largest: pixels that the worker with the largest share processes.
        canvas: pixels of the canvas.
        canvas_bytes: bytes of the shares of the canvas, and of its gradient, together.
        matrix_bytes: bytes of the statistics of all shares, and of their gradients, together.
        pair_bytes: bytes of rows for what L-BFGS remembers, if the workers hold it.
        halo: the share of the pixels that workers process which is halo, 0…1.
    """

    workers: int
    largest: int
    canvas: int
    canvas_bytes: int
    matrix_bytes: int
    pair_bytes: int
    halo: float

    @property
    def bytes(self) -> int:
        """All bytes between the driver and the workers."""
        return self.canvas_bytes + self.matrix_bytes + self.pair_bytes


@dataclass(frozen=True)
class Canvas:
    """A canvas whose steps are predicted.

    Attributes:
        size: width and height, in pixels.
        layers: the layers of the network that are computed, from the input on.
        style_layers: names of the style layers.
        tile: side of the tiles' cores, in pixels; None for one tile a worker.
        itemsize: bytes of a number of the canvas.
        holds_pairs: whether several workers hold what L-BFGS remembers.
    """

    size: tuple[int, int]
    layers: tuple[Layer, ...]
    style_layers: tuple[str, ...]
    tile: int | None = None
    itemsize: int = 4
    holds_pairs: bool = False

    def work(self, count: int) -> Work:
        """What a step takes with so many workers."""
        width, height = self.size
        shares = share_out(self.layers, height, width, count, self.tile)
        windows = [_pixels(share) for share in shares]
        matrices = sum(BY_NAME[name].channels ** 2 for name in self.style_layers)
        boxes = sum(share.box.area for share in shares)
        canvas_bytes = 3 * self.itemsize * width * height
        return Work(
            workers=len(shares),
            largest=max(windows),
            canvas=width * height,
            canvas_bytes=2 * 3 * self.itemsize * boxes,
            matrix_bytes=2 * self.itemsize * matrices * len(shares),
            pair_bytes=SENT * canvas_bytes if self.holds_pairs and count > 1 else 0,
            halo=1 - width * height / sum(windows),
        )


def _pixels(share: Share) -> int:
    """Pixels that the network processes for a share, halos included."""
    return sum(tile.window.area for tile in share.tiles)


def seconds(work: Work, speeds: Speeds) -> float:
    """The time of a step."""
    return float(np.dot(_terms(work), _as_array(speeds)))


def parts(work: Work, speeds: Speeds) -> dict[str, float]:
    """The seconds of a step by what takes them: computing, sending, workers and driver."""
    each = _terms(work) * _as_array(speeds)
    return dict(zip(("computing", "sending", "workers", "driver"), each.tolist(), strict=True))


def _terms(work: Work) -> npt.NDArray[np.float64]:
    matrices = work.matrix_bytes / work.workers * _rounds(work.workers)
    through_driver = work.canvas_bytes + work.pair_bytes + matrices
    return np.array([work.largest, through_driver, work.workers, work.canvas], dtype=float)


def _rounds(workers: int) -> float:
    """How many times the statistics are sent one after another: up the tree, and down again."""
    return (math.ceil(math.log2(workers)) + 2) / 2


def _as_array(speeds: Speeds) -> npt.NDArray[np.float64]:
    return np.array([speeds.pixel, speeds.byte, speeds.worker, speeds.driver])


def fitted(measured: Sequence[tuple[Work, float]]) -> Speeds:
    """The speeds with which the model is nearest to measured steps, relative to their times.

    None of them is negative: the one that would be most is set to 0, and the others fitted again.

    Args:
        measured: what steps took, and their seconds; best of several sizes and numbers of workers.
    """
    terms = np.array([_terms(work) / taken for work, taken in measured])
    scale = terms.max(axis=0)
    kept = list(range(terms.shape[1]))
    found = np.zeros(terms.shape[1])
    while kept:
        solution = np.linalg.lstsq(terms[:, kept] / scale[kept], np.ones(len(terms)), rcond=None)[0]
        if solution.min() >= 0:
            found[kept] = solution / scale[kept]
            break
        kept.remove(kept[int(solution.argmin())])
    return Speeds(*found.tolist())


def stops_paying(canvas: Canvas, speeds: Speeds, most: int = 4096) -> int:
    """The number of workers from which twice as many save less than a tenth of the time.

    Args:
        canvas: the canvas.
        speeds: what the cluster can do.
        most: the largest number that is tried.
    """
    count = 1
    while count < most:
        here = seconds(canvas.work(count), speeds)
        if seconds(canvas.work(2 * count), speeds) > (1 - PAYS) * here:
            break
        count *= 2
    return count


def bottleneck(work: Work, speeds: Speeds) -> str:
    """What takes most of a step, one of the keys of :func:`parts`."""
    each = parts(work, speeds)
    return max(each, key=lambda name: each[name])
