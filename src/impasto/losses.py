"""The losses: pure functions of feature maps.

Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576, with the
normalisation of the published worked example that ``docs/architecture.md`` names.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    r"""Half the mean squared difference of two feature maps (equation 1, as a mean).

    .. math:: \tfrac12 \, \mathrm{mean}\big((F - F_\text{content})^2\big)

    Args:
        features: of the canvas, (C, H, W).
        target: of the content picture, the same shape.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> content_loss(torch.ones(2, 3, 3), torch.zeros(2, 3, 3))
        tensor(0.5000)
    """
    return 0.5 * F.mse_loss(features, target)


def content_energy(target: Tensor) -> Tensor:
    """The content loss of a canvas that a layer sees nothing in; relative losses are parts of it.

    Example:
        >>> import torch
        >>> content_energy(2 * torch.ones(2, 3, 3))
        tensor(2.)
    """
    return 0.5 * target.square().mean()


def gram(features: Tensor) -> Tensor:
    r"""Gram matrix of a feature map, for each position (equation 3, over HW).

    With the map flattened to HW × C it is :math:`F^\mathsf{T} F / (HW)`: the mean over positions,
    rather than the sum, so that maps of different sizes can be compared.

    Args:
        features: (C, H, W).

    Returns:
        (C, C), symmetric.

    Example:
        >>> import torch
        >>> gram(torch.tensor([[[1.0, 2.0]], [[3.0, 0.0]]]))
        tensor([[2.5000, 1.5000],
                [1.5000, 4.5000]])
    """
    matrix: Tensor = _Gram.apply(features.flatten(1))  # type: ignore[no-untyped-call]
    return matrix


def guided_gram(features: Tensor, guides: Tensor) -> Tensor:
    r"""Gram matrices of a feature map that guides multiply (Gatys and others, arXiv:1611.07865,
    equation 4).

    Args:
        features: (C, H, W).
        guides: (R, H, W), one for each region of the picture.

    Returns:
        (R, C, C), each symmetric.

    Example:
        >>> import torch
        >>> left, right = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), torch.ones(1, 1, 2)
        >>> guided_gram(torch.tensor([[[1.0, 2.0]]]), torch.cat([left, right]))[:, 0, 0]
        tensor([0.5000, 2.0000, 2.5000])
    """
    return torch.stack([gram(features * guide) for guide in guides])


class _Gram(torch.autograd.Function):
    """flat @ flat.T / HW, whose gradient is one matrix product where autograd would make two."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return flat @ flat.T / flat.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        by_flat: Tensor = (gradient + gradient.T) / flat.shape[1] @ flat
        return by_flat


def style_loss(matrix: Tensor, target: Tensor) -> Tensor:
    r"""Mean squared difference of two Gram matrices, over C² once more (equation 4).

    For maps of equal size it is, with G the sum over positions,
    :math:`\mathrm{mean}\big((G - G_\text{style})^2\big) / (HWC)^2`.

    Args:
        matrix: of the canvas, (C, C), from :func:`gram`.
        target: of the style picture, likewise.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> style_loss(gram(torch.ones(2, 3, 3)), torch.zeros(2, 2))
        tensor(0.2500)
    """
    return (matrix - target).square().mean() / matrix.shape[0] ** 2


def style_energy(target: Tensor) -> Tensor:
    """The style loss of a canvas that a layer sees nothing in; relative losses are parts of it.

    Example:
        >>> import torch
        >>> style_energy(torch.ones(2, 2))
        tensor(0.2500)
    """
    return target.square().mean() / target.shape[0] ** 2
