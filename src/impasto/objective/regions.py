"""Regions of the canvas, each with the target statistics of its styles.

The statistics of styles with the same mask, such as Gram matrices, are blended layer by layer.
Styles with different masks form separate regions, whose statistics are guided by the mask: Gatys,
Ecker, Bethge, Hertzmann and Shechtman, *Controlling Perceptual Factors in Neural Style Transfer*,
arXiv:1611.07865, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from impasto.pictures.masks import pooled
from impasto.settings.layers import BY_NAME

Statistics = dict[str, Tensor]  # by layer
Share: TypeAlias = Tensor | float  # of a style at every place of the canvas, or everywhere
SMALLEST_SHARE = 1e-6  # of the content; what is less is rounding
TURNS = {  # pairs: whether the picture is mirrored, and the number of quarter turns
    "none": ((False, 0),),
    "mirror": ((False, 0), (True, 0)),
    "rotate": tuple((False, turns) for turns in range(4)),
    "all": tuple((mirrored, turns) for mirrored in (False, True) for turns in range(4)),
}


@dataclass(frozen=True)
class StyleCanvas:
    """A style picture as the network sees it, with the settings of its style.

    Attributes:
        canvas: the style picture, 3 × H × W, RGB in 0…255 minus the network's mean.
        weight: weight relative to the other styles.
        layers: names of the style layers that it supplies; None for all.
        mask: where in the painting the style goes, 0…1, of the painting's size; None for
            everywhere.
        style_mask: which part of the style picture counts, 0…1, H × W; None for all of it.
    """

    canvas: Tensor
    weight: float = 1.0
    layers: Collection[str] | None = None
    mask: Tensor | None = None
    style_mask: Tensor | None = None

    def gives(self, layer: str) -> bool:
        """Whether the style supplies a layer."""
        return self.layers is None or layer in self.layers

    def is_seen(self, layer: str) -> bool:
        """Whether the part of the picture that counts is large enough for a layer to see."""
        mask = self.style_mask
        return mask is None or bool(pooled(mask, BY_NAME[layer].pools).any())

    def turned(self, symmetry: str) -> Iterator[tuple[Tensor, Tensor | None]]:
        """The mirrored and rotated copies for a ``style_symmetry``, each with its style mask."""
        for way in TURNS[symmetry]:
            mask = None if self.style_mask is None else _turned(self.style_mask, *way)
            yield _turned(self.canvas, *way), mask


@dataclass
class Region:
    """A region of the canvas, with its target statistics.

    Attributes:
        mask: 0…1, H × W; None for all of the canvas.
        targets: the target statistics, by layer.
        weights: the sum of the weights of its styles, by layer.
    """

    mask: Tensor | None
    targets: Statistics = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    def add(self, style: StyleCanvas, seen: Statistics) -> None:
        """Blend the statistics of a style into the targets, by its weight."""
        for name, statistic in seen.items():
            self.weights[name] = self.weights.get(name, 0.0) + style.weight
            part = style.weight / self.weights[name]
            self.targets[name] = (
                statistic if name not in self.targets else self.targets[name].lerp(statistic, part)
            )

    @property
    def bytes(self) -> int:
        """Size of its mask and its targets in memory."""
        mask = 0 if self.mask is None else self.mask.nbytes
        return mask + sum(target.nbytes for target in self.targets.values())

    def area(self, layer: str) -> float:
        """The region's share of the positions of a layer, 0…1."""
        return 1.0 if self.mask is None else pooled(self.mask, BY_NAME[layer].pools).mean().item()


def region_of(style: StyleCanvas, regions: list[Region]) -> Region:
    """The region with the mask of a style; a new region is added if there is none."""
    for region in regions:
        if _are_equal(region.mask, style.mask):
            return region
    regions.append(Region(style.mask))
    return regions[-1]


