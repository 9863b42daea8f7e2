"""Painting with a painter: a photograph of any size, whole or in tiles."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from impasto._version import __version__
from impasto.errors import InputError
from impasto.files import reading
from impasto.files.writing import check_apart
from impasto.messages.message import Message
from impasto.network import devices
from impasto.painters import file as files
from impasto.painters.file import About
from impasto.painters.network import Condition, PaintingNetwork, placed
from impasto.painters.objective import tensor_of
from impasto.painters.tiles import in_tiles
from impasto.pictures import arrays, color_transfer, images, sizes, writers
from impasto.pictures.color_transfer import ColorMap
from impasto.pictures.images import Picture
from impasto.pictures.inputs import path_of
from impasto.pictures.refusals import naming
from impasto.process import interrupts
from impasto.process.memory import memory_errors
from impasto.settings.pieces import check_choice, check_number
from impasto.settings.recipe import Recipe
from impasto.settings.strength import or_usual
from impasto.settings.values import read_size

COLORS = ("style", "content", "histogram", "palette")
SMALLEST_SIDE = 16  # pixels
WHOLE_PIXELS = 2**21  # a photograph with more pixels is painted in tiles
TILE = 1024  # pixels; side of a tile without its halo

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class LearnedPainting:
    """A photograph, painted by a painter.

    Attributes:
        canvas: H × W × 3, float32, RGB 0…255, neither rounded nor clipped.
        content: the photograph.
        painter: what is known of the painter: its file's name, SHA-256 of its weights, its styles.
        mixture: the share of each style, by name.
        strength: from 0 to 1.
        color: the colour transfer.
        path: of the photograph; None for one in memory.
    """

    canvas: Pixels
    content: Picture
    painter: Mapping[str, Any]
    mixture: Mapping[str, float]
    strength: float
    color: str
    path: Path | None = None

    def __repr__(self) -> str:
        width, height = self.size
        styles = ", ".join(f"{name}:{share:g}" for name, share in self.mixture.items())
        return f"<LearnedPainting: {width}×{height} pixels in the style of {styles}>"

    def _repr_png_(self) -> bytes:
        """The painting as a notebook shows it: a PNG, reduced if it is large."""
        return writers.png_for_notebook(self.image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.canvas.shape[:2]
        return width, height

    @property
    def image(self) -> Image.Image:
        """The painting, 8-bit RGB."""
        return Image.fromarray(arrays.to_uint8(self.canvas))

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
        """Write the painting, with the arguments of :meth:`impasto.Result.save`.

        Raises:
            InputError: the picture cannot be written there, or it would replace the photograph.
        """
        if not hasattr(path, "write"):
            path = path_of(path, "output")
            check_apart([self.path] if self.path is not None else [], [path])
        picture = self.image if bits == 8 else self.canvas
        text = json.dumps(self.metadata()) if metadata else None
        writers.save(picture, path, format=format, quality=quality, bits=bits, text=text)

    def metadata(self) -> dict[str, Any]:
        """What the painting carries: the same for the same painting, without times or folders."""
        return {
            "impasto": __version__,
            "content": {"name": self.content.name, "sha256": self.content.sha256},
            "painter": dict(self.painter),
            "mixture": dict(self.mixture),
            "strength": self.strength,
            "color": self.color,
        }


class Painter:
    """A network that has learned one or several styles, and paints in one pass.

    :func:`impasto.train_painter` makes one, and :meth:`load` reads one from a file.

    >>> painter = Painter.load("oil.safetensors")  # doctest: +SKIP
    >>> painter.paint("photo.jpg", strength=0.7).save("out.png")  # doctest: +SKIP

    Args:
        about: what is known of it.
        network: its network.
        swatches: its styles as small pictures, styles × H × W × 3, uint8.
        device: the device that computes.
        name: name of its file; None if it has none.

    Attributes:
        about: what is known of it.
    """

    def __init__(
        self,
        about: About,
        network: PaintingNetwork,
        swatches: Tensor,
        device: str | torch.device = "auto",
        name: str | None = None,
    ) -> None:
        self.about, self._swatches, self._name = about, swatches, name
        self._color_map: ColorMap | None = None
        self._device = devices.choose(device)
        self._network = placed(network, self._device).eval()

    @classmethod
    @memory_errors()
    def load(cls, path: str | os.PathLike[str], *, device: str | torch.device = "auto") -> Painter:
        """Read a painter from a file.

        Raises:
            InputError: the file cannot be read or holds no painter, or there is no such device.
        """
        file = reading.located(path_of(path, "painter"))
        return cls(*files.read(file), device, file.name)

    def __repr__(self) -> str:
        return f"<Painter: {', '.join(self.styles)}; {self.about.steps} steps>"

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the styles that it has learned."""
        return self.about.names

    @property
    def recipe(self) -> Recipe:
        """The settings that it was trained with."""
        return Recipe(**self.about.recipe)

    @property
    def network(self) -> PaintingNetwork:
        """The network."""
        return self._network

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the painter to a file, completely or not at all; :meth:`load` reads it.

        Raises:
            OSError: the file cannot be written.
        """
        files.write(Path(path_of(path, "output")), self.about, self._network, self._swatches)

    def recolored(self, by: ColorMap) -> Painter:
        """This painter with a map of the colours that it paints; a file does not hold the map.

        At strengths at which the painting keeps a part of the photograph, it keeps the same part of
        its colours.
        """
        other = copy.copy(self)
        other._color_map = by
        return other

    @memory_errors()
    def paint(
        self,
        picture: images.Source,
        *,
        style: object = None,
        strength: float | None = None,
        size: Any = "original",
        color: str = "style",
    ) -> LearnedPainting:
        """Paint a picture.

        Args:
            picture: a path, or a picture in memory, as for :func:`impasto.read_picture`.
            style: the name of a style, or its number from 1; or a mixture, as text such as
                ``"oil:0.3,ink:0.7"`` or as a mapping from names to weights. None for the first.
            strength: how much of the style, from 0, which is the photograph, to 1; None for the
                strength that the painter was trained for most.
            size: size of the painting: ``(width, height)``, the longer side, or ``"original"``.
            color: the colours: ``style``, or transferred from the photograph after painting, as
                ``content``, ``histogram`` and ``palette`` of a recipe.

        Raises:
            InputError: the picture cannot be read or is too small, there is no such style, or the
                strength, the size or the colours cannot be used.
        """
        drawn = self.condition(style, strength)
        check_color(color)
        content = images.read(picture, "content picture")
        target = sizes.fit(content.size, _size(size))
        check_side(naming("content picture", picture), target)
        pixels = arrays.resize(content.pixels, target)
        canvas = self.painted(pixels, drawn)
        if color in color_transfer.AFTER:
            swatch = self._swatches[int(drawn.mixture.argmax())].numpy()
            canvas = np.asarray(
                color_transfer.AFTER[color](np.clip(canvas, 0, 255), pixels, swatch), np.float32
            )
        shares = zip(self.styles, drawn.mixture.tolist(), strict=True)
        is_file = isinstance(picture, str | os.PathLike)
        return LearnedPainting(
            canvas,
            content,
            self.identity,
            {name: round(share, 6) for name, share in shares if share},
            drawn.strength,
            color,
            reading.located(picture) if is_file else None,  # type: ignore[arg-type]
        )

    @property
    def identity(self) -> dict[str, Any]:
        """Name of the painter's file, and its styles' names and SHA-256."""
        styles = [style.model_dump() for style in self.about.styles]
        return {"name": self._name, "styles": styles, "steps": self.about.steps}

    def condition(self, style: object = None, strength: float | None = None) -> Condition:
        """The mixture of styles and the strength, as the network takes them.

        Raises:
            InputError: there is no such style, or the strength is not a number from 0 to 1.
        """
        own = self.recipe.strength
        chosen = or_usual(own) if strength is None else strength
        check_strength(chosen)
        mixture = torch.tensor(files.read_mixture(style, self.about), device=self._device)
        return Condition(mixture, float(chosen))

    def painted(self, pixels: arrays.Pixels, condition: Condition, tile: int | None = 0) -> Pixels:
        """Pixels, painted.

        Args:
            pixels: H × W × 3, RGB, 0…255.
            condition: the styles and the strength.
            tile: side of the tiles without their halo, in pixels; 0 for tiles only if the picture
                is large, and None for none.

        Returns:
            H × W × 3, RGB, neither rounded nor clipped.
        """
        interrupts.check()
        if tile == 0:
            tile = TILE if pixels.shape[0] * pixels.shape[1] > WHOLE_PIXELS else None
        with torch.inference_mode(), devices.exact_convolutions():
            photograph = tensor_of(pixels)
            if tile is None:
                painting = _whole(self._network, photograph.to(self._device), condition)
            else:
                painting = in_tiles(self._network, photograph, condition, tile, self._device)
        canvas: Pixels = np.ascontiguousarray(painting.permute(1, 2, 0).cpu().numpy())
        if self._color_map is not None:
            canvas += condition.change * (self._color_map(canvas) - canvas)
        return canvas


def _whole(network: PaintingNetwork, photograph: Tensor, condition: Condition) -> Tensor:
    """A photograph of any size, 3 × H × W, painted whole."""
    from impasto.painters.tiles import beyond

    painting: Tensor = network(beyond(photograph), condition)
    return painting[:, : photograph.shape[1], : photograph.shape[2]]


def _size(given: Any) -> Any:
    try:
        return read_size(given)
    except ValueError as error:
        raise InputError("painter.bad-size", size=given, reason=error) from None


def check_side(picture: Message, size: tuple[int, int]) -> None:
    """Make sure that a painting is large enough for a painter.

    Args:
        picture: the name of what is painted, for the sentence.
        size: width and height of the painting, in pixels.

    Raises:
        InputError: it is not.
    """
    width, height = size
    if min(size) < SMALLEST_SIDE:
        raise InputError(
            "painter.too-small", picture=picture, width=width, height=height, least=SMALLEST_SIDE
        )


def check_strength(strength: object) -> None:
    """Make sure that a strength is a number from 0 to 1.

    Raises:
        InputError: it is not.
    """
    check_number("strength", strength, may_be_zero=True)
    if not 0 <= float(strength) <= 1:  # type: ignore[arg-type]
        raise InputError("painter.strength", strength=strength)


def check_color(color: object) -> None:
    """Make sure that a colour transfer is one that a painter can do.

    Raises:
        InputError: it is not.
    """
    if color == "match":
        raise InputError("painter.no-match", names=tuple(COLORS))
    check_choice("color", color, COLORS)
