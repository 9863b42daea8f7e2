"""Variety for few photographs: crops in other colours, with smooth areas, and with parts of others.

A network that has seen a dozen photographs paints their colours and their skies well, and those of
other photographs badly. What is drawn here need not look real: a painter has to meet many colours,
smooth areas beside detailed ones, and edges between them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from impasto.pictures import arrays

Crop = npt.NDArray[np.float32]  # side × side × 3, RGB, 0…255
COLORED, FILLED, JOINED = 0.8, 0.4, 0.3  # share of the crops in other colours, and so on
SATURATIONS = (0.0, 1.8)
GAMMAS = (0.5, 2.0)
GAINS = (0.6, 1.4)
LIGHTER = (-40.0, 40.0)  # grey levels
TURNED = 0.25  # share of the coloured crops whose channels are exchanged
SOFT = 0.08  # half the width of an edge, relative to the side of a crop
GRAIN = 6.0  # grey levels; most of the noise in a smooth area


def varied(crop: Crop, other: Crop, draws: np.random.Generator) -> Crop:
    """A crop with other colours, a smooth area and a part of another crop, each for some crops.

    Args:
        crop: side × side × 3, RGB, 0…255.
        other: another crop, of the same shape.
        draws: what is drawn from.

    Returns:
        A crop of the same shape, float32, 0…255.
    """
    if draws.random() < JOINED:
        crop = _joined(crop, recolored(other, draws), draws)
    if draws.random() < COLORED:
        crop = recolored(crop, draws)
    if draws.random() < FILLED:
        crop = _joined(crop, _gradient(crop.shape[0], draws), draws)
    return np.clip(crop, 0, 255)


def recolored(crop: Crop, draws: np.random.Generator) -> Crop:
    """A crop in other colours: tone curves of the channels, saturation, and exchanged channels."""
    gammas, gains = draws.uniform(*GAMMAS, 3), draws.uniform(*GAINS, 3)
    made = 255 * gains * np.clip(crop / 255, 0, 1) ** gammas + draws.uniform(*LIGHTER, 3)
    grey = made.mean(axis=2, keepdims=True)
    made = grey + draws.uniform(*SATURATIONS) * (made - grey)
    if draws.random() < TURNED:
        made = made[..., draws.permutation(3)]
    return _crop(np.clip(made, 0, 255))


def _gradient(side: int, draws: np.random.Generator) -> Crop:
    """A smooth area: between two colours, in any direction, with a little noise."""
    first, last = draws.uniform(0, 255, (2, 3))
    towards = first + draws.uniform(0, 1) * (last - first)
    share = _ramp(side, draws.uniform(0, 2 * np.pi))[..., None]
    noise = draws.normal(0, draws.uniform(0, GRAIN), (side, side, 1))
    return _crop(first + share * (towards - first) + noise)


def _joined(one: Crop, other: Crop, draws: np.random.Generator) -> Crop:
    """One crop where a mask is 0 and another where it is 1, with a soft or a sharp edge."""
    side = one.shape[0]
    height = _ramp(side, draws.uniform(0, 2 * np.pi)) - draws.uniform(0.25, 0.75)
    cells = int(draws.integers(2, 6))
    waves = arrays.resize(draws.normal(0, 1, (cells, cells, 3)).astype(np.float32), (side, side))
    height = height + draws.uniform(0, 0.4) * waves[..., 0]
    mask = np.clip(0.5 + height / (2 * SOFT * draws.uniform(0.02, 1)), 0, 1)[..., None]
    return _crop(one + mask * (other - one))


def _ramp(side: int, angle: float) -> Crop:
    """Values that rise from 0 to 1 across a square in some direction, side × side."""
    place = np.linspace(-0.5, 0.5, side)
    along = np.cos(angle) * place[None] + np.sin(angle) * place[:, None]
    lowest, highest = along.min(), along.max()
    return _crop((along - lowest) / (highest - lowest))


def _crop(values: npt.NDArray[np.floating]) -> Crop:
    return values.astype(np.float32)
