"""A training begins with a network that can paint already, in other styles."""

from __future__ import annotations

import pytest
import torch

from conftest import content_pixels
from impasto.painters import file
from impasto.painters.beginning import FIRST_PAINTER, first_network
from impasto.painters.network import Condition, Shape
from impasto.painters.objective import tensor_of

STRENGTHS = (0.25, 0.5, 1.0)


def test_with_one_style_it_paints_the_mean_of_the_styles_that_it_has_learned() -> None:
    about, learned, _ = file.read(FIRST_PAINTER)
    photograph = tensor_of(content_pixels(32, 48))
    count = len(about.styles)
    for strength in STRENGTHS:
        mixture = Condition(torch.full((count,), 1 / count), strength)
        own = Condition(torch.ones(1), strength)
        torch.testing.assert_close(
            first_network(Shape(1), 0)(photograph, own),
            learned(photograph, mixture),
            rtol=0,
            atol=0.1,  # grey levels
        )


def test_all_styles_begin_alike() -> None:
    network, photograph = first_network(Shape(3), 0), tensor_of(content_pixels(32, 48))
    one, other = (network(photograph, Condition(way, 0.5)) for way in torch.eye(3)[[0, 2]])
    assert torch.equal(one, other)
    assert (one - photograph).abs().mean() > 5  # it paints already


def test_it_does_not_depend_on_the_seed_and_a_network_of_another_size_does() -> None:
    for shape, are_equal in ((Shape(1), True), (Shape(1, blocks=2), False)):
        one, other = (first_network(shape, seed).state_dict() for seed in (0, 1))
        assert all(torch.equal(one[name], other[name]) for name in one) == are_equal


@pytest.mark.parametrize("shape", [Shape(1), Shape(1, blocks=2)])
def test_the_caller_s_generator_is_left_alone(shape: Shape) -> None:
    before = torch.random.get_rng_state()
    first_network(shape, 3)
    assert torch.equal(torch.random.get_rng_state(), before)
