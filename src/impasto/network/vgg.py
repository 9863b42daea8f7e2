"""VGG-19 and VGG-16 as feature extractors with named layers.

Simonyan and Zisserman, arXiv:1409.1556; with average pooling instead of max pooling as in Gatys,
Ecker and Bethge, arXiv:1508.06576, section *Methods*.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError
from impasto.network.devices import Arithmetic
from impasto.network.direct import Direct
from impasto.network.pooling import halved
from impasto.network.readings import NO_GRIDS, Grid
from impasto.network.statistics import gram
from impasto.network.tiles import Box
from impasto.network.trunk import Trunk
from impasto.network.weights import Weights
from impasto.network.winograd import Winograd
from impasto.process import interrupts
from impasto.settings.layers import BY_NAME, INPUT, VGG_19, Architecture, Layer
from impasto.settings.pieces import check_canvas, check_choice

POOLINGS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "average": F.avg_pool2d,
    "max": F.max_pool2d,
}


class VGG:
    """VGG-19 or VGG-16, up to the deepest of the layers to read, with frozen weights.

    Args:
        weights: the weights of its convolutions, which say which network it is.
        layers: names of the layers to read, such as ``conv4_2`` (before its ReLU) or ``relu4_2``.
        pooling: ``average`` or ``max``.
        padding: what convolutions see beyond the border of their input: ``zeros`` (the first one
            sees the mean colour) or ``replicate``.
        device: the device that computes.
        dtype: the number format. With bfloat16, pictures and their gradients are float32, the
            first convolution sees them so, and feature maps are returned as float32.
        by_rows: compute a few rows at a time, which the threads of a CPU share; in float32 with
            Winograd's algorithm. Ignored in float64.

    Attributes:
        architecture: the whole network that its weights are of.
        taps: names of the layers to read.
        weights: the weights.
        arithmetic: how it computes.
        pooling: ``average`` or ``max``.
        padding: ``zeros`` or ``replicate``.
        mean: the mean colour that is subtracted from pictures, 3 × 1 × 1, RGB in 0…255.

    Raises:
        InputError: no layer is named, or one that the network does not have; or there is no such
            pooling or padding; or the weights are of a network that the class does not take.
    """

    only: ClassVar[Architecture | None] = None  # the network that a class takes, if only one

    def __init__(
        self,
        weights: Weights,
        layers: Iterable[str],
        *,
        pooling: str = "average",
        padding: str = "zeros",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        by_rows: bool = False,
    ) -> None:
        self.weights, self.architecture = weights, weights.architecture
        self.pooling, self.padding = pooling, padding
        self.arithmetic = Arithmetic(dtype, by_rows)
        if self.only not in (None, self.architecture):
            raise InputError(
                "network.other",
                name=type(self).__name__,
                weights=weights.name,
                network=self.architecture.name,
            )
        self.taps = frozenset([layers] if isinstance(layers, str) else layers)
        self.architecture.check(self.taps)
        if not self.taps:
            raise InputError("network.nothing-to-read", example="conv4_2")
        self.layers = self.architecture.up_to_deepest(self.taps)
        self.dtype = torch.float32 if dtype == torch.bfloat16 else dtype
        self.mean = torch.tensor(weights.mean, device=device, dtype=self.dtype).reshape(3, 1, 1)
        check_choice("pooling", pooling, POOLINGS)
        check_choice("padding", padding, ("zeros", "replicate"))
        self._pool = POOLINGS[pooling]
        self._replicates = padding == "replicate"
        on_gpu = torch.device(device).type == "cuda"  # tensor cores need the channels last
        self._layout = torch.channels_last if on_gpu else torch.contiguous_format
        self._trunk: Trunk | None = None
        if by_rows and dtype != torch.float64:
            way = Direct if dtype == torch.bfloat16 else Winograd
            self._trunk = Trunk(weights.convolutions, way, padding, pooling, self.architecture)
            return
        self._convolutions = {
            layer.name: _placed(
                weights.convolutions[layer.name],
                device,
                self.dtype if layer.name == self.architecture.convolutions[0] else dtype,
                self._layout,
            )
            for layer in self.layers
            if layer.kind == "convolution"
        }

    def __call__(
        self, picture: Tensor, names: Iterable[str] | None = None, first: str = INPUT
    ) -> dict[str, Tensor]:
        """Feature maps of a picture.

        Args:
            picture: 3 × H × W, RGB in 0…255 minus :attr:`mean`.
            names: names of the layers to return, among the layers to read; None for all of them.
            first: a layer whose feature map, C × H × W, is given instead of a picture; the network
                continues from it.

        Returns:
            By layer name, the feature maps, C × H' × W', where H' is H halved and rounded down at
            every pooling. If a gradient is required, they are valid until the next such call.

        Raises:
            InputError: the picture is none, or too small; or a layer is deeper than those to read.
        """
        wanted = self.taps if names is None else frozenset(names)
        self._check(picture, wanted, first)
        if self._trunk is not None:
            return self._trunk(picture, sorted(wanted), first=first)[0]
        features = {}
        x = picture.unsqueeze(0).contiguous(memory_format=self._layout)
        for layer in self.architecture.up_to_deepest(wanted, first):
            interrupts.check()
            if layer.name == first:
                pass
            elif layer.kind == "convolution":
                kernel, bias = self._convolutions[layer.name]
                x = x.to(kernel.dtype)
                if self._replicates:
                    x = F.conv2d(replicated(x, (2, 3)), kernel, bias)
                else:
                    x = F.conv2d(x, kernel, bias, padding=1)
                if x.requires_grad:
                    x.register_hook(_check)  # type: ignore[no-untyped-call]
            elif layer.kind == "relu":
                before = layer.name.replace("relu", "conv")
                overwrite = before not in wanted and before != first
                x = F.relu(x, inplace=overwrite)
            elif layer.kind == "pooling":
                x = self._pool(x, 2)
            if layer.name in wanted:
                features[layer.name] = x.squeeze(0).to(self.dtype)
        return features

    def _check(self, picture: Tensor, wanted: frozenset[str], first: str) -> None:
        """Raise an InputError if a picture cannot be read at some layers."""
        if unread := tuple(sorted(wanted - {layer.name for layer in self.layers})):
            raise InputError("pieces.not-read", layers=unread, read=tuple(sorted(self.taps)))
        if first != INPUT:
            return
        check_canvas(picture)
        height, width = picture.shape[1:]
        deepest = self.architecture.up_to_deepest(wanted)[-1]
        if min(height, width) < deepest.smallest_side:
            least = {"layer": deepest.name, "least": deepest.smallest_side}
            raise InputError("pieces.too-small", width=width, height=height, **least)

    def statistics(
        self,
        picture: Tensor,
        features: Collection[str],
        grams: Collection[str],
        core: Box | None = None,
        first: str = INPUT,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Feature maps of some layers and Gram matrices of others.

        Args:
            picture: 3 × H × W, RGB in 0…255 minus :attr:`mean`, or the feature map of the layer
                ``first``.
            features: names of the layers whose feature maps are returned.
            grams: names of the layers whose Gram matrices are returned.
            core: the part of the picture that they cover; None for all of it.
            first: the layer whose feature map is given instead of a picture.

        Returns:
            By layer name, the feature maps, C × H' × W', and the Gram matrices, C × C, of
            :func:`impasto.network.statistics.gram`.
        """
        if self._trunk is not None:
            return self._trunk(picture, features, grams, core, first)
        maps = self.maps(picture, {*features, *grams}, core, first)
        return {name: maps[name] for name in features}, {name: gram(maps[name]) for name in grams}

    def maps(
        self,
        picture: Tensor,
        names: Iterable[str],
        core: Box | None = None,
        first: str = INPUT,
        pools: int = 0,
        grids: Mapping[str, Grid] = NO_GRIDS,
    ) -> dict[str, Tensor]:
        """Feature maps of some layers, for a part of the picture, as in :meth:`statistics`.

        Maps that are finer than those behind ``pools`` poolings are averaged to their size. Of a
        layer with a grid, only the values at its rows and columns are returned.
        """
        if self._trunk is not None:
            return self._trunk(picture, sorted(names), (), core, first, pools, grids)[0]
        maps = self(picture, names, first)
        if core is not None:
            maps = {name: core.after(BY_NAME[name].pools).of(x) for name, x in maps.items()}
        on_grids = {name: maps[name][:, rows, columns] for name, (rows, columns) in grids.items()}
        means = {name: halved(x, pools - BY_NAME[name].pools) for name, x in maps.items()}
        return {**means, **on_grids}

    def laid_out(self, features: Tensor) -> Tensor:
        """A copy of a feature map, C × H × W, in the order in memory of those it returns."""
        last = self._trunk is not None or self._layout == torch.channels_last
        order = torch.channels_last if last else torch.contiguous_format
        return features.unsqueeze(0).clone(memory_format=order).squeeze(0)

    def release(self, layers: Collection[Layer] | None = None) -> None:
        """Release the buffers that are kept for the next picture.

        Args:
            layers: the layers that are computed from now on; what only others need is released too,
                and prepared again if they are needed after all.
        """
        if self._trunk is not None:
            self._trunk.release(layers)


class VGG19(VGG):
    """A :class:`VGG` that takes only weights of VGG-19, such as the bundled ones."""

    only = VGG_19


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


def _check(_: Tensor) -> None:
    """Check for interrupts during the backward pass, between two layers."""
    interrupts.check()


def _placed(
    convolution: tuple[Tensor, Tensor],
    device: torch.device | str,
    dtype: torch.dtype,
    layout: torch.memory_format,
) -> tuple[Tensor, Tensor]:
    kernel, bias = convolution
    placed = kernel.to(device=device, dtype=dtype).contiguous(memory_format=layout)
    return placed, bias.to(device=device, dtype=dtype)
