"""What a method that paints a clip is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from impasto.pictures.inputs import StyleSource
from impasto.settings.recipe import Recipe

Pixels = npt.NDArray[np.uint8]  # H × W × 3, sRGB


class Frames(Protocol):
    """The frames of a clip in order, all of one size. Reading one does not keep it in memory."""

    def __len__(self) -> int:
        """The number of frames."""

    def __getitem__(self, number: int) -> Pixels:
        """A frame, by its number from 0."""


class PaintedFrames(Protocol):
    """The frames that have been painted so far. They outlive the process."""

    def __contains__(self, number: object) -> bool:
        """Whether a frame has been painted."""

    def __getitem__(self, number: int) -> Pixels:
        """A painted frame."""

    def keep(self, number: int, pixels: Pixels) -> None:
        """Save a painted frame, completely or not at all."""


@dataclass(frozen=True)
class VideoStep:
    """How far a clip is painted.

    Attributes:
        frames: the number of frames painted so far.
        share: the share of the whole work that is done, from 0 to 1.
    """

    frames: int
    share: float


@dataclass(frozen=True)
class LearnedStyle:
    """A painter in place of style pictures.

    Attributes:
        path: the file of the painter.
        mixture: weights of some of its styles, by name; empty for its first style.
    """

    path: Path
    mixture: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """How a clip is to be painted.

    Attributes:
        styles: the style pictures.
        recipe: the settings of each painting; its ``size`` is the size of the frames.
        device: the device that computes, by name.
        weights: the network's weights, as for :func:`impasto.stylize`.
        weights_input: the input that a weight file expects.
        folder: where a method can keep files of its own until the clip is done; None for nowhere.
        threads: number of CPU threads of one pass; an optimisation takes PyTorch's number.
        painter: the painter that paints the frames; None for what the method makes of the styles.
    """

    styles: tuple[StyleSource, ...]
    recipe: Recipe
    device: str = "auto"
    weights: str = "bundled"
    weights_input: str | None = None
    folder: Path | None = None
    threads: int | None = None
    painter: LearnedStyle | None = None


OnVideoStep = Callable[[VideoStep], None]

# Paints every frame that is missing. Frames that are there were painted by an earlier call with the
# same arguments, and the others come out as if there had been one call: what a method knows of
# earlier paintings it takes from `PaintedFrames` and from its own files.
Method = Callable[[Frames, PaintedFrames, Order, OnVideoStep], None]
