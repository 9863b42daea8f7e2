"""A painter as an ONNX model, for programs without PyTorch.

The model paints a picture of any size. Its inputs are ``picture``, (1, 3, H, W), RGB, 0…255;
``styles``, the share of each style, which add up to 1; and ``strength``, one number from 0 to 1.
Its output ``painting`` is like ``picture``, neither rounded nor clipped.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from impasto._version import __version__
from impasto.errors import InputError
from impasto.files.writing import written_whole
from impasto.painters.applying import Painter
from impasto.painters.network import (
    EPSILON,
    GREY,
    KNOTS,
    REDUCTION,
    SPREAD,
    Layer,
    PaintingNetwork,
)
from impasto.settings.strength import USUAL_STRENGTH

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

EXTRA = "impasto[onnx]"
SUFFIXES = (".onnx",)
OPSET, IR = 17, 8  # versions of the operators and of the format; older readers know both


def check_installed() -> None:
    """Make sure that the package that writes ONNX is installed.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("onnx") is None:
        raise InputError("painter.no-onnx", extra=EXTRA)


def export(painter: Painter, path: Path) -> None:
    """Write a painter as an ONNX model, completely or not at all.

    Args:
        painter: the painter.
        path: ends in ``.onnx``.

    Raises:
        InputError: the package ``onnx`` is not installed.
        OSError: the file cannot be written.
    """
    check_installed()
    data = model_of(painter).SerializeToString()
    with written_whole(path) as file:
        file.write(data)


def model_of(painter: Painter) -> ModelProto:
    """A painter as an ONNX model."""
    import onnx
    from onnx import helper

    graph = _Graph()
    picture, styles, strength = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (
            ("picture", (1, 3, "height", "width")),
            ("styles", (len(painter.styles),)),
            ("strength", (1,)),
        )
    )
    painting = helper.make_tensor_value_info(
        "painting", onnx.TensorProto.FLOAT, (1, 3, "height", "width")
    )
    _draw(graph, painter.network)
    made = helper.make_graph(
        graph.nodes, "painter", [picture, styles, strength], [painting], graph.constants
    )
    model = helper.make_model(
        made,
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="impasto",
        producer_version=__version__,
    )
    helper.set_model_props(model, {"styles": ", ".join(painter.styles)})
    onnx.checker.check_model(model)
    return model


class _Graph:
    """The nodes of a graph while they are added; every method returns the name of an output."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, values: Any, kind: type = np.float32) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        name = f"constant-{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str | None = None, **given: Any) -> str:
        """Add an operator with its inputs and its attributes."""
        from onnx import helper

        name = output or f"value-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **given))
        return name


def _draw(graph: _Graph, network: PaintingNetwork) -> None:
    """Add all operators of a network, from the three inputs to ``painting``."""
    way = _way(graph, "strength")
    padded, shape = _beyond(graph, "picture")
    grey, spread = graph.constant(GREY), graph.constant(SPREAD)
    x = graph.add("Div", (graph.add("Sub", (padded, grey)), spread))
    shares = _shares(graph, "styles", way)
    for layer in network.encoder:
        x = _layer(graph, layer, x, shares)
    for first, second in network.blocks():
        change = _layer(graph, second, _layer(graph, first, x, shares), shares)
        x = graph.add("Add", (x, change))
    for layer in network.decoder:
        x = _layer(graph, layer, x, shares)
    x = _convolution(graph, network.last.detach(), x, 1)
    share = graph.add("Min", (graph.add("Add", (way, way)), graph.constant([1.0])))
    change = graph.add("Mul", (graph.add("Mul", (x, spread)), share))
    whole = graph.add("Add", (padded, change))
    start, axes = graph.constant([0, 0], np.int64), graph.constant([2, 3], np.int64)
    graph.add("Slice", (whole, start, shape, axes), "painting")


def _beyond(graph: _Graph, picture: str) -> tuple[str, str]:
    """Continue a picture to sides that are multiples of REDUCTION; also its height and width."""
    by = graph.constant([REDUCTION], np.int64)
    ends = (graph.constant([2], np.int64), graph.constant([4], np.int64))
    shape = graph.add("Slice", (graph.add("Shape", (picture,)), *ends))
    missing = graph.add("Mod", (graph.add("Neg", (shape,)), by))
    before = graph.constant([0] * 6, np.int64)
    pads = graph.add("Concat", (before, missing), axis=0)
    return graph.add("Pad", (picture, pads), mode="edge"), shape


def _way(graph: _Graph, strength: str) -> str:
    """How far the painting is on the way from the photograph to the style, by its two halves."""
    beyond = graph.add("Relu", (graph.add("Sub", (strength, graph.constant([USUAL_STRENGTH]))),))
    within = graph.add("Sub", (strength, beyond))
    first = graph.add("Mul", (within, graph.constant([0.5 / USUAL_STRENGTH])))
    second = graph.add("Mul", (beyond, graph.constant([0.5 / (1 - USUAL_STRENGTH)])))
    return graph.add("Add", (first, second))


def _shares(graph: _Graph, styles: str, way: str) -> str:
    """The share of each style's parameters at each of KNOTS, (1, styles · knots)."""
    apart = graph.add("Abs", (graph.add("Sub", (way, graph.constant(KNOTS))),))
    far = graph.add("Div", (apart, graph.constant(KNOTS[1] - KNOTS[0])))
    hats = graph.add("Relu", (graph.add("Sub", (graph.constant(1.0), far)),))
    column = graph.add("Unsqueeze", (styles, graph.constant([1], np.int64)))
    both = graph.add("Mul", (column, hats))
    return graph.add("Reshape", (both, graph.constant([1, -1], np.int64)))


def _layer(graph: _Graph, layer: Layer, x: str, shares: str) -> str:
    """Add a layer: its convolution, its normalisation and its ReLU."""
    if layer.enlarges:
        scales = graph.constant([1, 1, 2, 2])
        x = graph.add(
            "Resize",
            (x, "", scales),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
    x = _convolution(graph, layer.kernel.detach(), x, layer.stride)
    scale, shift = (
        graph.add(
            "Reshape",
            (
                graph.add("MatMul", (shares, graph.constant(of.detach().cpu().flatten(0, 1)))),
                graph.constant([-1], np.int64),
            ),
        )
        for of in (layer.scales, layer.shifts)
    )
    x = graph.add("InstanceNormalization", (x, scale, shift), epsilon=EPSILON)
    return graph.add("Relu", (x,)) if layer.rectifies else x


def _convolution(graph: _Graph, kernel: Tensor, x: str, stride: int) -> str:
    """Add a convolution with the border replicated."""
    by = kernel.shape[-1] // 2
    pads = graph.constant([0, 0, by, by] * 2, np.int64)
    padded = graph.add("Pad", (x, pads), mode="edge")
    return graph.add(
        "Conv", (padded, graph.constant(kernel.cpu())), strides=[stride, stride], pads=[0] * 4
    )
