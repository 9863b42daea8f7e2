"""The network with which a training begins: one that has learned to paint, in other styles.

What its kernels see of a photograph and how they paint strokes serves any style. So a training has
to learn the new style alone, which takes a fraction of the time. The file is a painter like any
other; ``tools/train_first_painter.py`` has trained it.
"""

from __future__ import annotations

from pathlib import Path

import torch

from impasto.painters import file as files
from impasto.painters.network import PaintingNetwork, Shape

FIRST_PAINTER = Path(__file__).parent / "builtin" / "first.safetensors"
PER_STYLE = ("scales", "shifts")  # parameters of a layer that each style has of its own


def first_network(shape: Shape, seed: int) -> PaintingNetwork:
    """The network before the first step.

    A network of the usual size has the kernels of the painter that impasto carries, and for every
    style the mean of that painter's scales and shifts. Others are drawn.

    Args:
        shape: what the network is made of.
        seed: of the weights that are drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # and not those of GPUs, which stay as they are
        if shape == Shape(shape.styles):
            return _with_styles(files.read(FIRST_PAINTER)[1], shape)
        return PaintingNetwork(shape)


def _with_styles(learned: PaintingNetwork, shape: Shape) -> PaintingNetwork:
    """A network with the kernels of another one, and for each style the mean of its styles."""
    weights = {
        name: tensor.mean(dim=0, keepdim=True).repeat(shape.styles, 1, 1)
        if name.rpartition(".")[2] in PER_STYLE
        else tensor
        for name, tensor in learned.state_dict().items()
    }
    network = PaintingNetwork(shape)
    network.load_state_dict(weights)
    return network
