"""The transforms of Winograd's minimal filtering F(4×4, 3×3).

Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, arXiv:1509.09308, section 4.3:
equation 8 gives the matrices G, Bᵀ and Aᵀ. The transforms of the input and of the output are matrix
products, with one matrix for both axes. Sums of slices along one axis after the other would take
less arithmetic, but many operations that wait for memory.

A gradient is a convolution with the kernel turned by 180°. Its outputs, in reverse order, are those
of the kernel itself for the inputs in reverse order. So the transforms turn the tiles instead, and
one transformed kernel serves both ways.

The 6×6 points and the 4×4 pixels of a tile are in the order of columns: the first axis is that
across. Feature maps are (H, W, C).
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.network.bands import Workspace

TILE = 4  # pixels, side of a tile of the output; that of the input is two pixels larger
POINTS = 36  # of a transformed tile
CENTRE = 1, 1  # the one of the 6×6 points that every pixel of the output contains with weight 1

# G, for the interpolation points 0, ±1, ±2 and ∞.
KERNEL_TRANSFORM = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
# Bᵀ.
INPUT_TRANSFORM = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
# Aᵀ.
OUTPUT_TRANSFORM = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)
_INPUT = torch.tensor(INPUT_TRANSFORM, dtype=torch.float32)
_OUTPUT = torch.tensor(OUTPUT_TRANSFORM, dtype=torch.float32)
# By whether the kernel is turned, for one axis and for both.
_INPUTS = _INPUT, _INPUT.flip(1)
_OUTPUTS = _OUTPUT, _OUTPUT.flip(0)
_INPUTS_OF_BOTH = tuple(torch.kron(one, one) for one in _INPUTS)
_OUTPUTS_OF_BOTH = tuple(torch.kron(one, one) for one in _OUTPUTS)


def transformed_kernel(kernel: Tensor) -> Tensor:
    """G k Gᵀ for a kernel k (out × in × 3 × 3): 36 matrices, (36, in, out), column by column."""
    transform = torch.tensor(KERNEL_TRANSFORM, dtype=torch.float64)
    both = torch.kron(transform, transform).to(kernel.dtype)
    after, before = kernel.shape[:2]
    return (both @ kernel.permute(3, 2, 1, 0).reshape(9, -1)).view(POINTS, before, after)


def spread_line(line: Tensor, kernel: Tensor) -> Tensor:
    """The gradient of a line of N + 2 positions, given that of its convolution, by F(4, 3).

    Args:
        line: the gradient of the convolution, (N, out).
        kernel: the transformed kernel, (6, in, out).

    Returns:
        The gradient, (N + 2, in).
    """
    count, before = line.shape
    tiles = -(-(count + 2) // TILE)
    padded = line.new_zeros(TILE * tiles + 2, before)
    padded[2 : count + 2] = line
    windows = padded.as_strided((6, tiles, before), (before, TILE * before, 1)).reshape(6, -1)
    products = torch.bmm((_INPUTS[True] @ windows).view(6, tiles, before), kernel.mT)
    out = (_OUTPUTS[True] @ products.view(6, -1)).view(TILE, tiles, -1)
    return out.transpose(0, 1).reshape(TILE * tiles, -1)[: count + 2]


def transform_input(padded: Tensor, tiles: Tensor, turned: bool, room: Workspace) -> None:
    """Write Bᵀ d B for every tile d of an input.

    Args:
        padded: the input, (4 · rows + 2, 4 · columns + 2, C).
        tiles: tensor for the result, (6, 6, rows, columns, C).
        turned: whether the kernel is turned by 180°.
        room: buffers for intermediate results.
    """
    down, across, _ = padded.stride()
    windows = room("windows", *tiles.shape)
    windows.copy_(padded.as_strided(windows.shape, (across, down, TILE * down, TILE * across, 1)))
    torch.mm(_INPUTS_OF_BOTH[turned], windows.view(POINTS, -1), out=tiles.view(POINTS, -1))


def transform_output(products: Tensor, turned: bool, room: Workspace) -> Tensor:
    """Aᵀ m A for the products m of every tile, in a buffer.

    Args:
        products: the products, (6, 6, rows, columns, C).
        turned: whether the kernel is turned by 180°.
        room: buffers for results.

    Returns:
        The pixels of every tile, (4, 4, rows, columns, C).
    """
    _, _, count, across, channels = products.shape
    pixels = room("pixels", TILE, TILE, count, across, channels)
    torch.mm(_OUTPUTS_OF_BOTH[turned], products.view(POINTS, -1), out=pixels.view(TILE * TILE, -1))
    return pixels