def shares_of(weights: Sequence[float], masks: Sequence[Tensor | None]) -> list[Share]:
    """How much each style counts at each place of the canvas; what is left is the content's.

    The heaviest style covers what its mask marks, and the others as much less as they weigh less.
    Where styles cover more than the whole together, they share the place.

    Args:
        weights: the weights of the styles.
        masks: their masks, each H × W, 0…1; None for the whole canvas.

    Returns:
        For each style its shares, 0…1, H × W; numbers if no style has a mask.

    Example:
        >>> import torch
        >>> shares_of([1.0, 3.0], [None, None])
        [0.25, 0.75]
        >>> masks = torch.tensor([[[0.0, 0.5, 1.0]], [[0.0, 0.0, 1.0]]])
        >>> shares_of([1.0, 1.0], list(masks))
        [tensor([[0.0000, 0.5000, 0.5000]]), tensor([[0.0000, 0.0000, 0.5000]])]
    """
    heaviest = max(weights, default=1.0)
    covered = [
        weight / heaviest * (1.0 if mask is None else mask)
        for weight, mask in zip(weights, masks, strict=True)
    ]
    together = total_of(covered)
    together = together.clamp_min(1) if isinstance(together, Tensor) else max(together, 1.0)
    return [one / together for one in covered]


def total_of(shares: Iterable[Share]) -> Share:
    """The sum of shares: how much all styles together count at each place."""
    return sum(shares, 0.0)


def blended(
    parts: Iterable[Tensor], shares: Sequence[Share], content: Callable[[], Tensor]
) -> Tensor:
    """The sum of a part for each style, multiplied by its shares, and of the content's rest.

    Args:
        parts: a part for each style, such as a picture, 3 × H × W, or feature vectors, (C, N).
        shares: of each style, 0…1, as of :func:`shares_of`; numbers, or of a part's last sizes.
        content: makes the content's part; it is called only if something is left for it.

    Returns:
        The same size as a part.

    Example:
        >>> import torch
        >>> a, b, content = torch.tensor([[1.0, 1.0, 1.0], [10.0, 10.0, 10.0], [7.0, 7.0, 7.0]])
        >>> shares = [torch.tensor([1.0, 0.5, 0.0]), torch.tensor([0.0, 0.5, 0.5])]
        >>> blended([a[None], b[None]], shares, lambda: content[None])
        tensor([[1.0000, 5.5000, 8.5000]])
    """
    total: Tensor | None = None
    for part, share in zip(parts, shares, strict=True):
        scaled = _scaled(part, share)
        total = scaled if total is None else total.add_(scaled)
    rest = rest_of(shares)
    if total is None or rest is None:
        return content() if total is None else total
    return total.add_(_scaled(content(), rest))


def rest_of(shares: Sequence[Share]) -> Share | None:
    """What the shares of the styles leave for the content; None if they leave nothing."""
    rest = 1 - total_of(shares)
    most = rest.max() if isinstance(rest, Tensor) else rest
    return rest if most > SMALLEST_SHARE else None


def _scaled(part: Tensor, share: Share) -> Tensor:
    return part * (share.to(part) if isinstance(share, Tensor) else share)


def guides_for(
    masks: Sequence[Tensor | None], layers: Collection[str], size: tuple[int, int]
) -> Mapping[str, Tensor] | None:
    """The guides of regions: factors of the feature maps, for the statistics of each region.

    A guide is the square root of the mask, scaled to a mean square of 1, so that the Gram matrix is
    the mean over the region (Gatys and others, arXiv:1611.07865, equation 4).

    Args:
        masks: the masks of the regions, each H × W; None for the whole canvas.
        layers: names of the style layers.
        size: H and W.

    Returns:
        By layer name, one guide for each region, (R, H', W'); None if no region has a mask.
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
    """The guide of a mask at a layer's size; zero if the mask is too small for the layer."""
    mean = mask.mean()
    return (mask / mean.clamp_min(torch.finfo(mask.dtype).tiny)).sqrt()


def _turned(picture: Tensor, mirrored: bool, turns: int) -> Tensor:
    flipped = picture.flip(-1) if mirrored else picture
    return torch.rot90(flipped, turns, (-2, -1)).contiguous()


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)
