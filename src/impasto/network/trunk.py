"""The network with hand-written forward and backward passes, on feature maps (H, W, C).

The ReLUs, their gradients and the padding are part of reading a row, and the threads share the
bands of a layer (:func:`impasto.process.threads.each`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any

import torch
from torch import Tensor

from impasto.network.bands import Read, Rows, Source, Workspace, each_band
from impasto.network.colours import Colours, Rectified, Unkept
from impasto.network.direct import Direct
from impasto.network.pooling import POOLINGS, Pooled, spread
from impasto.network.readings import NO_GRIDS, Grid, Reading, tensor_of
from impasto.network.tiles import Box
from impasto.network.winograd import Winograd
from impasto.process import interrupts, threads
from impasto.settings.layers import INPUT, Architecture, Layer

MOST_VALUES = 2**22  # of a first map that is kept, that of 256×256 pixels


class Trunk:
    """The network with hand-written forward and backward passes.

    Convolutions are prepared when they are first needed.

    Args:
        convolutions: by layer name, the kernel (out × in × 3 × 3) and the bias (out).
        way: how all convolutions but the first are computed.
        padding: what convolutions see beyond the border, ``zeros`` or ``replicate``.
        pooling: ``average`` or ``max``.
        architecture: the network.
    """

    def __init__(
        self,
        convolutions: Mapping[str, tuple[Tensor, Tensor]],
        way: type[Winograd | Direct],
        padding: str,
        pooling: str,
        architecture: Architecture,
    ) -> None:
        self._architecture = architecture
        self._pool, self._way = POOLINGS[pooling], way
        self._replicates = padding == "replicate"
        self._given = convolutions
        self._prepared: dict[str, Winograd | Direct | Colours] = {}
        # By turns, since a convolution cannot write in place; the second one's is the largest.
        turns = zip(architecture.convolutions, cycle(("gradient", "other gradient")), strict=False)
        self._gradients = dict(turns)
        self._room = Workspace()
        self._kept = Workspace()

    def __call__(
        self,
        picture: Tensor,
        features: Iterable[str],
        grams: Iterable[str] = (),
        core: Box | None = None,
        first: str = INPUT,
        pools: int = 0,
        grids: Mapping[str, Grid] = NO_GRIDS,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Feature maps of some layers and Gram matrices of others, by layer name.

        Args:
            picture: 3 × H × W, or the feature map of another layer, from which to continue.
            features: names of the layers whose feature maps are returned, each (C, H', W'). If a
                gradient is required, they are in buffers that the next such call overwrites.
            grams: names of the layers whose Gram matrices are returned, each (C, C).
            core: the part of the picture that they cover; None for all of it.
            first: the layer whose feature map is given instead of a picture.
            pools: as of :class:`impasto.network.readings.Reading`.
            grids: as of :class:`impasto.network.readings.Reading`; the maps are copies.
        """
        read = {*(features := tuple(features)), *(grams := tuple(grams))}
        layers = self._architecture.up_to_deepest(read, first)
        core = core or _whole(picture, layers[0])
        reading = Reading(features, grams, core, pools, grids)
        if torch.is_grad_enabled() and picture.requires_grad:
            return reading.by_name(_Evaluate.apply(picture, self, layers, reading))  # type: ignore[no-untyped-call]
        kept = Workspace() if features else self._kept  # Gram matrices do not share its memory
        return reading.by_name(reading.of(self.maps(picture, kept, layers, reading)[0], kept))

    def release(self, layers: Collection[Layer] | None = None) -> None:
        """Release the memory of every buffer, and of every convolution but those of some layers."""
        self._room, self._kept = Workspace(), Workspace()
        if layers is not None:
            names = {layer.name for layer in layers}
            self._prepared = {name: one for name, one in self._prepared.items() if name in names}

    def maps(
        self,
        picture: Tensor,
        kept: Workspace,
        layers: Sequence[Layer],
        reading: Reading,
    ) -> tuple[dict[str, Rows], dict[str, Tensor]]:
        """The outputs of layers, each (H', W', C), and the routes of the poolings.

        Args:
            picture: the feature map of the first layer, (C, H, W).
            kept: buffers for the outputs.
            layers: the part of the network to run.
            reading: what is read of them.

        Returns:
            By layer name, the outputs of poolings, of the ReLUs to read, and of convolutions except
            those before a pooling that are not read; and for every pooling, its routes, as of
            :class:`impasto.network.pooling.Pooling`. A ReLU to read shares one map with its
            convolution, unless that is read or given too: the ReLU is positive where its input is.
            In float32, a large map of the first convolution is computed anew where its rows are
            read, unless it is read as a whole.
        """
        self._prepare(layers[1:])
        dtype = torch.float32 if layers[0].name == INPUT else self._way.dtype
        x: Rows = picture.permute(1, 2, 0).to(dtype).contiguous()
        maps: dict[str, Rows] = {layers[0].name: x}
        routes = {}
        needed = {*reading.layers, layers[0].name}
        poolings = _poolings(layers, reading)
        rectify = False
        for layer in layers[1:]:
            shape = torch.Size((*x.shape[:2], layer.channels))
            if layer.kind == "convolution":
                source = Source(_reader(x, rectify=rectify), self._replicates)
                convolution = self._prepared[layer.name]
                pooling = poolings.get(layer.name)
                is_unkept = self._is_unkept(layer, shape, reading)
                if isinstance(convolution, Colours) and is_unkept:
                    x = maps[layer.name] = convolution.unkept(source, shape, kept)
                elif pooling is None:
                    x = maps[layer.name] = kept(layer.name, *shape, dtype=self._way.dtype)
                    convolution.forward(source, x, self._room)
                else:
                    out = self._pooled(pooling, shape, kept)
                    convolution.forward(source, out, self._room)
                    x, routes[pooling.name] = out.values, out.routes
                    maps[pooling.name] = x
            elif layer.kind == "pooling" and layer.name not in maps:  # not by its convolution
                out = self._pooled(layer, shape, kept)
                self._pool.forward(tensor_of(x), out.values, out.routes, self._room, rectify)
                x = maps[layer.name] = out.values
                routes[layer.name] = out.routes
            elif layer.kind == "relu" and layer.name in needed:
                before = layer.name.replace("relu", "conv")
                if isinstance(x, Unkept):
                    maps[layer.name] = Rectified(x)
                else:
                    x = tensor_of(x)
                    own = kept(layer.name, *x.shape, dtype=x.dtype) if before in needed else x
                    maps[layer.name] = _rectified(x, own)
            rectify = layer.kind == "relu"
        return maps, routes

    def gradient(
        self,
        maps: dict[str, Rows],
        routes: dict[str, Tensor],
        gradients: Sequence[Tensor | None],
        layers: Sequence[Layer],
        reading: Reading,
    ) -> Tensor | None:
        """The gradient of the feature map of the first layer.

        Args:
            maps: the outputs from :meth:`maps`, for the same layers.
            routes: the routes from :meth:`maps`.
            gradients: those of what was read, in the order of
                :meth:`impasto.network.readings.Reading.of`; None if no loss depends on it.
            layers: the part of the network to go back through.
            reading: what was read.

        Returns:
            The gradient, (H, W, C); None if nothing depends on that feature map.
        """
        self._prepare(layers[1:])
        by_feature, by_gram = reading.by_name(gradients)
        gradient: Tensor | None = None
        passed: Tensor | None = None  # the routes of a pooling whose gradient is not spread yet
        behind: Read | None = None  # adds the gradient of the losses that read the ReLU
        given = tensor_of(maps[layers[0].name])
        sizes = _sizes(given, layers)
        for before, layer in reversed(list(pairwise(layers))):
            name = layer.name
            add = reading.adder(name, maps.get(name), by_feature.get(name), by_gram.get(name))
            if layer.kind == "convolution":
                if gradient is not None or add is not None or behind is not None:
                    read = self._reader(gradient, passed, maps.get(layer.name), add, behind)
                    gradient = self._back(before, layer, sizes[layer.name], read)
                    passed = behind = None
                continue
            if layer.kind == "relu" and before is not layers[0]:
                behind = add
            elif add is not None:
                like = tensor_of(maps[layer.name])
                gradient, passed = self._added(add, gradient, passed, like), None
            if layer.kind == "pooling" and gradient is not None:
                passed = routes[layer.name]
        if gradient is not None and passed is not None:
            return self._spread(gradient, passed, given)
        if gradient is not None and layers[1].kind == "relu":
            return torch.where(given > 0, gradient, 0.0)
        return gradient

    def _pooled(self, layer: Layer, shape: torch.Size, kept: Workspace) -> Pooled:
        """Buffers for the output of a pooling layer, given the shape of its input."""
        height, width, channels = shape
        half = height // 2, width // 2, channels
        values = kept(layer.name, *half, dtype=self._way.dtype)
        routes = kept(f"{layer.name} routes", *half, dtype=torch.uint8)
        return Pooled(self._pool, shape, values, routes)

    def _is_unkept(self, layer: Layer, shape: torch.Size, reading: Reading) -> bool:
        """Whether the output of a layer is large, in float32, and only rows of it are read.

        Computing it anew in bfloat16 would take a larger share of the time, and save half as much.
        """
        both = layer.name, layer.name.replace("conv", "relu")
        is_whole = any(reading.is_whole(name) for name in both)
        return self._way.dtype == torch.float32 and shape.numel() > MOST_VALUES and not is_whole

    def _back(self, before: Layer, layer: Layer, size: tuple[int, int], read: Read) -> Tensor:
        """The gradient of the input of a convolution, given a reader of that of its output."""
        dtype = torch.float32 if before.name == INPUT else self._way.dtype
        gradient = self._kept(self._gradients[layer.name], *size, before.channels, dtype=dtype)
        convolution = self._prepared[layer.name]
        convolution.backward(read, gradient, self._room, replicates=self._replicates)
        return gradient

    def _prepare(self, layers: Sequence[Layer]) -> None:
        """Prepare those convolutions of some layers that are not yet, shared among the threads."""

        def prepare(name: str) -> None:
            self._prepared[name] = self._convolution(name)

        names = (layer.name for layer in layers if layer.kind == "convolution")
        threads.each(prepare, [name for name in names if name not in self._prepared])

    def _convolution(self, name: str) -> Winograd | Direct | Colours:
        kernel, bias = (one.float() for one in self._given[name])
        if name == self._architecture.convolutions[0]:
            return Colours(kernel, bias, self._way.dtype)
        return self._way(kernel, bias)

    def _reader(
        self,
        gradient: Tensor | None,
        passed: Tensor | None,
        x: Rows | None,
        add: Read | None,
        behind: Read | None,
    ) -> Read:
        """A reader of the rows of the gradient of a convolution's output x.

        Args:
            gradient: that of the ReLU's output, or of the pooled map; None if no later layer
                depends on it.
            passed: the routes of the pooling after the ReLU; None if no pooling follows.
            x: the output of the convolution, (H, W, C); None if it was not kept.
            add: adds the gradient of the losses that read x; None if no loss does.
            behind: adds the gradient of the losses that read the ReLU of x; None if none does.
        """

        def read(first: int, last: int, rows: Tensor) -> None:
            interrupts.check()
            here = slice(first, last)
            if gradient is None:
                rows.zero_()
            elif passed is not None:
                spread(self._pool, gradient, passed, first, rows)
            elif behind is not None:
                rows.copy_(gradient[here])
            elif x is not None:
                _through_relu(gradient[here], x[here], rows)
            if behind is not None:
                assert x is not None  # noqa: S101 – the convolution before a ReLU to read is at hand
                behind(first, last, rows)
                _through_relu(rows, x[here], rows)
            if add is not None:
                add(first, last, rows)

        return read

    def _added(
        self, add: Read, gradient: Tensor | None, passed: Tensor | None, like: Tensor
    ) -> Tensor:
        """The gradient of a ReLU's or a pooling's output, with that of the losses that read it."""
        if gradient is None:
            gradient = torch.zeros_like(like)
        elif passed is None:
            gradient = gradient.clone()
        else:
            gradient = self._spread(gradient, passed, like)
        _add_in_bands(add, gradient)
        return gradient

    def _spread(self, gradient: Tensor, routes: Tensor, like: Tensor) -> Tensor:
        """The gradient of the map before a pooling, which has the shape of another map."""
        before = torch.empty_like(like)
        each_band(lambda rows: spread(self._pool, gradient, routes, rows.start, before[rows]), like)
        return before


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        picture: Tensor,
        trunk: Trunk,
        layers: tuple[Layer, ...],
        reading: Reading,
    ) -> tuple[Tensor, ...]:
        ctx.trunk, ctx.layers, ctx.reading = trunk, layers, reading
        ctx.maps, ctx.routes = trunk.maps(picture, trunk._kept, layers, reading)
        ctx.set_materialize_grads(False)
        return reading.of(ctx.maps, trunk._kept)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        gradient = ctx.trunk.gradient(ctx.maps, ctx.routes, gradients, ctx.layers, ctx.reading)
        others = (None,) * 3
        if gradient is None:
            return None, *others
        # Canvases are (3, H, W) in memory too.
        order = torch.contiguous_format if ctx.layers[0].name == INPUT else torch.preserve_format
        by_first = gradient.permute(2, 0, 1).to(torch.float32, copy=True, memory_format=order)
        return by_first, *others


