"""One canvas over many workers: an objective whose tiles are processed by them.

The optimiser, the total variation and the style loss stay beside the canvas; what L-BFGS remembers
of a canvas does not if its memory is too small (:mod:`impasto.cluster.pairs`). In a step, every
worker gets its share of the canvas, with its halo; the statistics come back, added up by a tree;
the gradient of the style loss with respect to them goes out; and the shares of the gradient with
respect to the canvas come back, and are added up in the order of the shares. So the result depends
on the number of shares, and not on who computes them or when.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from impasto.cluster.engine import Needs, ray, results
from impasto.cluster.nodes import Gpu, a_gpu, cpus_multiply_bfloat16, memory_of_workers
from impasto.cluster.pairs import SpreadPairs, fit_one_machine
from impasto.cluster.pool import Pool, tree_sum
from impasto.cluster.shares import Share, share_out
from impasto.cluster.worker import Arrays, Setting
from impasto.network import devices
from impasto.network.devices import Arithmetic
from impasto.network.vgg import VGG
from impasto.objective.cache import TileMaps
from impasto.objective.objective import Objective
from impasto.objective.of_pixels import Kept
from impasto.objective.reader import Part
from impasto.objective.regions import Region, Statistics, StyleCanvas
from impasto.optim.pairs import Pairs, history_for
from impasto.settings.layers import BY_NAME, Layer
from impasto.settings.recipe import Recipe

Answer = TypeVar("Answer")
NUMBERS = itertools.count(1)  # of the objectives of this process


@dataclass
class Traffic:
    """Bytes between the driver and the workers.

    Attributes:
        canvas: of the canvas, to the workers.
        gradient: of its gradient, from the workers.
        matrices: of statistics from each worker, and of their gradients to each.
        evaluations: the number of evaluations.
    """

    canvas: int = 0
    gradient: int = 0
    matrices: int = 0
    evaluations: int = 0


class SpreadObjective(Objective):
    """An :class:`Objective` whose tiles are processed by the workers of a pool.

    Args:
        pool: the workers.
        number: which objective of the run it is.
        traffic: counts the bytes that are sent.
        network: as for :class:`Objective`, like the arguments below; it computes nothing.
        content: the content picture.
        styles: the style pictures.
        recipe: the settings.
        tile: side of a tile's core in pixels; None for one tile a worker.
        deepest: name of the layer up to which the network is read.
        regions: the regions with the styles' statistics, if they are measured.
        kept: the picture that canvases should stay close to; None for no temporal loss.

    Raises:
        RunError: the cluster has no room for the workers, or they die again and again.
    """

    def __init__(  # noqa: PLR0913 – those of an `Objective`, and the workers
        self,
        pool: Pool,
        number: int,
        traffic: Traffic,
        network: VGG,
        content: Tensor,
        styles: Iterable[StyleCanvas],
        recipe: Recipe,
        tile: int | None = None,
        *,
        deepest: str | None = None,
        regions: Sequence[Region] | None = None,
        kept: Kept | None = None,
    ) -> None:
        self._pool, self._number, self._traffic = pool, number, traffic
        self._side, self._evaluation = tile, 0
        pool.start(network.weights)
        super().__init__(
            network, content, styles, recipe, tile, deepest=deepest, regions=regions, kept=kept
        )

    @property
    def is_whole(self) -> bool:
        """Whether pictures are processed whole, which even one worker does in two passes."""
        return False

    def measure_content(self, content: Tensor, size: int) -> TileMaps:  # noqa: ARG002
        """Have the workers measure the content picture; they keep its feature maps."""
        self._setting = Setting(
            self._number,
            self.network.taps,
            self.network.pooling,
            self.network.padding,
            self.network.arithmetic,
            self.reader.sees,
            self.reader.distance,
            self.alpha,
            tuple(self.content_weights),
        )
        self._shares = self._shared_out(content)
        self._content = [ray().put(_array(share.box.of(content))) for share in self._shares]
        self._pool.restore_with("targets", self._hold)
        held = self._steadily(lambda: self._hold(range(len(self._shares))))
        self._energies = {
            name: sum(one[name] for one in held if name in one) for name in self.content_weights
        }
        return TileMaps((), in_memory=True)

    def content_energies(self) -> dict[str, float]:
        """The content loss of zero feature maps, by layer."""
        return self._energies

    def statistics(self, picture: Tensor, part: Part, layers: Sequence[str]) -> Statistics:
        """The statistics of a style picture by layer, stacked by region."""
        shares = self._shared_out(picture)
        if not layers:
            return {}

        def measured() -> Arrays:
            seen = [
                self._pool.worker(number).statistics.remote(
                    self._setting,
                    _array(share.box.of(picture)),
                    Part(share.tiles, part.whole, part.guides).within(share.box),
                    list(layers),
                )
                for number, share in enumerate(shares)
            ]
            return self._added(seen)

        return self._tensors(self._steadily(measured), picture)

    def seen_by_tiles(self, canvas: Tensor) -> Statistics:
        """The statistics of a canvas, which the first pass over its tiles adds up."""
        self._evaluation += 1
        self._traffic.evaluations += 1
        self._canvas = [self._put(_array(share.box.of(canvas))) for share in self._shares]
        if not self.style_layers:
            return {}
        return self._tensors(self._steadily(self._see), canvas)

    def add_pull(self, canvas: Tensor, by_statistic: Statistics, gradient: Tensor) -> Tensor:
        """Have the workers make the second pass over their tiles of a canvas.

        Args:
            canvas: 3 × H × W, the one of the first pass.
            by_statistic: the gradient of the weighted style loss with respect to the statistics.
            gradient: 3 × H × W, to which the gradients of content and style loss are added.

        Returns:
            The content loss, a scalar.
        """
        slopes = {name: _array(slope) for name, slope in by_statistic.items()}
        self._traffic.matrices += len(self._shares) * _bytes(slopes)
        sent = ray().put(slopes)
        content = torch.zeros_like(self.reader.sum(()))
        for share, (here, by_box) in zip(
            self._shares, self._steadily(lambda: self._pulled(sent)), strict=True
        ):
            self._traffic.gradient += by_box.nbytes
            share.box.of(gradient).add_(_tensor(by_box, canvas))
            content += _tensor(here, content)
        self._canvas = []
        return content

    def _see(self) -> Arrays:
        """The statistics of the canvas, from the workers."""
        seen = [
            self._pool.worker(number).see.remote(
                number, self._evaluation, self._canvas[number], self.style_layers, guides
            )
            for number, guides in enumerate(self._guides)
        ]
        total = self._added(seen)
        self._traffic.matrices += len(self._shares) * _bytes(total)
        return total

    def _pulled(self, slopes: Any) -> list[tuple[Any, Any]]:
        """The shares of the content loss and of the gradient, from the workers."""
        return results(
            [
                self._pool.worker(number).pull.remote(
                    number,
                    self._evaluation,
                    self._canvas[number],
                    self.content_weights,
                    slopes,
                    guides,
                )
                for number, guides in enumerate(self._guides)
            ]
        )

    def _hold(self, numbers: Iterable[int]) -> list[dict[str, float]]:
        """Have workers hold those shares that there are, of the content's targets."""
        return results(
            [
                self._pool.worker(number).hold.remote(
                    self._setting, number, self._part_of(number), self._content[number]
                )
                for number in numbers
                if number < len(self._shares)
            ]
        )

    def _part_of(self, number: int) -> Part:
        share = self._shares[number]
        return Part(share.tiles, self._whole).within(share.box)

    @functools.cached_property
    def _guides(self) -> list[Any]:
        """For each share, the guides of the regions there; None without masks."""
        return [self._guides_of(share) for share in self._shares]

    def _guides_of(self, share: Share) -> Mapping[str, Tensor] | None:
        guides = self.part.guides
        if guides is None:
            return None
        here = {name: share.box.after(BY_NAME[name].pools).of(one) for name, one in guides.items()}
        kept: Mapping[str, Tensor] = ray().put(
            {name: one.cpu().contiguous() for name, one in here.items()}
        )
        return kept

    def _steadily(self, work: Callable[[], Answer]) -> Answer:
        return self._pool.steadily(work)

    def _shared_out(self, picture: Tensor) -> list[Share]:
        height, width = picture.shape[1:]
        return share_out(self._layers, height, width, self._pool.count, self._side)

    def _added(self, seen: Sequence[Any]) -> Arrays:
        """The sum of the statistics of all shares, by a tree of workers."""
        add = self._pool.worker
        (total,) = results([tree_sum(seen, lambda at, one, other: add(at).add.remote(one, other))])
        return dict(total)

    def _put(self, array: Any) -> Any:
        self._traffic.canvas += array.nbytes
        return ray().put(array)

    def _tensors(self, arrays: Arrays, like: Tensor) -> Statistics:
        return {name: _tensor(array, like) for name, array in arrays.items()}


