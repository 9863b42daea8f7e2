"""VGG-19's convolutions on a CPU, with a quarter of the multiplications.

Winograd's minimal filtering F(4×4, 3×3): Lavin and Gray, *Fast Algorithms for Convolutional Neural
Networks*, arXiv:1509.09308, section 4.3. A 3×3 convolution of a 4×4 tile takes 36 products instead
of 144: a transform is applied to tiles of 6×6, 36 matrix products mix the channels, and another
transform gives the tile. The result equals that of the plain convolution except for rounding
(relative errors of about 2e-6 in float32).

Everything is done for a few rows of tiles at a time, so that intermediate results stay in the CPU
cache, and in buffers that are reused, because fresh memory costs as much as the arithmetic. In this
module feature maps are (H, W, C): the channels of a pixel are adjacent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.statistics import gram
from impasto.network.tiles import Box
from impasto.process import interrupts
from impasto.settings.layers import BY_NAME, INPUT, Layer, up_to_deepest

TILE = 4  # pixels, side of a tile; the input of a tile is two pixels larger
BATCH = 512  # tiles at a time: a compromise between the cache and the matrix products

# G of equation 8, for the interpolation points 0, ±1, ±2 and ∞.
KERNEL_TRANSFORM = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
CENTRE = 7  # the one of the 36 products that every pixel of the tile contains with weight 1

Read = Callable[[int, int, Tensor], None]


class Workspace:
    """Reusable buffers by name; each has the size of its largest use so far."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """A float32 tensor of a given shape, with arbitrary contents."""
        size = torch.Size(shape).numel()
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            buffer = self._buffers[name] = torch.empty(size)
        return buffer[:size].view(shape)


def transformed_kernel(kernel: Tensor) -> Tensor:
    """G k Gᵀ for a kernel k (out × in × 3 × 3): 36 matrices, (36, in, out), column by column."""
    transform = torch.tensor(KERNEL_TRANSFORM, dtype=torch.float64)
    both = torch.kron(transform, transform).to(kernel.dtype)
    after, before = kernel.shape[:2]
    return (both @ kernel.permute(3, 2, 1, 0).reshape(9, -1)).view(36, before, after)


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


def convolve(
    read: Read,
    kernel: Tensor,
    bias: Tensor | None,
    out: Tensor,
    room: Workspace,
    *,
    replicates: bool = False,
    border: Border | None = None,
) -> None:
    """A 3×3 convolution with padding 1.

    Args:
        read: ``read(first, last, rows)`` writes rows first … last − 1 of the input into rows,
            (last − first, W, in).
        kernel: the transformed kernel, from :func:`transformed_kernel`.
        bias: the bias, (out); None for 0.
        out: tensor for the result, (H, W, out).
        room: buffers for intermediate results.
        replicates: whether the padding replicates the border; otherwise it is zero.
        border: filled with the border of the input.
    """
    height, width, after = out.shape
    before = kernel.shape[1]
    down, across = -(-height // TILE), -(-width // TILE)
    padded_width = TILE * across + 2
    at_once = max(1, BATCH // across)
    for top in range(0, down, at_once):
        count = min(at_once, down - top)
        y = TILE * top
        padded = room("padded", TILE * count + 2, padded_width, before)
        first, inside = _read_padded(read, y - 1, height, width, padded, replicates=replicates)
        if border is not None:
            border.keep(first, inside)

        rows = room("rows", 6, count, padded_width, before)
        pair = room("pair", 2, count, padded_width, before)
        _transform_input([padded[k : k + TILE * count - 3 : TILE] for k in range(6)], rows, pair)
        tiles = room("tiles", 6, 6, count, across, before)
        pair = room("pair", 2, 6, count, across, before)
        last = TILE * across - 3
        _transform_input([rows[:, :, k : k + last : TILE] for k in range(6)], tiles, pair)

        products = room("products", 36, count * across, after)
        torch.bmm(tiles.view(36, count * across, before), kernel, out=products)
        if bias is not None:
            products[CENTRE] += bias

        columns = room("columns", 6, count, across, TILE, after)
        four = room("four", 4, 6, count, across, after)
        _transform_output(
            products.view(6, 6, count, across, after), columns.permute(3, 0, 1, 2, 4), four
        )
        whole = y + TILE * count <= height and TILE * across == width
        done = (
            out[y : y + TILE * count] if whole else room("done", TILE * count, TILE * across, after)
        )
        four = room("four", 4, count, TILE * across, after)
        _transform_output(
            columns.view(6, count, TILE * across, after),
            [done[k::TILE] for k in range(TILE)],
            four,
        )
        if not whole:
            out[y : y + TILE * count] = done[: height - y, :width]


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
    for rows in _bands(height, width):
        flat = windows[rows].reshape(-1, 27)
        torch.addmm(bias, flat, kernel, out=out[rows].view(-1, after))


def spread_colours(read: Read, kernel: Tensor, padded: Tensor, room: Workspace) -> None:
    """The gradient of the padded picture, given the gradient of the first convolution's output.

    Args:
        read: reads rows of the gradient of the output, as in :func:`convolve`.
        kernel: the kernel, as in :func:`convolve_colours`.
        padded: tensor for the result, (H + 2, W + 2, 3).
        room: buffers for intermediate results.
    """
    height, width = padded.shape[0] - 2, padded.shape[1] - 2
    after = kernel.shape[1]
    padded.zero_()
    for rows in _bands(height, width):
        count = rows.stop - rows.start
        gradient = room("band", count, width, after)
        read(rows.start, rows.stop, gradient)
        windows = (gradient.view(-1, after) @ kernel.T).view(count, width, 3, 3, 3)
        for y in range(3):
            for x in range(3):
                padded[rows.start + y : rows.stop + y, x : x + width] += windows[:, :, y, x]


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
        kernel: the kernel, (out, in, 3, 3).
        gradient: the gradient of the input with zero padding, (H, W, in), which is changed.
    """
    for end, side in ((0, 0), (-1, 2)):
        beyond = _spread_line(border.rows[end], kernel[:, :, side])
        gradient[end] += beyond[1:-1]
        gradient[end, 0] += beyond[0]
        gradient[end, -1] += beyond[-1]
        gradient[:, end] += _spread_line(border.columns[end], kernel[:, :, :, side])[1:-1]


