"""Coarse levels of the default, which minimise the losses of even-nnst, and those that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from conftest import content_pixels, style_pixels
from impasto import LBFGS, Recipe, Style, stylize
from impasto.network.pyramid import details
from impasto.optim.preconditioner import Places, Spectrum
from impasto.pictures.strokes import resize_smoothed
from impasto.run import levels
from impasto.run.canvas import strengthened
from impasto.run.prepare import prepare, vary

SMALL: dict[str, Any] = {"size": (128, 96), "levels": 2, "steps": 6}
CONTENT, STYLE = content_pixels(96, 128), style_pixels(96, 128)
LEFT_HALF = np.zeros((96, 128, 3), np.uint8)
LEFT_HALF[:, :64] = 255


@pytest.fixture(autouse=True)
def _levels_of_the_default_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the coarse level of these small runs counts as small."""
    monkeypatch.setattr(levels, "MATCHED_SIDE", 64)


def losses_at_levels(style: Any, **settings: Any) -> tuple[set[float], set[float]]:
    """Content losses of the steps at the coarse size and at the finest."""
    result = stylize(CONTENT, style, Recipe(**{**SMALL, **settings}), device="cpu")
    last = result.history[-1].level
    coarse = {step.content for step in result.history if step.level < last}
    return coarse, {step.content for step in result.history if step.level == last}


def test_the_coarse_level_has_no_content_loss_and_the_finest_has_one() -> None:
    coarse, finest = losses_at_levels(STYLE)
    assert coarse == {0.0}
    assert 0.0 not in finest


@pytest.mark.parametrize(
    "style",
    [
        [STYLE, STYLE[:, ::-1]],
        Style(picture=STYLE, mask=LEFT_HALF),
        Style(picture=STYLE, style_mask=LEFT_HALF),
    ],
    ids=["two styles", "a mask", "part of the style"],
)
def test_so_it_is_with_several_styles_and_masks(style: Any) -> None:
    assert losses_at_levels(style)[0] == {0.0}


@pytest.mark.parametrize(
    ("style", "settings"),
    [(STYLE, {"coarse": "same"}), (Style(picture=STYLE, layers=["conv1_1"]), {})],
    ids=["the same losses", "some layers"],
)
def test_otherwise_the_coarse_level_has_a_content_loss_too(
    style: Any, settings: dict[str, Any]
) -> None:
    coarse, _ = losses_at_levels(style, **settings)
    assert max(coarse) > 0


@pytest.mark.parametrize(("strength", "photograph"), [(0.14, 0.8), (0.35, 0.5), (0.7, 0), (1, 0)])
def test_the_finest_level_starts_from_as_much_of_the_photograph_as_the_strength_leaves(
    strength: float, photograph: float
) -> None:
    run = prepare(CONTENT, STYLE, Recipe(**SMALL, strength=strength), device="cpu")
    *_, before, last = run.levels
    canvas = torch.full((3, *reversed(before.size)), 7.0)
    mixture = (1 - photograph) * 7.0 + photograph * run.canvases.recolored_at(last)
    (style,) = run.canvases.styles_at(last)
    expected = strengthened(mixture, style.canvas, run.recipe.style_colors)
    torch.testing.assert_close(run.canvases.enlarged(canvas, before, last), expected)


def test_details_become_stronger_where_the_style_paints() -> None:
    style = Style(picture=STYLE, mask=LEFT_HALF)
    run = prepare(CONTENT, style, Recipe(**SMALL), device="cpu")
    *_, before, last = run.levels
    canvas = torch.rand(3, *reversed(before.size), generator=torch.Generator().manual_seed(0))
    enlarged = run.canvases.resized(canvas, last.size)
    stronger = run.canvases.enlarged(canvas, before, last)
    assert details(stronger[..., :64]).norm() > 1.2 * details(enlarged[..., :64]).norm()


def test_where_no_style_paints_the_finest_level_starts_from_the_photograph_and_keeps_it() -> None:
    style = Style(picture=STYLE, mask=LEFT_HALF)
    run = prepare(CONTENT, style, Recipe(**SMALL), device="cpu")
    *_, before, last = run.levels
    photograph = run.canvases.content_at(last)
    begun = run.canvases.enlarged(torch.full((3, *reversed(before.size)), 7.0), before, last)
    wanted = run.canvases.wanted_at(last, begun)
    torch.testing.assert_close(begun[..., 64:], photograph[..., 64:])
    torch.testing.assert_close(wanted[..., 64:], photograph[..., 64:])


