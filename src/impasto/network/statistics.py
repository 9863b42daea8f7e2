"""Statistics of a feature map for the style losses: Gram matrix, moments, or every position.

Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576, equation 3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def gram(features: Tensor, guide: Tensor | None = None) -> Tensor:
    r"""Gram matrix of a feature map, as a mean over positions (equation 3, divided by HW).

    With the feature map F flattened to HW × C, it is :math:`F^\mathsf{T} F / (HW)`. It is the mean
    over positions rather than the sum, so that feature maps of different sizes can be compared.

    Args:
        features: feature map, (C, H, W).
        guide: factor of the feature map, for the Gram matrix of a region, (H, W) (Gatys and others,
            arXiv:1611.07865, equation 4); None for 1.

    Returns:
        The Gram matrix, (C, C), symmetric.

    Example:
        >>> import torch
        >>> gram(torch.tensor([[[1.0, 2.0]], [[3.0, 0.0]]]))
        tensor([[2.5000, 1.5000],
                [1.5000, 4.5000]])
    """
    guided = features if guide is None else features * guide
    matrix: Tensor = _Gram.apply(guided.flatten(1))  # type: ignore[no-untyped-call]
    return matrix


def moments(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """First and second moments of a feature map: its Gram matrix with an added channel of ones.

    Args:
        features: feature map, (C, H, W).
        guide: factor of the feature map, (H, W), as for :func:`gram`, with a mean square of 1.

    Returns:
        The moments, (C + 1, C + 1): the Gram matrix, with the mean in the last column and row, and
        1 in the corner.

    Example:
        >>> import torch
        >>> moments(torch.tensor([[[1.0, 3.0]]]))
        tensor([[5., 2.],
                [2., 1.]])
    """
    return gram(torch.cat([features, torch.ones_like(features[:1])]), guide)


def positions(features: Tensor) -> Tensor:
    """The features at every position: a feature map (C, H, W) flattened to (C, HW)."""
    return features.flatten(1)


class _Gram(torch.autograd.Function):
    """flat @ flat.T / HW, whose gradient is one matrix product instead of autograd's two."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return flat @ flat.T / flat.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        by_flat: Tensor = (gradient + gradient.T) / flat.shape[1] @ flat
        return by_flat
