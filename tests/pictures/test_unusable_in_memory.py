"""Pictures in memory that hold no pixels to read, and numbers of every byte order."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import InputError
from impasto.pictures import images
from impasto.settings.style import Style


def closed_image() -> Image.Image:
    image = Image.new("RGB", (8, 8))
    image.close()
    return image


@pytest.mark.parametrize(
    "make",
    [
        closed_image,
        lambda: torch.zeros(3, 8, 8).to_sparse(),
        lambda: torch.zeros(3, 8, 8, device="meta"),
    ],
)
def test_what_holds_no_pixels_is_not_called_damaged(make: Callable[[], Any]) -> None:
    with pytest.raises(InputError) as raised:
        images.read(make())
    assert raised.value.code == "picture.no-pixels-to-read"


def test_a_closed_file_is_named_in_one_sentence() -> None:
    file = io.BytesIO()
    file.close()
    with pytest.raises(InputError, match=r"reading it failed with I/O operation on closed file\.$"):
        images.read(file)


@pytest.mark.parametrize("picture", [Style(picture="a.png"), Style])
def test_what_can_make_things_by_reading_is_no_file(picture: Any) -> None:
    with pytest.raises(InputError) as raised:
        images.read(picture)
    assert raised.value.code == "picture.wrong-type"


def test_two_channels_are_among_those_that_an_error_names() -> None:
    assert images.read(np.full((4, 4, 2), 255, np.uint8)).size == (4, 4)
    with pytest.raises(InputError, match="with 1 to 4 channels"):
        images.read(np.zeros((8, 8, 5), np.uint8))


@pytest.mark.parametrize("order", "<>=")
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i2", "i8", "f4", "f8"])
def test_the_byte_order_does_not_matter(kind: str, order: str) -> None:
    white = 65535 if kind == "u2" else 255
    values = (np.arange(192).reshape(8, 8, 3) % 255 * (white // 255)).astype(f"{order}{kind}")
    values[0, 0] = white
    native = values.astype(values.dtype.newbyteorder("="))
    assert np.array_equal(images.read(values).pixels, images.read(native).pixels)
    assert images.read(values).pixels.max() == 255
