"""VGG-19's convolutions on a CPU that multiplies matrices of bfloat16 several times faster.

PyTorch's own convolution, a few rows at a time. What goes into it and what comes out of it is
rounded to bfloat16; sums are float32 within it, and so are the maps before and after. The threads
take the rows from a list. Feature maps are (H, W, C).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.bands import Read, Source, Workspace, read_padded, slices
from impasto.process import threads

PARTS = 4  # of a small map, so that every thread has work
MOST_ROWS = 16  # at a time, which stay in the CPU cache


class Direct:
    """A 3×3 convolution with padding 1 in bfloat16, and its way back.

    Args:
        kernel: out × in × 3 × 3.
        bias: (out).
    """

    def __init__(self, kernel: Tensor, bias: Tensor) -> None:
        self._kernel, self._bias = _placed(kernel), bias.bfloat16()
        self._turned = _placed(kernel.flip(2, 3).transpose(0, 1))

    @staticmethod
    def product(x: Tensor, matrix: Tensor) -> Tensor:
        """A matrix product in bfloat16, for x of shape (H, W, C)."""
        return x.bfloat16() @ matrix.bfloat16()

    def forward(self, source: Source, out: Tensor, room: Workspace) -> None:
        """Write the convolution of a map into out, (H, W, out)."""
        height, width, _ = out.shape
        before = self._kernel.shape[1]

        def convolve(rows: slice) -> None:
            padded = room("padded", rows.stop - rows.start + 2, width + 2, before)
            read_padded(source, rows.start - 1, (height, width), padded)
            out[rows] = _convolved(padded, self._kernel, self._bias)

        threads.each(convolve, _parts(height))

    def backward(self, read: Read, gradient: Tensor, room: Workspace, *, replicates: bool) -> None:
        """Write the gradient of the map, (H, W, in), given a reader of that of the output.

        What replicated padding passes on beyond the border is added to the border.
        """
        height, width, _ = gradient.shape
        after, beyond = self._turned.shape[1], int(replicates)

        def convolve(rows: slice) -> None:
            first = rows.start - (beyond if rows.start == 0 else 0)
            last = rows.stop + (beyond if rows.stop == height else 0)
            padded = room("padded", last - first + 2, width + 2 + 2 * beyond, after)
            read_padded(Source(read), first - 1, (height, width), padded, 1 + beyond)
            found = _convolved(padded, self._turned, None)
            if replicates:
                found = found.float()
                if first < rows.start:
                    found[1] += found[0]
                if last > rows.stop:
                    found[-2] += found[-1]
                found[:, 1] += found[:, 0]
                found[:, -2] += found[:, -1]
                found = found[rows.start - first : rows.stop - first, 1:-1]
            gradient[rows] = found

        threads.each(convolve, _parts(height))


def _placed(kernel: Tensor) -> Tensor:
    return kernel.bfloat16().contiguous(memory_format=torch.channels_last)


def _parts(height: int) -> list[slice]:
    return slices(0, height, min(MOST_ROWS, -(-height // PARTS)))


def _convolved(padded: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution without padding of some rows, (H, W, C), as bfloat16."""
    x = padded.bfloat16().permute(2, 0, 1).unsqueeze(0)
    return F.conv2d(x, kernel, bias).squeeze(0).permute(1, 2, 0)
