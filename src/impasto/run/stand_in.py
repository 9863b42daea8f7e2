"""How a level follows the stand-in for the style loss: with which weight, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from impasto.objective.objective import Evaluation

FIRST_WEIGHT = 0.3  # at the coarsest level
WINDOW = 20  # steps over which the decrease of the loss is measured
LEAST_DECREASE = 0.03  # of the loss in so many steps; if it decreases less, the stand-in gives way
LEAST_STEPS = 30  # of a level, before the stand-in can give way; more than the window


@dataclass
class StandIn:
    """What a level of a run knows of the stand-in for its style loss.

    If the stand-in weighs too much, the content is neglected; if it weighs too little, the style.
    Its weight is right if, where the painting ends, it equals the style loss. A coarser level
    foretells that.

    Attributes:
        weight: of the stand-in; with 1, it equals the style loss for the content picture.
        share: the style loss over the weighted stand-in, at the last step.
        is_over: whether the stand-in has given way to the style loss itself.
    """

    weight: float = FIRST_WEIGHT
    share: float = 1.0
    is_over: bool = False

    def at_next_level(self) -> StandIn:
        """What the next level knows at its start: the weight that would have been right here."""
        return StandIn(self.weight * self.share)

    def compare(self, measured: Evaluation, style_weight: float) -> None:
        """Learn the share from an evaluation that followed the stand-in."""
        style = style_weight * measured.style
        stand_in = style + measured.followed - measured.loss
        self.share = style / stand_in if style > 0 and stand_in > 0 else 1.0


def brings_little(losses: Sequence[float]) -> bool:
    """Whether the stand-in has lowered the true losses of a level too little lately.

    >>> brings_little([0.99**step for step in range(40)])
    False
    >>> brings_little([0.999**step for step in range(40)])
    True
    """
    return len(losses) >= LEAST_STEPS and losses[-1] > (1 - LEAST_DECREASE) * losses[-1 - WINDOW]
