"""Preparing a run: read its inputs, plan its levels, load its network, make its first canvas."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto.errors import InputError
from impasto.files import reading
from impasto.messages.message import Message
from impasto.network import devices
from impasto.network import weights as weight_files
from impasto.network.instant import load as load_networks
from impasto.network.vgg import VGG
from impasto.network.weights import Weights
from impasto.objective.cache import Measurements, measurements
from impasto.pictures import arrays, images, in_memory, inputs, sizes
from impasto.pictures.inputs import Input, Inputs, StyleSource, called
from impasto.pictures.refusals import naming
from impasto.process.memory import memory_errors
from impasto.process.notices import tell
from impasto.run import instant, levels
from impasto.run.before import Before
from impasto.run.canvas import Canvases
from impasto.run.evaluator import Evaluator
from impasto.run.levels import Level
from impasto.run.named import Named, name_inputs, read_pictures
from impasto.run.prepared import Prepared
from impasto.run.run import Run
from impasto.run.workplace import HERE, Workplace
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.validation import plain

InitialSource: TypeAlias = "images.Source | npt.ArrayLike"


@memory_errors()
def prepare(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    initial: InitialSource | None = None,
    *,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    cache_bytes: int = 0,
    workplace: Workplace = HERE,
) -> Run:
    """Prepare a run that is painted later: the first four steps of :func:`impasto.stylize`.

    Args:
        content: the content picture, as for :func:`impasto.stylize`, like the arguments below.
        style: the style picture, or several.
        recipe: the settings.
        initial: the first canvas.
        device: the device that computes.
        weights: the network's weights.
        weights_input: the input that a weight file expects.
        cache_bytes: memory for measurements that are cached for runs made by :func:`vary`.
        workplace: where the losses that compare layers are computed.

    Returns:
        The run, to be painted with :meth:`Run.paint`.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: there is not enough memory.
    """
    settings = with_initial(Recipe.read(recipe), initial)
    named = name_inputs(content, style, weights, weights_input)
    pictures = read_pictures(named, settings)
    planned = levels.plan_for(pictures, settings)
    loaded = load_network(named)
    cache = measurements(cache_bytes)
    return begin(
        settings,
        named,
        pictures,
        planned,
        loaded,
        device,
        initial,
        cache,
        workplace=workplace,
    )


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
    same = run.inputs.serve(run.named.styles_for(recipe), run.recipe, recipe)
    pictures = run.inputs if same else read_pictures(run.named, recipe)
    planned = levels.plan_for(pictures, recipe)
    device, cache = run.evaluator.device, run.cache
    return begin(recipe, run.named, pictures, planned, run.loaded, device, cache=cache)


def with_initial(recipe: Recipe, initial: InitialSource | None) -> Recipe:
    """The recipe, with a first canvas that the caller gives as a name or as the path of a picture.

    Raises:
        InputError: neither can be used.
    """
    if isinstance(initial, str | os.PathLike):
        return recipe.model_copy(update={"initial": initial})
    return recipe


def load_network(named: Named) -> Weights:
    """Load the network's weights.

    Raises:
        InputError: they cannot be read.
    """
    return weight_files.load(named.weights, named.weights_input)


def begin(  # noqa: PLR0913 – all that a run consists of
    recipe: Recipe,
    named: Named,
    pictures: Inputs,
    planned: list[Level],
    loaded: Weights,
    device: str | torch.device,
    initial: InitialSource | None = None,
    cache: Measurements | None = None,
    network: VGG | None = None,
    *,
    before: Before | None = None,
    workplace: Workplace = HERE,
) -> Run:
    """Make a run with its first canvas, and measure the targets of the level at which it begins.

    Args:
        recipe: the settings.
        named: the pictures and the weights as the caller named them.
        pictures: the pictures.
        planned: the levels, from coarse to fine.
        loaded: the network's weights.
        device: the device that computes.
        initial: the first canvas, H × W × 3 numbers, RGB 0…255 at the working size; None for the
            recipe's first canvas.
        cache: cached measurements of other runs; None for none.
        network: the network of a run with the same weights, recipe and device that is over; None
            to make one.
        before: the painting before, from which the run begins at one of the levels; None for the
            first canvas alone, at the coarsest level.
        workplace: where the losses that compare layers are computed.

    Raises:
        InputError: the device or the first canvas cannot be used.
        RunError: there is not enough memory.
    """
    cache = measurements(0) if cache is None else cache
    given = None
    if initial is not None and not isinstance(initial, str | os.PathLike):
        given = _initial_pixels(initial, planned[-1].size)
        from_memory = Input(None, None, images.digest(given))
        pictures = replace(pictures, files={**pictures.files, "initial": from_memory})
    canvases, evaluator = instruments(
        recipe, pictures, planned, loaded, device, cache, network, before, workplace
    )
    with memory_errors(evaluator.level.size):
        first = _first_canvas(canvases, planned, evaluator.level, given)
        first = canvases.continued(first, evaluator.level)
    evaluator.enter(evaluator.level, first)
    return Run(recipe, named, pictures, planned, loaded, canvases, evaluator, first, cache)


def instruments(
    recipe: Recipe,
    pictures: Inputs,
    planned: list[Level],
    loaded: Weights,
    device: str | torch.device,
    cache: Measurements,
    network: VGG | None = None,
    before: Before | None = None,
    workplace: Workplace = HERE,
) -> tuple[Canvases, Evaluator]:
    """The canvases of a run's pictures, and the evaluator of its canvases."""
    chosen = devices.choose(device, recipe.precision)
    dtype = torch.float64 if recipe.precision == "float64" else torch.float32
    canvases = Canvases(pictures, recipe, loaded.mean, chosen, dtype, before)
    first = 1 if before is None else before.level
    is_shared = any(levels.recipe_at(level, recipe).tiles for level in planned)
    if workplace.workers > 1 and not is_shared:
        tell(Message("cluster.one-machine"))
        workplace = HERE
    evaluator = Evaluator(loaded, canvases, recipe, planned, cache, network, first, workplace)
    return canvases, evaluator


