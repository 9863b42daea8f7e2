"""Floats and 32-bit numbers: which value is black and which is white, and that a note says so."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as random
from PIL import Image

from impasto.errors import ImpastoWarning
from impasto.messages.message import Message
from impasto.pictures import images, ranges
from impasto.pictures.refusals import UnusableError
from picture_files import head, noise, on_white, read, refusal

tifffile = pytest.importorskip("tifffile")

SHARES = noise() / np.float32(255)  # of 0…1


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    kind = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(file, values, **{"photometric": kind, "metadata": None, **options})
    return file.getvalue()


def noted(data: bytes) -> tuple[npt.NDArray[Any], list[str]]:
    """The pixels, and the notes without the name of the picture."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pixels = read(data)
    return pixels, [str(one.message).removeprefix("The picture 'picture' ") for one in caught]


# ------------------------------------------------------------------------------------ the rule


@pytest.mark.parametrize(
    ("values", "black", "white"),
    [
        (np.array([0.2, 0.7]), 0, 1),
        (np.array([0.0, 0.0]), 0, 1),
        (np.array([0.5] * 98 + [-0.2, 1.3]), 0, 1),
        (np.array([0.5, 1.5]), 0.5, 1.5),
        (np.array([-3.0, 0.5, 5.0]), -3, 5),
        (np.array([10.0, 250.0]), 10, 250),
        (np.array([0, 200]), 0, 255),
        (np.array([0, 256]), 0, 65535),
        (np.array([5, 70000]), 5, 70000),
        (np.array([-5, 7]), -5, 7),
    ],
)
def test_which_values_are_black_and_white(
    values: npt.NDArray[Any], black: float, white: float
) -> None:
    assert ranges.limits_of(values, []) == (black, white)


@given(
    random.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.uint32, np.int16, np.int64]),
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3)),
    )
)
def test_any_values_are_mapped_in_their_order(values: npt.NDArray[Any]) -> None:
    if not np.isfinite(values).any():
        with pytest.raises(UnusableError):
            ranges.to_grey_levels(values, [])
        return
    mapped = ranges.to_grey_levels(values, [])
    assert mapped.dtype == np.float32
    assert mapped.min() >= 0
    assert mapped.max() <= 255
    finite = np.isfinite(values)
    order = np.argsort(values[finite], kind="stable")
    assert (np.diff(mapped[finite][order]) >= 0).all()


def test_numbers_near_the_largest_possible_are_mapped() -> None:
    most = np.finfo(np.float64).max
    mapped = ranges.to_grey_levels(np.array([[-most, 0, most]]), [])
    assert mapped.tolist() == [[0, 127.5, 255]]


def test_one_value_is_black() -> None:
    assert ranges.to_grey_levels(np.full((2, 2), 7.0), []).tolist() == [[0, 0], [0, 0]]


def test_what_is_not_finite_is_counted_and_becomes_black_or_white() -> None:
    notes = list[Message]()
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]])
    assert ranges.to_grey_levels(values, notes).tolist() == [[0, 255, 0, 127.5]]
    assert notes[0] == Message("picture.partly-not-finite", count=3)


# --------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"compression": "zlib"}])
def test_floats_from_0_to_1(dtype: str, options: dict[str, Any]) -> None:
    pixels, notes = noted(tiff(SHARES.astype(dtype), **options))
    assert pixels.dtype == np.float32
    assert np.abs(pixels - noise()).max() <= (0.1 if dtype == "float16" else 1e-4)
    assert notes == [f"holds {dtype} values; 0 is taken for black, and 1 for white."]


def test_more_than_8_bits_are_kept() -> None:
    levels = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    assert len(np.unique(noted(tiff(levels))[0])) == 4096


