"""How far the colours of a canvas are from a palette, given by their mean and covariance."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SMALLEST_VARIANCE = 1.0  # square grey levels; a palette of one colour counts as this wide


class Palette(NamedTuple):
    """The colours of a picture.

    Attributes:
        mean: 3 × 1, in grey levels.
        covariance: 3 × 3, in square grey levels.
    """

    mean: Tensor
    covariance: Tensor


def palette_of(picture: Tensor) -> Palette:
    """The palette of a picture, 3 × H × W, in grey levels."""
    colours = picture.flatten(1)
    mean = colours.mean(1, keepdim=True)
    centred = colours - mean
    return Palette(mean, centred @ centred.T / colours.shape[1])


def palette_loss(own: Palette, wanted: Palette) -> Tensor:
    r"""The squared distances of mean and covariance, relative to the width of what is wanted.

    .. math:: |μ - μ'|^2 / \operatorname{tr} Σ' + |Σ - Σ'|^2 / |Σ'|^2

    Returns:
        A scalar; 0 for the same mean and covariance.

    Example:
        >>> import torch
        >>> grey = torch.tensor([0.0, 100.0]).expand(3, 1, 2)
        >>> palette_loss(palette_of(grey), palette_of(grey))
        tensor(0.)
    """
    width = torch.trace(wanted.covariance).clamp_min(SMALLEST_VARIANCE)
    size = wanted.covariance.square().sum().clamp_min(SMALLEST_VARIANCE**2)
    of_means = (own.mean - wanted.mean).square().sum() / width
    return of_means + (own.covariance - wanted.covariance).square().sum() / size
