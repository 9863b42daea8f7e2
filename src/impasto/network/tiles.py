"""Cutting a picture into tiles that the network processes one by one, without changing the result.

A tile consists of a core, which is its share of the picture, and a halo, which is wide enough that
the feature maps of the core do not depend on where the halo ends. The cores cover every position of
every feature map exactly once, so a sum over positions, such as a Gram matrix, is the sum over the
tiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from impasto.settings.layers import BY_NAME, Layer

STRIDE = 16  # pixels; corners of cores are multiples of it, so that they are positions of every map
LARGEST, SMALLEST = 1024, 64  # pixels; limits of a core's side if tiles are chosen automatically


@dataclass(frozen=True)
class Box:
    """Part of a picture or of a feature map: rows top … bottom − 1, columns left … right − 1."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Number of positions in the box."""
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of its rows and its columns, for indexing."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def of(self, maps: Tensor) -> Tensor:
        """The part of feature maps or pictures, (…, H, W), inside the box."""
        rows, columns = self.slices
        return maps[..., rows, columns]

    def after(self, pools: int) -> Box:
        """The box in coordinates of a feature map after a number of poolings.

        >>> Box(16, 33, 0, 47).after(pools=4)
        Box(top=1, bottom=2, left=0, right=2)
        """
        return Box(*(side >> pools for side in (self.top, self.bottom, self.left, self.right)))

    def grown(self, by: int, height: int, width: int) -> Box:
        """The box with a halo on every side, as far as a picture of this size reaches.

        >>> Box(0, 16, 16, 40).grown(8, 48, 48)
        Box(top=0, bottom=24, left=8, right=48)
        """
        top, left = max(self.top - by, 0), max(self.left - by, 0)
        return Box(top, min(self.bottom + by, height), left, min(self.right + by, width))

    def within(self, window: Box) -> Box:
        """The box in coordinates relative to the corner of a window."""
        top, left = window.top, window.left
        return Box(self.top - top, self.bottom - top, self.left - left, self.right - left)


@dataclass(frozen=True)
class Tile:
    """One tile of a picture.

    Attributes:
        core: its share of the picture.
        window: the part that the network processes: the core and its halo.
    """

    core: Box
    window: Box

    @property
    def inside(self) -> Box:
        """The core in coordinates relative to the corner of the window."""
        return self.core.within(self.window)


def cut(height: int, width: int, side: int | None, halo: int, stride: int = STRIDE) -> list[Tile]:
    """Cut a picture into tiles.

    >>> [tile.window for tile in cut(64, 200, 128, 32)]
    [Box(top=0, bottom=64, left=0, right=160), Box(top=0, bottom=64, left=96, right=200)]

    Args:
        height: height of the picture, in pixels.
        width: width of the picture, in pixels.
        side: side of a core, in pixels, rounded up to a multiple of the stride; None for one tile.
            A remainder at the end that is smaller than the stride belongs to the tile before it.
        halo: width of the halo, in pixels, a multiple of the stride.
        stride: in pixels; the corners of cores are multiples of it.

    Returns:
        The tiles, row by row.
    """
    down, across = (
        _pieces(length, -(-(side or length) // stride) * stride, stride)
        for length in (height, width)
    )
    cores = [Box(*rows, *columns) for rows in down for columns in across]
    return [Tile(core, core.grown(halo, height, width)) for core in cores]


def _pieces(length: int, side: int, stride: int) -> list[tuple[int, int]]:
    starts = [start for start in range(0, length, side) if not start or length - start >= stride]
    return list(zip(starts, [*starts[1:], length], strict=True))


def stride_for(layers: Sequence[Layer]) -> int:
    """The stride of tiles for a network, in pixels; cores then fall on positions of every map."""
    return max(STRIDE, 1 << layers[-1].pools)


def halo_for(layers: Sequence[Layer]) -> int:
    """The width of the halo for a network, in pixels, rounded up to a multiple of the stride.

    It is how far the last layer sees beyond the pixels of one of its positions. A position of
    conv5_1 stands for 16 pixels and sees 156, 70 on either side:

    >>> from impasto.settings.layers import VGG_19
    >>> [halo_for(VGG_19.up_to_deepest({name})) for name in ("conv5_1", "conv2_1")]
    [80, 16]

    Args:
        layers: the layers of the network, from the input on.
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
    """Cut a picture into tiles for a network with the given layers; see :func:`cut`."""
    return cut(height, width, side, halo_for(layers), stride_for(layers))


def share(part: Box, whole: Box, layer: str) -> float:
    """The share of a layer's positions that lie in a part of the picture, 0…1."""
    pools = BY_NAME[layer].pools
    return part.after(pools).area / whole.after(pools).area


def choose_side(size: tuple[int, int], halo: int, most_pixels: float) -> int | None:
    """Choose the side of the cores for a canvas, given how many pixels fit in memory at once.

    >>> choose_side((640, 480), 80, 1e6), choose_side((4096, 4096), 80, 1e6)
    (None, 832)

    Args:
        size: width and height of the canvas, in pixels.
        halo: width of the halo, in pixels.
        most_pixels: the number of pixels that fit in memory.

    Returns:
        The side in pixels; None if the whole canvas fits.
    """
    if size[0] * size[1] <= most_pixels:
        return None
    side = int(most_pixels**0.5 - 2 * halo) // STRIDE * STRIDE
    return min(max(side, SMALLEST), LARGEST)


def smaller_side(side: int | None, size: tuple[int, int]) -> int | None:
    """The next smaller side to try if a side was too large; None if there is none.

    >>> smaller_side(None, (700, 500)), smaller_side(512, (700, 500)), smaller_side(64, (700, 500))
    (336, 256, None)
    """
    halved = (max(size) if side is None else side) // 2 // STRIDE * STRIDE
    return halved if halved >= SMALLEST else None


def positions(tiles: Iterable[Tile]) -> int:
    """The number of pixels that the network processes for some tiles, halos included."""
    return sum(tile.window.area for tile in tiles)
