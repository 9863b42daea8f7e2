"""The network that paints a photograph in one pass, in one of the styles that it has learned.

Johnson, Alahi and Fei-Fei, *Perceptual Losses for Real-Time Style Transfer and Super-Resolution*,
arXiv:1603.08155, with instance normalisation (Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022),
convolutions after an enlargement instead of transposed ones (Odena, Dumoulin and Olah,
*Deconvolution and Checkerboard Artifacts*, 2016), and a scale and a shift of each style after every
normalisation (Dumoulin, Shlens and Kudlur, *A Learned Representation for Artistic Style*,
arXiv:1610.07629).

The network has three stages: an encoder, which reduces the photograph to a quarter of its sides; a
middle of residual blocks; and a decoder, which enlarges again. What it computes is a change of the
photograph, which is 0 before training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.process import interrupts
from impasto.settings.strength import way

REDUCTION = 4  # the sides of what the network paints are multiples of it
KNOTS = (0.0, 0.5, 1.0)  # of the way to the style; scales and shifts are learned at them
EPSILON = 1e-5  # added to variances
GREY, SPREAD = 127.5, 64.0  # grey levels: photographs enter the network as (x − GREY) / SPREAD


@dataclass(frozen=True)
class Shape:
    """What a network of this kind is made of.

    Attributes:
        styles: number of styles.
        channels: at the whole, half and quarter of the photograph's sides.
        blocks: number of residual blocks.
    """

    styles: int
    channels: tuple[int, int, int] = (16, 32, 64)
    blocks: int = 4


class Moments(NamedTuple):
    """Mean and variance of each channel of a feature map, (C) each."""

    mean: Tensor
    variance: Tensor


class Condition(NamedTuple):
    """What the network paints: a mixture of styles, at a strength.

    Attributes:
        mixture: share of each style, (styles); they add up to 1.
        strength: from 0 to 1.
    """

    mixture: Tensor
    strength: float

    @property
    def change(self) -> float:
        """The share of the change of the photograph that is added to it, from 0 to 1."""
        return min(1.0, 2 * way(self.strength))

    def shares(self) -> Tensor:
        """The share of each style's parameters at each of :data:`KNOTS`, (styles, knots)."""
        return self.mixture[:, None] * self.mixture.new_tensor(hats(self.strength))


def hats(strength: float) -> list[float]:
    """The shares of the parameters at each of :data:`KNOTS`, by linear interpolation.

    >>> hats(0.7), hats(0.35)
    ([0.0, 1.0, 0.0], [0.5, 0.5, 0.0])
    """
    width = KNOTS[1] - KNOTS[0]
    return [max(0.0, 1 - abs(way(strength) - knot) / width) for knot in KNOTS]


