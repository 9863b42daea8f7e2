"""Adam against PyTorch's; L-BFGS on functions whose minimum is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from impasto.network import pyramid
from impasto.optim.optimizer import Optimizer
from impasto.optim.optimizers import LBFGS, Adam, Guess, is_stalled
from impasto.optim.preconditioner import Spectrum

Function = Callable[[Tensor], Tensor]


def evaluate(function: Function, x: Tensor) -> tuple[float, Tensor]:
    x = x.detach().requires_grad_()
    value = function(x)
    (gradient,) = torch.autograd.grad(value, x)
    return value.item(), gradient


def minimise(optimizer: Optimizer, function: Function, x: Tensor, steps: int) -> list[float]:
    """The value at every evaluation."""
    values = []
    for _ in range(steps):
        value, gradient = evaluate(function, x)
        values.append(value)
        following = optimizer.step(x, value, gradient)
        if following is None:
            break
        x = following
    return values


def rosenbrock(x: Tensor) -> Tensor:
    """Minimum 0, at one everywhere, at the end of a curved valley."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def start(count: int = 10) -> Tensor:
    return torch.linspace(-1.2, 1.0, count, dtype=torch.float64)


def test_adam_is_pytorch_s() -> None:
    x = start()
    parameter = start().requires_grad_()
    ours, theirs = Adam(0.1), torch.optim.Adam([parameter], lr=0.1)
    for _ in range(50):
        x = ours.step(x, *evaluate(rosenbrock, x))
        theirs.zero_grad()
        torch.autograd.backward(rosenbrock(parameter))
        theirs.step()
        torch.testing.assert_close(x, parameter.detach(), rtol=1e-12, atol=1e-12)


def test_adam_on_a_pyramid_is_pytorch_s_on_its_levels() -> None:
    wanted = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(0)).double()
    shapes = pyramid.sizes((12, 20), 3)
    levels = [torch.zeros(3, *size, dtype=torch.float64).requires_grad_() for size in shapes]
    ours, theirs, x = Adam(0.1, 3), torch.optim.Adam(levels, lr=0.1), torch.zeros_like(wanted)
    for _ in range(20):
        x = ours.step(x, 0.0, 4 * (x - wanted) ** 3)
        theirs.zero_grad()
        torch.autograd.backward(((pyramid.synthesis(levels) - wanted) ** 4).sum())
        theirs.step()
        torch.testing.assert_close(x, pyramid.synthesis(levels).detach(), rtol=1e-9, atol=1e-9)


def test_adam_s_first_step_has_the_length_of_its_rate_everywhere() -> None:
    x = start()
    moved = Adam(2.0).step(x, *evaluate(rosenbrock, x)) - x
    torch.testing.assert_close(moved.abs(), torch.full_like(x, 2.0), rtol=1e-6, atol=0)


def test_lbfgs_compares_a_loss_with_those_before_it_corrected() -> None:
    """That all losses were too small by as much changes nothing; without a word, it steps back."""
    following = []
    for offset, correction in ((0.0, 0.0), (1e4, 1e4), (1e4, 0.0)):
        optimizer, x = LBFGS(0.01), start()
        tried = optimizer.step(x, *evaluate(rosenbrock, x))
        assert tried is not None
        loss, gradient = evaluate(rosenbrock, tried)
        optimizer.correct(correction)
        following.append(optimizer.step(tried, loss + offset, gradient))
    usual, told, untold = following
    assert usual is not None
    assert told is not None
    assert untold is not None
    assert torch.equal(told, usual)
    assert (untold - start()).norm() < (told - start()).norm()


def after_steps(optimizer: LBFGS, steps: int) -> Tensor:
    """The point that comes after some steps in Rosenbrock's valley."""
    x = start()
    for _ in range(steps):
        following = optimizer.step(x, *evaluate(rosenbrock, x))
        assert following is not None
        x = following
    return x


