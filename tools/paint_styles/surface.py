"""What every picture is painted on and with: places, noise, colours, raking light."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.floating[Any]]
Points = NDArray[np.complexfloating[Any, Any]]  # x + iy, in heights of the picture, y downwards
Labels = NDArray[np.integer[Any]]

WIDTH, HEIGHT = 640, 512  # of a finished picture
SCALE = 2  # each is painted this many times larger, then reduced
W, H = WIDTH * SCALE, HEIGHT * SCALE
LIGHT = np.exp(-2.2j)  # the side that raking light comes from: the upper left
RING = np.exp(2j * np.pi * np.linspace(0, 1, 40))


def colours(hexes: str) -> Floats:
    """Read a row of hexadecimal colours as values in [0, 1]."""
    return np.array([list(bytes.fromhex(code)) for code in hexes.split()]) / 255


def plane() -> Points:
    """Give every pixel its place."""
    y, x = np.mgrid[0:H, 0:W]
    return np.asarray((x + 1j * y) / H)


def sample(field: NDArray[Any], at: Points) -> Any:
    """Read a field of pixels at places of the picture."""
    x = np.clip(np.rint(at.real * H), 0, field.shape[1] - 1).astype(int)
    return field[np.clip(np.rint(at.imag * H), 0, field.shape[0] - 1).astype(int), x]


def window(place: complex, wide: float, tall: float) -> tuple[tuple[slice, slice], Points]:
    """Cut out the box around a pixel: its slices, and its pixels as seen from that one."""
    left, right = max(int(place.real - wide), 0), max(int(place.real + wide) + 1, 0)
    top, bottom = max(int(place.imag - tall), 0), max(int(place.imag + tall) + 1, 0)
    y, x = np.ogrid[top : min(bottom, H), left : min(right, W)]
    return (slice(top, bottom), slice(left, right)), np.asarray(x + 1j * y - place)


def noise(rng: Generator, across: int, down: int) -> Floats:
    """Make smooth noise in [0, 1] that has so many features across and down."""
    image = Image.fromarray(rng.random((down, across)).astype(np.float32))
    return np.clip(np.asarray(image.resize((W, H), Image.Resampling.BICUBIC), np.float64), 0, 1)


def smooth(values: Floats, low: float, high: float) -> Floats:
    """Step smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def scatter(rng: Generator, spacing: float) -> Points:
    """Spread points evenly but irregularly over the picture, `spacing` pixels apart."""
    y, x = np.mgrid[0 : H + spacing : spacing, 0 : W + spacing : spacing]
    wander = rng.uniform(-0.6, 0.6, x.shape) + 1j * rng.uniform(-0.6, 0.6, x.shape)
    return rng.permutation((x + 1j * y + spacing * wander).ravel() / H)


def lit(paint: Floats, height: Floats, strength: float, gloss: float) -> Floats:
    """Light a painted relief from the upper left: with shade, and a shine on its edges."""
    down, right = np.gradient(height)
    slope = np.tanh(-strength * (right * LIGHT.real + down * LIGHT.imag))[..., None]
    return np.asarray(paint * (1 + 0.42 * slope) + gloss * np.clip(slope - 0.35, 0, 1) ** 2)
