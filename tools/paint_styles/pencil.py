"""A pencil drawing: hatching that grows denser where it is dark, on white paper."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from surface import Floats, H, W, noise, sample, scatter, smooth

LAYERS = ((0.7, 26.0, 0.80), (-0.5, 22.0, 0.55), (1.6, 20.0, 0.35))  # angle, spacing, darkest tone
LENGTH = 70  # pixels of a stroke
PAPER, LEAD = 246, 48  # grey levels


def pencil(rng: Generator) -> Floats:
    """Draw rolling ground in three layers of hatching, the later ones only where it is dark."""
    tones = smooth(noise(rng, 7, 6), 0.15, 0.85) * 0.8 + noise(rng, 40, 32) * 0.2
    bends = noise(rng, 5, 4)
    image = Image.new("L", (W, H), PAPER)
    draw = ImageDraw.Draw(image)
    for angle, spacing, darkest in LAYERS:
        for place in scatter(rng, spacing):
            tone = sample(tones, place)
            if tone > darkest:
                continue
            turned = angle + 1.2 * (sample(bends, place) - 0.5) + rng.normal(0, 0.05)
            half = LENGTH / 2 * rng.uniform(0.6, 1.3) * np.exp(1j * turned)
            middle, bow = place * H, rng.normal(0, 3) * 1j * np.exp(1j * turned)
            line = [middle - half, middle + bow, middle + half]
            grey = int(LEAD + (PAPER - LEAD) * tone * rng.uniform(0.6, 1))
            draw.line([(point.real, point.imag) for point in line], fill=grey, width=3)
    grain = rng.normal(0, 0.03, (H, W))
    drawn = np.asarray(image, np.float64) / 255 + grain
    return np.repeat(np.clip(drawn, 0, 1)[..., None], 3, axis=2)
