"""Evaluates the canvases of a run, level by level, within the available memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from impasto.messages.message import Message
from impasto.network import devices, tiles
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.cache import Measurements, keep
from impasto.objective.deferred import Deferred, cut_layer
from impasto.objective.nnst import neighbours
from impasto.objective.objective import Evaluation, Objective
from impasto.objective.rounds import Compared, Measure, Rounds
from impasto.objective.strotss import transport
from impasto.process import threads
from impasto.process.memory import is_out_of_memory, memory_errors
from impasto.process.notices import tell
from impasto.run import memory_need
from impasto.run.canvas import Canvases
from impasto.run.levels import Level, layers_at, recipe_at, taps_at
from impasto.run.workplace import HERE, Workplace
from impasto.settings.layers import Layer
from impasto.settings.loss_table import METHODS, STYLE_LOSSES
from impasto.settings.recipe import Recipe

# Settings that are read only after the content and the styles have been measured.
AFTERWARDS = {
    *("output_size", "initial", "noise_ratio", "seed"),  # the first canvas and the result
    *("alpha", "strength", "beta", "tv_weight", "tv"),  # weights; only whether they are 0 matters
    *("optimizer", "variable", "learning_rate", "steps", "keep"),  # the optimisation
}
# Settings that do not affect the content picture's feature maps, and settings that do not affect
# the style pictures' statistics. The styles themselves are inputs, and the depth of the network,
# which follows from both lists of layers, is a separate part of the key.
OF_STYLES = {"styles", "style_fit", "style_scale", "style_symmetry", "style_layers", "protect"}
OF_CONTENT = {"styles", "content_layers", "protect"}
# The objectives of the methods that compare hypercolumns, by the names in
# :data:`impasto.settings.loss_table.METHODS`.
OBJECTIVES: dict[str, Callable[[Compared], Rounds]] = {
    "nnst": neighbours,
    "even-nnst": neighbours,
    "strotss": transport,
}


class Evaluator:
    """The network, and the objective of one level at a time.

    If memory runs out, the evaluator continues with smaller tiles.

    Args:
        weights: the network's weights.
        canvases: the pictures of the run.
        recipe: the settings of the run.
        levels: the levels of the run.
        cache: measurements of other runs.
        network: the network of another run with the same weights and recipe on the same device;
            None to make one. Two runs that share one must not be painted at the same time.
        first: number of the level at which the run begins, counted from 1.
        workplace: where the losses that compare layers are computed.

    Attributes:
        device: the device that computes.
        workers: how many workers share the canvas; 1 for this process.
        arithmetic: how the network computes.
        fell_back: whether the run had to change from bfloat16 to float32.
        level: the current level; at first the one at which the run begins.
        network: the network, which reads every layer of the current level's losses.
        tiles: for each level, the side of its tiles in pixels; None if it is processed whole.
        deferred: the objective that defers its deep layers; None if the recipe or tiles exclude it.
        rounds: the objective of a method that compares hypercolumns; None for other methods.
    """

    deferred: Deferred | None
    rounds: Rounds | None
    _objective: Objective | None
    _begun: Tensor

    def __init__(
        self,
        weights: Weights,
        canvases: Canvases,
        recipe: Recipe,
        levels: list[Level],
        cache: Measurements,
        network: VGG | None = None,
        first: int = 1,
        workplace: Workplace = HERE,
    ) -> None:
        self.device = canvases.device
        self.workplace, self.workers = workplace, workplace.workers
        self.arithmetic = workplace.arithmetic(recipe.precision, self.device)
        self.fell_back = self._is_new = False
        self._weights, self._canvases, self._cache = weights, canvases, cache
        self._objective = self.deferred = self.rounds = None
        self._recipe, self._levels = recipe, levels
        self.level = self._first = levels[first - 1]
        self._settings = recipe_at(self.level, recipe)
        taps = frozenset(taps_at(self.level, recipe))
        is_same = network is not None and network.taps == taps
        self.network = network if network is not None and is_same else self._make_network()
        self.tiles = [self._tile_for(level) for level in levels]
        self._planned = self.arithmetic, tuple(self.tiles)

    @property
    def objective(self) -> Objective:
        """The objective of the current level; there is none before a level is entered."""
        assert self._objective is not None, "no level was entered"  # noqa: S101
        return self._objective

    def threads(self) -> AbstractContextManager[None]:
        """A context for a step: its operations take one thread each if the threads share them."""
        return self.threads_for(self.level)

    def threads_for(self, level: Level) -> AbstractContextManager[None]:
        """A context for a step of a level, as of :meth:`threads`."""
        recipe = recipe_at(level, self._recipe)
        method, style_loss = METHODS[level.method], STYLE_LOSSES[recipe.style_loss]
        shared = self.arithmetic.by_rows and (style_loss.shares or not method.by_layer)
        return threads.whole_operations(shared=shared)

    def network_for(self, level: Level) -> VGG:
        """The network of a level; the current one if it reads the same layers."""
        is_same = self.network.taps == frozenset(taps_at(level, self._recipe))
        return self.network if is_same else self._make_network(level)

    def start(self, canvas: Tensor) -> None:
        """Return to the state before the first evaluation of a run.

        Args:
            canvas: the first canvas of the run.

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
        self.enter(self._first, canvas)

    def enter(self, level: Level, canvas: Tensor) -> None:
        """Enter a level: measure the targets that its canvases are compared with.

        Args:
            level: the level.
            canvas: the canvas with which it begins.

        Raises:
            RunError: there is not enough memory.
        """
        self._drop_objective()  # so that memory never holds two
        before, self.level = self.level, level
        self._begun = canvas
        self._settings = recipe_at(level, self._recipe)
        if level.method != before.method:
            self.network = self._make_network()
        self.network.release(self._layers_at(level))
        with memory_errors(level.size), self.threads():
            self._make_objective()
        self._is_new = level == self._first and not self.fell_back

    def __call__(
        self, canvas: Tensor, *, exactly: bool = True, stand_in: float = 0.0
    ) -> Evaluation:
        """Evaluate a canvas of the current level, in smaller tiles if memory runs out.

        Args:
            canvas: 3 × H × W, at the size of the level.
            exactly: measure every layer, even those that could be deferred.
            stand_in: weight of the stand-in for the style loss; 0 follows the style loss itself.

        Returns:
            The losses of the canvas and the gradient.

        Raises:
            RunError: there is not enough memory even for the smallest tiles.
        """
        self._is_new = False
        was_estimated = self.deferred is not None and self.deferred.age > 0
        with memory_errors(self.level.size), self.threads():
            while True:
                try:
                    if self.rounds is not None:
                        return self.rounds(canvas)
                    if self.deferred is not None:
                        return self.deferred(canvas, exactly=exactly, stand_in=stand_in)
                    measured = self.objective(canvas, stand_in=stand_in)
                    return replace(measured, is_comparable=not was_estimated)
                except (RuntimeError, MemoryError) as error:
                    side = self._smaller_side(error)
                self._drop_objective()  # after the memory of the failed evaluation is free again
                self._use_tiles(side)
                self._make_objective()

    def use_float32(self) -> None:
        """Continue the current level in float32, because the rounding of bfloat16 is too coarse."""
        # A round keeps its start; what deferred layers were estimated from is bfloat16's.
        begun = self.rounds.state() if self.rounds else None
        self._drop_objective()
        self.give_up_bfloat16()
        with memory_errors(self.level.size), self.threads():
            self._make_objective()
        if self.rounds and begun:
            self.rounds.restore(*begun)

    def give_up_bfloat16(self) -> None:
        """Switch to float32, without making the objective of the current level again."""
        self.fell_back, self.arithmetic = True, devices.fastest(torch.float32, self.device)
        self.network = self._make_network()
        self.tiles = [
            _smaller(side, self._tile_for(level))
            for side, level in zip(self.tiles, self._levels, strict=True)
        ]

    def state(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """The state of the current level's objective, as numbers and tensors for a checkpoint."""
        stateful = self.rounds or self.deferred
        return stateful.state() if stateful else ({}, {})

    def restore(self, numbers: dict[str, float], tensors: dict[str, Tensor]) -> None:
        """Restore a state that :meth:`state` returned."""
        stateful = self.rounds or self.deferred
        if stateful:
            stateful.restore(numbers, tensors)

    def _drop_objective(self) -> None:
        self._objective = self.deferred = self.rounds = None

    def _make_network(self, level: Level | None = None) -> VGG:
        return VGG(
            self._weights,
            taps_at(level or self.level, self._recipe),
            pooling=self._recipe.pooling,
            padding=self._recipe.padding,
            device=self.device,
            dtype=self.arithmetic.dtype,
            by_rows=self.arithmetic.by_rows,
        )

    def _make_objective(self) -> None:
        """Make the current level's objective, in smaller tiles if memory runs out."""
        if self._settings.method in OBJECTIVES:
            self.rounds = OBJECTIVES[self._settings.method](self._compared())
            return
        while True:
            try:
                self._objective = self._objective_from(*self._seen())
            except (RuntimeError, MemoryError) as error:
                side = self._smaller_side(error)
            else:
                cut = cut_layer(self._recipe, self._weights.architecture)
                whole = self.objective.is_whole
                self.deferred = Deferred(self.objective, cut) if cut and whole else None
                return
            self._use_tiles(side)

    def _compared(self) -> Compared:
        """What the current level's canvases are compared with, hypercolumn by hypercolumn."""
        canvases, level = self._canvases, self.level
        return Compared(
            network=self.network,
            content=canvases.recolored_at(level),
            styles=list(canvases.styles_at(level)),
            recipe=self._settings,
            number=level.number,
            steps=level.steps,
            splits=level.splits,
            kept=canvases.kept_at(level),
            of_styles=self._of_styles,
        )

    def _of_styles(self, measure: Measure) -> Sequence[Any]:
        """What the current level measures of the styles, or what it measured in another run."""
        _, styles = self._seen()
        key = styles, self.level.method, self.level.splits
        measured = self._cache.get(key)
        if measured is None:
            measured = measure()
            keep(self._cache, key, measured)
        return measured

    def _objective_from(self, content: Hashable, styles: Hashable) -> Objective:
        """The current level's objective, with cached measurements where their keys are known."""
        made = self.workplace.objective(
            self.network,
            self._canvases.wanted_at(self.level, self._begun),
            self._canvases.styles_at(self.level),
            self._recipe,
            self._tile,
            deepest=self.level.deepest,
            targets=next(iter(self._cache.get(content, ())), None),
            regions=self._cache.get(styles),
            kept=self._canvases.kept_at(self.level),
        )
        if content is not None:
            keep(self._cache, content, (made.targets,))
        keep(self._cache, styles, made.regions)
        return made

    def _seen(self) -> tuple[Hashable, Hashable]:
        """The cache keys of the content picture's measurements and of the style pictures'.

        The first is None if the canvas has a say in the content, which no other run can share.
        A key contains every setting except those that are known not to matter, so that an exception
        that is missing costs time but never changes a painting.
        """
        recipe, level = self._recipe, self.level
        network = self._weights.sha256, self._weights.mean, self.network.layers, level.deepest
        common = network, str(self.device), self.arithmetic, self._tile
        inputs = self._canvases.inputs
        of_content = inputs.content.identity
        recolored_like = of_content if recipe.color == "match" else None
        seen_size = level.size if inputs.guides or recolored_like else None
        content = recipe.model_dump_json(exclude=AFTERWARDS | OF_STYLES)
        styles = recipe.model_dump_json(exclude=AFTERWARDS | OF_CONTENT)
        return (
            None
            if level.paints_on
            else (*common, level.size, content, recipe.alpha > 0, of_content),
            (
                *(*common, styles, recipe.style_weight > 0),
                *(level.style_sizes, level.reach),
                *(inputs.identity_of_styles, recolored_like, seen_size),
            ),
        )

    @property
    def _tile(self) -> int | None:
        """Side of the current level's tiles in pixels; None if it is processed whole."""
        return self.tiles[self.level.number - 1]

    def _tile_for(self, level: Level) -> int | None:
        if not recipe_at(level, self._recipe).tiles:
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
                    self.workplace.free_memory(self.device),
                    self._canvases.inputs.guides,
                    self._weights.architecture,
                )
                larger = max([level.size, *level.style_sizes], key=math.prod)
                layers = self._layers_at(level)
                if self.workplace.most_at_once(layers, larger) <= room:
                    return None
                return tiles.choose_side(larger, tiles.halo_for(layers), room)

    def _layers_at(self, level: Level) -> tuple[Layer, ...]:
        return layers_at(level, self._recipe, self._weights.architecture)

    def _smaller_side(self, error: Exception) -> int:
        """Side of the tiles to try after an error; raise the error again if there is none."""
        side = tiles.smaller_side(self._tile, self.level.size) if self._settings.tiles else None
        if side is None or not is_out_of_memory(error):
            raise error
        return side

    def _use_tiles(self, side: int) -> None:
        """Use smaller tiles from the current level on."""
        width, height = self.level.size
        tell(Message("memory.smaller-tiles", width=width, height=height, side=side))
        for index in range(self.level.number - 1, len(self.tiles)):
            self.tiles[index] = _smaller(side, self.tiles[index])
        self.network.release()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _smaller(side: int | None, other: int | None) -> int | None:
    """The smaller of two sides of tiles, where None means the whole picture."""
    return min((one for one in (side, other) if one is not None), default=None)
