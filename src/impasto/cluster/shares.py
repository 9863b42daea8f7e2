"""How a canvas is shared among workers: in rows and columns of shares that are equal work.

A share consists of tiles, which have halos. A share at the border of the canvas has no halo beyond
it, so its core is larger than that of a share in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from impasto.network.tiles import SMALLEST, Box, Tile, cut, halo_for, stride_for
from impasto.settings.layers import Layer


@dataclass(frozen=True)
class Share:
    """What one worker processes of a picture.

    Attributes:
        box: the part of the picture that its tiles see: the share and its halo.
        tiles: its tiles, in coordinates of the picture.
    """

    box: Box
    tiles: tuple[Tile, ...]


def share_out(
    layers: Sequence[Layer], height: int, width: int, count: int, side: int | None
) -> list[Share]:
    """Share a picture out among workers.

    Args:
        layers: the layers of the network, from the input on.
        height: height of the picture, in pixels.
        width: width of the picture, in pixels.
        count: number of workers.
        side: side of a tile's core, in pixels; None for one tile a share.

    Returns:
        The shares, row by row; fewer than workers if they would be smaller than 64 pixels. They
        are the same for the same arguments.
    """
    halo, stride = halo_for(layers), stride_for(layers)
    down, across = min(_grids(height, width, count, halo, stride), key=lambda grid: _work(*grid))
    return [
        _share(Box(*rows, *columns), height, width, side, halo, stride)
        for rows in down
        for columns in across
    ]


Cuts = list[tuple[int, int]]


def _grids(height: int, width: int, count: int, halo: int, stride: int) -> list[tuple[Cuts, Cuts]]:
    """The ways to cut a picture into the largest possible number of shares, in rows and columns."""
    for several in range(count, 1, -1):
        grids = [
            (pieces(height, rows, halo, stride), pieces(width, several // rows, halo, stride))
            for rows in range(1, several + 1)
            if several % rows == 0
        ]
        fitting = [(down, across) for down, across in grids if len(down) * len(across) == several]
        if fitting:
            return fitting
    return [([(0, height)], [(0, width)])]


def _work(down: Cuts, across: Cuts) -> int:
    """The pixels of the largest window of a grid, without the halos of its border."""
    return max(end - start for start, end in down) * max(end - start for start, end in across)


def pieces(length: int, count: int, halo: int, stride: int) -> Cuts:
    """Cut a length into pieces that are equally long with their halos, as far as the stride allows.

    >>> pieces(1024, 4, 80, 16)
    [(0, 288), (288, 512), (512, 736), (736, 1024)]
    >>> pieces(100, 4, 80, 16)
    [(0, 100)]

    Args:
        length: in pixels.
        count: number of pieces.
        halo: width of the halo, in pixels; there is none beyond the ends.
        stride: in pixels; pieces begin at multiples of it.

    Returns:
        Start and end of each piece; only one piece if they would be shorter than 64 pixels.
    """
    if count == 1:
        return [(0, length)]
    with_halo = (length + 2 * halo * (count - 1)) / count
    first, inner = with_halo - halo, with_halo - 2 * halo
    if count > 2 and inner < SMALLEST:  # too short for equal work
        first = inner = length / count
    starts = [0, *(round((first + inner * n) / stride) * stride for n in range(count - 1))]
    cuts = list(zip(starts, [*starts[1:], length], strict=True))
    return cuts if min(end - start for start, end in cuts) >= SMALLEST else [(0, length)]


def _share(core: Box, height: int, width: int, side: int | None, halo: int, stride: int) -> Share:
    """The share with a core, cut into tiles."""
    inside = cut(core.bottom - core.top, core.right - core.left, side, 0, stride)
    cores = [tile.core.within(Box(-core.top, 0, -core.left, 0)) for tile in inside]
    tiles = tuple(Tile(one, one.grown(halo, height, width)) for one in cores)
    return Share(core.grown(halo, height, width), tiles)
