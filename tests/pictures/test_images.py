"""Pictures in: every kind of file gives the right colours or one plain sentence. Pictures out."""

from __future__ import annotations

import hashlib
import io
import math
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as random
from PIL import Image, ImageCms

from impasto.errors import ImpastoWarning, InputError
from impasto.pictures import arrays, images, profiles, writers

tifffile = pytest.importorskip("tifffile")

U8 = npt.NDArray[np.uint8]
WHITE = [255, 255, 255]


def rgb(height: int = 5, width: int = 7, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def deep(height: int = 5, width: int = 7, channels: int = 3) -> npt.NDArray[np.uint16]:
    shape = (height, width, channels)
    return np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)


def smooth(height: int = 32, width: int = 48) -> U8:
    """What JPEG and its like keep within a few grey levels."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return np.asarray(20 + 3 * x + 2 * y * (c == 1) + 30 * c, dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(array: npt.NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **{"metadata": None, **options})
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(
    size: tuple[int, int],
    bits: int,
    colour_type: int,
    rows: bytes,
    *extra: tuple[bytes, bytes],
    interlaced: int = 0,
) -> bytes:
    header = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, interlaced)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *(chunk(*one) for one in extra),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def paeth(a: Any, b: Any, c: Any) -> Any:
    """The predictor of PNG's fourth filter, from the pixels at the left, above and both."""
    to_a, to_b, to_c = (np.abs(a + b - c - one) for one in (a, b, c))
    return np.where((to_a <= to_b) & (to_a <= to_c), a, np.where(to_b <= to_c, b, c))


def deep_png_row(*values: int) -> bytes:
    return b"\0" + struct.pack(f">{len(values)}H", *values)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., npt.NDArray[Any]]:
    """Reads bytes as a file of that name; a warning of any kind is an error."""

    def read_bytes(data: bytes, name: str = "picture") -> npt.NDArray[Any]:
        path = tmp_path / name
        path.write_bytes(data)
        return images.read(path).pixels

    return read_bytes


Read = Callable[..., npt.NDArray[Any]]


def refused(read: Read, data: bytes, message: str = "The picture") -> str:
    with pytest.raises(InputError, match=message) as caught:
        read(data)
    return plain(str(caught.value))


def plain(sentence: str) -> str:
    """An error's text, which is one line, one sentence and without the insides of Python."""
    assert sentence.isprintable()
    assert sentence.startswith(("The ", "There is no "))
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert " at 0x" not in sentence
    return sentence


# ---------------------------------------------------------------------------------- profiles


def fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2, for a display, made by hand."""
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[8:24] = struct.pack(">I", 0x02100000) + b"mntr" + space + b"XYZ "
    header[36:40] = b"acsp"
    header[68:80] = fixed(0.9642) + fixed(1) + fixed(0.8249)
    return bytes(header) + table + body


def description(text: bytes) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 3 + 67)


def xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + fixed(x) + fixed(y) + fixed(z)


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


WHITE_POINT = xyz(0.9642, 1, 0.8249)
# The primaries of sRGB and of Adobe RGB (1998), adapted to D50 as ICC has it.
SRGB_PRIMARIES = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
ADOBE_PRIMARIES = np.array(
    [
        [0.6097559, 0.2052401, 0.1492240],
        [0.3111242, 0.6256560, 0.0632197],
        [0.0194811, 0.0608902, 0.7448387],
    ]
)


def rgb_profile(primaries: npt.NDArray[Any], exponent: float, name: bytes) -> bytes:
    curve = gamma(exponent)
    red, green, blue = (xyz(*column) for column in primaries.T)
    tags = {b"desc": description(name), b"wtpt": WHITE_POINT}
    tags |= {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue}
    return profile(b"RGB ", tags | {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def grey_profile(exponent: float) -> bytes:
    tags = {b"desc": description(b"grey"), b"wtpt": WHITE_POINT, b"kTRC": gamma(exponent)}
    return profile(b"GRAY", tags)


def cmyk_profile() -> bytes:
    """One whose answer is known: black alone counts, and takes L of Lab from 100 down to 0."""
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += b"".join(fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    table += bytes(range(256)) * 4 + b"\xff\x80\x80\x00\x80\x80" * 2**3 + bytes(range(256)) * 3
    tags = {b"desc": description(b"ink"), b"wtpt": WHITE_POINT, b"A2B0": table}
    made = bytearray(profile(b"CMYK", tags))
    made[12:16], made[20:24] = b"prtr", b"Lab "
    return bytes(made)


ADOBE_RGB = rgb_profile(ADOBE_PRIMARIES, 563 / 256, b"wide")


def srgb_of(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Linear light of 0…1 as sRGB in 0…255 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(255 * curved)


def adobe_to_srgb(pixels: U8) -> npt.NDArray[Any]:
    linear = (pixels / 255.0) ** (563 / 256)
    return srgb_of(linear @ (np.linalg.inv(SRGB_PRIMARIES) @ ADOBE_PRIMARIES).T)


class TestProfiles:
    def test_wide_gamut_is_converted(self, read: Read) -> None:
        data = encoded(Image.fromarray(rgb()), "PNG", icc_profile=ADOBE_RGB)
        assert np.abs(read(data) - adobe_to_srgb(rgb())).max() < 2

    @pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG", "JPEG", "AVIF"])
    def test_every_format_with_profiles_is_converted(self, read: Read, kind: str) -> None:
        middle = np.full((16, 16, 3), (60, 140, 90), np.uint8)
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(Image.fromarray(middle), kind, icc_profile=ADOBE_RGB, **options)
        assert np.abs(read(data) - adobe_to_srgb(middle)).max() < 5

    def test_a_profile_goes_with_the_palette_too(self, read: Read) -> None:
        middle = Image.new("P", (2, 2), 1)
        middle.putpalette([0, 0, 0, 60, 140, 90])
        data = encoded(middle, "PNG", icc_profile=ADOBE_RGB)
        expected = adobe_to_srgb(np.array([60, 140, 90], np.uint8))
        assert np.abs(read(data) - expected).max() < 2

    def test_a_profile_does_not_touch_alpha(self, read: Read) -> None:
        data = encoded(Image.new("RGBA", (2, 2), (60, 140, 90, 51)), "PNG", icc_profile=ADOBE_RGB)
        expected = 0.2 * adobe_to_srgb(np.array([60, 140, 90], np.uint8)) + 0.8 * 255
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert np.abs(read(data) - expected).max() < 2

    def test_srgb_leaves_the_pixels_as_they_are(self, read: Read) -> None:
        data = encoded(Image.fromarray(rgb()), "PNG", icc_profile=profiles.srgb_profile())
        assert np.array_equal(read(data), rgb())

    def test_a_name_does_not_make_a_profile_srgb(self, read: Read) -> None:
        linear = rgb_profile(SRGB_PRIMARIES, 1, b"sRGB, but linear")
        data = encoded(Image.fromarray(rgb()), "PNG", icc_profile=linear)
        assert np.abs(read(data) - srgb_of(rgb() / 255)).max() < 2

    @pytest.mark.parametrize("mode", ["L", "LA", "1"])
    def test_grey_with_gamma_is_converted(self, read: Read, mode: str) -> None:
        grey = Image.linear_gradient("L").convert(mode)
        data = encoded(grey, "PNG", icc_profile=grey_profile(1.0))
        expected = srgb_of(np.asarray(grey.convert("L"))[:, :, None] / 255)
        assert np.abs(read(data) - expected).max() < 2

    def test_16_bit_grey_with_gamma_is_converted(self, read: Read) -> None:
        data = png(
            (1, 1),
            16,
            0,
            deep_png_row(0x4000),
            (b"iCCP", b"g\0\0" + zlib.compress(grey_profile(1))),
        )
        with pytest.warns(ImpastoWarning, match="its colour profile is converted with 8 bits"):
            assert np.abs(read(data) - srgb_of(np.array(0.25))).max() < 2

    def test_16_bit_colours_with_alpha_are_converted_and_laid_on_white(self, read: Read) -> None:
        pixel = np.array([60, 140, 90, 51], np.uint16) * 257
        profile = (b"iCCP", b"p\0\0" + zlib.compress(ADOBE_RGB))
        data = png((1, 1), 16, 6, deep_png_row(*pixel.tolist()), profile)
        expected = 0.2 * adobe_to_srgb(np.array([60, 140, 90], np.uint8)) + 0.8 * 255
        with pytest.warns(ImpastoWarning):
            assert np.abs(read(data) - expected).max() < 2

    def test_grey_may_carry_an_rgb_profile(self, read: Read) -> None:
        data = encoded(Image.new("L", (2, 2), 100), "PNG", icc_profile=ADOBE_RGB)
        expected = adobe_to_srgb(np.array([100, 100, 100], np.uint8))
        assert np.abs(read(data) - expected).max() < 2

    def test_colour_does_not_turn_grey_by_a_grey_profile(self, read: Read) -> None:
        data = encoded(Image.fromarray(rgb()), "PNG", icc_profile=grey_profile(1))
        with pytest.warns(ImpastoWarning, match="another kind of picture; it is ignored"):
            assert np.array_equal(read(data), rgb())

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk_is_converted_by_its_profile(self, read: Read, kind: str) -> None:
        ink = Image.new("CMYK", (8, 8), (200, 10, 30, 127))
        data = encoded(ink, kind, icc_profile=cmyk_profile())
        assert np.abs(read(data).astype(int) - 119).max() <= 3  # the grey of L = 50

    def test_rgb_ignores_a_cmyk_profile(self, read: Read) -> None:
        data = encoded(Image.fromarray(rgb()), "PNG", icc_profile=cmyk_profile())
        with pytest.warns(ImpastoWarning, match="another kind"):
            assert np.array_equal(read(data), rgb())

    @pytest.mark.parametrize("damaged", [b"x", b"x" * 200, ADOBE_RGB[:140], ADOBE_RGB[:-80]])
    def test_a_damaged_profile_is_ignored_and_said_so(self, read: Read, damaged: bytes) -> None:
        data = encoded(Image.fromarray(rgb()), "PNG", icc_profile=damaged)
        with pytest.warns(ImpastoWarning, match="colour profile; it is ignored"):
            assert np.array_equal(read(data), rgb())


# ------------------------------------------------------------------------------------- kinds


class TestKinds:
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
    def test_lossless_rgb(self, read: Read, kind: str) -> None:
        assert np.array_equal(read(encoded(Image.fromarray(rgb()), kind)), rgb())

    def test_lossless_webp(self, read: Read) -> None:
        data = encoded(Image.fromarray(rgb()), "WEBP", lossless=True)
        assert np.array_equal(read(data), rgb())

    @pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
    def test_lossy_rgb(self, read: Read, kind: str) -> None:
        data = encoded(Image.fromarray(smooth()), kind, quality=95)
        assert np.abs(read(data).astype(int) - smooth()).max() <= 10

    def test_heic(self, read: Read) -> None:
        pillow_heif = pytest.importorskip("pillow_heif")
        file = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(smooth())).save(file, quality=95)
        assert np.abs(read(file.getvalue()).astype(int) - smooth()).max() <= 16

    def test_heic_without_its_extra_says_what_to_install(
        self, read: Read, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pillow_heif", None)
        refused(read, b"\0\0\0\x18ftypheic" + bytes(40), r"pip install 'impasto\[heif\]'")

    def test_grey(self, read: Read) -> None:
        grey = rgb()[:, :, 0]
        data = encoded(Image.fromarray(grey), "PNG")
        assert np.array_equal(read(data), np.stack([grey] * 3, axis=2))

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
    def test_black_and_white(self, read: Read, kind: str) -> None:
        bits = Image.new("1", (2, 1))
        bits.putpixel((1, 0), 255)
        assert read(encoded(bits, kind)).tolist() == [[[0, 0, 0], WHITE]]

    @pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
    def test_palette(self, read: Read, kind: str) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        assert read(encoded(image, kind)).tolist() == [[[10, 20, 30], [200, 100, 50]]]

    def test_cmyk_tiff(self, read: Read) -> None:
        image = Image.new("CMYK", (2, 2), (255, 0, 0, 0))
        assert read(encoded(image, "TIFF"))[0, 0].tolist() == [0, 255, 255]

    def test_cmyk_jpeg_as_adobe_writes_it(self, read: Read) -> None:
        data = encoded(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", quality=100)
        assert b"Adobe" in data  # whose inks are stored inverted
        assert np.abs(read(data).astype(int) - [0, 255, 255]).max() <= 2

    def test_lab_tiff(self, read: Read) -> None:
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        pale = 128 + smooth() // 4
        image = ImageCms.profileToProfile(Image.fromarray(pale), srgb, lab, outputMode="LAB")
        assert image is not None
        image.info.clear()
        assert np.abs(read(encoded(image, "TIFF")).astype(int) - pale).max() <= 4

    @pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "MPO"])
    def test_the_first_of_many_frames_is_used_and_said_so(self, read: Read, kind: str) -> None:
        frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        with pytest.warns(ImpastoWarning, match=r"has 3 (frames|pages); the first is used\.$"):
            pixels = read(data)
        assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 3

    def test_a_preview_in_an_mpo_is_no_second_picture(self, read: Read) -> None:
        large, small = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (8, 8), "red")
        data = encoded(large, "MPO", save_all=True, append_images=[small])
        assert np.abs(read(data).astype(int) - [255, 0, 0]).max() <= 3

    def test_the_pixels_are_the_readers_own(self, read: Read) -> None:
        assert read(encoded(Image.new("RGB", (1, 1)), "PNG")).flags.writeable

    def test_the_suffix_does_not_matter(self, read: Read) -> None:
        assert np.array_equal(read(encoded(Image.fromarray(rgb()), "PNG"), "a.jpg"), rgb())

    @pytest.mark.parametrize("size", [(1, 1), (30000, 1), (1, 30000), (1, 7)])
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
    def test_odd_sizes(self, read: Read, kind: str, size: tuple[int, int]) -> None:
        pixels = rgb(size[1], size[0])
        assert np.array_equal(read(encoded(Image.fromarray(pixels), kind)), pixels)


# --------------------------------------------------------------------------------- orientation

# What turns the upright picture into what is stored, by EXIF orientation.
STORED: dict[int, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def oriented(kind: str, orientation: int, upright: U8) -> bytes:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    if kind == "TIFF":
        return encoded(stored, kind, tiffinfo={274: orientation})
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(stored, kind, exif=exif, quality=95, lossless=True)


class TestOrientation:
    @pytest.mark.parametrize("orientation", STORED)
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
    def test_every_orientation(self, read: Read, kind: str, orientation: int) -> None:
        assert np.array_equal(read(oriented(kind, orientation, rgb())), rgb())

    @pytest.mark.parametrize("orientation", STORED)
    @pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
    def test_every_orientation_of_lossy_kinds(
        self, read: Read, kind: str, orientation: int
    ) -> None:
        pixels = read(oriented(kind, orientation, smooth()))
        assert pixels.shape == smooth().shape
        assert np.abs(pixels.astype(int) - smooth()).max() <= 12

    @pytest.mark.parametrize("orientation", STORED)
    def test_every_orientation_of_16_bits(self, read: Read, orientation: int) -> None:
        stored = np.ascontiguousarray(STORED[orientation](deep()))
        tags = [(274, 3, 1, orientation, True)]
        pixels = read(tiff(stored, photometric="rgb", extratags=tags))
        assert np.allclose(pixels, deep() / 257, atol=1e-4)

    @pytest.mark.parametrize("kind", ["TIFF", "PNG"])
    def test_a_pil_image_is_turned_once(self, kind: str) -> None:
        image = Image.open(io.BytesIO(oriented(kind, 6, rgb())))
        assert np.array_equal(images.read(image).pixels, rgb())
        assert np.array_equal(images.read(image).pixels, rgb())

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_orientation_that_is_none_is_ignored(self, read: Read, orientation: int) -> None:
        exif = Image.Exif()
        exif[274] = orientation
        assert np.array_equal(read(encoded(Image.fromarray(rgb()), "PNG", exif=exif)), rgb())

    def test_damaged_exif_does_not_cost_the_picture(self, read: Read) -> None:
        data = encoded(Image.fromarray(rgb()), "PNG", exif=b"garbage garbage")
        with pytest.warns(ImpastoWarning, match="damaged EXIF"):
            assert np.array_equal(read(data), rgb())


# -------------------------------------------------------------------------------- transparency


def on_white(rgba: npt.NDArray[Any]) -> npt.NDArray[Any]:
    alpha = rgba[:, :, 3:] / 255
    return np.asarray(rgba[:, :, :3] * alpha + 255 * (1 - alpha))


class TestTransparency:
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
    def test_partial_alpha_is_laid_on_white(self, read: Read, kind: str) -> None:
        rgba = np.dstack([rgb(), rgb(seed=1)[:, :, 0]])
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        data = encoded(Image.fromarray(rgba), kind, **options)
        with pytest.warns(ImpastoWarning, match=r"is transparent in places; it is laid on white"):
            assert np.abs(read(data) - on_white(rgba)).max() <= 0.51

    def test_full_alpha_says_nothing(self, read: Read) -> None:
        rgba = np.dstack([rgb(), np.full((5, 7), 255, np.uint8)])
        assert np.array_equal(read(encoded(Image.fromarray(rgba), "PNG")), rgb())

    def test_grey_with_alpha(self, read: Read) -> None:
        data = encoded(Image.new("LA", (1, 1), (100, 51)), "PNG")
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert read(data)[0, 0].tolist() == [224, 224, 224]

    @pytest.mark.parametrize("kind", ["PNG", "GIF"])
    def test_a_transparent_palette_entry(self, read: Read, kind: str) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        with pytest.warns(ImpastoWarning, match="transparent"):
            pixels = read(encoded(image, kind, transparency=1))
        assert pixels.tolist() == [[[10, 20, 30], WHITE]]

    def test_a_palette_with_alphas(self, read: Read) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        with pytest.warns(ImpastoWarning, match="transparent"):
            pixels = read(encoded(image, "PNG", transparency=bytes([255, 51])))
        assert pixels.tolist() == [[[10, 20, 30], [244, 224, 214]]]

    def test_a_transparent_colour(self, read: Read) -> None:
        image = Image.new("RGB", (2, 1), (1, 2, 3))
        image.putpixel((1, 0), (4, 5, 6))
        with pytest.warns(ImpastoWarning, match="transparent"):
            pixels = read(encoded(image, "PNG", transparency=(4, 5, 6)))
        assert pixels.tolist() == [[[1, 2, 3], WHITE]]

    def test_a_transparent_grey_of_16_bits(self, read: Read) -> None:
        key = (b"tRNS", struct.pack(">H", 0x1234))
        data = png((2, 1), 16, 0, deep_png_row(0x1234, 0x8080), key)
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert read(data).tolist() == [[WHITE, [128, 128, 128]]]

    def test_a_transparent_colour_of_16_bits(self, read: Read) -> None:
        key = (b"tRNS", struct.pack(">3H", 0x1234, 0, 0))
        data = png((2, 1), 16, 2, deep_png_row(0x1234, 0, 0, 0x8080, 0, 0), key)
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert read(data).tolist() == [[WHITE, [128, 0, 0]]]


# ----------------------------------------------------------------------------- more than 8 bits


class TestDeep:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"byteorder": ">"},
            {"bigtiff": True},
            {"compression": "zlib"},
            {"compression": "zlib", "predictor": True},
            {"tile": (16, 16)},
            {"rowsperstrip": 1},
            {"iccprofile": profiles.srgb_profile()},
        ],
    )
    def test_rgb_keeps_every_level(self, read: Read, options: dict[str, Any]) -> None:
        pixels = read(tiff(deep(), photometric="rgb", **options))
        assert pixels.dtype == np.float32
        assert np.array_equal(np.rint(pixels.astype(float) * 257), deep())

    @pytest.mark.parametrize("width", [3, 4, 7])
    def test_planes_one_after_the_other(self, read: Read, width: int) -> None:
        planes = np.ascontiguousarray(np.moveaxis(deep(5, width), 2, 0))
        pixels = read(tiff(planes, photometric="rgb", planarconfig="separate"))
        assert np.allclose(pixels, deep(5, width) / 257, atol=1e-4)

    def test_grey(self, read: Read) -> None:
        grey = deep()[:, :, 0]
        pixels = read(tiff(grey, photometric="minisblack"))
        assert np.allclose(pixels, np.stack([grey] * 3, axis=2) / 257, atol=1e-4)

    def test_grey_whose_zero_is_white(self, read: Read) -> None:
        pixels = read(tiff(np.array([[0, 65535]], np.uint16), photometric="miniswhite"))
        assert pixels.tolist() == [[WHITE, [0, 0, 0]]]

    def test_grey_with_alpha(self, read: Read) -> None:
        data = tiff(
            np.array([[[25700, 13107]]], np.uint16),
            photometric="minisblack",
            planarconfig="contig",
            extrasamples=["unassalpha"],
        )
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert np.allclose(read(data), 0.2 * 100 + 0.8 * 255, atol=1e-3)

    def test_alpha(self, read: Read) -> None:
        data = tiff(deep(channels=4), photometric="rgb", extrasamples=["unassalpha"])
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert np.allclose(read(data), on_white(deep(channels=4) / 257), atol=1e-3)

    def test_alpha_that_the_colours_are_multiplied_with(self, read: Read) -> None:
        pixel = np.array([[[13107, 0, 6554, 13107]]], np.uint16)
        data = tiff(pixel, photometric="rgb", extrasamples=["assocalpha"])
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert np.allclose(read(data), [255, 204, 229.5], atol=0.01)

    def test_a_fourth_channel_that_is_no_alpha(self, read: Read) -> None:
        data = tiff(deep(channels=4), photometric="rgb", extrasamples=["unspecified"])
        assert np.allclose(read(data), deep(channels=4)[:, :, :3] / 257, atol=1e-4)

    def test_cmyk_is_no_rgb_with_alpha(self, read: Read) -> None:
        ink = np.zeros((2, 2, 4), np.uint16)
        ink[:, :, 0] = 65535
        with pytest.warns(ImpastoWarning, match="16 bits per channel; it is read with 8 bits"):
            assert read(tiff(ink, photometric="separated"))[0, 0].tolist() == [0, 255, 255]

    def test_a_profile_is_converted_and_said_so(self, read: Read) -> None:
        pixels = np.full((2, 2, 3), 100 * 257, np.uint16)
        expected = adobe_to_srgb(np.array([100, 100, 100], np.uint8))
        with pytest.warns(ImpastoWarning, match="profile is converted with 8 bits"):
            result = read(tiff(pixels, photometric="rgb", iccprofile=ADOBE_RGB))
        assert np.abs(result - expected).max() < 2

    def test_the_first_of_many_pages(self, read: Read) -> None:
        data = tiff(np.stack([deep(), 65535 - deep()]), photometric="rgb")
        with pytest.warns(ImpastoWarning, match="has 2 pages; the first is used"):
            assert np.allclose(read(data), deep() / 257, atol=1e-4)

    @pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
    def test_grey_keeps_its_depth_without_tifffile(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, photometric: str
    ) -> None:
        data = tiff(np.array([[0, 32896, 65535]], np.uint16), photometric=photometric)
        monkeypatch.setitem(sys.modules, "tifffile", None)
        grey = read(data)[0, :, 0].tolist()
        assert grey == ([0, 128, 255] if photometric == "minisblack" else [255, 127, 0])

    @pytest.mark.parametrize(
        "options", [{}, {"byteorder": ">"}, {"compression": "zlib", "predictor": True}]
    )
    def test_colours_keep_their_depth_without_tifffile(
        self, read: Read, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
    ) -> None:
        data = tiff(deep(), photometric="rgb", **options)
        monkeypatch.setitem(sys.modules, "tifffile", None)
        assert np.array_equal(np.rint(read(data).astype(float) * 257), deep())

    def test_without_tifffile_planes_are_read_as_8_bit(
        self, read: Read, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planes = np.full((3, 2, 2), 32896, np.uint16)
        data = tiff(planes, photometric="rgb", planarconfig="separate")
        monkeypatch.setitem(sys.modules, "tifffile", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.warns(ImpastoWarning, match=r"8 bits, since .*pip install 'impasto\[tiff\]'"):
            assert read(data).tolist() == [[[128, 128, 128]] * 2] * 2

    @pytest.mark.parametrize("interlaced", [0, 1])
    @pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (6, 4), (4, 2)])
    def test_a_16_bit_png_keeps_every_level(
        self, read: Read, colour_type: int, channels: int, interlaced: int
    ) -> None:
        values = deep(1, 1, channels)
        values[:, :, channels - (channels % 2 == 0) :] = 65535  # the opacity
        data = png((1, 1), 16, colour_type, deep_png_row(*values.ravel()), interlaced=interlaced)
        colours = values[:, :, :3] if channels > 2 else np.repeat(values[:, :, :1], 3, axis=2)
        pixels = read(data)
        assert pixels.dtype == np.float32
        assert np.array_equal(np.rint(pixels.astype(float) * 257), colours)

    def test_every_filter_of_a_16_bit_png(self, read: Read) -> None:
        values = deep(5, 7).astype(int)
        rows = values.astype(">u2").view(np.uint8).reshape(5, -1).astype(int)
        above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
        left, corner = (np.pad(r, ((0, 0), (6, 0)))[:, :-6] for r in (rows, above))
        predicted = [0 * rows[0], left[1], above[2], (left[3] + above[3]) // 2]
        predicted.append(paeth(left[4], above[4], corner[4]))
        filtered = [bytes([n, *((rows[n] - predicted[n]) % 256)]) for n in range(5)]
        pixels = read(png((7, 5), 16, 2, b"".join(filtered)))
        assert np.array_equal(np.rint(pixels.astype(float) * 257), values)

    def test_the_opacity_of_a_16_bit_png(self, read: Read) -> None:
        row = deep_png_row(25700, 25700, 25700, 13107)
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert np.allclose(read(png((1, 1), 16, 6, row)), 0.2 * 100 + 0.8 * 255, atol=1e-3)

    def test_a_16_bit_png_is_turned_upright(self, read: Read) -> None:
        exif = Image.Exif()
        exif[274] = 6
        row = deep_png_row(257, 514)
        data = png((2, 1), 16, 0, row, (b"eXIf", exif.tobytes()[6:]))
        assert read(data)[:, :, 0].tolist() == [[1], [2]]


# ---------------------------------------------------------------------------- what is no picture

VALID: dict[str, bytes] = {
    "PNG": encoded(Image.fromarray(rgb(40, 50)), "PNG"),
    "JPEG": encoded(Image.fromarray(smooth()), "JPEG", icc_profile=ADOBE_RGB),
    "WebP": encoded(Image.fromarray(smooth()), "WEBP", icc_profile=ADOBE_RGB),
    "lossless WebP": encoded(Image.fromarray(smooth()), "WEBP", lossless=True),
    "TIFF": encoded(Image.fromarray(rgb(40, 50)), "TIFF"),
    "deflated TIFF": encoded(Image.fromarray(rgb(40, 50)), "TIFF", compression="tiff_deflate"),
    "16-bit TIFF": tiff(deep(40, 50), photometric="rgb"),
    "tiled TIFF": tiff(deep(40, 50), photometric="rgb", tile=(16, 16), compression="zlib"),
    "BMP": encoded(Image.fromarray(rgb(40, 50)), "BMP"),
    "GIF": encoded(Image.fromarray(rgb(40, 50)).quantize(16), "GIF", transparency=3),
    "AVIF": encoded(Image.fromarray(smooth()), "AVIF"),
    "palette PNG": encoded(Image.fromarray(rgb(40, 50)).quantize(16), "PNG", transparency=3),
    "deep PNG": png((2, 1), 16, 2, deep_png_row(1, 2, 3, 4, 5, 6), (b"tRNS", bytes(6))),
    "PPM": encoded(Image.fromarray(rgb(4, 5)), "PPM"),
    "EXIF": oriented("JPEG", 6, smooth()),
}


def outcome(path: Path, data: bytes) -> U8 | None:
    """The pixels, or None where the file was refused; any other exception is passed on."""
    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImpastoWarning)
            picture = images.read(path)
    except InputError as error:
        plain(str(error))
        return None
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    assert picture.pixels.size > 0
    assert np.isfinite(picture.pixels).all()
    return arrays.to_uint8(picture.pixels)


class TestHostile:
    @pytest.mark.parametrize("kind", VALID)
    def test_a_file_cut_short_is_refused_or_whole(self, tmp_path: Path, kind: str) -> None:
        data = VALID[kind]
        whole = outcome(tmp_path / "a", data)
        assert whole is not None
        for end in {
            1,
            3,
            8,
            13,
            27,
            *(len(data) * part // 8 for part in range(1, 8)),
            len(data) - 1,
        }:
            pixels = outcome(tmp_path / "a", data[:end])
            assert pixels is None or np.array_equal(pixels, whole)

    def test_heic_cut_short_is_refused(self, read: Read) -> None:
        pillow_heif = pytest.importorskip("pillow_heif")
        file = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(smooth())).save(file)
        data = file.getvalue()
        for end in (20, 100, len(data) // 2, len(data) - 3):
            refused(read, data[:end])

    @settings(
        max_examples=250,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.sampled_from(sorted(VALID)),
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    )
    def test_changed_bytes_give_a_picture_or_one_sentence(
        self, tmp_path: Path, kind: str, changes: list[tuple[float, int]]
    ) -> None:
        data = bytearray(VALID[kind])
        for place, value in changes:
            data[int((len(data) - 1) * place**3)] = value  # rather near the start, in the headers
        outcome(tmp_path / "a", bytes(data))

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.sampled_from([b"", *(data[:12] for data in VALID.values())]),
        st.binary(min_size=1, max_size=300),
    )
    def test_random_bytes_are_refused(self, tmp_path: Path, start: bytes, rest: bytes) -> None:
        outcome(tmp_path / "a", start + rest)

    @pytest.mark.parametrize(
        "data",
        [
            b"Hello, this is text.\n",
            b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
            b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
            b"PK\x03\x04" + bytes(40),
            bytes(1000),
        ],
    )
    def test_another_kind_of_file_is_refused(self, read: Read, data: bytes) -> None:
        refused(read, data, "not a picture that can be read: use JPEG, PNG, .* or DNG")

    def test_an_empty_file_is_refused(self, read: Read) -> None:
        refused(read, b"", "is empty")

    @pytest.mark.parametrize("size", [(16384, 16384), (2**31 - 1, 2**31 - 1), (200_000_000, 1)])
    def test_too_many_pixels_are_refused(self, read: Read, size: tuple[int, int]) -> None:
        refused(read, png(size, 8, 2, b""), r"more than 178,956,970.*: make it smaller\.$")

    def test_too_many_pixels_of_16_bits_are_refused(self, read: Read) -> None:
        data = bytearray(tiff(deep(1, 1)[:, :, 0], photometric="minisblack"))
        for tag in (256, 257):
            place = data.index(struct.pack("<H", tag), 8)
            data[place : place + 12] = struct.pack("<HHII", tag, 4, 1, 60000)
        refused(read, bytes(data), "60000×60000 pixels, more than 178,956,970")

    @pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
    def test_a_chunk_that_swells_is_refused_or_passed_over(
        self, tmp_path: Path, name: bytes
    ) -> None:
        bomb = (name, b"x\0\0" + zlib.compress(bytes(50_000_000), 9))
        outcome(tmp_path / "a", png((1, 1), 8, 0, b"\0\0", bomb))

    def test_nothing_but_warnings_of_impasto_comes_of_damage(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        for kind in VALID:
            outcome(tmp_path / "a", VALID[kind][: len(VALID[kind]) // 2])
        assert capfd.readouterr() == ("", "")


# -------------------------------------------------------------------------------------- names


class TestPaths:
    @pytest.mark.parametrize("name", ["그림 é.png", "with space.png", "no-suffix", "a'b.png", "-"])
    def test_any_name_will_do(self, read: Read, name: str) -> None:
        assert np.array_equal(read(encoded(Image.fromarray(rgb()), "PNG"), name), rgb())

    def test_a_path_may_be_text(self, tmp_path: Path) -> None:
        Image.fromarray(rgb()).save(tmp_path / "a.png")
        assert images.read(str(tmp_path / "a.png")).name == "a.png"

    def test_the_sum_is_that_of_the_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(VALID["PNG"])
        expected = hashlib.sha256(VALID["PNG"]).hexdigest()
        assert images.read(tmp_path / "a.png").sha256 == expected

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"^There is no style picture '.*a\.png'\.$"):
            images.read(tmp_path / "a.png", "style picture")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"is a folder; name a picture in it\.$"):
            images.read(tmp_path)

    @pytest.mark.parametrize("name", ["a\0b.png", "a" * 5000, "line\nbreak", "\udcff"])
    def test_an_impossible_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError) as caught:
            images.read(tmp_path / name)
        plain(str(caught.value))

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything"
    )
    def test_an_unreadable_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").touch(0o000)
        with pytest.raises(InputError, match="cannot be read: Permission denied"):
            images.read(tmp_path / "a.png")

    def test_a_warning_names_the_picture_and_the_caller(self, tmp_path: Path) -> None:
        Image.new("RGBA", (1, 1)).save(tmp_path / "a.png")
        with pytest.warns(ImpastoWarning, match=r"^The style picture '.*a\.png' is ") as caught:
            images.read(tmp_path / "a.png", "style picture")
        assert caught[0].filename == __file__


# ----------------------------------------------------------------------------------- in memory


class TestMemory:
    def test_an_array_is_taken_as_it_is(self) -> None:
        assert np.array_equal(images.read(rgb()).pixels, rgb())

    def test_an_array_is_copied(self) -> None:
        mine = rgb()
        picture = images.read(mine)
        mine[:] = 0
        assert np.array_equal(picture.pixels, rgb())

    def test_an_array_has_a_size_and_no_name(self) -> None:
        picture = images.read(rgb(5, 7))
        assert (picture.size, picture.name) == ((7, 5), None)

    def test_equal_pixels_have_equal_sums(self) -> None:
        assert images.read(rgb()).sha256 == images.read(Image.fromarray(rgb())).sha256

    @pytest.mark.parametrize("source", [3, [[0]], {"a": 1}, object()])
    def test_another_type_is_refused(self, source: Any) -> None:
        with pytest.raises(InputError, match="should be a path, bytes, a file object") as caught:
            images.read(source)
        plain(str(caught.value))

    @pytest.mark.parametrize(
        ("mode", "white"),
        [
            ("1", 1),
            ("L", 255),
            ("RGB", (255, 255, 255)),
            ("RGBX", (255, 255, 255, 0)),
            ("CMYK", (0, 0, 0, 0)),
            ("YCbCr", (255, 128, 128)),
            ("HSV", (0, 0, 255)),
            ("LAB", (255, 128, 128)),
            ("RGBA", (255, 255, 255, 255)),
            ("LA", (255, 255)),
        ],
    )
    def test_white_of_every_mode(self, mode: str, white: Any) -> None:
        pixels = images.read(Image.new(mode, (1, 1), white)).pixels
        assert np.abs(pixels.astype(int) - 255).max() <= (1 if mode == "LAB" else 0)

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa", "La"])
    def test_no_colour_at_all_is_white(self, mode: str) -> None:
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert images.read(Image.new(mode, (1, 1))).pixels.tolist() == [[WHITE]]

    @pytest.mark.parametrize("mode", ["I;16", "I;16B"])
    def test_16_bits_are_scaled(self, mode: str) -> None:
        pixels = images.read(Image.new(mode, (1, 1), 32897)).pixels
        assert np.allclose(pixels, 32897 / 257)

    @pytest.mark.parametrize(
        ("mode", "value", "white"),
        [("I", 32896, "65535"), ("I", 128, "255"), ("F", 128 / 255, "1")],
    )
    def test_32_bits_are_scaled_by_their_range(self, mode: str, value: float, white: str) -> None:
        with pytest.warns(ImpastoWarning, match=f"0 is taken for black, and {white} for white"):
            pixels = images.read(Image.new(mode, (1, 1), value)).pixels
        assert np.allclose(pixels, 128, atol=1e-3)

    @pytest.mark.parametrize("size", [(0, 5), (5, 0)])
    def test_an_image_without_pixels_is_refused(self, size: tuple[int, int]) -> None:
        with pytest.raises(InputError, match=r"×. pixels, so it is empty"):
            images.read(Image.new("RGB", size))

    def test_an_image_that_does_not_fit_into_memory_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(image: Image.Image) -> None:
            raise MemoryError

        monkeypatch.setattr(Image.Image, "load", fail)
        with pytest.raises(InputError, match="does not fit into memory: make it smaller"):
            images.read(Image.new("RGB", (1, 1)))

    def test_a_closed_image_is_refused(self) -> None:
        image = Image.open(io.BytesIO(VALID["PNG"]))
        image.close()
        with pytest.raises(InputError) as caught:
            images.read(image)
        plain(str(caught.value))

    def test_a_pil_image_is_left_as_it_was(self) -> None:
        image = Image.open(io.BytesIO(VALID["deep PNG"]))
        image.load()
        before = dict(image.info)
        with pytest.warns(ImpastoWarning):
            images.read(image.convert("RGBA"))
        assert image.info == before


# ------------------------------------------------------------------------------------- resizing


def keys(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Keys' cubic with a = −0.5."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def weight_matrix(old: int, new: int) -> npt.NDArray[Any]:
    """What each of the old pixels gives to each of the new ones, along one side."""
    scale = max(1.0, old / new)
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    reach = math.ceil(2 * scale) + 1
    matrix = np.zeros((new, old))
    for row, centre in enumerate(centres):
        places = np.arange(math.floor(centre) - reach, math.floor(centre) + reach + 2)
        weights = keys((centre - places) / scale)
        mirrored = places % (2 * old)
        mirrored = np.where(mirrored < old, mirrored, 2 * old - 1 - mirrored)
        np.add.at(matrix[row], mirrored, weights / weights.sum())
    return matrix


def imresize(pixels: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    down = weight_matrix(pixels.shape[0], size[1])
    across = weight_matrix(pixels.shape[1], size[0])
    return np.asarray(np.einsum("ij,jkc,lk->ilc", down, pixels.astype(np.float64), across))


side = st.integers(1, 40)


class TestResize:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ((16, 16), (32, 32)),
            ((16, 16), (8, 8)),
            ((17, 31), (5, 7)),
            ((31, 17), (64, 9)),
            ((1, 1), (6, 4)),
            ((1, 7), (3, 3)),
            ((7, 1), (1, 7)),
            ((300, 2), (2, 300)),
            ((2, 2), (1, 1)),
            ((100, 75), (99, 76)),
        ],
    )
    def test_it_is_imresize(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        pixels = rgb(old[1], old[0])
        assert np.abs(arrays.resize(pixels, new) - imresize(pixels, new)).max() < 1e-3

    @settings(deadline=None, max_examples=60)
    @given(st.tuples(side, side), st.tuples(side, side), st.integers(0, 99))
    def test_it_is_imresize_at_any_size(
        self, old: tuple[int, int], new: tuple[int, int], seed: int
    ) -> None:
        pixels = rgb(old[1], old[0], seed)
        assert np.abs(arrays.resize(pixels, new) - imresize(pixels, new)).max() < 1e-3

    def test_a_row_worked_out_by_hand(self) -> None:
        row = np.array([[[0] * 3, [255] * 3]], np.uint8)
        expected = 255 * np.array([-3 / 32, 13 / 64, 51 / 64, 35 / 32])
        assert np.allclose(arrays.resize(row, (4, 1))[0, :, 0], expected)

    def test_floats_come_through_unclipped(self) -> None:
        pixels = np.array([[[0] * 3, [255] * 3]], np.uint8)
        resized = arrays.resize(pixels, (8, 1))
        assert resized.min() < 0
        assert resized.max() > 255

    def test_its_own_size_changes_nothing(self) -> None:
        resized = arrays.resize(rgb(), (7, 5))
        assert resized.dtype == np.float32
        assert np.array_equal(resized, rgb())

    @pytest.mark.parametrize("value", [0, 77, 255])
    def test_one_colour_stays_that_colour(self, value: int) -> None:
        flat = np.full((9, 13, 3), value, np.uint8)
        assert np.abs(arrays.resize(flat, (31, 4)) - value).max() < 1e-3

    def test_the_given_pixels_are_left_as_they_were(self) -> None:
        pixels = rgb()
        arrays.resize(pixels, (3, 3))
        assert np.array_equal(pixels, rgb())

    def test_a_long_thin_picture(self) -> None:
        assert arrays.resize(rgb(1, 30000), (512, 1)).shape == (1, 512, 3)

    def test_in_kind_rounds_whole_numbers(self) -> None:
        resized = arrays.resize_in_kind(rgb(), (3, 4))
        assert resized.dtype == np.uint8
        assert np.abs(resized - np.clip(imresize(rgb(), (3, 4)), 0, 255)).max() < 0.501

    def test_in_kind_leaves_floats(self) -> None:
        resized = arrays.resize_in_kind(rgb().astype(np.float32), (3, 4))
        assert resized.dtype == np.float32


class TestRescale:
    def test_the_range_becomes_0_to_255(self) -> None:
        pixels = np.array([[[50, 100, 150]]], np.uint8)
        assert arrays.rescale(pixels).tolist() == [[[0, 127.5, 255]]]

    def test_one_value_becomes_0(self) -> None:
        assert arrays.rescale(np.full((2, 2, 3), 9, np.uint8)).max() == 0

    def test_the_full_range_stays(self) -> None:
        pixels = np.array([[[0, 100, 255]]], np.uint8)
        assert np.allclose(arrays.rescale(pixels), pixels, atol=1e-4)


class TestToUint8:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_halves_go_up(self, dtype: Any) -> None:
        halves = np.arange(255, dtype=dtype) + dtype(0.5)
        assert arrays.to_uint8(halves).tolist() == list(range(1, 256))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_just_below_a_half_goes_down(self, dtype: Any) -> None:
        halves = np.nextafter(np.arange(255, dtype=dtype) + dtype(0.5), dtype(0))
        assert arrays.to_uint8(halves).tolist() == list(range(255))

    @given(random.arrays(np.uint8, (2, 3, 3)))
    def test_whole_numbers_stay(self, pixels: U8) -> None:
        assert np.array_equal(arrays.to_uint8(pixels), pixels)

    @given(st.floats(allow_nan=False, width=32))
    @example(float("inf"))
    @example(-1e-9)
    def test_the_rest_is_saturated(self, value: float) -> None:
        assert arrays.to_uint8(np.array([value])) == math.floor(min(max(value, 0), 255) + 0.5)


# ---------------------------------------------------------------------------------------- saving

SUFFIXES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"]
OUTPUTS = [*((suffix, 8) for suffix in SUFFIXES), (".tif", 16), (".tiff", 16)]


class TestSave:
    @pytest.mark.parametrize("suffix", [*SUFFIXES, ".PNG", ".Jpg", ".TIFF"])
    def test_every_suffix_comes_back(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"a{suffix}"
        writers.save(smooth(), path)
        near = 0 if suffix.lower() in (".png", ".tif", ".tiff") else 12
        assert np.abs(images.read(path).pixels.astype(int) - smooth()).max() <= near

    @pytest.mark.parametrize(
        ("suffix", "kind"),
        [(suffix, writers.WRITERS[suffix][0]) for suffix in SUFFIXES],
    )
    def test_the_suffix_makes_the_format(self, tmp_path: Path, suffix: str, kind: str) -> None:
        writers.save(rgb(), tmp_path / f"a{suffix}")
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert image.format == kind

    @pytest.mark.parametrize(("suffix", "bits"), OUTPUTS)
    def test_it_carries_srgb(self, tmp_path: Path, suffix: str, bits: int) -> None:
        writers.save(rgb(), tmp_path / f"a{suffix}", bits=bits)
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert image.info["icc_profile"] == profiles.srgb_profile()

    @pytest.mark.parametrize(("suffix", "bits"), OUTPUTS)
    def test_equal_pixels_make_equal_bytes(self, tmp_path: Path, suffix: str, bits: int) -> None:
        for name in ("a", "b"):
            writers.save(rgb(), tmp_path / f"{name}{suffix}", bits=bits, text="text")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()

    def test_the_profile_does_not_tell_when_it_was_made(self) -> None:
        made_now = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        ours = profiles.srgb_profile()
        assert (ours[:24], ours[36:]) == (made_now[:24], made_now[36:])
        assert struct.unpack(">6H", ours[24:36]) == (2000, 1, 1, 0, 0, 0)

    @pytest.mark.parametrize("text", ["plain", "그림 é", "x" * 100_000, ""])
    def test_a_png_carries_the_text(self, tmp_path: Path, text: str) -> None:
        writers.save(rgb(), tmp_path / "a.png", text=text)
        with Image.open(tmp_path / "a.png") as image:
            assert image.info["impasto"] == text

    def test_without_text_a_png_carries_none(self, tmp_path: Path) -> None:
        writers.save(rgb(), tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as image:
            assert "impasto" not in image.info

    def test_floats_are_rounded_and_saturated(self, tmp_path: Path) -> None:
        writers.save(np.array([[[-5, 99.5, 300]]], np.float32), tmp_path / "a.png")
        assert images.read(tmp_path / "a.png").pixels.tolist() == [[[0, 100, 255]]]

    @settings(
        deadline=None,
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        random.arrays(
            np.float32,
            st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)),
            elements=st.floats(-10, 265, width=32),
        )
    )
    def test_16_bits_keep_what_8_would_lose(
        self, tmp_path: Path, pixels: npt.NDArray[np.float32]
    ) -> None:
        writers.save(pixels, tmp_path / "a.tif", bits=16)
        back = images.read(tmp_path / "a.tif").pixels
        assert np.abs(back - np.clip(pixels, 0, 255)).max() <= 0.5 / 257 + 1e-4

    def test_16_bits_come_back_to_the_level(self, tmp_path: Path) -> None:
        levels = (np.arange(65536).reshape(64, 1024, 1) / 257).astype(np.float32)
        writers.save(np.repeat(levels, 3, axis=2), tmp_path / "a.tif", bits=16)
        assert np.array_equal(
            tifffile.imread(tmp_path / "a.tif")[:, :, 0].ravel(), np.arange(65536)
        )

    @pytest.mark.parametrize("size", [(1, 1), (3, 3), (4, 3), (1, 500)])
    def test_16_bits_of_odd_sizes_come_back(self, tmp_path: Path, size: tuple[int, int]) -> None:
        writers.save(rgb(*size), tmp_path / "a.tif", bits=16)
        assert np.array_equal(images.read(tmp_path / "a.tif").pixels, rgb(*size))

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_a_failure_leaves_the_old_file_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
    ) -> None:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"old")

        def fail(image: Image.Image, file: Any, *_: Any, **__: Any) -> None:
            file.write(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Image.Image, "save", fail)
        with pytest.raises(OSError, match="No space left"):
            writers.save(rgb(), path)
        assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(path.name, b"old")]

    @pytest.mark.parametrize(("suffix", "longest"), [(".jpg", 65500), (".webp", 16383)])
    def test_the_longest_side_can_be_written(
        self, tmp_path: Path, suffix: str, longest: int
    ) -> None:
        writers.save(np.zeros((1, longest, 3), np.uint8), tmp_path / f"a{suffix}")
        assert images.read(tmp_path / f"a{suffix}").size == (longest, 1)

    @pytest.mark.parametrize(("suffix", "longest"), [(".jpg", 65500), (".webp", 16383)])
    def test_a_longer_side_is_refused_before(
        self, tmp_path: Path, suffix: str, longest: int
    ) -> None:
        with pytest.raises(InputError, match=f"{longest} pixels a side, not {longest + 1}: end "):
            writers.save(np.zeros((longest + 1, 1, 3), np.uint8), tmp_path / f"a{suffix}")
        assert list(tmp_path.iterdir()) == []


class TestCheckOutput:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_every_suffix_will_do(self, tmp_path: Path, suffix: str) -> None:
        assert writers.check_output(str(tmp_path / f"a{suffix}")) == tmp_path / f"a{suffix}"

    @pytest.mark.parametrize("name", ["a", "a.gif", "a.png.txt", ".png", "a.", "a.heic"])
    def test_another_suffix_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError, match=r"should end in \.png, .*, not ") as caught:
            writers.check_output(tmp_path / name)
        plain(str(caught.value))

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").mkdir()
        with pytest.raises(InputError, match="is a folder"):
            writers.check_output(tmp_path / "a.png")

    def test_a_missing_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="There is no folder"):
            writers.check_output(tmp_path / "missing" / "a.png")

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
    def test_16_bits_need_a_tiff(self, tmp_path: Path, suffix: str) -> None:
        with pytest.raises(InputError, match=r"need a TIFF: end '.*' in \.tif or \.tiff"):
            writers.check_output(tmp_path / f"a{suffix}", bits=16)

    def test_other_depths_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="8 or 16 bits per channel, not 12"):
            writers.check_output(tmp_path / "a.tif", bits=12)

    def test_16_bits_without_tifffile_say_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"pip install 'impasto\[tiff\]'"):
            writers.check_output(tmp_path / "a.tif", bits=16)


# ----------------------------------------------------------------------------- the size alone


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_that_of_the_upright_picture(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (20, 10)).save(path, exif=exif)
    assert images.size_of(path) == images.read(path).size


def test_the_size_of_a_16_bit_tiff(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, np.zeros((10, 20, 3), np.uint16), photometric="rgb")
    assert images.size_of(path) == (20, 10)


def test_the_size_of_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="damaged or not a picture"):
        images.size_of(path)
