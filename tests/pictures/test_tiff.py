"""Which page of a TIFF is its picture; camera raw files and reduced copies are never painted."""

from __future__ import annotations

import hashlib
import io
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from impasto.errors import ImpastoWarning, InputError
from impasto.pictures import images, tiff

tifffile = pytest.importorskip("tifffile")

FULL, SMALL = (40, 56), (10, 14)  # height and width
Pages = Sequence[tuple[npt.NDArray[Any], dict[str, Any]]]


def pixels(size: tuple[int, int] = FULL, dtype: Any = np.uint8, seed: int = 0) -> npt.NDArray[Any]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, np.iinfo(dtype).max, (*size, 3), dtype=dtype)


def saved(path: Path, pages: Pages, **options: Any) -> Path:
    with tifffile.TiffWriter(path, **options) as file:
        for page, given in pages:
            file.write(page, **{"photometric": "rgb", "metadata": None, **given})
    return path


REDUCED: dict[str, Any] = {"subfiletype": 1}
OLD_REDUCED: dict[str, Any] = {"extratags": [(255, 3, 1, 2, True)]}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
@pytest.mark.parametrize("layout", ["first", "old tag", "sub-page", "pyramid", "last"])
def test_the_full_page_is_read_wherever_it_stands(
    tmp_path: Path, layout: str, options: dict[str, Any], dtype: Any
) -> None:
    full, small = pixels(dtype=dtype), pixels(SMALL, dtype, 1)
    layouts: dict[str, Pages] = {
        "first": [(small, REDUCED), (full, {})],
        "old tag": [(small, OLD_REDUCED), (full, {})],
        "sub-page": [(small, {**REDUCED, "subifds": 1}), (full, {})],
        "pyramid": [(full, {"subifds": 2}), (small, REDUCED), (small, REDUCED)],
        "last": [(small, REDUCED), (small, REDUCED), (full, {"compression": "zlib"})],
    }
    path = saved(tmp_path / "a.tif", layouts[layout], **options)
    read = images.read(path).pixels
    np.testing.assert_allclose(read, full / (257 if dtype == np.uint16 else 1), atol=1e-4)
    assert images.size_of(path) == (FULL[1], FULL[0])


def test_a_deflated_full_page_of_8_bits_is_read(tmp_path: Path) -> None:
    pages: Pages = [(pixels(SMALL), {**REDUCED, "subifds": 1}), (pixels(), {"compression": "zlib"})]
    path = saved(tmp_path / "a.tif", pages)
    np.testing.assert_array_equal(images.read(path).pixels, pixels())


def test_without_tifffile_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.tif", [(pixels(SMALL), {**REDUCED, "subifds": 1}), (pixels(), {})])
    monkeypatch.setitem(sys.modules, "tifffile", None)
    np.testing.assert_array_equal(images.read(path).pixels, pixels())


def test_the_first_of_several_full_pages_stays_the_picture(tmp_path: Path) -> None:
    pages: Pages = [(pixels(SMALL), {}), (pixels(), {}), (pixels(SMALL), REDUCED)]
    path = saved(tmp_path / "a.tif", pages)
    with pytest.warns(ImpastoWarning, match="has 2 pages; the first is used"):
        assert images.read(path).size == (SMALL[1], SMALL[0])


