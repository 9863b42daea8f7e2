"""Values of any range, such as floats and 32-bit numbers, mapped to 0…255.

Files with such values seldom say which value is black and which is white. :func:`limits_of` decides
it, and a note tells the user what it decided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.messages.message import Message
from impasto.pictures.arrays import STRIP, by_strips
from impasto.pictures.refusals import UnusableError

OUTSIDE = 0.02  # the largest share of a picture's floats beyond 0…1 that are clipped
SCALES = (255, 65535)  # the white of whole numbers


def to_grey_levels(values: npt.NDArray[Any], notes: list[Message]) -> npt.NDArray[np.float32]:
    """Map values to 0…255 by their range, and note which range it was.

    Values that are not numbers become black, infinite ones black or white.

    Args:
        values: H × W or H × W × C, floats or whole numbers.
        notes: gets the range, and how many values are not finite.

    Returns:
        The mapped values, in the same shape.

    Raises:
        UnusableError: none of the values is finite.
    """
    low, high = limits_of(values, notes)
    span = high / 2 - low / 2  # which is finite even if high − low is not

    def mapped(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        shares = (rows.astype(np.float64) / 2 - low / 2) / (span or 1)
        return 255 * np.clip(np.nan_to_num(shares, nan=0, posinf=1, neginf=0), 0, 1)

    with np.errstate(over="ignore", invalid="ignore"):
        return by_strips(mapped, values, np.float32)


def limits_of(values: npt.NDArray[Any], notes: list[Message]) -> tuple[float, float]:
    """The values that become black and white.

    Floats within 0…1 have that range. If up to 2 % of them lie outside, as highlights do and what
    resampling overshoots, these are clipped. Whole numbers have the range of 8 or 16 bits if they
    lie within. Otherwise the smallest value is black, and the largest white.

    Raises:
        UnusableError: none of the values is finite.
    """
    kind = values.dtype.name
    low, high, finite, outside = _measured(values)
    if not finite:
        raise UnusableError("picture.not-finite", kind=kind)
    if finite < values.size:
        notes.append(Message("picture.partly-not-finite", count=values.size - finite))
    clipped = 0.0
    if values.dtype.kind == "f" and outside <= OUTSIDE * finite:
        low, high, clipped = 0, 1, outside / finite
    elif values.dtype.kind != "f" and low >= 0 and high <= max(SCALES):
        low, high = 0, min(scale for scale in SCALES if high <= scale)
    code = "picture.range-clipped" if clipped else "picture.range"
    share = {"share": 100 * clipped} if clipped else {}
    notes.append(Message(code, kind=kind, low=low, high=high, **share))
    return low, high


def _measured(values: npt.NDArray[Any]) -> tuple[float, float, int, int]:
    """Smallest and largest finite value, and how many are finite and outside 0…1."""
    low, high, finite, outside = np.inf, -np.inf, 0, 0
    for top in range(0, len(values), STRIP):
        rows = values[top : top + STRIP]
        rows = rows[np.isfinite(rows)]
        if rows.size:
            low, high = min(low, float(rows.min())), max(high, float(rows.max()))
            finite += rows.size
            outside += int(np.count_nonzero((rows < 0) | (rows > 1)))
    return low, high, finite, outside