def test_lbfgs_goes_on_from_a_higher_loss_where_the_loss_is_another() -> None:
    """It takes the step that the new gradient shows, with the pairs that it has."""
    directions = []
    for told in (True, False):
        optimizer = LBFGS(0.01)
        x = after_steps(optimizer, 5)
        loss, gradient = evaluate(rosenbrock, x)
        if told:
            optimizer.change_loss()
        following = optimizer.step(x, loss + 1e6, gradient)
        assert following is not None
        directions.append(following - x)
        assert len(optimizer.pairs) == 4
    onward, back = directions
    assert (onward * gradient).sum() < 0
    assert not torch.equal(onward, back)


def test_lbfgs_stalls_at_the_second_shortening_in_a_row_but_not_right_after_another_loss() -> None:
    stalled = []
    for told in (False, True):
        optimizer = LBFGS(0.01)
        x = after_steps(optimizer, 3)
        loss, gradient = evaluate(rosenbrock, x)
        if told:
            optimizer.change_loss()
            optimizer.step(x, loss, gradient)
        for _ in range(2):
            assert not is_stalled(optimizer)
            optimizer.step(x, loss + 1e6, gradient)
        stalled.append(is_stalled(optimizer))
    assert stalled == [True, False]


def test_lbfgs_finds_the_end_of_rosenbrock_s_valley() -> None:
    assert min(minimise(LBFGS(0.1), rosenbrock, start(), 150)) < 1e-12


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), condition=st.sampled_from([1.0, 1e2, 1e4]))
def test_lbfgs_minimises_quadratics(seed: int, condition: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    scales = torch.logspace(0, torch.tensor(condition).log10().item(), 12, dtype=torch.float64)
    centre = torch.randn(12, generator=generator, dtype=torch.float64)

    def quadratic(x: Tensor) -> Tensor:
        return (scales * (x - centre) ** 2).sum()

    values = minimise(LBFGS(1.0), quadratic, torch.zeros(12, dtype=torch.float64), 120)
    assert min(values) <= 1e-12 * values[0]


class Told(Guess):
    """A guess that learns nothing: the filter f^−0.8."""

    def __init__(self) -> None:
        self.smooth = Spectrum(16, 16, 0.8, dtype=torch.float64)

    def __call__(self, canvas: Tensor) -> Tensor:
        return self.smooth(canvas)


def test_lbfgs_with_the_right_guess_of_the_inverse_hessian_needs_few_steps() -> None:
    """A quadratic with the spectrum of pictures: hard without the filter, easy with it."""
    generator = torch.Generator().manual_seed(0)
    centre = torch.randn(3, 16, 16, generator=generator, dtype=torch.float64)
    told = Told()
    columns = [told(e.view(1, 16, 16).expand(3, 16, 16))[0] for e in torch.eye(256).double()]
    root = torch.linalg.inv(torch.stack([column.flatten() for column in columns]))

    def quadratic(x: Tensor) -> Tensor:
        difference = (x - centre).flatten(1)
        value: Tensor = (difference * (difference @ root)).sum()
        return value

    start = torch.zeros_like(centre)
    guessed = minimise(LBFGS(1.0, inverse=told), quadratic, start, 12)
    plain = minimise(LBFGS(1.0), quadratic, start, 12)
    assert min(guessed) < 1e-9 * guessed[0]
    assert min(plain) > 1e-3 * min(plain[0], 1)


def test_lbfgs_first_step_has_the_rms_asked_for() -> None:
    x = start()
    moved = LBFGS(3.0).step(x, *evaluate(rosenbrock, x))
    assert moved is not None
    assert (moved - x).square().mean().sqrt().item() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("loss", "expected"), [(0.5, 1), (8, 1.4), (1000, 10)], ids=["asked for", "longer", "longest"]
)
def test_lbfgs_first_step_is_longer_while_it_promises_less_than_the_loss(
    loss: float, expected: float
) -> None:
    """A step of RMS 1 promises to lower the loss by 4."""
    x = torch.zeros(4, dtype=torch.float64)
    moved = LBFGS(1.0, grows=True).step(x, loss, torch.ones_like(x))
    assert moved is not None
    assert moved.square().mean().sqrt().item() == pytest.approx(expected)


