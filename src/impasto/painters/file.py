"""Painters as files: safetensors, which hold numbers and text and nothing that is executed.

The network's weights are tensors; everything else is JSON text in the metadata, after a SHA-256 of
both. Whoever reads a file may not have written it, so everything in it is checked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from impasto._version import __version__
from impasto.errors import InputError, ReasonError
from impasto.files.reading import as_given, open_file, reason_of
from impasto.files.writing import written_whole
from impasto.messages.message import Message
from impasto.painters.network import PaintingNetwork, Shape
from impasto.pictures import arrays
from impasto.pictures.images import Picture
from impasto.run.checkpoint import digest
from impasto.settings.recipe import Recipe
from impasto.settings.validation import suggest

SUFFIXES = (".safetensors",)
KEY = "impasto-painter"  # of the metadata, which has no other: the order of several is not fixed
SWATCHES = "swatches"  # tensor: the styles as small pictures
SWATCH = 64  # pixels; their side
MOST_STYLES, MOST_CHANNELS, MOST_BLOCKS = 256, 1024, 64

Channels = Annotated[int, Field(ge=1, le=MOST_CHANNELS)]
Text = TypeVar("Text", bound="Stated")


class Stated(BaseModel):
    """Text in the metadata of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class StyleName(Stated):
    """A style that a painter has learned.

    Attributes:
        name: its name, by which it is chosen: that of its picture without the suffix.
        sha256: of the file of its picture.
    """

    name: str = Field(min_length=1)
    sha256: str


class About(Stated):
    """What a file says about its painter.

    Attributes:
        format: version of the layout of these files.
        impasto: version of impasto that wrote it.
        styles: the styles, in the order of the network's parameters.
        recipe: the settings that it was trained with.
        channels: of the network, as in :class:`Shape`.
        blocks: number of residual blocks of the network.
        steps: number of steps that it was trained for.
        photographs: number of photographs that it was trained on.
    """

    format: Literal[1] = 1
    impasto: str = __version__
    styles: list[StyleName] = Field(min_length=1, max_length=MOST_STYLES)
    recipe: dict[str, Any]
    channels: tuple[Channels, Channels, Channels] = Field(strict=False)
    blocks: int = Field(ge=0, le=MOST_BLOCKS)
    steps: int = Field(ge=0)
    photographs: int = Field(ge=1)

    @property
    def shape(self) -> Shape:
        """What the network is made of."""
        return Shape(len(self.styles), self.channels, self.blocks)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the styles, in order."""
        return tuple(style.name for style in self.styles)


def named(styles: Sequence[Picture]) -> list[StyleName]:
    """The styles of a painter; two pictures of the same name get numbers."""
    stems = [Path(one.name).stem if one.name else f"style-{n}" for n, one in enumerate(styles, 1)]
    names: list[str] = []
    for stem in stems:
        plain = "".join(" " if sign in ":," else sign for sign in stem).strip() or "style"
        number, name = 2, plain
        while name in names:
            number, name = number + 1, f"{plain}-{number}"
        names.append(name)
    return [
        StyleName(name=name, sha256=one.sha256) for name, one in zip(names, styles, strict=True)
    ]


def swatches_of(styles: Sequence[Picture]) -> Tensor:
    """The styles as small pictures, styles × 64 × 64 × 3, uint8, for their colours."""
    small = [arrays.to_uint8(arrays.resize(one.pixels, (SWATCH, SWATCH))) for one in styles]
    return torch.stack([torch.from_numpy(pixels) for pixels in small])


def write(path: Path, about: About, network: PaintingNetwork, swatches: Tensor) -> None:
    """Write a painter, completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    tensors = {**network.state_dict(), SWATCHES: swatches}
    write_tensors(path, KEY, about.model_dump_json(), tensors)


def read(path: str | os.PathLike[str]) -> tuple[About, PaintingNetwork, Tensor]:
    """Read a painter.

    Returns:
        What the file says about it, the network on the CPU, and the swatches.

    Raises:
        InputError: the file cannot be read, or holds no painter.
    """
    text, tensors = read_tensors(path, KEY)
    about = stated(About, text, path)
    try:
        Recipe(**about.recipe)
    except InputError as error:
        raise InputError("painter.unusable", path=as_given(path), reason=error.message) from None
    swatches = tensors.pop(SWATCHES, None)
    with torch.device("meta"):
        network = PaintingNetwork(about.shape)  # takes no memory, whatever size the file states
    shape = (len(about.styles), SWATCH, SWATCH, 3)
    if swatches is None or swatches.shape != shape or swatches.dtype != torch.uint8:
        raise _damaged(path)
    _check_fit(network, tensors, path)
    network.load_state_dict(tensors, assign=True)
    return about, network, swatches


