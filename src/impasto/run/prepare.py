"""Preparing a run: read its inputs, plan its levels, load its network, make its first canvas."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from impasto.errors import InputError
from impasto.files import reading
from impasto.network import devices
from impasto.network import weights as weight_files
from impasto.objective.cache import Known
from impasto.pictures import images, inputs, sizes
from impasto.pictures.inputs import (
    StyleSource,
    called,
    named,
    path_of,
    source_of,
    styles_of,
)
from impasto.process.memory import memory_errors
from impasto.run import levels
from impasto.run.canvas import Canvases
from impasto.run.evaluator import Evaluator
from impasto.run.run import Run
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.style import Style
from impasto.settings.wording import plain

Given = tuple[images.Source, tuple[Style, ...] | None]
Sources = tuple[str | os.PathLike[str], str | None]


@memory_errors()
def prepare(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    initial: npt.ArrayLike | None = None,
    *,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    cache_bytes: int = 0,
) -> Run:
    """Prepare a run, up to its first canvas and the targets of its coarsest level.

    Args:
        content: the content picture, as for :func:`impasto.stylize`, like the arguments below.
        style: the style picture, or several.
        recipe: the settings.
        initial: the first canvas.
        device: the device that computes.
        weights: the network's weights.
        weights_input: the input that a weight file expects.
        cache_bytes: memory for measurements that are cached for runs made by :func:`vary`.

    Returns:
        The run, to be painted with :meth:`Run.paint`.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: there is not enough memory.
    """
    run = _made(
        *_checked(content, style, recipe, weights, weights_input),
        device=device,
        cache=Known(cache_bytes),
    )
    return _with_first_canvas(run, initial)


@memory_errors()
def vary(run: Run, recipe: Recipe) -> Run:
    """Prepare a run of the same pictures with another recipe, reading again only what it must.

    Args:
        run: the run whose pictures, weights and cached measurements are reused.
        recipe: the settings of the new run.

    Raises:
        InputError: the pictures cannot be painted with the recipe.
        RunError: there is not enough memory.
    """
    made = _made(
        recipe, run.given, run.sources, device=run.evaluator.device, cache=run.cache, like=run
    )
    return _with_first_canvas(made, None)


def restorable(
    content: images.Source,
    styles: tuple[Style, ...],
    recipe: Recipe,
    *,
    device: str,
    weights: str,
    weights_input: str | None,
) -> Run:
    """A run without a first canvas and targets, into which a checkpoint's state is restored."""
    checked = _checked(content, styles, recipe, weights, weights_input)
    return _made(*checked, device=device, cache=Known(0))


def _checked(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    recipe: RecipeSource | None,
    weights: str | os.PathLike[str],
    weights_input: str | None,
) -> tuple[Recipe, Given, Sources]:
    """The settings, the pictures as the caller named them, and the source of the weights."""
    settings = Recipe.read(recipe)
    picture = source_of(content, "content picture")
    styles = None if style is None else named(style)  # read once: it may be an iterator
    if str(weights) != "bundled":
        weights = path_of(weights, "weight file")
    return settings, (picture, styles), (weights, weights_input)


def _made(
    recipe: Recipe,
    given: Given,
    sources: Sources,
    *,
    device: str | torch.device,
    cache: Known,
    like: Run | None = None,
) -> Run:
    """A run without a first canvas and targets."""
    # 1. Read the inputs.
    content, named_styles = given
    styles = styles_of(named_styles, recipe, content)
    if like is not None and like.inputs.serve(styles, like.recipe, recipe):
        read = like.inputs
    else:
        read = inputs.read(content, styles, recipe)
    # 2. Plan the levels, from coarse to fine.
    size = sizes.canvas_size(read.content.size, recipe)
    style_sizes = [sizes.style_size(style.picture.size, size, recipe) for style in read.styles]
    planned = levels.plan(size, style_sizes, recipe)
    # 3. Load the network.
    loaded = like.loaded if like is not None else weight_files.load(*sources)
    canvases = Canvases(
        read,
        recipe,
        loaded.mean,
        devices.choose(device, recipe.precision),
        torch.float64 if recipe.precision == "float64" else torch.float32,
    )
    return Run(
        recipe=recipe,
        inputs=read,
        given=given,
        sources=sources,
        size=size,
        output_size=sizes.output_size(read.content.size, size, recipe),
        levels=planned,
        loaded=loaded,
        canvases=canvases,
        cache=cache,
        evaluator=Evaluator(loaded, canvases, recipe, planned, cache),
        first_canvas=torch.empty(0),
    )


def _with_first_canvas(run: Run, initial: npt.ArrayLike | None) -> Run:
    """Make the first canvas of a run, and measure the targets of its coarsest level."""
    coarsest, canvases = run.levels[0], run.canvases
    with memory_errors(coarsest.size):
        if initial is None:
            run.first_canvas = canvases.first(coarsest)
        else:
            own = canvases.from_pixels(_checked_initial(initial, run.size))
            run.first_canvas = canvases.resized(canvases.greyed(own), coarsest.size)
    run.evaluator.enter(coarsest)
    return run


def check_variation(run: Run, recipe: Recipe) -> None:
    """Make sure that the pictures of a run can be painted with another recipe.

    Raises:
        InputError: they cannot.
    """
    content, style = run.given
    styles = styles_of(style, recipe, content)
    for key, source in inputs.sources(content, styles, recipe).items():
        file = inputs.file_of(source)
        if file is not None:
            reading.opened(file, called(key)).close()
    canvas = sizes.canvas_size(run.inputs.content.size, recipe)
    for read in run.inputs.styles:
        sizes.style_size(read.picture.size, canvas, recipe)


def _checked_initial(initial: npt.ArrayLike, size: tuple[int, int]) -> npt.NDArray[Any]:
    """The first canvas that a caller gives, validated, as an array of numbers."""
    shape = (size[1], size[0], 3)
    known = hasattr(initial, "dtype")
    try:
        array = np.asarray(initial if isinstance(initial, np.ndarray) else plain(initial))
    except (TypeError, ValueError, RuntimeError):  # lists of unequal lengths, say
        array = np.empty(0, object)
    if array.shape != shape or array.dtype.kind not in ("f" if known else "fiu"):
        got = (
            f"an array of {initial.dtype} with shape {tuple(initial.shape)}"  # type: ignore[union-attr]
            if known
            else type(initial).__name__
        )
        raise InputError(f"The initial canvas should be floats of shape {shape}, not {got}.")
    if not np.isfinite(array).all():
        raise InputError("The initial canvas holds NaN or infinity.")
    return array
