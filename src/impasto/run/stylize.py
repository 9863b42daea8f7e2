"""The two main functions: paint a picture, and resume an interrupted run."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from typing import Any

import numpy.typing as npt
import torch

from impasto.errors import InputError
from impasto.files.writing import CHECKPOINT_EVERY, check_interval
from impasto.pictures import images
from impasto.pictures.inputs import (
    StyleSource,
    path_of,
)
from impasto.process.memory import memory_errors
from impasto.run import either
from impasto.run.checkpoint import check_replaceable
from impasto.run.levels import plan_for
from impasto.run.named import name_inputs, read_pictures
from impasto.run.prepare import begin, load_network
from impasto.run.result import OnStep, Result
from impasto.run.resuming import resumed
from impasto.run.saving import save_to
from impasto.settings.recipe import Recipe, RecipeSource


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
        content: the content picture: a path, a PIL image, or an H × W × 3 uint8 array (RGB).
        style: the style picture: a path, a PIL image, an H × W × 3 uint8 array, or a
            :class:`Style`; or several of these. A string is read as on the command line, as in
            ``"oil.jpg:0.7,mask=sky.png"``. None means the styles of the recipe.
        recipe: the settings: a :class:`Recipe`, the name of a preset, the path of a TOML file, or a
            dictionary of settings; None means the preset ``default``.
        initial: the first canvas, H × W × 3 numbers, RGB 0…255 at the working size; it replaces the
            recipe's first canvas.
        on_step: a callback for every :class:`Step`. If it returns False (or NumPy's False), the run
            stops; any other value, such as None, continues it. An exception that it raises ends the
            run and is passed on to the caller.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file (:func:`impasto.load_weights`).
        weights_input: the input that a weight file expects, ``caffe`` or ``torchvision``.
        checkpoint: the file in which the run is saved, for :func:`resume`; every picture must then
            be a file.
        checkpoint_every: seconds between two checkpoints.

    Returns:
        The painting (:attr:`Result.image`), its canvas, and every step.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    _check_on_step(on_step)
    check_interval(checkpoint_every)
    settings = Recipe.read(recipe)
    if either.paints_in_one_pass(settings):
        if checkpoint is not None:
            raise InputError("instant.no-checkpoint")
        given: dict[str, Any] = {"weights": weights, "weights_input": weights_input}
        run = either.prepare(content, style, settings, initial, device=device, **given)
        return run.paint(on_step)
    with memory_errors():
        # 1. Read the inputs.
        named = name_inputs(content, style, weights, weights_input)
        pictures = read_pictures(named, settings)
        # 2. Plan the levels, from coarse to fine.
        planned = plan_for(pictures, settings)
        # 3. Load the network.
        loaded = load_network(named)
        # 4. Make the first canvas.
        run = begin(settings, named, pictures, planned, loaded, device, initial)
    if checkpoint is not None:
        path = path_of(checkpoint, "checkpoint")
        check_replaceable(path)
        save_to(run, path, checkpoint_every)
    # 5. At each level, measure the targets, and improve the canvas step by step.
    with run.painting(on_step) as progress:
        for level in run.levels_left(progress):
            run.enter(level, progress)
            while progress.is_within(level):
                run.step(level, progress)
    # 6. Return the best canvas.
    return run.result(progress)


def resume(
    checkpoint: str | os.PathLike[str],
    on_step: OnStep | None = None,
    *,
    inputs: str | os.PathLike[str] | None = None,
) -> Result:
    """Continue an interrupted run; the result is the same as without the interruption.

    Args:
        checkpoint: the file that :func:`stylize` wrote.
        on_step: a callback for every :class:`Step`; if it returns False, the run stops.
        inputs: the folder that contains the run's pictures now; None if they have not moved, or
            have moved along with the checkpoint.

    Returns:
        The painting, its canvas, and every step, including those before the interruption.

    Raises:
        InputError: the checkpoint cannot be read, or an input of the run is missing or has changed.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    _check_on_step(on_step)
    folder = None if inputs is None else path_of(inputs, "folder")
    return resumed(path_of(checkpoint, "checkpoint"), folder).paint(on_step)


def _check_on_step(on_step: object) -> None:
    if on_step is not None and not callable(on_step):
        raise InputError("run.not-callable", type=type(on_step).__name__)
    if inspect.iscoroutinefunction(on_step):
        raise InputError("run.coroutine")
