"""A run: two pictures and a recipe in, a painting out."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto import __version__, devices, forecast, images, palette, pyramid, sizes, tiles
from impasto import checkpoint as checkpoints
from impasto import weights as weight_files
from impasto.canvases import SMALLEST_STYLE_VARIANCE, noise, recolored
from impasto.checkpoint import Input, Saved, Saving
from impasto.errors import ImpastoWarning, InputError, RunError
from impasto.files import CHECKPOINT_EVERY, check_interval, check_writable, shown
from impasto.objective import Evaluation, Objective
from impasto.optimizers import (
    LBFGS,
    Adam,
    Numbers,
    Optimizer,
    history_for,
    is_stalled,
    smoothing,
)
from impasto.pyramid import Level
from impasto.recipe import FIRST_CANVASES, Recipe
from impasto.vgg import VGG19


@dataclass
class Easel:
    """Where a run's canvas stands while ``on_step`` looks at it."""

    number: int = 0
    look: Callable[[], Image.Image] | None = None


@dataclass(frozen=True)
class Step:
    """One evaluation of a run.

    Attributes:
        number: counted from 1.
        loss: alpha · content + beta · style.
        content: content loss before alpha.
        style: style loss before beta.
        seconds: since the run began.
        level: of the canvas, counted from 1; losses of different levels cannot be compared.
    """

    number: int
    loss: float
    content: float
    style: float
    seconds: float
    level: int = 1
    _easel: Easel = field(default_factory=Easel, repr=False, compare=False)

    def image(self) -> Image.Image:
        """This step's canvas after its update, finished like the result; only in ``on_step``.

        Raises:
            RunError: the run has gone on, and the canvas with it.
        """
        if self._easel.look is None or self._easel.number != self.number:
            raise RunError(f"The run has left step {self.number}: ask for its image in on_step.")
        return self._easel.look()


OnStep = Callable[[Step], bool | None]


@dataclass(frozen=True)
class Result:
    """What a run ends with.

    Attributes:
        canvas: the best canvas, H × W × 3, float32, RGB 0…255, neither rounded nor clipped, at the
            working size.
        history: every step.
        best: the step with the smallest loss of the last level.
        recipe: what was run.
        content: the content picture as it was read.
        style: the style picture as it was read.
        weights: name and SHA-256 of the network's weights.
        stopped: why the run ended before its last step; None if it did not.
    """

    canvas: npt.NDArray[np.float32]
    history: list[Step]
    best: Step
    recipe: Recipe
    content: images.Picture
    style: images.Picture
    weights: tuple[str, str]
    stopped: str | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result, in pixels."""
        height, width = self.canvas.shape[:2]
        return sizes.output_size(self.content.size, (width, height), self.recipe)

    @property
    def image(self) -> Image.Image:
        """The painting, 8-bit RGB, at the recipe's output size."""
        return finish(self.canvas, self.size, self.recipe.color, self.content.pixels)

    def save(self, path: str | Path, *, bits: int = 8, metadata: bool = True) -> None:
        """Write the painting, whole or not at all.

        Args:
            path: ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.
            bits: a channel; 16 goes into TIFF alone, from the unrounded canvas.
            metadata: let a PNG carry recipe, version, and names and SHA-256 of the inputs.

        Raises:
            InputError: such a picture cannot be written there.
        """
        picture: images.Pixels | Image.Image
        if bits == 8:
            picture = self.image
        else:
            color = self.recipe.color
            picture = finished_pixels(self.canvas, self.size, color, self.content.pixels)
        text = json.dumps(self.metadata()) if metadata else None
        images.save(picture, path, bits=bits, text=text)

    def metadata(self) -> dict[str, Any]:
        """What a PNG carries: the same for the same run, with no time, host or folder in it."""
        recipe = self.recipe.model_dump(mode="json")
        if self.recipe.initial not in FIRST_CANVASES:
            recipe["initial"] = Path(self.recipe.initial).name
        return {
            "impasto": __version__,
            "recipe": recipe,
            **identities(self),
        }


