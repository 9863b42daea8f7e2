"""The network's first convolution on a CPU, whose three channels are too few for the other ways.

It is PyTorch's own (:class:`impasto.network.direct.Direct`), forward in float32, so that no colour
is rounded. Feature maps are (H, W, C).

The map of this convolution is the largest of the network and the cheapest to compute. So where only
a few rows of it are read at a time, it can be computed anew whenever they are (:class:`Unkept`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import torch
from torch import Tensor

from impasto.network.bands import Read, Rows, Source, Workspace, read_padded
from impasto.network.direct import Direct
from impasto.network.pooling import Pooled


class Colours:
    """The first convolution, and its way back.

    Args:
        kernel: out × 3 × 3 × 3.
        bias: (out).
        dtype: number format of the output.
    """

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype = torch.float32) -> None:
        self._forward = Direct(kernel, bias, torch.float32)
        is_same = dtype == torch.float32
        self._backward = self._forward if is_same else Direct(kernel, bias, dtype)

    def forward(self, source: Source, out: Tensor | Pooled, room: Workspace) -> None:
        """Write the convolution of a picture, as :meth:`impasto.network.direct.Direct.forward`."""
        self._forward.forward(source, out, room)

    def unkept(self, source: Source, shape: torch.Size, kept: Workspace) -> Unkept:
        """The convolution of a picture in float32, computed where its rows are read.

        Args:
            source: the picture.
            shape: of the convolution: H, W and the number of channels.
            kept: buffers that stay as they are while the map is needed.
        """
        height, width, _ = shape
        padded = kept("colours", height + 2, width + 2, 3)
        read_padded(source, -1, (height, width), padded)
        return Unkept(self._forward, padded, shape)

    def backward(self, read: Read, gradient: Tensor, room: Workspace, *, replicates: bool) -> None:
        """Write the gradient of the picture, (H, W, 3), given a reader of that of the output."""
        self._backward.backward(read, gradient, room, replicates=replicates)


class _Last(threading.local):
    """The rows of a map that a thread has computed last."""

    found: tuple[slice, Tensor] | None = None


@dataclass(frozen=True)
class Unkept:
    """The map of the first convolution, computed a few rows at a time where they are read.

    Attributes:
        convolution: the convolution, in float32.
        padded: the picture and its padding, (H + 2, W + 2, 3).
        shape: of the map: H, W and C.
    """

    convolution: Direct
    padded: Tensor
    shape: torch.Size
    dtype: torch.dtype = torch.float32
    _last: _Last = field(default_factory=_Last, init=False)

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some rows, (rows, W, C), which are not computed twice in a row by the same thread."""
        found = self._last.found
        if found is None or found[0] != rows:
            of_rows = self.convolution.of_padded(self.padded[rows.start : rows.stop + 2])
            self._last.found = found = rows, of_rows
        return found[1]


@dataclass(frozen=True)
class Rectified:
    """The ReLU of a map, computed where its rows are read.

    Attributes:
        x: the map, (H, W, C).
    """

    x: Rows

    @property
    def shape(self) -> torch.Size:
        """H, W and C."""
        return self.x.shape

    @property
    def dtype(self) -> torch.dtype:
        """The number format."""
        return self.x.dtype

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Some rows, (rows, W, C)."""
        return self.x[rows].clamp_min(0)
