"""A painter as an ONNX model gives the same picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from impasto.errors import InputError
from impasto.painters import onnx
from impasto.painters.applying import Painter
from painter_files import random_painter


@pytest.fixture(scope="module")
def painter() -> Painter:
    return random_painter()


@pytest.fixture(scope="module")
def session(painter: Painter, tmp_path_factory: pytest.TempPathFactory) -> object:
    path = tmp_path_factory.mktemp("onnx") / "painter.onnx"
    onnx.export(painter, path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("size", [(32, 48), (21, 50), (65, 16)])
@pytest.mark.parametrize("strength", [0.0, 0.3, 0.7, 0.9, 1.0])
def test_the_model_paints_the_same_picture_at_any_size(
    painter: Painter,
    session: onnxruntime.InferenceSession,
    size: tuple[int, int],
    strength: float,
) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (*size, 3)).astype(np.float32)
    inputs = {
        "picture": pixels.transpose(2, 0, 1)[None],
        "styles": np.array([0.25, 0.75], np.float32),
        "strength": np.array([strength], np.float32),
    }
    (painting,) = session.run(None, inputs)
    own = painter.painted(pixels, painter.condition("oil:1,ink:3", strength))
    assert np.abs(painting[0].transpose(1, 2, 0) - own).max() < 1e-3 * 255


def test_without_the_package_one_sentence_says_what_to_install(
    painter: Painter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install 'impasto\\[onnx\\]'"):
        onnx.export(painter, tmp_path / "painter.onnx")
