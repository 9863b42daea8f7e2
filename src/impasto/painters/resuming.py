"""Checkpoints of a training: everything that the next step depends on, as a safetensors file.

What is drawn for a crop follows from the seed and its number, so no state of a generator is saved.
A training with a number of steps that is resumed on the same CPU ends with the same bytes as one
that was never interrupted.
"""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from impasto.errors import InputError
from impasto.files.reading import as_given
from impasto.files.writing import is_there
from impasto.painters import file as files
from impasto.painters.file import About, Stated
from impasto.painters.training import State, TrainingStep
from impasto.settings.values import MOST_THREADS

KEY = "impasto-training"  # of the metadata
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # of Adam, for each tensor of weights

Seconds = Annotated[float, Field(ge=0)]


class Identity(Stated):
    """What has to be the same for a training to be continued.

    Attributes:
        about: what its painter will say of itself, with no steps.
        photographs: a key of the photographs.
        weights: SHA-256 of the weights of VGG.
        seed: of the training.
        batch: number of crops in a step.
        device: kind of the device that computes.
    """

    about: About
    photographs: str
    weights: str
    seed: int
    batch: int
    device: str

    def difference(self, other: Identity) -> str | None:
        """The name of what differs between two trainings; None for nothing."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in IN_TURN}
        of_about = {
            name: (getattr(self.about, name), getattr(other.about, name)) for name in OF_ABOUT
        }
        both = {**of_about, **pairs}
        return next((name for name, (one, two) in both.items() if one != two), None)


OF_ABOUT = ("styles", "recipe", "channels", "blocks")
IN_TURN = ("photographs", "weights", "seed", "batch", "device")


class Saved(Stated):
    """The state of a training without its tensors.

    Attributes:
        format: version of the layout of these files.
        identity: what has to be the same to continue.
        threads: number of CPU threads.
        seconds: that the training has taken.
        history: number, loss, content, style, strength, seconds and share of every step.
    """

    identity: Identity
    threads: int = Field(ge=1, le=MOST_THREADS)
    seconds: Seconds
    history: list[tuple[int, float, float, float, float, Seconds, float]]


def write(path: Path, identity: Identity, state: State) -> None:
    """Write a checkpoint, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    saved = Saved(
        identity=identity,
        threads=torch.get_num_threads(),
        seconds=state.seconds,
        history=[astuple(step) for step in state.history],
    )
    tensors = {**_named(state), **state.network.state_dict()}
    files.write_tensors(path, KEY, saved.model_dump_json(), tensors)


def read(path: Path, identity: Identity, state: State) -> int:
    """Continue from a checkpoint: give a state before its first step what the file holds.

    Returns:
        The number of CPU threads that the training used.

    Raises:
        InputError: the file cannot be read, or is of another training.
    """
    text, tensors = files.read_tensors(path, KEY)
    saved = files.stated(Saved, text, path)
    if (what := identity.difference(saved.identity)) is not None:
        raise InputError("painter.other-training", path=as_given(path), what=what)
    moments = {name: tensors.pop(name) for name in list(tensors) if name.startswith("adam ")}
    files.fill(state.network, tensors, path)
    if moments:
        _restore(state, moments, path)
    state.seconds = saved.seconds
    state.history[:] = [TrainingStep(*step) for step in saved.history]
    return saved.threads


def is_there_for(path: Path) -> bool:
    """Whether there is a checkpoint to continue from."""
    return is_there(path) and path.is_file()


def _named(state: State) -> dict[str, Tensor]:
    """The moments of Adam, by names that tell which weights they belong to."""
    return {
        f"adam {name} {moment}": state.adam.state[weights][moment]
        for name, weights in state.network.named_parameters()
        if weights in state.adam.state
        for moment in MOMENTS
    }


def _restore(state: State, moments: dict[str, Tensor], path: Path) -> None:
    """Give Adam the moments that a checkpoint holds."""
    for name, weights in state.network.named_parameters():
        try:
            of_weights = {moment: moments[f"adam {name} {moment}"] for moment in MOMENTS}
        except KeyError:
            raise InputError("painter.damaged", path=as_given(path)) from None
        for moment in MOMENTS[:2]:
            if of_weights[moment].shape != weights.shape:
                raise InputError("painter.damaged", path=as_given(path))
            kept = torch.empty_like(weights, memory_format=torch.preserve_format)
            of_weights[moment] = kept.copy_(of_weights[moment]).detach()
        state.adam.state[weights] = of_weights
