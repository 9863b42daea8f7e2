"""Pictures as the network sees them, and what a first canvas is made of.

A canvas is a tensor, 3 × H × W, RGB in 0…255 with the network's mean taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto import images
from impasto.pyramid import Level
from impasto.recipe import Recipe
from impasto.sizes import PixelSize

NOISE = 20  # grey levels to either side of a noise canvas
# Square grey levels: what is flatter keeps its colours apart no further. A style picture's colours
# may be spread further than a photograph's, of which the noise would show.
SMALLEST_VARIANCE, SMALLEST_STYLE_VARIANCE = 1.0, 0.01


@dataclass(frozen=True)
class Canvases:
    """The pictures of a run at the sizes of its levels.

    Attributes:
        content: the content picture.
        style: the style picture.
        recipe: says how they are resized, rescaled and coloured, and what the first canvas is.
        mean: of the network's weights, RGB.
        device: where canvases live.
        dtype: of their numbers.
    """

    content: images.Picture
    style: images.Picture
    recipe: Recipe
    mean: tuple[float, float, float]
    device: torch.device
    dtype: torch.dtype

    def content_at(self, level: Level) -> Tensor:
        """The content picture."""
        return self._rescaled(images.resize_in_kind(self.content.pixels, level.size))

    def style_at(self, level: Level) -> Tensor:
        """The style picture, recoloured where the recipe wants the content's colours of it."""
        return self._colored(images.resize(self.style.pixels, level.style_size), level)

    def first(self, level: Level) -> Tensor:
        """The recipe's first canvas.

        Raises:
            InputError: it is a picture that cannot be read.
        """
        match self.recipe.initial:
            case "content":
                return self.content_at(level)
            case "recolored-content":
                return recolored(self.content_at(level), self.style_at(level))
            case "style":
                return self._colored(images.resize(self.style.pixels, level.size), level)
            case "noise":
                return noise(self.content_at(level), self.recipe.seed)
            case "noisy-content":
                content, ratio = self.content_at(level), self.recipe.noise_ratio
                return ratio * noise(content, self.recipe.seed) + (1 - ratio) * content
            case path:
                picture = images.read(path, "initial canvas")
                return self.from_pixels(images.resize(picture.pixels, level.size))

    def resized(self, canvas: Tensor, size: PixelSize) -> Tensor:
        """A canvas at another size."""
        if size == (canvas.shape[2], canvas.shape[1]):
            return canvas
        return self.from_pixels(images.resize(self.to_pixels(canvas), size))

    def from_pixels(self, pixels: npt.NDArray[Any]) -> Tensor:
        """H × W × 3 in 0…255 as a canvas."""
        channels = [  # one after the other, since each is for a moment in float64
            (torch.from_numpy(np.ascontiguousarray(pixels[..., k])).double() - self.mean[k]).to(
                self.device, self.dtype
            )
            for k in range(3)
        ]
        return torch.stack([channel.reshape(pixels.shape[:2]) for channel in channels])

    def to_pixels(self, canvas: Tensor) -> npt.NDArray[np.float32]:
        """A canvas as H × W × 3 in 0…255."""
        mean = torch.tensor(self.mean, device=canvas.device, dtype=canvas.dtype).reshape(3, 1, 1)
        pixels = (canvas + mean).permute(1, 2, 0).to(device="cpu", dtype=torch.float32)
        return pixels.contiguous().numpy()

    def _rescaled(self, pixels: images.Pixels) -> Tensor:
        return self.from_pixels(images.rescale(pixels) if self.recipe.rescale else pixels)

    def _colored(self, style: images.Pixels, level: Level) -> Tensor:
        canvas = self._rescaled(style)
        if self.recipe.color == "match":
            return recolored(canvas, self.content_at(level), SMALLEST_STYLE_VARIANCE)
        return canvas


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
