"""Reads the weights in a file of Caffe: a protocol buffer message of type NetParameter.

The message types are those of Caffe's ``caffe.proto``, and their encoding is described at
protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from impasto.files import reading

# Field of NetParameter → fields of the name and of the blobs of such a layer.
LAYERS = {2: (4, 6), 100: (1, 7)}  # of type V1LayerParameter, and of type LayerParameter
SIDES = (1, 2, 3, 4)  # fields of BlobProto: the shape in older files
DATA, SHAPE = 5, 7  # fields of BlobProto
DIMENSIONS = 1  # field of BlobShape
NUMBER, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5  # kinds of values
MOST_DIMENSIONS = 8
MOST_BYTES = 10  # of a number
LONGEST_NAME = 256  # bytes

Span = tuple[int, int]  # first byte, and the byte after the last


def read(file: BinaryIO, names: Collection[str]) -> dict[str, Tensor]:
    """The weights and biases of some layers.

    Args:
        file: the file, of any length; fully connected layers are passed over.
        names: names of the layers; those that the file lacks are left out.

    Returns:
        By ``conv1_1.weight``, ``conv1_1.bias`` and so on, float32 tensors.

    Raises:
        ValueError: the file is damaged, or is not one of Caffe's.
    """
    found: dict[str, Tensor] = {}
    for field, layer in _fields(file, (0, reading.size_in(file))):
        if field not in LAYERS or isinstance(layer, int):
            continue
        of_name, of_blobs = LAYERS[field]
        name, blobs = "", []
        for part, value in _fields(file, layer):
            if isinstance(value, int):
                continue
            if part == of_name:
                name = _bytes(file, value, LONGEST_NAME).decode()
            elif part == of_blobs:
                blobs.append(value)
        if name in names and len(blobs) == 2:
            kernel, bias = (_tensor(file, blob) for blob in blobs)
            found |= {f"{name}.weight": kernel, f"{name}.bias": bias.flatten()}
    return found


def _tensor(file: BinaryIO, blob: Span) -> Tensor:
    """The tensor in a message of type BlobProto."""
    sides: dict[int, int] = {}
    shape: list[int] | None = None
    data = b""
    for field, value in _fields(file, blob):
        if isinstance(value, int):
            if field in SIDES:
                sides[field] = value
        elif field == DATA:
            data = _bytes(file, value, value[1] - value[0])
        elif field == SHAPE:
            shape = _dimensions(file, value)
    if shape is None:
        shape = [sides.get(field, 1) for field in SIDES]
    if len(shape) > MOST_DIMENSIONS or 4 * math.prod(shape) != len(data):
        raise ValueError
    return torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32).reshape(shape))


def _dimensions(file: BinaryIO, shape: Span) -> list[int]:
    """The numbers in a message of type BlobShape, which may be packed."""
    dimensions = []
    for field, value in _fields(file, shape):
        if field != DIMENSIONS:
            continue
        if isinstance(value, int):
            dimensions.append(value)
            continue
        if value[1] - value[0] > MOST_BYTES * MOST_DIMENSIONS:
            raise ValueError
        file.seek(value[0])
        while file.tell() < value[1]:
            dimensions.append(_number(file))
    return dimensions


def _fields(file: BinaryIO, message: Span) -> Iterator[tuple[int, int | Span]]:
    """The fields of a message: the number of each, and its value, or where its bytes are."""
    here, end = message
    while here < end:
        file.seek(here)
        field, kind = divmod(_number(file), 8)
        if field == 0:
            raise ValueError
        if kind == NUMBER:
            value = _number(file)
            here = file.tell()
            yield field, value
            continue
        if kind not in (EIGHT_BYTES, BYTES, FOUR_BYTES):
            raise ValueError
        size = _number(file) if kind == BYTES else 8 if kind == EIGHT_BYTES else 4
        first = file.tell()
        here = first + size
        if here > end:
            raise ValueError
        yield field, (first, here)


def _number(file: BinaryIO) -> int:
    """A number of up to ten bytes, seven bits in each, the lowest first."""
    number = 0
    for place in range(MOST_BYTES):
        (byte,) = file.read(1) or b"\xff"
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number
    raise ValueError


def _bytes(file: BinaryIO, span: Span, most: int) -> bytes:
    first, last = span
    if last - first > most:
        raise ValueError
    file.seek(first)
    return file.read(last - first)
