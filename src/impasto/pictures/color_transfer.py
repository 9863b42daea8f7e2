"""Colour transfer from the content picture to the painting, after the run.

Pictures are H × W × 3, RGB, 0…255.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from impasto.pictures.arrays import by_strips, is_grey, to_uint8
from impasto.pictures.profiles import LUMA

if TYPE_CHECKING:
    from torch import Tensor

Pixels = npt.NDArray[Any]

# Oklab: Björn Ottosson, *A perceptual color space for image processing*, 2020.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FROM_LAB, FROM_CONES = np.linalg.inv(TO_LAB), np.linalg.inv(TO_CONES)
HALVINGS = 20  # of the interval in which the chroma for a colour outside sRGB is searched
FLAT = 1e-6  # variance of chroma that is added, so that a grey picture has one
TIMES, SHARPNESS = 5, 10.0  # of smoothing; how fast weights fall with a difference of lightness
ROUNDING = 1e-6  # linear light may lie outside 0…1 by this much


def oklab(pixels: Pixels) -> Pixels:
    """Oklab values of sRGB pixels in 0…255: lightness 0…1, and the two axes of chroma."""
    light = pixels / 255.0
    linear = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    lab: Pixels = np.cbrt(linear @ TO_CONES.T) @ TO_LAB.T
    return lab


def srgb(lab: Pixels) -> Pixels:
    """The inverse of :func:`oklab`; chroma is reduced where a colour lies outside sRGB."""
    linear = _linear(lab)
    outside = ((linear < -ROUNDING) | (linear > 1 + ROUNDING)).any(axis=-1)
    if outside.any():
        linear[outside] = _linear(_less_chroma(lab[outside]))
    linear = np.clip(linear, 0, 1)
    light = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * light


def _linear(lab: Pixels) -> Pixels:
    light: Pixels = (lab @ FROM_LAB.T) ** 3 @ FROM_CONES.T
    return light


def _less_chroma(lab: Pixels) -> Pixels:
    """Colours (N × 3) with their chroma reduced just enough to lie within sRGB."""
    least, most = np.zeros(len(lab)), np.ones(len(lab))
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        linear = _linear(lab * np.stack([np.ones_like(middle), middle, middle], axis=1))
        fits = ((linear >= -ROUNDING) & (linear <= 1 + ROUNDING)).all(axis=1)
        least, most = np.where(fits, middle, least), np.where(fits, most, middle)
    return lab * np.stack([np.ones_like(least), least, least], axis=1)


def colours_of_content(painting: Pixels, content: Pixels) -> Pixels:
    """A picture with the painting's lightness and the content's hue and chroma, in Oklab."""

    def convert(both: Pixels) -> Pixels:
        lab = oklab(np.clip(both[..., :3].astype(np.float64), 0, 255))
        lab[..., 1:] = oklab(np.clip(both[..., 3:].astype(np.float64), 0, 255))[..., 1:]
        return srgb(lab)

    both = np.concatenate([painting, content], axis=2, dtype=np.float32)
    return by_strips(convert, both, np.float32, channels=3)


def histogram_of_content(painting: Pixels, content: Pixels) -> Pixels:
    """The painting with the histogram of each channel matched to that of the content.

    If the content is grey, the result is grey.
    """
    if is_grey(content):
        painting = np.repeat(painting @ LUMA[:, None], 3, axis=2)
    matched = [
        _distributed_as(painting[..., k], content[..., k]).astype(np.float32) for k in range(3)
    ]
    return np.stack(matched, axis=2)


def _distributed_as(values: Pixels, wanted: Pixels) -> Pixels:
    levels = np.arange(256)
    shares, wanted_shares = (
        np.cumsum(np.bincount(to_uint8(of).ravel(), minlength=256)) / of.size
        for of in (values, wanted)
    )
    present = np.diff(wanted_shares, prepend=0) > 0
    return np.interp(values, levels, np.interp(shares, wanted_shares[present], levels[present]))


def palette_of_style(painting: Pixels, content: Pixels, style: Pixels | Palette) -> Pixels:
    """The painting's lightness with the content's hues, moved to the palette of the style.

    The axes of chroma of the content get the mean and the covariance of the style's, and follow the
    edges of the painting: the colour step of Kolkin and others, *Neural Neighbor Style Transfer*,
    arXiv:2203.13215. Every value stays within the range of the style.

    Args:
        painting: H × W × 3.
        content: H × W × 3.
        style: the style picture, H' × W' × 3, or the palette of several.
    """
    wanted = style if isinstance(style, Palette) else palette_of([(style, None)])
    lab, of_content = (_as_oklab(pixels) for pixels in (painting, content))
    moved = _mapped(moments(of_content[..., 1:].reshape(-1, 2)), wanted.chroma, FLAT)
    lab[..., 1:] = _smoothed(moved(of_content[..., 1:]).astype(np.float32), lab[..., 0])
    lab = np.clip(lab, wanted.least, wanted.most)
    return by_strips(srgb, lab, np.float32, channels=3)


def _as_oklab(pixels: Pixels) -> Pixels:
    """Oklab values of a picture, H × W × 3, float32."""
    return oklab(np.clip(pixels, 0, 255)).astype(np.float32)


class Moments(NamedTuple):
    """The mean, (C), and the covariance, (C, C), of colours with C axes."""

    mean: Pixels
    covariance: Pixels


def moments(colors: Pixels, shares: Pixels | None = None) -> Moments:
    """The moments of colours.

    Args:
        colors: N × C.
        shares: how much each colour counts, (N), at least one above 0; None for equal shares.
    """
    mean = np.average(colors.astype(np.float64), axis=0, weights=shares)
    return Moments(mean, np.cov(colors, rowvar=False, bias=True, aweights=shares))


class Palette(NamedTuple):
    """The colours of one or several pictures, in Oklab.

    Attributes:
        chroma: the moments of the two axes of chroma.
        least: the smallest value on each axis, (3).
        most: the largest, (3).
    """

    chroma: Moments
    least: Pixels
    most: Pixels


def palette_of(pictures: Iterable[tuple[Pixels, Pixels | None]]) -> Palette:
    """The palette of several pictures together.

    Args:
        pictures: each H × W × 3 with the shares of its pixels, H × W, at least one above 0, or None
            if every share is 1. A colour whose share is less than half of the largest in its
            picture does not extend the range.
    """
    colors, shares, ranges = list[Pixels](), list[Pixels](), list[Pixels]()
    for picture, counted in pictures:
        lab = _as_oklab(picture)
        within = np.ones(lab.shape[:2]) if counted is None else counted
        colors.append(lab.reshape(-1, 3))
        shares.append(within.ravel())
        ranges.append(lab[within >= within.max() / 2])
    chroma = moments(np.concatenate(colors)[:, 1:], np.concatenate(shares))
    every = np.concatenate(ranges)
    return Palette(chroma, every.min(axis=0), every.max(axis=0))


class ColorMap(NamedTuple):
    """A linear map of colours with C axes: (x − mean) · matrix + wanted.

    Attributes:
        mean: of the colours that it is for, (C).
        matrix: (C, C), symmetric.
        wanted: what becomes of that mean, (C).
    """

    mean: Pixels
    matrix: Pixels
    wanted: Pixels

    def __call__(self, colors: Pixels) -> Pixels:
        """Colours, … × C, mapped, float64."""
        mapped: Pixels = (colors - self.mean) @ self.matrix + self.wanted
        return mapped


def color_map(colors: Pixels, wanted: Pixels, flat: float) -> ColorMap:
    """The map that gives colours the mean and the covariance of others, and moves them least.

    Args:
        colors: N × C.
        wanted: M × C.
        flat: variance that is added to both, which limits how far one colour is spread.

    >>> colors, wanted = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[5.0, 5.0], [9.0, 9.0]])
    >>> color_map(colors, wanted, 1e-9)(colors).round(3).tolist()
    [[5.0, 5.0], [9.0, 9.0]]
    """
    return _mapped(moments(colors), moments(wanted), flat)


def _mapped(own: Moments, wanted: Moments, flat: float) -> ColorMap:
    """The map between colours of given moments; see :func:`color_map`."""
    import torch

    covariance, other = (
        torch.from_numpy(held.covariance + flat * np.eye(len(held.mean))) for held in (own, wanted)
    )
    return ColorMap(own.mean, gaussian_map(covariance, other).numpy(), wanted.mean)


def gaussian_map(covariance: Tensor, other: Tensor) -> Tensor:
    r"""The linear map from one Gaussian to another, with the same mean, that moves least.

    Between covariances A and B it is :math:`A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}` (Dowson
    and Landau, *The Fréchet distance between multivariate normal distributions*, 1982).

    Args:
        covariance: A, symmetric and positive definite, (N, N).
        other: B, the same.

    Returns:
        The map, (N, N), symmetric.

    Example:
        >>> import torch
        >>> gaussian_map(torch.eye(2), 4 * torch.eye(2))
        tensor([[2., 0.],
                [0., 2.]])
    """
    root, inverse = _power(covariance, 0.5), _power(covariance, -0.5)
    return inverse @ _power(root @ other @ root, 0.5) @ inverse


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive definite matrix."""
    import torch

    values, vectors = torch.linalg.eigh(matrix)
    result: Tensor = (vectors * values**exponent) @ vectors.T
    return result


