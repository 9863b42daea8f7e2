"""A run: two pictures and a recipe in, a painting out."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto._version import __version__
from impasto.errors import InputError, RunError, StoppedError
from impasto.files import reading
from impasto.files.writing import (
    CHECKPOINT_EVERY,
    check_apart,
    check_interval,
    check_writable,
    shown,
)
from impasto.network import devices
from impasto.network import weights as weight_files
from impasto.network.weights import Weights
from impasto.objective.cache import KNOWN_BYTES, Known
from impasto.objective.deferred import cut_for
from impasto.objective.objective import Evaluation, follows_stand_in
from impasto.optim.optimizers import (
    LBFGS,
    Adam,
    Numbers,
    Optimizer,
    history_for,
    is_stalled,
)
from impasto.optim.preconditioner import Spectrum
from impasto.pictures import images, inputs, sizes
from impasto.pictures.inputs import (
    Inputs,
    StyleSource,
    called,
    named,
    path_of,
    source_of,
    styles_of,
)
from impasto.process import interrupts, threads
from impasto.process.memory import is_out_of_memory, memory_errors
from impasto.process.notices import tell
from impasto.run import checkpoint as checkpoints
from impasto.run import levels
from impasto.run.canvas import Canvases
from impasto.run.checkpoint import Saved, Saving
from impasto.run.evaluator import Evaluator
from impasto.run.levels import Level
from impasto.run.result import ASKED_TO_STOP, INTERRUPTED, Easel, OnStep, Result, Step, finish
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.style import Style, absolute
from impasto.settings.wording import plain

STAND_IN = 2 / 3  # share of the finest level's steps that follow the stand-in for the style loss


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
        style: likewise, or a :class:`Style` that says more, or several of those; a text is read as
            on the command line, as in ``"oil.jpg:0.7,mask=sky.png"``. None means the recipe's
            styles.
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
        checkpoint = path_of(checkpoint, "checkpoint")
        checkpoints.check_replaceable(checkpoint)
        run.save_to(checkpoint, checkpoint_every)
    return run.paint(on_step)


def resume(
    checkpoint: str | os.PathLike[str],
    on_step: OnStep | None = None,
    *,
    inputs: str | os.PathLike[str] | None = None,
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
    _check_on_step(on_step)
    folder = None if inputs is None else path_of(inputs, "folder")
    return Run.resumed(path_of(checkpoint, "checkpoint"), folder).paint(on_step)


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
            if plain(answer) is False:
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

    @memory_errors()
    def __init__(
        self,
        content: images.Source,
        style: StyleSource | Iterable[StyleSource] | None = None,
        recipe: RecipeSource | None = None,
        initial: npt.ArrayLike | None = None,
        *,
        device: str | torch.device = "auto",
        weights: str | os.PathLike[str] = "bundled",
        weights_input: str | None = None,
        varies: bool = False,
        _checkpoint: tuple[Saved, dict[str, Tensor]] | None = None,
        _like: Run | None = None,
    ) -> None:
        self.recipe = recipe = Recipe.read(recipe)
        content = source_of(content, "content picture")
        given = None if style is None else named(style)  # once, as it may give them only once
        if str(weights) != "bundled":
            weights = path_of(weights, "weight file")
        self._pictures, self._sources = (content, given), (weights, weights_input)
        styles = styles_of(given, recipe, content)
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
        self.levels = levels.plan(self.size, style_sizes, recipe)
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
        self._threads: int | None = None  # as many as there are
        if _checkpoint is not None:
            self._threads = _checkpoint[0].threads
            with threads.use(self._threads):
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
        styles = styles_of(style, recipe, content)
        for key, source in inputs.sources(content, styles, recipe).items():
            file = inputs.file_of(source)
            if file is not None:
                reading.opened(file, called(key)).close()
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
    @memory_errors()
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
                f"The run in {shown(path)} computes on {shown(saved.device)}, which this machine "
                "does not offer: go on with it where it was begun, or start it anew."
            )
        try:
            recipe = Recipe(**saved.recipe)
            styles = [Style.read(style) for style in saved.styles]
        except InputError as error:
            raise InputError(f"In the checkpoint {shown(path)}: {error}") from None
        try:
            run = cls(
                saved.content,
                styles,
                recipe,
                device=saved.device,
                weights=saved.weights,
                weights_input=saved.weights_input,
                _checkpoint=(saved, tensors),
            )
        except InputError:
            raise
        except (KeyError, ValueError) as error:
            missing = isinstance(error, KeyError)
            reason = f"it lacks {error}" if missing else error
            raise InputError(
                f"The checkpoint {shown(path)} does not hold a run of its recipe ({reason}): start "
                "the run anew."
            ) from None
        run.save_to(path, saved.every, saved.outputs)
        assert run._saving is not None  # noqa: S101 – it was set by the line before
        run._saving.came_from = Path(saved.folder)
        return run

    def _restore(self, saved: Saved, tensors: dict[str, Tensor]) -> None:
        """Take up a state."""
        self._check_inputs(saved)
        self._check_state(saved, tensors)
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

    def _check_state(self, saved: Saved, tensors: dict[str, Tensor]) -> None:
        """Make sure that a state is one of this run.

        Raises:
            ValueError: it is not.
        """
        saved.check(self.levels)
        level = self.levels[saved.level - 1]
        checkpoints.check_tensors(tensors, level, self._canvases.dtype, cut_for(self.recipe))
        if not saved.history and not tensors["canvas"].isfinite().all():
            raise ValueError("its canvas holds NaN or infinity")
        if any(saved.tiles) and not self.recipe.tiles:
            raise ValueError("it has tiles")
        if saved.float32 and not self._rounds_too_much():
            raise ValueError("it has given up another precision")

    def _check_inputs(self, saved: Saved) -> None:
        """Make sure that every input is the file that the run began with."""
        paths = {key: file.path for key, file in self.inputs.files.items()}
        hashes = self._hashes()
        if saved.inputs.keys() != hashes.keys():
            raise ValueError("its inputs are not those of its recipe")
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
        checkpoint = check_writable(reading.located(checkpoint))
        for key, file in self.inputs.files.items():
            if file.path is None:
                raise InputError(
                    f"A checkpoint needs a {called(key)} that is a file, to find it again."
                )
        check_apart(self.files, [checkpoint])
        torch.set_num_threads(torch.get_num_threads())  # as a resumed run does, for the same bytes
        self._saving = Saving(checkpoint.absolute(), every, outputs or {}, is_given_up=is_given_up)

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

        Ctrl-C in a Python session interrupts it, and a
        :func:`impasto.process.interrupts.scope` that asks to.

        Painted again, a run paints the same again; one that was taken up from a checkpoint goes on
        from where it is. A canvas of which the loss is not finite is no step: L-BFGS tries a
        shorter one in its place, and the run ends where that does not help.

        Raises:
            RunError: it ran out of memory, or its first loss was not finite.
            StoppedError: it was interrupted before its first step.
        """
        with memory_errors(self.size), threads.use(self._threads):
            return self._paint(on_step)

    def _paint(self, on_step: OnStep | None) -> Result:
        if self._progress is None:
            self.evaluator.start()
        progress = self._progress or Progress(self.first_canvas, self.first_canvas)
        progress.on_step, progress.stopped = on_step, None
        with interrupts.ctrl_c_asks():
            try:
                self._paint_levels(progress)
            except StoppedError:
                if progress.best is None:
                    raise
                progress.stopped = INTERRUPTED
            except KeyboardInterrupt:  # in the midst of anything, so that it is not saved
                if progress.best is None or interrupts.is_asked():
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
            history=list(progress.history),
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
                self._step_back(progress)
                if progress.stopped is not None:
                    return
                continue
            if progress.optimizer is None:
                progress.optimizer = make_optimizer(self.recipe, canvas, level)
            if progress.count == first_steps:
                progress.optimizer.change_loss()
            allowed, turn = self._canvases.allowed, measured.turn
            updated = progress.optimizer.step(
                canvas,
                measured.followed,
                allowed(measured.gradient),
                measured.correction,
                None if turn is None else allowed(turn),
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
            self._leave_bfloat16(progress)
            if progress.stopped is not None:
                return
            self._save(progress)

    def _step_back(self, progress: Progress) -> None:
        """Try a shorter step than one whose loss is not finite, which is none of the run's steps.

        Where there is no shorter one, the run ends.
        """
        shorter = None if progress.optimizer is None else progress.optimizer.step_back()
        if shorter is None:
            progress.stopped = f"the loss of step {len(progress.history) + 1} is not finite"
            return
        progress.canvas = shorter
        self._leave_bfloat16(progress)
        self._save(progress)

    def _leave_bfloat16(self, progress: Progress) -> None:
        """Go on in float32 from the best canvas, where the optimiser finds no way in bfloat16."""
        if self._rounds_too_much() and progress.optimizer and is_stalled(progress.optimizer):
            self.evaluator.use_float32()
            progress.canvas, progress.optimizer = progress.kept, None

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
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise  # but not a ValueError, of a name that is no Unicode
            self._saving = None
            reason = getattr(error, "strerror", None) or "it cannot be written"
            tell(
                f"The run is not saved any more: {shown(saving.path)}: {reason}.",
                stacklevel=2,
            )

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be painted of a run that was taken up from a checkpoint."""
        return self._progress is not None and self._is_done(self._progress)

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


def _check_on_step(on_step: object) -> None:
    if on_step is not None and not callable(on_step):
        raise InputError(
            f"on_step should be a function of a step, not {type(on_step).__name__}: give one, or "
            "None."
        )
    if inspect.iscoroutinefunction(on_step):
        raise InputError("on_step is a coroutine, which nobody would await: give a function.")


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
