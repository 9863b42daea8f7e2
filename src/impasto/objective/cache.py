"""What is measured once and used again and again.

The feature maps of a picture, in memory or, where they are many, in a file; and the measurements
that the runs of a sweep share.
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

SHARED_BYTES = 2**29  # of the measurements that the runs of a sweep share

DISK = Path("/var/tmp")  # noqa: S108 – where Linux keeps on disk what /tmp may keep in memory


class TileMaps:
    """The feature maps of one tile after another, to be read in that order as often as one likes.

    Args:
        maps: by name, for each tile, on one device.
        in_memory: where they are to be kept. The file has no name, and is gone with the process.

    Attributes:
        bytes: that they take, wherever they are.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, maps: Iterable[Maps], *, in_memory: bool) -> None:
        self.bytes = 0
        self._shapes: list[dict[str, torch.Size]] = []
        self._kept: list[Maps] = []
        self._file: IO[bytes] | None = None if in_memory else _nameless_file()
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
        assert self._file is not None  # noqa: S101 – only asked of what is in a file
        kind = torch.empty(0, dtype=self._like.dtype).numpy().dtype
        flat = np.fromfile(self._file, kind, shape.numel())
        return torch.from_numpy(flat).view(shape).to(self._like.device)


class Measured(Protocol):
    """What takes a number of bytes in memory or on disk."""

    @property
    def bytes(self) -> int:
        """How many."""


Measurements = LRUCache[Hashable, Sequence[Any]]


def measurements(most: int) -> Measurements:
    """A cache of what one run has measured and another can use, by all that decides it.

    Args:
        most: bytes that may be kept; what was used last stays longest.
    """
    return LRUCache(most, getsizeof=lambda kept: sum(one.bytes for one in kept))


def keep(cache: Measurements, key: Hashable, measured: Sequence[Measured]) -> None:
    """Keep measurements, unless they take more than the whole cache has."""
    with suppress(ValueError):
        cache[key] = measured


def _nameless_file() -> IO[bytes]:
    folder = DISK if "TMPDIR" not in os.environ and os.access(DISK, os.W_OK) else None
    return tempfile.TemporaryFile(dir=folder)
