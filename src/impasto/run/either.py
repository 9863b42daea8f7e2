"""Preparing a run of either kind: an optimisation, or one pass. Only the former loads torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from impasto.pictures import images
from impasto.pictures.inputs import StyleSource
from impasto.run import instant
from impasto.run.prepared import Prepared
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe, RecipeSource

if TYPE_CHECKING:
    import torch

    from impasto.run.workplace import Workplace


def paints_in_one_pass(recipe: Recipe) -> bool:
    """Whether the method of a recipe is one pass of a trained network."""
    return METHODS[recipe.method].one_pass


def prepare(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    initial: object = None,
    *,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    cache_bytes: int = 0,
    threads: int | None = None,
    workplace: Workplace | None = None,
) -> Prepared:
    """Prepare a run that is painted later; see :func:`impasto.run.prepare.prepare`.

    Args:
        content: the content picture, as for :func:`impasto.stylize`, like the arguments below.
        style: the style picture, or several.
        recipe: the settings.
        initial: the first canvas.
        device: the device that computes.
        weights: the network's weights.
        weights_input: the input that a weight file expects.
        cache_bytes: memory for measurements that are cached for runs made by :func:`vary`.
        threads: number of CPU threads of one pass; an optimisation takes PyTorch's number.
        workplace: where the losses that compare layers are computed; None for this machine.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: there is not enough memory.
    """
    settings = Recipe.read(recipe)
    given: dict[str, Any] = {"weights": weights, "weights_input": weights_input, "device": device}
    if paints_in_one_pass(settings):
        return instant.prepare(content, style, settings, initial, threads=threads, **given)
    from impasto.run import prepare as runs

    first = cast("runs.InitialSource", initial)
    if workplace is not None:
        given["workplace"] = workplace
    return runs.prepare(content, style, settings, first, cache_bytes=cache_bytes, **given)


def vary(
    run: Prepared,
    recipe: Recipe,
    device: str | torch.device = "auto",
    threads: int | None = None,
) -> Prepared:
    """Prepare a run of the same pictures with another recipe.

    Args:
        run: the run whose pictures are painted again.
        recipe: the settings of the new run.
        device: the device that computes, if ``run`` is one pass and the new run is not.
        threads: number of CPU threads of one pass; an optimisation takes PyTorch's number.

    Raises:
        InputError: the pictures cannot be painted with the recipe.
        RunError: there is not enough memory.
    """
    from impasto.run import prepare as runs
    from impasto.run.run import Run

    if not paints_in_one_pass(recipe) and isinstance(run, Run):
        return runs.vary(run, recipe)
    named = run.named
    return prepare(named.content, named.styles, recipe, device=device, threads=threads)
