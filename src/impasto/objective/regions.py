"""What the styles ask for: regions of the canvas, each with the statistics it should have.

Styles of one mask are blended in their statistics, such as Gram matrices, layer by layer. Styles of
different masks make regions of their own, whose statistics are guided by the mask: Gatys, Ecker,
Bethge, Hertzmann and Shechtman, *Controlling Perceptual Factors in Neural Style Transfer*,
arXiv:1611.07865, section 4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from impasto.pictures.masks import pooled
from impasto.settings.layers import BY_NAME

Statistics = dict[str, Tensor]  # by layer
TURNS = {  # whether mirrored, and quarter turns
    "none": ((False, 0),),
    "mirror": ((False, 0), (True, 0)),
    "rotate": tuple((False, turns) for turns in range(4)),
    "all": tuple((mirrored, turns) for mirrored in (False, True) for turns in range(4)),
}


@dataclass(frozen=True)
class StyleCanvas:
    """A style picture as the network sees it, and what it is to give.

    Attributes:
        canvas: 3 × H × W.
        weight: beside the other styles.
        layers: that it gives; None for all.
        mask: where in the painting, 0…1, of the canvas's size; None for everywhere.
        style_mask: what of it counts, 0…1, H × W; None for all.
    """

    canvas: Tensor
    weight: float = 1.0
    layers: Collection[str] | None = None
    mask: Tensor | None = None
    style_mask: Tensor | None = None

    def gives(self, layer: str) -> bool:
        """Whether it is a style at that layer."""
        return self.layers is None or layer in self.layers

    def is_seen(self, layer: str) -> bool:
        """Whether the layer sees anything of what counts of it."""
        mask = self.style_mask
        return mask is None or bool(pooled(mask, BY_NAME[layer].pools).any())

    def turned(self, symmetry: str) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Its canvas and what of it counts, in every way that the recipe's symmetry asks for."""
        for way in TURNS[symmetry]:
            mask = None if self.style_mask is None else _turned(self.style_mask, *way)
            yield _turned(self.canvas, *way), mask


@dataclass
class Region:
    """Part of the canvas, and the statistics that it should have.

    Attributes:
        mask: 0…1, H × W; None for all of the canvas.
        targets: what the style loss should see, by layer.
        weights: of its styles together, by layer.
    """

    mask: Tensor | None
    targets: Statistics = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    def add(self, style: StyleCanvas, seen: Statistics) -> None:
        """Blend a style's statistics in, by its weight."""
        for name, statistic in seen.items():
            self.weights[name] = self.weights.get(name, 0.0) + style.weight
            part = style.weight / self.weights[name]
            self.targets[name] = (
                statistic if name not in self.targets else self.targets[name].lerp(statistic, part)
            )

    @property
    def bytes(self) -> int:
        """What its mask and its statistics take in memory."""
        mask = 0 if self.mask is None else self.mask.nbytes
        return mask + sum(target.nbytes for target in self.targets.values())

    def area(self, layer: str) -> float:
        """Its share of the positions of a layer."""
        return 1.0 if self.mask is None else pooled(self.mask, BY_NAME[layer].pools).mean().item()


def region_of(style: StyleCanvas, regions: list[Region]) -> Region:
    """The region of a style's mask, which is made if it is the first of it."""
    for region in regions:
        if _are_equal(region.mask, style.mask):
            return region
    regions.append(Region(style.mask))
    return regions[-1]


def guides_for(
    masks: Sequence[Tensor | None], layers: Collection[str], size: tuple[int, int]
) -> Mapping[str, Tensor] | None:
    """What multiplies the maps of each layer for the Gram matrices of regions; None for 1.

    It is the root of the mask, scaled to a mean square of 1, so that the Gram matrix is the mean
    over the region.

    Args:
        masks: of the regions, H × W.
        layers: names of layers.
        size: H and W.

    Returns:
        By layer name, one guide for each region, (R, H', W').
    """
    if all(mask is None for mask in masks):
        return None
    like = next(mask for mask in masks if mask is not None)
    whole = [torch.ones(size).to(like) if mask is None else mask for mask in masks]
    return {
        name: torch.stack([_guide(pooled(mask, BY_NAME[name].pools)) for mask in whole])
        for name in layers
    }


def _guide(mask: Tensor) -> Tensor:
    """Of a mask at a layer's size; of one that this layer is too coarse to see, nothing."""
    mean = mask.mean()
    return (mask / mean.clamp_min(torch.finfo(mask.dtype).tiny)).sqrt()


def _turned(picture: Tensor, mirrored: bool, turns: int) -> Tensor:
    flipped = picture.flip(-1) if mirrored else picture
    return torch.rot90(flipped, turns, (-2, -1)).contiguous()


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)
