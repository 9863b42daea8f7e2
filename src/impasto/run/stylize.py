"""The two main functions: paint a picture, and resume an interrupted run."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from impasto.errors import InputError
from impasto.files.writing import CHECKPOINT_EVERY, check_interval
from impasto.pictures import images
from impasto.pictures.inputs import (
    StyleSource,
    path_of,
)
from impasto.process.memory import memory_errors
from impasto.run import instant
from impasto.run.checkpoint import check_replaceable
from impasto.run.either import paints_in_one_pass
from impasto.run.levels import plan_for
from impasto.run.named import name_inputs, read_pictures, with_protect
from impasto.run.prepare import InitialSource, begin, load_network, with_initial
from impasto.run.prepared import Prepared
from impasto.run.result import OnStep, Result
from impasto.run.resuming import resumed
from impasto.run.saving import save_to
from impasto.run.showing import showing
from impasto.settings.keywords import check_keywords
from impasto.settings.pieces import check_choice
from impasto.settings.recipe import Recipe, RecipeSource

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from impasto.settings.keywords import RunSettings


def stylize(  # noqa: PLR0913 – every argument is the caller's to choose
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    initial: InitialSource | None = None,
    on_step: OnStep | None = None,
    *,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool = False,
    protect: images.Source | None = None,
    **settings: Unpack[RunSettings],
) -> Result:
    """Paint the content of one picture in the style of another, or of several.

    Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576.

    Args:
        content: the content picture: a path, the bytes of a picture file, a binary file object, a
            PIL image, an array or a tensor; :func:`impasto.read_picture` lists the ranges and
            shapes.
        style: the style picture, given like the content picture, or a :class:`Style`; or several of
            these. A string is read as on the command line, as in
            ``"oil.jpg:0.7,mask=sky.png"``. None means the styles of the recipe.
        recipe: the settings: a :class:`Recipe`, the name of a preset, the path of a TOML file or
            of a painting, or a dictionary of settings; None means the preset ``default``.
        initial: the first canvas, which replaces that of the recipe: H × W × 3 floats, RGB 0…255 at
            the working size; or a picture, given like the content picture, which is resized to the
            working size; or one of the names that the recipe allows.
        on_step: a callback for every :class:`Step`. If it returns False (or NumPy's False), the run
            stops; any other value, such as None, continues it. An exception that it raises ends the
            run and is passed on to the caller.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file (:func:`impasto.load_weights`).
        weights_input: the input that a weight file expects, ``caffe`` or ``torchvision``.
        checkpoint: the file in which the run is saved, for :func:`resume`; every picture must then
            be a file.
        checkpoint_every: seconds between two checkpoints.
        progress: whether to show the progress of the run: as a bar in a terminal or a notebook,
            or else as lines on standard error.
        protect: the part of the content picture to keep as it is, which replaces that of the
            recipe: a picture that is white there, given like the content picture, in which floats
            in 0…1 and booleans are common; or a path and a colour, as in ``"regions.png#ff0000"``.
        settings: settings of the recipe as keywords, which replace those of ``recipe``, as in
            ``steps=50, size=400``; and ``preset``, the name of a preset, instead of ``recipe``.

    Returns:
        The painting (:attr:`Result.image`), its canvas, and every step.

    Raises:
        InputError: a picture, setting, size, weight file or device cannot be used.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    check_keywords(settings, stylize)
    _check_on_step(on_step)
    check_choice("progress", progress, (True, False))
    check_interval(checkpoint_every)
    chosen, region = with_protect(with_initial(Recipe.read(recipe, **settings), initial), protect)
    if paints_in_one_pass(chosen):
        if checkpoint is not None:
            raise InputError("instant.no-checkpoint")
        given: dict[str, Any] = {"weights": weights, "weights_input": weights_input}
        given.update(device=device, protect=region)
        one_pass = instant.prepare(content, style, chosen, initial, **given)
        with _shown(one_pass, on_step, progress) as told:
            return one_pass.paint(told)
    with memory_errors():
        # 1. Read the inputs.
        named = name_inputs(content, style, weights, weights_input, region)
        pictures = read_pictures(named, chosen)
        # 2. Plan the levels, from coarse to fine.
        planned = plan_for(pictures, chosen)
        # 3. Load the network.
        loaded = load_network(named)
        # 4. Make the first canvas.
        run = begin(chosen, named, pictures, planned, loaded, device, initial)
    if checkpoint is not None:
        path = path_of(checkpoint, "checkpoint")
        check_replaceable(path)
        save_to(run, path, checkpoint_every)
    # 5. At each level, measure the targets, and improve the canvas step by step.
    with _shown(run, on_step, progress) as told, run.painting(told) as state:
        for level in run.levels_left(state):
            run.enter(level, state)
            while state.is_within(level):
                run.step(level, state)
    # 6. Return the best canvas.
    return run.result(state)


def resume(
    checkpoint: str | os.PathLike[str],
    on_step: OnStep | None = None,
    *,
    inputs: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Result:
    """Continue an interrupted run; the result is the same as without the interruption.

    Args:
        checkpoint: the file that :func:`stylize` wrote.
        on_step: a callback for every :class:`Step`; if it returns False, the run stops.
        inputs: the folder that contains the run's pictures now; None if they have not moved, or
            have moved along with the checkpoint.
        progress: whether to show the progress of the run, as :func:`stylize` does.

    Returns:
        The painting, its canvas, and every step, including those before the interruption.

    Raises:
        InputError: the checkpoint cannot be read, or an input of the run is missing or has changed.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    _check_on_step(on_step)
    check_choice("progress", progress, (True, False))
    folder = None if inputs is None else path_of(inputs, "folder")
    run = resumed(path_of(checkpoint, "checkpoint"), folder)
    with _shown(run, on_step, progress) as told:
        return run.paint(told)


def _shown(
    run: Prepared, on_step: OnStep | None, progress: bool
) -> AbstractContextManager[OnStep | None]:
    """A context that gives the callback to paint a run with, and shows its progress if asked."""
    return showing(run.levels, run.history, on_step) if progress else nullcontext(on_step)


def _check_on_step(on_step: object) -> None:
    if on_step is not None and not callable(on_step):
        raise InputError("run.not-callable", type=type(on_step).__name__)
    if inspect.iscoroutinefunction(on_step):
        raise InputError("run.coroutine")