def _spread_line(line: Tensor, kernel: Tensor) -> Tensor:
    """The gradient of a line of N + 2 positions, given that of its convolution, (N, out)."""
    return F.conv_transpose1d(line.T.unsqueeze(0), kernel).squeeze(0).T


def unpad(padded: Tensor, *, replicates: bool) -> Tensor:
    """The gradient of a picture, given that of the padded one, which is changed in place."""
    if replicates:
        padded[1] += padded[0]
        padded[-2] += padded[-1]
        padded[:, 1] += padded[:, 0]
        padded[:, -2] += padded[:, -1]
    return padded[1:-1, 1:-1]


def _bands(height: int, width: int) -> Iterator[slice]:
    """Slices of the rows of a feature map, a few rows at a time."""
    at_once = max(1, BATCH * TILE * TILE // width)
    return (slice(top, min(top + at_once, height)) for top in range(0, height, at_once))


def _read_padded(
    read: Read, first: int, height: int, width: int, padded: Tensor, *, replicates: bool
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
    read(top, bottom, rows)
    if replicates:
        inside[:, 0], inside[:, width + 1] = rows[:, 0], rows[:, -1]
        above[-1:], below[:1] = inside[0], inside[-1]
    return top, rows


def _transform_input(d: Sequence[Tensor], out: Tensor, pair: Tensor) -> None:
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


def _transform_output(m: Tensor, out: Sequence[Tensor] | Tensor, four: Tensor) -> None:
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


@dataclass(frozen=True)
class Pooling:
    """A 2×2 pooling with stride 2 after a ReLU; a last odd row or column is left out.

    Attributes:
        forward: ``forward(x, out, room)`` writes the pooled ReLU of x, (H, W, C), into out,
            (H // 2, W // 2, C).
        backward: ``backward(gradient, x, pooled, out, room)`` writes the gradient of the ReLU's
            output into out, given that of the pooled map; where x is not positive, it may be
            anything.
    """

    forward: Callable[[Tensor, Tensor, Workspace], None]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor, Workspace], None]


def _average(x: Tensor, out: Tensor, room: Workspace) -> None:
    _, width, channels = x.shape
    half = out.shape[1]
    for band in _pooled_bands(out, width):
        count = band.stop - band.start
        rows = room("pool rows", 2 * count, width, channels)
        torch.clamp_min(x[2 * band.start : 2 * band.stop], 0, out=rows)
        sums = room("pool sums", count, width, channels)
        torch.add(rows[0::2], rows[1::2], out=sums)
        torch.add(sums[:, 0 : 2 * half : 2], sums[:, 1 : 2 * half : 2], out=out[band])
        out[band] *= 0.25


