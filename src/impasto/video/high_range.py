"""Frames of high dynamic range, PQ and HLG (ITU-R BT.2100), as sRGB."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.pictures.arrays import by_strips
from impasto.video.method import Pixels

PQ, HLG = 16, 18  # AVCOL_TRC_… of FFmpeg
WHITE = 203.0  # cd/m² of a white sheet of paper, ITU-R BT.2408
PEAK, GAMMA = 1000.0, 1.2  # cd/m² of the display that HLG is made for, and its exponent
KNEE = 0.7  # of linear light; brighter light is compressed, so that 1 is never passed
LEVELS = 2**16
# From the primaries of BT.2020 to those of BT.709, ITU-R BT.2087; and the luminance of BT.2020.
TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
BT2020 = 9  # AVCOL_PRI_…

Light = npt.NDArray[np.float32]


def to_srgb(signal: npt.NDArray[np.uint16], transfer: int, primaries: int) -> Pixels:
    """Convert a frame to sRGB: paper white is near the top, and highlights are compressed.

    Args:
        signal: H × W × 3, R'G'B' of 16 bits.
        transfer: :data:`PQ` or :data:`HLG`.
        primaries: AVCOL_PRI_… of FFmpeg.

    Returns:
        H × W × 3, 0…255.
    """
    light_of = _light_of_pq() if transfer == PQ else _light_of_hlg()
    to_709 = TO_709 if primaries == BT2020 else np.eye(3, dtype=np.float32)

    def convert(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        light = light_of[rows]
        if transfer == HLG:
            luminance = np.maximum(light @ LUMINANCE, 1e-6)[..., None]
            light = light * luminance ** (GAMMA - 1) * (PEAK / WHITE)
        return _encoded(_compressed(np.maximum(light @ to_709.T, 0)))

    return by_strips(convert, signal, np.uint8)


@functools.cache
def _light_of_pq() -> Light:
    """Linear light of every 16-bit level of PQ; 1 is paper white."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    level = np.linspace(0, 1, LEVELS) ** (1 / m2)
    light = (np.maximum(level - c1, 0) / (c2 - c3 * level)) ** (1 / m1)
    return np.asarray(light * (10_000 / WHITE), np.float32)


@functools.cache
def _light_of_hlg() -> Light:
    """Linear light of the scene at every 16-bit level of HLG, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    level = np.linspace(0, 1, LEVELS)
    light = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
    return np.asarray(light, np.float32)


def _compressed(light: Light) -> Light:
    """Light that is never above 1; the brightest channel is compressed, and the hue stays."""
    brightest = light.max(-1, keepdims=True)
    above = np.maximum(brightest - KNEE, 0) / (1 - KNEE)
    wanted = np.where(above > 0, KNEE + (1 - KNEE) * above / (1 + above), brightest)
    return np.asarray(light * wanted / np.maximum(brightest, 1e-6), np.float32)


def _encoded(light: Light) -> npt.NDArray[Any]:
    """The levels of sRGB, IEC 61966-2-1, rounded."""
    bright = 1.055 * light ** np.float32(1 / 2.4) - 0.055
    return np.asarray(np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, bright)))
