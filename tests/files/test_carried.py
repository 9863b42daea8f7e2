"""The text that a painting carries is found in every format, and hostile bytes get a sentence."""

from __future__ import annotations

import io
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from impasto.errors import ImpastoWarning, InputError
from impasto.files import xmp
from impasto.files.carried import MOST_IN_JPEG, XMP_IN_JPEG, carried_text
from impasto.pictures import writers

PIXELS = np.full((4, 6, 3), 120, np.uint8)
KINDS = ("png", "jpg", "jpeg", "webp", "tif", "tiff")
ENTITIES = '<!DOCTYPE a [<!ENTITY a "{}">{}]>'.format(
    "lol" * 10, "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def jpeg_with(packet: bytes) -> bytes:
    """A JPEG with an XMP packet, whatever is in it."""
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(XMP_IN_JPEG) + len(packet))
    data = file.getvalue()
    return data[:2] + segment + XMP_IN_JPEG + packet + data[2:]


def webp_with(packet: bytes) -> bytes:
    """A WebP with an XMP packet, whatever is in it and however long it is."""
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "WEBP", xmp=packet)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["plain", '{"name": "<a & b>\\u00e9"}', "x" * 60_000, ""])
def test_every_format_carries_a_text(kind: str, text: str) -> None:
    writers.save(PIXELS, f"a.{kind}", text=text)
    assert carried_text(f"a.{kind}") == text
    Image.open(f"a.{kind}").load()


def test_a_tiff_of_16_bits_carries_a_text() -> None:
    pytest.importorskip("tifffile")
    writers.save(PIXELS, "a.tiff", bits=16, text="text")
    assert carried_text("a.tiff") == "text"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_large_tiff_in_either_order_carries_a_text(order: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    packet = xmp.packet("text")
    tags = [(700, "B", len(packet), packet, True)]
    tifffile.imwrite("a.tiff", PIXELS, bigtiff=True, byteorder=order, extratags=tags)
    assert carried_text("a.tiff") == "text"


def test_a_tiff_with_a_directory_nowhere() -> None:
    Path("a.tiff").write_bytes(b"II+\0\x08\0\0\0" + b"\xff" * 8)
    with pytest.raises(InputError, match="cut short"):
        carried_text("a.tiff")


def test_a_compressed_text_that_is_damaged() -> None:
    body = b"zTXtimpasto\0\0no deflate"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    Image.fromarray(PIXELS).save("a.png")
    data = Path("a.png").read_bytes()
    Path("a.png").write_bytes(data[:33] + chunk + data[33:])
    with pytest.raises(InputError, match="carries text that is damaged"):
        carried_text("a.png")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_without_a_text_carries_none(kind: str) -> None:
    writers.save(PIXELS, f"a.{kind}")
    assert carried_text(f"a.{kind}") is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_pixels_are_the_same_with_a_text_and_without(kind: str) -> None:
    writers.save(PIXELS, f"a.{kind}", text="text")
    writers.save(PIXELS, f"b.{kind}")
    first, second = (np.asarray(Image.open(f"{name}.{kind}")) for name in "ab")
    np.testing.assert_array_equal(first, second)


@given(
    st.text(
        st.characters(
            min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
        )
    )
)
def test_a_packet_is_well_formed(text: str) -> None:
    packet = xmp.packet(text)
    names = [element.tag.rpartition("}")[2] for element in ET.fromstring(packet).iter()]
    assert names == ["xmpmeta", "RDF", "Description", "painting"]
    assert xmp.text_in(packet) == text


def test_a_packet_that_another_program_has_written_anew() -> None:
    packet = (
        f'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
        f'xmlns:ns0="{xmp.NAMESPACE}" ns0:painting="{{&quot;a&quot;: 1}}"/></r:RDF>'
    )
    assert xmp.text_in(packet.encode()) == '{"a": 1}'
    assert xmp.text_in(packet.replace(xmp.NAMESPACE, "urn:other#").encode()) is None


@pytest.mark.parametrize("around", [jpeg_with, webp_with])
@pytest.mark.parametrize(
    "packet",
    [
        xmp.packet("text").replace(b"<x:xmpmeta", ENTITIES.encode() + b"<x:xmpmeta"),
        xmp.packet("text")[:-60],
        xmp.packet("text").replace(b"painting>text", b"painting>&a;"),
        xmp.packet("text").replace(b"text", b"\xff\xfe"),
        xmp.packet("text").replace(b"text", b"\x00"),
    ],
    ids=["entities", "cut short", "unknown entity", "no UTF-8", "a NUL"],
)
def test_a_damaged_or_hostile_packet(around: Callable[[bytes], bytes], packet: bytes) -> None:
    Path("a").write_bytes(around(packet))
    with pytest.raises(InputError, match="carries text that is damaged") as caught:
        carried_text("a")
    assert "\n" not in str(caught.value)


def test_the_packet_of_another_program_may_be_damaged() -> None:
    Path("a.jpg").write_bytes(jpeg_with(b"<x:xmpmeta <<<"))
    assert carried_text("a.jpg") is None


def test_a_packet_that_is_too_long() -> None:
    Path("a.webp").write_bytes(webp_with(xmp.packet("x" * 2**22)))
    with pytest.raises(InputError, match="text that is too long"):
        carried_text("a.webp")


@pytest.mark.parametrize("kind", ["jpg", "webp", "tiff"])
def test_a_file_that_is_cut_short(kind: str) -> None:
    writers.save(PIXELS, f"a.{kind}", text="text")
    data = Path(f"a.{kind}").read_bytes()
    Path("b").write_bytes(data[:40] if kind == "tiff" else data[:100])
    with pytest.raises(InputError, match="damaged"):
        carried_text("b")


def test_a_text_that_does_not_fit_into_a_jpeg() -> None:
    longest = MOST_IN_JPEG - len(xmp.packet(""))
    writers.save(PIXELS, "a.jpg", text="x" * longest)
    assert carried_text("a.jpg") == "x" * longest
    with pytest.warns(ImpastoWarning, match="carries no recipe, since that takes 65,503 bytes"):
        writers.save(PIXELS, "b.jpg", text="x" * (longest + 1))
    assert carried_text("b.jpg") is None
