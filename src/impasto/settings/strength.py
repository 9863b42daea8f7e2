"""How much of the style: the scale on which equal steps change the picture about equally."""

from __future__ import annotations

USUAL_STRENGTH = 0.7  # if neither strength nor beta is set
GROWTH = 1000**0.5  # of beta, from the usual strength to 1


def or_usual(strength: float | None) -> float:
    """A strength, or the usual one if there is none."""
    return USUAL_STRENGTH if strength is None else strength


def way(strength: float) -> float:
    """How far a picture is on the way from the photograph, 0, past the usual one, ½, to 1.

    The second half of the way changes a picture less than the first, so it has the smaller part of
    the scale.

    >>> [round(way(strength), 3) for strength in (0, 0.35, 0.7, 0.85, 1)]
    [0.0, 0.25, 0.5, 0.75, 1.0]

    Args:
        strength: from 0 to 1.
    """
    if strength <= USUAL_STRENGTH:
        return 0.5 * strength / USUAL_STRENGTH
    return 0.5 + 0.5 * (strength - USUAL_STRENGTH) / (1 - USUAL_STRENGTH)


def style_factor(gone: float) -> float:
    """The weight of the style loss after a part of the way, relative to that at the usual strength.

    >>> style_factor(0.25), style_factor(0.5)
    (0.25, 1.0)
    """
    return float(GROWTH ** max(0.0, 2 * gone - 1) * min(1.0, 2 * gone) ** 2)
