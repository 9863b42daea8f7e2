"""What a run returns: a step after every evaluation, and a result at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto._version import __version__
from impasto.errors import RunError, StoppedError
from impasto.files.writing import check_apart
from impasto.pictures import arrays, color_transfer, sizes, writers
from impasto.pictures.inputs import Inputs, StylePicture, path_of
from impasto.process.memory import memory_errors
from impasto.settings.recipe import Recipe
from impasto.settings.validation import plain

IN_MEMORY = "(in memory)"  # name of a picture that is not a file
# Why a run may end before its last step.
ASKED_TO_STOP = "on_step asked to stop"
INTERRUPTED = "the run was interrupted"


@dataclass
class LatestImage:
    """Gives ``on_step`` access to the canvas of the current step, for :meth:`Step.image`.

    Attributes:
        number: of the step.
        make: renders the canvas; None once the run has ended.
    """

    number: int = 0
    make: Callable[[], Image.Image] | None = None


@dataclass(frozen=True)
class Step:
    """One evaluation of a run.

    Losses are measured, except with the method ``instant``, which has none: they are 0. If deep
    layers are deferred, their part of the loss is at some steps a first-order estimate from an
    earlier step (see :mod:`impasto.objective.deferred`).

    Attributes:
        number: counted from 1.
        loss: alpha · content + beta · style, plus the weighted total variation if it has a weight;
            ``strotss`` weighs its two parts in its own way; with ``nnst`` and ``even-nnst`` it
            is the style loss and the losses of pixels.
        content: content loss, without its weight; 0 for ``nnst`` and ``even-nnst``, which
            have none.
        style: style loss, without its weight.
        seconds: time since the run began.
        level: number of the level, counted from 1; losses of different levels cannot be compared.
        begins: whether its loss cannot be compared with earlier ones: at the first step of a level,
            and where ``nnst`` or ``even-nnst`` has found other matches.
    """

    number: int
    loss: float
    content: float
    style: float
    seconds: float
    level: int = 1
    _latest: LatestImage = field(default_factory=LatestImage, repr=False, compare=False)
    begins: bool = field(default=False, repr=False, compare=False)

    def image(self) -> Image.Image:
        """This step's canvas after its update, as an 8-bit RGB image of the result's size.

        Call it only in ``on_step``.

        Raises:
            RunError: the run has already continued with another canvas.
        """
        if self._latest.make is None or self._latest.number != self.number:
            raise RunError("run.step-over", number=self.number)
        return self._latest.make()


OnStep = Callable[[Step], bool | None]


def told(on_step: OnStep | None, step: Step) -> str | None:
    """Call ``on_step`` with a step; return why the run ends before its last step, if it does."""
    try:
        answer = on_step(step) if on_step is not None else None
    except (KeyboardInterrupt, StoppedError):
        return INTERRUPTED
    return ASKED_TO_STOP if plain(answer) is False else None


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The result of a run. Two are equal if they are the same painting, made in the same way.

    Attributes:
        canvas: the best canvas, H × W × 3, float32, RGB 0…255, neither rounded nor clipped, at the
            working size.
        history: every step.
        best: the step with the smallest loss of the last level.
        recipe: the settings of the run.
        inputs: every picture of the run.
        weights: name and SHA-256 of the network's weights.
        stopped: why the run was ended before its last step; None if it was not, or if it ended
            early because no step lowers the loss further.
    """

    canvas: npt.NDArray[np.float32]
    history: list[Step]
    best: Step
    recipe: Recipe
    inputs: Inputs
    weights: tuple[str, str]
    stopped: str | None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Result)
            and self._made_of() == other._made_of()
            and np.array_equal(self.canvas, other.canvas)
        )

    def __hash__(self) -> int:
        return hash(self._made_of())

    def __repr__(self) -> str:
        (width, height), best = self.size, self.best
        return (
            f"<Result: {width}×{height} pixels after {len(self.history)} steps, best loss "
            f"{best.loss:.4e} at step {best.number}>"
        )

    def _repr_png_(self) -> bytes:
        """The painting as a notebook shows it: a PNG, reduced if it is large."""
        return writers.png_for_notebook(self.image)

    def _made_of(self) -> tuple[Any, ...]:
        """All inputs and the losses; not the times, nor the names and paths of files."""
        files = tuple((key, file.sha256) for key, file in self.inputs.files.items())
        losses = tuple(step.loss for step in self.history)
        styles = self.inputs.identity_of_styles
        return files, self.weights, styles, self._settings(), losses, self.stopped

    def _settings(self) -> str:
        """The recipe as text, without the pictures that it names."""
        pictures = {"styles", "protect", *({"initial"} & self.inputs.files.keys())}
        return json.dumps(self.recipe.model_dump(mode="json", exclude=pictures), sort_keys=True)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result, in pixels."""
        height, width = self.canvas.shape[:2]
        return sizes.output_size(self.inputs.content.size, (width, height), self.recipe)

    @property
    @memory_errors()
    def image(self) -> Image.Image:
        """The painting, 8-bit RGB, at the recipe's output size."""
        return finish(self.canvas, self.size, self.recipe.color, self.inputs)

    @memory_errors()
    def save(
        self,
        path: str | os.PathLike[str] | BinaryIO,
        *,
        format: str | None = None,
        quality: int | None = None,
        bits: int = 8,
        metadata: bool = True,
    ) -> None:
        """Write the painting; a file is written completely or not at all.

        Args:
            path: a path that ends in ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or
                ``.tiff``; or, with ``format``, a path without a suffix or a binary stream.
            format: ``png``, ``jpg``, ``jpeg``, ``webp``, ``tif`` or ``tiff``; None for that of the
                suffix.
            quality: of a JPEG or a WebP, from 1 to 100; None for 95.
            bits: bits per channel; 16 is for TIFF only, and uses the unrounded canvas.
            metadata: store recipe, version, and names and SHA-256 of the inputs: in a PNG as text,
                in the other formats as XMP.

        Raises:
            InputError: the picture cannot be written there, or it would replace an input.
        """
        if not hasattr(path, "write"):
            path = path_of(path, "output")
            check_apart([file.path for file in self.inputs.files.values() if file.path], [path])
        picture: arrays.Pixels | Image.Image
        if bits == 8:
            picture = self.image
        else:
            picture = finished_pixels(self.canvas, self.size, self.recipe.color, self.inputs)
        text = json.dumps(self.metadata()) if metadata else None
        writers.save(picture, path, format=format, quality=quality, bits=bits, text=text)

    def metadata(self) -> dict[str, Any]:
        """What a painting carries: the same for the same run, without times, hosts or folders."""
        return {
            "impasto": __version__,
            "recipe": carried_recipe(self.recipe, self.inputs),
            **identities(self.inputs, self.weights),
        }


