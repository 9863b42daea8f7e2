"""Numbers for how a painting looks, computed from pixels alone: no network has seen them.

They do not replace looking. They tell a lattice, a picture without the photograph's structure, and
strokes unlike the style's from a good painting, and one preset from another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.pictures import arrays, images

OCTAVES = 4
PATCH = 7  # pixels, side of the patches that are compared
PATCHES = 8192  # of each picture
DIRECTIONS = 256  # onto which patches are projected
NEAR, FAR = 2.0, 6.0  # pixels, scales of the structure
WINDOW = 64  # pixels, side of the windows of the spectrum
RING = 0.03  # cycles per pixel, width of a ring of the spectrum
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Looks:
    """The numbers for one painting.

    Attributes:
        style: distance of its patches to the style's, over the style's own spread; 0 is the same.
        edges2: agreement of its edges with the photograph's at 2 pixels; 1 is all of them.
        edges6: the same at 6 pixels.
        grain: power in the finest octave over the style's; 1 is the same.
        texture: power in the octave below over the style's.
        lattice: the highest peak of its spectrum over the median at that distance; a painting
            without a lattice has 2 to 6.
    """

    style: float
    edges2: float
    edges6: float
    grain: float
    texture: float
    lattice: float


def measure(content: Path, style: Path, painting: Path) -> Looks:
    """The numbers for a painting, given its photograph and its style picture."""
    painted = _read(painting)
    height, width = painted.shape[1:]
    photograph = _read(content, (width, height))
    styled = _styled(style, max(width, height))
    finest, below = (_power(painted, low) / _power(styled, low) for low in (0.25, 0.125))
    return Looks(
        style=style_distance(painted, styled),
        edges2=structure(photograph, painted, NEAR),
        edges6=structure(photograph, painted, FAR),
        grain=finest,
        texture=below,
        lattice=lattice(painted),
    )


def style_distance(painted: Tensor, style: Tensor) -> float:
    """Sliced Wasserstein distance of patches, averaged over octaves, over the style's spread.

    Args:
        painted: 3 × H × W, in 0…1.
        style: 3 × H' × W', in 0…1.
    """
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(3 * PATCH**2, DIRECTIONS, generator=generator, dtype=painted.dtype)
    directions /= directions.norm(dim=0)
    distances = []
    for ours, theirs in zip(_octaves(painted), _octaves(style), strict=False):
        a, b = _patches(ours, generator), _patches(theirs, generator)
        apart = ((a @ directions).sort(0).values - (b @ directions).sort(0).values).abs().mean()
        distances.append(apart.item() / (b.std().item() + 1e-6))
    return sum(distances) / len(distances)


def structure(photograph: Tensor, painted: Tensor, scale: float) -> float:
    """How far the edges of two pictures (3 × H × W) have the same places and directions.

    It is the cosine between their structure tensors without the trace: the squared gradients as
    vectors of twice the angle, smoothed, and with large ones damped to their square root.
    """
    first, second = (_doubled_angles(picture, scale) for picture in (photograph, painted))
    agreement = (first * second).sum() / (first.norm() * second.norm()).clamp_min(1e-12)
    return float(agreement)


def lattice(painted: Tensor) -> float:
    """The highest peak of the spectrum over the median of its ring, beyond 0.1 cycles a pixel."""
    spectrum, distances = _spectrum(painted), _distances()
    highest = 0.0
    for low in torch.arange(0.1, 0.5, RING).tolist():
        ring = spectrum[(distances >= low) & (distances < low + RING)]
        highest = max(highest, (ring.max() / ring.median().clamp_min(1e-12)).item())
    return highest


def _read(path: Path, size: tuple[int, int] | None = None) -> Tensor:
    """The pixels of a picture, 3 × H × W in 0…1."""
    pixels = images.read(path).pixels
    return _as_tensor(pixels if size is None else arrays.resize_in_kind(pixels, size))


def _as_tensor(pixels: arrays.Pixels) -> Tensor:
    return torch.from_numpy(arrays.to_uint8(pixels).copy()).permute(2, 0, 1).double() / 255


def _styled(path: Path, longer: int) -> Tensor:
    """The style picture with the longer side of the painting, as it is painted by default."""
    pixels = images.read(path).pixels
    height, width = pixels.shape[:2]
    scale = longer / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return _as_tensor(arrays.resize_in_kind(pixels, size))


def _octaves(picture: Tensor) -> Iterator[Tensor]:
    """The octaves of a picture as a Laplacian pyramid, from fine to coarse; the rest comes last."""
    for _ in range(OCTAVES - 1):
        smooth = _blurred(picture, 1.0)
        yield picture - smooth
        picture = smooth[:, ::2, ::2]
    yield picture


def _patches(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Patches at random places, (PATCHES, 3 · PATCH²)."""
    height, width = (max(PATCH, side) for side in picture.shape[1:])
    picture = F.pad(picture, (0, width - picture.shape[2], 0, height - picture.shape[1]))
    windows = picture.unfold(1, PATCH, 1).unfold(2, PATCH, 1)
    down, across = (
        torch.randint(0, side - PATCH + 1, (PATCHES,), generator=generator)
        for side in (height, width)
    )
    return windows[:, down, across].permute(1, 0, 2, 3).flatten(1)


