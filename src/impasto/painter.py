"""A run: two pictures and a recipe in, a painting out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto import __version__, devices, images, inputs, pyramid, reading, sizes, stopping
from impasto import checkpoint as checkpoints
from impasto import weights as weight_files
from impasto.canvases import Canvases
from impasto.checkpoint import Saved, Saving
from impasto.errors import InputError, RunError, StoppedError
from impasto.evaluator import Evaluator, memory_errors
from impasto.files import CHECKPOINT_EVERY, check_interval, check_writable, shown
from impasto.inputs import Inputs, StyleSource, called, styles_of
from impasto.notes import tell
from impasto.objective import Evaluation, follows_stand_in
from impasto.optimizers import (
    LBFGS,
    Adam,
    Numbers,
    Optimizer,
    history_for,
    is_stalled,
)
from impasto.pyramid import Level
from impasto.recipe import Recipe
from impasto.result import ASKED_TO_STOP, INTERRUPTED, Easel, OnStep, Result, Step, finish
from impasto.spectrum import Spectrum
from impasto.store import KNOWN_BYTES, Known
from impasto.styles import Style, absolute
from impasto.weights import Weights

STAND_IN = 2 / 3  # share of the finest level's steps that follow the stand-in for the style loss


def stylize(
    content: images.Source,
    style: StyleSource | Sequence[StyleSource] | None = None,
    recipe: Recipe | None = None,
    initial: npt.NDArray[np.floating[Any]] | None = None,
    on_step: OnStep | None = None,
    *,
    device: str = "auto",
    weights: str | Path = "bundled",
    weights_input: str | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Result:
    """Paint the content of one picture in the style of another, or of several.

    Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576.

    Args:
        content: a path, a PIL image, or an H × W × 3 uint8 array (RGB).
        style: likewise, or a :class:`Style` that says more, or a list of those; None means the
            recipe's styles.
        recipe: the settings; None means the preset ``default``.
        initial: H × W × 3 floats, RGB 0…255 at the working size, in place of the recipe's first
            canvas.
        on_step: called after every step; may return False to stop.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file (see :func:`impasto.weights.load`).
        weights_input: what a weight file expects, ``caffe`` or ``torchvision``.
        checkpoint: file to which the run is saved, for :func:`resume`; both pictures must be files.
        checkpoint_every: seconds from one time to the next.

    Raises:
        InputError: a picture, size, weight file or device cannot be used.
        RunError: the run ran out of memory, or its first loss was not finite.
    """
    run = Run(
        content,
        style,
        recipe,
        initial,
        device=device,
        weights=weights,
        weights_input=weights_input,
    )
    if checkpoint is not None:
        checkpoints.check_replaceable(checkpoint)
        run.save_to(checkpoint, checkpoint_every)
    return run.paint(on_step)


def resume(
    checkpoint: str | Path, on_step: OnStep | None = None, *, inputs: str | Path | None = None
) -> Result:
    """Go on with a run that was stopped; the result is that of one that never was.

    Args:
        checkpoint: what :func:`stylize` wrote.
        on_step: as there.
        inputs: folder in which the run's pictures are now; None where they are as they were, or
            have moved along with the checkpoint.

    Raises:
        InputError: it cannot be read, or an input of the run has changed.
        RunError: as for :func:`stylize`.
    """
    folder = None if inputs is None else Path(inputs)
    return Run.resumed(Path(checkpoint), folder).paint(on_step)


@dataclass
class Progress:
    """What a run has come to.

    Attributes:
        canvas: what is evaluated next, at the size of its level.
        kept: the canvas to be kept so far, at the size of its level.
        optimizer: of the level; None before the first step at it.
        on_step: called with every step.
        level: number of the level.
        count: evaluations done at it.
        history: every step so far.
        best: the best of the level.
        stopped: why the run ends before its last step.
        began: when, by the clock of :func:`time.perf_counter`.
    """

    canvas: Tensor
    kept: Tensor
    optimizer: Optimizer | None = None
    on_step: OnStep | None = None
    level: int = 1
    count: int = 0
    history: list[Step] = field(default_factory=list)
    best: Step | None = None
    stopped: str | None = None
    easel: Easel = field(default_factory=Easel)
    began: float = field(default_factory=time.perf_counter)

    def enter(self, level: Level, canvas: Tensor) -> None:
        """Go on at another level, from that canvas."""
        self.canvas, self.optimizer = canvas, None
        self.level, self.count = level.number, 0

    def record(
        self,
        measured: Evaluation,
        *,
        kept: Tensor,
        look: Callable[[], Image.Image],
    ) -> None:
        """Take down a step, keep its canvas if it is the best of its level, and tell of it.

        Args:
            measured: what the step measured.
            kept: the canvas to keep if the step is the best.
            look: shows the step's canvas after its update.
        """
        seconds = time.perf_counter() - self.began
        number = len(self.history) + 1
        losses = (measured.loss, measured.content, measured.style)
        step = Step(number, *losses, seconds, self.level, self.easel)
        self.history.append(step)
        self.count += 1
        if self.best is None or self.count == 1 or step.loss < self.best.loss:
            self.best, self.kept = step, kept
        self.easel.number, self.easel.look = number, look
        self._tell(step)

    def _tell(self, step: Step) -> None:
        """Tell of a step, and hear whether it is to be the last."""
        try:
            answer = self.on_step(step) if self.on_step is not None else None
        except (KeyboardInterrupt, StoppedError):
            self.stopped = INTERRUPTED
        else:
            if isinstance(answer, bool | np.bool_) and not answer:
                self.stopped = ASKED_TO_STOP


class Run:
    """A run made ready: every input checked, the targets measured, the first canvas laid out.

    The arguments are those of :func:`stylize`, and whether the run is the first of several that
    :meth:`varied` makes: what it measures is then kept for them.

    Attributes:
        recipe: the settings.
        inputs: its pictures.
        size: width and height of the canvas, in pixels.
        output_size: width and height of the result.
        levels: the sizes that the canvas goes through.
        evaluator: measures canvases, at first those of the coarsest level.
        weights: name and SHA-256 of the network's.
        loaded: those weights.
        first_canvas: 3 × H × W at the coarsest level, RGB 0…255 with the network's mean taken away.
    """

    def __init__(
        self,
        content: images.Source,
        style: StyleSource | Sequence[StyleSource] | None = None,
        recipe: Recipe | None = None,
        initial: npt.NDArray[np.floating[Any]] | None = None,
        *,
        device: str = "auto",
        weights: str | Path = "bundled",
        weights_input: str | None = None,
        varies: bool = False,
        _checkpoint: tuple[Saved, dict[str, Tensor]] | None = None,
        _like: Run | None = None,
    ) -> None:
        self.recipe = recipe = Recipe() if recipe is None else recipe
        self._pictures, self._sources = (content, style), (weights, weights_input)
        styles = styles_of(style, recipe, content)
        self.inputs: Inputs = (
            _like.inputs
            if _like is not None and _like.inputs.serve(styles, _like.recipe, recipe)
            else inputs.read(content, styles, recipe)
        )
        self.size = sizes.canvas_size(self.inputs.content.size, recipe)
        self.output_size = sizes.output_size(self.inputs.content.size, self.size, recipe)
        style_sizes = [
            sizes.style_size(read.picture.size, self.size, recipe) for read in self.inputs.styles
        ]
        self.levels = pyramid.plan(self.size, style_sizes, recipe)
        self.loaded: Weights = (
            weight_files.load(weights, weights_input) if _like is None else _like.loaded
        )
        loaded = self.loaded
        self.weights = (loaded.name, loaded.sha256)
        self._canvases = Canvases(
            self.inputs,
            recipe,
            loaded.mean,
            devices.choose(device, recipe.precision),
            torch.float64 if recipe.precision == "float64" else torch.float32,
        )
        self._saving: Saving | None = None
        self._progress: Progress | None = None
        self._known: Known = Known(KNOWN_BYTES if varies else 0) if _like is None else _like._known
        self.evaluator = Evaluator(loaded, self._canvases, recipe, self.levels, self._known)
        if _checkpoint is not None:
            self._restore(*_checkpoint)
            return
        coarsest = self.levels[0]
        with memory_errors(coarsest.size):
            self.first_canvas = (
                self._canvases.first(coarsest)
                if initial is None
                else self._canvases.resized(
                    self._canvases.greyed(
                        self._canvases.from_pixels(_checked_initial(initial, self.size))
                    ),
                    coarsest.size,
                )
            )
        self.evaluator.enter(coarsest)

    def check(self, recipe: Recipe) -> None:
        """Make sure that those pictures can be painted under another recipe.

        Raises:
            InputError: they cannot.
        """
        content, style = self._pictures
        styles_of(style, recipe, content)
        canvas = sizes.canvas_size(self.inputs.content.size, recipe)
        for read in self.inputs.styles:
            sizes.style_size(read.picture.size, canvas, recipe)

    def varied(self, recipe: Recipe) -> Run:
        """The same pictures under another recipe; nothing is read again that need not be.

        Raises:
            InputError: the recipe does not go with them.
        """
        content, style = self._pictures
        weights, weights_input = self._sources
        return Run(
            content,
            style,
            recipe,
            device=str(self.evaluator.device),
            weights=weights,
            weights_input=weights_input,
            _like=self,
        )

    @classmethod
    def resumed(cls, path: Path, folder: Path | None = None) -> Run:
        """The run that a checkpoint holds, to go on where it was.

        Args:
            path: of the checkpoint.
            folder: where the run's pictures are now.

        Raises:
            InputError: it cannot be read, or an input of the run is missing or has changed.
        """
        saved, tensors = checkpoints.read(path)
        saved = checkpoints.with_inputs_found(saved, path, folder)
        if not devices.is_offered(saved.device):
            raise InputError(
                f"The run in {shown(path)} computes on '{saved.device}', which this machine does "
                "not offer: go on with it where it was begun, or start it anew."
            )
        try:
            run = cls(
                saved.content,
                [Style.read(style) for style in saved.styles],
                Recipe(**saved.recipe),
                device=saved.device,
                weights=saved.weights,
                weights_input=saved.weights_input,
                _checkpoint=(saved, tensors),
            )
        except KeyError:
            raise InputError(
                f"The checkpoint {shown(path)} is incomplete: start the run anew."
            ) from None
        run.save_to(path, saved.every, saved.outputs)
        assert run._saving is not None  # noqa: S101 – it was set by the line before
        run._saving.came_from = Path(saved.folder)
        return run

    def _restore(self, saved: Saved, tensors: dict[str, Tensor]) -> None:
        """Take up a state."""
        self._check_inputs(saved)
        torch.set_num_threads(saved.threads)
        if saved.float32:
            self.evaluator.give_up_bfloat16()
        self.evaluator.tiles = saved.tiles
        device = self._canvases.device
        tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        canvas, kept = tensors.pop("canvas"), tensors.pop("kept")
        self.first_canvas = canvas
        history = [
            Step(number, *measured) for number, measured in enumerate(saved.history, start=1)
        ]
        optimizer = None
        if saved.optimizer:
            optimizer = make_optimizer(self.recipe, canvas, self.levels[saved.level - 1])
            optimizer.restore(saved.optimizer, tensors)
        self._progress = Progress(
            canvas,
            kept,
            optimizer,
            level=saved.level,
            count=saved.count,
            history=history,
            best=history[saved.best - 1] if saved.best else None,
            began=time.perf_counter() - (history[-1].seconds if history else 0.0),
        )
        self.evaluator.enter(self.levels[saved.level - 1])
        if self.evaluator.deferred is not None:
            self.evaluator.deferred.restore(saved.deferred, tensors)

    def _check_inputs(self, saved: Saved) -> None:
        """Make sure that every input is the file that the run began with."""
        paths = {key: file.path for key, file in self.inputs.files.items()}
        hashes = self._hashes()
        for key, sha256 in saved.inputs.items():
            if hashes.get(key) != sha256:
                raise InputError(
                    f"The {called(key)} {shown(paths.get(key) or saved.weights)} has changed since "
                    "the checkpoint was written: bring the old one back, or start the run anew."
                )

    @property
    def history(self) -> list[Step]:
        """Every step so far; where a run goes on from a checkpoint, those before it."""
        return self._progress.history if self._progress else []

    def save_to(
        self,
        checkpoint: str | Path,
        every: float = CHECKPOINT_EVERY,
        outputs: dict[str, Any] | None = None,
        is_given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Save the run to a checkpoint before its first step, now and then, and at its end.

        Args:
            checkpoint: the file.
            every: seconds from one time to the next.
            outputs: what the caller wants to find again in it.
            is_given_up: whether nobody will go on with the run, so that it need not be saved.

        Raises:
            InputError: a picture is no file, so it could not be found again, or the interval is no
                number of seconds.
        """
        check_interval(every)
        for key, file in self.inputs.files.items():
            if file.path is None:
                raise InputError(
                    f"A checkpoint needs a {called(key)} that is a file, to find it again."
                )
        for path in self.files:
            if Path(checkpoint).resolve() == path.resolve():
                raise InputError(
                    f"The checkpoint would replace {shown(path)}, an input of the run: choose "
                    "another name."
                )
        torch.set_num_threads(torch.get_num_threads())  # as a resumed run does, for the same bytes
        path = check_writable(reading.located(checkpoint)).absolute()
        self._saving = Saving(path, every, outputs or {}, is_given_up=is_given_up)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that goes into the run."""
        weights = self._sources[0]
        named = [file.path for file in self.inputs.files.values()]
        named += [Path(weights)] if str(weights) != "bundled" else []
        return tuple(path for path in named if path is not None)

    def _hashes(self) -> dict[str, str]:
        """SHA-256 of everything that goes into the run."""
        files = {key: file.sha256 for key, file in self.inputs.files.items()}
        return {**files, "weights": self.weights[1]}

    @property
    def saving(self) -> Saving | None:
        """Where and how often the run is saved, if it is."""
        return self._saving

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Run every step of the recipe, until ``on_step`` returns False or the run is interrupted.

        Ctrl-C in a Python session interrupts it, and a :func:`impasto.stopping.scope` that asks to.

        Raises:
            RunError: it ran out of memory, or its first loss was not finite.
            StoppedError: it was interrupted before its first step.
        """
        progress = self._progress or Progress(self.first_canvas, self.first_canvas)
        progress.on_step = on_step
        with stopping.ctrl_c_asks():
            try:
                self._paint_levels(progress)
            except StoppedError:
                if progress.best is None:
                    raise
                progress.stopped = INTERRUPTED
            except KeyboardInterrupt:  # in the midst of anything, so that it is not saved
                if progress.best is None or stopping.is_asked():
                    raise
                self._saving, progress.stopped = None, INTERRUPTED
            self._save(progress, at_once=True)
        progress.easel.look = None
        if progress.best is None:
            raise RunError(
                "The loss of the first canvas is not finite: choose smaller layer weights, alpha "
                "or beta, or another first canvas."
            )
        return Result(
            canvas=self._canvases.to_pixels(self._canvases.resized(progress.kept, self.size)),
            history=progress.history,
            best=progress.best,
            recipe=self.recipe,
            inputs=self.inputs,
            weights=self.weights,
            stopped=progress.stopped,
        )

    def _paint_levels(self, progress: Progress) -> None:
        """Improve the canvas from one size to the next."""
        self._save(progress)
        for level in self.levels[progress.level - 1 :]:
            if level != self.evaluator.level:
                self.evaluator.enter(level)
            with memory_errors(level.size):
                if level.number != progress.level:
                    progress.enter(level, self._canvases.resized(progress.kept, level.size))
                self._paint_level(level, progress)
            if progress.stopped is not None:
                return

    def _paint_level(self, level: Level, progress: Progress) -> None:
        """Improve the canvas at one size."""
        keep_updated = self.recipe.keep == "updated" and self.recipe.optimizer == "adam"
        first_steps = self._stand_in_steps(level)
        while progress.count < level.steps:
            canvas = progress.canvas
            last, stand_in = progress.count == level.steps - 1, progress.count < first_steps
            measured = self.evaluator(canvas, exactly=last, stand_in=stand_in)
            if not measured.is_finite():
                progress.stopped = f"the loss of step {len(progress.history) + 1} is not finite"
                return
            if progress.optimizer is None:
                progress.optimizer = make_optimizer(self.recipe, canvas, level)
            if progress.count == first_steps:
                progress.optimizer.change_loss()
            gradient = self._canvases.allowed(measured.gradient)
            updated = progress.optimizer.step(
                canvas, measured.followed, gradient, measured.correction
            )
            following = canvas if updated is None else updated
            progress.canvas = following
            progress.record(
                measured,
                kept=following if keep_updated else canvas,
                look=partial(self._finished, following),
            )
            if updated is None and stand_in:
                progress.count = first_steps
            elif updated is None:
                progress.count = level.steps
                return
            if self._rounds_too_much() and is_stalled(progress.optimizer):
                self.evaluator.use_float32()
                progress.canvas, progress.optimizer = progress.kept, None
            if progress.stopped is not None:
                return
            self._save(progress)

    def _stand_in_steps(self, level: Level) -> int:
        """How many steps of a level, its first, follow the stand-in for the style loss."""
        if not follows_stand_in(self.recipe):
            return 0
        return level.steps if level.number < len(self.levels) else round(STAND_IN * level.steps)

    def _rounds_too_much(self) -> bool:
        return self.evaluator.arithmetic.dtype == torch.bfloat16

    def _save(self, progress: Progress, *, at_once: bool = False) -> None:
        """Write a checkpoint if one is due; a run goes on without one that cannot be written."""
        saving = self._saving
        if saving is None or saving.is_given_up() or not (at_once or saving.is_due()):
            return
        optimizer, deferred = progress.optimizer, self.evaluator.deferred
        if self._is_done(progress):
            optimizer, deferred = None, None
        numbers, tensors = optimizer.state() if optimizer else ({}, {})
        estimates, maps = deferred.state() if deferred else ({}, {})
        try:
            saving.save(
                self._state(progress, numbers, estimates, saving),
                {**tensors, **maps, "canvas": progress.canvas, "kept": progress.kept},
            )
        except StoppedError:
            return
        except (OSError, ValueError) as error:  # the latter of a name that is no Unicode
            self._saving = None
            reason = getattr(error, "strerror", None) or "it cannot be written"
            tell(
                f"The run is not saved any more: {shown(saving.path)}: {reason}.",
                stacklevel=2,
            )

    def _is_done(self, progress: Progress) -> bool:
        return progress.level == len(self.levels) and progress.count == self.levels[-1].steps

    def _state(
        self, progress: Progress, numbers: Numbers, estimates: Numbers, saving: Saving
    ) -> Saved:
        weights, weights_input = self._sources
        recipe = self.recipe.model_dump(mode="json", exclude={"styles"})
        for key in ("initial", "protect"):
            if key in self.inputs.files:
                recipe[key] = absolute(recipe[key])
        return Saved(
            impasto=__version__,
            recipe=recipe,
            content=absolute(self.files[0]),
            styles=[read.style.absolute().to_table() for read in self.inputs.styles],
            inputs=self._hashes(),
            weights="bundled" if str(weights) == "bundled" else absolute(weights),
            weights_input=weights_input,
            device=str(self._canvases.device),
            threads=torch.get_num_threads(),
            float32=self.evaluator.fell_back,
            level=progress.level,
            count=progress.count,
            tiles=self.evaluator.tiles,
            history=[
                (step.loss, step.content, step.style, step.seconds, step.level)
                for step in progress.history
            ],
            best=progress.best.number if progress.best else 0,
            done=self._is_done(progress),
            optimizer=numbers,
            deferred=estimates,
            every=saving.every,
            outputs=saving.outputs,
            folder=str(saving.path.parent),
        )

    def _finished(self, canvas: Tensor) -> Image.Image:
        pixels = self._canvases.to_pixels(canvas)
        return finish(pixels, self.output_size, self.recipe.color, self.inputs)


