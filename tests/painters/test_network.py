"""The network of a painter."""

from __future__ import annotations

import pytest
import torch

from impasto.painters.network import Condition, PaintingNetwork, Shape, hats
from painter_files import random_network


@pytest.fixture(scope="module")
def network() -> PaintingNetwork:
    return random_network()


PHOTOGRAPH = 255 * torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(0))


def condition(first: float, strength: float) -> Condition:
    return Condition(torch.tensor([first, 1 - first]), strength)


def test_before_training_it_paints_the_photograph_itself() -> None:
    untrained = PaintingNetwork(Shape(1))
    painted = untrained(PHOTOGRAPH, Condition(torch.ones(1), 0.7))
    assert torch.equal(painted, PHOTOGRAPH)


def test_at_strength_0_it_paints_the_photograph_itself(network: PaintingNetwork) -> None:
    assert torch.equal(network(PHOTOGRAPH, condition(0.3, 0.0)), PHOTOGRAPH)


@pytest.mark.parametrize("strength", [0.2, 0.7, 1.0])
def test_each_style_paints_its_own_picture_at_every_strength(
    network: PaintingNetwork, strength: float
) -> None:
    with torch.no_grad():
        one, other = (network(PHOTOGRAPH, condition(first, strength)) for first in (1.0, 0.0))
    assert (one - other).abs().mean() > 1


def test_a_mixture_of_styles_lies_between_them(network: PaintingNetwork) -> None:
    layer, _ = network.encoder
    ends = [layer.affine(condition(first, 0.7))[0] for first in (1.0, 0.0)]
    mixed = layer.affine(condition(0.25, 0.7))[0]
    assert torch.allclose(mixed, 0.25 * ends[0] + 0.75 * ends[1])


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.7, 0.8, 1.0])
def test_the_shares_of_the_knots_add_up_to_1(strength: float) -> None:
    assert sum(hats(strength)) == pytest.approx(1)


def test_every_parameter_of_the_chosen_style_learns(network: PaintingNetwork) -> None:
    network.zero_grad(set_to_none=True)
    network(PHOTOGRAPH, condition(1.0, 0.75)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if name.endswith(("scales", "shifts")):
            assert parameter.grad[0, 1:].abs().sum() > 0, name
            assert not parameter.grad[1].any(), name
    network.zero_grad(set_to_none=True)
