"""Matches that use every part of a style picture about equally often.

The nearest neighbours of a canvas are few: a smooth sky finds the smoothest place of the style, and
gets no strokes. So every feature vector of the style has a handicap, which is added to its
similarity, and grows until it is matched about as often as the others. This is the dual of optimal
transport with entropy (Cuturi, arXiv:1306.0895), whose second marginal is not quite enforced, as in
unbalanced transport (Chizat and others, arXiv:1607.05816).
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.network.bands import slices
from impasto.process import threads

ITERATIONS = 6
TEMPERATURE = 0.03  # in units of the similarity; the weight of the entropy
ENFORCED = 0.97  # of the second marginal: 1 is balanced transport, and 0 the nearest neighbours
LEAST_USED = 1e-3  # of the mean; a feature vector that is used less counts as this
COLUMNS = 512  # of the similarities that a thread computes at a time


def handicaps(own: Tensor, style: Tensor) -> Tensor:
    """What to add to the similarity with each feature vector of a style, (N), in float32.

    Args:
        own: feature vectors of the canvas, or a sample of them, (C, M), each of length 1.
        style: those of the style, (C, N), each of length 1.

    Example:
        >>> import torch
        >>> own = torch.tensor([[1.0, 0.8], [0.0, 0.6]])  # both are nearest to the first
        >>> style = torch.eye(2)
        >>> (own.T @ style).argmax(1), (own.T @ style + handicaps(own, style)).argmax(1)
        (tensor([0, 0]), tensor([0, 1]))
    """
    parts = slices(0, style.shape[1], COLUMNS)
    found = threads.results(lambda part: (own.T @ style[:, part]).float(), parts, own.device)
    similar = torch.cat(found, 1).div_(TEMPERATURE)
    added = similar.new_zeros(style.shape[1])
    for _ in range(ITERATIONS):
        used = torch.softmax(similar + added, 1).mean(0) * len(added)
        added = ENFORCED * (added - used.clamp_min(LEAST_USED).log())
    return TEMPERATURE * added
