"""Painting a photograph in tiles, with the result of the whole except for rounding.

A normalisation needs the mean and the variance of a whole feature map, so no tile can be painted
alone. The middle of the network sees a quarter of the photograph's sides, and its feature maps take
about as much memory as the photograph; they are held whole. The two ends, whose feature maps are
large, are computed tile by tile: once for the moments of every feature map that is normalised, then
once more for what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.devices import in_float64
from impasto.network.tiles import Tile, cut
from impasto.painters.network import (
    REDUCTION,
    Condition,
    Layer,
    Moments,
    PaintingNetwork,
    entered,
)
from impasto.process import interrupts

# Width of the halo of a tile, in pixels: what the convolutions of either end see around it is 5
# pixels at most, and corners are multiples of REDUCTION.
HALO = 2 * REDUCTION
QUARTER = 2  # halvings from the photograph to the middle of the network


class Sums:
    """The moments of a feature map, added up tile by tile in float64 (Chan, Golub and LeVeque)."""

    def __init__(self) -> None:
        self._count, self._device = 0, torch.device("cpu")
        self._mean = self._squares = torch.zeros(())

    def add(self, part: Tensor) -> None:
        """Add a part of the feature map, (1, C, H, W)."""
        self._device = part.device
        flat = in_float64(part.squeeze(0).flatten(1))
        count, mean = flat.shape[1], flat.mean(1)
        squares = (flat - mean[:, None]).square().sum(1)
        if self._count:
            total, apart = self._count + count, mean - self._mean
            squares = self._squares + squares + apart.square() * (self._count * count / total)
            mean = self._mean + apart * (count / total)
        self._count, self._mean, self._squares = self._count + count, mean, squares

    def moments(self) -> Moments:
        """The moments of what was added, float32."""
        mean, variance = self._mean.float(), (self._squares / self._count).float()
        return Moments(mean.to(self._device), variance.to(self._device))


def in_tiles(
    network: PaintingNetwork,
    photograph: Tensor,
    condition: Condition,
    side: int,
    device: torch.device,
) -> Tensor:
    """A photograph, painted tile by tile.

    Args:
        network: the network, on ``device``.
        photograph: 3 × H × W, RGB, 0…255, on the CPU.
        condition: the styles and the strength.
        side: side of a tile without its halo, in pixels.
        device: the device that computes.

    Returns:
        3 × H × W on the CPU, RGB, neither rounded nor clipped.
    """
    whole = beyond(photograph)
    height, width = whole.shape[1:]
    tiles = cut(height, width, side, HALO, REDUCTION)

    def reads_photograph(tile: Tile) -> Tensor:
        return entered(tile.window.of(whole).to(device))

    encoder, decoder = list(network.encoder), list(network.decoder)
    seen = _measured(encoder[:-1], reads_photograph, tiles, condition, halvings=1)
    maps: Tensor | None = None
    for tile in tiles:
        part = _through(encoder[:-1], reads_photograph(tile), condition, seen)
        part = encoder[-1].convolved(part)
        core = _core(tile, part, QUARTER)
        if maps is None:
            maps = part.new_empty(1, part.shape[1], height // REDUCTION, width // REDUCTION)
        rows, columns = tile.core.after(QUARTER).slices
        maps[..., rows, columns] = core
    assert maps is not None, "a picture has a tile"  # noqa: S101
    middle = network.through_the_middle(encoder[-1].normalized(maps, condition), condition)
    del maps

    def reads_middle(tile: Tile) -> Tensor:
        return tile.window.after(QUARTER).of(middle)

    seen = _measured(decoder, reads_middle, tiles, condition, halvings=1, enlarges=True)
    painting = torch.empty_like(whole)
    for tile in tiles:
        change = network.change_from(_through(decoder, reads_middle(tile), condition, seen))
        rows, columns = tile.core.slices
        painted = condition.change * tile.inside.of(change).cpu()
        painting[:, rows, columns] = tile.core.of(whole) + painted
    return painting[:, : photograph.shape[1], : photograph.shape[2]]


def beyond(photograph: Tensor) -> Tensor:
    """A photograph, 3 × H × W, continued at the right and below to multiples of REDUCTION."""
    height, width = photograph.shape[1:]
    by = (0, -width % REDUCTION, 0, -height % REDUCTION)
    return F.pad(photograph.unsqueeze(0), by, mode="replicate").squeeze(0)


def _measured(
    layers: Sequence[Layer],
    read: Callable[[Tile], Tensor],
    tiles: Sequence[Tile],
    condition: Condition,
    *,
    halvings: int,
    enlarges: bool = False,
) -> list[Moments]:
    """The moments of what the convolutions of some layers give for the whole, layer by layer."""
    seen: list[Moments] = []
    for index, layer in enumerate(layers):
        sums = Sums()
        at = halvings - index if enlarges else halvings + index
        for tile in tiles:
            part = layer.convolved(_through(layers[:index], read(tile), condition, seen))
            sums.add(_core(tile, part, at))
        seen.append(sums.moments())
    return seen


def _through(
    layers: Sequence[Layer], x: Tensor, condition: Condition, seen: Sequence[Moments]
) -> Tensor:
    """The output of some layers for a part of a feature map, given the moments of the wholes."""
    interrupts.check()
    for layer, moments in zip(layers, seen, strict=False):
        x = layer.normalized(layer.convolved(x), condition, moments)
    return x


def _core(tile: Tile, part: Tensor, halvings: int) -> Tensor:
    """The core of a tile in a feature map of its window."""
    return tile.inside.after(halvings).of(part)
