"""A content loss of your own: absolute differences, which forgive a few large ones.

python examples/content_loss.py photo.jpg painting.jpg out.png
"""

import sys

from torch import Tensor

import impasto


def absolute(features: Tensor, target: Tensor) -> Tensor:
    """The loss of a canvas whose feature map, (C, H, W), should be that of the content picture."""
    return (features - target).abs().mean()


# A mean over positions is the mean of its tiles, so pictures can still be painted in tiles.
impasto.register_content_loss("absolute", absolute, tiles=True)

if __name__ == "__main__":
    content, style, output = sys.argv[1:]
    impasto.stylize(content, style, {"content_loss": "absolute"}).save(output)
