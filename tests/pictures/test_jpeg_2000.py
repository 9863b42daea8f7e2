"""JPEG 2000, with the profile, the depth and the opacity that the file gives."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.errors import ImpastoWarning
from impasto.pictures import masks
from picture_files import box, encoded, head, noise, on_white, outcome, read, refusal, with_boxes

JP2 = encoded(Image.fromarray(noise()), "JPEG2000")
CODESTREAM = encoded(Image.fromarray(noise()), "JPEG2000", no_jp2=True)
RGBA = encoded(Image.fromarray(noise(channels=4)), "JPEG2000")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def channel_types(*kinds: int) -> bytes:
    """The definitions of the channels: 0 for colour, 1 for opacity, 2 if multiplied with it."""
    entries = (struct.pack(">3H", n, kind, 0 if kind else n + 1) for n, kind in enumerate(kinds))
    return box(b"cdef", struct.pack(">H", len(kinds)) + b"".join(entries))


def profile(data: bytes) -> bytes:
    return box(b"colr", b"\2\0\0" + data)


@pytest.mark.parametrize("data", [JP2, CODESTREAM], ids=["JP2", "codestream"])
def test_colours(data: bytes) -> None:
    assert np.array_equal(read(data), noise())


def test_a_codestream_in_tiles() -> None:
    image = Image.fromarray(noise(40, 50))
    data = encoded(image, "JPEG2000", no_jp2=True, tile_size=(16, 16))
    assert np.array_equal(read(data), noise(40, 50))


def test_grey() -> None:
    grey = noise(channels=1)
    assert np.array_equal(
        read(encoded(Image.fromarray(grey[:, :, 0]), "JPEG2000")), np.repeat(grey, 3, axis=2)
    )


def test_grey_of_16_bits_keeps_every_level() -> None:
    grey = noise(channels=1, dtype=np.uint16)
    pixels = read(encoded(Image.fromarray(grey[:, :, 0]), "JPEG2000"))
    assert np.array_equal(np.rint(pixels[:, :, :1].astype(float) * 257), grey)


def test_colours_of_more_than_8_bits_are_read_with_8_and_said_so() -> None:
    data = bytearray(JP2)
    size_marker = data.index(b"\xff\x4f\xff\x51")
    for channel in range(3):  # the same bits as numbers of 12 bits
        data[size_marker + 42 + 3 * channel] = 11
    with pytest.warns(ImpastoWarning, match="12 bits per channel; it is read with 8 bits"):
        read(bytes(data))


def test_opacity() -> None:
    with pytest.warns(ImpastoWarning, match="transparent"):
        assert np.abs(read(RGBA) - on_white(noise(channels=4))).max() <= 0.51


def test_grey_with_opacity() -> None:
    data = encoded(Image.new("LA", (8, 8), (100, 51)), "JPEG2000")
    with pytest.warns(ImpastoWarning, match="transparent"):
        assert read(data)[0, 0].tolist() == [224, 224, 224]


def test_opacity_that_the_colours_are_multiplied_with() -> None:
    data = encoded(Image.new("RGBA", (8, 8), (51, 51, 0, 51)), "JPEG2000")
    with pytest.warns(ImpastoWarning, match="transparent"):
        pixels = read(with_boxes(data, channel_types(0, 0, 0, 2)))
    assert pixels[0, 0].tolist() == [255, 255, 204]


def test_a_fourth_channel_that_is_no_opacity() -> None:
    data = with_boxes(RGBA, channel_types(0, 0, 0, 65535))
    assert np.array_equal(read(data), noise(channels=4)[:, :, :3])


def test_inks() -> None:
    cmyk = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    data = encoded(Image.merge("RGBA", cmyk.split()), "JPEG2000")
    data = with_boxes(data, box(b"colr", struct.pack(">BBBI", 1, 0, 0, 12)))
    assert read(data)[0, 0].tolist() == [0, 255, 255]


def test_a_profile_is_converted() -> None:
    linear = linear_profile()
    half = encoded(Image.new("RGB", (8, 8), (55, 55, 55)), "JPEG2000")
    pixels = read(with_boxes(half, profile(linear)))
    expected = 255 * (1.055 * (55 / 255) ** (1 / 2.4) - 0.055)
    assert np.abs(pixels - expected).max() < 2


def linear_profile() -> bytes:
    """sRGB's primaries in linear light, as an ICC profile made by hand."""

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(65536 * v)) for v in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH2x", 1, 256)
    tags = {
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(0.43607, 0.22249, 0.01392),
        b"gXYZ": xyz(0.38515, 0.71687, 0.09708),
        b"bXYZ": xyz(0.14307, 0.06061, 0.71410),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    place, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    start = struct.pack(">I4xI", place + len(body), 0x02100000) + b"mntrRGB XYZ "
    start = start.ljust(36, b"\0") + b"acsp"
    start = start.ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:]
    return start.ljust(128, b"\0") + table + body


def test_a_damaged_profile_is_ignored_and_said_so() -> None:
    with pytest.warns(ImpastoWarning, match="damaged colour profile; it is ignored"):
        assert np.array_equal(read(with_boxes(JP2, profile(b"no profile"))), noise())


def test_it_is_a_mask() -> None:
    Image.fromarray(np.array([[0, 255]], np.uint8)).resize((8, 8)).save("m.jp2")
    shares = masks.read("m.jp2", "mask").shares
    assert (shares.min(), shares.max()) == (0, 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_the_header_tells_the_size(mode: str) -> None:
    assert head(encoded(Image.new(mode, (20, 10)), "JPEG2000")).size == (20, 10)


@pytest.mark.parametrize("data", [JP2, CODESTREAM, RGBA], ids=["JP2", "codestream", "opacity"])
def test_a_file_cut_short_is_refused(data: bytes) -> None:
    for end in (5, 13, 40, 80, len(data) // 2):
        refusal(data[:end])


def test_sizes_that_contradict_each_other_are_refused() -> None:
    data = bytearray(JP2)
    place = data.index(b"ihdr") + 4
    data[place : place + 8] = struct.pack(">II", 50, 70)
    assert "its header is damaged" in refusal(bytes(data))


def test_a_few_bytes_do_not_hold_a_hundred_megapixels() -> None:
    data = bytearray(CODESTREAM)
    data[8:16] = struct.pack(">II", 12000, 12000)
    assert "claims to have 12000×12000 pixels" in refusal(bytes(data))


def test_any_byte_may_be_damaged() -> None:
    for place in range(len(JP2)):
        data = bytearray(JP2)
        data[place] ^= 0xFF
        outcome(bytes(data))
