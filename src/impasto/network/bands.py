"""Feature maps a few rows at a time: the bands that threads share, and the buffers they reuse.

In the modules that compute so, feature maps are (H, W, C): the channels of a pixel are adjacent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from impasto.process import threads

VALUES = 2**17  # of a band, about: what is made of half a megabyte stays in the CPU cache
PRODUCTS = 2**27  # of two features that a thread adds up at a time for a Gram matrix

Read = Callable[[int, int, Tensor], None]


@dataclass(frozen=True)
class Source:
    """The input of a convolution.

    Attributes:
        read: ``read(first, last, rows)`` writes rows first … last − 1 of the input into rows,
            (last − first, W, in).
        replicates: whether the padding replicates the border; otherwise it is zero.
    """

    read: Read
    replicates: bool = False


class Rows(Protocol):
    """A feature map whose rows can be read, such as a tensor, (H, W, C)."""

    @property
    def shape(self) -> torch.Size:
        """H, W and C."""

    @property
    def dtype(self) -> torch.dtype:
        """The number format."""

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some rows, (rows, W, C)."""


class Workspace(threading.local):
    """Reusable buffers by name, for each thread; each has the size of its largest use so far."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}
        self._views: dict[tuple[str, tuple[int, ...], torch.dtype], Tensor] = {}

    def __call__(self, name: str, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor of a given shape and number format, with arbitrary contents."""
        view = self._views.get((name, shape, dtype))
        if view is None:
            size = torch.Size(shape).numel() * dtype.itemsize
            buffer = self._buffers.get(name)
            if buffer is None or buffer.numel() < size:
                buffer = self._buffers[name] = torch.empty(size, dtype=torch.uint8)
                self._views = {key: one for key, one in self._views.items() if key[0] != name}
            view = self._views[name, shape, dtype] = buffer[:size].view(dtype).view(shape)
        return view


def bands(height: int, row: int) -> list[slice]:
    """Slices of the rows of a feature map.

    Args:
        height: number of rows.
        row: number of values in a row.
    """
    return slices(0, height, VALUES // row)


def slices(first: int, last: int, count: int) -> list[slice]:
    """Slices of ``count`` at a time, at least one, of the numbers first … last − 1.

    >>> slices(2, 7, 3)
    [slice(2, 5, None), slice(5, 7, None)]
    """
    count = max(1, count)
    return [slice(top, min(top + count, last)) for top in range(first, last, count)]


def each_band(work: Callable[[slice], object], like: Tensor) -> None:
    """Call a function with every band of a feature map, shared among the threads."""
    threads.each(work, bands(len(like), like[0].numel()))


def read_padded(
    source: Source, first: int, size: tuple[int, int], padded: Tensor, left: int = 1
) -> tuple[int, Tensor]:
    """Fill padded with rows of the input from the row ``first`` on, and the padding around them.

    Args:
        source: the input; padding that replicates is one pixel wide.
        first: the number of the first row, below 0 for padding.
        size: height and width of the input.
        padded: tensor for the result, (rows, columns, in).
        left: number of columns of padding on the left.

    Returns:
        The number of the first row that is not padding, and the rows without padding.
    """
    height, width = size
    top, bottom = max(first, 0), min(first + padded.shape[0], height)
    above, below = padded[: top - first], padded[bottom - first :]
    above.zero_()
    below.zero_()
    inside = padded[top - first : bottom - first]
    inside[:, :left].zero_()
    inside[:, left + width :].zero_()
    rows = inside[:, left : left + width]
    source.read(top, bottom, rows)
    if source.replicates:
        inside[:, left - 1], inside[:, left + width] = rows[:, 0], rows[:, -1]
        above[-1:], below[:1] = inside[0], inside[-1]
    return top, rows


def folded(found: Tensor, *, above: bool = True, below: bool = True) -> Tensor:
    """The gradient of a map, given that of the map with its border replicated, which is changed.

    Args:
        found: some rows, (rows, W + 2, C).
        above: whether the first of them is the one above the map.
        below: whether the last of them is the one below the map.

    Returns:
        The rows of the map among them, (rows', W, C).
    """
    if above:
        found[1] += found[0]
    if below:
        found[-2] += found[-1]
    found[:, 1] += found[:, 0]
    found[:, -2] += found[:, -1]
    return found[int(above) : len(found) - int(below), 1:-1]
