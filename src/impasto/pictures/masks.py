"""Masks: which part of the painting a style is for, or which part of its picture counts.

Gatys, Ecker, Bethge, Hertzmann and Shechtman, *Controlling Perceptual Factors in Neural Style
Transfer*, arXiv:1611.07865, section 4: a guidance channel, resized for each layer, multiplies the
feature maps of the layer before their Gram matrix is computed.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import InputError
from impasto.files import reading
from impasto.files.writing import is_there
from impasto.messages.message import Message
from impasto.pictures import images
from impasto.pictures.arrays import middle
from impasto.pictures.profiles import LUMA
from impasto.pictures.refusals import UnusableError, naming, tell_of
from impasto.pictures.sizes import PixelSize

if TYPE_CHECKING:
    from torch import Tensor

Shares = npt.NDArray[np.float32]

LABEL = re.compile(r"^(?P<path>.+)#(?P<colour>[0-9a-fA-F]{6})$")
NEAR = 48  # grey levels by which each channel of a label's colour may be off, as in a JPEG
FAINT = 16 / 255  # a mask whose shares are all below this is empty; all above 1 − this, full


@dataclass(frozen=True)
class Mask:
    """A mask that has been read.

    Attributes:
        shares: H × W, 0…1: the share of each pixel that belongs to the region.
        name: base name of the file, with the colour of a label; None for a mask from memory.
        sha256: SHA-256 of the file's bytes, or of the pixels of a mask from memory.
    """

    shares: Shares
    name: str | None
    sha256: str

    @property
    def size(self) -> PixelSize:
        """Width and height in pixels."""
        return self.shares.shape[1], self.shares.shape[0]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the size and the shares, which differ between the regions of one file."""
        return hashlib.sha256(f"{self.size}".encode() + self.shares.tobytes()).hexdigest()

    def at(self, size: PixelSize) -> Shares:
        """The mask stretched to another size, H × W, 0…1: bilinear, so that it cannot overshoot."""
        if size == self.size:
            return self.shares
        stretched = Image.fromarray(self.shares).resize(size, Image.Resampling.BILINEAR)
        return np.asarray(stretched)

    def cropped(self, picture: PixelSize, size: PixelSize) -> Mask:
        """The mask of the middle of its picture.

        Args:
            picture: width and height of the picture, to which the mask is stretched.
            size: width and height of its middle.
        """
        if size == picture:
            return self
        return replace(self, shares=middle(self.at(picture), size))


def read(source: Any, role: str) -> Mask:
    """Read a mask from a picture: from its grey values, or the region in one of its colours.

    If the shape is in the picture's transparency, the opacity is the mask. An
    :class:`ImpastoWarning` tells what the user should know about the mask.

    Args:
        source: a picture as for :func:`impasto.pictures.images.read`, which floats in 0…1 and
            booleans can be; or a path and a colour, as in ``regions.png#ff0000``.
        role: what errors call the mask.

    Raises:
        InputError: the mask cannot be read, is empty, or its grey values and its transparency have
            different shapes.
    """
    source, colour = split(source)
    picture, opacity = images.read_apart(source, role)
    pixels = picture.pixels.astype(np.float32)
    what = naming(role, picture.name)
    notes = list[Message]()
    try:
        if colour is None:
            shares = _full(_shape(pixels, opacity, notes), notes)
        else:
            shares = _region(pixels, opacity, colour)
    except UnusableError as error:
        raise InputError(error.code, picture=what, **error.values) from None
    if shares.min() > 1 - FAINT:
        notes.append(Message("mask.marks-all"))
    tell_of(what, notes)
    name = picture.name if colour is None else f"{picture.name}#{colour}"
    return Mask(shares, name, picture.sha256)


def _shape(pixels: Shares, opacity: Shares | None, notes: list[Message]) -> Shares:
    """The grey values, or the opacity if that is where the shape is."""
    grey: Shares = np.clip(pixels @ LUMA / np.float32(255), 0, 1)
    if opacity is None:
        return grey
    if not opacity.any():
        raise UnusableError("mask.transparent")
    if opacity.min() > (1 - NEAR / 255) * opacity.max():
        return grey
    seen = grey[opacity > (1 - FAINT) * opacity.max()]
    if np.ptp(seen) > NEAR / 255:
        raise UnusableError("mask.two-shapes")
    notes.append(Message("mask.by-opacity"))
    return opacity


def _full(shares: Shares, notes: list[Message]) -> Shares:
    """The mask in its full range; if its values are 0 and 1, 1 is taken for white."""
    most = float(shares.max())
    if not most:
        raise UnusableError("mask.black")
    if any(abs(most * top - 1) < 0.01 for top in (255, 65535)):
        notes.append(Message("mask.zero-one"))
        return (shares / most).astype(np.float32)
    if most < FAINT:
        raise UnusableError("mask.nearly-black", lightest=round(255 * most))
    return shares


def _region(pixels: Shares, opacity: Shares | None, colour: str) -> Shares:
    """1 where the picture has the colour and is not transparent, 0 elsewhere."""
    wanted = np.array(list(bytes.fromhex(colour)), np.float32)
    found = np.abs(pixels - wanted).max(axis=2) <= NEAR
    if opacity is not None:
        found &= opacity >= 0.5
    if not found.any():
        raise UnusableError("mask.no-such-colour", colour=f"#{colour}")
    region: Shares = found.astype(np.float32)
    return region


def split(source: Any) -> tuple[Any, str | None]:
    """A source without its colour, and the colour; a file of exactly that name has no colour.

    >>> split("regions.png#ff0000"), split("sky.png")
    (('regions.png', 'ff0000'), ('sky.png', None))
    """
    if isinstance(source, str | os.PathLike) and not is_there(reading.located(source)):
        label = LABEL.match(reading.as_given(source))
        if label is not None:
            return label["path"], label["colour"].lower()
    return source, None


def pooled(mask: Tensor, pools: int) -> Tensor:
    """A mask at the size of a layer, average-pooled as often as the layer's feature maps.

    Args:
        mask: H × W.
        pools: the number of poolings.

    Returns:
        The mask, H' × W'; every pooling halves the sides and rounds them down.

    Example:
        >>> import torch
        >>> pooled(torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), 1)
        tensor([[0.7500]])
    """
    import torch.nn.functional as F

    maps = mask[None, None]
    for _ in range(pools):
        maps = F.avg_pool2d(maps, 2)
    return maps[0, 0]