def fill(network: PaintingNetwork, tensors: Mapping[str, Tensor], path: Any) -> None:
    """Give a network the weights that a file holds.

    Raises:
        InputError: they are not those of such a network.
    """
    _check_fit(network, tensors, path)
    network.load_state_dict(dict(tensors))


def _check_fit(network: PaintingNetwork, tensors: Mapping[str, Tensor], path: Any) -> None:
    own = network.state_dict()
    fits = tensors.keys() == own.keys() and all(
        tensor.shape == own[name].shape and tensor.dtype == own[name].dtype
        for name, tensor in tensors.items()
    )
    if not fits or not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise _damaged(path)


def write_tensors(path: Path, key: str, text: str, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors and a text, completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    on_host = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    data = safetensors.torch.save(on_host, {key: f"{digest(text, on_host)} {text}"})
    with written_whole(path) as file:
        file.write(data)


def read_tensors(path: str | os.PathLike[str], key: str) -> tuple[str, dict[str, Tensor]]:
    """The text and the tensors of a file that :func:`write_tensors` wrote.

    Raises:
        InputError: the file is missing, cannot be read, is damaged, or is another kind of file.
    """
    shown = as_given(path)
    try:
        open_file(path).close()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError("painter.not-found", path=shown) from None
    except (OSError, ValueError) as error:
        raise InputError("painter.unreadable", path=shown, reason=reason_of(error)) from None
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = (file.metadata() or {}).get(key)
            # Copied: sums are rounded differently in memory not aligned like PyTorch's own.
            tensors = {
                name: file.get_tensor(name).clone()
                for name in (file.keys() if told is not None else ())
            }
    except Exception as error:  # damaged bytes make readers raise almost anything
        usual = "painter.is-onnx" if Path(path).suffix.lower() == ".onnx" else "painter.not-one"
        reason = getattr(error, "strerror", None) or Message(usual)
        raise InputError("painter.unreadable", path=shown, reason=reason) from None
    if told is None:
        raise InputError("painter.not-ours", path=shown)
    sha256, _, text = told.partition(" ")
    if sha256 != digest(text, tensors):
        raise _damaged(path)
    return text, tensors


def stated(kind: type[Text], text: str, path: Any) -> Text:
    """The text of a file as an object.

    Raises:
        InputError: it is not such a text, or is of a later version of impasto.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("format",):
            raise InputError("painter.later", path=as_given(path)) from None
        raise _damaged(path) from None


def _damaged(path: Any) -> InputError:
    return InputError("painter.damaged", path=as_given(path))


def place_of(name: str, about: About) -> int:
    """The place of a style among those of a painter, by its name or its number from 1.

    Raises:
        InputError: it has no such style.
    """
    if name in about.names:
        return about.names.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(about.names):
        return int(name) - 1
    hint = suggest(name, about.names)
    raise InputError("painter.no-style", name=name, names=about.names, hint=hint)


def read_mixture(given: object, about: About) -> list[float]:
    """The share of each style of a painter in a mixture; they add up to 1.

    Args:
        given: the name or the number of a style; text such as ``a:0.3,b:0.7``; a mapping from names
            to weights; None for the first style.
        about: the painter.

    Raises:
        InputError: it has no such style, or a weight is not a number from 0.
    """
    if given is None:
        weights: Mapping[str, object] = {about.names[0]: 1.0}
    elif isinstance(given, Mapping):
        weights = {str(name): weight for name, weight in given.items()}
    else:
        parts = [part.rpartition(":") for part in str(given).split(",")]
        weights = {(name or last).strip(): last if name else 1.0 for name, _, last in parts}
    shares = [0.0] * len(about.styles)
    for name, weight in weights.items():
        shares[place_of(name, about)] += _number(name, weight)
    total = sum(shares)
    if not total:
        raise InputError("painter.no-share", names=tuple(weights))
    return [share / total for share in shares]


def _number(name: str, weight: object) -> float:
    try:
        number = float(weight)  # type: ignore[arg-type]
        if isinstance(weight, bool) or not 0 <= number < float("inf"):
            raise ReasonError("painter.weight", name=name, weight=weight)
    except (TypeError, ValueError):
        raise InputError("painter.weight", name=name, weight=weight) from None
    return number