def _blurred(picture: Tensor, scale: float) -> Tensor:
    """A picture (C × H × W) after a Gaussian filter of a standard deviation in pixels."""
    radius = min(math.ceil(4 * scale), *(side - 1 for side in picture.shape[1:]))
    at = torch.arange(-radius, radius + 1, dtype=picture.dtype)
    weights = torch.exp(-0.5 * (at / scale) ** 2)
    kernel = (weights / weights.sum()).view(1, 1, 1, -1)
    for turned in (kernel, kernel.transpose(2, 3)):
        edge = (turned.shape[3] // 2,) * 2 + (turned.shape[2] // 2,) * 2
        padded = F.pad(picture.unsqueeze(1), edge, mode="reflect")
        picture = F.conv2d(padded, turned).squeeze(1)
    return picture


def _brightness(picture: Tensor) -> Tensor:
    return torch.einsum("c,chw->hw", torch.tensor(LUMA, dtype=picture.dtype), picture)


def _doubled_angles(picture: Tensor, scale: float) -> Tensor:
    """The gradients of a picture as smoothed vectors of twice the angle, 2 × H × W."""
    smooth = _blurred(_brightness(picture)[None], scale)[0]
    down, across = torch.gradient(smooth)
    doubled = _blurred(torch.stack([across**2 - down**2, 2 * across * down]), scale)
    strength = doubled.norm(dim=0)
    damped: Tensor = doubled / (strength + 1e-6 * strength.max().clamp_min(1e-12)).sqrt()
    return damped


def _spectrum(picture: Tensor) -> Tensor:
    """The mean power spectrum of overlapping windows, WINDOW × WINDOW."""
    bright = _brightness(picture)
    short = [max(0, WINDOW - side) for side in bright.shape]
    bright = F.pad(bright, (0, short[1], 0, short[0]))
    windows = bright.unfold(0, WINDOW, WINDOW // 2).unfold(1, WINDOW, WINDOW // 2)
    windows = windows.reshape(-1, WINDOW, WINDOW)
    windows = windows - windows.mean((1, 2), keepdim=True)
    fade = torch.hann_window(WINDOW, periodic=False, dtype=bright.dtype)
    powers: Tensor = torch.fft.fft2(windows * torch.outer(fade, fade)).abs().square()
    return powers.mean(0)


def _distances() -> Tensor:
    """The frequency of each entry of the spectrum, in cycles per pixel."""
    along = torch.fft.fftfreq(WINDOW, dtype=torch.float64)
    return torch.hypot(along[:, None], along[None])


def _power(picture: Tensor, low: float) -> float:
    """The power of a picture in an octave, from a frequency to twice that."""
    distances = _distances()
    octave = (distances >= low) & (distances < 2 * low)
    return _spectrum(picture)[octave].sum().item()
