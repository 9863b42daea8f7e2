"""What a run's canvases are measured with, level after level, within memory and precision."""

from __future__ import annotations

import math
from collections.abc import Hashable

import torch
from torch import Tensor

from impasto.network import devices, tiles
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective.cache import Measurements, keep
from impasto.objective.deferred import Deferred, cut_for
from impasto.objective.objective import Evaluation, Objective
from impasto.process.memory import is_out_of_memory, memory_errors
from impasto.process.notices import tell
from impasto.run import memory_need
from impasto.run.canvas import Canvases
from impasto.run.levels import Level
from impasto.settings.recipe import Recipe

# Settings that decide what becomes of what has been measured, and none of which is read before.
AFTERWARDS = {
    *("output_size", "initial", "noise_ratio", "seed"),  # the first canvas, and the last
    *("alpha", "strength", "beta", "tv_weight", "tv"),  # weights, but for whether they are 0
    *("optimizer", "learning_rate", "steps", "keep"),  # the way from one to the other
}
# Settings that no map of the content picture depends on, and no statistic of a style picture. The
# styles themselves are inputs, and what layers both lists name decides how deep the network is.
OF_STYLES = {"styles", "style_fit", "style_scale", "style_symmetry", "style_layers", "protect"}
OF_CONTENT = {"styles", "content_layers", "protect"}


