"""TGA, which has no signature: every kind of pixels, packed or not, from each of its corners."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from impasto.errors import ImpastoWarning
from picture_files import encoded, head, noise, on_white, read, refusal


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tga(
    stored: npt.NDArray[Any],
    kind: int = 2,
    flags: int = 0x20,
    *,
    palette: bytes = b"",
    map_bits: int = 0,
) -> bytes:
    """H × W × bytes of a pixel; with the flags of a picture that begins at its top left."""
    height, width, count = stored.shape
    entries = len(palette) * 8 // map_bits if map_bits else 0
    start = struct.pack("<BBBHHB", 0, bool(palette), kind, 0, entries, map_bits)
    rest = struct.pack("<HHHHBB", 0, 0, width, height, 8 * count, flags)
    return start + rest + palette + stored.tobytes()


def extension(kind: int, before: bytes) -> bytes:
    """The end of a file of version 2, which says what the last channel is."""
    area = struct.pack("<H", 495) + bytes(492) + bytes([kind])
    return area + struct.pack("<II", len(before), 0) + b"TRUEVISION-XFILE.\0"


BGR = np.ascontiguousarray(noise()[:, :, ::-1])
BGRA = np.dstack([BGR, noise(channels=4)[:, :, 3]])
RGBA = np.dstack([noise(), BGRA[:, :, 3]])


@pytest.mark.parametrize(
    ("flags", "stored"),
    [(0x20, BGR), (0x00, BGR[::-1]), (0x30, BGR[:, ::-1]), (0x10, BGR[::-1, ::-1])],
)
def test_the_corner_where_it_begins(flags: int, stored: Any) -> None:
    assert np.array_equal(read(tga(stored, flags=flags)), noise())


@pytest.mark.parametrize("compression", [None, "tga_rle"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_packed_or_not(mode: str, compression: str | None) -> None:
    image = Image.fromarray(noise()).convert(mode)
    data = encoded(image, "TGA", compression=compression)
    assert np.array_equal(read(data), np.asarray(image.convert("RGB")))


def test_16_bits_a_pixel_have_no_opacity() -> None:
    stored = np.array([[0b0_11111_00000_11111, 0b1_00000_11111_00000]], "<u2")
    data = tga(stored.view(np.uint8).reshape(1, 2, 2).repeat(5, axis=0), flags=0x21)
    assert read(data)[0].tolist() == [[255, 0, 255], [0, 255, 0]]


@pytest.mark.parametrize("map_bits", [16, 24, 32])
def test_a_palette_of_any_depth(map_bits: int) -> None:
    entry = {16: b"\x1f\x7c", 24: b"\xff\0\xff", 32: b"\xff\0\xff\0"}[map_bits]
    data = tga(np.zeros((1, 1, 1), np.uint8), 1, palette=entry, map_bits=map_bits)
    assert read(data).tolist() == [[[255, 0, 255]]]


def test_opacity_is_laid_on_white() -> None:
    with pytest.warns(ImpastoWarning, match="transparent"):
        assert np.abs(read(tga(BGRA, flags=0x28)) - on_white(RGBA)).max() <= 0.51


def test_opacity_that_the_colours_are_multiplied_with() -> None:
    data = tga(np.array([[[0, 51, 51, 51]]], np.uint8), flags=0x28)
    with pytest.warns(ImpastoWarning, match="transparent"):
        assert read(data + extension(4, data)).tolist() == [[[255, 255, 204]]]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_fourth_channel_that_is_no_opacity(kind: int) -> None:
    data = tga(BGRA, flags=0x28)
    assert np.array_equal(read(data + extension(kind, data)), noise())


def test_a_fourth_channel_that_is_not_declared() -> None:
    assert np.array_equal(read(tga(BGRA, flags=0x20)), noise())


def test_nothing_opaque_at_all_is_no_opacity() -> None:
    stored = np.dstack([BGR, np.zeros_like(BGR[:, :, 0])])
    assert np.array_equal(read(tga(stored, flags=0x28)), noise())


def test_the_header_tells_the_size() -> None:
    assert head(tga(np.zeros((10, 20, 4), np.uint8))).size == (20, 10)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_short_is_refused(packed: bool) -> None:
    image = Image.fromarray(noise(40, 50))
    data = encoded(image, "TGA", compression="tga_rle" if packed else None)
    for end in (17, 18, 30, len(data) // 2):
        refusal(data[:end])


def test_a_few_bytes_do_not_hold_a_hundred_megapixels() -> None:
    data = bytearray(tga(BGR))
    data[12:16] = struct.pack("<HH", 12000, 12000)
    assert "claims to have 12000×12000 pixels" in refusal(bytes(data))


def test_a_film_that_begins_like_one_is_called_a_clip() -> None:
    assert "is a clip" in refusal(b"\0\0\1\xba" + bytes(100))


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0" + bytes(100),  # an icon
        b"\0\1\0\0\0\x0f\0\x80\0\3\0\x70" + bytes(100),  # a font
        bytes(100),
    ],
)
def test_what_only_begins_like_one_is_no_picture(data: bytes) -> None:
    assert "is damaged or not a picture that can be read" in refusal(data)
