"""Statistics of a feature map for the style losses: Gram matrix, moments, or every position.

Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576, equation 3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from impasto.network.bands import PRODUCTS, slices
from impasto.process import threads


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
    return _products(features, guide)


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
    return _products(features, guide, torch.ones_like(features[0]) if guide is None else guide)


def positions(features: Tensor) -> Tensor:
    """The features at every position: a feature map (C, H, W) flattened to (C, HW)."""
    return features.flatten(1)


def _products(features: Tensor, guide: Tensor | None, added: Tensor | None = None) -> Tensor:
    """The Gram matrix of a feature map times a guide, with another channel, (H, W), if given."""
    flat = (features if guide is None else features * guide).flatten(1)
    row = flat[:0] if added is None else added.flatten().unsqueeze(0)
    matrix: Tensor = _Products.apply(flat, row)  # type: ignore[no-untyped-call]
    return matrix


class _Products(torch.autograd.Function):
    """x @ x.T / HW, whose gradient is one product with flat instead of autograd's two.

    The rows of x are those of flat, (C, HW), and then others, for which there is no gradient.
    """

    @staticmethod
    def forward(ctx: Any, flat: Tensor, others: Tensor) -> Tensor:
        ctx.save_for_backward(flat, others)

        def multiply(some: slice) -> Tensor:
            x, other = flat[:, some], others[:, some]
            mixed = x @ other.T
            upper, lower = [x @ x.T, mixed], [mixed.T, other @ other.T]
            return torch.cat([torch.cat(upper, 1), torch.cat(lower, 1)])

        total, *rest = threads.results(multiply, _parts(flat), flat.device)
        for one in rest:
            total += one
        return total / flat.shape[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        flat, others = ctx.saved_tensors
        factors = (gradient + gradient.T)[: len(flat)] / flat.shape[1]
        own, mixed = factors[:, : len(flat)], factors[:, len(flat) :]
        if flat.device.type != "cpu" or torch.is_grad_enabled():  # for a second derivative
            by_flat = own @ flat
            return (by_flat + mixed @ others if len(others) else by_flat), None
        by_flat = torch.empty_like(flat)

        def write(some: slice) -> None:
            out = by_flat[:, some]
            torch.mm(own, flat[:, some], out=out)
            if len(others):
                out.addmm_(mixed, others[:, some])

        threads.each(write, _parts(flat))
        return by_flat, None


def _parts(flat: Tensor) -> list[slice]:
    """The positions that a thread takes at a time; all of them on a device other than a CPU."""
    channels, count = flat.shape
    at_once = PRODUCTS // max(1, channels**2) if flat.device.type == "cpu" else count
    return slices(0, count, at_once) or [slice(0, 0)]
