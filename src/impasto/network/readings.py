"""What losses read of the network's feature maps, (H, W, C), and how its gradient is added."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar, cast

import torch
from torch import Tensor

from impasto.network.bands import PRODUCTS, Read, Rows, Workspace, bands, slices
from impasto.network.pooling import halved
from impasto.network.tiles import Box
from impasto.process import threads
from impasto.settings.layers import BY_NAME

BLOCKS = 4  # of channels, in which a Gram matrix is computed, since half of it is known

T = TypeVar("T")
Grid = tuple[slice, slice]  # some rows and columns of a feature map
NO_GRIDS: Mapping[str, Grid] = MappingProxyType({})


@dataclass(frozen=True)
class Reading:
    """What is read of the network.

    Attributes:
        features: names of the layers whose feature maps are read, each (C, H', W').
        grams: names of the layers whose Gram matrices are read, each (C, C).
        core: the part of the picture that they cover.
        pools: feature maps that are finer than those behind this many poolings are averaged to
            their size; 0 averages none.
        grids: by layer name, the rows and columns at which alone a feature map is read; these maps
            are not averaged.
    """

    features: tuple[str, ...]
    grams: tuple[str, ...]
    core: Box
    pools: int = 0
    grids: Mapping[str, Grid] = field(default_factory=dict)

    @property
    def layers(self) -> frozenset[str]:
        """The names of all layers that are read."""
        return frozenset({*self.features, *self.grams})

    def is_whole(self, name: str) -> bool:
        """Whether the feature map of a layer is read whole, at every position."""
        return name in self.features and name not in self.grids and not self._times(name)

    def of(self, maps: Mapping[str, Rows], kept: Workspace) -> tuple[Tensor, ...]:
        """The feature maps, then the Gram matrices, given the outputs of the layers.

        Args:
            maps: the outputs, by layer name.
            kept: buffers for averaged maps.
        """
        features = (self._feature(name, maps[name], kept) for name in self.features)
        return *features, *_grams([(maps[name], self._part(name)) for name in self.grams])

    def by_name(self, found: Sequence[T]) -> tuple[dict[str, T], dict[str, T]]:
        """What is given of the feature maps and of the Gram matrices, by layer name.

        Args:
            found: in the order of :meth:`of`.
        """
        split = len(self.features)
        return (
            dict(zip(self.features, found[:split], strict=True)),
            dict(zip(self.grams, found[split:], strict=True)),
        )

    def adder(
        self, name: str, x: Rows | None, by_feature: Tensor | None, by_gram: Tensor | None
    ) -> Read | None:
        """A function that adds the gradient of an output of a layer, row by row.

        Args:
            name: of the layer.
            x: its output, (H, W, C), if it is read.
            by_feature: the gradient of its feature map, as read; None if it was not.
            by_gram: that of its Gram matrix, or None.

        Returns:
            The function; None if no loss depends on the output.
        """
        if x is None or (by_feature is None and by_gram is None):
            return None
        core, grid = self._part(name), self.grids.get(name)
        times = self._times(name)
        given = None if by_feature is None else by_feature.permute(1, 2, 0)
        mixing = None
        if by_gram is not None:
            mixing = ((by_gram + by_gram.T) / core.area).to(x.dtype)

        def add(first: int, last: int, rows: Tensor) -> None:
            top, bottom = max(first, core.top), min(last, core.bottom)
            if top >= bottom:
                return
            here = rows[top - first : bottom - first, core.left : core.right]
            if given is not None and grid is not None:
                _add_on_grid(given, grid, top - core.top, here)
            elif given is not None and times:
                _add_averaged(given, times, top - core.top, here)
            elif given is not None:
                here += given[top - core.top : bottom - core.top]
            if mixing is not None:
                part = x[slice(top, bottom)][:, core.left : core.right]
                here.baddbmm_(part, mixing.expand(len(part), -1, -1))

        return add

    def _part(self, name: str) -> Box:
        """The part of a layer's output that is read."""
        return self.core.after(BY_NAME[name].pools)

    def _times(self, name: str) -> int:
        """How often a layer's output is halved, as :func:`impasto.network.pooling.halved` does."""
        return max(0, self.pools - BY_NAME[name].pools)

    def _feature(self, name: str, x: Rows, kept: Workspace) -> Tensor:
        """A feature map as it is read, (C, H', W'), given the output of its layer."""
        part = self._part(name)
        if name in self.grids:
            return _on_grid(x, part, self.grids[name])
        if self.is_whole(name):
            return tensor_of(x)[part.slices].permute(2, 0, 1).float()
        times = self._times(name)
        height, width = (part.bottom - part.top) >> times, (part.right - part.left) >> times
        out = kept(f"{name} averaged", height, width, x.shape[2])
        _write_averaged(x, part, times, out)
        return out.permute(2, 0, 1)


