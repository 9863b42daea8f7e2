"""A watercolour: thin washes that overlap, darker where each has dried at its edge."""

import numpy as np
from numpy.random import Generator

from surface import Floats, H, W, colours, noise, smooth

PAPER = 0.97
WASHES = colours("e9b44c 7fb7be 4f86c6 e07a5f 81b29a 3d5a80 c8553d 5b8e7d 8e6c8a")
FEATURES = (5, 7, 4, 8, 6, 9, 12, 14, 16)  # across, of each wash


def watercolour(rng: Generator) -> Floats:
    """Lay the washes over each other on rough paper, the broad and light ones first."""
    paper = PAPER - 0.05 * noise(rng, 320, 256)
    painted = np.repeat(paper[..., None], 3, axis=2)
    for colour, across in zip(WASHES, FEATURES, strict=True):
        field = noise(rng, across, across - 1) + 0.10 * noise(rng, 8 * across, 7 * across)
        level = np.quantile(field, 0.72)
        inside = smooth(field, level - 0.006, level + 0.006)
        edge = np.exp(-(((field - level) / 0.03) ** 2))
        pigment = 0.45 + 0.25 * noise(rng, 3 * across, 3 * across) + 0.35 * edge
        granulation = 1 + 0.25 * (rng.random((H, W)) - 0.5)
        strength = np.clip(inside * pigment * granulation, 0, 1)[..., None]
        painted = painted * (1 - strength * (1 - colour))
    return np.asarray(painted)
