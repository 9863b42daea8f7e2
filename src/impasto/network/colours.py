"""The network's first convolution on a CPU, whose three channels are too few for the other ways.

Every pixel's window of 3×3 colours is a row of a matrix, in float32, so that no colour is rounded.
The way back is :class:`impasto.network.direct.Direct`. Feature maps are (H, W, C).
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.network.bands import Read, Source, Workspace, each_band, read_padded
from impasto.network.direct import Direct


class Colours:
    """The first convolution, and its way back.

    Args:
        kernel: out × 3 × 3 × 3.
        bias: (out).
        dtype: number format of the output.
    """

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        self._direct = Direct(kernel, bias, dtype)
        self._kernel = kernel.permute(2, 3, 1, 0).reshape(27, -1)
        self._bias = bias

    def forward(self, source: Source, out: Tensor, room: Workspace) -> None:
        """Write the convolution of a picture into out, (H, W, out)."""
        height, width, after = out.shape
        padded = room("colours", height + 2, width + 2, 3)
        read_padded(source, -1, (height, width), padded)
        down, across, _ = padded.stride()
        windows = padded.as_strided((height, width, 3, 9), (down, across, down, 1))

        def multiply(rows: slice) -> None:
            flat = windows[rows].reshape(-1, 27)
            if self._dtype == torch.float32:
                torch.addmm(self._bias, flat, self._kernel, out=out[rows].view(-1, after))
            else:
                out[rows].view(-1, after).copy_(torch.addmm(self._bias, flat, self._kernel))

        each_band(multiply, out)

    def backward(self, read: Read, gradient: Tensor, room: Workspace, *, replicates: bool) -> None:
        """Write the gradient of the picture, (H, W, 3), given a reader of that of the output."""
        self._direct.backward(read, gradient, room, replicates=replicates)