class ManyWorkers:
    """A :class:`impasto.run.workplace.Workplace`: the workers of the connected cluster.

    Args:
        count: number of workers.
        needs: what each needs of its node.
        pool: workers that have been started; None to start some.

    Attributes:
        pool: the workers.
        needs: what each needs of its node.
        traffic: bytes that were sent in evaluations.
    """

    def __init__(self, count: int, needs: Needs, pool: Pool | None = None) -> None:
        self.pool, self.traffic = pool or Pool(count, needs), Traffic()
        self.needs = needs

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return self.pool.count

    def arithmetic(self, precision: str, device: torch.device) -> Arithmetic:
        """How the network computes: with ``auto``, in the format that is fast on every worker."""
        if precision != "auto":
            return devices.arithmetic(precision, device)
        return devices.fastest(torch.bfloat16 if self._have_bfloat16 else torch.float32, device)

    def pairs(self, canvas_bytes: int, device: torch.device) -> Pairs:
        """What L-BFGS remembers: beside the canvas, or held by the workers if it does not fit."""
        history = history_for(canvas_bytes)
        if self.holds_pairs(canvas_bytes, device):
            return SpreadPairs(self.pool, history)
        return Pairs(history)

    def holds_pairs(self, canvas_bytes: int, device: torch.device) -> bool:
        """Whether the workers hold what L-BFGS remembers of canvases of so many bytes."""
        return self.workers > 1 and not fit_one_machine(canvas_bytes, devices.free_memory(device))

    def free_memory(self, device: torch.device) -> float:  # noqa: ARG002 – the workers have others
        """Bytes of memory that each worker has, where they have the least."""
        return self._gpu.free if self.needs.gpus else memory_of_workers(self.needs)

    def most_at_once(self, layers: Sequence[Layer], size: tuple[int, int]) -> int:
        """Pixels that a worker processes at once of a picture, if its share is one tile."""
        width, height = size
        shares = share_out(layers, height, width, self.pool.count, None)
        return max(share.box.area for share in shares)

    @functools.cached_property
    def _have_bfloat16(self) -> bool:
        return self._gpu.has_bfloat16 if self.needs.gpus else cpus_multiply_bfloat16(self.needs)

    @functools.cached_property
    def _gpu(self) -> Gpu:
        return a_gpu(self.needs)

    def objective(
        self,
        network: VGG,
        content: Tensor,
        styles: Iterable[StyleCanvas],
        recipe: Recipe,
        tile: int | None,
        *,
        deepest: str | None,
        targets: TileMaps | None,  # noqa: ARG002 – the workers keep their own
        regions: Sequence[Region] | None,
        kept: Kept | None = None,
    ) -> Objective:
        """The objective of a level, whose tiles the workers process."""
        return SpreadObjective(
            self.pool,
            next(NUMBERS),
            self.traffic,
            network,
            content,
            styles,
            recipe,
            tile,
            deepest=deepest,
            regions=regions,
            kept=kept,
        )


@contextmanager
def many_workers(count: int, needs: Needs) -> Iterator[ManyWorkers]:
    """A context with workers of the connected cluster, which end with it."""
    workers = ManyWorkers(count, needs)
    try:
        yield workers
    finally:
        workers.pool.stop()


def _array(tensor: Tensor) -> Any:
    return tensor.detach().cpu().contiguous().numpy()


def _tensor(array: Any, like: Tensor) -> Tensor:
    return torch.from_numpy(array.copy()).to(like)


def _bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())
