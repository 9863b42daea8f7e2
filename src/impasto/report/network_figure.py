"""The network as a table and as a drawing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from impasto.report.figures import GREY, INK, ORANGE, figure_at
from impasto.settings.layers import VGG_19, Architecture, Layer
from impasto.settings.pieces import check_choice, check_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class NetworkRow:
    """One layer of the network in a table.

    Attributes:
        number: counted from 1.
        name: ``input``, ``conv1_1``, …, ``pool5``.
        kind: kind of the layer, in words.
        shape: shape of its output, width × height × channels; ``–`` if pooling has left nothing.
        parameters: number of weights and biases.
    """

    number: int
    name: str
    kind: str
    shape: str
    parameters: int


def network_table(
    size: tuple[int, int], pooling: str = "average", architecture: Architecture = VGG_19
) -> list[NetworkRow]:
    """The network's layers as table rows, with the shapes for a canvas size.

    >>> network_table((512, 384))[-1]
    NetworkRow(number=38, name='pool5', kind='average pooling', shape='16×12×512', parameters=0)

    Args:
        size: width and height of the canvas, in pixels.
        pooling: ``average`` or ``max``.
        architecture: the network, as from :attr:`Weights.architecture`; VGG-19 if none is given.

    Raises:
        InputError: there is no such pooling, or no such size.
    """
    check_choice("pooling", pooling, ("average", "max"))
    check_size(size)
    kinds = {"relu": "ReLU", "pooling": f"{pooling} pooling"}
    layers = architecture.layers
    before = (layers[0], *layers)
    return [
        NetworkRow(
            number,
            layer.name,
            kinds.get(layer.kind, layer.kind),
            _shape(layer, size),
            (9 * previous.channels + 1) * layer.channels if layer.kind == "convolution" else 0,
        )
        for number, (previous, layer) in enumerate(zip(before, layers, strict=False), start=1)
    ]


def _shape(layer: Layer, size: tuple[int, int]) -> str:
    width, height = (side >> layer.pools for side in size)
    return f"{width}×{height}×{layer.channels}" if width and height else "–"


TITLE = "Feature Extraction Network"

# Dimensions of the drawing, in inches, from its upper left corner.
MARGIN, TOP = 0.35, 1.1
PANEL, GUTTER, PAD, HEADING = 1.4, 0.28, 0.17, 0.6
LOW, HIGH = 0.28, 0.42  # height of a box with the layer's name; of one with its shape too
NEAR, FAR = 0.075, 0.17  # distance from a convolution to its ReLU; any other distance
KEY_GAP, KEY_LINE = 0.3, 0.27  # distance of the key from the panel above, and of its three lines
BADGE = 0.16  # radius of a badge, a little more than half of LOW

# Kind → fill and outline.
LOOKS = {
    "input": ("#ffffff", "#66727f"),
    "convolution": ("#d6e6f5", "#5d8fbd"),
    "relu": ("#fdf1d0", "#d3a93c"),
    "pooling": ("#d9eedd", "#5fa573"),
}
PALE = 0.45  # opacity of layers that a run does not compute
BADGES = {"C": ORANGE, "S": "#5b2a86"}


@dataclass(frozen=True)
class Box:
    """A rectangle in inches, measured from the drawing's upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Centre, across and down."""
        return self.left + self.width / 2, self.top + self.height / 2


