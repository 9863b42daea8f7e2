"""Pictures that are arrays or tensors, brought into the form of :mod:`impasto.pictures.arrays`."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.messages.message import Message
from impasto.pictures.arrays import Opacity, Pixels
from impasto.pictures.limits import check_size
from impasto.pictures.refusals import UnusableError, shape_of

CHANNELS = (1, 2, 3, 4)  # grey, grey and opacity, RGB, RGB and opacity
CHANNELS_FIRST = (1, 3, 4)
OVER = 0.01  # how far floats may be beyond 0…1 or 0…255, in a range of 1, after a resize, say
DARK = 8  # grey levels; a picture without lighter ones was probably meant in another range
# Notes on the range that the values of an array are taken to have.
OF_RANGE = ZERO_ONE, NEARLY_BLACK = "picture.zero-one", "picture.nearly-black"


def is_array(source: Any) -> bool:
    """Whether a picture is an array or a tensor, of any library that NumPy can read."""
    return hasattr(source, "__array__") or (isinstance(source, memoryview) and source.ndim > 1)


def pixels_of(source: Any, notes: list[Message]) -> tuple[Pixels, Opacity | None]:
    """The pixels of an array or a tensor.

    The channels are first (C × H × W) or last (H × W × C); where both are possible, a tensor has
    them first and an array last. A leading dimension of 1 is dropped, and a grey picture
    may be H × W. C is 1 or 3, and one more with opacity.

    uint8, and other integers, are 0…255; uint16 is 0…65535; booleans are black and white. Floats
    are 0…1 if all of them are within it, which is noted, and 0…255 otherwise.

    Args:
        source: the array or tensor, on any device.
        notes: gets what the user should know about the picture.

    Returns:
        H × W × 3, RGB, 0…255: uint8 for 8 bits and booleans, float32 for others; and the opacity,
        H × W in 0…255, None where all is opaque. Both are copies.

    Raises:
        UnusableError: it has another shape, another kind of values, or values out of range.
    """
    array, is_tensor = _as_array(source)
    shaped = _channels_last(array, prefers_first=is_tensor)
    check_size(shaped.shape[1], shaped.shape[0])
    values = _in_grey_levels(shaped, notes)
    colours = values.shape[2] - (values.shape[2] in (2, 4))
    pixels = np.repeat(values, 3, axis=2) if colours == 1 else values
    read: Pixels = pixels[:, :, :3].copy()
    opacity: Opacity = values[:, :, -1].copy()
    return read, None if colours == values.shape[2] or opacity.min() >= 255 else opacity


def _as_array(source: Any) -> tuple[npt.NDArray[Any], bool]:
    """A NumPy array of the values, and whether they come from a tensor."""
    torch = sys.modules.get("torch")  # without it, there are no tensors
    if torch is None or not isinstance(source, torch.Tensor):
        return np.asarray(source), False
    tensor = source.detach().resolve_conj().resolve_neg().cpu()
    if tensor.dtype.is_floating_point and tensor.dtype != torch.float64:
        tensor = tensor.float()  # NumPy has no bfloat16
    return tensor.numpy(), True


def _channels_last(array: npt.NDArray[Any], *, prefers_first: bool) -> npt.NDArray[Any]:
    """The array as H × W × C.

    >>> _channels_last(np.zeros((1, 3, 20, 30)), prefers_first=True).shape
    (20, 30, 3)
    """
    shaped = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
    if shaped.ndim == 2:
        return shaped[:, :, None]
    if shaped.ndim != 3:
        raise _refused(array)
    first, *_, last = shaped.shape
    if first in CHANNELS_FIRST and prefers_first:
        return np.moveaxis(shaped, 0, 2)
    if last in CHANNELS:
        return shaped
    if first in CHANNELS_FIRST and first < min(shaped.shape[1:]):
        return np.moveaxis(shaped, 0, 2)
    raise _refused(array)


def _refused(array: npt.NDArray[Any]) -> UnusableError:
    return UnusableError("picture.wrong-array", shape=shape_of(array), dtype=str(array.dtype))


def _in_grey_levels(values: npt.NDArray[Any], notes: list[Message]) -> Any:
    """Values in 0…255, from those of any kind of number; notes what was guessed or looks wrong."""
    if values.dtype.kind not in ("b", "u", "i", "f"):
        raise _refused(values)
    if values.dtype == np.bool_:
        return np.where(values, np.uint8(255), np.uint8(0))
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnusableError("picture.array-not-finite")
    is_float = values.dtype.kind == "f"
    if is_float and low >= -OVER and high <= 1 + OVER:
        if high > 0:
            notes.append(Message(ZERO_ONE))
        return _float32(values, 255.0)
    most = 65535 if values.dtype.kind == "u" and values.dtype.itemsize == 2 else 255
    over = most * OVER / 255 if is_float else 0
    if low < -over or high > most + over:
        raise UnusableError("picture.out-of-range", low=low, high=high)
    if 0 < high <= DARK * most / 255:
        notes.append(Message(NEARLY_BLACK, high=high, most=most))
    if is_float or most > 255:
        return _float32(values, 255 / most)
    return values.astype(np.uint8)


def _float32(values: npt.NDArray[Any], factor: float) -> npt.NDArray[np.float32]:
    """The values times a factor, without what is beyond 0…255."""
    scaled: npt.NDArray[np.float32] = values.astype(np.float32) * np.float32(factor)
    return np.clip(scaled, np.float32(0), np.float32(255))
