"""The 38 layers of VGG-19 by name: the kind and depth of each, and the smallest picture it takes.

From Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale Image
Recognition*, arXiv:1409.1556, table 1, column E, without its fully connected layers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

INPUT = "input"
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))  # convolutions, channels


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


def _network() -> tuple[Layer, ...]:
    layers = [Layer(INPUT, "input", 3, 0)]
    for block, (convolutions, channels) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            layers.append(Layer(f"conv{block}_{index}", "convolution", channels, block - 1))
            layers.append(Layer(f"relu{block}_{index}", "relu", channels, block - 1))
        layers.append(Layer(f"pool{block}", "pooling", channels, block))
    return tuple(layers)


LAYERS = _network()
BY_NAME = {layer.name: layer for layer in LAYERS}
READABLE = tuple(layer.name for layer in LAYERS[1:])
CONVOLUTIONS = tuple(layer.name for layer in LAYERS if layer.kind == "convolution")


def up_to_deepest(names: Collection[str], first: str = INPUT) -> tuple[Layer, ...]:
    """The layers from ``first`` up to the deepest of the named ones.

    >>> [layer.name for layer in up_to_deepest({"conv1_1", "relu1_1"})]
    ['input', 'conv1_1', 'relu1_1']
    """
    begin = LAYERS.index(BY_NAME[first])
    return LAYERS[begin : 1 + max((LAYERS.index(BY_NAME[n]) for n in names), default=begin)]


def work(layers: Iterable[Layer]) -> float:
    """The number of multiplications for each pixel in the convolutions of consecutive layers.

    >>> work(up_to_deepest({"conv1_1"}))  # 9 positions × 3 input channels × 64 output channels
    1728.0
    """
    return sum(
        9.0 * before.channels * layer.channels / (1 << 2 * layer.pools)
        for before, layer in pairwise(layers)
        if layer.kind == "convolution"
    )