def network_drawing(
    path: str | Path | BinaryIO,
    *,
    size: tuple[int, int],
    content_layers: Collection[str],
    style_layers: Collection[str],
    pooling: str = "average",
    architecture: Architecture = VGG_19,
) -> None:
    """Draw the network's layers, block by block, and mark the layers that a run reads.

    Layers beyond the deepest of these, which a run does not compute, are drawn pale.

    Args:
        path: a path that ends in ``.png``, ``.svg`` or ``.pdf``; or a binary stream, which gets
            a PNG.
        size: width and height of the canvas, in pixels.
        content_layers: names of the layers that hold the content.
        style_layers: names of the layers that hold the style.
        pooling: ``average`` or ``max``.
        architecture: the network, as from :attr:`Weights.architecture`; VGG-19 if none is given.

    Raises:
        InputError: the network has no such layer, or the figure cannot be written there.
    """
    taps = {*content_layers, *style_layers}
    architecture.check(taps)
    layers = architecture.layers
    computed = architecture.up_to_deepest(taps) if taps else layers
    rows = network_table(size, pooling, architecture)
    blocks = _blocks(layers)
    boxes = _boxes(blocks)
    width = 2 * MARGIN + 5 * PANEL + 4 * GUTTER
    key = boxes["pool1"].bottom + PAD + KEY_GAP
    height = max(*(box.bottom + PAD for box in boxes.values()), key + 2.5 * KEY_LINE) + MARGIN
    with figure_at(path, TITLE, width, height) as figure:
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        _title(axes, architecture, sum(row.parameters for row in rows))
        for number, block in enumerate(blocks, start=1):
            _panel(axes, boxes[block[0].name], boxes[block[-1].name])
            _heading(axes, boxes[block[0].name], f"Block {number}", _shape(block[0], size))
        for before, after in pairwise(layers):
            room = BADGE if after.name in content_layers else 0
            way = _way(boxes[before.name], boxes[after.name], room)
            _arrow(axes, way, pale=after not in computed)
        for layer, row in zip(layers, rows, strict=True):
            badges = "C" * (layer.name in content_layers) + "S" * (layer.name in style_layers)
            _layer(axes, boxes[layer.name], row, layer, badges, pale=layer not in computed)
        _key(axes, key, pooling)


def _blocks(layers: Sequence[Layer]) -> list[list[Layer]]:
    """The layers after the input, in five blocks, each ending with a pooling layer."""
    blocks = groupby(layers[1:], key=lambda layer: layer.pools - (layer.kind == "pooling"))
    return [list(block) for _, block in blocks]


def _boxes(blocks: Sequence[Sequence[Layer]]) -> dict[str, Box]:
    """The box of every layer: one column per block, and the input above the first."""
    width = PANEL - 2 * PAD
    boxes = {"input": Box(MARGIN + PAD, TOP, width, HIGH)}
    for column, block in enumerate(blocks):
        left = MARGIN + column * (PANEL + GUTTER) + PAD
        top = TOP + HEADING + (HIGH + FAR if column == 0 else 0)
        for layer in block:
            box = Box(left, top, width, HIGH if layer.kind == "pooling" else LOW)
            boxes[layer.name] = box
            top = box.bottom + (NEAR if layer.kind == "convolution" else FAR)
    return boxes


def _title(axes: Axes, architecture: Architecture, parameters: int) -> None:
    facts = (
        f"{architecture.name} without its classifier: {len(architecture.layers)} layers, "
        f"{parameters:,} parameters. Shapes are width×height×channels."
    )
    axes.text(MARGIN, 0.5, TITLE, fontsize=16, weight="bold", color=INK)
    axes.text(MARGIN, 0.78, facts, fontsize=9, color=GREY)


def _panel(axes: Axes, first: Box, last: Box) -> None:
    left, top = first.left - PAD, first.top - HEADING
    panel = Box(left, top, PANEL, last.bottom + PAD - top)
    _rounded(axes, panel, 0.1, facecolor="#f1f3f6", edgecolor="none", zorder=0)


def _heading(axes: Axes, first: Box, name: str, shape: str) -> None:
    x, top = first.centre[0], first.top - HEADING
    axes.text(x, top + 0.24, name, fontsize=10.5, weight="bold", color=INK, ha="center")
    axes.text(x, top + 0.43, shape, fontsize=8.5, color=GREY, ha="center")