def test_the_sum_is_that_of_the_whole_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", [(pixels(SMALL), REDUCED), (pixels(), {})])
    assert images.read(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_lone_reduced_page_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", [(pixels(SMALL), REDUCED)])
    for read in (images.read, images.size_of):
        with pytest.raises(InputError, match="is marked as a reduced copy of a picture"):
            read(path)


def test_a_reduced_page_in_memory_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", [(pixels(SMALL), REDUCED), (pixels(), {})])
    with Image.open(path) as image:
        with pytest.raises(InputError, match="is marked as a reduced copy"):
            images.read(image)
        image.seek(1)
        np.testing.assert_array_equal(images.read(image).pixels, pixels())


MOSAIC = np.zeros(FULL, np.uint16)
RAW: dict[str, Any] = {
    "photometric": "cfa",
    "extratags": [(33421, 3, 2, (2, 2), True), (33422, 1, 4, (0, 1, 1, 2), True)],
}
VERSION: dict[str, Any] = {"extratags": [(50706, 1, 4, (1, 4, 0, 0), True)]}
DEVELOPED: dict[str, Any] = {"photometric": 34892, "planarconfig": "contig"}
# What stands at the start of cameras' own formats.
CAMERA_TIFFS: dict[str, Pages] = {
    "NEF, ARW, SRW": [(pixels(SMALL), {**REDUCED, "subifds": 1}), (MOSAIC, RAW)],
    "DNG": [(pixels(SMALL), {**REDUCED, **VERSION})],
    "DNG with a full preview": [(pixels(), VERSION)],
    "linear DNG": [(pixels(SMALL), {"subifds": 1}), (pixels(), DEVELOPED)],
    "PEF": [(MOSAIC, RAW), (pixels(SMALL), REDUCED)],
}
CAMERA_HEADS = {
    "RAF": b"FUJIFILMCCD-RAW 0201",
    "ORF": b"IIRO\x08\0\0\0",
    "RW2": b"IIU\0\x18\0\0\0",
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "CRW": b"II\x1a\0\0\0HEAPCCDR",
    "X3F": b"FOVb\0\0\2\0",
    "MRW": b"\0MRM",
}


def refused_as_raw(path: Path) -> None:
    for read in (images.read, images.size_of):
        with pytest.raises(InputError, match="is a camera raw file, which needs rawpy"):
            read(path)


@pytest.fixture(autouse=True)
def _no_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)


@pytest.mark.parametrize("kind", CAMERA_TIFFS)
def test_camera_raw_in_a_tiff_is_one_sentence(tmp_path: Path, kind: str) -> None:
    refused_as_raw(saved(tmp_path / "a.nef", CAMERA_TIFFS[kind]))


def test_canon_s_is_one_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", [(pixels(SMALL), {})])
    data = path.read_bytes()
    (start,) = struct.unpack_from("<I", data, 4)
    made = b"II*\0" + struct.pack("<I", len(data)) + b"CR\2\0"
    (tmp_path / "a.cr2").write_bytes(made + data[len(made) :] + data[start:])
    refused_as_raw(tmp_path / "a.cr2")


@pytest.mark.parametrize("kind", CAMERA_HEADS)
def test_camera_raw_that_is_no_tiff_is_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.raw").write_bytes(CAMERA_HEADS[kind] + bytes(200))
    refused_as_raw(tmp_path / "a.raw")


def test_directories_that_lead_round_in_circles_end() -> None:
    entries = [(256, 4, 1, 7), (257, 4, 1, 5), (330, 4, 1, 8)]
    directory = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    file = io.BytesIO(b"II*\0\x08\0\0\0" + directory + struct.pack("<I", 8))
    (page,) = tiff.pages(file)
    assert (page.width, page.height) == (7, 5)


@pytest.mark.parametrize("data", [b"II*\0", b"II*\0\x08\0\0\0", b"MM\0*\xff\xff\xff\xff"])
def test_what_has_no_page_is_damaged(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="is damaged"):
        images.read(tmp_path / "a.tif")


def test_grey_with_12_bits_is_white_at_4095(tmp_path: Path) -> None:
    tags = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 122, 277: 1, 278: 1, 279: 3}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    assert len(head) == 122
    (tmp_path / "a.tif").write_bytes(head + b"\xff\xf8\x00")  # 4095 and 2048
    pixels = images.read(tmp_path / "a.tif").pixels
    np.testing.assert_allclose(pixels[0, :, 0], [255, 255 * 2048 / 4095], atol=0.01)
