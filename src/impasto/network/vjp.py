"""Vector–Jacobian products: gradients passed on from what was computed to what it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def vector_jacobian(
    made: Sequence[Tensor], inputs: Sequence[Tensor], gradients: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The gradient with respect to each input, given those with respect to what was made of them.

    ``torch.autograd.grad`` with ``grad_outputs`` gives the same, but imports PyTorch's symbolic
    algebra when it is first called, which takes a quarter of a second.

    Args:
        made: tensors that were computed from the inputs.
        inputs: tensors that require a gradient.
        gradients: for each tensor made, a gradient of the same shape.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> vector_jacobian([x**2], [x], [torch.tensor([1.0, 10.0])])
        (tensor([ 2., 40.]),)
    """
    with torch.enable_grad():
        given = _Given.apply(gradients, *made)  # type: ignore[no-untyped-call]
    return torch.autograd.grad(given, inputs)


class _Given(torch.autograd.Function):
    """A scalar whose gradient with respect to each tensor is given."""

    @staticmethod
    def forward(ctx: Any, gradients: Sequence[Tensor], *made: Tensor) -> Tensor:
        ctx.gradients = gradients
        return made[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.gradients
