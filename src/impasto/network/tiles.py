"""A picture cut into tiles that the network looks at one by one, and nothing is lost by it.

Each tile is a core, its share of the picture, and a halo around it, wide enough that what the
network makes of the core does not depend on where the halo ends. Cores cover every position of
every feature map once, so a sum over positions, as a Gram matrix is, is the sum over the tiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from impasto.settings.layers import BY_NAME, Layer

STRIDE = 16  # pixels: corners of cores lie on multiples, on which every map down to block 5 has one
LARGEST, SMALLEST = 1024, 64  # pixels of a core's side, where tiles are chosen for the user


@dataclass(frozen=True)
class Box:
    """Part of a picture or of a feature map: rows top … bottom − 1, columns left … right − 1."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Positions in it."""
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and its columns, to index with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def of(self, maps: Tensor) -> Tensor:
        """What is there of maps, (…, H, W)."""
        rows, columns = self.slices
        return maps[..., rows, columns]

    def after(self, pools: int) -> Box:
        """What becomes of it after so many poolings.

        >>> Box(16, 33, 0, 47).after(pools=4)
        Box(top=1, bottom=2, left=0, right=2)
        """
        return Box(*(side >> pools for side in (self.top, self.bottom, self.left, self.right)))

    def within(self, window: Box) -> Box:
        """The same part, counted from a window's corner."""
        top, left = window.top, window.left
        return Box(self.top - top, self.bottom - top, self.left - left, self.right - left)


@dataclass(frozen=True)
class Tile:
    """One tile of a picture.

    Attributes:
        core: its share of the picture.
        window: what the network looks at: the core and its halo.
    """

    core: Box
    window: Box

    @property
    def inside(self) -> Box:
        """The core, counted from the window's corner."""
        return self.core.within(self.window)


def cut(height: int, width: int, side: int | None, halo: int, stride: int = STRIDE) -> list[Tile]:
    """The tiles of a picture.

    >>> [tile.window for tile in cut(64, 200, 128, 32)]
    [Box(top=0, bottom=64, left=0, right=160), Box(top=0, bottom=64, left=96, right=200)]

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        side: of a core, rounded up to a multiple of the stride; None for one tile. What is left
            over at the end, if it is less than the stride, goes to the tile before it.
        halo: pixels around it, a multiple of the stride.
        stride: pixels, on multiples of which corners of cores lie.
    """
    down, across = (
        _pieces(length, -(-(side or length) // stride) * stride, stride)
        for length in (height, width)
    )
    return [
        Tile(
            Box(top, bottom, left, right),
            Box(
                max(top - halo, 0),
                min(bottom + halo, height),
                max(left - halo, 0),
                min(right + halo, width),
            ),
        )
        for top, bottom in down
        for left, right in across
    ]


def _pieces(length: int, side: int, stride: int) -> list[tuple[int, int]]:
    starts = [start for start in range(0, length, side) if not start or length - start >= stride]
    return list(zip(starts, [*starts[1:], length], strict=True))


def stride_for(layers: Sequence[Layer]) -> int:
    """Pixels of which cores of tiles must be multiples, so that every map has a position there."""
    return max(STRIDE, 1 << layers[-1].pools)


def halo_for(layers: Sequence[Layer]) -> int:
    """Pixels that the last of the layers sees beyond its own, rounded up to the stride.

    A unit of conv5_1 stands for 16 pixels and sees 156, 70 to either side:

    >>> from impasto.settings.layers import up_to_deepest
    >>> halo_for(up_to_deepest({"conv5_1"})), halo_for(up_to_deepest({"conv2_1"}))
    (80, 16)

    Args:
        layers: of the network, from the input on.
    """
    first = last = 0
    for layer in reversed(layers):
        if layer.kind == "convolution":
            first, last = first - 1, last + 1
        elif layer.kind == "pooling":
            first, last = 2 * first, 2 * last + 1
    beyond = max(-first, last - ((1 << layers[-1].pools) - 1))
    stride = stride_for(layers)
    return -(-beyond // stride) * stride


def cut_for(layers: Sequence[Layer], height: int, width: int, side: int | None) -> list[Tile]:
    """The tiles of a picture for a network of those layers; see :func:`cut`."""
    return cut(height, width, side, halo_for(layers), stride_for(layers))


def share(part: Box, whole: Box, layer: str) -> float:
    """Share of a layer's positions that lie in part of the picture."""
    pools = BY_NAME[layer].pools
    return part.after(pools).area / whole.after(pools).area


def choose_side(size: tuple[int, int], halo: int, most_pixels: float) -> int | None:
    """Side of the cores for a canvas, if only so many pixels can be looked at at once.

    >>> choose_side((640, 480), 80, 1e6), choose_side((4096, 4096), 80, 1e6)
    (None, 832)

    Args:
        size: width and height of the canvas.
        halo: around a core.
        most_pixels: that memory has room for.

    Returns:
        None if the whole canvas can be looked at.
    """
    if size[0] * size[1] <= most_pixels:
        return None
    side = int(most_pixels**0.5 - 2 * halo) // STRIDE * STRIDE
    return min(max(side, SMALLEST), LARGEST)


def smaller_side(side: int | None, size: tuple[int, int]) -> int | None:
    """The next side to try where that one was too large; None if there is none.

    >>> smaller_side(None, (700, 500)), smaller_side(512, (700, 500)), smaller_side(64, (700, 500))
    (336, 256, None)
    """
    halved = (max(size) if side is None else side) // 2 // STRIDE * STRIDE
    return halved if halved >= SMALLEST else None


def positions(tiles: Iterable[Tile]) -> int:
    """Pixels that the network looks at for these tiles, halos and all."""
    return sum(tile.window.area for tile in tiles)
