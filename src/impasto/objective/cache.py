"""Cached measurements, which are computed once and read many times.

:class:`TileMaps` holds the feature maps of a picture, in memory or in a file if they are large;
:func:`measurements` makes the cache that the runs of a sweep, of many pictures or of a clip share.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import torch
from cachetools import LRUCache
from torch import Tensor

Maps = dict[str, Tensor]

SHARED_BYTES = 2**29  # memory for the measurements that runs share

DISK = Path("/var/tmp")  # noqa: S108 – on disk in Linux, while /tmp may be in memory


class TileMaps:
    """The feature maps of the tiles of a picture, to be read in their order any number of times.

    Args:
        maps: the feature maps of each tile, by layer name, all of one number format on one device.
        in_memory: whether they are kept in memory, or in a nameless temporary file, which
            disappears with the process.

    Attributes:
        bytes: the size of the feature maps, in memory or in the file.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, maps: Iterable[Maps], *, in_memory: bool) -> None:
        self.bytes = 0
        self._shapes: list[dict[str, torch.Size]] = []
        self._kept: list[Maps] = []
        self._file: IO[bytes] | None = None if in_memory else nameless_file()
        if self._file is not None:
            weakref.finalize(self, self._file.close)
        self._like = torch.empty(0)
        for one in maps:
            self._shapes.append({name: tensor.shape for name, tensor in one.items()})
            self.bytes += sum(tensor.nbytes for tensor in one.values())
            if self._file is None:
                self._kept.append({name: tensor.clone() for name, tensor in one.items()})
                continue
            for tensor in one.values():
                self._like = tensor.new_empty(0)
                tensor.cpu().contiguous().numpy().tofile(self._file)

    def __iter__(self) -> Iterator[Maps]:
        if self._file is None:
            yield from self._kept
            return
        self._file.seek(0)
        for shapes in self._shapes:
            yield {name: self._read(shape) for name, shape in shapes.items()}

    def _read(self, shape: torch.Size) -> Tensor:
        assert self._file is not None  # noqa: S101 – called only for a store in a file
        kind = torch.empty(0, dtype=self._like.dtype).numpy().dtype
        flat = np.fromfile(self._file, kind, shape.numel())
        return torch.from_numpy(flat).view(shape).to(self._like.device)


class Measured(Protocol):
    """Anything whose size in bytes is known."""

    @property
    def bytes(self) -> int:
        """The size."""


Measurements = LRUCache[Hashable, Sequence[Any]]


def measurements(most: int) -> Measurements:
    """A cache of measurements that several runs share; the least recently used are dropped first.

    Args:
        most: the largest total size, in bytes.
    """
    return LRUCache(most, getsizeof=lambda kept: sum(one.bytes for one in kept))


def keep(cache: Measurements, key: Hashable, measured: Sequence[Measured]) -> None:
    """Cache a measurement, unless it alone is larger than the cache."""
    with suppress(ValueError):
        cache[key] = measured


def nameless_file() -> IO[bytes]:
    """A temporary file, on a disk if possible, that is gone once it is closed."""
    folder = DISK if "TMPDIR" not in os.environ and os.access(DISK, os.W_OK) else None
    return tempfile.TemporaryFile(dir=folder)
