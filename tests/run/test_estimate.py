"""Forecasts of the time and the memory of a run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.run import estimate
from impasto.run.estimate import _Pace
from impasto.run.levels import Level, recipe_at
from impasto.run.prepare import prepare
from impasto.run.run import Run
from impasto.run.workplace import HERE, Here


class TwoWorkers(Here):
    """This machine, as if it were two."""

    workers = 2


def run_of(size: int, workplace: Here = HERE, **settings: Any) -> Run:
    content, style = content_pixels(size * 3 // 4, size), style_pixels(size * 3 // 4, size)
    recipe = Recipe(size=size, **settings)
    return prepare(content, style, recipe, device="cpu", workplace=workplace)


def test_a_forecast_is_the_sum_over_levels_of_steps_and_searches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A search takes longer in larger pictures, but where layers are matched alone."""
    run = run_of(256, steps=20)
    paces = {False: _Pace(1e-6, 3.0, 100, 1000), True: _Pace(1e-6, 0.5, 2, 1000)}
    monkeypatch.setattr(estimate, "_pace", lambda _, level: paces[level.splits])

    def seconds(level: Level) -> float:
        pixels = math.prod(level.size)
        searches = 0.5 * math.ceil(level.steps / 2) if level.splits else 3.0 * pixels / 1000
        return level.steps * pixels * 1e-6 + searches

    assert {level.splits for level in run.levels} == {False, True}
    assert estimate.forecast(run).seconds == pytest.approx(sum(map(seconds, run.levels)))


def test_the_pace_of_a_level_is_that_of_its_own_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large canvas has levels of even matches, whole and alone, and of Gram matrices."""
    run = run_of(768, steps=20)
    probed: list[tuple[str, bool, frozenset[str]]] = []
    measured = estimate._probed

    def watched(run: Run, level: Level, network: Any, picture: Any) -> Any:
        probed.append((level.method, level.splits, network.taps))
        return measured(run, level, network, picture)

    monkeypatch.setattr(estimate, "_probed", watched)
    estimate.forecast(run)
    even = recipe_at(run.levels[0], run.recipe).layers
    assert set(probed) == {
        ("even-nnst", False, even),
        ("even-nnst", True, even),
        ("layers", False, run.recipe.layers),
    }


def test_more_is_expected_of_larger_canvases() -> None:
    small, large = (estimate.forecast(run_of(size, steps=4)).bytes for size in (128, 256))
    assert small < large


def test_more_is_expected_of_deeper_layers() -> None:
    """With two levels, the finest reads the network up to conv3_2."""
    runs = [run_of(256, steps=4, coarse="same", levels=levels) for levels in (2, 1)]
    shallow, deep = (estimate.forecast(run).bytes for run in runs)
    assert shallow < deep


def test_workers_share_a_canvas_of_which_a_level_can_be_in_tiles() -> None:
    assert run_of(704, TwoWorkers(), steps=4).evaluator.workers == 2


def test_a_canvas_whose_levels_all_need_the_whole_picture_is_painted_on_one_machine() -> None:
    with pytest.warns(UserWarning, match="One canvas is shared among workers only"):
        run = run_of(128, TwoWorkers(), steps=4)
    assert run.evaluator.workers == 1