def _spread_average(
    gradient: Tensor,
    x: Tensor,  # noqa: ARG001
    pooled: Tensor,  # noqa: ARG001
    out: Tensor,
    room: Workspace,  # noqa: ARG001
) -> None:
    _leave_out_the_odd(gradient, out)
    for corner in _corners(out, slice(0, len(gradient)), gradient.shape[1]):
        torch.mul(gradient, 0.25, out=corner)


def _largest(x: Tensor, out: Tensor, room: Workspace) -> None:
    _, width, channels = x.shape
    half = out.shape[1]
    for band in _pooled_bands(out, width):
        count = band.stop - band.start
        rows = room("pool rows", count, width, channels)
        torch.maximum(
            x[2 * band.start : 2 * band.stop : 2],
            x[2 * band.start + 1 : 2 * band.stop : 2],
            out=rows,
        )
        torch.maximum(rows[:, 0 : 2 * half : 2], rows[:, 1 : 2 * half : 2], out=out[band])
        out[band].clamp_min_(0)


def _spread_largest(
    gradient: Tensor, x: Tensor, pooled: Tensor, out: Tensor, room: Workspace
) -> None:
    """Of equal values, the first in the order of rows gets the gradient, as in PyTorch."""
    _leave_out_the_odd(gradient, out)
    _, half, channels = gradient.shape
    for band in _pooled_bands(gradient, x.shape[1]):
        left = room("pool left", band.stop - band.start, half, channels)
        left.copy_(gradient[band])
        for corner, value in zip(_corners(out, band, half), _corners(x, band, half), strict=True):
            is_largest = value == pooled[band]
            torch.mul(left, is_largest, out=corner)
            left.sub_(corner)


def _pooled_bands(pooled: Tensor, width: int) -> Iterator[slice]:
    """Slices of the rows of a pooled map, a few at a time, given the width before pooling."""
    return _bands(len(pooled), TILE * width)


def _corners(x: Tensor, band: slice, half: int) -> Iterator[Tensor]:
    """The four values of each 2×2 square of a map, for some rows of the pooled map."""
    for y in (0, 1):
        for across in (0, 1):
            yield x[2 * band.start + y : 2 * band.stop : 2, across : 2 * half : 2]


def _leave_out_the_odd(gradient: Tensor, out: Tensor) -> None:
    """Set the last odd row and column of the gradient before pooling to 0."""
    height, width, _ = gradient.shape
    out[2 * height :].zero_()
    out[:, 2 * width :].zero_()


POOLINGS = {
    "average": Pooling(_average, _spread_average),
    "max": Pooling(_largest, _spread_largest),
}