def _poolings(layers: Sequence[Layer], reading: Reading) -> dict[str, Layer]:
    """By convolution, the pooling of its ReLU, where nothing else is read of them."""
    return {
        convolution.name: pooling
        for convolution, relu, pooling in zip(layers[1:], layers[2:], layers[3:], strict=False)
        if pooling.kind == "pooling" and not {convolution.name, relu.name} & reading.layers
    }


def _sizes(x: Tensor, layers: Sequence[Layer]) -> dict[str, tuple[int, int]]:
    """Height and width of every layer's feature map, given that of the first."""
    height, width, _ = x.shape
    sizes = {}
    for layer in layers:
        if layer.kind == "pooling" and layer is not layers[0]:
            height, width = height // 2, width // 2
        sizes[layer.name] = height, width
    return sizes


def _whole(map_: Tensor, layer: Layer) -> Box:
    """The box of the whole picture, given the feature map of a layer."""
    height, width = map_.shape[1:]
    return Box(0, height << layer.pools, 0, width << layer.pools)


def _rectified(x: Tensor, out: Tensor) -> Tensor:
    """The ReLU of a feature map, written into out."""
    each_band(lambda rows: torch.clamp_min(x[rows], 0, out=out[rows]), x)
    return out


def _through_relu(gradient: Tensor, x: Tensor, out: Tensor) -> None:
    """Write the gradient of x, given that of its ReLU."""
    torch.ops.aten.threshold_backward.grad_input(gradient, x, 0, grad_input=out)


def _add_in_bands(add: Read, gradient: Tensor) -> None:
    each_band(lambda rows: add(rows.start, rows.stop, gradient[rows]), gradient)


def _reader(x: Rows, *, rectify: bool) -> Read:
    """A reader of the rows of a feature map, through a ReLU or unchanged."""

    def read(first: int, last: int, rows: Tensor) -> None:
        interrupts.check()
        if rectify:
            torch.clamp_min(x[slice(first, last)], 0, out=rows)
        else:
            rows.copy_(x[slice(first, last)])

    return read
