"""Camera raw files, which the extra ``raw`` develops."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impasto.errors import ImpastoWarning
from impasto.pictures.limits import Head
from picture_files import dng, head, outcome, read, refusal

rawpy = pytest.importorskip("rawpy")
pytest.importorskip("tifffile")

SIZE = (60, 80)  # height and width


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mosaic(light: Any, red: float = 1, blue: float = 1) -> Any:
    """A sensor's values for light, H × W in 0…1, with filters for red, green and blue."""
    share = np.ones(SIZE)
    share[0::2, 0::2], share[1::2, 1::2] = red, blue
    return np.rint(60000 * light * share).astype(np.uint16)


def developed(data: bytes) -> Any:
    with pytest.warns(ImpastoWarning, match="raw file; it is developed with the camera's white"):
        return read(data)


RAMP = np.linspace(0.05, 0.9, SIZE[1]) * np.ones((SIZE[0], 1))  # brighter to the right


def test_the_camera_s_white_balance_makes_a_grey_grey() -> None:
    pixels = developed(dng(mosaic(RAMP, red=0.5, blue=0.5), neutral=0.5))
    middle = pixels[10:-10, 10:-10]
    assert pixels.dtype == np.float32
    assert np.ptp(middle, axis=2).max() < 4


def test_colours_are_those_of_the_light() -> None:
    pixels = developed(dng(mosaic(RAMP, red=0.2)))
    red, green, blue = np.moveaxis(pixels[10:-10, 10:-10], 2, 0)
    assert (red < green - 10).all()
    assert np.abs(green - blue).max() < 4


def test_more_than_8_bits_are_kept() -> None:
    light = RAMP * np.linspace(0.5, 1, SIZE[0])[:, None]
    assert len(np.unique(developed(dng(mosaic(light))))) > 1000


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_it_is_upright(orientation: int) -> None:
    data = dng(mosaic(RAMP), orientation=orientation)
    pixels = developed(data)[:, :, 1]
    height, width = pixels.shape
    assert head(data).size == (width, height)
    assert (height, width) == (SIZE if orientation in (1, 3) else SIZE[::-1])
    dark = {1: pixels[:, :9], 3: pixels[:, -9:], 6: pixels[:9], 8: pixels[-9:]}[orientation]
    assert dark.mean() < pixels.mean() / 2


def test_the_size_is_learned_without_developing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dng(mosaic(RAMP))

    class Opened(rawpy.RawPy):  # type: ignore[misc,name-defined]
        def unpack(self) -> None:
            raise AssertionError

        postprocess = unpack

    monkeypatch.setattr(rawpy, "RawPy", Opened)
    assert head(data) == Head((SIZE[1], SIZE[0]), 3, 6 * SIZE[0] * SIZE[1])


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dng(mosaic(RAMP))
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert "is a camera raw file, which needs rawpy: pip install 'impasto[raw]'" in refusal(data)


def test_what_libraw_cannot_read_is_refused() -> None:
    sentence = refusal(b"FUJIFILMCCD-RAW 0201" + bytes(200))
    assert "is a camera raw file that LibRaw cannot read (Unsupported file format" in sentence


def test_a_file_cut_short_is_refused() -> None:
    data = dng(mosaic(RAMP))
    for end in (8, 100, 600, len(data) // 2, len(data) - 10):
        refusal(data[:end])


def test_any_byte_of_its_directory_may_be_damaged() -> None:
    data = dng(mosaic(RAMP))
    for place in range(8, 600, 7):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        outcome(bytes(damaged))
