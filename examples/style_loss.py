"""A style loss of your own: compare the largest value that each channel has anywhere.

python examples/style_loss.py photo.jpg painting.jpg out.png
"""

import sys
from collections.abc import Callable

from torch import Tensor

import impasto


def peaks(target: Tensor) -> Callable[[Tensor], Tensor]:
    """The style loss for a style picture whose features at its positions, (C, N), are given."""
    wanted = target.amax(1)

    def loss(seen: Tensor) -> Tensor:
        return (seen.amax(1) - wanted).square().mean()

    return loss


impasto.register_style_loss("peaks", peaks, statistic="positions")

if __name__ == "__main__":
    content, style, output = sys.argv[1:]
    impasto.stylize(content, style, {"style_loss": "peaks"}).save(output)