def tensor_of(map_: Rows) -> Tensor:
    """A map that is kept."""
    return cast("Tensor", map_)


def _on_grid(x: Rows, part: Box, grid: Grid) -> Tensor:
    """A copy of some rows and columns of a part of a map, (C, H', W')."""
    rows = range(part.top, part.bottom)[grid[0]]
    columns = range(part.left, part.right)[grid[1]]
    out = torch.empty(len(rows), len(columns), x.shape[2])

    def copy(number: int) -> None:
        (row,) = x[slice(rows[number], rows[number] + 1)]
        out[number] = row[part.left : part.right][grid[1]]

    threads.each(copy, range(len(rows)))
    return out.permute(2, 0, 1)


def _write_averaged(x: Rows, part: Box, times: int, out: Tensor) -> None:
    """Write the means of a part of a map over squares into out, (H', W', C)."""
    side = 1 << times

    def average(rows: slice) -> None:
        here = slice(part.top + side * rows.start, part.top + side * rows.stop)
        values = x[here][:, part.left : part.right].permute(2, 0, 1).float()
        out[rows] = halved(values, times).permute(1, 2, 0)

    threads.each(average, bands(len(out), side * x.shape[1] * x.shape[2]))


def _grams(maps: Sequence[tuple[Rows, Box]]) -> list[Tensor]:
    """The Gram matrices of parts of maps, as of :func:`impasto.network.statistics.gram`."""
    sums, work = [], []
    for x, core in maps:
        channels = x.shape[2]
        columns = slice(core.left, core.right)
        row = (core.right - core.left) * channels**2
        parts = slices(core.top, core.bottom, PRODUCTS // row)
        of_parts = torch.zeros(len(parts), channels, channels)
        work += [(x, rows, columns, out) for rows, out in zip(parts, of_parts, strict=True)]
        sums.append(of_parts)
    threads.each(_multiply, work)
    return [_mirrored(of.sum(0)) / core.area for of, (_, core) in zip(sums, maps, strict=True)]


def _multiply(part: tuple[Rows, slice, slice, Tensor]) -> None:
    """Write the sum of products of every two channels into out, on and above its diagonal.

    Args:
        part: a feature map, some of its rows and columns, and out, (C, C).
    """
    x, rows, columns, out = part
    flat = x[rows][:, columns].reshape(-1, len(out)).float()
    for block in slices(0, len(out), math.ceil(len(out) / BLOCKS)):
        torch.mm(flat[:, block].T, flat[:, block.start :], out=out[block, block.start :])


def _mirrored(upper: Tensor) -> Tensor:
    """A symmetric matrix, given what is on and above its diagonal."""
    return upper.triu() + upper.triu(1).T


def _add_on_grid(given: Tensor, grid: Grid, first: int, rows: Tensor) -> None:
    """Add to some rows of a map, (rows, W, C), their gradient, given that of the map on a grid.

    Args:
        given: the gradient of the map at the rows and columns of the grid, (H', W', C).
        grid: the rows, counted from the top of what was read, and the columns.
        first: the number of the first row.
        rows: the gradient of the rows, which is changed.
    """
    last = first + len(rows)
    before, here = (range(*grid[0].indices(end)) for end in (first, last))
    chosen = here[len(before) :]
    if chosen:
        own = rows[chosen.start - first : chosen[-1] + 1 - first : chosen.step, grid[1]]
        own += given[len(before) : len(here)]


def _add_averaged(given: Tensor, times: int, first: int, rows: Tensor) -> None:
    """Add to some rows of a map, (rows, W, C), their gradient, given that of the averaged map.

    Args:
        given: the gradient of the map averaged over squares, (H', W', C).
        times: the side of a square is two to this power.
        first: the number of the first row, counted from the top of what was averaged.
        rows: the gradient of the rows, which is changed.
    """
    side = 1 << times
    height, width, _ = given.shape
    count = max(0, min(len(rows), side * height - first))
    squares = rows[:count, : side * width].view(count, width, side, rows.shape[2])
    repeated = given[torch.arange(first, first + count) // side] * side**-2
    squares += repeated.unsqueeze(2)