def make_optimizer(recipe: Recipe, canvas: Tensor, level: Level) -> Optimizer:
    """The optimiser that a recipe names, for canvases of a level like that one (3 × H × W).

    A first canvas differs from the painting as pictures do, most at low frequencies; one that comes
    from a coarser level does not.
    """
    if recipe.optimizer == "adam":
        return Adam(recipe.learning_rate)
    height, width = canvas.shape[1:]
    falloff = 0.8 if level.number == 1 else 0.0
    return LBFGS(
        recipe.learning_rate,
        history_for(canvas.numel() * canvas.element_size()),
        Spectrum(height, width, falloff, device=canvas.device, dtype=canvas.dtype),
    )


def _checked_initial(
    initial: npt.NDArray[np.floating[Any]], size: tuple[int, int]
) -> npt.NDArray[np.floating[Any]]:
    shape = (size[1], size[0], 3)
    if not isinstance(initial, np.ndarray) or initial.shape != shape or initial.dtype.kind != "f":
        got = (
            f"an array of {initial.dtype} with shape {initial.shape}"
            if isinstance(initial, np.ndarray)
            else type(initial).__name__
        )
        raise InputError(f"The initial canvas should be floats of shape {shape}, not {got}.")
    if not np.isfinite(initial).all():
        raise InputError("The initial canvas holds NaN or infinity.")
    return initial
