"""Convolutions in bfloat16 against the plain ones, whose inputs are rounded as theirs are."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from impasto.network.bands import Read, Source, Workspace
from impasto.network.direct import Direct
from impasto.network.vgg import VGG19, replicated
from impasto.network.weights import Weights
from impasto.process import threads

ROUNDING = 2.0**-8  # bfloat16's, of a value

sizes = st.integers(1, 23)


def distance(ours: Tensor, exact: Tensor) -> float:
    return float(((ours - exact).norm() / exact.norm()).detach())


def rounded(*shape: int) -> Tensor:
    """Random numbers that bfloat16 has, as float32."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator).bfloat16().float()


def reader(x: Tensor) -> Read:
    def read(first: int, last: int, rows: Tensor) -> None:
        rows.copy_(x[first:last])

    return read


@settings(max_examples=30)
@given(sizes, sizes, st.integers(1, 9), st.integers(1, 9), st.booleans())
@example(1, 1, 1, 1, True)
@example(70, 3, 2, 3, True)
@example(70, 90, 2, 3, True)  # large enough to be computed a few rows at a time
@example(70, 90, 2, 3, False)
def test_a_convolution_and_its_gradient_are_the_plain_ones_except_for_rounding_the_results(
    height: int, width: int, before: int, after: int, replicates: bool
) -> None:
    x, kernel = rounded(height, width, before), rounded(after, before, 3, 3)
    bias, by_out = rounded(after), rounded(height, width, after)
    leaf = x.permute(2, 0, 1).double().requires_grad_()
    padded = replicated(leaf, (1, 2)) if replicates else F.pad(leaf, (1, 1, 1, 1))
    exact = F.conv2d(padded, kernel.double(), bias.double())
    (by_exact,) = torch.autograd.grad(exact, leaf, by_out.permute(2, 0, 1).double())

    ours, room = Direct(kernel, bias), Workspace()
    out = torch.full((height, width, after), torch.nan, dtype=torch.bfloat16)
    ours.forward(Source(reader(x), replicates), out, room)
    gradient = torch.full((height, width, before), torch.nan, dtype=torch.bfloat16)
    ours.backward(reader(by_out), gradient, room, replicates=replicates)
    assert distance(out.permute(2, 0, 1), exact) < ROUNDING
    folded = 2 if replicates else 1  # a replicated border is rounded, and then added
    assert distance(gradient.permute(2, 0, 1), by_exact) < folded * ROUNDING


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_the_whole_network_in_bfloat16_sees_what_the_plain_one_sees(
    weights: Weights, padding: str, pooling: str
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = 60 * torch.randn(3, 37, 61, generator=generator)
    maps, gradients = [], []
    for dtype, canvas in ((torch.bfloat16, x), (torch.float64, x.double())):
        leaf = canvas.clone().requires_grad_()
        network = VGG19(
            weights, ["conv3_2"], padding=padding, pooling=pooling, dtype=dtype, by_rows=True
        )
        seen = network(leaf)["conv3_2"]
        assert seen.dtype == network.dtype
        maps.append(seen.detach().double())
        gradients.append(torch.autograd.grad(seen.square().mean(), leaf)[0].double())
    assert distance(*maps) < 0.01
    assert distance(*gradients) < 0.05


@pytest.mark.parametrize("size", [(33, 20), (81, 60)], ids=["by channels", "by rows"])
def test_the_bytes_are_the_same_for_any_number_of_threads(size: tuple[int, int]) -> None:
    x, kernel, bias = rounded(*size, 8), rounded(8, 8, 3, 3), rounded(8)
    made: list[list[Tensor]] = []
    for count in (1, 3):
        both = [torch.empty(*size, 8, dtype=torch.bfloat16) for _ in range(2)]
        with threads.use(count):
            Direct(kernel, bias).forward(Source(reader(x)), both[0], Workspace())
            Direct(kernel, bias).backward(reader(x), both[1], Workspace(), replicates=True)
        made.append(both)
    assert all(map(torch.equal, *made))


@pytest.mark.parametrize("layer", ["conv1_1", "relu2_1", "pool2", "conv3_1"])
def test_gram_matrices_and_their_gradient_in_bfloat16(weights: Weights, layer: str) -> None:
    generator = torch.Generator().manual_seed(1)
    x = 60 * torch.randn(3, 40, 52, generator=generator)
    grams, gradients = [], []
    for dtype, canvas in ((torch.bfloat16, x), (torch.float64, x.double())):
        leaf = canvas.clone().requires_grad_()
        network = VGG19(weights, [layer], dtype=dtype, by_rows=True)
        matrix = network.statistics(leaf, (), [layer])[1][layer]
        grams.append(matrix.detach().double())
        gradients.append(torch.autograd.grad(matrix.square().mean(), leaf)[0].double())
    assert torch.equal(grams[0], grams[0].T)
    assert distance(*grams) < 0.01
    assert distance(*gradients) < 0.05
