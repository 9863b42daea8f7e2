"""A painter with random weights, as if it had been trained."""

from __future__ import annotations

from functools import cache

import torch

from impasto.painters import file as files
from impasto.painters.applying import Painter
from impasto.painters.file import About, StyleName
from impasto.painters.network import PaintingNetwork, Shape
from impasto.settings.recipe import Recipe

SMALL = Shape(2, (4, 6, 8), 1)


@cache
def random_network() -> PaintingNetwork:
    """A small network of two styles whose parameters are all random."""
    torch.manual_seed(1)
    made = PaintingNetwork(SMALL)
    with torch.no_grad():
        made.last.normal_(0, 0.2)
        for name, parameter in made.named_parameters():
            if name.endswith(("scales", "shifts")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return made


@cache
def random_painter() -> Painter:
    """A painter with that network."""
    about = About(
        styles=[StyleName(name="oil", sha256="a" * 64), StyleName(name="ink", sha256="b" * 64)],
        recipe=Recipe(size=64).model_dump(mode="json", exclude={"styles", "initial", "protect"}),
        channels=SMALL.channels,
        blocks=SMALL.blocks,
        steps=7,
        photographs=3,
    )
    swatches = torch.arange(2 * files.SWATCH**2 * 3).reshape(2, files.SWATCH, files.SWATCH, 3) % 256
    return Painter(about, random_network(), swatches.to(torch.uint8), "cpu", "two.safetensors")
