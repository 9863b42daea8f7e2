"""Smoothing a picture along its strokes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from impasto.pictures.arrays import Pixels, resize
from impasto.process import interrupts

if TYPE_CHECKING:
    from torch import Tensor

# Pixels: standard deviations of the blur before gradients, and of the neighbourhood of a direction.
BEFORE, AROUND = 0.7, 2.0
FAR = 3  # standard deviations; weights beyond them count as 0
SMALLEST = 1e-3  # square grey levels; weaker gradients have no direction
BAND = 2**20  # pixels that are smoothed at a time
MOST = 0.003  # of the longer side: the furthest reach


def resize_smoothed(pixels: Pixels, size: tuple[int, int], reach: float) -> npt.NDArray[np.float32]:
    """Resize a style picture, and smooth it along its strokes.

    It is smoothed in the smaller of the two sizes. If it is enlarged, its grain is, too, and the
    reach grows with the square root of that. Further, and strokes would become soft.

    Args:
        pixels: H × W × 3, 0…255.
        size: new width and height.
        reach: that of :func:`along_strokes`, where the picture is not enlarged; 0 only resizes.

    Returns:
        H' × W' × 3, neither rounded nor clipped.
    """
    if not reach:
        return resize(pixels, size)
    own = pixels.shape[1], pixels.shape[0]
    enlarged = math.sqrt(math.prod(size) / math.prod(own))
    smaller = own if enlarged > 1 else size
    further = min(reach * math.sqrt(max(1.0, enlarged)), MOST * max(smaller))
    return resize(along_strokes(resize(pixels, smaller), further), size)


def along_strokes(pixels: Pixels, reach: float) -> npt.NDArray[np.float32]:
    """Smooth a picture along its strokes, and not across them.

    Each pixel becomes a mean along the stroke through it, on both sides. What a file adds to a
    painting, such as the grain of the photograph and the weave of the cloth, goes; strokes become
    even and keep their edges. Where gradients nearby have no common direction, pixels stay.

    The path is that of line integral convolution (Cabral and Leedom, *Imaging Vector Fields Using
    Line Integral Convolution*, SIGGRAPH 1993), in steps of one pixel along the smaller eigenvector
    of the structure tensor, as in coherence-enhancing filtering (Kyprianidis and Kang, *Image and
    Video Abstraction by Coherence-Enhancing Filtering*, Eurographics 2011).

    Args:
        pixels: H × W × 3, 0…255.
        reach: standard deviation of the weights along the path, in pixels, where all gradients
            nearby are parallel. Elsewhere it is less, in proportion to the root of the coherence,
            which is the difference of the two eigenvalues over their sum.

    Returns:
        H × W × 3.

    Example:
        >>> lines = np.zeros((9, 9, 3), np.float32)
        >>> lines[:, 4:] = 200
        >>> np.allclose(along_strokes(lines, 2.0), lines)
        True
    """
    height, width = pixels.shape[:2]
    margin = math.ceil(FAR * BEFORE) + math.ceil(FAR * AROUND) + math.ceil(FAR * reach) + 2
    rows = max(1, BAND // width)
    made = np.empty(pixels.shape, np.float32)
    for top in range(0, height, rows):
        interrupts.check()
        above = max(0, top - margin)
        band = _smoothed(pixels[above : top + rows + margin], reach)
        made[top : top + rows] = band[top - above : top - above + rows]
    return made


def _smoothed(pixels: Pixels, reach: float) -> npt.NDArray[np.float32]:
    """All of a picture, H × W × 3, smoothed along its strokes."""
    import torch

    picture = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1).contiguous()
    along, coherence = _directions(picture)
    spread = (reach * coherence.sqrt()).clamp_min_(1e-3)
    total, weights = picture.clone(), torch.ones_like(spread)
    for heading in (along, -along):
        for step, place in enumerate(_path(along, heading, math.ceil(FAR * reach)), start=1):
            weight = (step / spread).square_().mul_(-0.5).exp_()
            total += weight * _at(picture, place)
            weights += weight
    return total.div_(weights).permute(1, 2, 0).contiguous().numpy()


def _path(along: Tensor, heading: Tensor, steps: int) -> Iterator[Tensor]:
    """The places that one comes to from each pixel, in steps of one pixel along strokes.

    Args:
        along: where the stroke through each pixel runs, as unit vectors, 2 × H × W.
        heading: in which of its two directions the first step goes, 2 × H × W.
        steps: their number.

    Yields:
        2 × H × W, x first.
    """
    import torch

    down, right = (torch.arange(side, dtype=torch.float32) for side in along.shape[1:])
    place = torch.stack(torch.meshgrid(right, down, indexing="xy"))
    for _ in range(steps):
        place = place + heading
        yield place
        there = _at(along, place, "nearest")
        heading = torch.where((there * heading).sum(0) < 0, -there, there)


def _directions(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Where the stroke through each pixel runs, and how sure that is.

    Args:
        picture: 3 × H × W.

    Returns:
        Unit vectors, 2 × H × W, x first; and the coherence, H × W, 0…1.
    """
    import torch
    import torch.nn.functional as F

    wide = F.pad(_blurred(picture, BEFORE)[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]) / 2
    down = (wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]) / 2
    products = torch.stack([across * across, down * down, across * down]).sum(1)
    xx, yy, xy = _blurred(products, AROUND)
    difference, twice = xx - yy, 2 * xy
    coherence = torch.hypot(difference, twice) / (xx + yy + SMALLEST)
    angle = torch.atan2(twice, difference) / 2  # of the gradients; strokes run across them
    return torch.stack([-angle.sin(), angle.cos()]), coherence


def _blurred(maps: Tensor, deviation: float) -> Tensor:
    """Maps, C × H × W, blurred with a Gaussian of a standard deviation in pixels."""
    import torch
    import torch.nn.functional as F

    far = math.ceil(FAR * deviation)
    shares = [math.exp(-((away / deviation) ** 2) / 2) for away in range(-far, far + 1)]
    height, width = maps.shape[1:]
    wide = F.pad(maps[None], (far, far, far, far), mode="replicate")[0]
    none = torch.zeros(())
    rows = sum((share * wide[:, at : at + height] for at, share in enumerate(shares)), none)
    both = sum((share * rows[:, :, at : at + width] for at, share in enumerate(shares)), none)
    return both / sum(shares) ** 2


def _at(maps: Tensor, place: Tensor, mode: str = "bilinear") -> Tensor:
    """Maps, C × H × W, at places between their pixels, 2 × H × W, x first."""
    import torch
    import torch.nn.functional as F

    height, width = maps.shape[1:]
    x, y = (2 * place[0] + 1) / width - 1, (2 * place[1] + 1) / height - 1
    grid = torch.stack([x, y], -1)[None]
    return F.grid_sample(maps[None], grid, mode, padding_mode="border", align_corners=False)[0]
