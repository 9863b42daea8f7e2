"""The transforms of Winograd's minimal filtering F(4×4, 3×3).

Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, arXiv:1509.09308, section 4.3:
equation 8 gives the matrices G, Bᵀ and Aᵀ. Those of the input and of the output come in two ways
that round differently. *By sums*, along one axis after the other, takes the least arithmetic. *By
products* with a matrix for both axes takes more, but few operations, which is faster for few tiles.

A gradient is a convolution with the kernel turned by 180°. Its outputs, in reverse order, are those
of the kernel itself for the inputs in reverse order. So the transforms turn the tiles instead, and
one transformed kernel serves both ways.

The 6×6 points of a tile are in the order of columns: the first axis is that across. Feature maps
are (H, W, C).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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


class Transforms(NamedTuple):
    """One way to compute the transforms.

    Attributes:
        input: ``input(padded, tiles, turned, room)`` writes the transform of padded,
            (4 · rows + 2, 4 · columns + 2, C), into tiles, (6, 6, rows, columns, C); ``turned``
            says whether the kernel is turned by 180°.
        output: ``output(products, out, turned, room)`` writes the transform of products, (6, 6,
            rows, columns, C), into out, (4 · rows, 4 · columns, C).
    """

    input: Callable[[Tensor, Tensor, bool, Workspace], None]
    output: Callable[[Tensor, Tensor, bool, Workspace], None]


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


def _input_by_sums(padded: Tensor, tiles: Tensor, turned: bool, room: Workspace) -> None:
    _, _, count, across, channels = tiles.shape
    halves = room("halves", 6, count, padded.shape[1], channels)
    pair = room("pair", 2, count, padded.shape[1], channels)
    order = _order(6, turned)
    last = TILE * count - 3
    _sum_input([padded[k : k + last : TILE] for k in order], halves, pair)
    pair = room("pair", 2, 6, count, across, channels)
    last = TILE * across - 3
    _sum_input([halves[:, :, k : k + last : TILE] for k in order], tiles, pair)


def _output_by_sums(products: Tensor, out: Tensor, turned: bool, room: Workspace) -> None:
    _, _, count, across, channels = products.shape
    halves = room("halves", 6, count, across, TILE, channels)
    four = room("four", 4, 6, count, across, channels)
    order = _order(TILE, turned)
    _sum_output(products, [halves[:, :, :, k] for k in order], four)
    four = room("four", 4, count, TILE * across, channels)
    flat = halves.view(6, count, TILE * across, channels)
    _sum_output(flat, [out[k::TILE] for k in order], four)


def _input_by_products(padded: Tensor, tiles: Tensor, turned: bool, room: Workspace) -> None:
    down, across, _ = padded.stride()
    windows = room("windows", *tiles.shape)
    windows.copy_(padded.as_strided(windows.shape, (across, down, TILE * down, TILE * across, 1)))
    torch.mm(_INPUTS_OF_BOTH[turned], windows.view(POINTS, -1), out=tiles.view(POINTS, -1))


def _output_by_products(products: Tensor, out: Tensor, turned: bool, room: Workspace) -> None:
    _, _, count, across, channels = products.shape
    pixels = room("pixels", TILE, TILE, count, across, channels)
    torch.mm(_OUTPUTS_OF_BOTH[turned], products.view(POINTS, -1), out=pixels.view(TILE * TILE, -1))
    out.view(count, TILE, across, TILE, channels).copy_(pixels.permute(2, 1, 3, 0, 4))


def _order(count: int, turned: bool) -> range:
    return range(count - 1, -1, -1) if turned else range(count)


def _sum_input(d: Sequence[Tensor], out: Tensor, pair: Tensor) -> None:
    """Bᵀ d along one axis of the tiles: from six slices of the input to six of the output."""
    even, odd = pair
    torch.sub(d[4], d[2], alpha=4, out=even)
    torch.sub(d[3], d[1], alpha=4, out=odd)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(d[4], d[2], out=even)
    torch.sub(d[3], d[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.sub(d[0], d[2], out=out[0])
    torch.add(even, out[0], alpha=4, out=out[0])
    torch.sub(d[5], d[3], out=out[5])
    torch.sub(out[5], odd, alpha=4, out=out[5])


def _sum_output(m: Tensor, out: Sequence[Tensor], four: Tensor) -> None:
    """Aᵀ m along one axis of the tiles: from six slices of the products to four of the output."""
    near_sum, near_difference, far_sum, far_difference = four
    torch.add(m[1], m[2], out=near_sum)
    torch.sub(m[1], m[2], out=near_difference)
    torch.add(m[3], m[4], out=far_sum)
    torch.sub(m[3], m[4], out=far_difference)
    torch.add(m[0], near_sum, out=out[0])
    out[0].add_(far_sum)
    torch.add(near_difference, far_difference, alpha=2, out=out[1])
    torch.add(near_sum, far_sum, alpha=4, out=out[2])
    torch.add(near_difference, far_difference, alpha=8, out=near_difference)
    torch.add(near_difference, m[5], out=out[3])


BY_SUMS = Transforms(_input_by_sums, _output_by_sums)
BY_PRODUCTS = Transforms(_input_by_products, _output_by_products)