class Evaluator:
    """The network and the objective of one level after the other.

    Where memory runs out it goes on with smaller tiles.

    Args:
        weights: of the network.
        canvases: the pictures of the run.
        recipe: its settings.
        levels: its levels.
        cache: what other runs with those pictures have measured.

    Attributes:
        device: where it computes.
        arithmetic: how the network computes.
        fell_back: whether bfloat16 had to be given up.
        level: the current one, at first the coarsest.
        network: reads every layer of the recipe's.
        tiles: for each level the side of the tiles that it is looked at in; None if it is whole.
        deferred: what looks at its deep layers only now and then, where precision and memory allow.
    """

    deferred: Deferred | None
    _objective: Objective | None

    def __init__(
        self,
        weights: Weights,
        canvases: Canvases,
        recipe: Recipe,
        levels: list[Level],
        cache: Measurements,
    ) -> None:
        self.device = canvases.device
        self.arithmetic = devices.arithmetic(recipe.precision, self.device)
        self.fell_back = self._is_new = False
        self._weights, self._canvases, self._cache = weights, canvases, cache
        self._objective = self.deferred = None
        self._recipe, self._levels = recipe, levels
        self.level = levels[0]
        self.network = self._make_network()
        self.tiles = [self._tile_for(level) for level in levels]
        self._planned = self.arithmetic, tuple(self.tiles)

    @property
    def objective(self) -> Objective:
        """The loss of the current level's canvases; there is none before a level is entered."""
        assert self._objective is not None, "no level was entered"  # noqa: S101
        return self._objective

    def start(self) -> None:
        """Be as before the first evaluation of a run, whatever has been evaluated since.

        Raises:
            RunError: there is not enough memory.
        """
        if self._is_new:
            return
        self._drop_objective()
        (self.arithmetic, tiles), fell_back = self._planned, self.fell_back
        self.fell_back, self.tiles = False, list(tiles)
        if fell_back:
            self.network = self._make_network()
        self.enter(self._levels[0])

    def enter(self, level: Level) -> None:
        """Measure what canvases of a level are to be compared with.

        Raises:
            RunError: there is not enough memory.
        """
        self._drop_objective()  # before there are two
        self.level = level
        with memory_errors(level.size):
            self._make_objective()
        self._is_new = level == self._levels[0] and not self.fell_back

    def __call__(
        self, canvas: Tensor, *, exactly: bool = True, stand_in: bool = False
    ) -> Evaluation:
        """Evaluate a canvas of the current level, by smaller tiles if memory runs out.

        Args:
            canvas: the canvas.
            exactly: look at every layer, though some may hardly have changed.
            stand_in: follow the stand-in for the style loss.

        Raises:
            RunError: there is not enough memory for the smallest ones.
        """
        self._is_new = False
        with memory_errors(self.level.size):
            while True:
                try:
                    if self.deferred is not None:
                        return self.deferred(canvas, exactly=exactly, stand_in=stand_in)
                    return self.objective(canvas, stand_in=stand_in)
                except (RuntimeError, MemoryError) as error:
                    side = self._smaller_side(error)
                self._drop_objective()  # when what the failed evaluation held is free again
                self._use_tiles(side)
                self._make_objective()

    def use_float32(self) -> None:
        """Go on in float32 where the rounding of bfloat16 hides the way down."""
        self._drop_objective()
        self.give_up_bfloat16()
        with memory_errors(self.level.size):
            self._make_objective()

    def give_up_bfloat16(self) -> None:
        """Compute in float32 from the next level entered on."""
        self.fell_back, self.arithmetic = True, devices.arithmetic("float32", self.device)
        self.network = self._make_network()
        self.tiles = [
            _smaller(side, self._tile_for(level))
            for side, level in zip(self.tiles, self._levels, strict=True)
        ]

    def _drop_objective(self) -> None:
        self._objective = self.deferred = None

    def _make_network(self) -> VGG19:
        return VGG19(
            self._weights,
            self._recipe.layers,
            pooling=self._recipe.pooling,
            padding=self._recipe.padding,
            device=self.device,
            dtype=self.arithmetic.dtype,
            winograd=self.arithmetic.winograd,
        )

    def _make_objective(self) -> None:
        """The current level's objective, in smaller tiles if memory runs out."""
        while True:
            try:
                self._objective = self._objective_from(*self._seen())
            except (RuntimeError, MemoryError) as error:
                side = self._smaller_side(error)
            else:
                cut = cut_for(self._recipe)
                whole = len(self.objective.tiles) == 1
                self.deferred = Deferred(self.objective, cut) if cut and whole else None
                return
            self._use_tiles(side)

    def _objective_from(self, content: Hashable, styles: Hashable) -> Objective:
        """The current level's objective, with its measurements from the cache, or then kept there."""
        made = Objective(
            self.network,
            self._canvases.content_at(self.level),
            self._canvases.styles_at(self.level),
            self._recipe,
            self._tile,
            targets=next(iter(self._cache.get(content, ())), None),
            regions=self._cache.get(styles),
        )
        keep(self._cache, content, (made.targets,))
        keep(self._cache, styles, made.regions)
        return made

    def _seen(self) -> tuple[Hashable, Hashable]:
        """All that decides what is measured of the content picture, and of the style pictures.

        It is every setting but those that are known not to matter, so that one which is forgotten
        there costs time, and no picture.
        """
        recipe, level = self._recipe, self.level
        network = self._weights.sha256, self._weights.mean, self.network.layers
        common = network, str(self.device), self.arithmetic, self._tile, level.size
        inputs = self._canvases.inputs
        content = recipe.model_dump_json(exclude=AFTERWARDS | OF_STYLES)
        styles = recipe.model_dump_json(exclude=AFTERWARDS | OF_CONTENT)
        return (
            (*common, content, recipe.alpha > 0, inputs.content.identity),
            (*common, styles, recipe.style_weight > 0, inputs.identity, level.style_sizes),
        )

    @property
    def _tile(self) -> int | None:
        """Side of the tiles that the current level is looked at in."""
        return self.tiles[self.level.number - 1]

    def _tile_for(self, level: Level) -> int | None:
        if not self._recipe.tiles:
            return None
        match self._recipe.tile:
            case "off":
                return None
            case int() as side:
                return side
            case _:
                room = memory_need.room(
                    level,
                    self._recipe,
                    self.arithmetic,
                    self.device,
                    self._canvases.inputs.guides,
                )
                larger = max([level.size, *level.style_sizes], key=math.prod)
                return tiles.choose_side(larger, tiles.halo_for(self.network.layers), room)

    def _smaller_side(self, error: Exception) -> int:
        """Side of the tiles to try after that error, which is raised again where there is none."""
        side = tiles.smaller_side(self._tile, self.level.size) if self._recipe.tiles else None
        if side is None or not is_out_of_memory(error):
            raise error
        return side

    def _use_tiles(self, side: int) -> None:
        """Look at the canvas in smaller tiles."""
        tell(
            f"Memory ran out at {self.level.size[0]}×{self.level.size[1]} pixels; going on with "
            f"tiles of {side}.",
            stacklevel=2,
        )
        for index in range(self.level.number - 1, len(self.tiles)):
            self.tiles[index] = _smaller(side, self.tiles[index])
        self.network.release()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _smaller(side: int | None, other: int | None) -> int | None:
    """The smaller of two sides of tiles, of which None is the whole picture."""
    return min((one for one in (side, other) if one is not None), default=None)
