"""What is wrong with an argument of the pieces of the algorithm, which callers may use alone."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from impasto.errors import InputError


def check_choice(what: str, value: Any, words: Iterable[str]) -> None:
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
