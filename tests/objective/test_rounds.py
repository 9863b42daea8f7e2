"""An objective in rounds: when a round begins, also after a loss that is not finite."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from impasto import Recipe
from impasto.objective.of_pixels import OfPixels
from impasto.objective.rounds import LossOfCanvas, Parts, Rounds

CANVAS = torch.ones(3, 4, 4)


def rounds(spoilt: set[int]) -> tuple[Rounds, list[tuple[int, float]]]:
    """Two rounds of two steps, some of whose evaluations have no finite loss; and their starts."""
    begun: list[tuple[int, float]] = []
    evaluations = iter(range(100))

    def make(start: Tensor, number: int) -> LossOfCanvas:
        begun.append((number, start.mean().item()))

        def loss(canvas: Tensor) -> Parts:
            total = canvas.square().sum() * (math.nan if next(evaluations) in spoilt else 1.0)
            return Parts(total, torch.zeros(()), total)

        return loss

    return Rounds(make, 4, 2, OfPixels.of(Recipe(), None)), begun


def test_a_round_begins_after_its_share_of_the_steps() -> None:
    objective, begun = rounds(set())
    found = [objective(step * CANVAS) for step in range(4)]
    assert [one.is_new for one in found] == [True, False, True, False]
    assert begun == [(0, 0.0), (1, 2.0)]


def test_a_round_whose_first_loss_is_not_finite_begins_again_from_the_shorter_step() -> None:
    objective, begun = rounds({2})
    found = [objective(step * CANVAS) for step in (0, 1, 9, 2, 3)]
    assert [one.is_finite() for one in found] == [True, True, False, True, True]
    assert [one.is_new for one in found] == [True, False, True, True, False]
    assert begun == [(0, 0.0), (1, 9.0), (1, 2.0)]


def test_restored_rounds_go_on_from_the_same_start() -> None:
    objective, _ = rounds(set())
    for step in range(3):
        objective(step * CANVAS)
    again, begun = rounds(set())
    again.restore(*objective.state())
    assert not again(3 * CANVAS).is_new
    assert begun == [(1, 2.0)]
