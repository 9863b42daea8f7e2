"""Pooling after a ReLU, forward and backward, on feature maps (H, W, C)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.network.bands import Workspace, each_band


@dataclass(frozen=True)
class Pooling:
    """A 2×2 pooling with stride 2 after a ReLU; a last odd row or column is left out.

    Attributes:
        forward: ``forward(x, out, room)`` writes the pooled ReLU of x, (H, W, C), into out,
            (H // 2, W // 2, C).
        backward: ``backward(gradient, x, pooled, out, room, through)`` writes into out the gradient
            of the ReLU's output, or if ``through``, that of its input x, given that of the pooled
            map; out may be x itself.
    """

    forward: Callable[[Tensor, Tensor, Workspace], None]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor, Workspace, bool], None]


def _average(x: Tensor, out: Tensor, room: Workspace) -> None:
    _, width, channels = x.shape
    half = out.shape[1]

    def pool(band: slice) -> None:
        count = band.stop - band.start
        rows = room("pool rows", 2 * count, width, channels)
        torch.clamp_min(x[2 * band.start : 2 * band.stop], 0, out=rows)
        sums = room("pool sums", count, width, channels)
        torch.add(rows[0::2], rows[1::2], out=sums)
        torch.add(sums[:, 0 : 2 * half : 2], sums[:, 1 : 2 * half : 2], out=out[band])
        out[band] *= 0.25

    each_band(pool, out)


def _spread_average(
    gradient: Tensor,
    x: Tensor,
    pooled: Tensor,  # noqa: ARG001
    out: Tensor,
    room: Workspace,
    through: bool,
) -> None:
    _, half, channels = gradient.shape

    def spread(band: slice) -> None:
        quarter = room("pool left", band.stop - band.start, half, channels)
        torch.mul(gradient[band], 0.25, out=quarter)
        for corner, value in zip(_corners(out, band, half), _corners(x, band, half), strict=True):
            if through:
                torch.mul(quarter, value > 0, out=corner)
            else:
                corner.copy_(quarter)

    _leave_out_the_odd(gradient, out)
    each_band(spread, gradient)


def _largest(x: Tensor, out: Tensor, room: Workspace) -> None:
    _, width, channels = x.shape
    half = out.shape[1]

    def pool(band: slice) -> None:
        first, last = 2 * band.start, 2 * band.stop
        rows = room("pool rows", band.stop - band.start, width, channels)
        torch.maximum(x[first:last:2], x[first + 1 : last : 2], out=rows)
        torch.maximum(rows[:, 0 : 2 * half : 2], rows[:, 1 : 2 * half : 2], out=out[band])
        out[band].clamp_min_(0)

    each_band(pool, out)


def _spread_largest(
    gradient: Tensor,
    x: Tensor,
    pooled: Tensor,
    out: Tensor,
    room: Workspace,
    through: bool,
) -> None:
    """Of equal values, the first in the order of rows gets the gradient, as in PyTorch."""
    _, half, channels = gradient.shape

    def spread(band: slice) -> None:
        left = room("pool left", band.stop - band.start, half, channels)
        if through:
            torch.mul(gradient[band], pooled[band] > 0, out=left)
        else:
            left.copy_(gradient[band])
        for corner, value in zip(_corners(out, band, half), _corners(x, band, half), strict=True):
            is_largest = value == pooled[band]
            torch.mul(left, is_largest, out=corner)
            left.sub_(corner)

    _leave_out_the_odd(gradient, out)
    each_band(spread, gradient)


def _corners(x: Tensor, band: slice, half: int) -> Iterator[Tensor]:
    """The four values of each 2×2 square of a map, for some rows of the pooled map."""
    for y in (0, 1):
        for across in (0, 1):
            yield x[2 * band.start + y : 2 * band.stop : 2, across : 2 * half : 2]


def _leave_out_the_odd(gradient: Tensor, out: Tensor) -> None:
    """Set the last odd row and column of the gradient before pooling to 0."""
    height, width, _ = gradient.shape
    out[2 * height :].zero_()
    out[:, 2 * width :].zero_()


POOLINGS = {
    "average": Pooling(_average, _spread_average),
    "max": Pooling(_largest, _spread_largest),
}
