"""The network's convolutions on a CPU that multiplies matrices of bfloat16 several times faster.

PyTorch's own convolution, in parts that the threads take from a list: a few rows at a time or, for
small maps, a few channels, since every call rearranges the part of the kernel that it uses. Feature
maps and gradients are bfloat16 too; only the sums within a convolution are float32. In float32, the
first convolution and its way back are computed so, since three channels are too few for Winograd's
algorithm. Feature maps are (H, W, C).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.bands import Read, Source, Workspace, folded, read_padded, slices
from impasto.network.batches import batched, unbatched
from impasto.network.pooling import Pooled, corners
from impasto.process import threads

ROWS = 16  # at a time, which stay in the CPU cache
SMALL = 4096  # positions of a map that is computed a few channels at a time
PARTS = 4  # of the channels of such a map


class Direct:
    """A 3×3 convolution with padding 1, and its way back.

    Args:
        kernel: out × in × 3 × 3.
        bias: (out).
        dtype: number format of the convolution.
    """

    dtype = torch.bfloat16  # of the maps of a network that is computed so

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype = torch.bfloat16) -> None:
        kernel = kernel.to(dtype)
        self._kernel, self._bias = _placed(kernel), bias.to(dtype)
        self._turned = _placed(kernel.flip(2, 3).transpose(0, 1))

    def forward(self, source: Source, out: Tensor | Pooled, room: Workspace) -> None:
        """Write the convolution of a map into out, (H, W, out), or the pooled map of its ReLU."""
        _Convolution(source, self._kernel, self._bias, out, room).compute()

    def of_padded(self, padded: Tensor) -> Tensor:
        """The convolution of a map with its padding, (H + 2, W + 2, in), as (H, W, out)."""
        return _convolved(padded, self._kernel, self._bias)

    def backward(self, read: Read, gradient: Tensor, room: Workspace, *, replicates: bool) -> None:
        """Write the gradient of the map, (H, W, in), given a reader of that of the output.

        What replicated padding passes on beyond the border is added to the border.
        """
        beyond = 1 if replicates else 0
        _Convolution(Source(read), self._turned, None, gradient, room, beyond).compute()


@dataclass(frozen=True)
class _Convolution:
    """A convolution of a map, computed ``beyond`` its border too, and then folded at the border."""

    source: Source
    kernel: Tensor
    bias: Tensor | None
    out: Tensor | Pooled
    room: Workspace
    beyond: int = 0

    @property
    def _margin(self) -> int:
        return 1 + self.beyond

    def compute(self) -> None:
        height, width, after = self.out.shape
        if height * width > SMALL:
            threads.each(self._by_rows, slices(0, height, ROWS))
            return
        margin = self._margin
        shape = height + 2 * margin, width + 2 * margin, self.kernel.shape[1]
        padded = self.room("whole", *shape, dtype=self.kernel.dtype)

        def read(rows: slice) -> None:
            first, last = self._extended(rows, margin)
            self._read(first, padded[first + margin : last + margin])

        def convolve(channels: slice) -> None:
            found = self._convolved(padded, channels, above=True, below=True)
            self._write(slice(0, height), channels, found)

        threads.each(read, slices(0, height, ROWS))
        threads.each(convolve, slices(0, after, after // PARTS))

    def _by_rows(self, rows: slice) -> None:
        first, last = self._extended(rows, self.beyond)
        width = self.out.shape[1] + 2 * self._margin
        shape = last - first + 2, width, self.kernel.shape[1]
        padded = self.room("padded", *shape, dtype=self.kernel.dtype)
        self._read(first - 1, padded)
        above, below = first < rows.start, last > rows.stop
        found = self._convolved(padded, slice(None), above=above, below=below)
        self._write(rows, slice(None), found)

    def _write(self, rows: slice, channels: slice, found: Tensor) -> None:
        """Write some rows, of which the first is even, and channels of the output."""
        if isinstance(self.out, Tensor):
            self.out[rows, :, channels] = found
            return
        half = slice(rows.start // 2, rows.stop // 2)
        for pooled, out in self.out.pool(corners(found), self.room):
            out[half, :, channels] = pooled

    def _extended(self, rows: slice, margin: int) -> tuple[int, int]:
        """The first of some rows and the one after the last, with a margin at the map's ends."""
        height = self.out.shape[0]
        first = rows.start - (margin if rows.start == 0 else 0)
        return first, rows.stop + (margin if rows.stop == height else 0)

    def _read(self, first: int, padded: Tensor) -> None:
        """Fill padded with rows of the input from the row ``first`` on, and with its padding."""
        height, width, _ = self.out.shape
        read_padded(self.source, first, (height, width), padded, self._margin)

    def _convolved(self, padded: Tensor, channels: slice, *, above: bool, below: bool) -> Tensor:
        """Some rows and channels of the output; above and below say which ends of the map."""
        bias = None if self.bias is None else self.bias[channels]
        found = _convolved(padded, self.kernel[channels], bias)
        return folded(found.float(), above=above, below=below) if self.beyond else found


def _convolved(padded: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    return unbatched(F.conv2d(batched(padded.permute(2, 0, 1)), kernel, bias)).permute(1, 2, 0)


def _placed(kernel: Tensor) -> Tensor:
    return kernel.contiguous(memory_format=torch.channels_last)
