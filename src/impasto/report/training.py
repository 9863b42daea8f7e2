"""What is written of a training: its steps as JSON lines, samples, and loss curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.pictures import arrays, writers
from impasto.report.figures import loss_curves
from impasto.report.progress import versions
from impasto.run.result import Step

if TYPE_CHECKING:
    from impasto.painters.learning import Course
    from impasto.painters.training import TrainingStep

POINTS = 200  # of a loss curve; each is the mean of some steps
SAMPLES = 20  # how many samples are written, besides the one before the first step
SAMPLE_CROPS = 3  # crops in a sample
SAMPLE_STYLES = 4  # styles in a sample, at most
PARTS = ("loss", "content", "style")  # of a step

Watcher = Callable[["TrainingStep"], None]


class TrainingTrace:
    """A training as JSON lines: a ``training`` event, a ``step`` event each step, a ``done`` event.

    Of a training that is continued, the steps before the checkpoint are written first.

    Args:
        path: the file.
        course: the training.
    """

    def __init__(self, path: Path, course: Course) -> None:
        self.path, self._file = path, path.open("w", encoding="utf-8")
        self._write(
            event="training",
            **course.about.model_dump(mode="json", exclude={"steps", "impasto", "format"}),
            device=str(course.device),
            versions=versions(),
        )
        for step in course.state.history:
            self(step)

    def __call__(self, step: TrainingStep) -> None:
        """Write a step."""
        self._write(
            event="step",
            number=step.number,
            loss=step.loss,
            content=step.content,
            style=step.style,
            strength=round(step.strength, 6),
            seconds=round(step.seconds, 6),
            share=round(step.share, 6),
        )

    def close(self, course: Course) -> None:
        """Write how the training ended, and close the file."""
        with self._file:
            history = course.state.history
            seconds = round(course.state.seconds, 6)
            self._write(event="done", steps=len(history), seconds=seconds, done=course.is_done)

    def _write(self, **event: Any) -> None:
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()


class Samples:
    """Writes crops and their paintings, twenty times while a painter is trained.

    A sample shows the crops in its first row, and a row of paintings for each style, as
    ``sample-00050.png`` in a folder.

    Args:
        folder: the folder, which is made if it is missing.
        course: the training.
    """

    def __init__(self, folder: Path, course: Course) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._course = folder, course
        self._next = self._part(course.state.history[-1]) if course.state.history else 0

    def __call__(self, step: TrainingStep) -> None:
        """Write a sample if one is due."""
        if self._part(step) >= self._next:
            self._next = self._part(step) + 1
            writers.save(self._sample(), self._folder / f"sample-{step.number:05d}.png")

    def _part(self, step: TrainingStep) -> int:
        return int(step.share * SAMPLES)

    def _sample(self) -> Any:
        from PIL import Image

        painter, crops = self._course.painter(), self._course.training.crops
        shown = [np.asarray(crops.crop(number), np.float32) for number in range(SAMPLE_CROPS)]
        rows = [np.hstack(shown)]
        for style in painter.styles[:SAMPLE_STYLES]:
            condition = painter.condition({style: 1.0})
            rows.append(np.hstack([painter.painted(crop, condition) for crop in shown]))
        return Image.fromarray(arrays.to_uint8(np.vstack(rows)))


def training_curves(course: Course, path: Path) -> None:
    """Draw the losses of a training at its own strength, each point the mean of some steps.

    The steps at another strength are left out, since their losses have other weights.

    Args:
        course: the training.
        path: ends in ``.png``, ``.svg`` or ``.pdf``.

    Raises:
        InputError: there is no step, or the figure cannot be written there.
    """
    training, history = course.training, course.state.history
    recipe = training.objective.recipe
    own = [step for step in history if step.strength == training.own_strength]
    at_once = max(1, -(-len(own) // POINTS))
    groups = [own[start : start + at_once] for start in range(0, len(own), at_once)]
    loss_curves(
        [_mean(group) for group in groups], path, alpha=recipe.alpha, beta=recipe.style_weight
    )


def _mean(steps: Sequence[TrainingStep]) -> Step:
    """The mean losses of some steps, with the number of the last."""
    last = steps[-1]
    loss, content, style = (
        float(np.mean([getattr(step, part) for step in steps])) for part in PARTS
    )
    return Step(last.number, loss, content, style, last.seconds)
