"""A run of the method ``instant``: one pass of a trained network. This module imports no torch."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto.errors import InputError, RunError
from impasto.files import reading
from impasto.network import instant
from impasto.network.instant import Networks, Vector
from impasto.pictures import arrays, images, sizes, upsampling
from impasto.pictures.inputs import Inputs, StylePicture, StyleSource
from impasto.pictures.profiles import LUMA
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts, memory
from impasto.process.memory import memory_errors
from impasto.run.levels import Level
from impasto.run.named import Named, name_inputs, read_pictures
from impasto.run.result import LatestImage, OnStep, Result, Step, finish, told
from impasto.settings.recipe import Recipe

STYLE_SIDE = 256  # pixels: side of a square with as many pixels as the style network sees
# Longer side, in pixels, of the canvas that the network paints. Its strokes have a size in pixels,
# and a side of 4096 takes 5 GB.
LONGEST_SIDE = 2048
DEVICES = ("auto", "cpu")

# Bytes per pixel, as measured: of a canvas that is enlarged, and of what the network paints.
CANVAS_BYTES, PAINTED_BYTES = 140, 320
USED = 0.9  # share of the free memory that a run may use

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class InstantRun:
    """A prepared run of the method ``instant``, used like a :class:`impasto.run.run.Run`.

    Attributes:
        recipe: the settings.
        named: the pictures as the caller named them.
        inputs: the pictures.
        levels: the only level.
        networks: the two networks.
    """

    recipe: Recipe
    named: Named
    inputs: Inputs
    levels: list[Level]
    networks: Networks

    @property
    def saving(self) -> None:
        """A run of one step saves no checkpoint."""

    @property
    def size(self) -> PixelSize:
        """Width and height of the canvas, in pixels."""
        return self.levels[-1].size

    @property
    def output_size(self) -> PixelSize:
        """Width and height of the result, in pixels."""
        return sizes.output_size(self.inputs.content.size, self.size, self.recipe)

    @property
    def weights(self) -> tuple[str, str]:
        """Name and SHA-256 of the network that paints."""
        return instant.PAINTER.file, instant.PAINTER.sha256

    @property
    def history(self) -> list[Step]:
        """The steps so far; none, as such a run is never resumed."""
        return []

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of every file that the run reads."""
        return tuple(file.path for file in self.inputs.files.values() if file.path is not None)

    def paint(self, on_step: OnStep | None = None) -> Result:
        """Paint the canvas in one pass, which is the only step; it measures no loss.

        Args:
            on_step: a callback for the step.

        Raises:
            RunError: the run ran out of memory.
            StoppedError: the run was interrupted before its step.
        """
        began = time.perf_counter()
        with _memory_errors(self.size), interrupts.ctrl_c_asks():
            canvas = painted(self.networks, self.inputs, self.recipe, self.size)
            latest = LatestImage(1, partial(self._finished, canvas))
            step = Step(1, 0.0, 0.0, 0.0, time.perf_counter() - began, 1, latest)
            stopped = told(on_step, step)
        latest.make = None
        return Result(canvas, [step], step, self.recipe, self.inputs, self.weights, stopped)

    def _finished(self, canvas: Pixels) -> Image.Image:
        return finish(canvas, self.output_size, self.recipe.color, self.inputs)


def prepare(
    content: images.Source,
    style: StyleSource | Iterable[StyleSource] | None,
    recipe: Recipe,
    initial: object = None,
    *,
    device: object = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    threads: int | None = None,
    protect: images.Source | None = None,
) -> InstantRun:
    """Prepare a run of the method ``instant``: read its pictures and load its networks.

    Args:
        content: the content picture, as for :func:`impasto.stylize`, like most arguments below.
        style: the style picture, or several.
        recipe: the settings.
        initial: the first canvas; there is none, so it should be None.
        device: ``auto`` or ``cpu``.
        weights: ``bundled``.
        weights_input: None.
        threads: number of CPU threads; None for the usual number.
        protect: the part of the content picture to keep as it is, if it is a picture in memory.

    Raises:
        InputError: a picture cannot be used, the networks are not installed, or the method does
            not have one of these arguments.
        RunError: there is not enough memory.
    """
    check_arguments(initial, device, weights, weights_input)
    with _memory_errors():
        named = name_inputs(content, style, weights, weights_input, protect)
        return begin(recipe, named, threads)


