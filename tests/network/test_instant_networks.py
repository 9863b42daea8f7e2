"""The two networks that paint in one pass."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import content_pixels, style_pixels
from impasto.errors import InputError
from impasto.network import instant

CONTENT = content_pixels(64, 80).astype(np.float32)
STYLE = style_pixels(64, 64).astype(np.float32)


@pytest.fixture
def networks() -> instant.Networks:
    return instant.load(1)


@settings(max_examples=10)
@given(st.integers(16, 70), st.integers(16, 70))
def test_a_painting_has_the_size_of_its_picture(height: int, width: int) -> None:
    networks = instant.load(1)
    pixels = content_pixels(height, width).astype(np.float32)
    painting = networks.paint(pixels, networks.vector(STYLE))
    assert painting.shape == pixels.shape
    assert painting.dtype == np.float32


def test_a_painting_lies_within_0_and_255_and_uses_the_range(networks: instant.Networks) -> None:
    painting = networks.paint(CONTENT, networks.vector(STYLE))
    assert painting.min() >= 0
    assert 100 < painting.max() <= 255


def test_two_styles_have_two_vectors_and_paint_two_pictures(networks: instant.Networks) -> None:
    own, other = networks.vector(CONTENT), networks.vector(STYLE)
    assert own.shape == other.shape == (100,)
    assert np.abs(own - other).max() > 0.1
    difference = networks.paint(CONTENT, own) - networks.paint(CONTENT, other)
    assert np.abs(difference).mean() > 5


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_does_not_change_a_byte(threads: int) -> None:
    vector = instant.load(1).vector(STYLE)
    alone = instant.load(1).paint(CONTENT, vector)
    assert instant.load(threads).paint(CONTENT, vector).tobytes() == alone.tobytes()


def test_only_the_declared_sizes_of_a_model_are_left_open() -> None:
    fixed = b"..\x0a\x03\x08\x80\x03\x0a\x03\x08\x80\x03\x08\x80\x03.."
    opened = b"..\x0a\x03\x12\x01h\x0a\x03\x12\x01w\x08\x80\x03.."
    assert instant.any_size(fixed, 384) == opened
    assert instant.any_size(fixed, 256) == fixed


def test_the_usual_number_of_threads_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert instant._usual_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert instant._usual_threads() >= 1


@pytest.fixture
def _nothing_loaded() -> Any:
    instant._loaded.cache_clear()
    yield
    instant._loaded.cache_clear()


@pytest.mark.usefixtures("_nothing_loaded")
@pytest.mark.parametrize("missing", ["onnxruntime", instant.PACKAGE])
def test_without_its_packages_it_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else there(name)
    )
    with pytest.raises(InputError, match=r"pip install 'impasto\[instant\]'"):
        instant.load(1)


@pytest.mark.usefixtures("_nothing_loaded")
@pytest.mark.parametrize("data", [None, b"", b"another network"])
def test_a_damaged_network_is_not_loaded(
    data: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / instant.PACKAGE / "models").mkdir(parents=True)
    (tmp_path / instant.PACKAGE / "__init__.py").touch()
    if data is not None:
        (tmp_path / instant.PACKAGE / "models" / instant.STYLE.file).write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError) as caught:
        instant.load(1)
    assert caught.value.code == "instant.damaged"
    assert instant.REQUIREMENT in str(caught.value)


def test_the_code_of_the_package_is_never_imported() -> None:
    program = (
        "import sys; from impasto.network import instant; instant.load(1);"
        "print([name for name in ('torch', instant.PACKAGE) if name in sys.modules])"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == "[]"
