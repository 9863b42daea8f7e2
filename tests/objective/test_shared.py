"""Work that the threads of a run share."""

from __future__ import annotations

import pytest
import torch

from impasto.objective import shared
from impasto.process import threads


def test_on_a_gpu_no_thread_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes backward there has one thread for all of it, so that others would wait for ever."""

    def fail(*_: object) -> None:
        pytest.fail("threads were given work")

    monkeypatch.setattr(threads, "each", fail)
    x = torch.zeros(3, device="meta", requires_grad=True)  # any device but the CPU
    made = shared.shared(lambda number, one: ((number + 1) * one,), [x, x])
    (gradient,) = torch.autograd.grad(made[0][0].sum() + made[1][0].sum(), x)
    assert gradient.shape == x.shape
