"""The tutorial: its cells run, and its numbers are the package's."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from pages import ROOT, cells
from PIL import Image

import impasto

TUTORIAL = ROOT / "docs" / "tutorial.md"
SMALLER = {
    "(192, 144)": "(48, 36)",
    "else 200": "else 12",
    "SHOWN_EVERY = 50": "SHOWN_EVERY = 5",
    "else 90": "else 9",
    '"size": side': '"size": side, "steps": 6',
}


def made_small(code: str) -> str:
    for usual, smaller in SMALLER.items():
        code = code.replace(usual, smaller)
    return code


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the tutorial has defined at its end, run at a small size with few steps."""
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a notebook shows pictures it opens
        patch.chdir(tmp_path_factory.mktemp("tutorial"))
        patch.setitem(mpl.rcParams, "backend", "agg")
        for code in cells(TUTORIAL):
            exec(compile(made_small(code), "tutorial", "exec"), names)
        pyplot.close("all")
        names["files"] = {path.name for path in Path.cwd().iterdir()}
    return names


def test_every_replacement_is_of_something_in_the_tutorial() -> None:
    text = TUTORIAL.read_text("utf-8")
    assert all(usual in text for usual in SMALLER)


def test_the_losses_by_hand_are_the_package_s(notebook: dict[str, Any]) -> None:
    maps = notebook["maps"]
    for loss in ("content_loss", "style_loss"):
        by_hand, by_package = (notebook[name](maps).item() for name in (f"{loss}_by_hand", loss))
        assert by_hand == pytest.approx(by_package, rel=1e-5)


def test_the_gram_matrix_by_hand_is_the_package_s(notebook: dict[str, Any]) -> None:
    features = notebook["maps"]["conv2_1"].double()
    by_hand = notebook["gram_by_hand"](features) / features[0].numel()
    torch.testing.assert_close(by_hand, impasto.gram(features), rtol=1e-12, atol=0)


def test_the_first_losses_of_the_loop_by_hand_are_those_of_stylize(
    notebook: dict[str, Any],
) -> None:
    steps = notebook["result"].history
    assert len(steps) == len(notebook["by_hand"]) == 12
    for step, by_hand in list(zip(steps, notebook["by_hand"], strict=True))[:3]:
        assert (step.loss, step.content, step.style) == pytest.approx(by_hand, rel=1e-6)


def test_the_picture_by_hand_is_that_of_stylize(notebook: dict[str, Any]) -> None:
    ours, by_hand = notebook["result"].image, notebook["painting"]
    assert ours.size == by_hand.size
    difference = np.asarray(ours, float) - np.asarray(by_hand, float)
    assert np.sqrt((difference**2).mean()) < 3  # grey levels, after 12 chaotic steps


def test_the_figures_are_pictures(notebook: dict[str, Any]) -> None:
    assert {"network.png", "losses.png"} <= notebook["files"]
    assert isinstance(notebook["own"].image, Image.Image)
