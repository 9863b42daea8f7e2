"""The network's first convolution on a CPU, whose three channels are too few for the other ways.

It is PyTorch's own (:class:`impasto.network.direct.Direct`), forward in float32, so that no colour
is rounded. Feature maps are (H, W, C).

The map of this convolution is the largest of the network and the cheapest to compute. So where only
a few rows of it are read at a time, it can be computed anew whenever they are (:class:`Unkept`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from impasto.network.bands import Read, Source, Workspace, read_padded
from impasto.network.direct import Direct
from impasto.network.pooling import Pooled


class Rows(Protocol):
    """A feature map whose rows can be read: a tensor, (H, W, C), or an :class:`Unkept`."""

    @property
    def shape(self) -> torch.Size:
        """H, W and C."""

    @property
    def dtype(self) -> torch.dtype:
        """The number format."""

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some rows, (rows, W, C)."""


class _Last(threading.local):
    """The rows of a map that a thread has computed last."""

    rows: slice | None = None
    found = torch.empty(0)


class Colours:
    """The first convolution, and its way back.

    Args:
        kernel: out × 3 × 3 × 3.
        bias: (out).
        dtype: number format of the output.
    """

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype = torch.float32) -> None:
        self.dtype, self.channels = dtype, len(bias)
        self._there, self._back = Direct(kernel, bias, torch.float32), Direct(kernel, bias, dtype)

    def forward(self, source: Source, out: Tensor | Pooled, room: Workspace) -> None:
        """Write the convolution of a picture into out, (H, W, out)."""
        self._there.forward(source, out, room)

    def unkept(self, source: Source, height: int, width: int, kept: Workspace) -> Unkept:
        """The convolution of a picture of a given size, computed where its rows are read.

        Args:
            source: the picture.
            height: of the picture.
            width: of the picture.
            kept: buffers that stay as they are while the map is needed.
        """
        padded = kept("colours", height + 2, width + 2, 3)
        read_padded(source, -1, (height, width), padded)
        return Unkept(self, padded)

    def of_padded(self, padded: Tensor) -> Tensor:
        """Some rows of the output, (rows, W, out), given those of the padded picture."""
        return self._there.of_padded(padded).to(self.dtype)

    def backward(self, read: Read, gradient: Tensor, room: Workspace, *, replicates: bool) -> None:
        """Write the gradient of the picture, (H, W, 3), given a reader of that of the output."""
        self._back.backward(read, gradient, room, replicates=replicates)


@dataclass(frozen=True)
class Unkept:
    """The map of the first convolution, computed a few rows at a time where they are read.

    Attributes:
        convolution: the convolution.
        padded: the picture and its padding, (H + 2, W + 2, 3).
    """

    convolution: Colours
    padded: Tensor
    _last: _Last = field(default_factory=_Last, init=False)

    @property
    def shape(self) -> torch.Size:
        """H, W and the number of channels."""
        height, width, _ = self.padded.shape
        return torch.Size((height - 2, width - 2, self.convolution.channels))

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the map."""
        return self.convolution.dtype

    def __getitem__(self, rows: slice) -> Tensor:
        """Some rows, (rows, W, C), which are not computed twice in a row by the same thread."""
        last = self._last
        if last.rows != rows:
            last.found = self.convolution.of_padded(self.padded[rows.start : rows.stop + 2])
            last.rows = rows
        return last.found


def whole(map_: Rows) -> Tensor:
    """All rows of a feature map."""
    return map_ if isinstance(map_, Tensor) else map_[slice(0, map_.shape[0])]
