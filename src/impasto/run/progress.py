"""The state of a run: its canvas, its optimiser, its steps and the best of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image
from torch import Tensor

from impasto.objective.objective import Evaluation
from impasto.optim.optimizer import Optimizer
from impasto.run.levels import Level
from impasto.run.result import LatestImage, OnStep, Step, told
from impasto.run.stand_in import StandIn


@dataclass
class Progress:
    """The state of a run.

    Attributes:
        canvas: the canvas to evaluate next, 3 × H × W at the size of its level.
        kept: the best canvas so far, 3 × H × W at the size of its level.
        begun: the canvas with which the level began, 3 × H × W.
        optimizer: the optimiser of the level; None before the first step of the level.
        on_step: the callback for every step.
        level: number of the level, counted from 1.
        count: evaluations done at this level.
        history: every step so far.
        best: the best step of the level.
        stopped: why the run ends before its last step; None if it does not.
        stand_in: how the level follows the stand-in for the style loss.
        latest: shows the canvas of the last step to ``on_step``.
        began: start of the run, by the clock of :func:`time.perf_counter`.
    """

    canvas: Tensor
    kept: Tensor
    begun: Tensor
    optimizer: Optimizer | None = None
    on_step: OnStep | None = None
    level: int = 1
    count: int = 0
    history: list[Step] = field(default_factory=list)
    best: Step | None = None
    stopped: str | None = None
    stand_in: StandIn = field(default_factory=StandIn)
    latest: LatestImage = field(default_factory=LatestImage)
    began: float = field(default_factory=time.perf_counter)

    def enter(self, level: Level, canvas: Tensor) -> None:
        """Start another level from the given canvas."""
        self.canvas = self.kept = self.begun = canvas
        self.optimizer = None
        self.level, self.count = level.number, 0
        self.stand_in = self.stand_in.at_next_level()

    def is_within(self, level: Level) -> bool:
        """Whether the level has steps left and the run is not stopped."""
        return self.count < level.steps and self.stopped is None

    def record(
        self,
        measured: Evaluation,
        *,
        kept: Tensor,
        make_image: Callable[[], Image.Image],
    ) -> None:
        """Record a step, keep its canvas if it is the best of its level, and call ``on_step``.

        Args:
            measured: the evaluation of the step.
            kept: the canvas to keep if the step is the best so far.
            make_image: renders the step's canvas after its update.
        """
        seconds = time.perf_counter() - self.began
        number = len(self.history) + 1
        losses = (measured.loss, measured.content, measured.style)
        self.count += 1
        begins = self.count == 1 or measured.is_new
        step = Step(number, *losses, seconds, self.level, self.latest, begins)
        self.history.append(step)
        if self.best is None or begins or step.loss < self.best.loss:
            self.best, self.kept = step, kept
        self.latest.number, self.latest.make = number, make_image
        self.stopped = told(self.on_step, step) or self.stopped
