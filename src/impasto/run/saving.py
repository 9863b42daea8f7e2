"""Saving a run to a checkpoint while it is painted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch

from impasto._version import __version__
from impasto.errors import InputError, StoppedError
from impasto.files import reading
from impasto.files.writing import (
    CHECKPOINT_EVERY,
    check_apart,
    check_interval,
    check_writable,
    remove_parts,
)
from impasto.messages.message import Message
from impasto.optim.optimizer import Numbers
from impasto.pictures.inputs import called
from impasto.process.memory import is_out_of_memory
from impasto.process.notices import tell
from impasto.run import checkpoint as checkpoints
from impasto.run.checkpoint import Saved
from impasto.run.progress import Progress
from impasto.run.run import Run
from impasto.settings.style import absolute


@dataclass
class Checkpointer:
    """Writes the state of a run to a checkpoint at intervals.

    Attributes:
        path: path of the checkpoint.
        every: seconds between two checkpoints.
        outputs: data of the caller that is stored in the checkpoint.
        came_from: for a resumed run, the folder in which its checkpoint was written.
        is_given_up: tells whether nobody will resume the run, so that it need not be saved.
        last: time of the last checkpoint, by the clock of :func:`time.monotonic`; None before the
            first.
    """

    path: Path
    every: float
    outputs: dict[str, Any]
    came_from: Path | None = None
    is_given_up: Callable[[], bool] = lambda: False
    last: float | None = None

    def is_due(self) -> bool:
        """Whether no checkpoint has been written yet, or the last one is old enough."""
        return self.last is None or time.monotonic() - self.last >= self.every

    def save(self, run: Run, progress: Progress, *, at_once: bool = False) -> bool:
        """Write a checkpoint if one is due, or at once.

        Returns:
            Whether the run can be saved again. If the checkpoint cannot be written, a notice says
            why, and False is returned.
        """
        if self.is_given_up() or not (at_once or self.is_due()):
            return True
        is_over, optimizer = run.is_at_end(progress), progress.optimizer
        numbers, tensors = optimizer.state() if optimizer and not is_over else ({}, {})
        of_objective, maps = ({}, {}) if is_over else run.evaluator.state()
        tensors = {**tensors, **maps, "canvas": progress.canvas, "kept": progress.kept}
        if checkpoints.holds_begun(run.levels[progress.level - 1], progress.count):
            tensors["begun"] = progress.begun
        try:
            if self.last is None:
                remove_parts(self.path)
            state = state_of(run, progress, numbers, of_objective, self)
            checkpoints.write(self.path, state, tensors, self.is_given_up)
            self.last = time.monotonic()
        except StoppedError:
            return True
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise  # a ValueError may come from a name that is not Unicode; it is reported below
            reason = getattr(error, "strerror", None) or Message("checkpoint.unwritable")
            tell(Message("checkpoint.not-saved", path=self.path, reason=reason))
            return False
        return True


def save_to(
    run: Run,
    checkpoint: str | Path,
    every: float = CHECKPOINT_EVERY,
    outputs: dict[str, Any] | None = None,
    is_given_up: Callable[[], bool] = lambda: False,
    came_from: Path | None = None,
) -> None:
    """Have a run saved to a checkpoint before its first step, at intervals, and at its end.

    Args:
        run: the run to save.
        checkpoint: path of the checkpoint.
        every: seconds between two checkpoints.
        outputs: data of the caller that is stored in the checkpoint.
        is_given_up: tells whether nobody will resume the run, so that it need not be saved.
        came_from: for a resumed run, the folder in which its checkpoint was written.

    Raises:
        InputError: a picture is not a file, so it could not be found again; the checkpoint cannot
            be written, or would replace an input; or the interval is not a number of seconds.
    """
    every = check_interval(every)
    checkpoint = check_writable(reading.located(checkpoint))
    for key, file in run.inputs.files.items():
        if file.path is None:
            raise InputError("checkpoint.input-in-memory", what=called(key))
    check_apart(run.files, [checkpoint])
    torch.set_num_threads(torch.get_num_threads())  # as a resumed run does, for the same bytes
    where = checkpoint.absolute()
    run.saving = Checkpointer(where, every, outputs or {}, came_from, is_given_up)


def state_of(
    run: Run, progress: Progress, numbers: Numbers, of_objective: Numbers, saving: Checkpointer
) -> Saved:
    """The state of a run without its tensors."""
    weights = str(run.named.weights)
    recipe = run.recipe.model_dump(mode="json", exclude={"styles"})
    for key in ("initial", "protect"):
        if key in run.inputs.files:
            recipe[key] = absolute(recipe[key])
    return Saved(
        impasto=__version__,
        recipe=recipe,
        content=absolute(run.files[0]),
        styles=[read.style.absolute().to_table() for read in run.inputs.styles],
        inputs=run.hashes(),
        weights=weights if weights == "bundled" else absolute(weights),
        weights_input=run.named.weights_input,
        device=str(run.canvases.device),
        threads=torch.get_num_threads(),
        float32=run.evaluator.fell_back,
        level=progress.level,
        count=progress.count,
        tiles=run.evaluator.tiles,
        history=[
            (step.loss, step.content, step.style, step.seconds, step.level)
            for step in progress.history
        ],
        best=progress.best.number if progress.best else 0,
        stand_in=astuple(progress.stand_in),
        done=run.is_at_end(progress),
        optimizer=numbers,
        objective=of_objective,
        every=saving.every,
        outputs=saving.outputs,
        folder=str(saving.path.parent),
    )
