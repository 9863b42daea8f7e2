"""The Laplacian pyramid: a picture as the sum of its details at ever smaller sizes.

Burt and Adelson, *The Laplacian Pyramid as a Compact Image Code*, IEEE Transactions on
Communications 31, 1983.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.vjp import vector_jacobian

Size = tuple[int, int]  # height and width


def details(picture: Tensor) -> Tensor:
    """The finest level of a picture's pyramid: what is lost if it is halved and doubled again.

    Args:
        picture: C × H × W, at least 2 pixels a side.

    Returns:
        C × H × W.

    Example:
        >>> import torch
        >>> details(torch.ones(3, 4, 6)).abs().max()
        tensor(0.)
    """
    return analysis(picture, 2)[0]


def analysis(picture: Tensor, levels: int) -> list[Tensor]:
    """The pyramid of a picture, of which :func:`synthesis` makes the picture again.

    Args:
        picture: C × H × W.
        levels: number of levels.

    Returns:
        The details, each C × H' × W', the finest first, and the picture that is left.
    """
    pyramid = []
    for size in sizes((picture.shape[1], picture.shape[2]), levels)[1:]:
        half = averaged(picture, size)
        pyramid.append(picture - enlarged(half, (picture.shape[1], picture.shape[2])))
        picture = half
    return [*pyramid, picture]


def averaged(picture: Tensor, size: Size) -> Tensor:
    """A picture, C × H × W, at another size: the mean over the area of each new pixel.

    Apple GPUs cannot do that for every size, so it is done on the CPU for them.
    """
    here = picture.cpu() if picture.device.type == "mps" else picture
    return F.interpolate(here[None], size, mode="area")[0].to(picture.device)


def enlarged(picture: Tensor, size: Size) -> Tensor:
    """A picture, C × H × W, enlarged to a size by bilinear interpolation."""
    return F.interpolate(picture[None], size, mode="bilinear", align_corners=False)[0]


def sizes(size: Size, levels: int) -> list[Size]:
    """The sizes of the levels of a pyramid, the finest first; none has a side of 0.

    >>> sizes((6, 40), 4)
    [(6, 40), (3, 20), (1, 10), (1, 5)]
    """
    height, width = size
    return [(max(1, height >> by), max(1, width >> by)) for by in range(levels)]


def levels_for(size: Size, coarsest: int) -> int:
    """The number of levels whose shorter side is at least ``coarsest`` pixels; at least 1.

    >>> levels_for((384, 512), 8), levels_for((4, 4), 8)
    (6, 1)
    """
    return max(1, (min(size) // coarsest).bit_length())


def synthesis(levels: Sequence[Tensor]) -> Tensor:
    """The picture with a given pyramid: the sum of its levels, each enlarged step by step.

    Args:
        levels: the levels, each C × H × W, the finest first.
    """
    picture = levels[-1]
    for level in reversed(levels[:-1]):
        picture = level + enlarged(picture, (level.shape[1], level.shape[2]))
    return picture


def gradients(gradient: Tensor, levels: int) -> list[Tensor]:
    """The gradient with respect to each level, from that with respect to the picture.

    Args:
        gradient: C × H × W.
        levels: number of levels.
    """
    if levels == 1:
        return [gradient]
    shapes = sizes((gradient.shape[1], gradient.shape[2]), levels)
    with torch.enable_grad():
        zeros = [gradient.new_zeros(len(gradient), *size).requires_grad_() for size in shapes]
        return list(vector_jacobian([synthesis(zeros)], zeros, [gradient]))
