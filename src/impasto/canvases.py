"""What a first canvas is made of: noise, and a picture in the colours of another."""

from __future__ import annotations

import torch
from torch import Tensor

NOISE = 20  # grey levels to either side of a noise canvas
# Square grey levels: what is flatter keeps its colours apart no further. A style picture's colours
# may be spread further than a photograph's, of which the noise would show.
SMALLEST_VARIANCE, SMALLEST_STYLE_VARIANCE = 1.0, 0.01


def noise(like: Tensor, seed: int) -> Tensor:
    """Whole numbers drawn uniformly from −20 … 20, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(-NOISE, NOISE + 1, like.shape, generator=generator)
    return drawn.to(device=like.device, dtype=like.dtype)


def recolored(content: Tensor, style: Tensor, smallest: float = SMALLEST_VARIANCE) -> Tensor:
    r"""The content picture with the mean and the covariance of the style picture's colours.

    The map is the one that moves the colours least: between two Gaussians with covariances A and
    B it is :math:`A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}` (Dowson and Landau, *The Fréchet
    distance between multivariate normal distributions*, 1982).

    Args:
        content: 3 × H × W.
        style: 3 × H' × W'.
        smallest: variance of a colour, below which it is not spread further.

    Returns:
        3 × H × W. A content picture of one colour becomes the mean colour of the style.
    """
    colours, others = (picture.flatten(1).double().cpu() for picture in (content, style))
    mean, other_mean = colours.mean(1, keepdim=True), others.mean(1, keepdim=True)
    covariance, other = (_covariance(of, smallest) for of in (colours, others))
    root, inverse = _power(covariance, 0.5), _power(covariance, -0.5)
    moved = inverse @ _power(root @ other @ root, 0.5) @ inverse
    result = moved @ (colours - mean) + other_mean
    return result.view_as(content).to(device=content.device, dtype=content.dtype)


def _covariance(colours: Tensor, smallest: float) -> Tensor:
    covariance: Tensor = torch.cov(colours, correction=0)
    return covariance + smallest * torch.eye(3, dtype=colours.dtype)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Of a symmetric positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    result: Tensor = (vectors * values**exponent) @ vectors.T
    return result
