"""The names of the methods and losses in a recipe, and what each supports.

The losses themselves are in :mod:`impasto.objective`. This module imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What dominates the computation of a style loss; the studio limits the work of a painting by it.
Work = Literal["products", "eigenvalues", "sorting", "projections", "neighbours"]


@dataclass(frozen=True)
class Method:
    """What a recipe needs to know about a method.

    Attributes:
        by_layer: whether it compares layers one by one, with the style loss and the content loss of
            the recipe; otherwise it has losses of its own, which compare hypercolumns of the style
            layers.
        first_side: longer side of the first level with ``levels = "auto"``, in pixels.
        smallest_side: shortest side of a level, in pixels.
        splits: whether the finest level with the method comes twice, the second time with layers
            matched alone.
        evenly: whether every part of the style is matched about equally often.
        adds_details: whether a canvas that comes from a coarser level gets all of the content's
            details, except at the last level.
        alone: whether it takes a single style picture for the whole painting.
        one_pass: whether one pass of a trained network paints the picture, without any loss.
    """

    by_layer: bool
    first_side: int
    smallest_side: int
    splits: bool = False
    evenly: bool = False
    adds_details: bool = False
    alone: bool = False
    one_pass: bool = False


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
        shares: whether the threads share its work item by item; otherwise, as for losses of the
            caller's own, each operation takes all threads.
    """

    statistic: str
    tiles: bool = True
    work: Work = "products"
    shares: bool = True


@dataclass(frozen=True)
class ContentLoss:
    """What a recipe needs to know about a content loss.

    Attributes:
        tiles: whether the loss of a picture is the mean of the losses of its tiles.
    """

    tiles: bool = True


METHODS = {
    "layers": Method(by_layer=True, first_side=128, smallest_side=48),
    "strotss": Method(
        by_layer=False, first_side=64, smallest_side=32, adds_details=True, alone=True
    ),
    "nnst": Method(by_layer=False, first_side=64, smallest_side=32, splits=True),
    "even-nnst": Method(by_layer=False, first_side=64, smallest_side=32, splits=True, evenly=True),
    "instant": Method(by_layer=False, first_side=512, smallest_side=16, one_pass=True),
}
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
