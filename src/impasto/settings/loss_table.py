"""Style losses and content losses by the names that a recipe knows them by, and what each allows.

The functions of those names are in :mod:`impasto.objective.losses`. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StyleLoss:
    """What a recipe needs to know of a style loss.

    Attributes:
        statistic: what of a feature map the loss sees, by a name that
            :data:`impasto.objective.losses.STATISTICS` knows.
        tiles: whether a picture's statistic is the mean of those of its tiles, so that a picture
            can be processed in tiles, by regions, and with several styles.
    """

    statistic: str
    tiles: bool = True


@dataclass(frozen=True)
class ContentLoss:
    """What a recipe needs to know of a content loss.

    Attributes:
        tiles: whether the loss of a picture is the mean of those of its tiles.
    """

    tiles: bool = True


STYLE_LOSSES = {
    "gram": StyleLoss("gram"),
    "covariance": StyleLoss("moments"),
    "mean-variance": StyleLoss("moments"),
    "wasserstein": StyleLoss("moments"),
    "sliced": StyleLoss("positions", tiles=False),
    "histogram": StyleLoss("positions", tiles=False),
    "nearest": StyleLoss("positions", tiles=False),
    "nearest-cosine": StyleLoss("positions", tiles=False),
}
CONTENT_LOSSES = {
    "features": ContentLoss(),
    "self-similarity": ContentLoss(tiles=False),
}