def begin(recipe: Recipe, named: Named, threads: int | None = None) -> InstantRun:
    """Prepare a run of pictures that are already named.

    Raises:
        InputError: a picture cannot be used, or the networks are not installed.
        RunError: there is not enough memory.
    """
    networks = instant.load(threads)
    pictures = read_pictures(named, recipe)
    size = sizes.canvas_size(pictures.content.size, recipe)
    check_memory(size)
    of_styles = tuple(style_size(style.picture.size) for style in pictures.styles)
    level = Level(1, size, of_styles, 1, method=recipe.method, is_last=True)
    return InstantRun(recipe, named, pictures, [level], networks)


def check_memory(size: PixelSize) -> None:
    """Make sure that a canvas fits into the free memory, before the system ends the process.

    Args:
        size: width and height of the canvas, in pixels.

    Raises:
        RunError: it does not.
    """
    width, height = sizes.fit(size, min(LONGEST_SIDE, max(size)))
    needed = max(CANVAS_BYTES * size[0] * size[1], PAINTED_BYTES * width * height)
    free = round(memory.free())
    if needed > USED * free:
        given = {"needed": reading.in_gigabytes(needed), "free": reading.in_gigabytes(free)}
        raise RunError("memory.too-little", width=size[0], height=size[1], **given)


def painted(networks: Networks, inputs: Inputs, recipe: Recipe, size: PixelSize) -> Pixels:
    """The canvas: the content picture, painted in the style of the style pictures.

    A canvas larger than the network paints well is painted smaller, and enlarged with the edges of
    the content picture.

    Args:
        networks: the two networks.
        inputs: the pictures.
        recipe: the settings.
        size: width and height of the canvas, in pixels.

    Returns:
        H × W × 3, RGB, 0…255, neither rounded nor clipped.
    """
    content = _rescaled(arrays.resize(inputs.content.pixels, size), recipe)
    small = arrays.resize(content, sizes.fit(size, min(LONGEST_SIDE, max(size))))
    own = _vector(networks, content)
    vectors = [_style_vector(networks, style, content, recipe) for style in inputs.styles]
    painting = _in_regions(networks, small, own, vectors, inputs.styles, recipe.vector_share)
    interrupts.check()
    canvas = upsampling.enlarged(painting, content)
    return _grey(canvas) if _is_grey(inputs, recipe) else canvas


