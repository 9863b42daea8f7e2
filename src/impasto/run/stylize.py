"""Two pictures and a recipe in, a painting out."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable

import numpy.typing as npt
import torch

from impasto.errors import InputError
from impasto.files.writing import CHECKPOINT_EVERY
from impasto.pictures import images
from impasto.pictures.inputs import (
    StyleSource,
    path_of,
)
from impasto.run import checkpoint as checkpoints
from impasto.run.prepare import prepare
from impasto.run.result import OnStep, Result
from impasto.run.resuming import resumed
from impasto.run.saving import save_to
from impasto.settings.recipe import RecipeSource


def stylize(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    initial: npt.ArrayLike | None = None,
    on_step: OnStep | None = None,
    *,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Result:
    """Paint the content of one picture in the style of another, or of several.

    Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576.

    Args:
        content: a path, a PIL image, or an H × W × 3 uint8 array (RGB).
        style: a path, a PIL image, an H × W × 3 uint8 array, or a :class:`Style`; or several of
            those. A text is read as on the command line, as in ``"oil.jpg:0.7,mask=sky.png"``.
            None means the styles of the recipe.
        recipe: the settings: a :class:`Recipe`, the name of a preset, the path of a TOML file, or a
            table of settings; None means the preset ``default``.
        initial: H × W × 3 numbers, RGB 0…255 at the working size, in place of the recipe's first
            canvas.
        on_step: called after every step. False, NumPy's too, stops the run; with None or anything
            else it goes on. What it raises ends the run, and is passed on to the caller.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file (:func:`impasto.network.weights.load`).
        weights_input: what a weight file expects, ``caffe`` or ``torchvision``.
        checkpoint: file to which the run is saved, for :func:`resume`; both pictures must be files.
        checkpoint_every: seconds from one time to the next.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    _check_on_step(on_step)
    run = prepare(
        content,
        style,
        recipe,
        initial,
        device=device,
        weights=weights,
        weights_input=weights_input,
    )
    if checkpoint is not None:
        checkpoint = path_of(checkpoint, "checkpoint")
        checkpoints.check_replaceable(checkpoint)
        save_to(run, checkpoint, checkpoint_every)
    return run.paint(on_step)


def resume(
    checkpoint: str | os.PathLike[str],
    on_step: OnStep | None = None,
    *,
    inputs: str | os.PathLike[str] | None = None,
) -> Result:
    """Continue an interrupted run; the result is that of a run that was never interrupted.

    Args:
        checkpoint: what :func:`stylize` wrote.
        on_step: called after every step; returning False stops the run.
        inputs: folder in which the run's pictures are now; None where they are as they were, or
            have moved along with the checkpoint.

    Raises:
        InputError: it cannot be read, or an input of the run has changed.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    _check_on_step(on_step)
    folder = None if inputs is None else path_of(inputs, "folder")
    return resumed(path_of(checkpoint, "checkpoint"), folder).paint(on_step)


def _check_on_step(on_step: object) -> None:
    if on_step is not None and not callable(on_step):
        raise InputError(
            f"on_step should be a function of a step, not {type(on_step).__name__}: give one, or "
            "None."
        )
    if inspect.iscoroutinefunction(on_step):
        raise InputError("on_step is a coroutine, which nobody would await: give a function.")
