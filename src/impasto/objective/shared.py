"""Differentiable work on several tensors, shared among the threads of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from impasto.process import threads

Work = Callable[[int, Tensor], tuple[Tensor, ...]]
Graph = tuple[Tensor, tuple[Tensor, ...]]  # an input, and what was made of it


def shared(work: Work, inputs: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """Call a function with every input; the threads share the calls, and those backward.

    Args:
        work: makes tensors from the number of an input, counted from 0, and the input. It does not
            change it, and gradients flow through its argument alone.
        inputs: the inputs.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> made = shared(lambda number, one: ((number + 1) * one.square(),), [x, x])
        >>> torch.autograd.grad(sum(one.sum() for (one,) in made), x)
        (tensor([ 6., 12.]),)
    """
    counts: list[int] = []
    flat = iter(_Shared.apply(work, counts, *inputs))  # type: ignore[no-untyped-call]
    return [tuple(next(flat) for _ in range(count)) for count in counts]


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, work: Work, counts: list[int], *inputs: Tensor) -> tuple[Tensor, ...]:
        graphs: list[Graph] = [(one, ()) for one in inputs]

        def call(number: int) -> None:
            with torch.enable_grad():
                leaf = inputs[number].detach().requires_grad_()
                graphs[number] = leaf, work(number, leaf)

        threads.each(call, range(len(inputs)))
        ctx.graphs = graphs
        counts += [len(made) for _, made in graphs]
        return tuple(one.detach() for _, made in graphs for one in made)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        graphs: list[Graph] = ctx.graphs
        flat = iter(gradients)
        by_made = [tuple(next(flat) for _ in made) for _, made in graphs]
        by_input = [leaf for leaf, _ in graphs]

        def call(number: int) -> None:
            leaf, made = graphs[number]
            (by_input[number],) = torch.autograd.grad(made, leaf, by_made[number])

        threads.each(call, range(len(graphs)))
        return None, None, *by_input
