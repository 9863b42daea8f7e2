"""PBM, PGM, PPM, PAM and PFM: as text and as bytes, of every depth."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impasto.errors import ImpastoWarning
from impasto.pictures import masks
from picture_files import head, noise, on_white, outcome, read, refusal


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def text_of(values: Any) -> bytes:
    return b" ".join(b"%d" % value for value in np.ravel(values))


def pam(kind: bytes, values: npt.NDArray[Any], most: int = 255) -> bytes:
    height, width, channels = values.shape
    lines = [b"P7", b"# made by hand", b"WIDTH %d" % width, b"HEIGHT %d" % height]
    lines += [b"DEPTH %d" % channels, b"MAXVAL %d" % most]
    lines += [b"TUPLTYPE " + kind] if kind else []
    return b"\n".join([*lines, b"ENDHDR\n"]) + values.tobytes()


def pfm(values: npt.NDArray[Any], order: str) -> bytes:
    """H × W × 1 or 3, from the top; the file begins with its bottom row."""
    height, width, channels = values.shape
    scale = b"-1.0" if order == "<" else b"1.0"
    kind = b"PF" if channels == 3 else b"Pf"
    stored = values[::-1].astype(f"{order}f4")
    return kind + b"\n%d %d\n" % (width, height) + scale + b"\n" + stored.tobytes()


GREY = noise(channels=1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P3 7 5 255\n" + text_of(noise()), noise()),
        (b"P6 7 5 255\n" + noise().tobytes(), noise()),
        (b"P2 7 5 255\n" + text_of(GREY), GREY),
        (b"P5 7 5 255\n" + GREY.tobytes(), GREY),
        (pam(b"RGB", noise()), noise()),
        (pam(b"GRAYSCALE", GREY), GREY),
        (pam(b"", noise()), noise()),
        (pam(b"BLACKANDWHITE", np.array([[[0], [1]]], np.uint8), 1), [[[0], [255]]]),
    ],
)
def test_8_bits_are_read_as_they_are(data: bytes, expected: Any) -> None:
    pixels = read(data)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.broadcast_to(expected, pixels.shape))


@pytest.mark.parametrize("data", [b"P1 3 2\n010\n1 1 1\n", b"P4 3 2\n\x40\xe0", b"P1\n3 2 010111"])
def test_one_is_black_in_a_pbm(data: bytes) -> None:
    assert read(data)[:, :, 0].tolist() == [[255, 0, 255], [0, 0, 0]]


DEEP = noise(dtype=np.uint16)


@pytest.mark.parametrize(
    "data",
    [
        b"P3 7 5 65535\n" + text_of(DEEP),
        b"P6 7 5 65535\n" + DEEP.astype(">u2").tobytes(),
        pam(b"RGB", DEEP.astype(">u2"), 65535),
    ],
)
def test_16_bits_keep_every_level(data: bytes) -> None:
    pixels = read(data)
    assert pixels.dtype == np.float32
    assert np.array_equal(np.rint(pixels.astype(float) * 257), DEEP)


@pytest.mark.parametrize(("most", "white"), [(1, 1), (15, 15), (1023, 1023), (100, 200)])
def test_the_largest_value_is_white(most: int, white: int) -> None:
    assert read(b"P2 2 1 %d\n0 %d" % (most, white))[0, :, 0].tolist() == [0, 255]


def test_comments_and_white_space_are_passed_over() -> None:
    data = b"P2# first\n# second\n 2\t#third\r\n1 # 7\n255 5\n# among the pixels 8\n\r\n6\n"
    assert read(data)[0, :, 0].tolist() == [5, 6]


def test_text_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.pictures.netpbm.PIECE", 10)
    assert np.array_equal(read(b"P3 7 5 255\n" + text_of(noise())), noise())
    assert read(b"P1 3 2\n010\n111")[1].tolist() == [[0, 0, 0]] * 3


@pytest.mark.parametrize("kind", [b"RGB_ALPHA", b""])
def test_the_opacity_of_a_pam(kind: bytes) -> None:
    with pytest.warns(ImpastoWarning, match="is transparent in places; it is laid on white"):
        pixels = read(pam(kind, noise(channels=4)))
    assert np.abs(pixels - on_white(noise(channels=4))).max() <= 0.51


def test_a_second_picture_is_left_and_said_so() -> None:
    one = b"P5 7 5 255\n" + GREY.tobytes()
    with pytest.warns(ImpastoWarning, match="has several frames; the first is used"):
        assert np.array_equal(read(one + one), np.repeat(GREY, 3, axis=2))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_pfm_begins_with_its_bottom_row(order: str, channels: int) -> None:
    values = noise(channels=channels) / np.float32(255)
    with pytest.warns(ImpastoWarning, match="holds float32 values; 0 is taken for black, and 1 "):
        pixels = read(pfm(values, order))
    assert pixels.dtype == np.float32
    assert np.allclose(pixels, np.broadcast_to(255 * values, pixels.shape), atol=1e-4)


def test_a_pgm_is_a_mask() -> None:
    Path("m.pgm").write_bytes(b"P5 2 1 255\n\0\xff")
    assert masks.read("m.pgm", "mask").shares.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("data", "channels", "depth"),
    [
        (b"P4 20 10\n" + bytes(30), 1, 1),
        (b"P5 20 10 255\n" + bytes(200), 1, 1),
        (b"P6 20 10 65535\n" + bytes(1200), 3, 2),
        (pam(b"RGB_ALPHA", np.zeros((10, 20, 4), np.uint8)), 4, 1),
        (pfm(np.zeros((10, 20, 3)), "<"), 3, 4),
    ],
)
def test_the_header_tells_the_size(data: bytes, channels: int, depth: int) -> None:
    found = head(data)
    assert (found.size, found.channels, found.bytes) == ((20, 10), channels, 200 * channels * depth)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"P6 7 5 255\n" + noise().tobytes()[:-1], "it is cut short"),
        (b"P4 8 2\n\0", "it is cut short"),
        (b"P2 2 1 255\n1", "it is cut short"),
        (b"P1 2 1\n1 ", "it is cut short"),
        (b"Pf 1 1 -1.0\n\0\0\0", "it is cut short"),
        (b"P6 7", "its header is damaged"),
        (b"P6 seven 5 255\n", "its header is damaged"),
        (b"P6 -7 5 255\n", "its header is damaged"),
        (b"Pf 1 1 zero\n" + bytes(4), "its header is damaged"),
        (b"Pf 1 1 0\n" + bytes(4), "its header is damaged"),
        (b"Pf 1 1 nan\n" + bytes(4), "its header is damaged"),
        (b"P7\nWIDTH 1\nHEIGHT 1\nENDHDR\n\0", "its header is damaged"),
        (b"P7\nWIDTH 1\nHEIGHT 1\n", "its header is damaged"),
        (b"P5 1 1 0\n\0", "its largest value is 0, which should be from 1 to 65535"),
        (b"P5 1 1 65536\n\0", "its largest value is 65536"),
        (b"P2 2 1 255\n1 x", "something other than numbers among its pixels"),
        (b"P1 2 1\n1 2", "something other than numbers among its pixels"),
        (pam(b"CMYK", noise(channels=4)), "its 4 channels are of the type 'CMYK'"),
        (pam(b"", noise(channels=5)), "its 5 channels are of the type ''"),
        (b"P6 0 5 255\n", "has 0×5 pixels, so it is empty"),
        (b"P4 20000 20000\n", "more than 178,956,970: make it smaller"),
        (b"P5 12000 12000 255\n", "claims to have 12000×12000 pixels in 19 bytes"),
        (b"PF 12000 11000 -1.0\n" + bytes(20000), "12000×11000 pixels of 3 channels"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_nothing_is_allocated_for_text_that_is_not_there() -> None:
    """Which a few bytes could claim: these hold 16 million pixels."""
    assert "it is cut short" in refusal(b"P3 4000 4000 255\n1 2 3")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"P1", b"P2", b"P3", b"P5", b"P7", b"Pf"]), st.binary(max_size=60))
def test_any_bytes_are_a_picture_or_one_sentence(magic: bytes, rest: bytes) -> None:
    outcome(magic + b"\n" + rest)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pfm_without_a_finite_value_is_refused(value: float) -> None:
    data = b"Pf 1 1 -1.0\n" + struct.pack("<f", value)
    assert "holds float32 values, and none of them is a finite number" in refusal(data)