class Layer(nn.Module):
    """A convolution, and the normalisation of its output.

    Args:
        before: channels of its input.
        channels: channels of its output.
        styles: number of styles.
        side: side of the kernel.
        stride: stride of the convolution.
        enlarges: whether the input is first enlarged twice, each pixel to four.
        rectifies: whether a ReLU follows.
    """

    def __init__(
        self,
        before: int,
        channels: int,
        styles: int,
        *,
        side: int = 3,
        stride: int = 1,
        enlarges: bool = False,
        rectifies: bool = True,
    ) -> None:
        super().__init__()
        self.side, self.stride, self.enlarges, self.rectifies = side, stride, enlarges, rectifies
        self.kernel = nn.Parameter(_drawn(channels, before, side))
        self.scales = nn.Parameter(torch.ones(styles, len(KNOTS), channels))
        self.shifts = nn.Parameter(torch.zeros(styles, len(KNOTS), channels))

    def convolved(self, x: Tensor) -> Tensor:
        """The output of the convolution, before it is normalised, (1, C, H', W')."""
        if self.enlarges:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return F.conv2d(padded(x, self.side // 2), self.kernel, stride=self.stride)

    def normalized(self, x: Tensor, condition: Condition, moments: Moments | None = None) -> Tensor:
        """The output of the layer, of the shape of ``x``.

        Args:
            x: the output of the convolution, (1, C, H, W).
            condition: what the network paints.
            moments: those of the whole feature map, if ``x`` is a part of it; None for those of x.
        """
        scale, shift = self.affine(condition)
        if moments is None:
            x = F.instance_norm(x, weight=scale, bias=shift, eps=EPSILON)
        else:
            factor = scale * (moments.variance + EPSILON).rsqrt()
            x = x * factor[:, None, None] + (shift - moments.mean * factor)[:, None, None]
        return F.relu(x) if self.rectifies else x

    def affine(self, condition: Condition) -> tuple[Tensor, Tensor]:
        """The scale and the shift of each channel, (C) each."""
        shares = condition.shares().to(self.scales).reshape(-1)
        return shares @ self.scales.flatten(0, 1), shares @ self.shifts.flatten(0, 1)

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        """The output of the layer for a whole feature map, (1, C, H, W).

        Raises:
            StoppedError: the work was interrupted.
        """
        interrupts.check()
        return self.normalized(self.convolved(x), condition)


class Layers(nn.ModuleList):
    """Some layers, in order."""

    def __iter__(self) -> Iterator[Layer]:
        return cast("Iterator[Layer]", super().__iter__())


class PaintingNetwork(nn.Module):
    """The network; its weights are drawn from PyTorch's generator.

    Args:
        shape: what it is made of.

    Attributes:
        shape: what it is made of.
        encoder: reduces the photograph, and is normalised at every layer.
        middle: the two layers of each residual block, in order.
        decoder: enlarges the output of the middle.
        last: kernel of the convolution that makes the change of the photograph.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        whole, half, quarter = shape.channels
        styles = shape.styles
        self.shape = shape
        self.encoder = Layers(
            [
                Layer(3, half, styles, side=5, stride=2),
                Layer(half, quarter, styles, stride=2),
            ]
        )
        self.middle = Layers(
            Layer(quarter, quarter, styles, rectifies=is_first)
            for _ in range(shape.blocks)
            for is_first in (True, False)
        )
        self.decoder = Layers(
            [
                Layer(quarter, half, styles, enlarges=True),
                Layer(half, whole, styles, enlarges=True),
            ]
        )
        self.last = nn.Parameter(torch.zeros(3, whole, 5, 5))

    def forward(self, photograph: Tensor, condition: Condition) -> Tensor:
        """A photograph, painted.

        Args:
            photograph: 3 × H × W, RGB in 0…255; H and W are multiples of :data:`REDUCTION`.
            condition: the styles and the strength.

        Returns:
            3 × H × W, RGB, neither rounded nor clipped.
        """
        x = entered(photograph)
        for layer in self.encoder:
            x = layer(x, condition)
        x = self.through_the_middle(x, condition)
        for layer in self.decoder:
            x = layer(x, condition)
        return photograph + condition.change * self.change_from(x)

    def blocks(self) -> list[tuple[Layer, Layer]]:
        """The two layers of each residual block, in order."""
        layers = list(self.middle)
        return list(zip(layers[::2], layers[1::2], strict=True))

    def through_the_middle(self, x: Tensor, condition: Condition) -> Tensor:
        """The output of the residual blocks, of the shape of ``x``, (1, C, H, W)."""
        for first, second in self.blocks():
            x = x + second(first(x, condition), condition)
        return x

    def change_from(self, x: Tensor) -> Tensor:
        """The change of the photograph, 3 × H × W, from the output of the decoder."""
        return SPREAD * F.conv2d(padded(x, self.last.shape[-1] // 2), self.last).squeeze(0)


def placed(network: PaintingNetwork, device: torch.device) -> PaintingNetwork:
    """A network on a device, in the layout that is fast there; it decides how sums are rounded."""
    network.to(device)
    if device.type != "mps":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def entered(photograph: Tensor) -> Tensor:
    """A photograph, 3 × H × W in 0…255, as the first layer sees it, (1, 3, H, W)."""
    return ((photograph - GREY) / SPREAD).unsqueeze(0)


def padded(x: Tensor, by: int) -> Tensor:
    """A feature map (1, C, H, W) with its border replicated on every side."""
    return F.pad(x, (by, by, by, by), mode="replicate")


def _drawn(channels: int, before: int, side: int) -> Tensor:
    """A kernel with random weights, out × in × side × side (He and others, arXiv:1502.01852)."""
    return nn.init.kaiming_normal_(torch.empty(channels, before, side, side))
