"""JPEG XL, which the extra ``jxl`` reads; its header is understood without it being decoded."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.errors import ImpastoWarning
from picture_files import box, encoded, head, noise, on_white, outcome, read, refusal

pillow_jxl = pytest.importorskip("pillow_jxl")

LOSSLESS = encoded(Image.fromarray(noise()), "JXL", lossless=True)
CONTAINER = encoded(Image.fromarray(noise()), "JXL", lossless=True, use_container=True)
# 7 × 5 pixels of 16 bits, which the plugin does not write: the header is changed by hand.
DEEP = bytes.fromhex(
    "ff0a2040fc44020800010074024b188b15c4e8de0bc408e09e2d0010273a6eab329c56fa99b3b75d"
    "97670a3185a445fb0970e7cc519af4bf6f5aec93ca8acca15b5df262785ac86db86dfaa23fda53a2"
    "f0acb701f49712a4341922f2b0380fa26771cbafd3e1074b7805dc7eb08c7ee0f2b994bc6998ae8d"
    "43954ecbdad052a0b3cc0bcf19faeba01f5918bf2c2faf1b3dea1ec5771058c21e28f9ae2728c1a7"
    "75224e0fe6592e497a01"
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def bits(*numbers: tuple[int, int]) -> bytes:
    """A codestream of numbers and their lengths in bits, the lowest bit first."""
    text = "".join(f"{number:0{length}b}"[::-1] for number, length in numbers)
    text += "0" * (-len(text) % 8)
    return b"\xff\x0a" + bytes(int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8))


@pytest.mark.parametrize("data", [LOSSLESS, CONTAINER], ids=["codestream", "container"])
def test_colours(data: bytes) -> None:
    assert np.array_equal(read(data), noise())


def test_opacity() -> None:
    data = encoded(Image.fromarray(noise(channels=4)), "JXL", lossless=True)
    assert head(data).channels == 4
    with pytest.warns(ImpastoWarning, match="transparent"):
        assert np.abs(read(data) - on_white(noise(channels=4))).max() <= 0.51


def test_grey() -> None:
    grey = noise(channels=1)
    data = encoded(Image.fromarray(grey[:, :, 0]), "JXL", lossless=True)
    assert np.array_equal(read(data), np.repeat(grey, 3, axis=2))


@pytest.mark.parametrize("size", [(1, 1), (8, 16), (256, 256), (640, 480), (700, 333), (9000, 3)])
def test_the_header_tells_the_size(size: tuple[int, int]) -> None:
    assert head(encoded(Image.new("RGB", size), "JXL", effort=1)).size == size


DEFAULT = (1, 1)  # all metadata as usual


@pytest.mark.parametrize(
    ("numbers", "size"),
    [
        ([(1, 1), (4, 5), (0, 3), (9, 5), DEFAULT], (80, 40)),
        ([(1, 1), (4, 5), (1, 3), DEFAULT], (40, 40)),
        ([(1, 1), (4, 5), (7, 3), DEFAULT], (80, 40)),
        ([(0, 1), (0, 2), (299, 9), (5, 3), DEFAULT], (533, 300)),
        ([(0, 1), (1, 2), (4999, 13), (0, 3), (2, 2), (2999, 18), DEFAULT], (3000, 5000)),
        ([(1, 1), (4, 5), (7, 3), (0, 1), (1, 1), (5, 3), (0, 20)], (40, 80)),
    ],
)
def test_every_way_to_write_a_size(numbers: list[tuple[int, int]], size: tuple[int, int]) -> None:
    assert head(bits(*numbers)).size == size


def test_parts_of_a_codestream() -> None:
    numbers = [(1, 1), (4, 5), (7, 3), DEFAULT]
    stream = bits(*numbers) + bytes(9)
    parts = (box(b"jxlp", struct.pack(">I", n) + stream[n : n + 1]) for n in range(len(stream)))
    container = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(parts)
    assert head(container).size == (80, 40)


def test_exif_does_not_turn_what_its_decoder_turns() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(Image.fromarray(noise()), "JXL", lossless=True, exif=exif.tobytes())
    assert np.array_equal(read(data), noise())
    assert head(data).size == (7, 5)


def test_a_jpeg_inside_is_turned_as_before() -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (16, 8), "red").save("a.jpg", exif=exif)
    encoder = pillow_jxl.Encoder("RGB", False, 90)
    data = bytes(encoder(Path("a.jpg").read_bytes(), 16, 8, jpeg_encode=True))
    assert head(data).size == read(data).shape[1::-1] == (8, 16)


def test_more_than_8_bits_of_colours_are_said() -> None:
    with pytest.warns(ImpastoWarning, match="16 bits per channel; it is read with 8 bits"):
        assert np.array_equal(read(DEEP), np.zeros((5, 7, 3)))


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    sentence = "is a JPEG XL picture, which needs pillow-jxl-plugin: pip install 'impasto[jxl]'"
    for data in (LOSSLESS, CONTAINER):
        assert sentence in refusal(data)


@pytest.mark.parametrize("data", [LOSSLESS, CONTAINER], ids=["codestream", "container"])
def test_a_file_cut_short_is_refused(data: bytes) -> None:
    for end in (2, 3, 12, 40, len(data) // 2, len(data) - 1):
        refusal(data[:end])


def test_inks_are_refused() -> None:
    """A fourth channel of black is no opacity, which it would be taken for."""
    size, plain = [(1, 1), (4, 5), (1, 3)], [(0, 1), (0, 1), (0, 1), (0, 2), (1, 1)]
    black = [(1, 2), (0, 1), (2, 2), (2, 4), (0, 1), (0, 2), (0, 2), (0, 2)]
    assert "its colours are those of inks" in refusal(bits(*size, *plain, *black, (0, 40)))


def test_a_panic_of_the_decoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def fail(*_: object, **__: object) -> None:
        raise PanicException

    monkeypatch.setattr("pillow_jxl.JpegXLImagePlugin.Decoder", fail)
    assert "its decoder fails" in refusal(LOSSLESS)


def test_a_size_that_is_too_large_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("pillow_jxl.JpegXLImagePlugin.Decoder", fail)
    side = [(3, 2), (2**30 - 1, 30)]
    assert "1073741824×1073741824 pixels, more than" in refusal(
        bits((0, 1), *side, (0, 3), *side, DEFAULT)
    )
    side = [(2, 2), (11999, 18)]
    assert "claims to have 12000×12000 pixels" in refusal(
        bits((0, 1), *side, (0, 3), *side, DEFAULT)
    )


def test_any_byte_may_be_damaged() -> None:
    for place in range(0, len(CONTAINER), 2):
        data = bytearray(CONTAINER)
        data[place] ^= 0xFF
        outcome(bytes(data))
