"""How much detail a canvas has at a few scales, and a loss of what exceeds what is wanted.

Detail is what differs from its neighbours: at some distance, the mean squared difference of a pixel
from the mean of two others, so far away on either side. Matches of features say what strokes look
like, and hardly how strong they are, so fine ones become too strong. Where there is less detail
than in the style, nothing is added: a painting would get it where the network sees it least, as a
mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.process import threads

LAGS = (1, 2, 4, 8)  # pixels
LEAST = 1.0  # square grey levels; less detail counts as this
AXES = (1, 2)  # down and across


def lags_for(pictures: Sequence[Tensor]) -> tuple[int, ...]:
    """The distances at which the detail of all of some pictures can be measured, in pixels."""
    shortest = min(min(picture.shape[1:]) for picture in pictures)
    return tuple(lag for lag in LAGS if 2 * lag < shortest)


def detail_of(picture: Tensor, lags: Sequence[int]) -> Tensor:
    """The mean squared difference of pixels from the means of two so far away, down and across.

    Args:
        picture: 3 × H × W, in grey levels.
        lags: the distances, in pixels, each smaller than half of H and W.

    Returns:
        For each distance, in square grey levels, (L).

    Example:
        >>> import torch
        >>> stripes = torch.tensor([0.0, 2.0, 0.0, 2.0]).expand(3, 5, 4)
        >>> detail_of(stripes, [1])  # half of the differences are down a stripe
        tensor([2.])
    """
    found: Tensor = _Detail.apply(picture, tuple(lags))  # type: ignore[no-untyped-call]
    return found


def detail_within(picture: Tensor, lags: Sequence[int], marked: Tensor) -> Tensor:
    """As :func:`detail_of`, for the marked pixels of a picture alone, without a gradient.

    Args:
        picture: 3 × H × W, in grey levels.
        lags: the distances, in pixels, each smaller than half of H and W.
        marked: which pixels count, H × W; at a distance at which none does, all of them.
    """
    means = []
    for lag, axis in product(lags, AXES):
        off = _differences(picture, axis, lag).square()
        inside = marked.narrow(axis - 1, lag, off.shape[axis])
        means.append(off[:, inside].mean() if inside.any() else off.mean())
    return torch.stack(means).view(len(lags), len(AXES)).mean(1)


def excess_loss(own: Tensor, wanted: Tensor) -> Tensor:
    r"""The mean squared logarithm of how many times too large the detail is.

    .. math:: \mathrm{mean}_l \max(0, \ln (V_l / V'_l))^2

    Detail of less than one square grey level counts as that much.

    Args:
        own: the detail of a canvas, (L).
        wanted: at most as much of it is wanted, (L).

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> excess_loss(torch.tensor([9.0, 2.0]), torch.tensor([9.0, 4.0]))
        tensor(0.)
    """
    ratios = own.clamp_min(LEAST) / wanted.clamp_min(LEAST)
    return ratios.log().clamp_min(0).square().mean()


class _Detail(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, lags: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(picture)
        ctx.lags = lags

        def mean_square(part: tuple[int, int]) -> Tensor:
            off = _differences(picture, *part).flatten()
            return torch.dot(off, off) / off.numel()

        found = threads.results(mean_square, list(product(AXES, lags)), picture.device)
        return torch.stack(found).view(len(AXES), len(lags)).mean(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (picture,) = ctx.saved_tensors
        factors = {lag: by for lag, by in zip(ctx.lags, gradient.tolist(), strict=True) if by}
        result = torch.zeros_like(picture)

        def add(channel: slice) -> None:
            for axis, lag in product(AXES, factors):
                off = _differences(picture[channel], axis, lag)
                off *= factors[lag] / (len(picture) * off.numel())
                length = picture.shape[axis] - 2 * lag
                result[channel].narrow(axis, lag, length).add_(off)
                off *= 0.5
                for first in (0, 2 * lag):
                    result[channel].narrow(axis, first, length).sub_(off)

        threads.results(add, [slice(one, one + 1) for one in range(len(picture))], picture.device)
        return result, None


def _differences(picture: Tensor, axis: int, lag: int) -> Tensor:
    """The differences from means along an axis of a picture, C × H × W, as of :func:`detail_of`."""
    length = picture.shape[axis] - 2 * lag
    sums = picture.narrow(axis, 0, length) + picture.narrow(axis, 2 * lag, length)
    return torch.sub(picture.narrow(axis, lag, length), sums, alpha=0.5)
