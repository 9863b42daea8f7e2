"""Pooling after a ReLU, forward and backward, on feature maps (H, W, C).

The way back needs of a map only where its values passed on to the pooled map, four bits for each
pooled value. So the map itself need not be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.bands import Workspace, bands
from impasto.network.batches import batched, unbatched
from impasto.process import threads

ALL = 0b1111  # routes from all four values


@dataclass(frozen=True)
class Pooling:
    """A 2×2 pooling with stride 2; a last odd row or column is left out.

    Attributes:
        forward: ``forward(x, out, routes, room, rectify)`` writes the pooled map of x, (H, W, C),
            into out, (H // 2, W // 2, C), through a ReLU if ``rectify``. It writes into routes,
            uint8 of the shape of out, bit k where the pooled value depends on the kth value of its
            square in the order of rows.
        share: of the gradient of a pooled value, for each value that it depends on.
    """

    forward: Callable[[Tensor, Tensor, Tensor, Workspace, bool], None]
    share: float


def averaged(features: Tensor, times: int) -> Tensor:
    """A feature map, (C, H, W), averaged over squares whose side is two to the power of ``times``.

    Rows and columns that fill no square are left out.
    """
    if times <= 0:
        return features
    return unbatched(F.avg_pool2d(batched(features), 1 << times))


def spread(pooling: Pooling, gradient: Tensor, routes: Tensor, first: int, rows: Tensor) -> None:
    """Write some rows of the gradient of the map before a pooling.

    Args:
        pooling: the pooling.
        gradient: the gradient of the pooled map, (H // 2, W // 2, C).
        routes: the routes from the way forward.
        first: the number of the first row to write.
        rows: tensor for the rows, (rows, W, C).
    """
    height, half, _ = gradient.shape
    last = first + len(rows)
    rows[:, 2 * half :].zero_()
    rows[max(0, 2 * height - first) :].zero_()
    for y in (0, 1):
        pooled = slice((first + 1 - y) // 2, min((last + 1 - y) // 2, height))
        if pooled.start >= pooled.stop:
            continue
        here = rows[2 * pooled.start + y - first : 2 * (pooled.stop - 1) + y - first + 1 : 2]
        passed = gradient[pooled] if pooling.share == 1 else gradient[pooled] * pooling.share
        for x in (0, 1):
            is_route = routes[pooled].bitwise_and(1 << (2 * y + x)).ne_(0)
            torch.mul(passed, is_route, out=here[:, x : 2 * half : 2])


def _average(x: Tensor, out: Tensor, routes: Tensor, room: Workspace, rectify: bool) -> None:
    _, width, channels = x.shape
    half = out.shape[1]

    def pool(band: slice) -> None:
        count = band.stop - band.start
        rows = room("pool rows", 2 * count, width, channels)
        sums = room("pool sums", count, width, channels)
        rows.copy_(x[2 * band.start : 2 * band.stop])
        if rectify:
            rows.clamp_min_(0)
        torch.add(rows[0::2], rows[1::2], out=sums)
        pooled = room("pooled", count, half, channels)
        torch.add(sums[:, 0 : 2 * half : 2], sums[:, 1 : 2 * half : 2], out=pooled)
        torch.mul(pooled, 0.25, out=out[band])
        if not rectify:
            routes[band] = ALL
            return
        # The signs, 0 or 1 after the ReLU, are the bits: rows weigh 1 and 4, columns 1 and 2.
        torch.add(rows.sign_()[0::2], rows[1::2], alpha=4, out=sums)
        torch.add(sums[:, 0 : 2 * half : 2], sums[:, 1 : 2 * half : 2], alpha=2, out=pooled)
        routes[band] = pooled

    threads.each(pool, _pooled_bands(out))


def _largest(x: Tensor, out: Tensor, routes: Tensor, room: Workspace, rectify: bool) -> None:
    """Of equal values, the first in the order of rows is the route, as in PyTorch."""
    _, half, _ = out.shape

    def pool(band: slice) -> None:
        first, *others = _corners(x, band, half)
        largest = out[band]
        bits, larger = (
            room(f"pool {name}", *largest.shape, dtype=x.dtype) for name in ("routes", "larger")
        )
        if rectify:
            torch.clamp_min(first, 0, out=largest)
            torch.gt(first, 0, out=bits)
        else:
            largest.copy_(first)
            bits.fill_(1)
        for number, corner in enumerate(others, start=1):
            torch.gt(corner, largest, out=larger)
            torch.maximum(bits, larger.mul_(1 << number), out=bits)
            torch.maximum(largest, corner, out=largest)
        routes[band] = bits

    threads.each(pool, _pooled_bands(out))


def _pooled_bands(out: Tensor) -> list[slice]:
    """Bands of a pooled map, of as many values as are read for it."""
    return bands(len(out), 4 * out[0].numel())


def _corners(x: Tensor, band: slice, half: int) -> Iterator[Tensor]:
    """The four values of each 2×2 square of a map, for some rows of the pooled map."""
    for y in (0, 1):
        for across in (0, 1):
            yield x[2 * band.start + y : 2 * band.stop : 2, across : 2 * half : 2]


POOLINGS = {
    "average": Pooling(_average, 0.25),
    "max": Pooling(_largest, 1.0),
}
