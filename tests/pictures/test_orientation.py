"""XMP data turns a picture upright if there is no EXIF data that does."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from impasto.pictures import images
from picture_files import encoded, head, noise, read

UPRIGHT = noise(16, 24)
ATTRIBUTE = '<x:xmpmeta><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'
QUOTED = "<x:xmpmeta><rdf:Description tiff:Orientation='{}'/></x:xmpmeta>"
ELEMENT = "<x:xmpmeta><rdf:Description><tiff:Orientation> {} </tiff:Orientation></x:xmpmeta>"
# What turns the upright picture into what is stored.
STORED: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a,
    3: lambda a: np.rot90(a, 2),
    6: np.rot90,
    8: lambda a: np.rot90(a, -1),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def turned(orientation: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(STORED[orientation](UPRIGHT)))


def with_xmp(kind: str, orientation: int, packet: str, **options: Any) -> bytes:
    """A picture as it is stored, with an orientation in XMP."""
    image, xmp = turned(orientation), packet.format(orientation).encode()
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return encoded(image, kind, pnginfo=info, **options)
    if kind == "TIFF":
        return encoded(image, kind, tiffinfo={700: xmp}, **options)
    if kind == "16-bit TIFF":
        tifffile = pytest.importorskip("tifffile")
        file, tag = io.BytesIO(), (700, 1, len(xmp), xmp, True)
        deep = np.asarray(image).astype(np.uint16) * 257
        tifffile.imwrite(file, deep, photometric="rgb", metadata=None, extratags=[tag])
        return file.getvalue()
    kept: dict[str, Any] = {"quality": 95, "subsampling": "4:4:4"}
    return encoded(
        image, kind, xmp=xmp, **({"lossless": True} if kind == "WEBP" else kept), **options
    )


KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "16-bit TIFF")


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", KINDS)
def test_xmp_alone_turns_a_picture(kind: str, orientation: int) -> None:
    data = with_xmp(kind, orientation, ATTRIBUTE)
    near = 60 if kind == "JPEG" else 0  # of what is noise
    assert head(data).size == (24, 16)
    assert np.abs(read(data).astype(float) - UPRIGHT).max() <= near


@pytest.mark.parametrize("packet", [QUOTED, ELEMENT])
@pytest.mark.parametrize("kind", KINDS[1:])
def test_every_way_to_write_it(kind: str, packet: str) -> None:
    data = with_xmp(kind, 6, packet)
    assert head(data).size == (24, 16)
    assert np.array_equal(read(data), UPRIGHT)


@pytest.mark.parametrize("packet", [ATTRIBUTE, QUOTED])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_exif_counts_before_xmp(kind: str, packet: str) -> None:
    exif = Image.Exif()
    exif[274] = 1
    data = with_xmp(kind, 6, packet, exif=exif)
    assert head(data).size == read(data).shape[1::-1] == (16, 24)


@pytest.mark.parametrize("packet", [ATTRIBUTE, QUOTED])
def test_the_tag_of_a_tiff_counts_before_xmp(packet: str) -> None:
    tags = {700: packet.format(8).encode(), 274: 6}
    data = encoded(turned(6), "TIFF", tiffinfo=tags)
    assert head(data).size == (24, 16)
    assert np.array_equal(read(data), UPRIGHT)


@pytest.mark.parametrize("value", ["0", "9", "", "six"])
def test_an_orientation_that_is_none_is_ignored(value: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", ATTRIBUTE.format(value))
    assert np.array_equal(read(encoded(turned(1), "PNG", pnginfo=info)), UPRIGHT)


@pytest.mark.parametrize("is_packed", [False, True])
def test_xmp_behind_the_pixels_of_a_png(is_packed: bool) -> None:
    text = ATTRIBUTE.format(6).encode()
    stored = b"\1\0\0\0" + zlib.compress(text) if is_packed else b"\0\0\0\0" + text
    body = b"iTXt" + b"XML:com.adobe.xmp\0" + stored
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    data = encoded(turned(6), "PNG")
    data = data[:-12] + chunk + data[-12:]
    assert head(data).size == (24, 16)
    assert np.array_equal(read(data), UPRIGHT)


def test_an_avif_is_turned_by_its_own_property_alone() -> None:
    data = with_xmp("AVIF", 6, ATTRIBUTE)
    assert head(data).size == read(data).shape[1::-1] == (16, 24)


def test_a_pil_image_is_turned_by_its_xmp() -> None:
    image = Image.open(io.BytesIO(with_xmp("PNG", 6, ATTRIBUTE)))
    assert np.array_equal(images.read(image).pixels, UPRIGHT)
