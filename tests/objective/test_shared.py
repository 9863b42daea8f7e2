"""Work that the threads of a run share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from impasto.objective import shared
from impasto.process import threads


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: shared.values_of([(torch.sum, x.square())])[0],
        lambda x: shared.mean_square(x, torch.zeros(1, 1, 3)),
        lambda x: shared.product(torch.ones(1, 3), x[0].T.square()).sum(),
    ],
    ids=["values", "mean square", "product"],
)
def test_a_second_derivative_is_refused_rather_than_wrong(
    loss: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    x = torch.ones(1, 1, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss(x), x, create_graph=True)


def test_on_a_gpu_no_thread_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes backward there has one thread for all of it, so that others would wait for ever."""

    def fail(*_: object) -> None:
        pytest.fail("threads were given work")

    monkeypatch.setattr(threads, "each", fail)
    x = torch.zeros(3, device="meta", requires_grad=True)  # any device but the CPU
    made = shared.shared(lambda number, one: ((number + 1) * one,), [x, x])
    (gradient,) = torch.autograd.grad(made[0][0].sum() + made[1][0].sum(), x)
    assert gradient.shape == x.shape
