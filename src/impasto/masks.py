"""Masks: which part of a picture a style is for, or from, at the size of every layer.

Gatys, Ecker, Bethge, Hertzmann and Shechtman, *Controlling Perceptual Factors in Neural Style
Transfer*, arXiv:1611.07865, section 4: a guidance channel, brought to each layer's size, multiplies
its feature maps before their Gram matrix is taken.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import InputError
from impasto.files import shown
from impasto.sizes import PixelSize

Shares = npt.NDArray[np.float32]

LABEL = re.compile(r"^(?P<path>.+)#(?P<colour>[0-9a-fA-F]{6})$")
NEAR = 48  # grey levels a channel by which a label's colour may be off, as in a JPEG
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601, as Pillow's


@dataclass(frozen=True)
class Mask:
    """A mask that has been read.

    Attributes:
        shares: H × W, 0…1: how much of each pixel belongs to the region.
        name: base name of its file, with the colour of a label; None for one from memory.
        sha256: of the file's bytes, or of the pixels.
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
        """SHA-256 of the shares, which differ where a file's regions do."""
        return hashlib.sha256(f"{self.size}".encode() + self.shares.tobytes()).hexdigest()

    def at(self, size: PixelSize) -> Shares:
        """The mask stretched to another size, H × W; it never overshoots, as a picture may."""
        if size == self.size:
            return self.shares
        stretched = Image.fromarray(self.shares).resize(size, Image.Resampling.BILINEAR)
        return np.asarray(stretched)


def read(source: Any, role: str) -> Mask:
    """A mask from a picture: its grey values, or the region in one of its colours.

    Args:
        source: a path; a path and a colour, as in ``regions.png#ff0000``; a ``PIL.Image.Image``; an
            H × W × 3 or H × W uint8 array.
        role: what errors call it.

    Raises:
        InputError: it cannot be read, or marks nothing.
    """
    source, colour = split(source)
    if isinstance(source, np.ndarray) and source.ndim == 2:
        source = np.repeat(source[..., None], 3, axis=2)
    picture = images.read(source, role)
    pixels = picture.pixels.astype(np.float32)
    what = f"{role} {shown(picture.name)}" if picture.name else role
    if colour is None:
        shares = np.clip(pixels @ GREY / 255, 0, 1)
        empty = f"The {what} is black everywhere: paint white where it should be."
    else:
        wanted = np.array(list(bytes.fromhex(colour)), np.float32)
        shares = (np.abs(pixels - wanted).max(axis=2) <= NEAR).astype(np.float32)
        empty = f"The {what} has nothing of the colour #{colour}: name one that is in it."
    if not shares.any():
        raise InputError(empty)
    name = picture.name if colour is None else f"{picture.name}#{colour}"
    return Mask(shares.astype(np.float32), name, picture.sha256)


def split(source: Any) -> tuple[Any, str | None]:
    """A source and the colour named with it; a file of just that name is a file.

    >>> split("regions.png#ff0000"), split("sky.png")
    (('regions.png', 'ff0000'), ('sky.png', None))
    """
    if isinstance(source, str | Path) and not Path(source).exists():
        label = LABEL.match(str(source))
        if label is not None:
            return label["path"], label["colour"].lower()
    return source, None


def pooled(mask: Tensor, pools: int) -> Tensor:
    """A mask as a layer after so many poolings sees it: pooled as its maps are, by averaging.

    Args:
        mask: H × W.
        pools: how often.

    Returns:
        H' × W', halved and rounded down at every pooling.

    Example:
        >>> import torch
        >>> pooled(torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), 1)
        tensor([[0.7500]])
    """
    maps = mask[None, None]
    for _ in range(pools):
        maps = F.avg_pool2d(maps, 2)
    return maps[0, 0]
