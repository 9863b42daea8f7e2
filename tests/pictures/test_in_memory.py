"""Pictures that are in memory: bytes, file objects, arrays and tensors."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import impasto
from impasto.errors import ImpastoWarning, InputError
from impasto.pictures import images, masks

RGB = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
GREY = RGB[..., 0]


def encoded(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, kind)
    return file.getvalue()


def pixels(source: Any) -> Any:
    return images.read(source).pixels


class Pipe:
    """A file object that can only be read."""

    def __init__(self, data: bytes) -> None:
        self.left = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self.left.read(min(size, 7) if size > 0 else size)


class TestEncoded:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
    @pytest.mark.parametrize("make", [bytes, bytearray, memoryview, io.BytesIO, Pipe])
    def test_the_bytes_of_a_file_are_the_picture(
        self, kind: str, make: Callable[[bytes], Any]
    ) -> None:
        assert np.array_equal(pixels(make(encoded(kind))), RGB)

    def test_an_open_file_stays_open(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(encoded())
        with (tmp_path / "a.png").open("rb") as file:
            assert np.array_equal(pixels(file), RGB)
            assert not file.closed

    def test_a_pipe_is_read(self) -> None:
        out, into = os.pipe()
        with os.fdopen(out, "rb") as file:
            with os.fdopen(into, "wb") as other:
                other.write(encoded())
            assert np.array_equal(pixels(file), RGB)

    def test_a_file_object_is_read_from_its_position(self) -> None:
        file = io.BytesIO(b"before" + encoded())
        file.seek(6)
        assert np.array_equal(pixels(file), RGB)

    def test_the_sum_is_that_of_the_file_and_there_is_no_name(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(encoded())
        picture = images.read(encoded())
        assert (picture.sha256, picture.name) == (images.read(path).sha256, None)

    def test_16_bits_are_read_as_from_a_file(self, tmp_path: Path) -> None:
        tifffile = pytest.importorskip("tifffile")
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, RGB.astype(np.uint16) * 300)
        assert np.array_equal(pixels(path.read_bytes()), pixels(path))

    @pytest.mark.parametrize(
        ("source", "sentence"),
        [
            (b"", "has no bytes"),
            (io.BytesIO(), "has no bytes"),
            (io.StringIO("a"), "open as text"),
            (b"a.png", "damaged or not a picture"),
            (encoded()[:45], "damaged"),
            (b"\x89PNG\r\n\x1a\n" + b"\0" * 90, "damaged"),
        ],
        ids=["bytes", "file", "text", "path", "cut", "hostile"],
    )
    def test_what_is_no_picture_is_refused(self, source: Any, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence) as caught:
            images.read(source)
        assert len(str(caught.value).splitlines()) == 1

    def test_a_closed_file_is_refused(self) -> None:
        file = io.BytesIO(encoded())
        file.close()
        with pytest.raises(InputError, match="cannot be read from its file object"):
            images.read(file)

    def test_a_file_object_that_gives_no_bytes_is_refused(self) -> None:
        class Odd:
            def read(self, _: int = -1, /) -> None:
                return None

        with pytest.raises(InputError, match="gives NoneType, not bytes"):
            images.read(Odd())  # type: ignore[arg-type]


SAME: dict[str, Any] = {
    "uint8": RGB,
    "int64": RGB.astype(np.int64),
    "uint16": RGB.astype(np.uint16) * 257,
    "float32 to 255": RGB.astype(np.float32),
    "float64 to 255": RGB.astype(np.float64),
    "opaque": np.dstack([RGB, np.full_like(GREY, 255)]),
    "channels first": np.moveaxis(RGB, 2, 0),
    "one of a batch": RGB[None],
    "not contiguous": np.ascontiguousarray(RGB[::-1])[::-1],
    "big-endian": RGB.astype(">u2") * 257,
    "tensor": torch.from_numpy(RGB),
    "tensor C×H×W": torch.from_numpy(RGB).permute(2, 0, 1),
    "tensor 1×C×H×W": torch.from_numpy(RGB).permute(2, 0, 1)[None],
    "tensor with gradient": torch.from_numpy(RGB).float().requires_grad_(),
    "memoryview": RGB.data,
}


class TestArrays:
    @pytest.mark.parametrize("source", SAME.values(), ids=SAME)
    def test_the_same_picture_in_every_form(self, source: Any) -> None:
        np.testing.assert_allclose(pixels(source), RGB, atol=1e-3)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_floats_within_0_and_1_are_taken_so_and_noted(self, dtype: Any) -> None:
        with pytest.warns(ImpastoWarning, match="1 is taken for white"):
            read = pixels(RGB.astype(dtype) / dtype(255))
        np.testing.assert_allclose(read, RGB, atol=0.2)

    def test_a_bfloat16_tensor_is_read(self) -> None:
        with pytest.warns(ImpastoWarning, match="1 is taken for white"):
            read = pixels((torch.from_numpy(RGB) / 255).bfloat16())
        np.testing.assert_allclose(read, RGB, atol=1)

    def test_floats_a_little_beyond_1_are_not_taken_for_black(self) -> None:
        with pytest.warns(ImpastoWarning, match="1 is taken for white"):
            read = pixels(np.full((4, 4, 3), 1.001))
        assert (read == 255).all()

    @pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (1, 6, 8)])
    def test_grey_is_grey(self, shape: tuple[int, ...]) -> None:
        assert np.array_equal(pixels(GREY.reshape(shape)), np.dstack([GREY] * 3))

    def test_booleans_are_black_and_white(self) -> None:
        assert np.unique(pixels(GREY > 50)).tolist() == [0, 255]

    def test_transparency_is_laid_on_white(self) -> None:
        clear = np.dstack([RGB, np.zeros_like(GREY)])
        with pytest.warns(ImpastoWarning, match="transparent"):
            assert (pixels(clear) == 255).all()

    @pytest.mark.parametrize(
        "dark", [np.ones((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint16)]
    )
    def test_a_picture_in_the_wrong_range_is_noted(self, dark: Any) -> None:
        with pytest.warns(ImpastoWarning, match="nearly black"):
            images.read(dark)

    @pytest.mark.parametrize("source", [np.zeros((4, 4, 3)), np.zeros((4, 4, 3), np.uint8)])
    def test_a_black_picture_has_no_note(self, source: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not pixels(source).any()

    @pytest.mark.parametrize(
        ("source", "sentence"),
        [
            (np.full((4, 4, 3), np.nan), "NaN or infinity"),
            (np.full((4, 4, 3), np.inf), "NaN or infinity"),
            (np.full((4, 4, 3), -1.0), "from -1 to -1"),
            (np.full((4, 4, 3), 300.0), "from 300 to 300"),
            (np.full((4, 4, 3), 256), "from 256 to 256"),
            (np.full((4, 4, 3), 1j), "of complex128"),
            (np.zeros((4, 4, 3), object), "of object"),
            (np.full((4, 4, 3), "x"), "of <U1"),
            (np.zeros((0, 4, 3)), "is empty"),
            (np.zeros((4, 0, 3), np.uint8), "is empty"),
            (np.zeros(0), "not 0 of float64"),
            (np.zeros(5), "not 5 of float64"),
            (np.array(3, np.uint8), "not one value of uint8"),
            (np.zeros((2, 4, 4, 3)), "not 2×4×4×3 of float64"),
            (np.zeros((5, 7, 5)), "not 5×7×5 of float64"),
            (np.zeros((1, 1, 1), [("r", "u1")]), "channels of integers"),
        ],
    )
    def test_what_is_no_picture_is_refused(self, source: Any, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence) as caught:
            images.read(source)
        assert len(str(caught.value).splitlines()) == 1

    @given(arrays.arrays(np.float32, (3, 4, 3), elements=st.floats(0, 255, width=32)))
    def test_no_bright_picture_becomes_black(self, source: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = pixels(source)
        assert read.max() >= min(255, source.max()) - 1e-3


class TestMasks:
    HALF = np.repeat([[0.0, 1.0]], 4, axis=0)

    @pytest.mark.parametrize(
        "source",
        [
            HALF,
            HALF > 0.5,
            (HALF * 255).astype(np.uint8),
            (HALF * 65535).astype(np.uint16),
            torch.from_numpy(HALF),
            torch.from_numpy(HALF)[None],
            HALF[..., None],
        ],
        ids=["float", "bool", "uint8", "uint16", "tensor", "1×H×W", "H×W×1"],
    )
    def test_the_same_mask_in_every_form_without_a_note(self, source: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shares = masks.read(source, "mask").shares
        np.testing.assert_allclose(shares, self.HALF, atol=1e-6)


class TestPublicFunctions:
    def test_a_style_can_be_used_again_after_its_file_was_read(self) -> None:
        style = impasto.Style(picture=io.BytesIO(encoded()), mask=io.BytesIO(encoded()))
        assert np.array_equal(pixels(style.picture), RGB)
        assert np.array_equal(pixels(style.picture), RGB)

    def test_a_style_that_cannot_be_read_is_refused(self) -> None:
        with pytest.raises(InputError, match="open as text"):
            impasto.Style(picture=io.StringIO("a"))