def _first_canvas(
    canvases: Canvases, planned: list[Level], level: Level, given: npt.NDArray[Any] | None
) -> Tensor:
    """The first canvas, 3 × H × W at the size of a level: the recipe's, or the caller's pixels."""
    size = planned[-1].size
    if given is not None:
        pixels = given
    elif canvases.recipe.initial == "instant":
        styles = [read.style for read in canvases.inputs.styles]
        if ignored := inputs.beyond_vectors(styles):
            tell(Message("canvas.style-whole", settings=tuple(ignored)))
        pixels = instant.painted(load_networks(), canvases.inputs, canvases.recipe, size)
    else:
        return canvases.first(level)
    own = canvases.from_pixels(pixels)
    return canvases.resized(canvases.greyed(own), level.size)


def check_variation(run: Prepared, recipe: Recipe) -> None:
    """Make sure that the pictures and the network of a run suit another recipe.

    Raises:
        InputError: they do not.
    """
    if isinstance(run, Run) and not METHODS[recipe.method].one_pass:
        run.loaded.architecture.check(recipe.layers)
    named, styles = run.named, run.named.styles_for(recipe)
    for key, source in inputs.sources(named.content, styles, recipe, named.protect).items():
        file = inputs.file_of(source)
        if file is not None:
            reading.opened(file, called(key)).close()
    of_styles = [read.picture.size for read in run.inputs.styles]
    sizes.check_sizes(run.inputs.content.size, of_styles, recipe)


def _initial_pixels(initial: InitialSource, size: tuple[int, int]) -> npt.NDArray[Any]:
    """The first canvas that a caller gives, H × W × 3 at the working size, RGB 0…255."""
    if isinstance(initial, Image.Image) or reading.is_encoded(initial) or _is_integers(initial):
        picture = images.read(cast("images.Source", initial), called("initial"))
        return arrays.resize(picture.pixels, size)
    return _checked_initial(cast("npt.ArrayLike", initial), size)


def _is_integers(initial: Any) -> bool:
    """Whether a first canvas is an array of integers or of black and white, as pictures are."""
    name = str(getattr(initial, "dtype", "")).removeprefix("torch.")
    return name.startswith(("uint", "int", "bool"))


def _checked_initial(initial: npt.ArrayLike, size: tuple[int, int]) -> npt.NDArray[Any]:
    """An array of floats at the working size, which may go beyond 0…255, validated."""
    shape = (size[1], size[0], 3)
    known = hasattr(initial, "dtype")
    try:
        array: npt.NDArray[Any] = np.asarray(
            initial if isinstance(initial, np.ndarray) else plain(initial)
        )
    except (TypeError, ValueError, RuntimeError):  # lists of unequal lengths, say
        array = np.empty(0, object)
    if known and array.shape == (3, size[1], size[0]):  # a tensor of a picture
        array = np.moveaxis(array, 0, 2)
    if array.shape != shape or array.dtype.kind not in ("f" if known else "fiu"):
        if not known:
            got = type(initial).__name__
            raise InputError("canvas.not-an-array", shape=str(shape), type=got)
        kind, given = str(initial.dtype), str(tuple(initial.shape))  # type: ignore[union-attr]
        raise InputError("canvas.wrong-array", shape=str(shape), dtype=kind, given=given)
    if not np.isfinite(array).all():
        raise InputError("canvas.not-finite")
    if array.min() >= 0 and 0 < array.max() <= 1:
        tell(Message(in_memory.ZERO_ONE, picture=naming(called("initial"), None)))
        return np.asarray(array * np.float32(255))
    return array
