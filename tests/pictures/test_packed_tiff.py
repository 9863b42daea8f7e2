"""TIFF that tifffile alone cannot unpack, and Pillow's libtiff can."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from impasto.pictures import images, packed_tiff
from picture_files import noise, read, refusal

tifffile = pytest.importorskip("tifffile")

SIZE = (50, 70)  # height and width, of which neither is a multiple of a tile
COLOURS = [(*SIZE, 3), (*SIZE, 4), SIZE]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def values(shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
    return np.random.default_rng(0).integers(0, 30000, shape).astype(dtype)


def saved(array: npt.NDArray[Any], **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    kind = "rgb" if array.ndim == 3 else "minisblack"
    tifffile.imwrite(file, array, **{"photometric": kind, "metadata": None, **options})
    return file


def unpacked(file: io.BytesIO) -> npt.NDArray[Any]:
    page = packed_tiff.read(file)
    assert page is not None
    return page.values


LAYOUTS: list[dict[str, Any]] = [
    {},
    {"byteorder": ">"},
    {"bigtiff": True},
    {"rowsperstrip": 7},
    {"tile": (16, 32)},
    {"compression": "zlib"},
    {"compression": "zlib", "byteorder": ">"},
    {"compression": "zlib", "tile": (16, 32), "byteorder": ">"},
]


@pytest.mark.parametrize("shape", COLOURS)
@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("options", LAYOUTS)
def test_every_layout(shape: tuple[int, ...], dtype: str, options: dict[str, Any]) -> None:
    stored = values(shape, dtype)
    found = unpacked(saved(stored, **options))
    assert found.dtype == stored.dtype
    assert np.array_equal(found.reshape(shape), stored)


@pytest.mark.parametrize("shape", COLOURS)
@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
@pytest.mark.parametrize("options", [{}, {"tile": (16, 32)}, {"byteorder": ">"}])
def test_differences(shape: tuple[int, ...], dtype: str, options: dict[str, Any]) -> None:
    stored = values(shape, dtype)
    file = saved(stored, compression="zlib", predictor=2, **options)
    assert np.array_equal(unpacked(file).reshape(shape), stored)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_differences_of_floats(compression: str) -> None:
    stored = (values(SIZE, "float32") / 7).astype(np.float32)
    file = io.BytesIO()
    Image.fromarray(stored).save(file, "TIFF", compression=compression, tiffinfo={317: 3})
    assert np.array_equal(unpacked(file)[:, :, 0], stored)


@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_differences_of_floats_in_colour(tile: tuple[int, int] | None) -> None:
    """What no writer at hand makes: rows of bytes, the highest first, each less the one before."""
    stored = (values((*SIZE, 3), "float32") / 7).astype(np.float32)
    height, width = tile or SIZE
    rows = np.pad(stored, ((0, -SIZE[0] % height), (0, -SIZE[1] % width), (0, 0)))
    parts = rows.reshape(rows.shape[0], -1, width, 3)
    planes = parts.astype(">f4").view(np.uint8).reshape(*parts.shape[:2], -1, 4).swapaxes(2, 3)
    split = planes.reshape(*parts.shape[:2], -1, 3)
    differences = np.diff(split, axis=2, prepend=np.zeros_like(split[:, :, :1]))
    coded = differences.reshape(rows.shape[0], -1, 4).copy().view("<f4").reshape(rows.shape)
    coded = coded[:, : SIZE[1]] if tile is None else coded
    file = saved(coded, compression="zlib", **({"tile": tile} if tile else {}))
    assert np.array_equal(unpacked(with_tags(file, SIZE)), stored)


def with_tags(file: io.BytesIO, size: tuple[int, int]) -> io.BytesIO:
    """The file with the predictor of floats, in place of its X resolution, and of that size."""
    data = bytearray(file.getvalue())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [bytes(data[start + 2 + 12 * n : start + 14 + 12 * n]) for n in range(count)]
    changed = {256: size[1], 257: size[0], 317: 3}
    kept = [
        one for one in entries if one[:2] not in (struct.pack("<H", tag) for tag in (282, *changed))
    ]
    kept += [struct.pack("<HHII", tag, 4, 1, value) for tag, value in changed.items()]
    kept.sort(key=lambda one: struct.unpack("<H", one[:2]))
    data[start + 2 : start + 2 + 12 * count] = b"".join(kept)
    return io.BytesIO(data)


def test_planes_and_8_bits_are_left_to_others() -> None:
    planes = np.moveaxis(values((*SIZE, 3), "uint16"), 2, 0)
    assert packed_tiff.read(saved(planes, planarconfig="separate", photometric="rgb")) is None
    assert packed_tiff.read(saved(noise())) is None


def test_lzw_keeps_16_bits() -> None:
    """The usual compression of editors, for which tifffile needs another package."""
    stored = values(SIZE, "uint16")
    Image.fromarray(stored).save("a.tif", compression="tiff_lzw", tiffinfo={317: 2})
    pixels = images.read("a.tif").pixels
    assert np.array_equal(np.rint(pixels[:, :, 0].astype(float) * 257), stored)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_file_cut_short_is_refused(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = saved(values((*SIZE, 3), "float32"), **options).getvalue()
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for end in (8, 100, len(data) // 2, len(data) - 1):
        refusal(data[:end])
    with pytest.warns(match="float32 values"):
        read(data)
