"""The first guess of the inverse Hessian, and what it learns from steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_optimizers import minimise
from torch import Tensor

from impasto.optim.optimizers import LBFGS
from impasto.optim.preconditioner import (
    AXES,
    FIRST_PAIRS,
    HIGHEST,
    LOWEST,
    PAIRS,
    Places,
    Spectrum,
)

SIDE = 64


def spectrum(falloff: float = 0.0, size: tuple[int, int] = (SIDE, SIDE)) -> Spectrum:
    return Spectrum(*size, falloff, dtype=torch.float64)


def noise(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, *size, generator=generator, dtype=torch.float64)


def as_matrix(guess: Callable[[Tensor], Tensor], size: tuple[int, int]) -> Tensor:
    count = 3 * size[0] * size[1]
    return torch.stack(
        [guess(column.view(3, *size)).flatten() for column in torch.eye(count).double()]
    )


def bent(canvas: Tensor) -> Tensor:
    """The gradient of a loss curved a hundred times as much at the highest frequency."""
    down = torch.fft.fftfreq(SIDE, dtype=torch.float64)
    frequencies = torch.hypot(down.unsqueeze(1), down)[:, : SIDE // 2 + 1].clamp_min(LOWEST)
    curvatures = 100 ** ((frequencies / LOWEST).log() / math.log(HIGHEST / LOWEST))
    changed: Tensor = torch.fft.irfft2(torch.fft.rfft2(canvas) * curvatures, s=(SIDE, SIDE))
    return changed


def gain_of(guess: Callable[[Tensor], Tensor], here: Tensor) -> float:
    """How much longer a wave gets."""
    return ((guess(here) * here).sum() / here.square().sum()).item()


def wave(cycles: int, axis: int) -> Tensor:
    """A wave across, so many times, along one of the axes of colour."""
    across = torch.cos(2 * torch.pi * cycles * torch.arange(SIDE, dtype=torch.float64) / SIDE)
    return torch.tensor(AXES[axis], dtype=torch.float64).view(3, 1, 1) * across.expand(SIDE, SIDE)


@pytest.mark.parametrize("size", [(8, 8), (9, 14), (1, 5)])
@pytest.mark.parametrize("pairs", [0, 1, 3])
def test_it_is_symmetric_and_positive_whatever_it_learned(
    size: tuple[int, int], pairs: int
) -> None:
    guess = spectrum(0.8, size)
    for seed in range(pairs):
        guess.learn(noise(seed, size), noise(seed + 10, size))
    matrix = as_matrix(guess, size)
    torch.testing.assert_close(matrix, matrix.T, rtol=0, atol=1e-12)
    assert torch.linalg.eigvalsh(matrix).min() > 0


def test_at_first_it_keeps_the_power_of_noise() -> None:
    size = (9, 14)
    assert as_matrix(spectrum(0.8, size), size).trace().item() == pytest.approx(3 * 9 * 14)


def test_at_first_it_falls_off_as_it_was_told() -> None:
    guess = spectrum(0.8)
    gains = [(guess(wave(n, 0)) / wave(n, 0)).median().item() for n in (2, 4)]
    assert gains[0] / gains[1] == pytest.approx(2**0.8)


def test_without_falloff_it_changes_nothing() -> None:
    torch.testing.assert_close(spectrum()(noise(0)), noise(0), rtol=0, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), curvature=st.floats(1e-18, 1e18))
def test_where_all_is_curved_alike_it_treats_all_alike(seed: int, curvature: float) -> None:
    guess, step = spectrum(0.8), noise(seed)
    guess.learn(step, curvature * step)
    torch.testing.assert_close(guess(step), step, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("axis", range(3))
def test_along_an_axis_of_colour_that_is_curved_more_it_steps_less(axis: int) -> None:
    guess, step = spectrum(), noise(0)
    along = torch.tensor(AXES[axis], dtype=torch.float64).view(3, 1, 1)
    along = along / along.norm()
    guess.learn(step, step + 3 * along * (along * step).sum(dim=0))
    gains = [gain_of(guess, wave(9, other)) for other in range(3)]
    assert [gains[other] / gains[axis - 1] for other in range(3)] == pytest.approx(
        [0.25 if other == axis else 1.0 for other in range(3)], rel=1e-3
    )


def test_at_a_frequency_that_is_curved_more_it_steps_less() -> None:
    guess, step = spectrum(), noise(0)
    guess.learn(step, bent(step))
    waves = [wave(cycles, 0) for cycles in (1, 4, 15, 32)]
    products = [gain_of(guess, one) * gain_of(bent, one) for one in waves]
    assert products == pytest.approx([products[0]] * 4, rel=0.1)


def test_a_band_that_no_step_touched_gets_the_gain_of_all() -> None:
    guess = spectrum()
    guess.learn(wave(2, 0), 4 * wave(2, 0))
    assert gain_of(guess, wave(8, 2)) == pytest.approx(gain_of(guess, wave(2, 0)))


def test_it_forgets_what_was_long_ago() -> None:
    learned, fresh = spectrum(), spectrum()
    learned.learn(noise(0), 100 * noise(1))
    for seed in range(PAIRS):
        for guess in (learned, fresh):
            guess.learn(noise(seed), noise(seed + 50))
    torch.testing.assert_close(learned(noise(2)), fresh(noise(2)), rtol=0, atol=0)


def test_lbfgs_needs_fewer_steps_with_what_it_learns() -> None:
    centre = noise(0)

    def quadratic(x: Tensor) -> Tensor:
        return 0.5 * ((x - centre) * bent(x - centre)).sum()

    start = torch.zeros_like(centre)
    learning = minimise(LBFGS(1.0, inverse=spectrum()), quadratic, start, 40)
    plain = minimise(LBFGS(1.0), quadratic, start, 40)
    assert min(learning) < 1e-3 * min(plain)


def by_place(size: tuple[int, int] = (SIDE, SIDE)) -> Places:
    return Places(*size, spectrum(size=size))


def rich(canvas: Tensor) -> Tensor:
    """The gradient of a loss that is curved nine times as much on the left as on the right."""
    curvatures = torch.ones(SIDE, SIDE, dtype=torch.float64)
    curvatures[:, : SIDE // 2] = 9
    return canvas * curvatures


@pytest.mark.parametrize("size", [(3, 40), (24, 9), (1, 5)])
def test_by_place_it_is_symmetric_and_positive_whatever_it_learned(size: tuple[int, int]) -> None:
    guess = by_place(size)
    for seed in range(FIRST_PAIRS + 1):
        guess.learn(noise(seed, size), noise(seed + 50, size))
    matrix = as_matrix(guess, size)
    torch.testing.assert_close(matrix, matrix.T, rtol=0, atol=1e-12)
    assert torch.linalg.eigvalsh(matrix).min() > 0


def test_where_the_loss_is_curved_more_it_steps_less() -> None:
    guess, here = by_place(), torch.zeros(3, SIDE, SIDE, dtype=torch.float64)
    here[:, 8:-8, 2:6] = 1
    for seed in range(PAIRS):
        guess.learn(noise(seed), rich(noise(seed)))
    assert gain_of(guess, here.flip(2)) == pytest.approx(9 * gain_of(guess, here), rel=0.2)


def test_after_few_steps_all_places_are_alike() -> None:
    guess, other = by_place(), spectrum()
    for seed in range(FIRST_PAIRS):
        for one in (guess, other):
            one.learn(noise(seed), rich(noise(seed)))
    assert torch.equal(guess(noise(99)), other(noise(99)))


def test_a_place_where_no_step_went_does_not_count() -> None:
    guess, step = by_place(), noise(0)
    step[:, :, : SIDE // 2] = 0
    for _ in range(PAIRS):
        guess.learn(step, step)
    torch.testing.assert_close(guess(noise(1)), spectrum()(noise(1)), rtol=0, atol=1e-9)


def test_lbfgs_needs_fewer_steps_with_what_it_learns_by_place() -> None:
    generator = torch.Generator().manual_seed(5)
    places = 30 ** torch.rand(1, SIDE // 16, SIDE // 16, generator=generator, dtype=torch.float64)
    curvatures = torch.kron(places, torch.ones(1, 16, 16)) * (1 + 9 * noise(1)[:1].sigmoid())
    centre = noise(0)

    def quadratic(x: Tensor) -> Tensor:
        return 0.5 * (curvatures * (x - centre).square()).sum()

    start = torch.zeros_like(centre)
    by_both = minimise(LBFGS(1.0, inverse=by_place()), quadratic, start, 60)
    by_frequency = minimise(LBFGS(1.0, inverse=spectrum()), quadratic, start, 60)
    assert min(by_both) < 0.2 * min(by_frequency)
