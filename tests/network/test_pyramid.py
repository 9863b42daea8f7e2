"""The Laplacian pyramid, and the gradient with respect to its levels."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.network import pyramid

SIDES = st.integers(2, 40)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(SIDES, SIDES)
def test_a_picture_is_its_details_and_the_rest_enlarged(height: int, width: int) -> None:
    picture = drawn(1, 3, height, width)
    half = torch.nn.functional.interpolate(picture[None], [height // 2, width // 2], mode="area")[0]
    again = pyramid.synthesis([pyramid.details(picture), half])
    torch.testing.assert_close(again, picture)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 6))
def test_a_picture_is_the_synthesis_of_its_pyramid(height: int, width: int, levels: int) -> None:
    picture = drawn(1, 3, height, width)
    taken_apart = pyramid.analysis(picture, levels)
    assert len(taken_apart) == levels
    torch.testing.assert_close(pyramid.synthesis(taken_apart), picture)


@given(SIDES, SIDES, st.integers(1, 5))
def test_gradients_are_those_of_the_synthesis(height: int, width: int, levels: int) -> None:
    """⟨gradient, synthesis(x)⟩ = Σ ⟨gradients, x⟩ for every x, since the synthesis is linear."""
    gradient = drawn(2, 3, height, width)
    gradients = pyramid.gradients(gradient, levels)
    moves = [drawn(3 + index, *one.shape) for index, one in enumerate(gradients)]
    along = sum((one * move).sum() for one, move in zip(gradients, moves, strict=True))
    torch.testing.assert_close((gradient * pyramid.synthesis(moves)).sum(), along)
