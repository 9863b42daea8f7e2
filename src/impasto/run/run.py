"""One run: from its first canvas through levels and steps to the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from impasto.errors import RunError, StoppedError
from impasto.messages.message import Message
from impasto.network.pyramid import levels_for
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.cache import Measurements
from impasto.objective.objective import follows_stand_in
from impasto.optim.optimizer import REGISTERED, Optimizer, registered
from impasto.optim.optimizers import (
    COARSEST_SIDE,
    LBFGS,
    Adam,
    is_stalled,
)
from impasto.optim.preconditioner import Places, Spectrum
from impasto.pictures import sizes
from impasto.pictures.inputs import Inputs
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts, threads
from impasto.process.memory import memory_errors
from impasto.process.notices import tell
from impasto.run.canvas import Canvases
from impasto.run.evaluator import Evaluator
from impasto.run.levels import Level
from impasto.run.named import Named
from impasto.run.progress import Progress
from impasto.run.result import INTERRUPTED, OnStep, Result, Step, finish
from impasto.run.stand_in import brings_little
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe

# Cycles per pixel along an axis, up to which L-BFGS takes whole steps after a coarser level.
PASSED, PASSED_EVENLY = 0.4, 0.15


class Saver(Protocol):
    """What saves a run at intervals; see :class:`impasto.run.saving.Checkpointer`."""

    path: Path
    outputs: dict[str, Any]
    came_from: Path | None

    def save(self, run: Run, progress: Progress, *, at_once: bool = False) -> bool:
        """Save the run if a checkpoint is due, or at once; return whether it can be saved again."""


@dataclass(eq=False)
class Run:
    """A prepared run: every input is read, the levels are planned, the first canvas is made.

    :func:`impasto.run.prepare.prepare` makes one from pictures and a recipe,
    :func:`impasto.run.prepare.vary` from another run, and :func:`impasto.run.resuming.resumed` from
    a checkpoint.

    Attributes:
        recipe: the settings.
        named: the pictures and the weights as the caller named them.
        inputs: the pictures.
        levels: the levels of the canvas, from coarse to fine.
        loaded: the network's weights.
        canvases: the pictures as the network sees them.
        evaluator: evaluates canvases; it starts at the level at which the run begins.
        first_canvas: 3 × H × W at the run's first level, RGB 0…255 minus the network's mean.
        cache: cached measurements of this run and of others with its pictures.
        threads: number of CPU threads of the run; None for the current number.
        progress: the state of a run that is resumed from a checkpoint; None for a new run.
        saving: saves the run to its checkpoint; None if it is not saved.
    """

    recipe: Recipe
    named: Named
    inputs: Inputs
    levels: list[Level]
    loaded: Weights
    canvases: Canvases
    evaluator: Evaluator
    first_canvas: Tensor
    cache: Measurements
    threads: int | None = None
    progress: Progress | None = None
    saving: Saver | None = None

    @property
    def size(self) -> PixelSize:
        """Width and height of the canvas at the finest level, in pixels."""
        return self.levels[-1].size

    @property
    def output_size(self) -> PixelSize:
        """Width and height of the result, in pixels."""
        return sizes.output_size(self.inputs.content.size, self.size, self.recipe)

    @property
    def weights(self) -> tuple[str, str]:
        """Name and SHA-256 of the network's weights."""
        return self.loaded.name, self.loaded.sha256

    @property
    def network_for_others(self) -> VGG | None:
        """The network, for another run once this one is over; None if it changed on the way."""
        return None if self.evaluator.fell_back else self.evaluator.network

    @property
    def history(self) -> list[Step]:
        """The steps so far of a resumed run; empty for a new run."""
        return self.progress.history if self.progress else []

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of every file that the run reads."""
        weights = self.named.weights
        named = [file.path for file in self.inputs.files.values()]
        named += [Path(weights)] if str(weights) != "bundled" else []
        return tuple(path for path in named if path is not None)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every picture, by its role in the run, and of the weights."""
        files = {key: file.sha256 for key, file in self.inputs.files.items()}
        return {**files, "weights": self.weights[1]}

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Run every step of the recipe, until ``on_step`` returns False or the run is interrupted.

        Painting a run again gives the same painting; a resumed run continues from its state.

        Args:
            on_step: a callback for every step; if it returns False, the run stops.

        Returns:
            The best canvas of the finest level that was reached, and every step.

        Raises:
            RunError: the run ran out of memory, or its first loss was not finite.
            StoppedError: the run was interrupted before its first step.
        """
        with self.painting(on_step) as progress:
            for level in self.levels_left(progress):
                self.enter(level, progress)
                while progress.is_within(level):
                    self.step(level, progress)
        return self.result(progress)

    @contextmanager
    def painting(self, on_step: OnStep | None) -> Iterator[Progress]:
        """A context that gives the state of the run, to be painted in the block.

        The run is saved when the block begins and when it ends. Ctrl-C in a Python session
        interrupts the block, and so does a :func:`impasto.process.interrupts.scope` that asks it to
        end. After the first step, the interruption is not an error.

        Args:
            on_step: a callback for every step; if it returns False, the run stops.

        Raises:
            RunError: the run ran out of memory.
            StoppedError: the run was interrupted before its first step.
        """
        with memory_errors(self.size), threads.use(self.threads), interrupts.ctrl_c_asks():
            if self.progress is None:
                self.evaluator.start(self.first_canvas)
            progress = self.progress or self._first_progress()
            progress.on_step, progress.stopped = on_step, None
            try:
                self._save(progress)
                yield progress
            except StoppedError:
                if progress.best is None:
                    raise
                progress.stopped = INTERRUPTED
            except KeyboardInterrupt:  # anywhere, so the state is not saved
                if progress.best is None or interrupts.is_asked():
                    raise
                self.saving, progress.stopped = None, INTERRUPTED
            self._save(progress, at_once=True)

    def _first_progress(self) -> Progress:
        before = self.canvases.before
        level = 1 if before is None else before.level
        return Progress(*3 * (self.first_canvas,), level=level)

    def levels_left(self, progress: Progress) -> Iterator[Level]:
        """The current level and the finer ones, until the run is stopped."""
        for level in self.levels[progress.level - 1 :]:
            if progress.stopped is None:
                yield level

    def enter(self, level: Level, progress: Progress) -> None:
        """Measure the targets of a level, and resize the canvas to its size."""
        if level.number == progress.level:
            return
        with memory_errors(level.size):
            before = self.levels[progress.level - 1]
            canvas = self.canvases.enlarged(progress.kept, before, level)
            canvas = self.canvases.continued(canvas, level)
        self.evaluator.enter(level, canvas)
        progress.enter(level, canvas)

    @memory_errors()
    def result(self, progress: Progress) -> Result:
        """The result of the run: the best canvas of its level, and every step.

        Raises:
            RunError: there is no such canvas, because the loss of the first one was not finite.
        """
        progress.latest.make = None
        if progress.best is None:
            raise RunError("run.first-loss")
        return Result(
            canvas=self.canvases.to_pixels(self.canvases.resized(progress.kept, self.size)),
            history=list(progress.history),
            best=progress.best,
            recipe=self.recipe,
            inputs=self.inputs,
            weights=self.weights,
            stopped=progress.stopped,
        )

    def step(self, level: Level, progress: Progress) -> None:
        """Evaluate the canvas, and let the optimiser propose the next one.

        A canvas whose loss is not finite does not count as a step: L-BFGS tries a shorter step
        instead, and the run ends if that does not help.
        """
        canvas, last = progress.canvas, progress.count == level.steps - 1
        gives_way = self._gives_way(level, progress)
        stand_in = 0.0 if gives_way else self._stand_in_weight(progress)
        measured = self.evaluator(canvas, exactly=last, stand_in=stand_in)
        if not measured.is_finite():
            self._step_back(progress)
            return
        if progress.optimizer is None:
            begins = progress.count == 0
            progress.optimizer = self.make_optimizer(canvas, level, begins=begins)
        if gives_way:
            progress.stand_in.is_over = True
        if gives_way or measured.is_new or not measured.is_comparable:
            progress.optimizer.change_loss()
        if stand_in:
            progress.stand_in.compare(measured, self.recipe.style_weight)
        gradient = self.canvases.allowed(measured.gradient)
        with memory_errors(level.size), self.evaluator.threads():
            progress.optimizer.correct(measured.correction)
            updated = progress.optimizer.step(canvas, measured.followed, gradient)
        following = canvas if updated is None else updated
        keep_updated = self.recipe.keep == "updated" and self.recipe.optimizer == "adam"
        progress.canvas = following
        progress.record(
            measured,
            kept=following if keep_updated else canvas,
            make_image=partial(self._finished, following),
        )
        if updated is None:  # the optimiser has converged
            if not stand_in:
                progress.count = level.steps
                return
            progress.stand_in.is_over = True
            progress.optimizer.change_loss()
        self._leave_bfloat16(progress)
        if progress.stopped is None:
            self._save(progress)

    def make_optimizer(self, canvas: Tensor, level: Level, *, begins: bool) -> Optimizer:
        """The optimiser that the recipe names, for canvases of a level.

        L-BFGS depends on the level: the first canvas of a run differs from the painting mostly at
        low frequencies, as pictures do; a canvas that comes from a coarser level does not. Such a
        canvas is smooth, and with relative losses, where the picture counts more than the loss, it
        stays so at the highest frequencies. Most of these are left out where features are matched
        evenly, or the painting would have more grain than the style. From the usual strength on,
        its features have to become stronger, unless it is continued from another painting. How
        curved the loss is by place is learned with absolute losses only; with relative ones that
        saved no step.

        Args:
            canvas: a canvas of the level, 3 × H × W.
            level: the level.
            begins: whether the level begins with this canvas.
        """
        recipe = self.recipe
        if recipe.optimizer in REGISTERED:
            return registered(recipe.optimizer, recipe.learning_rate, canvas)
        if recipe.optimizer == "adam":
            return Adam(recipe.learning_rate, adam_levels(recipe, level))
        height, width = canvas.shape[1:]
        is_first = level.number == 1
        is_smooth = not is_first and recipe.balance == "relative"
        is_enlarged = begins and is_smooth and self.canvases.before is None
        grows = is_enlarged and METHODS[level.method].by_layer and recipe.style_colors == 1
        passed = PASSED_EVENLY if METHODS[level.method].evenly else PASSED
        spectrum = Spectrum(
            height,
            width,
            0.8 if is_first else 0.0,
            passed=passed if is_smooth else None,
            device=canvas.device,
            dtype=canvas.dtype,
        )
        learns_by_place = recipe.balance == "absolute"
        preconditioner = Places(height, width, spectrum) if learns_by_place else spectrum
        bytes_of_canvas = canvas.numel() * canvas.element_size()
        pairs = self.evaluator.workplace.pairs(bytes_of_canvas, canvas.device)
        return LBFGS(recipe.learning_rate, pairs, preconditioner, grows=grows)

    def _step_back(self, progress: Progress) -> None:
        """Replace a step whose loss is not finite by a shorter one, or else end the run."""
        shorter = None if progress.optimizer is None else progress.optimizer.step_back()
        if shorter is None:
            progress.stopped = f"the loss of step {len(progress.history) + 1} is not finite"
            return
        progress.canvas = shorter
        self._leave_bfloat16(progress)
        self._save(progress)

    def _leave_bfloat16(self, progress: Progress) -> None:
        """Continue in float32 from the best canvas if the optimiser stalls in bfloat16."""
        if self.rounds_too_much() and progress.optimizer and is_stalled(progress.optimizer):
            if self.recipe.precision == "bfloat16":  # which the user asked for
                tell(Message("device.bfloat16-too-coarse", step=len(progress.history)))
            progress.canvas, progress.optimizer = progress.kept, None
            self.evaluator.use_float32()

    def _stand_in_weight(self, progress: Progress) -> float:
        """The weight of the stand-in that the next step follows; 0 for the style loss itself."""
        follows = follows_stand_in(self.recipe) and self.canvases.before is None
        follows = follows and not progress.stand_in.is_over
        return progress.stand_in.weight if follows else 0.0

    def _gives_way(self, level: Level, progress: Progress) -> bool:
        """Whether the finest level's stand-in gives way now, because it brings little."""
        if level.number < len(self.levels) or not self._stand_in_weight(progress):
            return False
        first = len(progress.history) - progress.count
        losses = [step.loss for step in progress.history[first:]]
        return brings_little(losses)

    def rounds_too_much(self) -> bool:
        """Whether the run computes in bfloat16, whose rounding can stall the optimiser."""
        return self.evaluator.arithmetic.dtype == torch.bfloat16

    @property
    def is_done(self) -> bool:
        """Whether a resumed run has no steps left."""
        return self.progress is not None and self.is_at_end(self.progress)

    def is_at_end(self, progress: Progress) -> bool:
        """Whether no step is left after this progress."""
        return progress.level == len(self.levels) and progress.count == self.levels[-1].steps

    def _finished(self, canvas: Tensor) -> Image.Image:
        pixels = self.canvases.to_pixels(canvas)
        return finish(pixels, self.output_size, self.recipe.color, self.inputs)

    def _save(self, progress: Progress, *, at_once: bool = False) -> None:
        """Write a checkpoint if one is due; if it cannot be written, continue without."""
        if self.saving is not None and not self.saving.save(self, progress, at_once=at_once):
            self.saving = None


def adam_levels(recipe: Recipe, level: Level) -> int:
    """The number of levels of the pyramid that Adam changes at a level of a run."""
    return levels_for(level.size, COARSEST_SIDE) if recipe.variable == "pyramid" else 1