def identities(inputs: Inputs, weights: tuple[str, str]) -> dict[str, dict[str, str | None]]:
    """Names and SHA-256 of every picture of a run, by its role, and of the weights."""
    files = {key: {"name": file.name, "sha256": file.sha256} for key, file in inputs.files.items()}
    return {**files, "weights": {"name": weights[0], "sha256": weights[1]}}


def carried_recipe(recipe: Recipe, inputs: Inputs) -> dict[str, Any]:
    """A recipe as a painting carries it: with every style, and file names instead of paths."""
    carried = recipe.model_dump(mode="json", exclude={"styles"})
    for key in ("initial", "protect"):
        if key in inputs.files:
            is_file = inputs.files[key].path is not None
            carried[key] = Path(getattr(recipe, key)).name if is_file else IN_MEMORY
    if len(inputs.styles) > 1 or any(not read.style.is_plain for read in inputs.styles):
        carried["styles"] = [_carried_style(read) for read in inputs.styles]
    return carried


def _carried_style(read: StylePicture) -> dict[str, Any]:
    pictures = {"picture": read.picture, "mask": read.mask, "style_mask": read.style_mask}
    names = {key: of.name or IN_MEMORY for key, of in pictures.items() if of is not None}
    style = read.style
    return {
        **names,
        **style.model_dump(mode="json", exclude=set(pictures), exclude_defaults=True),
    }


def finish(
    canvas: npt.NDArray[np.float32],
    size: tuple[int, int],
    color: str = "style",
    inputs: Inputs | None = None,
) -> Image.Image:
    """Turn a canvas into the resulting picture: rounded, clipped to 0…255, resized if necessary.

    Args:
        canvas: H × W × 3, RGB 0…255.
        size: width and height of the picture, in pixels.
        color: the recipe's colour transfer; one that happens after the run is done here.
        inputs: the pictures of the run, for the content's colours and the protected region.

    Returns:
        8-bit RGB.
    """
    if inputs is not None and (color in color_transfer.AFTER or inputs.protected is not None):
        return Image.fromarray(arrays.to_uint8(finished_pixels(canvas, size, color, inputs)))
    return Image.fromarray(arrays.resize_in_kind(arrays.to_uint8(canvas), size))


def finished_pixels(
    canvas: npt.NDArray[np.float32], size: tuple[int, int], color: str, inputs: Inputs
) -> npt.NDArray[np.float32]:
    """The pixels of :func:`finish` before rounding and clipping, H × W × 3, RGB 0…255."""
    painting = arrays.resize(canvas, size)
    if color not in color_transfer.AFTER and inputs.protected is None:
        return painting
    content = arrays.resize(inputs.content.pixels, size)
    if color in color_transfer.AFTER:
        has_palette = color == "palette" and inputs.styles
        style = inputs.palette if has_palette else content
        painting = color_transfer.AFTER[color](np.clip(painting, 0, 255), content, style)
    if inputs.protected is not None:
        painting += inputs.protected.at(size)[..., None] * (content - painting)
    return painting
