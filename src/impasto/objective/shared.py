"""Differentiable work that the threads of a run share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from impasto.network.bands import bands, each_band
from impasto.network.vjp import vector_jacobian
from impasto.process import threads

CPU = torch.device("cpu")
TOGETHER = 256  # rows or columns of a matrix that one thread takes at a time
EVERYTHING = 2**31  # more than any matrix has

Work = Callable[[int, Tensor], tuple[Tensor, ...]]
Term = tuple[Callable[[Tensor], Tensor], Tensor]  # a function, and what it is called with
Graph = tuple[Tensor, tuple[Tensor, ...]]  # an input, and what was made of it


def shared(work: Work, inputs: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
    """Call a function with every input; on a CPU, the threads share the calls, and those backward.

    A GPU has one thread for everything that goes backward, which must not wait for others. On a CPU
    there is no second derivative; ``create_graph=True`` raises a RuntimeError on the way back.

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
    if any(one.device.type != "cpu" for one in inputs):
        return [work(number, one) for number, one in enumerate(inputs)]
    if not torch.is_grad_enabled():
        numbers = range(len(inputs))
        return threads.results(lambda number: work(number, inputs[number]), numbers, CPU)
    counts: list[int] = []
    flat = iter(_Shared.apply(work, counts, *inputs))  # type: ignore[no-untyped-call]
    return [tuple(next(flat) for _ in range(count)) for count in counts]


def values_of(terms: Sequence[Term]) -> list[Tensor]:
    """The values of functions, each of a tensor of its own; see :func:`shared`.

    Example:
        >>> import torch
        >>> values_of([(torch.sum, torch.ones(3)), (torch.exp, torch.zeros(1))])
        [tensor(3.), tensor([1.])]
    """
    found = shared(lambda number, one: (terms[number][0](one),), [one for _, one in terms])
    return [value for (value,) in found]


def at_once(device: torch.device, count: int = TOGETHER) -> int:
    """How many rows or columns of a matrix a call takes; all of them where no threads share."""
    return max(1, count) if device.type == "cpu" else EVERYTHING


def product(matrix: Tensor, x: Tensor) -> Tensor:
    """The product of a constant matrix and another; on a CPU, the threads share its columns.

    Args:
        matrix: (R, C), for which there is no gradient.
        x: (C, N).

    Example:
        >>> import torch
        >>> product(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]))
        tensor([[11.]])
    """
    if x.device.type != "cpu":
        return matrix @ x
    found: Tensor = _Product.apply(matrix, x)  # type: ignore[no-untyped-call]
    return found


def mean_square(features: Tensor, target: Tensor) -> Tensor:
    """The mean squared difference of two feature maps, a scalar; on a CPU, the threads share it.

    Args:
        features: feature map, (C, H, W).
        target: another, for which there is no gradient.

    Example:
        >>> import torch
        >>> mean_square(torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[0.0, 2.0]]]))
        tensor(5.)
    """
    if features.device.type != "cpu":
        return (features - target).square().mean()
    found: Tensor = _MeanSquare.apply(features, target)  # type: ignore[no-untyped-call]
    return found


def products_and_lengths(features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The inner products of feature vectors with others, and their squared lengths, each (N).

    Args:
        features: feature vectors, (C, N).
        target: as many others, for which there is no gradient.

    Example:
        >>> import torch
        >>> products_and_lengths(torch.tensor([[3.0], [4.0]]), torch.tensor([[1.0], [2.0]]))
        (tensor([11.]), tensor([25.]))
    """
    if features.device.type != "cpu":
        return (features * target).sum(0), features.square().sum(0)
    return _ProductsAndLengths.apply(features, target)  # type: ignore[no-any-return, no-untyped-call]


def _refuse_second_derivatives() -> None:
    if torch.is_grad_enabled():  # on the way back, it is so only with create_graph=True
        raise RuntimeError("this loss has no second derivative on a CPU")


class _MeanSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(features, target)
        one, other = _in_order(features, target)

        def squares(rows: slice) -> Tensor:
            off = (one[rows] - other[rows]).flatten()
            return torch.dot(off, off)

        sums = threads.results(squares, bands(len(one), one[0].numel()), CPU)
        return torch.stack(sums).sum() / features.numel()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        _refuse_second_derivatives()
        features, target = ctx.saved_tensors
        by_features = torch.empty_like(features)
        one, other, by_one = _in_order(features, target, by_features)
        factor = 2 * gradient / features.numel()

        def write(rows: slice) -> None:
            torch.sub(one[rows], other[rows], out=by_one[rows]).mul_(factor)

        each_band(write, one)
        return by_features, None


class _ProductsAndLengths(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, target)
        both = target, features
        products, lengths = (torch.einsum("cn,cn->n", features, other) for other in both)
        return products, lengths

    @staticmethod
    def backward(ctx: Any, by_products: Tensor, by_lengths: Tensor) -> tuple[Tensor, None]:
        _refuse_second_derivatives()
        features, target = ctx.saved_tensors
        return (target * by_products).addcmul_(features, by_lengths, value=2), None


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(matrix, x)
        return _by_columns(matrix, x, x.new_empty(len(matrix), x.shape[1]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        _refuse_second_derivatives()
        matrix, x = ctx.saved_tensors
        return None, _by_columns(matrix.T, gradient, torch.empty_like(x))


def _by_columns(matrix: Tensor, x: Tensor, out: Tensor) -> Tensor:
    def write(columns: slice) -> None:
        torch.mm(matrix, x[:, columns], out=out[:, columns])

    threads.each(write, bands(x.shape[1], len(x)))
    return out


def _in_order(*maps: Tensor) -> list[Tensor]:
    """Feature maps, (C, H, W), with their axes as in the memory of the first one."""
    order = (1, 2, 0) if maps[0].stride(0) == 1 else (0, 1, 2)
    return [one.permute(order) for one in maps]


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, work: Work, counts: list[int], *inputs: Tensor) -> tuple[Tensor, ...]:
        def call(number: int) -> Graph:
            with torch.enable_grad():
                leaf = inputs[number].detach().requires_grad_()
                return leaf, work(number, leaf)

        ctx.graphs = graphs = threads.results(call, range(len(inputs)), CPU)
        counts += [len(made) for _, made in graphs]
        return tuple(one.detach() for _, made in graphs for one in made)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        _refuse_second_derivatives()
        graphs: list[Graph] = ctx.graphs
        flat = iter(gradients)
        by_made = [tuple(next(flat) for _ in made) for _, made in graphs]

        def call(number: int) -> Tensor:
            leaf, made = graphs[number]
            (by_leaf,) = vector_jacobian(made, [leaf], by_made[number])
            return by_leaf

        # The graphs of deep maps hold the most, and each is released when its gradient is known.
        by_input = threads.results(call, range(len(graphs))[::-1], CPU)[::-1]
        return None, None, *by_input
