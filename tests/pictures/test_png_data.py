"""PNG whose data end before the last row."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from impasto.errors import InputError
from impasto.pictures import images, png_data

HEIGHT, WIDTH = 64, 48


def png(rows: int, *, depth: int = 8, colours: int = 2, parts: int = 1) -> bytes:
    """A PNG whose data end after some of its 64 rows, cut into several chunks."""
    row = b"\0" + bytes(WIDTH * png_data.CHANNELS[colours] * depth // 8)
    data = zlib.compress(row * rows)
    cuts = np.linspace(0, len(data), parts + 1, dtype=int)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colours, 0, 0, 0)
    pieces = [data[start:end] for start, end in itertools.pairwise(cuts)]
    whole = [(b"IHDR", header), *((b"IDAT", piece) for piece in pieces), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk, whole))


def unpacked(data: bytes) -> bytes:
    """The data of a PNG of one IDAT chunk."""
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    return zlib.decompress(data[start + 4 :][:length])


def chunk(named: tuple[bytes, bytes]) -> bytes:
    name, data = named
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colours", [0, 2, 4, 6])
@pytest.mark.parametrize("rows", [0, 30, HEIGHT - 1])
def test_rows_that_are_missing_are_an_error(rows: int, colours: int, depth: int) -> None:
    with pytest.raises(InputError) as raised:
        images.read(png(rows, depth=depth, colours=colours, parts=2))
    assert raised.value.code == "picture.cut-short"


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("rows", [HEIGHT, HEIGHT + 5])
def test_a_picture_with_every_row_is_read(rows: int, parts: int) -> None:
    assert images.read(png(rows, parts=parts)).size == (WIDTH, HEIGHT)


@given(
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    mode=st.sampled_from(["1", "L", "P", "LA", "RGB", "RGBA", "I;16"]),
)
def test_every_kind_that_pillow_writes_is_complete(size: tuple[int, int], mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    png_data.check_complete(file)
    assert png_data.data_bytes(file.getvalue()[16:29]) == len(unpacked(file.getvalue()))


@pytest.mark.parametrize(("width", "height", "expected"), [(1, 1, 4), (8, 8, 192 + 15), (3, 1, 12)])
def test_an_interlaced_picture_has_a_filter_for_each_row_of_a_pass(
    width: int, height: int, expected: int
) -> None:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    assert png_data.data_bytes(header) == expected
