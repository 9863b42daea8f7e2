"""A run: two pictures and a recipe in, a painting out."""

from __future__ import annotations

import json
import time
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

from impasto import __version__, devices, images, pyramid, sizes
from impasto import weights as weight_files
from impasto.canvases import noise, recolored
from impasto.errors import InputError, RunError
from impasto.objective import Evaluation, Objective
from impasto.optimizers import LBFGS, Adam, Optimizer, is_stalled, smoothing
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
        return finish(self.canvas, self.size)

    def save(self, path: str | Path, *, bits: int = 8, metadata: bool = True) -> None:
        """Write the painting, whole or not at all.

        Args:
            path: ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.
            bits: a channel; 16 goes into TIFF alone, from the unrounded canvas.
            metadata: let a PNG carry recipe, version, and names and SHA-256 of the inputs.

        Raises:
            InputError: such a picture cannot be written there.
        """
        picture = self.image if bits == 8 else images.resize(self.canvas, self.size)
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
    return run.paint(on_step)


@dataclass
class Progress:
    """What a run has come to.

    Attributes:
        kept: the canvas to be kept so far, at the size of its level.
        on_step: called with every step.
    """

    kept: Tensor
    on_step: OnStep | None = None
    history: list[Step] = field(default_factory=list)
    best: Step | None = None
    stopped: str | None = None
    easel: Easel = field(default_factory=Easel)
    began: float = field(default_factory=time.perf_counter)

    def record(
        self,
        measured: Evaluation,
        level: int,
        *,
        kept: Tensor,
        first: bool,
        look: Callable[[], Image.Image],
    ) -> None:
        """Take down a step, keep its canvas if it is the best of its level, and tell of it.

        Args:
            measured: what the step measured.
            level: its number.
            kept: the canvas to keep if the step is the best.
            first: whether it is the first of its level.
            look: shows the step's canvas after its update.
        """
        seconds = time.perf_counter() - self.began
        number = len(self.history) + 1
        losses = (measured.loss, measured.content, measured.style)
        step = Step(number, *losses, seconds, level, self.easel)
        self.history.append(step)
        if self.best is None or first or step.loss < self.best.loss:
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
    ) -> None:
        self.recipe = recipe = Recipe() if recipe is None else recipe
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
        self._network = self._make_network()
        self._level = coarsest = self.levels[0]
        with _memory_errors(coarsest.size):
            self.first_canvas = (
                self._lay_out(coarsest)
                if initial is None
                else self._resized(
                    self._to_tensor(_checked_initial(initial, self.size)), coarsest.size
                )
            )
            self.objective = self._make_objective(coarsest)

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Run every step of the recipe, or until ``on_step`` returns False.

        Raises:
            RunError: it ran out of memory, or its first loss was not finite.
        """
        progress = Progress(self.first_canvas, on_step)
        for level in self.levels:
            with _memory_errors(level.size):
                if level != self._level:
                    self._level, self.objective = level, self._make_objective(level)
                self._paint_level(level, progress)
            if progress.stopped is not None:
                break
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

    def _paint_level(self, level: Level, progress: Progress) -> None:
        """Improve the canvas at one size, starting from the best of the size before."""
        canvas = self._resized(progress.kept, level.size)
        optimizer = make_optimizer(self.recipe, canvas)
        keep_updated = self.recipe.keep == "updated" and self.recipe.optimizer == "adam"
        for count in range(level.steps):
            measured = self.objective(canvas)
            if not measured.is_finite():
                progress.stopped = f"the loss of step {len(progress.history) + 1} is not finite"
                return
            updated = optimizer.step(canvas, measured.loss, measured.gradient)
            following = canvas if updated is None else updated
            progress.record(
                measured,
                level.number,
                kept=following if keep_updated else canvas,
                first=count == 0,
                look=partial(self._finished, following),
            )
            canvas = following
            if progress.stopped is not None or updated is None:
                return
            if self.arithmetic.dtype == torch.bfloat16 and is_stalled(optimizer):
                self._use_float32(level)
                canvas = progress.kept
                optimizer = make_optimizer(self.recipe, canvas)

    def _use_float32(self, level: Level) -> None:
        """Go on in float32 where the rounding of bfloat16 hides the way down."""
        self.arithmetic = devices.arithmetic("float32", self.device)
        self._network = self._make_network()
        self.objective = self._make_objective(level)

    def _make_network(self) -> VGG19:
        return VGG19(
            self._loaded,
            {*self.recipe.content_layers, *self.recipe.style_layers},
            pooling=self.recipe.pooling,
            device=self.device,
            dtype=self.arithmetic.dtype,
            winograd=self.arithmetic.winograd,
        )

    def _make_objective(self, level: Level) -> Objective:
        return Objective(
            self._network, self._content_canvas(level), self._style_canvas(level), self.recipe
        )

    def _content_canvas(self, level: Level) -> Tensor:
        return self._canvas(images.resize_in_kind(self.content.pixels, level.size))

    def _style_canvas(self, level: Level) -> Tensor:
        return self._canvas(images.resize(self.style.pixels, level.style_size))

    def _resized(self, canvas: Tensor, size: sizes.PixelSize) -> Tensor:
        """A canvas at the size of another level."""
        if size == (canvas.shape[2], canvas.shape[1]):
            return canvas
        return self._to_tensor(images.resize(self._to_pixels(canvas), size))

    def _finished(self, canvas: Tensor) -> Image.Image:
        return finish(self._to_pixels(canvas), self.output_size)

    def _canvas(self, pixels: images.Pixels) -> Tensor:
        """Pixels at the working size as the network sees them."""
        return self._to_tensor(images.rescale(pixels) if self.recipe.rescale else pixels)

    def _to_tensor(self, pixels: npt.NDArray[Any]) -> Tensor:
        """H × W × 3 in 0…255 to 3 × H × W with the mean taken away."""
        tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, 2, 0)))
        mean = self._network.mean
        return (tensor.double() - mean.cpu().double()).to(self.device, self._network.dtype)

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


def finish(canvas: npt.NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """A canvas as the picture that comes out: rounded, saturated, and resized where it must be.

    Args:
        canvas: H × W × 3, RGB 0…255.
        size: width and height of the picture.
    """
    return Image.fromarray(images.resize_in_kind(images.to_uint8(canvas), size))


def make_optimizer(recipe: Recipe, canvas: Tensor) -> Optimizer:
    """The optimiser that a recipe names, for canvases like that one (3 × H × W)."""
    if recipe.optimizer == "adam":
        return Adam(recipe.learning_rate)
    height, width = canvas.shape[1:]
    inverse = smoothing(height, width, device=canvas.device, dtype=canvas.dtype)
    return LBFGS(recipe.learning_rate, inverse=inverse)


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
