"""Maps as batches keep an order in memory that PyTorch recognises, and so do their gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.batches import batched, unbatched


@pytest.mark.parametrize("adjacent", [True, False], ids=["channels adjacent", "channels first"])
def test_a_map_and_its_gradient_have_the_order_of_what_they_come_from(adjacent: bool) -> None:
    def placed(channels: int, height: int, width: int) -> Tensor:
        values = torch.arange(float(channels * height * width))
        if adjacent:
            return values.view(height, width, channels).permute(2, 0, 1)
        return values.view(channels, height, width)

    features, other = placed(5, 4, 6).requires_grad_(), placed(5, 8, 12)
    enlarged = unbatched(F.interpolate(batched(features), (8, 12), mode="bilinear"))
    (gradient,) = torch.autograd.grad(enlarged, features, other)
    assert enlarged.stride() == other.stride()
    assert gradient.stride() == features.stride()


def test_a_batch_of_one_holds_the_map() -> None:
    features = torch.rand(3, 4, 5)
    assert batched(features).shape == (1, 3, 4, 5)
    assert torch.equal(unbatched(batched(features)), features)
