"""Feature maps as batches of one, which PyTorch's operations on pictures take.

PyTorch takes the order of a batch in memory from its strides, that of the first axis included.
After ``unsqueeze(0)`` on a map whose channels are adjacent, that stride fits neither order, and
interpolation and pooling copy the map, forward and backward, which takes ten to fifty times as
long.
"""

from __future__ import annotations

from torch import Tensor


def batched(features: Tensor) -> Tensor:
    """A feature map, (C, H, W), as (1, C, H, W).

    Example:
        >>> import torch
        >>> adjacent = torch.zeros(4, 5, 3).permute(2, 0, 1)
        >>> adjacent.unsqueeze(0).stride(), batched(adjacent).stride()
        ((3, 1, 15, 3), (60, 1, 15, 3))
    """
    return features.permute(1, 2, 0).unsqueeze(0).permute(0, 3, 1, 2)


def unbatched(batch: Tensor) -> Tensor:
    """The feature map, (C, H, W), of a batch of one; its gradient becomes a batch as well."""
    return batch.permute(0, 2, 3, 1).squeeze(0).permute(2, 0, 1)