class PassPainter:
    """Paints one picture after another in the same styles, which are read only once.

    Args:
        styles: the style picture, or several; None for those of the recipe.
        recipe: the settings.
        threads: number of CPU threads; None for the usual number.
    """

    def __init__(
        self,
        styles: StyleSource | Iterable[StyleSource] | None,
        recipe: Recipe,
        threads: int | None = None,
    ) -> None:
        self._styles, self._recipe, self._threads = styles, recipe, threads
        self._run: InstantRun | None = None

    def __call__(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A picture, painted.

        Args:
            frame: H × W × 3, sRGB.

        Returns:
            H × W × 3, at the recipe's size.

        Raises:
            InputError: a style picture cannot be used, or the networks are not installed.
            RunError: there is not enough memory.
        """
        if self._run is None:
            self._run = prepare(frame, self._styles, self._recipe, threads=self._threads)
        content = images.read(frame)
        inputs = replace(self._run.inputs, content=content)
        size = sizes.fit(content.size, self._recipe.size)
        with _memory_errors(size):
            canvas = painted(self._run.networks, inputs, self._recipe, size)
            return np.asarray(finish(canvas, size, self._recipe.color, inputs))


def blended(
    own: Vector, vectors: Sequence[Vector], weights: Sequence[float], share: float
) -> Vector:
    """The style vector to paint with: from the content picture's own towards those of the styles.

    Args:
        own: the style vector of the content picture.
        vectors: those of the styles; with none, the result is ``own``.
        weights: weight of each style.
        share: how far to go; 0 is ``own``, 1 the mean of the styles, and more goes beyond it.
    """
    if not vectors:
        return own
    mean = np.average(np.stack(vectors), axis=0, weights=weights).astype(np.float32)
    return np.asarray(own + np.float32(share) * (mean - own), np.float32)


def style_size(picture: PixelSize) -> PixelSize:
    """The size at which the style network sees a picture: as many pixels as it was trained on.

    One that is too narrow for the network is stretched.

    >>> style_size((1000, 1000)), style_size((800, 200)), style_size((7000, 10))
    ((256, 256), (512, 128), (2048, 32))
    """
    by, least = STYLE_SIDE / (picture[0] * picture[1]) ** 0.5, instant.SMALLEST_STYLE_SIDE
    most = STYLE_SIDE**2 // least
    width, height = (min(most, max(least, round(by * side))) for side in picture)
    return width, height


def _in_regions(
    networks: Networks,
    content: Pixels,
    own: Vector,
    vectors: Sequence[Vector],
    styles: Sequence[StylePicture],
    share: float,
) -> Pixels:
    """The content picture painted in one style, or each region of it in its own."""
    if not any(style.mask for style in styles):
        weights = [style.style.weight for style in styles]
        return _pass(networks, content, blended(own, vectors, weights, share))
    parts, covered = np.zeros_like(content), np.zeros_like(content[..., :1])
    heaviest = max(style.style.weight for style in styles)
    size = content.shape[1], content.shape[0]
    for style, vector in zip(styles, vectors, strict=True):
        mask = np.ones_like(covered) if style.mask is None else style.mask.at(size)[..., None]
        part = style.style.weight / heaviest * mask
        parts += part * _pass(networks, content, blended(own, [vector], [1.0], share))
        covered += part
    reached = np.minimum(covered, 1)
    painting = parts / np.maximum(covered, 1e-6)
    return np.asarray(content + reached * (painting - content), np.float32)


def _pass(networks: Networks, content: Pixels, vector: Vector) -> Pixels:
    interrupts.check()
    return networks.paint(content, vector)


def _style_vector(
    networks: Networks, style: StylePicture, content: Pixels, recipe: Recipe
) -> Vector:
    pixels = _rescaled(arrays.resize(style.picture.pixels, style_size(style.picture.size)), recipe)
    return _vector(networks, _recolored(pixels, content) if recipe.color == "match" else pixels)


def _vector(networks: Networks, pixels: Pixels) -> Vector:
    interrupts.check()
    resized = arrays.resize(pixels, style_size((pixels.shape[1], pixels.shape[0])))
    return networks.vector(np.clip(resized, 0, 255))


def _recolored(style: Pixels, content: Pixels) -> Pixels:
    """A style picture in the colours of the content picture."""
    from impasto.run.canvas import SMALLEST_STYLE_VARIANCE, deprocess, preprocess, recolored

    matched = recolored(preprocess(style), preprocess(content), SMALLEST_STYLE_VARIANCE)
    pixels: Pixels = deprocess(matched)
    return pixels


def _rescaled(pixels: Pixels, recipe: Recipe) -> Pixels:
    return arrays.rescale(pixels) if recipe.rescale else pixels


def _is_grey(inputs: Inputs, recipe: Recipe) -> bool:
    """Whether every picture that supplies colours is grey; then the painting is grey too."""
    styles = [] if recipe.color == "match" else inputs.styles
    return all(picture.is_grey for picture in (inputs.content, *(of.picture for of in styles)))


def _grey(canvas: Pixels) -> Pixels:
    return np.asarray(np.repeat((canvas @ LUMA)[..., None], 3, axis=2), np.float32)


def check_arguments(
    initial: object,
    device: object,
    weights: str | os.PathLike[str],
    weights_input: str | None,
) -> None:
    """Make sure that no argument is given that the method does not have.

    Raises:
        InputError: one is.
    """
    if initial is not None:
        raise InputError("instant.no-initial")
    if str(device) not in DEVICES:
        raise InputError("instant.device", device=str(device), devices=tuple(map(repr, DEVICES)))
    if str(weights) != "bundled":
        raise InputError("instant.weights", weights=str(weights))
    if weights_input is not None:
        raise InputError("instant.weights-input", value=weights_input)


@contextmanager
def _memory_errors(size: PixelSize | None = None) -> Iterator[None]:
    """Like :func:`memory_errors`, also for the errors of ONNX Runtime, which have no such class."""
    with memory_errors(size):
        try:
            yield
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime"):
                raise RuntimeError(str(error)) from error
            raise
