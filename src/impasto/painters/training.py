"""Training a painter: a crop of a photograph, its painting, the objective, one step of Adam."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from impasto.errors import RunError, StoppedError
from impasto.network import devices
from impasto.painters.beginning import first_network
from impasto.painters.network import Condition, PaintingNetwork, Shape, placed
from impasto.painters.objective import SMALLEST_STRENGTH, CropObjective, tensor_of, weight_at
from impasto.pictures import arrays
from impasto.process import interrupts

RATE = 2e-3  # of Adam, at its highest
BETAS = (0.9, 0.99)  # of Adam: how much of its moments it keeps from one step to the next
WARMING_UP = 0.02  # share of the training in which the rate rises from 0
LONGEST = 1.0  # norm to which a step's gradient is shortened if it is longer
OWN_STRENGTH = 0.7  # share of the crops that are painted at the recipe's own strength
SMALL_CROPS = 0.5  # share of the training whose crops have half the side
SMALL_COST = 1 / 3  # time of a step with such a crop, relative to one of the others

Picture = arrays.Pixels


@dataclass(frozen=True)
class TrainingStep:
    """One step of a training.

    Attributes:
        number: counted from 1.
        loss: what is minimised, the mean over the crops. At the strength of the recipe, it is the
            objective; at others, the objective times a factor that makes losses comparable.
        content: its content loss, without its weight.
        style: its style loss, without its weight.
        strength: at which the crop was painted; of several crops, that of the last.
        seconds: that the training has taken so far.
        share: of the training that is done, from 0 to 1.
    """

    number: int
    loss: float
    content: float
    style: float
    strength: float
    seconds: float
    share: float


@dataclass(frozen=True)
class Length:
    """How long a training is: a number of steps, or a time.

    Attributes:
        steps: number of steps; None to train for a time.
        seconds: the time, if there is no number of steps.
    """

    steps: int | None = None
    seconds: float = 1800.0

    def share(self, steps: int, seconds: float) -> float:
        """The share that is done after so many steps and seconds, from 0 to 1."""
        done = seconds / self.seconds if self.steps is None else steps / self.steps
        return min(1.0, done)


def rate(share: float) -> float:
    """The step size of Adam when a share of the training is done: up, then down along a cosine.

    >>> [round(rate(share) / RATE, 3) for share in (0.0, 0.02, 0.51, 1.0)]
    [0.01, 1.0, 0.5, 0.01]
    """
    up = min(1.0, share / WARMING_UP)
    down = 0.5 + 0.5 * math.cos(math.pi * max(0.0, share - WARMING_UP) / (1 - WARMING_UP))
    return RATE * max(0.01, up * down)


def time_share(share: float) -> float:
    """The share of a training's time at a share of its steps, of which the first ones are short.

    >>> [round(time_share(share), 2) for share in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.12, 0.25, 1.0]
    """
    small = min(share, SMALL_CROPS)
    whole = SMALL_COST * SMALL_CROPS + 1 - SMALL_CROPS
    return (SMALL_COST * small + share - small) / whole


class Term(Protocol):
    """A further loss of a crop's painting, such as one that compares it with another frame's."""

    def __call__(
        self, paint: Callable[[Tensor], Tensor], painted: Tensor, number: int
    ) -> Tensor | None:
        """The loss, a scalar with a gradient; None if the crop has none.

        Args:
            paint: the network with the crop's style and strength, from 3 × H × W in 0…255 to the
                same, with a gradient.
            painted: the painting of the crop, 3 × H × W.
            number: of the crop, as :class:`Crops` counts.
        """


class Crops(Protocol):
    """Photographs as crops, all of one size, by their numbers."""

    def crop(self, number: int, *, half: bool = False) -> Picture:
        """A crop, H × W × 3, RGB, 0…255; sides are multiples of 16, with ``half`` half as long."""


@dataclass
class State:
    """The state of a training, which a checkpoint holds.

    Attributes:
        network: the network.
        adam: its optimiser.
        seconds: that the training has taken so far.
        history: every step.
    """

    network: PaintingNetwork
    adam: torch.optim.Adam
    seconds: float = 0.0
    history: list[TrainingStep] = field(default_factory=list)

    @classmethod
    def first(cls, shape: Shape, seed: int, device: torch.device) -> State:
        """The state before the first step."""
        network = placed(first_network(shape, seed), device)
        return cls(network, torch.optim.Adam(network.parameters(), RATE, BETAS))


@dataclass(frozen=True)
class Draw:
    """What is drawn for one crop.

    Attributes:
        style: number of the style, from 0.
        strength: from 0 to 1.
    """

    style: int
    strength: float


def draw(seed: int, number: int, styles: int, own: float, own_share: float = OWN_STRENGTH) -> Draw:
    """Draw the style and the strength of a crop.

    Most crops are painted at the strength that the recipe has, the others at any other.

    Args:
        seed: of the training.
        number: of the crop, from 0.
        styles: number of styles.
        own: the strength of the recipe.
        own_share: share of the crops that are painted at it.
    """
    draws = np.random.default_rng((seed, number, 1))
    style = int(draws.integers(styles))
    is_own, other = draws.random() < own_share, draws.uniform(SMALLEST_STRENGTH, 1.0)
    return Draw(style, own if is_own else float(other))


class _Measured(NamedTuple):
    """The losses of one crop: its part of the step's loss, the two losses, and its strength."""

    loss: float
    content: float
    style: float
    strength: float


