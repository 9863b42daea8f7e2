"""Feature maps a few rows at a time: the bands that threads share, and the buffers they reuse.

In the modules that compute so, feature maps are (H, W, C): the channels of a pixel are adjacent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

from impasto.process import threads

VALUES = 2**17  # of a band, about: what is made of half a megabyte stays in the CPU cache


class Workspace(threading.local):
    """Reusable buffers by name, for each thread; each has the size of its largest use so far."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """A float32 tensor of a given shape, with arbitrary contents."""
        size = torch.Size(shape).numel()
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            buffer = self._buffers[name] = torch.empty(size)
        return buffer[:size].view(shape)

    def of_bytes(self, name: str, *shape: int) -> Tensor:
        """A tensor of bytes of a given shape, with arbitrary contents."""
        size = torch.Size(shape).numel()
        return self(name, -(-size // 4)).view(torch.uint8)[:size].view(shape)


def bands(height: int, row: int, at_least: int = 1) -> list[slice]:
    """Slices of the rows of a feature map.

    Args:
        height: number of rows.
        row: number of values in a row.
        at_least: number of rows of a band.
    """
    return slices(0, height, max(at_least, VALUES // row))


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
