"""VGG-16 with random weights, and files of convolutions in every layout that impasto reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import safetensors.torch
import torch
from torch import Tensor

CHANNELS = (64, 128, 256, 512, 512)
DEPTHS = {"VGG-19": (2, 2, 4, 4, 4), "VGG-16": (2, 2, 3, 3, 3), "VGG-13": (2, 2, 2, 2, 2)}

Convolutions = Mapping[str, tuple[Tensor, Tensor]]
Key = Callable[[str, str], str]


def names(network: str) -> list[str]:
    """The names of a network's convolutions."""
    return [
        f"conv{block}_{index}"
        for block, depth in enumerate(DEPTHS[network], start=1)
        for index in range(1, depth + 1)
    ]


def shapes(network: str) -> dict[str, tuple[int, int]]:
    """By name, the channels of a convolution's output and of its input."""
    before, found = 3, {}
    for name in names(network):
        channels = CHANNELS[int(name[4]) - 1]
        found[name], before = (channels, before), channels
    return found


def random_convolutions(network: str = "VGG-16") -> dict[str, tuple[Tensor, Tensor]]:
    """Kernels that keep the energy of what passes through them, and small biases."""
    generator = torch.Generator().manual_seed(16)
    return {
        name: (
            torch.randn(out, given, 3, 3, generator=generator) * math.sqrt(2 / (9 * given)),
            0.1 * torch.randn(out, generator=generator),
        )
        for name, (out, given) in shapes(network).items()
    }


def repeated_convolutions(network: str = "VGG-16") -> dict[str, tuple[Tensor, Tensor]]:
    """One repeated number for each convolution, which small files can hold."""
    return {
        name: (
            torch.tensor(float(number)).expand(out, given, 3, 3),
            torch.tensor(-float(number)).expand(out),
        )
        for number, (name, (out, given)) in enumerate(shapes(network).items(), start=1)
    }


def by_position(convolutions: Convolutions, prefix: str = "features.") -> dict[str, Tensor]:
    """A state dict in torchvision's layout, where ReLUs and poolings have positions too."""
    stored: dict[str, Tensor] = {}
    position, block = 0, "1"
    for name, (kernel, bias) in convolutions.items():
        position += name[4] != block
        block = name[4]
        stored[f"{prefix}{position}.weight"], stored[f"{prefix}{position}.bias"] = kernel, bias
        position += 2
    return stored


def by_name(convolutions: Convolutions) -> dict[str, Tensor]:
    """A state dict by layer names."""
    return {
        f"{name}.{part}": tensor
        for name, pair in convolutions.items()
        for part, tensor in zip(("weight", "bias"), pair, strict=True)
    }


def write_state_dict(stored: Mapping[str, Tensor], path: Path) -> Path:
    """A ``.safetensors``, ``.pth`` or ``.pt`` file."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file({key: t.contiguous() for key, t in stored.items()}, path)
    else:
        torch.save(dict(stored), path)
    return path


def classic(name: str, part: str) -> str:
    """Where the oldest of Keras's files have a kernel or a bias."""
    layer = f"block{name[4]}_conv{name[6]}"
    return f"{layer}/{layer}_{'W' if part == 'kernel' else 'b'}_1:0"


def newer(name: str, part: str) -> str:
    """Where newer files of Keras have it."""
    layer = f"block{name[4]}_conv{name[6]}"
    return f"{layer}/{layer}/{part}:0"


def whole_model(name: str, part: str) -> str:
    """Where Keras's files of whole models have it."""
    return f"model_weights/{newer(name, part)}"


def for_bgr(convolutions: Convolutions) -> dict[str, tuple[Tensor, Tensor]]:
    """The same convolutions, with a conv1_1 that takes B, G, R."""
    return {
        name: (kernel.flip(1) if name == "conv1_1" else kernel, bias)
        for name, (kernel, bias) in convolutions.items()
    }


def write_keras(convolutions: Convolutions, path: Path, key: Key = newer) -> Path:
    """Keras's layout: kernels 3 × 3 × in × out, conv1_1 for B, G, R."""
    with h5py.File(path, "w") as file:
        for name, (kernel, bias) in for_bgr(convolutions).items():
            for part, tensor in (("kernel", kernel.permute(2, 3, 1, 0)), ("bias", bias)):
                array = tensor.numpy()
                first = array.flat[0]
                dataset = file.create_dataset(
                    key(name, part), array.shape, "f4", chunks=array.shape, fillvalue=first
                )
                if np.any(array != first):  # else the fill value is enough, and takes no room
                    dataset[...] = array
    return path


def write_caffe(convolutions: Convolutions, path: Path, *, is_old: bool = True) -> Path:
    """Caffe's layout, conv1_1 for B, G, R, between layers without weights and one that is passed.

    Args:
        convolutions: by layer name.
        path: path of the file.
        is_old: use the messages of the original files, or those of Caffe since 2014.
    """
    others = [_layer("data", [], is_old=is_old), _layer("fc8", [torch.ones(4, 5)], is_old=is_old)]
    layers = [_layer(name, pair, is_old=is_old) for name, pair in for_bgr(convolutions).items()]
    title = field(1, b"VGG_ILSVRC")
    path.write_bytes(b"".join([title, others[0], *layers, others[1]]))
    return path


def _layer(name: str, tensors: Any, *, is_old: bool) -> bytes:
    of_layer, of_name, of_blobs, of_type = (2, 4, 6, 5) if is_old else (100, 1, 7, 2)
    kind = field(of_type, 4) if is_old else field(of_type, b"Convolution")
    blobs = b"".join(field(of_blobs, _blob(tensor, is_old=is_old)) for tensor in tensors)
    return field(of_layer, field(of_name, name.encode()) + kind + blobs)


def _blob(tensor: Tensor, *, is_old: bool) -> bytes:
    data = field(5, tensor.numpy().astype("<f4").tobytes())
    if is_old:
        sides = [1] * (4 - tensor.ndim) + list(tensor.shape)
        return b"".join(field(number, side) for number, side in enumerate(sides, start=1)) + data
    return data + field(7, field(1, b"".join(varint(side) for side in tensor.shape)))


def field(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer message."""
    if isinstance(value, int):
        return varint(8 * number) + varint(value)
    return varint(8 * number + 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    """A number as a protocol buffer holds it."""
    data = bytearray()
    while number > 0x7F:
        data.append(0x80 | number & 0x7F)
        number >>= 7
    return bytes([*data, number])
