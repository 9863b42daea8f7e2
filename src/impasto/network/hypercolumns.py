"""Hypercolumns: what several layers see at the same place of a picture, side by side.

Hariharan, Arbeláez, Girshick and Malik, *Hypercolumns for Object Segmentation and Fine-grained
Localization*, arXiv:1411.5752.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from impasto.network.batches import batched, unbatched
from impasto.network.pooling import halved
from impasto.settings.layers import BY_NAME

POOLS = 2  # neighbouring places on the grid are as far apart as positions behind two poolings


def on_grid(name: str, features: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of a layer in the hypercolumns at places four pixels apart.

    A finer feature map is averaged over the area of a place, and a coarser one is interpolated
    bilinearly.

    Args:
        name: of the layer.
        features: its feature map, (C, H', W'); it may be averaged already, as by
            :meth:`impasto.network.vgg.VGG.maps` with ``pools=POOLS``.
        size: H and W of the picture, in pixels.

    Returns:
        (C, N), where N is the number of places, H // 4 times W // 4.

    Example:
        >>> import torch
        >>> on_grid("relu4_1", torch.ones(512, 1, 2), (8, 16)).shape
        torch.Size([512, 8])
    """
    grid = size[0] >> POOLS, size[1] >> POOLS
    pools = BY_NAME[name].pools
    if pools < POOLS and features.shape[1:] != grid:
        features = halved(features, POOLS - pools)
    elif pools > POOLS:
        enlarged = F.interpolate(batched(features), grid, mode="bilinear", align_corners=False)
        features = unbatched(enlarged)
    return features.flatten(1)


def at_points(features: Tensor, points: Tensor) -> Tensor:
    """The part of one layer in the hypercolumns at any points, interpolated bilinearly.

    Args:
        features: a feature map of a picture, or the picture itself, (C, H', W').
        points: x and y of each point, from −1 at one border to 1 at the other, (N, 2).

    Returns:
        (C, N).

    Example:
        >>> import torch
        >>> ramp = torch.arange(4.0).reshape(1, 1, 4)
        >>> at_points(ramp, torch.tensor([[0.0, 0.0], [-0.75, 0.0]]))
        tensor([[1.5000, 0.0000]])
    """
    sampled = F.grid_sample(
        features[None], points[None, None], padding_mode="border", align_corners=False
    )
    return sampled[0, :, 0]