def test_a_few_highlights_are_clipped_and_said_so() -> None:
    values = np.full((10, 10), 0.5, np.float32)
    values[0, 0] = 7
    pixels, notes = noted(tiff(values))
    assert pixels[0, :2, 0].tolist() == [255, 127.5]
    assert notes == [
        "holds float32 values; 0 is taken for black, 1 for white, and the 1 % outside are clipped."
    ]


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "int64"])
@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_whole_numbers(dtype: str, photometric: str) -> None:
    values = noise().astype(dtype) * 100
    stored = values if photometric == "rgb" else values[:, :, 0]
    pixels, notes = noted(tiff(stored))
    assert np.allclose(pixels, np.atleast_3d(stored) / 257, atol=1e-3)
    assert notes == [f"holds {dtype} values; 0 is taken for black, and 65535 for white."]


def test_another_range_is_said() -> None:
    pixels, notes = noted(tiff(np.array([[-20, 0, 100000]], np.int32)))
    assert np.allclose(pixels[0, :, 0], [0, 255 * 20 / 100020, 255], atol=1e-3)
    assert notes == ["holds int32 values; -20 is taken for black, and 100000 for white."]


def test_zero_may_be_white() -> None:
    pixels, _ = noted(tiff(np.array([[0, 0.2, 1]], np.float32), photometric="miniswhite"))
    assert np.allclose(pixels[0, :, 0], [255, 204, 0], atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "uint32"])
def test_opacity(dtype: str) -> None:
    rgba = noise(channels=4) / 255
    white = 1 if dtype == "float32" else 2**32 - 1
    stored = (rgba * white).astype(dtype)
    stored[0, 0, :3], stored[0, 1, :3] = 0, white
    pixels, notes = noted(tiff(stored, extrasamples=["unassalpha"]))
    assert np.allclose(pixels, on_white(255 * (stored / white)), atol=0.01)
    assert notes[-1] == "is transparent in places; it is laid on white."


def test_orientation() -> None:
    stored = np.array([[0, 1]], np.float32)
    pixels, _ = noted(tiff(stored, extratags=[(274, 3, 1, 6, True)]))
    assert pixels[:, :, 0].tolist() == [[0], [255]]


def test_what_is_not_finite_is_said() -> None:
    values = np.array([[0, np.nan, np.inf, 1]], np.float32)
    pixels, notes = noted(tiff(values))
    assert pixels[0, :, 0].tolist() == [0, 0, 255, 255]
    assert notes[0].startswith("has 2 values that are not finite; those that are not numbers are")


def test_no_finite_value_is_refused() -> None:
    data = tiff(np.full((2, 2), np.nan, np.float32))
    assert "holds float32 values, and none of them is a finite number: use" in refusal(data)


def test_complex_numbers_are_refused() -> None:
    assert "holds complex64 values: save it with 8 or 16 bits" in refusal(
        tiff(noise().astype(np.complex64))
    )


def test_inks_of_32_bits_are_refused() -> None:
    data = tiff(noise(channels=4) / np.float32(255), photometric="separated")
    assert "holds float32 values: save it with 8 or 16 bits" in refusal(data)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_tifffile_it_is_the_same(
    dtype: str, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = noise(channels=channels).astype(dtype)
    values = whole / 255 if dtype[0] == "f" else whole << 24
    data = tiff(values if channels == 3 else values[:, :, 0])
    expected = noted(data)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    pixels, notes = noted(data)
    assert np.array_equal(pixels, expected[0])
    assert notes == expected[1]


def test_without_tifffile_planes_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiff(np.moveaxis(SHARES, 2, 0), planarconfig="separate")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "has 32 bits per channel, which needs tifffile: pip install 'impasto[tiff]'" in refusal(
        data
    )


def test_the_header_tells_the_size() -> None:
    found = head(tiff(np.zeros((10, 20, 3), np.float32)))
    assert (found.size, found.channels, found.bytes) == ((20, 10), 3, 2400)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_a_pil_image(mode: str) -> None:
    image = Image.new(mode, (1, 1), 1)
    with pytest.warns(ImpastoWarning, match="0 is taken for black, and (1|255) for white"):
        assert images.read(image).pixels[0, 0, 0] == (255 if mode == "F" else 1)
