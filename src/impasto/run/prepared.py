"""What every prepared run has, whether it is an optimisation or one pass. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from impasto.pictures.inputs import Inputs
from impasto.pictures.sizes import PixelSize
from impasto.run.levels import Level
from impasto.run.named import Named
from impasto.run.result import OnStep, Result, Step
from impasto.settings.recipe import Recipe

if TYPE_CHECKING:
    from impasto.run.run import Saver


class Prepared(Protocol):
    """A prepared run: a :class:`impasto.run.run.Run` or :class:`impasto.run.instant.InstantRun`."""

    @property
    def recipe(self) -> Recipe:
        """The settings."""

    @property
    def named(self) -> Named:
        """The pictures and the weights as the caller named them."""

    @property
    def inputs(self) -> Inputs:
        """The pictures."""

    @property
    def levels(self) -> list[Level]:
        """The levels of the canvas, from coarse to fine."""

    @property
    def size(self) -> PixelSize:
        """Width and height of the canvas at the finest level, in pixels."""

    @property
    def output_size(self) -> PixelSize:
        """Width and height of the result, in pixels."""

    @property
    def weights(self) -> tuple[str, str]:
        """Name and SHA-256 of the network's weights."""

    @property
    def history(self) -> list[Step]:
        """The steps so far of a resumed run; empty for a new run."""

    @property
    def saving(self) -> Saver | None:
        """What saves the run to its checkpoint; None if it is not saved."""

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Run every step of the recipe."""