def _rounded(axes: Axes, box: Box, radius: float, **look: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    shape = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(
        FancyBboxPatch((box.left, box.top), box.width, box.height, boxstyle=shape, **look)
    )


def _way(before: Box, after: Box, room: float) -> list[tuple[float, float]]:
    """The points of an arrow from a layer to the next, straight down or round to its left edge.

    Args:
        before: box of the layer where the arrow starts.
        after: box of the layer where it ends.
        room: space in inches to leave free for a badge on the left of that box.
    """
    x, y = before.centre
    end = (after.left - room, after.centre[1])
    if after.left > before.left:
        bend = (before.right + after.left) / 2
        return [(before.right, y), (bend, y), (bend, end[1]), end]
    if before.top == TOP:  # the input; go round the first block's heading
        bend = before.left - PAD - GUTTER / 2
        return [(before.left, y), (bend, y), (bend, end[1]), end]
    return [(x, before.bottom), (x, after.top)]


def _arrow(axes: Axes, way: list[tuple[float, float]], *, pale: bool) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line

    axes.add_patch(
        FancyArrowPatch(
            path=Line(way),
            arrowstyle="-|>,head_length=2.6,head_width=1.7",
            color=GREY,
            alpha=PALE if pale else 1,
            linewidth=1,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _layer(axes: Axes, box: Box, row: NetworkRow, layer: Layer, badges: str, *, pale: bool) -> None:
    fill, outline = LOOKS[layer.kind]
    edge = {
        "edgecolor": BADGES[badges[0]] if badges else outline,
        "linewidth": 2 if badges else 0.9,
    }
    alpha = PALE if pale else 1
    _rounded(axes, box, 0.06, facecolor=fill, alpha=alpha, zorder=2, **edge)
    x, y = box.centre
    above = 0.085 if box.height == HIGH else 0
    look: dict[str, Any] = {"alpha": alpha, "ha": "center", "va": "center_baseline", "zorder": 3}
    weight = "bold" if badges else "normal"
    axes.text(x, y - above, layer.name, fontsize=9.5, weight=weight, color=INK, **look)
    if above:
        axes.text(x, y + above, row.shape, fontsize=8, color=GREY, **look)
    for letter in badges:
        _badge(axes, box.left if letter == "C" else box.right, y - above, letter)


def _badge(axes: Axes, x: float, y: float, letter: str, radius: float = BADGE) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), radius, facecolor=BADGES[letter], edgecolor="none", zorder=4))
    look: dict[str, Any] = {"color": "white", "ha": "center", "va": "center_baseline", "zorder": 5}
    axes.text(x, y, letter, fontsize=58 * radius, weight="bold", **look)


def _key(axes: Axes, top: float, pooling: str) -> None:
    """Draw the key to colours and badges, in the space below the first two blocks."""
    left, line = MARGIN + 0.02, KEY_LINE
    words: dict[str, Any] = {"fontsize": 8.5, "color": INK, "va": "center_baseline"}
    kinds = {"convolution": "3×3 convolution", "relu": "ReLU", "pooling": f"2×2 {pooling} pooling"}
    for row, (kind, text) in enumerate(kinds.items()):
        _swatch(axes, left, top + row * line, kind)
        axes.text(left + 0.35, top + row * line, text, **words)
    left += PANEL + GUTTER + 0.24
    for row, (letter, text) in enumerate({"C": "content layer", "S": "style layer"}.items()):
        _badge(axes, left + 0.12, top + row * line, letter, radius=0.11)
        axes.text(left + 0.35, top + row * line, text, **words)
    _swatch(axes, left, top + 2 * line, "convolution", alpha=PALE)
    axes.text(left + 0.35, top + 2 * line, "not computed", **words)


def _swatch(axes: Axes, left: float, middle: float, kind: str, **look: Any) -> None:
    fill, outline = LOOKS[kind]
    box = Box(left, middle - 0.075, 0.24, 0.15)
    _rounded(axes, box, 0.04, facecolor=fill, edgecolor=outline, linewidth=0.9, **look)
