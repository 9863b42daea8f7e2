"""Pooling after a ReLU, forward and backward, on feature maps (H, W, C).

The way back needs of a map only where its values passed on to the pooled map: four bits, of a byte
for each pooled value. So the map itself need not be kept: a convolution can write the pooled map in
place of its own (:class:`Pooled`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.bands import Workspace, bands
from impasto.network.batches import batched, unbatched
from impasto.process import threads

ALL = 0b1111  # routes from all four values

Corners = Sequence[Tensor]  # the four values of each 2×2 square of a map, in the order of rows


@dataclass(frozen=True)
class Pooling:
    """A 2×2 pooling with stride 2; a last odd row or column is left out.

    Attributes:
        pool: ``pool(corners, room, rectify)`` gives the pooled values, through a ReLU if
            ``rectify``, and routes, bit k where the pooled value depends on the kth corner. Both
            are in buffers of the shape of a corner.
        share: of the gradient of a pooled value, for each value that it depends on.
    """

    pool: Callable[[Corners, Workspace, bool], tuple[Tensor, Tensor]]
    share: float

    def forward(
        self, x: Tensor, out: Tensor, routes: Tensor, room: Workspace, rectify: bool
    ) -> None:
        """Write the pooled map of x, (H, W, C), into out, (H // 2, W // 2, C), and its routes.

        Args:
            x: the map.
            out: tensor for the pooled map.
            routes: tensor for the routes, uint8 of the shape of out.
            room: buffers for intermediate results.
            rectify: whether a ReLU is in between.
        """

        def write(band: slice) -> None:
            squares = corners(x[2 * band.start : 2 * band.stop])
            out[band], routes[band] = self.pool(squares, room, rectify)

        threads.each(write, bands(len(out), 4 * out[0].numel()))


@dataclass(frozen=True)
class Pooled:
    """The pooled map of a ReLU, which a convolution writes in place of its own map.

    Attributes:
        pooling: the pooling after the ReLU.
        shape: of the convolution's map: H, W and C.
        values: tensor for the pooled map, (H // 2, W // 2, C).
        routes: tensor for its routes, uint8 of the same shape.
    """

    pooling: Pooling
    shape: torch.Size
    values: Tensor
    routes: Tensor

    def pool(self, squares: Corners, room: Workspace) -> tuple[tuple[Tensor, Tensor], ...]:
        """What some squares give, and the tensor for it: pooled values, then their routes."""
        found = self.pooling.pool(squares, room, True)
        return tuple(zip(found, (self.values, self.routes), strict=True))


def corners(x: Tensor) -> Corners:
    """The corners of the 2×2 squares of some rows of a map, (rows, W, C)."""
    height, width, _ = x.shape
    squares = x[: height // 2 * 2, : width // 2 * 2]
    return [squares[y::2, across::2] for y in (0, 1) for across in (0, 1)]


def halved(features: Tensor, times: int) -> Tensor:
    """A feature map, (C, H, W), halved so many times: averaged over squares.

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


def _average(squares: Corners, room: Workspace, rectify: bool) -> tuple[Tensor, Tensor]:
    squares = [corner.float() for corner in squares]
    total, routes = (room(f"pool {name}", *squares[0].shape) for name in ("sums", "routes"))
    if not rectify:
        torch.add(squares[0], squares[1], out=total).add_(squares[2]).add_(squares[3])
        return total.mul_(0.25), routes.fill_(ALL)
    passed = room("pool passed", *total.shape)
    total.zero_()
    routes.zero_()
    for number, corner in enumerate(squares):
        total += torch.clamp_min(corner, 0, out=passed)
        routes.add_(passed.sign_(), alpha=1 << number)  # which is 0 or 1
    return total.mul_(0.25), routes


def _largest(squares: Corners, room: Workspace, rectify: bool) -> tuple[Tensor, Tensor]:
    """Of equal values, the first in the order of rows is the route, as in PyTorch."""
    first, *others = squares
    largest, routes, larger = (
        room(f"pool {name}", *first.shape, dtype=first.dtype)
        for name in ("values", "routes", "larger")
    )
    if rectify:
        torch.clamp_min(first, 0, out=largest)
        torch.gt(first, 0, out=routes)
    else:
        largest.copy_(first)
        routes.fill_(1)
    for number, corner in enumerate(others, start=1):
        torch.gt(corner, largest, out=larger)
        torch.maximum(routes, larger.mul_(1 << number), out=routes)
        torch.maximum(largest, corner, out=largest)
    return largest, routes


POOLINGS = {
    "average": Pooling(_average, 0.25),
    "max": Pooling(_largest, 1.0),
}