def test_lbfgs_after_its_first_step_never_sets_out_as_far_again() -> None:
    """A function that only ever grows: at last it starts again with the length asked for."""
    optimizer, x = LBFGS(1.0, grows=True), torch.zeros(4)
    optimizer.pairs.remember(torch.ones(4), torch.ones(4), torch.tensor(4.0))
    moved = optimizer.step(x, 100.0, torch.ones(4))
    while optimizer.pairs:
        assert moved is not None
        moved = optimizer.step(moved, 1000.0, torch.ones(4))
    assert moved is not None
    assert moved.square().mean().sqrt().item() == pytest.approx(1.0)


def test_lbfgs_knows_from_its_state_whether_features_grow() -> None:
    optimizer, again = LBFGS(1.0, grows=True), LBFGS(1.0)
    again.restore(*optimizer.state())
    assert again.grows


def test_lbfgs_goes_back_when_a_step_was_too_long() -> None:
    values = minimise(LBFGS(1e3), lambda x: (x**2).sum(), start(), 30)
    assert max(values) > values[0]
    assert min(values) < 1e-12


def test_lbfgs_shortens_a_step_that_promises_a_loss_far_below_zero_before_it_is_tried() -> None:
    """The gradient hardly changes along the first step, so the next one would be far too long."""
    optimizer, x = LBFGS(0.1), torch.zeros(4, dtype=torch.float64)
    gradient = torch.full((4,), -3.0, dtype=torch.float64)
    second = optimizer.step(x, 9.0, gradient)
    assert second is not None
    third = optimizer.step(second, 8.0, 0.999 * gradient)
    assert third is not None
    promised = torch.dot(third - second, 0.999 * gradient).item()
    assert promised == pytest.approx(-8.0)


def test_lbfgs_has_nothing_to_gain_where_the_gradient_is_zero() -> None:
    x = torch.zeros(4)
    assert LBFGS(1.0).step(x, 0.0, torch.zeros(4)) is None


def test_lbfgs_gives_up_where_the_gradient_lies() -> None:
    """A function that only ever grows away from the start, whatever its gradient says."""
    optimizer, x = LBFGS(1.0), torch.zeros(4)
    following = optimizer.step(x, 0.0, torch.ones(4))
    trials = 0
    while following is not None:
        trials += 1
        following = optimizer.step(following, 1.0, torch.ones(4))
    assert trials == LBFGS.MOST_TRIALS + 1


def test_lbfgs_steps_back_to_a_tenth_where_a_loss_is_not_finite() -> None:
    optimizer, x = LBFGS(1.0), start()
    assert optimizer.step_back() is None
    tried = optimizer.step(x, *evaluate(rosenbrock, x))
    assert tried is not None
    nearer = optimizer.step_back()
    assert nearer is not None
    torch.testing.assert_close(nearer - x, (tried - x) / 10)


def test_lbfgs_gives_up_where_no_loss_along_its_line_is_finite() -> None:
    optimizer, x = LBFGS(1.0), start()
    optimizer.step(x, *evaluate(rosenbrock, x))
    steps = [optimizer.step_back() for _ in range(LBFGS.MOST_TRIALS + 1)]
    assert [step is None for step in steps] == LBFGS.MOST_TRIALS * [False] + [True]


def test_lbfgs_finds_the_minimum_beyond_where_the_function_ends() -> None:
    def bounded(x: Tensor) -> Tensor:
        return torch.where((x.abs() < 2).all(), rosenbrock(x), torch.inf)

    optimizer, x = LBFGS(1e3), start()
    values = []
    for _ in range(200):
        value, gradient = evaluate(bounded, x)
        values.append(value)
        shorter = optimizer.step(x, value, gradient) if value < torch.inf else optimizer.step_back()
        if shorter is None:
            break
        x = shorter
    assert values[1] == torch.inf
    assert min(values) < 1e-9


def test_adam_shortens_no_step() -> None:
    optimizer: Optimizer = Adam(1.0)
    optimizer.step(start(), *evaluate(rosenbrock, start()))
    assert optimizer.step_back() is None


def test_lbfgs_remembers_no_more_than_its_history() -> None:
    optimizer = LBFGS(0.1, history=5)
    minimise(optimizer, rosenbrock, start(), 40)
    assert len(optimizer.pairs) == 5