def _smoothed(chroma: Pixels, lightness: Pixels) -> Pixels:
    """Chroma averaged over neighbours of similar lightness, several times (a bilateral filter)."""
    height, width = lightness.shape
    windows = [(slice(y, y + height), slice(x, x + width)) for y in range(3) for x in range(3)]
    beyond = np.pad(lightness, 1, mode="edge")
    weights = [np.exp(-SHARPNESS * np.abs(lightness - beyond[at]))[..., None] for at in windows]
    for _ in range(TIMES):
        padded = np.pad(chroma, ((1, 1), (1, 1), (0, 0)), mode="edge")
        chroma = sum(weight * padded[at] for weight, at in zip(weights, windows, strict=True))
        chroma = chroma / sum(weights)
    return chroma


# Colour transfers after the run: from the painting and the content, each H × W × 3, and the style,
# H' × W' × 3 or a palette.
AFTER: dict[str, Callable[[Pixels, Pixels, Pixels | Palette], Pixels]] = {
    "content": lambda painting, content, _: colours_of_content(painting, content),
    "histogram": lambda painting, content, _: histogram_of_content(painting, content),
    "palette": palette_of_style,
}
# Back to the colours of a canvas, except for what the transfer keeps: from the painting in its new
# colours and the first canvas, each H × W × 3.
BACK: dict[str, Callable[[Pixels, Pixels], Pixels]] = {
    "content": colours_of_content,
    "histogram": histogram_of_content,
    "palette": colours_of_content,
}
