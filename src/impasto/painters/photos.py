"""The photographs that a painter is trained on: square crops, whose order follows from a seed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import cachetools
import numpy as np

from impasto.errors import InputError
from impasto.files.reading import located
from impasto.messages.message import Message
from impasto.painters.variety import Crop, varied
from impasto.pictures import arrays, images
from impasto.pictures.arrays import Pixels
from impasto.process.notices import tell

FEW = 50  # photographs; fewer are varied, and make a painter that paints others less well
CROP = 256  # pixels; side of a crop, unless the size of the paintings is smaller
ZOOMS = (0.75, 1.5)  # longer side of the photograph that a crop is cut from, relative to that size
KEPT_BYTES = 2**29  # of photographs that are kept in memory
STEP = 32  # the side of a crop is a multiple of it, and half of it one of 16


class Photos:
    """Photographs as crops. What a crop shows follows from its number and the seed alone.

    A photograph that cannot be read is passed over, with a notice.

    Args:
        sources: the photographs, at least one; each is read when it is first needed.
        size: longer side in pixels of the paintings that the painter will make; crops show
            photographs as they are at about this size.
        seed: of the order, the places and the sizes of crops.

    Attributes:
        side: side of a crop, in pixels; a multiple of 32.
    """

    def __init__(self, sources: Sequence[images.Source], size: int, seed: int) -> None:
        self._sources, self._size, self._seed = sources, size, seed
        self.side = max(STEP, min(CROP, size) // STEP * STEP)
        self._broken: set[int] = set()
        self._read: cachetools.LRUCache[int, Pixels] = cachetools.LRUCache(
            KEPT_BYTES, getsizeof=lambda pixels: pixels.nbytes
        )

    def __len__(self) -> int:
        """The number of photographs."""
        return len(self._sources)

    @property
    def identity(self) -> str:
        """A key of the photographs: names and lengths of the files, in order.

        Of photographs in memory, only the number counts.
        """
        told = "\n".join(
            f"{Path(one).name} {_length(one)}"
            if isinstance(one, str | os.PathLike)
            else "in memory"
            for one in (self._sources[index] for index in range(len(self)))
        )
        return hashlib.sha256(told.encode()).hexdigest()

    def crop(self, number: int, *, half: bool = False) -> Crop:
        """A crop, by its number from 0; the first of each photograph come before the second ones.

        Args:
            number: of the crop.
            half: give it half the side; it shows a quarter as much, at the same scale.

        Raises:
            InputError: no photograph can be read.
        """
        draws = np.random.default_rng((self._seed, number))
        across = self.side // 2 if half else self.side
        crop = self._cut(number, across, draws)
        if len(self) >= FEW:
            return crop
        other = self._cut(number + int(draws.integers(1, FEW)), across, draws)
        return varied(crop, other, draws)

    def _cut(self, number: int, across: int, draws: np.random.Generator) -> Crop:
        """A square of a photograph, across × across × 3; its place and its size are drawn."""
        pixels = self._photograph(number)
        height, width = pixels.shape[:2]
        zoom = draws.uniform(*ZOOMS) * self._size / max(height, width)
        side = max(1, min(height, width, round(across / zoom)))
        top, left = (int(draws.integers(0, length - side + 1)) for length in (height, width))
        square: Pixels = pixels[top : top + side, left : left + side]
        if draws.integers(2):
            square = square[:, ::-1]
        return arrays.resize(square, (across, across))

    def _photograph(self, number: int) -> Pixels:
        """The photograph of a crop, H × W × 3; the next one that can be read in its place."""
        turn, place = divmod(number, len(self))
        order = np.random.default_rng((self._seed, turn, len(self))).permutation(len(self))
        for index in map(int, (*order[place:], *order[:place])):
            if index in self._read:
                return self._read[index]
            if index in self._broken:
                continue
            try:
                pixels = self._reduced(images.read(self._sources[index], "photograph").pixels)
            except InputError as error:
                self._broken.add(index)
                tell(Message("painter.photo-passed-over", error=error))
                continue
            if pixels.nbytes <= KEPT_BYTES:
                self._read[index] = pixels
            return pixels
        raise InputError("painter.no-photo-readable", count=len(self))

    def _reduced(self, pixels: Pixels) -> Pixels:
        """A photograph, 8 bits per channel, no larger than the largest zoom needs."""
        height, width = pixels.shape[:2]
        by = min(1.0, ZOOMS[1] * self._size / max(height, width))
        size = max(1, round(by * width)), max(1, round(by * height))
        return arrays.to_uint8(arrays.resize(pixels, size))


def _length(path: str | os.PathLike[str]) -> int:
    """The bytes of a file; −1 if there is none."""
    try:
        return located(path).stat().st_size
    except OSError:
        return -1
