"""PSD and PSB: the merged picture, in every kind of colours that one can have."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from impasto.errors import ImpastoWarning
from impasto.pictures import profiles
from picture_files import head, layer_count, noise, on_white, outcome, psd, read, refusal

BITMAP, GREY, INDEXED, RGB, CMYK, DUOTONE, LAB = 0, 1, 2, 3, 4, 8, 9
COMPRESSIONS = range(4)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planes(pixels: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_rgb_of_8_bits(compression: int, is_big: bool) -> None:
    pixels = noise(width=300)
    pixels[:, :200] = 7  # runs of more than 128
    data = psd(planes(pixels), compression=compression, is_big=is_big)
    assert read(data).dtype == np.uint8
    assert np.array_equal(read(data), pixels)


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_rgb_of_16_bits_keeps_every_level(compression: int, is_big: bool) -> None:
    deep = noise(dtype=np.uint16)
    pixels = read(psd(planes(deep), compression=compression, is_big=is_big))
    assert np.array_equal(np.rint(pixels.astype(float) * 257), deep)


def test_grey() -> None:
    assert np.array_equal(
        read(psd(planes(noise(channels=1)), GREY)), np.repeat(noise(channels=1), 3, axis=2)
    )


def test_one_is_black_in_a_bitmap() -> None:
    data = psd(np.array([[[0b01000000]]], np.uint8), BITMAP, bits=1)
    assert read(data)[0, :2, 0].tolist() == [255, 0]


def test_indexed_colours() -> None:
    palette = np.zeros((3, 256), np.uint8)
    palette[:, 1] = 10, 20, 30
    data = psd(np.array([[[0, 1]]], np.uint8), INDEXED, palette=palette.tobytes())
    assert read(data).tolist() == [[[0, 0, 0], [10, 20, 30]]]


def test_a_transparent_index() -> None:
    indices, number = np.array([[[0, 1]]], np.uint8), {1047: struct.pack(">H", 1)}
    data = psd(indices, INDEXED, palette=bytes(768), resources=number)
    with pytest.warns(ImpastoWarning, match="transparent"):
        assert read(data)[0, :, 0].tolist() == [0, 255]


def test_inks_are_stored_inverted() -> None:
    ink = np.full((4, 2, 2), 255, np.uint8)
    ink[0] = 0  # all of the cyan
    assert read(psd(ink, CMYK))[0, 0].tolist() == [0, 255, 255]


def test_inks_of_16_bits_are_read_with_8() -> None:
    ink = np.full((4, 2, 2), 65535, np.uint16)
    ink[0] = 0
    with pytest.warns(ImpastoWarning, match="16 bits per channel; it is read with 8 bits"):
        assert read(psd(ink, CMYK))[0, 0].tolist() == [0, 255, 255]


def test_lab() -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    pale = 128 + noise() // 4
    image = ImageCms.profileToProfile(Image.fromarray(pale), srgb, lab, outputMode="LAB")
    assert image is not None
    assert np.abs(read(psd(planes(np.asarray(image)), LAB)).astype(int) - pale).max() <= 4


def test_a_duotone_is_grey_and_said_so() -> None:
    with pytest.warns(ImpastoWarning, match="is a duotone; it is read as greyscale"):
        read(psd(planes(noise(channels=1)), DUOTONE, palette=bytes(20)))


def test_a_profile_is_converted() -> None:
    grey = planes(np.full((2, 2, 3), 128, np.uint8))
    same = psd(grey, resources={1005: b"x", 1039: profiles.srgb_profile()})
    assert np.array_equal(read(same), np.full((2, 2, 3), 128))
    damaged = psd(grey, resources={1039: b"no profile"})
    with pytest.warns(ImpastoWarning, match="damaged colour profile"):
        read(damaged)


# Sections of layers that say that the merged picture has transparency.
TRANSPARENT = {
    "a negative number of layers": layer_count(-2),
    "layers of 16 bits": struct.pack(">II4s4sIh", 0, 0, b"8BIM", b"Lr16", 2, -1) + bytes(2),
    "a block that says so": struct.pack(">II4s4sI", 0, 0, b"8BIM", b"Mtrn", 0) + bytes(2),
}


@pytest.mark.parametrize("how", TRANSPARENT)
def test_transparency_of_the_merged_picture(how: str) -> None:
    rgba = noise(channels=4)
    rgba[:, :, 3] |= 128  # or little of the colours could be told
    stored = np.rint(on_white(rgba)).astype(np.uint8)  # as Photoshop blends them
    data = psd(planes(np.dstack([stored, rgba[:, :, 3]])), layers=TRANSPARENT[how])
    with pytest.warns(ImpastoWarning, match="is transparent in places; it is laid on white"):
        assert np.abs(read(data) - on_white(rgba)).max() <= 1


def test_transparency_in_a_psb() -> None:
    data = psd(planes(noise(channels=4)), is_big=True, layers=layer_count(-1, is_big=True))
    with pytest.warns(ImpastoWarning, match="transparent"):
        read(data)


@pytest.mark.parametrize("layers", [b"", layer_count(3)])
def test_a_saved_selection_is_no_transparency(layers: bytes) -> None:
    data = psd(planes(noise(channels=4)), layers=layers)
    assert np.array_equal(read(data), noise(channels=4)[:, :, :3])


def test_layers_alone_are_refused() -> None:
    data = psd(planes(noise()), resources={1057: b"\0\0\0\1\0"})
    assert "holds layers, but no merged picture: save it in Photoshop with" in refusal(data)


@pytest.mark.parametrize(
    ("data", "channels", "depth"),
    [
        (psd(np.zeros((3, 10, 20), np.uint8)), 3, 1),
        (psd(np.zeros((4, 10, 20), np.uint16), is_big=True), 4, 2),
        (psd(np.zeros((1, 10, 20), np.uint8), INDEXED, palette=bytes(768)), 3, 1),
    ],
)
def test_the_header_tells_the_size(data: bytes, channels: int, depth: int) -> None:
    found = head(data)
    assert (found.size, found.channels, found.bytes) == ((20, 10), channels, 200 * channels * depth)


def changed(place: int, value: bytes) -> bytes:
    data = bytearray(psd(planes(noise())))
    data[place : place + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (psd(planes(noise()))[:20], "it is cut short"),
        (psd(planes(noise()), compression=0)[:-1], "it is cut short"),
        (psd(planes(noise()), compression=1)[:-1], "it is cut short"),
        (psd(planes(noise()), compression=2)[:-30], "it is cut short"),
        (psd(planes(noise()), compression=9), "it is compressed by method 9"),
        (changed(4, b"\0\3"), "it is of version 3"),
        (changed(12, b"\0\2"), "its header is damaged"),
        (changed(22, b"\0\7"), "its header is damaged"),
        (changed(24, b"\0\7"), "its colours are of the kind 7"),
        (changed(22, b"\0\x20"), "holds float32 values: save it with 8 or 16 bits per channel"),
        (changed(14, struct.pack(">II", 20000, 20000)), "more than 178,956,970: make it smaller"),
        (changed(14, struct.pack(">II", 12000, 12000)), "claims to have 12000×12000 pixels"),
        (changed(14, struct.pack(">II", 0, 7)), "so it is empty"),
        (psd(planes(noise(channels=1)), INDEXED, palette=bytes(9)), "its palette is damaged"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_a_bomb_is_unpacked_no_further_than_the_picture(tmp_path: Path) -> None:
    small = psd(np.zeros((3, 4, 4), np.uint8), compression=2)
    bomb = psd(np.zeros((3, 4000, 4000), np.uint8), compression=2)
    start = len(psd(np.zeros((3, 4, 4), np.uint8), compression=0)) - 3 * 16
    assert np.array_equal(read(small[:start] + bomb[start:]), np.zeros((4, 4, 3)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(COMPRESSIONS), st.floats(0, 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_picture_or_one_sentence(
    compression: int, place: float, value: int
) -> None:
    data = bytearray(psd(planes(noise()), compression=compression, layers=layer_count(-1)))
    data[int(place**2 * (len(data) - 1))] = value
    outcome(bytes(data))
