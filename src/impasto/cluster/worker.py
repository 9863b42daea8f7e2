"""A worker: it holds its shares of the content's targets, and reads its shares of a canvas.

What a method returns depends only on its arguments, on what :meth:`Worker.hold` has measured, and
on the rows that two workers hold. So a worker that has died can be replaced by another, or its
shares be read by those that live.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto.cluster.rows import PairHolder
from impasto.network import devices
from impasto.network.devices import Arithmetic, exact_convolutions
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.cache import TileMaps
from impasto.objective.objective import KEPT_BYTES, target_bytes
from impasto.objective.reader import Part, Read, Reader
from impasto.objective.regions import Statistics
from impasto.process import threads

Array = npt.NDArray[Any]
Arrays = dict[str, Array]  # by layer


@dataclass(frozen=True)
class Setting:
    """What workers need to know of an objective besides its pictures.

    Attributes:
        number: which objective of the run it is.
        taps: names of the layers that the network reads.
        pooling: ``average`` or ``max``.
        padding: ``zeros`` or ``replicate``.
        arithmetic: how the driver's network computes.
        sees: the statistic of a feature map that the style loss compares.
        distance: the content loss of a feature map and its target.
        alpha: the weight of the content loss.
        content_layers: names of the content layers that are read.
    """

    number: int
    taps: frozenset[str]
    pooling: str
    padding: str
    arithmetic: Arithmetic
    sees: Callable[..., Tensor]
    distance: Callable[[Tensor, Tensor], Tensor]
    alpha: float
    content_layers: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """A share that a worker holds.

    Attributes:
        part: its tiles, in coordinates of the pixels that are sent.
        targets: the content picture's feature maps there.
        energies: the share in the content loss of zero feature maps, by layer.
    """

    part: Part
    targets: TileMaps
    energies: dict[str, float]


class Worker(PairHolder):
    """Reads shares of a canvas on one machine.

    Args:
        weights: the network's weights.
        threads: number of its CPU threads.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, weights: Weights, threads: int, device: str) -> None:
        super().__init__()
        torch.set_num_threads(threads)
        self._weights, self._device = weights, torch.device(device)
        self._setting: Setting | None = None
        self._held: dict[int, Held] = {}
        self._read: tuple[int, int, Read] | None = None  # share and evaluation that it is of
        self._made: dict[Any, VGG] = {}

    def is_ready(self) -> bool:
        """Whether it has started; the answer itself says so."""
        return True

    def echo(self, array: Array) -> Array:
        """A copy of what was sent, to measure how fast it is sent."""
        return np.array(array)

    def spent(self) -> float:
        """Seconds of processor time that the worker has used."""
        return time.process_time()

    def hold(self, setting: Setting, number: int, part: Part, content: Array) -> dict[str, float]:
        """Hold a share: measure the content picture there.

        Args:
            setting: of the objective; shares of others are dropped.
            number: of the share.
            part: its tiles, without guides.
            content: the share of the content picture, 3 × H × W.

        Returns:
            The share in the content loss of zero feature maps, by layer.
        """
        if self._setting is None or setting.number != self._setting.number:
            self._setting, self._held, self._read = setting, {}, None
        if number not in self._held:
            reader, layers = self._reader(setting), setting.content_layers
            with _computing(reader):
                maps = reader.maps(self._placed(content), part.tiles, layers)
                kept = TileMaps(maps, in_memory=_fits(reader, part, layers))
                self._held[number] = Held(part, kept, reader.energies(part, kept))
        return self._held[number].energies

    def statistics(
        self, setting: Setting, picture: Array, part: Part, layers: Sequence[str]
    ) -> Arrays:
        """The share of some tiles in the statistics of a picture, by layer.

        Args:
            setting: of the objective.
            picture: its pixels there, 3 × H × W.
            part: the tiles.
            layers: names of the style layers.
        """
        reader = self._reader(setting)
        with _computing(reader):
            seen = reader.statistics(self._placed(picture), part, layers)
        return _arrays(seen)

    def see(
        self,
        number: int,
        evaluation: int,
        canvas: Array,
        layers: Sequence[str],
        guides: Mapping[str, Tensor] | None = None,
    ) -> Arrays:
        """Make the first pass over a share of a canvas.

        A share of one tile is not read again by the second pass.

        Args:
            number: of the share.
            evaluation: number of the evaluation.
            canvas: the share of the canvas, 3 × H × W.
            layers: names of the style layers.
            guides: the guides of the regions there, by style layer.

        Returns:
            Its share in the statistics of the canvas, by layer, (R, …).
        """
        part = self._part(number, guides)
        with _computing(self._here):
            if len(part.tiles) > 1:
                seen = self._here.statistics(self._placed(canvas), part, layers)
                return _arrays(seen)
            read = self._look(part, canvas, layers)
            self._read = number, evaluation, read
        return _arrays(
            {
                name: one.detach() * part.share(read.tile, name)
                for name, one in read.statistics.items()
            }
        )

    def pull(
        self,
        number: int,
        evaluation: int,
        canvas: Array,
        weights: Mapping[str, float],
        by_statistic: Arrays,
        guides: Mapping[str, Tensor] | None = None,
    ) -> tuple[Array, Array]:
        """Make the second pass over a share of a canvas.

        Args:
            number: of the share.
            evaluation: number of the evaluation.
            canvas: the share of the canvas, 3 × H × W.
            weights: the weights of the content layers.
            by_statistic: the gradient of the weighted style loss with respect to the statistics.
            guides: the guides of the regions there, by style layer.

        Returns:
            Its share in the content loss, a scalar, and in the gradient, 3 × H × W.
        """
        part = self._part(number, guides)
        slopes = {name: self._placed(slope) for name, slope in by_statistic.items()}
        kept, self._read = self._read, None
        with _computing(self._here):
            if len(part.tiles) == 1:
                known = kept is not None and kept[:2] == (number, evaluation)
                read = kept[2] if kept and known else self._look(part, canvas, list(slopes))
                (target,) = self._held[number].targets
                content, gradient = self._here.pull(read, part, target, weights, slopes)
                return content.cpu().numpy(), gradient.cpu().numpy()
            picture, targets = self._placed(canvas), self._held[number].targets
            gradient = torch.zeros_like(picture)
            content = self._here.add_pulls(picture, part, targets, weights, slopes, gradient)
        return content.cpu().numpy(), gradient.cpu().numpy()

    def add(self, one: Arrays, other: Arrays) -> Arrays:
        """The sum of two shares in the statistics of a canvas."""
        return {name: array + other[name] for name, array in one.items()}

    @property
    def _here(self) -> Reader:
        assert self._setting is not None, "no share is held"  # noqa: S101
        return self._reader(self._setting)

    def _reader(self, setting: Setting) -> Reader:
        """The reader of an objective; its network is kept for the next one."""
        dtype = setting.arithmetic.dtype
        way = setting.arithmetic
        if way.by_rows or dtype == torch.bfloat16:
            way = devices.fastest(dtype, self._device)
        key = setting.taps, setting.pooling, setting.padding, way
        if key not in self._made:
            network = VGG(
                self._weights,
                setting.taps,
                pooling=setting.pooling,
                padding=setting.padding,
                device=self._device,
                dtype=way.dtype,
                by_rows=way.by_rows,
            )
            self._made = {key: network}
        return Reader(self._made[key], setting.sees, setting.distance, setting.alpha)

    def _look(self, part: Part, canvas: Array, layers: Sequence[str]) -> Read:
        """Read the only tile of a share of a canvas."""
        assert self._setting is not None, "no share is held"  # noqa: S101
        (tile,) = part.tiles
        picture = self._placed(canvas)
        return self._here.read(picture, part, tile, self._setting.content_layers, layers)

    def _part(self, number: int, guides: Mapping[str, Tensor] | None) -> Part:
        part = self._held[number].part
        if guides is None:
            return part
        placed = {name: guide.to(self._device) for name, guide in guides.items()}
        return Part(part.tiles, part.whole, placed)

    def _placed(self, array: Array) -> Tensor:
        """A copy of an array on the worker's device."""
        return torch.from_numpy(np.array(array)).to(self._device)


@contextmanager
def _computing(reader: Reader) -> Iterator[None]:
    """A context for the network: exact convolutions, and threads that share its work."""
    shared = reader.network.arithmetic.by_rows
    with exact_convolutions(), threads.whole_operations(shared=shared):
        yield


def _fits(reader: Reader, part: Part, layers: Sequence[str]) -> bool:
    """Whether the targets of a share are kept in memory."""
    sizes = (target_bytes(reader.network, layers, tile.core) for tile in part.tiles)
    return len(part.tiles) == 1 or sum(sizes) <= KEPT_BYTES


def _arrays(statistics: Statistics) -> Arrays:
    return {name: one.cpu().numpy() for name, one in statistics.items()}
