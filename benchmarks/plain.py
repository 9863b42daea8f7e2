"""Style transfer as anyone would write it down in PyTorch: the reference that impasto is held to.

The published worked example's objective and optimiser: VGG-19 with average pooling, read before
the ReLUs; half the mean squared difference of the content, and of the Gram matrices the mean
squared difference over (HWC)²; Adam with a step size of 2; float32; autograd. Nothing in it is slow
on purpose, and nothing is tuned. It shares no code with impasto, so it can also say what a canvas
of anybody's is worth.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCKS = (2, 2, 4, 4, 1)  # convolutions; of the fifth block one is enough
CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = {"conv1_1": 0.5, "conv2_1": 1.0, "conv3_1": 1.5, "conv4_1": 3.0, "conv5_1": 4.0}
ALPHA, BETA = 1.0, 1000.0
LEARNING_RATE = 2.0

Convolutions = Mapping[str, tuple[Tensor, Tensor]]


def features(canvas: Tensor, convolutions: Convolutions) -> dict[str, Tensor]:
    """The maps that are read of a canvas, 1 × 3 × H × W with the mean taken away."""
    maps = {}
    x = canvas
    for block, count in enumerate(BLOCKS, start=1):
        for index in range(1, count + 1):
            name = f"conv{block}_{index}"
            kernel, bias = convolutions[name]
            x = F.conv2d(x, kernel, bias, padding=1)
            if name == CONTENT_LAYER or name in STYLE_LAYERS:
                maps[name] = x
            x = F.relu(x)
        x = F.avg_pool2d(x, 2)
    return maps


def gram(x: Tensor) -> Tensor:
    """Gram matrix over the number of positions."""
    flat = x.flatten(2).squeeze(0)
    return flat @ flat.T / flat.shape[1]


class Objective:
    """The loss of a canvas, 1 × 3 × H × W, for autograd to differentiate."""

    def __init__(self, convolutions: Convolutions, content: Tensor, style: Tensor) -> None:
        self.convolutions = convolutions
        with torch.no_grad():
            self.content = features(content, convolutions)[CONTENT_LAYER]
            of_style = features(style, convolutions)
            self.grams = {name: gram(of_style[name]) for name in STYLE_LAYERS}

    def __call__(self, canvas: Tensor) -> Tensor:
        """The sum of alpha · content and beta · style."""
        maps = features(canvas, self.convolutions)
        content = 0.5 * F.mse_loss(maps[CONTENT_LAYER], self.content)
        style = torch.zeros(())
        for name, weight in STYLE_LAYERS.items():
            channels = maps[name].shape[1]
            style = style + weight * F.mse_loss(gram(maps[name]), self.grams[name]) / channels**2
        return ALPHA * content + BETA * style


def paint(
    objective: Objective, first: Tensor, steps: Iterable[int]
) -> tuple[Tensor, list[float], list[float]]:
    """Adam from a first canvas; the best canvas, and after every step the seconds and its loss."""
    canvas = first.clone().requires_grad_()
    optimizer = torch.optim.Adam([canvas], lr=LEARNING_RATE)
    best, lowest = first, float("inf")
    seconds, losses = [], []
    began = time.perf_counter()
    for _ in steps:
        optimizer.zero_grad()
        loss = objective(canvas)
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.item())
        if losses[-1] < lowest:
            best, lowest = canvas.detach().clone(), losses[-1]
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    return best, seconds, losses