@dataclass(frozen=True)
class Training:
    """What a training needs besides its state.

    Attributes:
        objective: evaluates paintings of crops.
        crops: the photographs.
        styles: number of styles.
        own_strength: the strength of the recipe.
        seed: of the styles and the strengths.
        batch: number of crops in a step.
        term: a further loss; None for none.
        own_share: share of the crops that are painted at the strength of the recipe.
    """

    objective: CropObjective
    crops: Crops
    styles: int
    own_strength: float
    seed: int = 0
    batch: int = 1
    term: Term | None = None
    own_share: float = OWN_STRENGTH

    def step(self, state: State, length: Length) -> TrainingStep:
        """Change the network by one step of Adam.

        Raises:
            RunError: the loss is not finite.
            StoppedError: the training was interrupted; the state is that after the last step.
        """
        began = time.monotonic()
        number = len(state.history)
        share = length.share(number, state.seconds)
        state.adam.zero_grad(set_to_none=True)
        with devices.exact_convolutions():
            measured = [
                self._backward(state.network, number * self.batch + index, half=share < SMALL_CROPS)
                for index in range(self.batch)
            ]
        for group in state.adam.param_groups:
            group["lr"] = rate(share)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), LONGEST)
        with interrupts.shielded():
            state.adam.step()
            state.seconds += time.monotonic() - began
            done = TrainingStep(
                number + 1,
                sum(one.loss for one in measured),
                sum(one.content for one in measured) / self.batch,
                sum(one.style for one in measured) / self.batch,
                measured[-1].strength,
                state.seconds,
                length.share(number + 1, state.seconds),
            )
            state.history.append(done)
        return done

    def _backward(self, network: PaintingNetwork, number: int, *, half: bool) -> _Measured:
        """Add the gradient of one crop to those of the network's weights."""
        interrupts.check()
        device = network.last.device
        photograph = tensor_of(self.crops.crop(number, half=half), device)
        drawn = draw(self.seed, number, self.styles, self.own_strength, self.own_share)
        mixture = torch.zeros(self.styles, device=device)
        mixture[drawn.style] = 1.0
        condition = Condition(mixture, drawn.strength)
        painted = network(photograph, condition)
        evaluated = self.objective(painted, photograph, drawn.style, drawn.strength)
        if not evaluated.is_finite():
            raise RunError("painter.not-finite", number=number // self.batch + 1)
        # The geometric mean of the weights of content and style is the same at every strength.
        recipe = self.objective.recipe
        own = weight_at(self.own_strength, recipe)
        by = (own / weight_at(drawn.strength, recipe)) ** 0.5 / self.batch
        total = by * (evaluated.gradient * painted).sum()
        if self.term is not None:
            further = self.term(lambda other: network(other, condition), painted, number)
            total = total if further is None else total + further / self.batch
        torch.autograd.backward(total)
        return _Measured(by * evaluated.loss, evaluated.content, evaluated.style, drawn.strength)


def train(training: Training, state: State, length: Length) -> Iterator[TrainingStep]:
    """Train until the end or an interruption, and yield every step as soon as it is done.

    Args:
        training: what is trained for.
        state: the state, which every step changes; it may have steps already.
        length: of the training.
    """
    while length.share(len(state.history), state.seconds) < 1:
        try:
            step = training.step(state, length)
        except StoppedError:
            return
        yield step
