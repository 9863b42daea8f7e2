"""The names of the style losses and content losses in a recipe, and what each loss supports.

The losses themselves are in :mod:`impasto.objective.losses`. This module imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What dominates the computation of a style loss; the studio limits the work of a painting by it.
Work = Literal["products", "eigenvalues", "sorting", "projections", "neighbours"]


@dataclass(frozen=True)
class StyleLoss:
    """What a recipe needs to know about a style loss.

    Attributes:
        statistic: the statistic of a feature map that the loss compares; a key of
            :data:`impasto.objective.losses.STATISTICS`.
        tiles: whether the statistic of a picture is the mean of the statistics of its tiles; only
            then can a picture be processed in tiles, in regions and with several styles.
        work: what dominates its computation: ``products`` of channels, as for a Gram matrix, and
            with them ``eigenvalues``; ``sorting`` of positions, and with it ``projections``; or the
            search for nearest ``neighbours``.
    """

    statistic: str
    tiles: bool = True
    work: Work = "products"


@dataclass(frozen=True)
class ContentLoss:
    """What a recipe needs to know about a content loss.

    Attributes:
        tiles: whether the loss of a picture is the mean of the losses of its tiles.
    """

    tiles: bool = True


STYLE_LOSSES = {
    "gram": StyleLoss("gram"),
    "covariance": StyleLoss("moments"),
    "mean-variance": StyleLoss("moments"),
    "wasserstein": StyleLoss("moments", work="eigenvalues"),
    "sliced": StyleLoss("positions", tiles=False, work="projections"),
    "histogram": StyleLoss("positions", tiles=False, work="sorting"),
    "nearest": StyleLoss("positions", tiles=False, work="neighbours"),
    "nearest-cosine": StyleLoss("positions", tiles=False, work="neighbours"),
}
CONTENT_LOSSES = {
    "features": ContentLoss(),
    "self-similarity": ContentLoss(tiles=False),
}
