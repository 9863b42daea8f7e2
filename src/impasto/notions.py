"""What can be meant by style and by content: every loss by its name.

A loss is one function of :mod:`impasto.losses` and one line here, from which the recipe, the
command line and the studio know it. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StyleLoss:
    """A notion of style.

    Attributes:
        make: function of :mod:`impasto.losses` that makes the loss from the statistic of a style.
        statistic: function there that says what of a feature map the loss sees.
        tiles: whether a picture's statistic is the mean of those of its tiles, so that a picture
            may be looked at in tiles, by regions, and like several styles.
        stand_in: function there that makes a loss from two statistics, which is 0 where this one is
            and easier to minimise, if there is one.
    """

    make: str
    statistic: str
    tiles: bool = True
    stand_in: str | None = None


@dataclass(frozen=True)
class ContentLoss:
    """A notion of content.

    Attributes:
        function: of :mod:`impasto.losses`.
        tiles: whether the loss of a picture is the mean of those of its tiles.
    """

    function: str
    tiles: bool = True


STYLE_LOSSES = {
    "gram": StyleLoss("gram_loss", "gram", stand_in="whitened_gram_loss"),
    "covariance": StyleLoss("covariance_loss", "moments"),
    "mean-variance": StyleLoss("mean_variance_loss", "moments"),
    "wasserstein": StyleLoss("wasserstein_loss", "moments"),
    "sliced": StyleLoss("sliced_loss", "positions", tiles=False),
    "histogram": StyleLoss("histogram_loss", "positions", tiles=False),
    "nearest": StyleLoss("nearest_loss", "positions", tiles=False),
    "nearest-cosine": StyleLoss("nearest_cosine_loss", "positions", tiles=False),
}
CONTENT_LOSSES = {
    "features": ContentLoss("content_loss"),
    "self-similarity": ContentLoss("self_similarity_loss", tiles=False),
}
