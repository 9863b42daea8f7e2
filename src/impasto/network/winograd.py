"""VGG-19's convolutions on a CPU, with a quarter of the multiplications.

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

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.bands import Workspace, bands, each_band, slices
from impasto.network.transforms import (
    BY_PRODUCTS,
    BY_SUMS,
    CENTRE,
    POINTS,
    TILE,
    Transforms,
    spread_line,
)
from impasto.process import threads

BAND = 2**15  # tiles times channels at a time: a compromise between the cache and the products
BATCH = 512  # tiles at a time where the products are shared
LARGE = 2**17  # values of one of the 36 matrices: larger ones should be read once
TOGETHER = 3  # products that a thread takes at a time

Read = Callable[[int, int, Tensor], None]


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


@dataclass(frozen=True)
class Source:
    """The input of a convolution.

    Attributes:
        read: ``read(first, last, rows)`` writes rows first … last − 1 of the input into rows,
            (last − first, W, in).
        replicates: whether the padding replicates the border; otherwise it is zero.
        border: filled with the border of the input, if it is wanted.
    """

    read: Read
    replicates: bool = False
    border: Border | None = None


def convolve(
    source: Source,
    kernel: Tensor,
    bias: Tensor | None,
    out: Tensor,
    room: Workspace,
    *,
    turned: bool = False,
) -> None:
    """A 3×3 convolution with padding 1.

    Args:
        source: the input.
        kernel: the transformed kernel, from
            :func:`impasto.network.transforms.transformed_kernel`; if turned, its transpose.
        bias: the bias, (out); None for 0.
        out: tensor for the result, (H, W, out).
        room: buffers for intermediate results.
        turned: whether to turn the kernel by 180°, as for a gradient.
    """
    convolution = _Convolution(source, kernel, bias, out, room, turned)
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
    out: Tensor
    room: Workspace
    turned: bool

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles the output has down and across."""
        return -(-self.out.shape[0] // TILE), -(-self.out.shape[1] // TILE)

    def by_one(self, rows: slice) -> None:
        """Compute some rows in one thread."""
        tiles, products = self._buffers("own", rows)
        self._read(rows, tiles, BY_SUMS)
        torch.bmm(_flat(tiles), self.kernel, out=_flat(products))
        self._write(rows, products, BY_SUMS)

    def by_all(self, rows: slice, band: int) -> None:
        """Compute some rows in all threads: the transforms in bands of so many rows."""
        tiles, products = self._buffers("shared", rows)

        def within(some: slice) -> slice:
            return slice(some.start - rows.start, some.stop - rows.start)

        def read(some: slice) -> None:
            self._read(some, tiles[:, :, within(some)], BY_PRODUCTS)

        def mix(some: slice) -> None:
            torch.bmm(_flat(tiles)[some], self.kernel[some], out=_flat(products)[some])

        def write(some: slice) -> None:
            self._write(some, products[:, :, within(some)], BY_PRODUCTS)

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

    def _read(self, rows: slice, tiles: Tensor, transforms: Transforms) -> None:
        """Read some rows of the input and transform them."""
        height, width, _ = self.out.shape
        _, _, count, across, before = tiles.shape
        padded = self.room("padded", TILE * count + 2, TILE * across + 2, before)
        first, inside = _read_padded(self.source, TILE * rows.start - 1, height, width, padded)
        if self.source.border is not None:
            self.source.border.keep(first, inside)
        transforms.input(padded, tiles, self.turned, self.room)

    def _write(self, rows: slice, products: Tensor, transforms: Transforms) -> None:
        """Transform the products of some rows and write the output."""
        height, width, after = self.out.shape
        _, _, count, across, _ = products.shape
        if self.bias is not None:
            products[CENTRE] += self.bias
        here = slice(TILE * rows.start, TILE * rows.stop)
        whole = here.stop <= height and TILE * across == width
        done = self.out[here] if whole else self.room("done", TILE * count, TILE * across, after)
        transforms.output(products, done, self.turned, self.room)
        if not whole:
            self.out[here] = done[: height - here.start, :width]


def _flat(tiles: Tensor) -> Tensor:
    """A matrix of tiles and channels for each point, (36, N, C)."""
    return tiles.view(POINTS, -1, tiles.shape[4])


def convolve_colours(padded: Tensor, kernel: Tensor, bias: Tensor, out: Tensor) -> None:
    """The first convolution; its three channels are too few for :func:`convolve`.

    Args:
        padded: the picture with a border of one pixel, (H + 2, W + 2, 3).
        kernel: the kernel, 27 × out, with the rows in the order of a window's rows, columns and
            channels.
        bias: the bias, (out).
        out: tensor for the result, (H, W, out).
    """
    height, width, after = out.shape
    windows = padded.as_strided((height, width, 3, 9), (*padded.stride()[:2], padded.stride(0), 1))

    def multiply(rows: slice) -> None:
        flat = windows[rows].reshape(-1, 27)
        torch.addmm(bias, flat, kernel, out=out[rows].view(-1, after))

    each_band(multiply, out)


def spread_colours(source: Source, kernel: Tensor, padded: Tensor, room: Workspace) -> None:
    """The gradient of the padded picture, given the gradient of the first convolution's output.

    A band adds to two rows of the next one, so every other band is taken first.

    Args:
        source: the gradient of the output.
        kernel: the kernel, as in :func:`convolve_colours`.
        padded: tensor for the result, (H + 2, W + 2, 3).
        room: buffers for intermediate results.
    """
    height, width = padded.shape[0] - 2, padded.shape[1] - 2
    after = kernel.shape[1]

    def spread(rows: slice) -> None:
        count = rows.stop - rows.start
        gradient = room("band", count, width, after)
        source.read(rows.start, rows.stop, gradient)
        windows = (gradient.view(-1, after) @ kernel.T).view(count, width, 3, 3, 3)
        for y in range(3):
            for x in range(3):
                padded[rows.start + y : rows.stop + y, x : x + width] += windows[:, :, y, x]

    padded.zero_()
    parts = bands(height, width * after, at_least=2)
    threads.each(spread, parts[0::2])
    threads.each(spread, parts[1::2])


def replicated(x: Tensor, axes: Iterable[int]) -> Tensor:
    """A tensor with its border replicated once at both ends of each of some axes.

    On a GPU, the gradient of PyTorch's own replication depends on the order of additions.

    >>> replicated(torch.tensor([[1, 2]]), (0, 1))
    tensor([[1, 1, 2, 2],
            [1, 1, 2, 2],
            [1, 1, 2, 2]])
    """
    for axis in axes:
        x = torch.cat([x.narrow(axis, 0, 1), x, x.narrow(axis, -1, 1)], axis)
    return x


def pad(picture: Tensor, *, replicates: bool) -> Tensor:
    """Add a border of one pixel, replicated or of zeros, to a picture (H, W, 3)."""
    return replicated(picture, (0, 1)) if replicates else F.pad(picture, (0, 0, 1, 1, 1, 1))


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


def unpad(padded: Tensor, *, replicates: bool) -> Tensor:
    """The gradient of a picture, given that of the padded one, which is changed in place."""
    if replicates:
        padded[1] += padded[0]
        padded[-2] += padded[-1]
        padded[:, 1] += padded[:, 0]
        padded[:, -2] += padded[:, -1]
    return padded[1:-1, 1:-1]


def _read_padded(
    source: Source, first: int, height: int, width: int, padded: Tensor
) -> tuple[int, Tensor]:
    """Fill padded with the input from row first and column −1 on, with the padding outside it.

    Returns:
        The number of the first row that is not padding, and the rows without padding.
    """
    top, bottom = max(first, 0), min(first + padded.shape[0], height)
    above, below = padded[: top - first], padded[bottom - first :]
    above.zero_()
    below.zero_()
    inside = padded[top - first : bottom - first]
    inside[:, :1].zero_()
    inside[:, width + 1 :].zero_()
    rows = inside[:, 1 : width + 1]
    source.read(top, bottom, rows)
    if source.replicates:
        inside[:, 0], inside[:, width + 1] = rows[:, 0], rows[:, -1]
        above[-1:], below[:1] = inside[0], inside[-1]
    return top, rows
