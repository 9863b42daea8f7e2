"""Painters as files, and what is said of files that hold none."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from impasto.errors import InputError
from impasto.painters import file as files
from impasto.painters.applying import Painter
from impasto.pictures.images import Picture
from painter_files import random_painter


@pytest.fixture(scope="module")
def painter() -> Painter:
    return random_painter()


def changed(path: Path, **changes: object) -> None:
    """Write a painter again whose text says something else, with the SHA-256 that belongs to it."""
    text, tensors = files.read_tensors(path, files.KEY)
    files.write_tensors(path, files.KEY, json.dumps({**json.loads(text), **changes}), tensors)


@pytest.fixture
def path(painter: Painter, tmp_path: Path) -> Path:
    path = tmp_path / "two.safetensors"
    painter.save(path)
    return path


def test_a_painter_that_is_read_paints_the_same_picture(painter: Painter, path: Path) -> None:
    read = Painter.load(path, device="cpu")
    pixels = np.random.default_rng(0).uniform(0, 255, (20, 24, 3)).astype(np.float32)
    condition = painter.condition("ink", 0.4)
    assert np.array_equal(read.painted(pixels, condition), painter.painted(pixels, condition))
    assert read.about == painter.about
    assert read.recipe.size == 64


def test_a_painter_that_is_written_again_has_the_same_bytes(path: Path) -> None:
    again = path.with_name("again.safetensors")
    Painter.load(path, device="cpu").save(again)
    assert again.read_bytes() == path.read_bytes()


def test_a_missing_painter(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no painter '.*none\.safetensors'"):
        Painter.load(tmp_path / "none.safetensors")


def test_a_pickle_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(InputError, match="is damaged, or is not a safetensors file"):
        Painter.load(path)


def test_an_onnx_model_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "painter.onnx"
    path.write_bytes(b"\x08\x0a\x12\x07impasto")
    with pytest.raises(InputError, match=r"an ONNX model: name the \.safetensors file"):
        Painter.load(path)


def test_another_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "vgg.safetensors"
    safetensors.torch.save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="is not a painter that impasto has trained"):
        Painter.load(path)


def test_a_changed_byte_is_noticed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="is damaged"):
        Painter.load(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 2}, "by a later version"),
        ({"blocks": 3}, "is damaged"),
        ({"blocks": 10**9}, "is damaged"),
        ({"channels": [4, 6]}, "is damaged"),
        ({"styles": []}, "is damaged"),
        ({"more": 1}, "is damaged"),
        ({"recipe": {"size": "huge"}}, "cannot be used: "),
    ],
)
def test_a_text_that_does_not_fit(path: Path, changes: dict[str, object], told: str) -> None:
    changed(path, **changes)
    with pytest.raises(InputError, match=told):
        Painter.load(path)


def test_weights_that_are_not_finite(path: Path) -> None:
    text, tensors = files.read_tensors(path, files.KEY)
    tensors["last"][0, 0, 0, 0] = torch.nan
    files.write_tensors(path, files.KEY, text, tensors)
    with pytest.raises(InputError, match="is damaged"):
        Painter.load(path)


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        (None, [1, 0]),
        ("ink", [0, 1]),
        ("2", [0, 1]),
        (1, [1, 0]),
        ("oil:0.3,ink:0.7", [0.3, 0.7]),
        ("oil, ink", [0.5, 0.5]),
        ({"oil": 1, "ink": 3}, [0.25, 0.75]),
    ],
)
def test_a_mixture_of_styles(painter: Painter, given: object, shares: list[float]) -> None:
    assert files.read_mixture(given, painter.about) == pytest.approx(shares)


@pytest.mark.parametrize("given", ["chalk", "3", "0", "oil:-1", "oil:much", "oil:0", "", "oil:nan"])
def test_a_mixture_that_cannot_be_used(painter: Painter, given: str) -> None:
    with pytest.raises(InputError):
        files.read_mixture(given, painter.about)


def test_styles_of_the_same_name_get_numbers() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    names = ["oil.jpg", "oil.png", None, "a,b:c.jpg"]
    styles = [Picture(pixels, name, "0") for name in names]
    assert [style.name for style in files.named(styles)] == ["oil", "oil-2", "style-3", "a b c"]
