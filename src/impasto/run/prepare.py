"""A run made ready: its inputs read, its levels planned, its network loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.files import reading
from impasto.network import devices
from impasto.network import weights as weight_files
from impasto.network.weights import Weights
from impasto.objective.cache import Measurements, measurements
from impasto.pictures import images, inputs, sizes
from impasto.pictures.inputs import (
    Inputs,
    StyleSource,
    called,
    path_of,
    source_of,
    styles_of,
)
from impasto.process.memory import memory_errors
from impasto.run import levels
from impasto.run.canvas import Canvases
from impasto.run.evaluator import Evaluator
from impasto.run.levels import Level
from impasto.run.run import Named, Run
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.validation import plain


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
    """Make a run ready that is painted later: the first four steps of :func:`impasto.stylize`.

    Args:
        content: the content picture.
        style: the style picture, or several.
        recipe: the settings.
        initial: the first canvas.
        device: where it computes.
        weights: of the network.
        weights_input: what a weight file expects.
        cache_bytes: memory for measurements that are kept for runs made by :func:`vary`.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: there is not enough memory.
    """
    settings = Recipe.read(recipe)
    named = name_inputs(content, style, weights, weights_input)
    pictures = read_pictures(named, settings)
    planned = levels.plan_for(pictures, settings)
    loaded = load_network(named)
    cache = measurements(cache_bytes)
    return begin(settings, named, pictures, planned, loaded, device, initial, cache)


@memory_errors()
def vary(run: Run, recipe: Recipe) -> Run:
    """A run of the same pictures under another recipe; nothing is read again that need not be.

    Args:
        run: whose pictures, weights and measurements are used.
        recipe: the settings of the new one.

    Raises:
        InputError: the recipe does not go with them.
        RunError: there is not enough memory.
    """
    styles = styles_of(run.named.styles, recipe, run.named.content)
    same = run.inputs.serve(styles, run.recipe, recipe)
    pictures = run.inputs if same else inputs.read(run.named.content, styles, recipe)
    planned = levels.plan_for(pictures, recipe)
    device, cache = run.evaluator.device, run.cache
    return begin(recipe, run.named, pictures, planned, run.loaded, device, cache=cache)


def name_inputs(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    weights: str | os.PathLike[str],
    weights_input: str | None,
) -> Named:
    """What goes into a run, as it was named; nothing is read yet.

    Raises:
        InputError: something named is no picture, path or style.
    """
    picture = source_of(content, "content picture")
    styles = None if style is None else inputs.named(style)  # once, as it may give them only once
    if str(weights) != "bundled":
        weights = path_of(weights, "weight file")
    return Named(picture, styles, weights, weights_input)


def read_pictures(named: Named, recipe: Recipe) -> Inputs:
    """Every picture that goes into a run.

    Raises:
        InputError: one cannot be read, or there is no style picture.
    """
    return inputs.read(named.content, styles_of(named.styles, recipe, named.content), recipe)


def load_network(named: Named) -> Weights:
    """The network's weights.

    Raises:
        InputError: they cannot be read.
    """
    return weight_files.load(named.weights, named.weights_input)


def begin(
    recipe: Recipe,
    named: Named,
    pictures: Inputs,
    planned: list[Level],
    loaded: Weights,
    device: str | torch.device,
    initial: npt.ArrayLike | None = None,
    cache: Measurements | None = None,
) -> Run:
    """A run with its first canvas, and with the targets of its coarsest level measured.

    Args:
        recipe: the settings.
        named: what goes into the run, as it was named.
        pictures: what was read of that.
        planned: the levels, from coarse to fine.
        loaded: the network's weights.
        device: where it computes.
        initial: H × W × 3 numbers, RGB 0…255 at the working size, in place of the recipe's first
            canvas.
        cache: what other runs with those pictures have measured.

    Raises:
        InputError: the device or the first canvas cannot be used.
        RunError: there is not enough memory.
    """
    cache = measurements(0) if cache is None else cache
    canvases, evaluator = instruments(recipe, pictures, planned, loaded, device, cache)
    coarsest = planned[0]
    with memory_errors(coarsest.size):
        first = _first_canvas(canvases, planned, initial)
    evaluator.enter(coarsest)
    return Run(recipe, named, pictures, planned, loaded, canvases, evaluator, first, cache)


def instruments(
    recipe: Recipe,
    pictures: Inputs,
    planned: list[Level],
    loaded: Weights,
    device: str | torch.device,
    cache: Measurements,
) -> tuple[Canvases, Evaluator]:
    """What makes canvases of a run's pictures, and what evaluates them."""
    chosen = devices.choose(device, recipe.precision)
    dtype = torch.float64 if recipe.precision == "float64" else torch.float32
    canvases = Canvases(pictures, recipe, loaded.mean, chosen, dtype)
    return canvases, Evaluator(loaded, canvases, recipe, planned, cache)


def _first_canvas(
    canvases: Canvases, planned: list[Level], initial: npt.ArrayLike | None
) -> Tensor:
    """3 × H × W at the coarsest level: the recipe's, or one of the user's own."""
    if initial is None:
        return canvases.first(planned[0])
    own = canvases.from_pixels(_checked_initial(initial, planned[-1].size))
    return canvases.resized(canvases.greyed(own), planned[0].size)


def check_variation(run: Run, recipe: Recipe) -> None:
    """Make sure that those pictures can be painted under another recipe.

    Raises:
        InputError: they cannot.
    """
    content = run.named.content
    styles = styles_of(run.named.styles, recipe, content)
    for key, source in inputs.sources(content, styles, recipe).items():
        file = inputs.file_of(source)
        if file is not None:
            reading.opened(file, called(key)).close()
    canvas = sizes.canvas_size(run.inputs.content.size, recipe)
    for read in run.inputs.styles:
        sizes.style_size(read.picture.size, canvas, recipe)


def _checked_initial(initial: npt.ArrayLike, size: tuple[int, int]) -> npt.NDArray[Any]:
    """A first canvas of one's own as an array of floats."""
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
