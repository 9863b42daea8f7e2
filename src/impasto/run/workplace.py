"""Where the objectives of a run are computed: on this machine, or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from impasto.network import devices
from impasto.network.devices import Arithmetic
from impasto.network.vgg import VGG
from impasto.objective.cache import TileMaps
from impasto.objective.objective import Objective
from impasto.objective.of_pixels import Kept
from impasto.objective.regions import Region, StyleCanvas
from impasto.optim.pairs import Pairs, history_for
from impasto.settings.layers import Layer
from impasto.settings.recipe import Recipe


class Workplace(Protocol):
    """Where the losses that compare layers are computed."""

    @property
    def workers(self) -> int:
        """How many compute at the same time."""

    def arithmetic(self, precision: str, device: torch.device) -> Arithmetic:
        """How the network computes there.

        Args:
            precision: the ``precision`` setting.
            device: the device of the canvases.
        """

    def pairs(self, canvas_bytes: int, device: torch.device) -> Pairs:
        """What L-BFGS remembers of canvases of so many bytes on a device."""

    def free_memory(self, device: torch.device) -> float:
        """Bytes of memory that an evaluation can use there."""

    def most_at_once(self, layers: Sequence[Layer], size: tuple[int, int]) -> int:
        """Pixels that are processed at once of a picture that is not cut into tiles.

        Args:
            layers: the layers of the network, from the input on.
            size: width and height of the picture, in pixels.
        """

    def objective(
        self,
        network: VGG,
        content: Tensor,
        styles: Iterable[StyleCanvas],
        recipe: Recipe,
        tile: int | None,
        *,
        deepest: str | None,
        targets: TileMaps | None,
        regions: Sequence[Region] | None,
        kept: Kept | None = None,
    ) -> Objective:
        """The objective of a level; see :class:`Objective`.

        Args:
            network: the network.
            content: the content picture, 3 × H × W.
            styles: the style pictures.
            recipe: the settings.
            tile: side of a tile's core in pixels; None to process pictures whole.
            deepest: name of the layer up to which the network is read; None for all layers.
            targets: the content picture's feature maps, if they are measured.
            regions: the regions with the styles' statistics, if they are measured.
            kept: the picture that canvases should stay close to; None for no temporal loss.
        """


class Here:
    """This machine, with the device of the canvases."""

    workers = 1

    def arithmetic(self, precision: str, device: torch.device) -> Arithmetic:
        """How the network computes on the device."""
        return devices.arithmetic(precision, device)

    def pairs(self, canvas_bytes: int, device: torch.device) -> Pairs:  # noqa: ARG002
        """Pairs beside the canvas."""
        return Pairs(history_for(canvas_bytes))

    def free_memory(self, device: torch.device) -> float:
        """Bytes of memory that are free on the device."""
        return devices.free_memory(device)

    def most_at_once(self, layers: Sequence[Layer], size: tuple[int, int]) -> int:  # noqa: ARG002
        """Pixels of the whole picture."""
        return size[0] * size[1]

    def objective(
        self,
        network: VGG,
        content: Tensor,
        styles: Iterable[StyleCanvas],
        recipe: Recipe,
        tile: int | None,
        *,
        deepest: str | None,
        targets: TileMaps | None,
        regions: Sequence[Region] | None,
        kept: Kept | None = None,
    ) -> Objective:
        """The objective of a level."""
        return Objective(
            network,
            content,
            styles,
            recipe,
            tile,
            deepest=deepest,
            targets=targets,
            regions=regions,
            kept=kept,
        )


HERE = Here()