class Trunk:
    """VGG-19 with hand-written forward and backward passes.

    Args:
        convolutions: by layer name, from the first layer to the last one needed, the kernel
            (out × in × 3 × 3) and the bias (out), float32.
        taps: names of the layers to read.
        padding: what convolutions see beyond the border, ``zeros`` or ``replicate``.
        pooling: ``average`` or ``max``.
    """

    def __init__(
        self,
        convolutions: dict[str, tuple[Tensor, Tensor]],
        taps: Iterable[str],
        padding: str = "zeros",
        pooling: str = "average",
    ) -> None:
        self.taps = tuple(sorted(taps))
        self._pool = POOLINGS[pooling]
        self._replicates = padding == "replicate"
        self._kernels = {name: kernel for name, (kernel, _) in convolutions.items()}
        first, *others = convolutions
        self._biases = {name: bias for name, (_, bias) in convolutions.items()}
        self._colours = convolutions[first][0].permute(2, 3, 1, 0).reshape(27, -1)
        self._forward = {name: transformed_kernel(convolutions[name][0]) for name in others}
        self._backward = {
            name: transformed_kernel(convolutions[name][0].flip(2, 3).transpose(0, 1))
            for name in others
        }
        self._room = Workspace()
        self._kept = Workspace()

    def __call__(
        self,
        picture: Tensor,
        features: Iterable[str],
        grams: Iterable[str] = (),
        core: Box | None = None,
        first: str = INPUT,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Feature maps of some layers and Gram matrices of others, by layer name.

        Args:
            picture: 3 × H × W, or the feature map of another layer, from which to continue.
            features: names of the layers whose feature maps are returned, each (C, H', W'). If a
                gradient is required, they are in buffers that the next such call overwrites.
            grams: names of the layers whose Gram matrices are returned, each (C, C).
            core: the part of the picture that they cover; None for all of it.
            first: the layer whose feature map is given instead of a picture.
        """
        features, grams = tuple(features), tuple(grams)
        layers = up_to_deepest({*features, *grams}, first)
        core = core or _whole(picture, layers[0])
        if torch.is_grad_enabled() and picture.requires_grad:
            read = _Evaluate.apply(picture, self, layers, features, grams, core)  # type: ignore[no-untyped-call]
        else:
            kept = Workspace() if features else self._kept  # Gram matrices do not share its memory
            read = _read(self.maps(picture, kept, layers), features, grams, core)
        split = len(features)
        return (
            dict(zip(features, read[:split], strict=True)),
            dict(zip(grams, read[split:], strict=True)),
        )

    def release(self) -> None:
        """Release the memory of every buffer."""
        self._room, self._kept = Workspace(), Workspace()

    def maps(self, picture: Tensor, kept: Workspace, layers: Sequence[Layer]) -> dict[str, Tensor]:
        """The outputs of convolutions, poolings and the ReLUs to read, each (H', W', C).

        Args:
            picture: the feature map of the first layer, (C, H, W).
            kept: buffers for the outputs.
            layers: the part of the network to run.
        """
        x = picture.permute(1, 2, 0).contiguous()
        maps = {layers[0].name: x}
        rectify = False
        for layer in layers[1:]:
            height, width, channels = x.shape
            if layer.kind == "convolution":
                out = kept(layer.name, height, width, layer.channels)
                bias = self._biases[layer.name]
                if layer.name in self._forward:
                    read = _reader(x, rectify=rectify)
                    convolve(
                        read,
                        self._forward[layer.name],
                        bias,
                        out,
                        self._room,
                        replicates=self._replicates,
                    )
                else:
                    padded = pad(x, replicates=self._replicates)
                    convolve_colours(padded, self._colours, bias, out)
                x = maps[layer.name] = out
            elif layer.kind == "pooling":
                out = kept(layer.name, height // 2, width // 2, channels)
                self._pool.forward(x, out, self._room)
                x = maps[layer.name] = out
            elif layer.name in self.taps:
                out = kept(layer.name, height, width, channels)
                maps[layer.name] = torch.clamp_min(x, 0, out=out)
            rectify = layer.kind == "relu"
        return maps

    def gradient(
        self,
        maps: dict[str, Tensor],
        by_map: dict[str, Tensor],
        mixings: dict[str, Tensor],
        core: Box,
        layers: Sequence[Layer],
    ) -> Tensor | None:
        """The gradient of the feature map of the first layer.

        Args:
            maps: the outputs from :meth:`maps`, for the same layers.
            by_map: by layer name, the gradient of the core of an output, (H', W', C).
            mixings: by layer name, (C, C); the core of the output times this matrix is another part
                of its gradient, that of its Gram matrix.
            core: the core of the picture.
            layers: the part of the network to go back through.

        Returns:
            The gradient, (H, W, C); None if nothing depends on that feature map.
        """
        gradient: Tensor | None = None
        names = cycle(("gradient", "other gradient"))  # a convolution cannot write in place
        for before, layer in reversed(list(pairwise(layers))):
            add = None
            if layer.name in by_map or layer.name in mixings:
                part = core.after(layer.pools)
                tapped, mixing = by_map.get(layer.name), mixings.get(layer.name)
                add = _adder(maps[layer.name], part, tapped, mixing)
            if layer.kind == "convolution":
                if gradient is None and add is None:
                    continue
                height, width, channels = maps[layer.name].shape
                read = _gradient_reader(gradient, maps[layer.name], add)
                if layer.name in self._backward:
                    gradient = self._kept(next(names), height, width, before.channels)
                    border = Border.of_size(height, width, channels) if self._replicates else None
                    kernel = self._backward[layer.name]
                    convolve(read, kernel, None, gradient, self._room, border=border)
                    if border is not None:
                        fold(border, self._kernels[layer.name], gradient)
                else:
                    padded = self._room("colours", height + 2, width + 2, before.channels)
                    spread_colours(read, self._colours, padded, self._room)
                    gradient = unpad(padded, replicates=self._replicates)
                continue
            if add is not None:
                of_map = maps[layer.name]
                gradient = torch.zeros_like(of_map) if gradient is None else gradient.clone()
                add(0, of_map.shape[0], gradient)
            if layer.kind == "pooling" and gradient is not None:
                convolved = before.name.replace("relu", "conv")
                pooled = maps[convolved if convolved in maps else before.name]
                out = self._kept(next(names), *pooled.shape)
                self._pool.backward(gradient, pooled, maps[layer.name], out, self._room)
                gradient = out
        if gradient is not None and layers[1].kind == "relu":
            gradient = torch.where(maps[layers[0].name] > 0, gradient, 0.0)
        return gradient


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        picture: Tensor,
        trunk: Trunk,
        layers: tuple[Layer, ...],
        features: tuple[str, ...],
        grams: tuple[str, ...],
        core: Box,
    ) -> tuple[Tensor, ...]:
        ctx.trunk, ctx.layers, ctx.core = trunk, layers, core
        ctx.features, ctx.grams = features, grams
        ctx.maps = trunk.maps(picture, trunk._kept, layers)
        ctx.set_materialize_grads(False)
        return _read(ctx.maps, features, grams, core)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        split = len(ctx.features)
        by_map = {
            name: gradient.permute(1, 2, 0)
            for name, gradient in zip(ctx.features, gradients[:split], strict=True)
            if gradient is not None
        }
        mixings = {
            name: (gradient + gradient.T) / ctx.core.after(BY_NAME[name].pools).area
            for name, gradient in zip(ctx.grams, gradients[split:], strict=True)
            if gradient is not None
        }
        gradient = ctx.trunk.gradient(ctx.maps, by_map, mixings, ctx.core, ctx.layers)
        by_picture = None if gradient is None else gradient.permute(2, 0, 1).contiguous()
        return by_picture, None, None, None, None, None


def _whole(map_: Tensor, layer: Layer) -> Box:
    """The box of the whole picture, given the feature map of a layer."""
    height, width = map_.shape[1:]
    return Box(0, height << layer.pools, 0, width << layer.pools)


def _read(
    maps: dict[str, Tensor], features: tuple[str, ...], grams: tuple[str, ...], core: Box
) -> tuple[Tensor, ...]:
    """The feature maps of the core as (C, H', W'), then its Gram matrices."""
    parts = {
        name: maps[name][core.after(BY_NAME[name].pools).slices] for name in (*features, *grams)
    }
    return (
        *(parts[name].permute(2, 0, 1) for name in features),
        *(gram(parts[name].contiguous().permute(2, 0, 1)) for name in grams),
    )


def _reader(x: Tensor, *, rectify: bool) -> Read:
    """A reader of the rows of a feature map, through a ReLU or unchanged."""

    def read(first: int, last: int, rows: Tensor) -> None:
        interrupts.check()
        if rectify:
            torch.clamp_min(x[first:last], 0, out=rows)
        else:
            rows.copy_(x[first:last])

    return read


def _gradient_reader(after: Tensor | None, x: Tensor, add: Read | None) -> Read:
    """A reader of the rows of the gradient of a convolution's output x.

    Args:
        after: the gradient of the ReLU's output; None if no later layer depends on it.
        x: the output of the convolution, (H, W, C).
        add: adds the gradient of the losses that read x; None if no loss does.
    """

    def read(first: int, last: int, rows: Tensor) -> None:
        interrupts.check()
        here = slice(first, last)
        if after is None:
            rows.zero_()
        else:
            torch.ops.aten.threshold_backward.grad_input(after[here], x[here], 0, grad_input=rows)
        if add is not None:
            add(first, last, rows)

    return read


def _adder(x: Tensor, core: Box, tapped: Tensor | None, mixing: Tensor | None) -> Read:
    """A function that adds the gradient of the losses that read a feature map, row by row.

    Args:
        x: the feature map, (H, W, C).
        core: the part of it that the losses read.
        tapped: the gradient of that part, if a loss reads it.
        mixing: (C, C), if a loss reads its Gram matrix; its gradient is the part times this matrix.
    """

    def add(first: int, last: int, rows: Tensor) -> None:
        top, bottom = max(first, core.top), min(last, core.bottom)
        if top >= bottom:
            return
        here = rows[top - first : bottom - first, core.left : core.right]
        if tapped is not None:
            here += tapped[top - core.top : bottom - core.top]
        if mixing is not None:
            here += x[top:bottom, core.left : core.right] @ mixing

    return add
