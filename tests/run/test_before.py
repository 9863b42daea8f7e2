"""Runs that begin from the painting before and stay close to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.objective.cache import measurements
from impasto.pictures import arrays
from impasto.run import levels
from impasto.run.before import Before, Floats
from impasto.run.named import name_inputs, read_pictures
from impasto.run.prepare import begin, load_network
from impasto.run.result import finish
from impasto.run.run import Run

CONTENT, STYLE = content_pixels(64, 96), style_pixels(64, 96)
SMALL: dict[str, Any] = {"size": (96, 64), "levels": 2, "steps": 6}
PAINTING = style_pixels(64, 96)[::-1, ::-1].astype(np.float32)
LEFT_HALF = np.zeros((64, 96), np.float32)
LEFT_HALF[:, :48] = 1
ALL, NOTHING = np.ones_like(LEFT_HALF), np.zeros_like(LEFT_HALF)


def run_from(before: Before | None, **settings: Any) -> Run:
    recipe = Recipe(**{**SMALL, **settings})
    named = name_inputs(CONTENT, STYLE, "bundled", None)
    pictures = read_pictures(named, recipe)
    planned = levels.plan_for(pictures, recipe, ends_by_layer=True)
    cache = measurements(0)
    return begin(
        recipe, named, pictures, planned, load_network(named), "cpu", cache=cache, before=before
    )


def from_painting(seen: Floats = ALL, trust: Floats = ALL, weight: float = 0.0) -> Before:
    return Before(PAINTING, seen, trust, {3: weight})


def first_pixels(run: Run) -> Floats:
    return run.canvases.to_pixels(run.first_canvas)


def test_it_begins_at_the_level_that_has_a_weight() -> None:
    history = run_from(from_painting()).paint().history
    assert {step.level for step in history} == {3}


def test_it_begins_from_the_painting_and_elsewhere_from_the_first_canvas_of_the_recipe() -> None:
    found = first_pixels(run_from(from_painting(seen=LEFT_HALF)))
    run = run_from(None, levels=1)
    np.testing.assert_allclose(found[:, :48], PAINTING[:, :48], atol=1e-3)
    np.testing.assert_allclose(found[:, 48:], first_pixels(run)[:, 48:], atol=1e-3)


def test_it_stays_close_to_what_it_trusts() -> None:
    run = run_from(from_painting(trust=LEFT_HALF, weight=1e4), steps=15)
    apart = np.abs(run.paint().canvas - PAINTING)
    assert apart[:, :44].mean() < apart[:, 52:].mean() / 4


def test_every_level_begins_from_the_painting_and_elsewhere_from_the_level_before() -> None:
    run = run_from(Before(PAINTING, LEFT_HALF, NOTHING, {2: 0.0, 3: 0.0}))
    _, first, second = run.levels
    with run.painting(None) as progress:
        while progress.is_within(first):
            run.step(first, progress)
        coarse = run.canvases.enlarged(progress.kept, first, second)
        run.enter(second, progress)
        found = run.canvases.to_pixels(progress.canvas)
    np.testing.assert_allclose(found[:, :48], PAINTING[:, :48], atol=1e-3)
    np.testing.assert_array_equal(found[:, 48:], run.canvases.to_pixels(coarse)[:, 48:])


def test_it_stays_close_through_levels_whose_losses_differ() -> None:
    run = run_from(Before(PAINTING, ALL, ALL, {1: 1e6, 2: 1e6, 3: 1e6}))
    result = run.paint()
    assert [level.method for level in run.levels] == ["even-nnst", "even-nnst", "layers"]
    assert {step.level for step in result.history} == {1, 2, 3}
    halved = arrays.resize(PAINTING, run.levels[0].size)
    coarse = arrays.resize(halved, (96, 64))
    assert np.abs(result.canvas - PAINTING).mean() < np.abs(coarse - PAINTING).mean() / 2


@pytest.mark.parametrize("color", ["content", "histogram", "palette"])
def test_a_painting_whose_colours_were_transferred_is_the_same_after_no_steps(color: str) -> None:
    """A run begins with the colours of a canvas, and the same transfer makes the painting again."""
    painted = np.asarray(run_from(None, color=color, steps=2).paint().image)
    run = run_from(Before(painted.astype(np.float32), ALL, NOTHING, {3: 0.0}), color=color)
    again = finish(first_pixels(run), run.size, color, run.inputs)
    assert np.abs(np.asarray(again, float) - painted).mean() < 3