def stylize(
    content: images.Source,
    style: images.Source,
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
    """Paint the content of one picture in the style of another.

    Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576.

    Args:
        content: a path, a PIL image, or an H × W × 3 uint8 array (RGB).
        style: likewise.
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
        run.save_to(checkpoint, checkpoint_every)
    return run.paint(on_step)


def resume(checkpoint: str | Path, on_step: OnStep | None = None) -> Result:
    """Go on with a run that was stopped; the result is that of one that never was.

    Args:
        checkpoint: what :func:`stylize` wrote.
        on_step: as there.

    Raises:
        InputError: it cannot be read, or an input of the run has changed.
        RunError: as for :func:`stylize`.
    """
    return Run.resumed(Path(checkpoint)).paint(on_step)


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
        if self.on_step is not None and self.on_step(step) is False:
            self.stopped = "on_step asked to stop"


class Run:
    """A run made ready: every input checked, the targets measured, the first canvas laid out.

    The arguments are those of :func:`stylize`.

    Attributes:
        recipe: the settings.
        device: where it computes.
        size: width and height of the canvas, in pixels.
        output_size: width and height of the result.
        levels: the sizes that the canvas goes through.
        arithmetic: how the network computes.
        tiles: for each level the side of the tiles that it is looked at in; None if it is whole.
        objective: what a canvas of the current level is measured by, at first the coarsest.
        first_canvas: 3 × H × W at the coarsest level, RGB 0…255 with the network's mean taken away.
    """

    def __init__(
        self,
        content: images.Source,
        style: images.Source,
        recipe: Recipe | None = None,
        initial: npt.NDArray[np.floating[Any]] | None = None,
        *,
        device: str = "auto",
        weights: str | Path = "bundled",
        weights_input: str | None = None,
        _checkpoint: tuple[Saved, dict[str, Tensor]] | None = None,
    ) -> None:
        self.recipe = recipe = Recipe() if recipe is None else recipe
        self._sources = (content, style, weights, weights_input)
        self.content = images.read(content, "content picture")
        self.style = images.read(style, "style picture")
        self.size = sizes.canvas_size(self.content.size, recipe)
        self.output_size = sizes.output_size(self.content.size, self.size, recipe)
        style_size = sizes.style_size(self.style.size, self.size, recipe)
        self.levels = pyramid.plan(self.size, style_size, recipe)
        self.device = devices.choose(device, recipe.precision)
        self.arithmetic = devices.arithmetic(recipe.precision, self.device)
        self._loaded = weight_files.load(weights, weights_input)
        self.weights = (self._loaded.name, self._loaded.sha256)
        self._fell_back = False
        self._saving: Saving | None = None
        self._progress: Progress | None = None
        if _checkpoint is not None:
            self._restore(*_checkpoint)
            return
        self._network = self._make_network()
        self._level = coarsest = self.levels[0]
        self.tiles = [self._tile_for(level) for level in self.levels]
        with _memory_errors(coarsest.size):
            self.first_canvas = (
                self._lay_out(coarsest)
                if initial is None
                else self._resized(
                    self._to_tensor(_checked_initial(initial, self.size)), coarsest.size
                )
            )
            self.objective = self._make_objective()

    @classmethod
    def resumed(cls, path: Path) -> Run:
        """The run that a checkpoint holds, to go on where it was.

        Raises:
            InputError: it cannot be read, or an input of the run has changed.
        """
        saved, tensors = checkpoints.read(path)
        try:
            run = cls(
                saved.content.path,
                saved.style.path,
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
        return run

    def _restore(self, saved: Saved, tensors: dict[str, Tensor]) -> None:
        """Take up a state."""
        checkpoints.check_input(self.content.sha256, saved.content, "content picture")
        checkpoints.check_input(self.style.sha256, saved.style, "style picture")
        weights = Input(path=saved.weights, sha256=saved.weights_sha256)
        checkpoints.check_input(self.weights[1], weights, "weight file")
        torch.set_num_threads(saved.threads)
        if saved.float32:
            self._fell_back = True
            self.arithmetic = devices.arithmetic("float32", self.device)
        self._network = self._make_network()
        self._level, self.tiles = self.levels[saved.level - 1], saved.tiles
        tensors = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        canvas, kept = tensors.pop("canvas"), tensors.pop("kept")
        self.first_canvas = canvas
        history = [
            Step(number, *measured) for number, measured in enumerate(saved.history, start=1)
        ]
        optimizer = None
        if saved.optimizer:
            optimizer = make_optimizer(self.recipe, canvas)
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
        with _memory_errors(self._level.size):
            self.objective = self._make_objective()

    @property
    def history(self) -> list[Step]:
        """Every step so far; where a run goes on from a checkpoint, those before it."""
        return self._progress.history if self._progress else []

    def save_to(
        self,
        checkpoint: str | Path,
        every: float = CHECKPOINT_EVERY,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Save the run to a checkpoint before its first step, now and then, and at its end.

        Args:
            checkpoint: the file.
            every: seconds from one time to the next.
            outputs: what the caller wants to find again in it.

        Raises:
            InputError: a picture is no file, so it could not be found again, or the interval is no
                number of seconds.
        """
        check_interval(every)
        pictures = zip(("content", "style"), self._sources[:2], strict=True)
        for role, source in pictures:
            if not isinstance(source, str | Path):
                raise InputError(
                    f"A checkpoint needs a {role} picture that is a file, to find it again."
                )
            if Path(checkpoint).resolve() == Path(source).resolve():
                raise InputError(
                    f"The checkpoint would replace the {role} {shown(source)}: choose another name."
                )
        torch.set_num_threads(torch.get_num_threads())  # as a resumed run does, for the same bytes
        self._saving = Saving(check_writable(checkpoint).absolute(), every, outputs or {})

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The pictures that are files."""
        return tuple(Path(source) for source in self._sources[:2] if isinstance(source, str | Path))

    @property
    def saving(self) -> Saving | None:
        """Where and how often the run is saved, if it is."""
        return self._saving

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Run every step of the recipe, or until ``on_step`` returns False.

        Raises:
            RunError: it ran out of memory, or its first loss was not finite.
        """
        progress = self._progress or Progress(self.first_canvas, self.first_canvas)
        progress.on_step = on_step
        self._save(progress)
        for level in self.levels[progress.level - 1 :]:
            with _memory_errors(level.size):
                if level != self._level:
                    self._enter(level)
                if level.number != progress.level:
                    progress.enter(level, self._resized(progress.kept, level.size))
                self._paint_level(level, progress)
            if progress.stopped is not None:
                break
        self._save(progress, at_once=True)
        progress.easel.look = None
        if progress.best is None:
            raise RunError(
                "The loss of the first canvas is not finite: choose smaller layer weights, alpha "
                "or beta, or another first canvas."
            )
        return Result(
            canvas=self._to_pixels(self._resized(progress.kept, self.size)),
            history=progress.history,
            best=progress.best,
            recipe=self.recipe,
            content=self.content,
            style=self.style,
            weights=self.weights,
            stopped=progress.stopped,
        )

    def _enter(self, level: Level) -> None:
        """Measure what canvases of another level are to be compared with."""
        del self.objective  # before there are two
        self._level = level
        self.objective = self._make_objective()

    def _paint_level(self, level: Level, progress: Progress) -> None:
        """Improve the canvas at one size."""
        keep_updated = self.recipe.keep == "updated" and self.recipe.optimizer == "adam"
        while progress.count < level.steps:
            canvas = progress.canvas
            measured = self._evaluate(canvas)
            if not measured.is_finite():
                progress.stopped = f"the loss of step {len(progress.history) + 1} is not finite"
                return
            if progress.optimizer is None:
                progress.optimizer = make_optimizer(self.recipe, canvas)
            updated = progress.optimizer.step(canvas, measured.loss, measured.gradient)
            following = canvas if updated is None else updated
            progress.canvas = following
            progress.record(
                measured,
                kept=following if keep_updated else canvas,
                look=partial(self._finished, following),
            )
            if updated is None:
                progress.count = level.steps
                return
            if self.arithmetic.dtype == torch.bfloat16 and is_stalled(progress.optimizer):
                self._use_float32()
                progress.canvas, progress.optimizer = progress.kept, None
            if progress.stopped is not None:
                return
            self._save(progress)

    def _evaluate(self, canvas: Tensor) -> Evaluation:
        """Evaluate a canvas, by smaller tiles if memory runs out."""
        while True:
            try:
                return self.objective(canvas)
            except (RuntimeError, MemoryError) as error:
                side = self._smaller_side(error)
            del self.objective  # when what the failed evaluation held is free again
            self._use_tiles(side)
            self.objective = self._make_objective()

    def _smaller_side(self, error: Exception) -> int:
        """Side of the tiles to try after that error, which is raised again where there is none."""
        side = tiles.smaller_side(self._tile, self._level.size)
        if side is None or not _is_out_of_memory(error):
            raise error
        return side

    def _use_tiles(self, side: int) -> None:
        """Look at the canvas in smaller tiles."""
        warnings.warn(
            f"Memory ran out at {self._level.size[0]}×{self._level.size[1]} pixels; going on with "
            f"tiles of {side}.",
            ImpastoWarning,
            stacklevel=2,
        )
        for index in range(self._level.number - 1, len(self.levels)):
            self.tiles[index] = min(side, self.tiles[index] or side)
        self._network = self._make_network()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @property
    def _tile(self) -> int | None:
        """Side of the tiles that the current level is looked at in."""
        return self.tiles[self._level.number - 1]

    def _tile_for(self, level: Level) -> int | None:
        halo = tiles.halo_for(self._network.layers)
        match self.recipe.tile:
            case "off":
                return None
            case int() as side:
                return side
            case _:
                room = forecast.room(level, self.recipe, self.arithmetic, self.device)
                larger = max(level.size, level.style_size, key=math.prod)
                return tiles.choose_side(larger, halo, room)

    def _save(self, progress: Progress, *, at_once: bool = False) -> None:
        """Write a checkpoint if one is due; a run goes on without one that cannot be written."""
        saving = self._saving
        if saving is None or not (at_once or saving.is_due()):
            return
        done = progress.level == len(self.levels) and progress.count == self._level.steps
        optimizer = None if done else progress.optimizer
        numbers, tensors = optimizer.state() if optimizer else ({}, {})
        try:
            saving.save(
                self._state(progress, numbers, saving),
                {**tensors, "canvas": progress.canvas, "kept": progress.kept},
            )
        except (OSError, ValueError) as error:  # the latter of a name that is no Unicode
            self._saving = None
            reason = getattr(error, "strerror", None) or "it cannot be written"
            warnings.warn(
                f"The run is not saved any more: {shown(saving.path)}: {reason}.",
                ImpastoWarning,
                stacklevel=2,
            )

    def _state(self, progress: Progress, numbers: Numbers, saving: Saving) -> Saved:
        content, style, weights, weights_input = self._sources
        return Saved(
            impasto=__version__,
            recipe=self.recipe.model_dump(mode="json"),
            content=Input(path=_absolute(content), sha256=str(self.content.sha256)),
            style=Input(path=_absolute(style), sha256=str(self.style.sha256)),
            weights="bundled" if str(weights) == "bundled" else _absolute(weights),
            weights_sha256=self.weights[1],
            weights_input=weights_input,
            device=str(self.device),
            threads=torch.get_num_threads(),
            float32=self._fell_back,
            level=progress.level,
            count=progress.count,
            tiles=self.tiles,
            history=[
                (step.loss, step.content, step.style, step.seconds, step.level)
                for step in progress.history
            ],
            best=progress.best.number if progress.best else 0,
            optimizer=numbers,
            every=saving.every,
            outputs=saving.outputs,
        )

    def _use_float32(self) -> None:
        """Go on in float32 where the rounding of bfloat16 hides the way down."""
        del self.objective
        self._fell_back, self.arithmetic = True, devices.arithmetic("float32", self.device)
        self._network = self._make_network()
        self.objective = self._make_objective()

    def _make_network(self) -> VGG19:
        return VGG19(
            self._loaded,
            {*self.recipe.content_layers, *self.recipe.style_layers},
            pooling=self.recipe.pooling,
            device=self.device,
            dtype=self.arithmetic.dtype,
            winograd=self.arithmetic.winograd,
        )

    def _make_objective(self) -> Objective:
        """The current level's objective, in smaller tiles if memory runs out."""
        while True:
            try:
                return Objective(
                    self._network,
                    self._content_canvas(self._level),
                    self._style_canvas(self._level),
                    self.recipe,
                    self._tile,
                )
            except (RuntimeError, MemoryError) as error:
                side = self._smaller_side(error)
            self._use_tiles(side)

    def _content_canvas(self, level: Level) -> Tensor:
        return self._canvas(images.resize_in_kind(self.content.pixels, level.size))

    def _style_canvas(self, level: Level) -> Tensor:
        style = self._canvas(images.resize(self.style.pixels, level.style_size))
        if self.recipe.color == "match":
            return recolored(style, self._content_canvas(level), SMALLEST_STYLE_VARIANCE)
        return style

    def _resized(self, canvas: Tensor, size: sizes.PixelSize) -> Tensor:
        """A canvas at the size of another level."""
        if size == (canvas.shape[2], canvas.shape[1]):
            return canvas
        return self._to_tensor(images.resize(self._to_pixels(canvas), size))

    def _finished(self, canvas: Tensor) -> Image.Image:
        pixels = self._to_pixels(canvas)
        return finish(pixels, self.output_size, self.recipe.color, self.content.pixels)

    def _canvas(self, pixels: images.Pixels) -> Tensor:
        """Pixels at the working size as the network sees them."""
        return self._to_tensor(images.rescale(pixels) if self.recipe.rescale else pixels)

    def _to_tensor(self, pixels: npt.NDArray[Any]) -> Tensor:
        """H × W × 3 in 0…255 to 3 × H × W with the mean taken away."""
        mean = self._network.mean.cpu().double()
        channels = [  # one after the other, since each is for a moment in float64
            (torch.from_numpy(np.ascontiguousarray(pixels[..., k])).double() - mean[k]).to(
                self.device, self._network.dtype
            )
            for k in range(3)
        ]
        return torch.stack([channel.reshape(pixels.shape[:2]) for channel in channels])

    def _to_pixels(self, canvas: Tensor) -> npt.NDArray[np.float32]:
        """3 × H × W with the mean taken away to H × W × 3 in 0…255."""
        pixels = (
            (canvas + self._network.mean).permute(1, 2, 0).to(device="cpu", dtype=torch.float32)
        )
        return pixels.contiguous().numpy()

    def _lay_out(self, level: Level) -> Tensor:
        match self.recipe.initial:
            case "content":
                return self._content_canvas(level)
            case "recolored-content":
                return recolored(self._content_canvas(level), self._style_canvas(level))
            case "style":
                return self._canvas(images.resize(self.style.pixels, level.size))
            case "noise":
                return noise(self._content_canvas(level), self.recipe.seed)
            case "noisy-content":
                content, ratio = self._content_canvas(level), self.recipe.noise_ratio
                return ratio * noise(content, self.recipe.seed) + (1 - ratio) * content
            case path:
                picture = images.read(path, "initial canvas")
                return self._to_tensor(images.resize(picture.pixels, level.size))


def identities(of: Run | Result) -> dict[str, dict[str, str | None]]:
    """Names and SHA-256 of what goes into a run: content, style and weights."""
    return {
        "content": {"name": of.content.name, "sha256": of.content.sha256},
        "style": {"name": of.style.name, "sha256": of.style.sha256},
        "weights": {"name": of.weights[0], "sha256": of.weights[1]},
    }


def finish(
    canvas: npt.NDArray[np.float32],
    size: tuple[int, int],
    color: str = "style",
    content: images.Pixels | None = None,
) -> Image.Image:
    """A canvas as the picture that comes out: rounded, saturated, and resized where it must be.

    Args:
        canvas: H × W × 3, RGB 0…255.
        size: width and height of the picture.
        color: the recipe's.
        content: the content picture, whose colours may be wanted.
    """
    if color in palette.AFTER and content is not None:
        return Image.fromarray(images.to_uint8(finished_pixels(canvas, size, color, content)))
    return Image.fromarray(images.resize_in_kind(images.to_uint8(canvas), size))


def finished_pixels(
    canvas: npt.NDArray[np.float32], size: tuple[int, int], color: str, content: images.Pixels
) -> npt.NDArray[np.float32]:
    """The same, neither rounded nor saturated."""
    painting = images.resize(canvas, size)
    if color not in palette.AFTER:
        return painting
    recolored: npt.NDArray[np.float32] = palette.AFTER[color](
        np.clip(painting, 0, 255), images.resize(content, size)
    )
    return recolored


def make_optimizer(recipe: Recipe, canvas: Tensor) -> Optimizer:
    """The optimiser that a recipe names, for canvases like that one (3 × H × W)."""
    if recipe.optimizer == "adam":
        return Adam(recipe.learning_rate)
    height, width = canvas.shape[1:]
    inverse = smoothing(height, width, device=canvas.device, dtype=canvas.dtype)
    return LBFGS(
        recipe.learning_rate,
        history_for(canvas.numel() * canvas.element_size()),
        inverse=inverse,
    )


def _absolute(source: Any) -> str:
    return str(Path(source).absolute())


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


@contextmanager
def _memory_errors(size: tuple[int, int]) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RunError) or not _is_out_of_memory(error):
            raise
        raise RunError(
            f"Memory ran out at {size[0]}×{size[1]} pixels: choose a smaller --size."
        ) from None


def _is_out_of_memory(error: Exception) -> bool:
    kinds = (MemoryError, torch.cuda.OutOfMemoryError)
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, kinds) or any(word in str(error) for word in words)
