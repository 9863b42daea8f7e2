"""The layers of VGG-19 and VGG-16 by name: the kind and depth of each, and what it takes and costs.

From Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale Image
Recognition*, arXiv:1409.1556, table 1, columns E and D, without their fully connected layers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from impasto.errors import InputError

INPUT = "input"
CHANNELS = (64, 128, 256, 512, 512)  # of the convolutions of each block


@dataclass(frozen=True)
class Layer:
    """One layer of the network.

    Attributes:
        name: ``conv1_1``, ``relu1_1``, …, ``pool5``; the first is ``input``.
        kind: the operation of the layer.
        channels: number of channels of its output.
        pools: number of poolings up to and including this layer; the sides of its output are
            2^pools times smaller than those of the picture.
    """

    name: str
    kind: Literal["input", "convolution", "relu", "pooling"]
    channels: int
    pools: int

    @property
    def smallest_side(self) -> int:
        """The shortest side of a picture, in pixels, that gives the layer at least one position."""
        return 1 << self.pools


@dataclass(frozen=True)
class Architecture:
    """A network as the sequence of its layers.

    Attributes:
        name: ``VGG-19`` or ``VGG-16``.
        depths: number of convolutions in each of the five blocks.
    """

    name: str
    depths: tuple[int, ...]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer, from the input to ``pool5``."""
        layers = [Layer(INPUT, "input", 3, 0)]
        for block, (depth, channels) in enumerate(zip(self.depths, CHANNELS, strict=True), start=1):
            for index in range(1, depth + 1):
                layers.append(Layer(f"conv{block}_{index}", "convolution", channels, block - 1))
                layers.append(Layer(f"relu{block}_{index}", "relu", channels, block - 1))
            layers.append(Layer(f"pool{block}", "pooling", channels, block))
        return tuple(layers)

    @cached_property
    def convolutions(self) -> tuple[str, ...]:
        """The names of its convolutions, from the first on."""
        return tuple(layer.name for layer in self.layers if layer.kind == "convolution")

    def check(self, names: Iterable[str]) -> None:
        """Make sure that the network has the named layers.

        Raises:
            InputError: it does not.
        """
        if lacking := tuple(sorted({*names} - {layer.name for layer in self.layers})):
            known = {"network": self.name, "convolutions": self.convolutions}
            raise InputError("network.no-layers", layers=lacking, **known)

    def up_to_deepest(self, names: Collection[str], first: str = INPUT) -> tuple[Layer, ...]:
        """The layers from ``first`` up to the deepest of the named ones.

        >>> [layer.name for layer in VGG_16.up_to_deepest({"conv3_3", "pool3"}, "relu3_2")]
        ['relu3_2', 'conv3_3', 'relu3_3', 'pool3']
        """
        places = {layer.name: place for place, layer in enumerate(self.layers)}
        begin = places[first]
        return self.layers[begin : 1 + max((places[name] for name in names), default=begin)]


VGG_19 = Architecture("VGG-19", (2, 2, 4, 4, 4))
VGG_16 = Architecture("VGG-16", (2, 2, 3, 3, 3))

# VGG-16's layers are some of these, in the same order, with the same channels and poolings.
LAYERS = VGG_19.layers
BY_NAME = {layer.name: layer for layer in LAYERS}
READABLE = tuple(layer.name for layer in LAYERS[1:])


def in_order(names: Collection[str]) -> list[str]:
    """The named layers from shallow to deep, in either network.

    >>> in_order({"conv4_2": 1.0, "relu1_1": 0.5})
    ['relu1_1', 'conv4_2']
    """
    return [layer.name for layer in LAYERS if layer.name in names]


def work(layers: Iterable[Layer]) -> float:
    """The number of multiplications for each pixel in the convolutions of consecutive layers.

    >>> work(VGG_19.up_to_deepest({"conv1_1"}))  # 9 positions × 3 input × 64 output channels
    1728.0
    """
    return sum(
        9.0 * before.channels * layer.channels / (1 << 2 * layer.pools)
        for before, layer in pairwise(layers)
        if layer.kind == "convolution"
    )


def values(layers: Iterable[Layer]) -> float:
    """The number of values for each pixel in the feature maps of convolutions.

    >>> values(VGG_19.up_to_deepest({"conv2_1"}))  # twice 64, and 128 for every fourth pixel
    160.0
    """
    return sum(
        layer.channels / (1 << 2 * layer.pools) for layer in layers if layer.kind == "convolution"
    )
