"""The network's convolutions on a CPU, with a quarter of the multiplications.

Winograd's minimal filtering F(4×4, 3×3): Lavin and Gray, *Fast Algorithms for Convolutional Neural
Networks*, arXiv:1509.09308, section 4.3. A 3×3 convolution of a 4×4 tile takes 36 products instead
of 144: a transform is applied to tiles of 6×6, 36 matrix products mix the channels, and another
transform gives the tile. The result equals that of the plain convolution except for rounding
(relative errors of about 2e-6 in float32).

Everything is done for a few rows of tiles at a time, so that intermediate results stay in the CPU
cache, and in buffers that are reused, because fresh memory costs as much as the arithmetic. The
threads take these rows from a list. Where a layer has few tiles and many channels, they take the
two transforms so, and between them the 36 products, whose matrices are then read once. In this
module feature maps are (H, W, C): the channels of a pixel are adjacent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.network.bands import Read, Source, Workspace, read_padded, slices
from impasto.network.pooling import Pooled
from impasto.network.transforms import (
    CENTRE,
    POINTS,
    TILE,
    spread_line,
    transform_input,
    transform_output,
    transformed_kernel,
)
from impasto.process import threads

BAND = 2**15  # tiles times channels at a time: a compromise between the cache and the products
BATCH = 512  # tiles at a time where the products are shared
LARGE = 2**17  # values of one of the 36 matrices: larger ones should be read once
TOGETHER = 3  # products that a thread takes at a time


@dataclass(frozen=True)
class Border:
    """The outermost rows and columns of a map that is read a few rows at a time.

    Attributes:
        rows: the first and the last row, (2, W, C).
        columns: the first and the last column, (2, H, C).
    """

    rows: Tensor
    columns: Tensor

    @classmethod
    def of_size(cls, height: int, width: int, channels: int) -> Border:
        """The border of a map of a given size, with arbitrary contents."""
        return cls(torch.empty(2, width, channels), torch.empty(2, height, channels))

    def keep(self, first: int, rows: Tensor) -> None:
        """Keep what some rows of the map, from the row ``first`` on, have of the border."""
        height, last = self.columns.shape[1], first + len(rows)
        self.columns[0, first:last], self.columns[1, first:last] = rows[:, 0], rows[:, -1]
        if first == 0:
            self.rows[0] = rows[0]
        if last == height:
            self.rows[1] = rows[-1]


class Winograd:
    """A 3×3 convolution with padding 1 in float32, and its way back.

    Args:
        kernel: out × in × 3 × 3.
        bias: (out).
    """

    dtype = torch.float32  # of its maps

    def __init__(self, kernel: Tensor, bias: Tensor) -> None:
        self._kernel, self._bias = transformed_kernel(kernel), bias

    def forward(self, source: Source, out: Tensor | Pooled, room: Workspace) -> None:
        """Write the convolution of a map into out, (H, W, out), or the pooled map of its ReLU."""
        convolve(source, self._kernel, self._bias, out, room)

    def backward(self, read: Read, gradient: Tensor, room: Workspace, *, replicates: bool) -> None:
        """Write the gradient of the map, (H, W, in), given a reader of that of the output.

        What replicated padding passes on beyond the border is added to the border.
        """
        height, width, _ = gradient.shape
        border = Border.of_size(height, width, self._kernel.shape[2]) if replicates else None
        convolve(Source(read), self._kernel.mT, None, gradient, room, turned=True, border=border)
        if border is not None:
            fold(border, self._kernel, gradient)


def convolve(
    source: Source,
    kernel: Tensor,
    bias: Tensor | None,
    out: Tensor | Pooled,
    room: Workspace,
    *,
    turned: bool = False,
    border: Border | None = None,
) -> None:
    """A 3×3 convolution with padding 1.

    Args:
        source: the input.
        kernel: the transformed kernel, from
            :func:`impasto.network.transforms.transformed_kernel`; if turned, its transpose.
        bias: the bias, (out); None for 0.
        out: tensor for the result, (H, W, out), or for the pooled map of its ReLU.
        room: buffers for intermediate results.
        turned: whether to turn the kernel by 180°, as for a gradient.
        border: filled with the border of the input, if it is wanted.
    """
    convolution = _Convolution(source, kernel, bias, out, room, turned, border)
    down, across = convolution.tiles
    band = BAND // max(kernel.shape[1:]) // across
    if kernel[0].numel() < LARGE and down > 3 * band:
        threads.each(convolution.by_one, slices(0, down, band))
    else:
        for rows in slices(0, down, BATCH // across):
            convolution.by_all(rows, band // 4)


@dataclass(frozen=True)
class _Convolution:
    """The arguments of :func:`convolve`, and what is done with some rows of tiles."""

    source: Source
    kernel: Tensor
    bias: Tensor | None
    out: Tensor | Pooled
    room: Workspace
    turned: bool
    border: Border | None

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles the output has down and across."""
        return -(-self.out.shape[0] // TILE), -(-self.out.shape[1] // TILE)

    def by_one(self, rows: slice) -> None:
        """Compute some rows in one thread."""
        tiles, products = self._buffers("own", rows)
        self._read(rows, tiles)
        torch.bmm(_flat(tiles), self.kernel, out=_flat(products))
        self._write(rows, products)

    def by_all(self, rows: slice, band: int) -> None:
        """Compute some rows in all threads: the transforms in bands of so many rows."""
        tiles, products = self._buffers("shared", rows)

        def within(some: slice) -> slice:
            return slice(some.start - rows.start, some.stop - rows.start)

        def read(some: slice) -> None:
            self._read(some, tiles[:, :, within(some)])

        def mix(some: slice) -> None:
            torch.bmm(_flat(tiles)[some], self.kernel[some], out=_flat(products)[some])

        def write(some: slice) -> None:
            self._write(some, products[:, :, within(some)])

        parts = slices(rows.start, rows.stop, band)
        threads.each(read, parts)
        threads.each(mix, slices(0, POINTS, TOGETHER))
        threads.each(write, parts)

    def _buffers(self, whose: str, rows: slice) -> tuple[Tensor, Tensor]:
        """Tensors for the transformed tiles and the products: (6, 6, rows, columns, channels)."""
        shape = 6, 6, rows.stop - rows.start, self.tiles[1]
        before, after = self.kernel.shape[1:]
        return (
            self.room(f"{whose} tiles", *shape, before),
            self.room(f"{whose} products", *shape, after),
        )

    def _read(self, rows: slice, tiles: Tensor) -> None:
        """Read some rows of the input and transform them."""
        height, width, _ = self.out.shape
        _, _, count, across, before = tiles.shape
        padded = self.room("padded", TILE * count + 2, TILE * across + 2, before)
        first, inside = read_padded(self.source, TILE * rows.start - 1, (height, width), padded)
        if self.border is not None:
            self.border.keep(first, inside)
        transform_input(padded, tiles, self.turned, self.room)

    def _write(self, rows: slice, products: Tensor) -> None:
        """Transform the products of some rows and write the output."""
        if self.bias is not None:
            products[CENTRE] += self.bias
        pixels = transform_output(products, self.turned, self.room)
        if isinstance(self.out, Tensor):
            self._place(pixels, rows, self.out)
            return
        squares = [pixels[across::2, down::2] for down in (0, 1) for across in (0, 1)]
        for found, out in self.out.pool(squares, self.room):
            self._place(found, rows, out)

    def _place(self, pixels: Tensor, rows: slice, out: Tensor) -> None:
        """Write the pixels of some rows of tiles, (side, side, rows, columns, C), into a map."""
        side, _, count, across, channels = pixels.shape
        height, width, _ = out.shape
        here = slice(side * rows.start, side * rows.stop)
        whole = here.stop <= height and side * across == width
        shape = side * count, side * across, channels
        done = out[here] if whole else self.room("done", *shape, dtype=out.dtype)
        done.view(count, side, across, side, channels).copy_(pixels.permute(2, 1, 3, 0, 4))
        if not whole:
            out[here] = done[: height - here.start, :width]


def _flat(tiles: Tensor) -> Tensor:
    """A matrix of tiles and channels for each point, (36, N, C)."""
    return tiles.view(POINTS, -1, tiles.shape[4])


def fold(border: Border, kernel: Tensor, gradient: Tensor) -> None:
    """Add to a gradient what replicated padding passes on to the border.

    Args:
        border: the border of the gradient of the convolution's output.
        kernel: the transformed kernel of the convolution.
        gradient: the gradient of the input with zero padding, (H, W, in), which is changed.
    """
    by_column = kernel.view(6, 6, *kernel.shape[1:])
    ends = ((0, 0, 4.0), (-1, 5, 1.0))  # of the map, with the row or column of G of that end
    lines = [
        line
        for end, point, scale in ends
        for line in (
            (border.rows[end] * scale, by_column[:, point]),
            (border.columns[end] * scale, by_column[point]),
        )
    ]
    beyond = [gradient] * len(lines)

    def spread(number: int) -> None:
        beyond[number] = spread_line(*lines[number])

    threads.each(spread, range(len(lines)))
    for number, (end, _, _) in enumerate(ends):
        row, column = beyond[2 * number : 2 * number + 2]
        gradient[end] += row[1:-1]
        gradient[end, 0] += row[0]
        gradient[end, -1] += row[-1]
        gradient[:, end] += column[1:-1]
