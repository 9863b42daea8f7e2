"""Resuming a run from its checkpoint."""

from __future__ import annotations

import time
from pathlib import Path

from torch import Tensor

from impasto.errors import InputError, ReasonError
from impasto.files.reading import reason_of
from impasto.network import devices
from impasto.objective.cache import measurements
from impasto.objective.deferred import cut_layer
from impasto.pictures.inputs import called
from impasto.process import threads
from impasto.process.memory import memory_errors
from impasto.run import checkpoint as checkpoints
from impasto.run.checkpoint import Saved
from impasto.run.levels import plan_for
from impasto.run.named import Named, name_inputs, read_pictures
from impasto.run.prepare import instruments, load_network
from impasto.run.progress import Progress
from impasto.run.result import Step
from impasto.run.run import Run
from impasto.run.saving import save_to
from impasto.run.stand_in import StandIn
from impasto.run.workplace import HERE, Workplace
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style


@memory_errors()
def resumed(path: Path, folder: Path | None = None, workplace: Workplace = HERE) -> Run:
    """The run that a checkpoint contains, ready to continue.

    Args:
        path: path of the checkpoint.
        folder: the folder that contains the run's pictures now; None if they have not moved, or
            have moved along with the checkpoint.
        workplace: where the losses that compare layers are computed.

    Raises:
        InputError: the checkpoint cannot be read, or an input of the run is missing or has changed.
        RunError: there is not enough memory.
    """
    saved, tensors = checkpoints.read(path)
    saved = checkpoints.with_inputs_found(saved, path, folder)
    if not devices.is_offered(saved.device):
        raise InputError("checkpoint.no-device", path=path, device=saved.device)
    recipe, styles = _settings(saved, path)
    named = name_inputs(saved.content, styles, saved.weights, saved.weights_input)
    try:
        with threads.use(saved.threads):
            run = _restored(saved, tensors, recipe, named, workplace)
    except InputError:
        raise
    except (KeyError, ValueError) as error:
        if isinstance(error, KeyError):
            error = ReasonError("state.lacks", name=error.args[0])
        raise InputError("checkpoint.not-of-recipe", path=path, reason=reason_of(error)) from None
    save_to(run, path, saved.every, saved.outputs, came_from=Path(saved.folder))
    return run


def recipe_in(path: Path) -> Recipe:
    """The settings of the run that a checkpoint contains; its tensors are not read.

    Raises:
        InputError: the checkpoint cannot be read.
    """
    return _settings(checkpoints.read_saved(path), path)[0]


def _settings(saved: Saved, path: Path) -> tuple[Recipe, list[Style]]:
    """The recipe and the styles of a checkpoint.

    Raises:
        InputError: they cannot be used.
    """
    try:
        return Recipe(**saved.recipe), [Style.read(style) for style in saved.styles]
    except InputError as error:
        raise InputError("checkpoint.in-file", path=path, error=error) from None


def _restored(
    saved: Saved,
    tensors: dict[str, Tensor],
    recipe: Recipe,
    named: Named,
    workplace: Workplace,
) -> Run:
    """The run of a checkpoint, in the state in which it was saved."""
    pictures = read_pictures(named, recipe)
    planned, loaded, cache = plan_for(pictures, recipe), load_network(named), measurements(0)
    canvases, evaluator = instruments(
        recipe, pictures, planned, loaded, saved.device, cache, workplace=workplace
    )
    canvas, kept = (tensors[name].to(canvases.device) for name in ("canvas", "kept"))
    run = Run(
        recipe,
        named,
        pictures,
        planned,
        loaded,
        canvases,
        evaluator,
        canvas,
        cache,
        threads=saved.threads,
    )
    _check_inputs(run, saved)
    _check_state(run, saved, tensors)
    others = {
        name: tensor.to(canvases.device)
        for name, tensor in tensors.items()
        if name not in ("canvas", "kept")
    }
    run.progress = _progress(run, saved, canvas, kept, others)
    if saved.float32:
        evaluator.give_up_bfloat16()
    evaluator.tiles = saved.tiles
    evaluator.enter(planned[saved.level - 1], run.progress.begun)
    evaluator.restore(saved.objective, others)
    if run.progress.optimizer is not None:
        run.progress.optimizer.restore(saved.optimizer, others)
    return run


def _progress(
    run: Run, saved: Saved, canvas: Tensor, kept: Tensor, others: dict[str, Tensor]
) -> Progress:
    """The progress of a run, from the state in its checkpoint."""
    history = [Step(number, *measured) for number, measured in enumerate(saved.history, start=1)]
    level, optimizer = run.levels[saved.level - 1], None
    if saved.optimizer:
        optimizer = run.make_optimizer(canvas, level, begins=False)
    return Progress(
        canvas,
        kept,
        others["begun"] if checkpoints.holds_begun(level, saved.count) else canvas,
        optimizer,
        level=saved.level,
        count=saved.count,
        history=history,
        best=history[saved.best - 1] if saved.best else None,
        stand_in=StandIn(*saved.stand_in),
        began=time.perf_counter() - (history[-1].seconds if history else 0.0),
    )


def _check_state(run: Run, saved: Saved, tensors: dict[str, Tensor]) -> None:
    """Make sure that the state of a checkpoint fits its run.

    Raises:
        ValueError: it does not.
    """
    saved.check(run.levels)
    level = run.levels[saved.level - 1]
    cut = cut_layer(run.recipe, run.loaded.architecture)
    checkpoints.check_tensors(tensors, level, run.canvases.dtype, cut)
    if not saved.history and not tensors["canvas"].isfinite().all():
        raise ReasonError("state.not-finite")
    if any(saved.tiles) and not run.recipe.tiles:
        raise ReasonError("state.tiles")
    if saved.float32 and run.recipe.precision not in ("auto", "bfloat16"):
        raise ReasonError("state.precision")


def _check_inputs(run: Run, saved: Saved) -> None:
    """Make sure that every input is the file that the run began with.

    Raises:
        InputError: an input has changed.
        ValueError: the inputs are not those of the recipe.
    """
    paths = {key: file.path for key, file in run.inputs.files.items()}
    hashes = run.hashes()
    if saved.inputs.keys() != hashes.keys():
        raise ReasonError("state.inputs")
    for key, sha256 in saved.inputs.items():
        if hashes.get(key) != sha256:
            path = paths.get(key) or saved.weights
            raise InputError("checkpoint.input-changed", what=called(key), path=path)
