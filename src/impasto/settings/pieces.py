"""What is wrong with an argument of the pieces of the algorithm, which callers may use alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

from impasto.errors import InputError


def check_choice(what: str, value: Any, words: Iterable[str | bool]) -> None:
    """Make sure that a value is one of some words.

    Raises:
        InputError: it is not.
    """
    if value not in (known := tuple(words)):
        raise InputError("pieces.choice", what=what, value=value, words=tuple(map(repr, known)))


def check_pixels(pixels: Any) -> None:
    """Make sure that a value is an array of height × width × 3 numbers.

    Raises:
        InputError: it is not.
    """
    shape: tuple[int, ...] = getattr(pixels, "shape", ())
    kind = getattr(getattr(pixels, "dtype", None), "kind", "")  # a tensor's dtype has none
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or kind not in ("f", "i", "u"):
        raise InputError("pieces.pixels", got=described(pixels))


def check_canvas(canvas: Any) -> None:
    """Make sure that a value is a tensor of 3 × height × width floats.

    Raises:
        InputError: it is not.
    """
    shape = tuple(getattr(canvas, "shape", ()))
    is_float = getattr(getattr(canvas, "dtype", None), "is_floating_point", False)
    if len(shape) != 3 or shape[0] != 3 or 0 in shape or not is_float:
        raise InputError("pieces.canvas", got=described(canvas))


def check_size(size: Any) -> None:
    """Make sure that a value is a width and a height in pixels.

    Raises:
        InputError: it is not.
    """
    try:
        width, height = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        width = height = 0
    if width < 1 or height < 1:
        raise InputError("pieces.size", value=size, example="(512, 384)")


def check_number(what: str, value: Any, *, may_be_zero: bool = False) -> None:
    """Make sure that a value is a finite number above 0, or 0 itself where that is allowed.

    Raises:
        InputError: it is not.
    """
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # a tensor of several numbers
        number = math.nan
    if not math.isfinite(number) or number < 0 or (number == 0 and not may_be_zero):
        code = "pieces.negative" if may_be_zero else "pieces.not-positive"
        raise InputError(code, what=what, value=value)


def check_whole(what: str, value: Any, least: int, most: int | None = None) -> None:
    """Make sure that a value is a whole number in a range.

    Raises:
        InputError: it is not.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except (TypeError, RuntimeError):  # a tensor of floats, or of several numbers
        number = None
    if number is not None and number >= least and (most is None or number <= most):
        return
    if most is None:
        raise InputError("pieces.not-whole", what=what, least=least, value=value)
    raise InputError("pieces.not-between", what=what, least=least, most=most, value=value)


def check_finite(what: str, values: Any) -> None:
    """Make sure that a tensor holds no NaN and no infinity.

    Raises:
        InputError: it does.
    """
    if not values.isfinite().all():
        raise InputError("pieces.not-finite", what=what)


def check_shares(what: str, shares: Any, shape: tuple[int, ...]) -> None:
    """Make sure that a tensor holds one weight of at least 0 for each pixel.

    Args:
        what: the name of the argument.
        shares: the tensor.
        shape: the height and the width that it should have.

    Raises:
        InputError: it does not.
    """
    if tuple(getattr(shares, "shape", ())) != shape or not hasattr(shares, "isfinite"):
        raise InputError("pieces.shares", what=what, shape=str(shape), got=described(shares))
    check_finite(what, shares)
    if (shares < 0).any():
        raise InputError("pieces.negative-shares", what=what)


def check_alike(one: Any, other: Any) -> None:
    """Make sure that two tensors have the same shape.

    Raises:
        InputError: they have not.
    """
    if one.shape != other.shape:
        shapes = {"one": str(tuple(one.shape)), "other": str(tuple(other.shape))}
        raise InputError("pieces.shapes", **shapes)


def described(value: Any) -> str:
    """What a value is: the shape and the number format of an array or a tensor, or its type.

    >>> import numpy as np
    >>> described(np.zeros((2, 3))), described("a word")
    ('ndarray of float64 (2, 3)', 'str')
    """
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return type(value).__name__
    dtype, shape = str(value.dtype).removeprefix("torch."), tuple(value.shape)
    return f"{type(value).__name__} of {dtype} {shape}"