@pytest.mark.parametrize(
    ("settings", "share"),
    [({}, 1), ({"initial": "noise"}, 0), ({"balance": "relative", "strength": 0.7}, 0)],
    ids=["absolute losses", "from noise", "relative losses"],
)
def test_with_absolute_losses_every_level_starts_with_the_details_of_the_photograph(
    settings: dict[str, Any], share: float
) -> None:
    recipe = Recipe.preset("gatys-fast", **{**SMALL, **settings})
    run = prepare(CONTENT, STYLE, recipe, device="cpu")
    *_, before, last = run.levels
    canvases, canvas = run.canvases, torch.full((3, *reversed(before.size)), 7.0)
    coarser = canvases.resized(canvases.recolored_at(before), last.size)
    expected = 7.0 + share * (canvases.recolored_at(last) - coarser)
    torch.testing.assert_close(canvases.enlarged(canvas, before, last), expected)


def test_the_finest_level_sees_the_style_smoothed_along_its_strokes() -> None:
    run = prepare(CONTENT, STYLE, Recipe(**SMALL), device="cpu")
    *coarse, last = run.levels
    (seen,) = run.canvases.styles_at(last)
    expected = resize_smoothed(STYLE, last.style_sizes[0], last.reach)
    np.testing.assert_allclose(run.canvases.to_pixels(seen.canvas), expected, atol=1e-3)
    assert {level.reach for level in coarse} == {0.0}


@pytest.mark.parametrize(("strength", "painted"), [(0.14, 0.012), (0.7, 0.3), (1, 0.6)])
def test_the_finest_level_keeps_the_content_of_a_mixture_with_the_painting_so_far(
    strength: float, painted: float
) -> None:
    run = prepare(CONTENT, STYLE, Recipe(**SMALL, strength=strength), device="cpu")
    last = run.levels[-1]
    begun = torch.full((3, *reversed(last.size)), 7.0)
    expected = painted * 7.0 + (1 - painted) * run.canvases.recolored_at(last)
    torch.testing.assert_close(run.canvases.wanted_at(last, begun), expected)


@pytest.mark.parametrize("settings", [{"coarse": "same"}, {"levels": 1}], ids=str)
def test_without_coarse_levels_of_nnst_it_keeps_the_content_of_the_photograph(
    settings: dict[str, Any],
) -> None:
    run = prepare(CONTENT, STYLE, Recipe(**{**SMALL, **settings}), device="cpu")
    last = run.levels[-1]
    begun = torch.full((3, *reversed(last.size)), 7.0)
    torch.testing.assert_close(run.canvases.wanted_at(last, begun), run.canvases.content_at(last))


def test_a_variation_does_not_take_the_content_of_the_first_run() -> None:
    run = prepare(CONTENT, STYLE, Recipe(**SMALL), device="cpu", cache_bytes=10**9)
    run.paint()
    other = Recipe(**SMALL, strength=0.8)
    varied, alone = vary(run, other).paint(), prepare(CONTENT, STYLE, other, device="cpu").paint()
    assert varied.canvas.tobytes() == alone.canvas.tobytes()


@pytest.mark.parametrize(
    ("settings", "level", "grows"),
    [
        ({}, 3, True),
        ({}, 1, False),
        ({"strength": 0.5}, 3, False),
        ({"coarse": "same"}, 2, True),
        ({"preset": "gatys-fast"}, 2, False),
        ({"preset": "nnst", "levels": 1}, 2, False),
    ],
    ids=str,
)
def test_features_have_to_grow_where_a_painting_was_enlarged(
    settings: dict[str, Any], level: int, grows: bool
) -> None:
    recipe = Recipe.read({**SMALL, **settings})
    run = prepare(CONTENT, STYLE, recipe, device="cpu")
    at = run.levels[level - 1]
    optimizer = run.make_optimizer(torch.zeros(3, *reversed(at.size)), at, begins=True)
    assert isinstance(optimizer, LBFGS)
    assert optimizer.grows == grows


@pytest.mark.parametrize(("preset", "guess"), [("default", Spectrum), ("gatys-fast", Places)])
def test_with_absolute_losses_the_gains_are_learned_by_place_too(preset: str, guess: type) -> None:
    run = prepare(CONTENT, STYLE, Recipe.read({**SMALL, "preset": preset}), device="cpu")
    at = run.levels[-1]
    optimizer = run.make_optimizer(torch.zeros(3, *reversed(at.size)), at, begins=True)
    assert isinstance(optimizer, LBFGS)
    assert type(optimizer.inverse) is guess


def test_an_enlarged_canvas_of_a_grey_painting_is_grey() -> None:
    """The details of a photograph in colour are not."""
    grey = STYLE.mean(2, keepdims=True).repeat(3, 2)
    recipe = Recipe.preset("gatys-fast", **SMALL, alpha=0)
    run = prepare(CONTENT, grey, recipe, device="cpu")
    canvas = run.canvases.enlarged(run.first_canvas, *run.levels)
    red, green, blue = run.canvases.to_pixels(canvas).transpose(2, 0, 1)
    colours = canvas + torch.tensor(run.canvases.mean)[:, None, None]
    torch.testing.assert_close(colours[0], colours[1])
    assert np.array_equal(red, green)
    assert np.array_equal(red, blue)
