"""A run: two pictures and a recipe in, a painting out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto import __version__, devices, images, sizes
from impasto import weights as weight_files
from impasto.errors import InputError, RunError
from impasto.objective import Objective
from impasto.optimizers import LBFGS, Adam, Optimizer
from impasto.recipe import FIRST_CANVASES, Recipe
from impasto.vgg import VGG19

NOISE = 20  # grey levels to either side of a noise canvas


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
    """

    number: int
    loss: float
    content: float
    style: float
    seconds: float
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
        best: the step with the smallest loss.
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


class Run:
    """A run made ready: every input checked, the targets measured, the first canvas laid out.

    The arguments are those of :func:`stylize`.

    Attributes:
        recipe: the settings.
        device: where it computes.
        size: width and height of the canvas, in pixels.
        output_size: width and height of the result.
        objective: what a canvas is measured by.
        first_canvas: 3 × H × W, RGB 0…255 with the network's mean taken away.
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
        self.device = devices.choose(device, recipe.precision)
        self._dtype = devices.DTYPES[recipe.precision]
        loaded = weight_files.load(weights, weights_input)
        self.weights = (loaded.name, loaded.sha256)
        network = VGG19(
            loaded,
            {*recipe.content_layers, *recipe.style_layers},
            pooling=recipe.pooling,
            device=self.device,
            dtype=self._dtype,
        )
        self._mean = network.mean
        content_canvas = self._canvas(images.resize_in_kind(self.content.pixels, self.size))
        style_canvas = self._canvas(images.resize(self.style.pixels, style_size))
        self.first_canvas = (
            self._lay_out(content_canvas, self.style.pixels)
            if initial is None
            else self._to_tensor(_checked_initial(initial, self.size))
        )
        with _memory_errors(self.size):
            self.objective = Objective(network, content_canvas, style_canvas, recipe)

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Run every step of the recipe, or until ``on_step`` returns False.

        Raises:
            RunError: it ran out of memory, or its first loss was not finite.
        """
        optimizer = make_optimizer(self.recipe)
        keep_updated = self.recipe.keep == "updated" and self.recipe.optimizer == "adam"
        canvas = kept = self.first_canvas
        history: list[Step] = []
        best: Step | None = None
        stopped = None
        easel = Easel()
        began = time.perf_counter()
        for number in range(1, self.recipe.steps + 1):
            with _memory_errors(self.size):
                measured = self.objective(canvas)
                if not measured.is_finite():
                    stopped = f"the loss of step {number} is not finite"
                    break
                updated = optimizer.step(canvas, measured.loss, measured.gradient)
            seconds = time.perf_counter() - began
            step = Step(number, measured.loss, measured.content, measured.style, seconds, easel)
            history.append(step)
            following = canvas if updated is None else updated
            if best is None or step.loss < best.loss:
                best, kept = step, following if keep_updated else canvas
            canvas = following
            easel.number, easel.look = number, lambda shown=canvas: self._finished(shown)
            if on_step is not None and on_step(step) is False:
                stopped = "on_step asked to stop"
                break
            if updated is None:
                break
        easel.look = None
        if best is None:
            raise RunError(
                "The loss of the first canvas is not finite: choose smaller layer weights, alpha "
                "or beta, or another first canvas."
            )
        return Result(
            canvas=self._to_pixels(kept),
            history=history,
            best=best,
            recipe=self.recipe,
            content=self.content,
            style=self.style,
            weights=self.weights,
            stopped=stopped,
        )

    def _finished(self, canvas: Tensor) -> Image.Image:
        return finish(self._to_pixels(canvas), self.output_size)

    def _canvas(self, pixels: images.Pixels) -> Tensor:
        """Pixels at the working size as the network sees them."""
        return self._to_tensor(images.rescale(pixels) if self.recipe.rescale else pixels)

    def _to_tensor(self, pixels: npt.NDArray[Any]) -> Tensor:
        """H × W × 3 in 0…255 to 3 × H × W with the mean taken away."""
        tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, 2, 0)))
        return (tensor.double() - self._mean.cpu().double()).to(self.device, self._dtype)

    def _to_pixels(self, canvas: Tensor) -> npt.NDArray[np.float32]:
        """3 × H × W with the mean taken away to H × W × 3 in 0…255."""
        pixels = (canvas + self._mean).permute(1, 2, 0).to(device="cpu", dtype=torch.float32)
        return pixels.contiguous().numpy()

    def _lay_out(self, content: Tensor, style_pixels: images.Pixels) -> Tensor:
        match self.recipe.initial:
            case "content":
                return content
            case "style":
                return self._canvas(images.resize(style_pixels, self.size))
            case "noise":
                return self._noise(content)
            case "noisy-content":
                ratio = self.recipe.noise_ratio
                return ratio * self._noise(content) + (1 - ratio) * content
            case path:
                picture = images.read(path, "initial canvas")
                return self._to_tensor(images.resize(picture.pixels, self.size))

    def _noise(self, like: Tensor) -> Tensor:
        """Whole numbers drawn uniformly from −20 … 20, the same on every device."""
        generator = torch.Generator().manual_seed(self.recipe.seed)
        noise = torch.randint(-NOISE, NOISE + 1, like.shape, generator=generator)
        return noise.to(device=like.device, dtype=like.dtype)


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


def make_optimizer(recipe: Recipe) -> Optimizer:
    """The optimiser that a recipe names."""
    if recipe.optimizer == "adam":
        return Adam(recipe.learning_rate)
    return LBFGS(recipe.learning_rate)


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
