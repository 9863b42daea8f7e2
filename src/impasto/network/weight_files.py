"""Reads the convolutions of VGG-19 and VGG-16 from weight files of every layout, and checks them.

The channels of conv1_1 are in the order of the file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.files import reading
from impasto.network import caffemodel
from impasto.process import interrupts
from impasto.process.global_state import unwarned
from impasto.process.memory import is_out_of_memory
from impasto.settings.layers import BY_NAME, VGG_16, VGG_19, Architecture

ARCHITECTURES = (VGG_16, VGG_19)
# What state dicts call a convolution: torchvision's whole network, its `features` alone (in which
# ReLUs and poolings have positions too), and Caffe's names.
LAYOUTS = ("features.{position}", "{position}", "{name}")
KERAS, CAFFE = ".h5", ".caffemodel"
ZIPPED = (".pth", ".pt")
SUFFIXES = (".safetensors", *ZIPPED, KERAS, CAFFE)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
TORCH_SIGNATURES = (b"PK\x03\x04", b"\x80")  # of a ZIP file, and of the older pickles
MOST_BYTES = 2_000_000_000  # of a file; VGG-19 with its classifier takes 575 million in float32

Read = dict[str, tuple[Tensor, Tensor]]  # by layer, the kernel and the bias
Keys = dict[str, tuple[str, str]]  # by layer, the names of its kernel and its bias in a file


def read(file: BinaryIO, path: Path) -> tuple[Architecture, Read]:
    """The network in a weight file, and its convolutions.

    Args:
        file: the file.
        path: its path, whose suffix says of which kind it is.

    Returns:
        The network, and by layer name the kernel (out × in × 3 × 3) and the bias (out), float32.

    Raises:
        InputError: the file is too large, damaged, or of another network.
    """
    _check_size(file, path)
    kind = path.suffix.lower()
    read_kind = {KERAS: _keras, CAFFE: _caffe}.get(kind, _state_dict)
    return read_kind(file, path)


def keras_name(convolution: str) -> str:
    """What Keras calls a convolution.

    >>> keras_name("conv3_1")
    'block3_conv1'
    """
    block, index = convolution.removeprefix("conv").split("_")
    return f"block{block}_conv{index}"


def _check_size(file: BinaryIO, path: Path) -> None:
    """Make sure that neither a file nor its unpacked contents are larger than a VGG can be."""
    size = reading.size_in(file)
    if path.suffix.lower() in ZIPPED:
        try:
            with zipfile.ZipFile(file) as packed:
                size = max(size, sum(part.file_size for part in packed.infolist()))
        except Exception:
            interrupts.check()  # or it is no ZIP, and its reader says what is wrong
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
        interrupts.check()
        if is_out_of_memory(error):
            raise
        return None


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
                one: sum(keras_name(name) in root for name in one.convolutions)
                for one in ARCHITECTURES
            }
            architecture = max(shared, key=shared.__getitem__)
            for name in architecture.convolutions:
                arrays: list[Any] = []
                root[keras_name(name)].visititems(
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
        interrupts.check()
        if is_out_of_memory(error):
            raise
        raise InputError("weights.not-keras", path=path) from None
    return architecture, convolutions


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
