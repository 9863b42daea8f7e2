"""The method ``instant`` with narrow pictures, little memory and uneven weights."""

from __future__ import annotations

import numpy as np
import pytest

import impasto
from conftest import content_pixels, style_pixels
from impasto.errors import InputError, RunError
from impasto.network import instant as networks
from impasto.process import memory
from impasto.run import instant
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style

CONTENT, STYLE = content_pixels(60, 80), style_pixels(50, 50)
OTHER = np.ascontiguousarray(style_pixels(50, 50)[..., ::-1] // 2)


@pytest.mark.parametrize("shape", [(10, 700), (700, 10), (1, 3000), (3000, 1)])
def test_a_style_may_be_as_narrow_as_it_likes(shape: tuple[int, int]) -> None:
    result = impasto.stylize(CONTENT, style_pixels(*shape), Recipe.preset("instant", size=80))
    assert np.isfinite(result.canvas).all()


def test_a_photograph_may_be_much_longer_than_high() -> None:
    recipe = Recipe.preset("instant", size=1400)
    result = impasto.stylize(content_pixels(16, 1400), STYLE, recipe)
    assert result.size == (1400, 16)


def test_the_smallest_side_is_that_of_the_network() -> None:
    assert METHODS["instant"].smallest_side == networks.SMALLEST_SIDE


@pytest.mark.parametrize("free", [0, 1e9])
def test_what_does_not_fit_into_memory_is_refused_before_painting(
    free: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free", lambda: free)
    with pytest.raises(RunError) as raised:
        impasto.stylize(CONTENT, STYLE, Recipe.preset("instant", size=8000))
    assert raised.value.code == "memory.too-little"
    assert "8000×6000" in str(raised.value)


def test_what_fits_into_memory_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free", lambda: 2e9)
    instant.check_memory((4000, 3000))
    with pytest.raises(RunError):
        instant.check_memory((5000, 4000))


@pytest.mark.parametrize("weight", [1e308, 1e-320, 10001, 0.00009])
def test_a_weight_that_would_swallow_the_others_or_itself_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match=r"it should be (a finite number|from 0\.0001 to 10000)"):
        Style(picture=STYLE, weight=weight)


@pytest.mark.parametrize("scale", [0.0001, 10000])
def test_only_the_ratio_of_weights_counts(scale: float) -> None:
    left = np.zeros((60, 80), np.uint8)
    left[:, :40] = 128

    def painted(weight: float) -> impasto.Result:
        styles = [
            Style(picture=STYLE, mask=left, weight=weight),
            Style(picture=OTHER, mask=255 - left, weight=weight),
        ]
        return impasto.stylize(CONTENT, styles, Recipe.preset("instant", size=80))

    assert np.allclose(painted(scale).canvas, painted(1).canvas, atol=0.1)
