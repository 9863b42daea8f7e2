"""The losses: pure functions of feature maps, named in :mod:`impasto.settings.loss_table`.

A style loss compares statistics of feature maps. Each is a function of the style picture's
statistic, which prepares what it can and returns the loss as a function of the canvas's statistic.

Gatys, Ecker and Bethge, *A Neural Algorithm of Artistic Style*, arXiv:1508.06576, with the
normalisation of the published worked example that ``docs/architecture.md`` names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.network.bands import VALUES, slices
from impasto.network.devices import in_float64
from impasto.network.statistics import gram, moments, positions
from impasto.objective.shared import Term, at_once, mean_square, product, values_of
from impasto.process import interrupts
from impasto.settings.pieces import check_alike, check_choice

Solved = TypeVar("Solved")
Loss = Callable[[Tensor], Tensor]  # takes the statistic of a canvas, returns a scalar

MOST_PLACES = 1024  # positions that self-similarity compares with each other
MOST_NEIGHBOURS = 4096  # positions of a style picture among which the nearest is searched
AT_ONCE = 1024  # positions of a canvas that are searched for, and that a thread takes, at a time
SMALLEST_VARIANCE = 1e-3  # of a channel, as a share of the style's mean variance; keeps roots off 0
# Of the mean square: the limit to which float32 moments can recognise a flat map.
SMALLEST_OF_ENERGY = 1e-5
SMALLEST_ENERGY = 1e-12  # smallest energy of a layer, so that none is 0
LEVELLED = 0.01  # share of the largest eigenvalue below which eigenvalues are weighted alike
ALIKE = 1e-6  # share of the variance of a Gram matrix's entries, so that no two pictures are equal
SMALLEST_NORM = 1e-8  # norm of a position's features below which it has no direction


@dataclass(frozen=True)
class SumLoss:
    """A loss that is the sum of terms, which the threads share.

    Attributes:
        terms: makes the terms from the statistic of a canvas.
    """

    terms: Callable[[Tensor], list[Term]]

    def __call__(self, seen: Tensor) -> Tensor:
        """The value of the loss, a scalar."""
        return evaluated([(self, seen)])[0]


def evaluated(pairs: Sequence[tuple[Loss, Tensor]]) -> list[Tensor]:
    """The values of losses, each of a statistic; the threads share all their terms in one list.

    Example:
        >>> import torch
        >>> halves = SumLoss(lambda seen: [(torch.sum, half) for half in seen.chunk(2)])
        >>> evaluated([(halves, torch.ones(4)), (torch.amax, torch.ones(4))])
        [tensor(4.), tensor(1.)]
    """
    split = [one.terms(seen) if isinstance(one, SumLoss) else [(one, seen)] for one, seen in pairs]
    values = iter(values_of([term for terms in split for term in terms]))
    return [torch.stack([next(values) for _ in terms]).sum() for terms in split]


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    r"""Half the mean squared difference of two feature maps (Gatys, equation 1, as a mean).

    .. math:: \tfrac12 \, \mathrm{mean}\left((F - F_\text{content})^2\right)

    Args:
        features: feature map of the canvas, (C, H, W).
        target: feature map of the content picture, of the same shape.

    Returns:
        A scalar.

    Raises:
        InputError: the shapes differ.
        RuntimeError: on the way back with ``create_graph=True`` on a CPU, where there is no second
            derivative.

    Example:
        >>> import torch
        >>> content_loss(torch.ones(2, 3, 3), torch.zeros(2, 3, 3))
        tensor(0.5000)
    """
    check_alike(features, target)
    return 0.5 * mean_square(features, target)


def self_similarity_loss(features: Tensor, target: Tensor) -> Tensor:
    r"""Mean absolute difference of the self-similarity of two feature maps.

    Self-similarity says which positions look alike, whatever they look like: Kolkin, Salavon and
    Shakhnarovich, *Style Transfer by Relaxed Optimal Transport and Self-Similarity*,
    arXiv:1904.12785, on a grid of at most 1,024 positions. With D the matrix of cosine distances
    between all positions, divided by its mean, the loss is

    .. math:: \mathrm{mean}\,|D - D_\text{content}|

    Args:
        features: feature map of the canvas, (C, H, W).
        target: feature map of the content picture, of the same shape.

    Returns:
        A scalar; 1 for a canvas whose feature map is zero.

    Example:
        >>> import torch
        >>> target = torch.eye(3).reshape(3, 1, 3)
        >>> self_similarity_loss(7 * target.flip(2), target)
        tensor(0.)
    """
    return (_distances(features) - _distances(target)).abs().mean()


def _distances(features: Tensor) -> Tensor:
    """Cosine distances between positions of a feature map, (N, N), scaled to a mean of 1."""
    step = math.ceil((features[0].numel() / MOST_PLACES) ** 0.5)
    places = directions(features[:, ::step, ::step].flatten(1))
    distances = places.square().sum(0)[:, None] - places.T @ places
    return distances / distances.mean().clamp_min(SMALLEST_NORM)


def style_loss(matrix: Tensor, target: Tensor) -> Tensor:
    r"""Mean squared difference of two Gram matrices, divided by C² (Gatys, equation 4).

    For feature maps of equal size, with G the sum over positions, it equals
    :math:`\mathrm{mean}\left((G - G_\text{style})^2\right) / (HWC)^2`.

    Args:
        matrix: Gram matrix of the canvas, (C, C), from :func:`gram`.
        target: Gram matrix of the style picture, (C, C).

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> from impasto.network.statistics import gram
        >>> style_loss(gram(torch.ones(2, 3, 3)), torch.zeros(2, 2))
        tensor(0.2500)
    """
    check_alike(matrix, target)
    return (matrix - target).square().mean() / matrix.shape[0] ** 2


def gram_loss(target: Tensor) -> Loss:
    """The :func:`style_loss` with a given target, the Gram matrix (C, C) of the style picture."""
    return partial(style_loss, target=target)


def whitened_gram_loss(target: Tensor, example: Tensor) -> Loss:
    r"""A stand-in for :func:`gram_loss` that is 0 at the same point and far better conditioned.

    With the eigenvalues λ of the target, and the difference D of two Gram matrices in the basis of
    the target's eigenvectors, it is

    .. math:: s \, \sum_{ij} \frac{D_{ij}^2}{(\lambda_i + \lambda_j) / 2 + 0.01 \max \lambda}

    Near the target, the larger the two eigenvalues of an entry of D are, the more a change of the
    feature map moves it, and the eigenvalues span four orders of magnitude. The plain loss, whose
    curvature follows them, settles the entries of the largest eigenvalues long before the others;
    here all entries decrease together.

    Args:
        target: Gram matrix of the style picture, (C, C), from :func:`gram`.
        example: Gram matrix of another picture, (C, C); s is chosen so that both losses are equal
            for it.

    Returns:
        A function from the Gram matrix of a canvas, (C, C), to the loss, a scalar.
    """
    if not target.isfinite().all():
        return _unknown
    eigenvalues, vectors = _solved(torch.linalg.eigh, target.cpu())
    eigenvalues = eigenvalues.clamp_min(SMALLEST_ENERGY).to(target)
    vectors = vectors.to(target)
    means = (eigenvalues.unsqueeze(0) + eigenvalues.unsqueeze(1)) / 2
    weights: Tensor = 1 / (means + LEVELLED * eigenvalues.max())

    def squares(matrix: Tensor, columns: slice = slice(None)) -> Tensor:
        difference: Tensor = vectors.T @ ((matrix - target) @ vectors[:, columns])
        return difference.square()

    alike = squares(example) + ALIKE * torch.outer(eigenvalues, eigenvalues)
    weights *= alike.sum() / (weights * alike).sum() / target.shape[0] ** 4

    def part(columns: slice, matrix: Tensor) -> Tensor:
        return (weights[:, columns] * squares(matrix, columns)).sum()

    parts = [partial(part, columns) for columns in slices(0, len(target), at_once(target.device))]
    return SumLoss(lambda matrix: [(one, matrix) for one in parts])


def covariance_loss(target: Tensor) -> Loss:
    """The Gram loss of centred features: which channels occur together, whatever their means.

    Sun and Saenko, *Deep CORAL*, arXiv:1607.01719, equation 1, up to a factor.

    Args:
        target: moments of the style picture, (C + 1, C + 1), from :func:`moments`.

    Returns:
        A function from the moments of a canvas, (C + 1, C + 1), to the loss, a scalar.
    """
    _, wanted = _gaussian(target)
    return lambda seen: style_loss(_gaussian(seen)[1], wanted)


def mean_variance_loss(target: Tensor) -> Loss:
    """Mean squared difference of the channels' means and of their standard deviations.

    Li, Wang, Liu and Hou, *Demystifying Neural Style Transfer*, arXiv:1701.01036.

    Args:
        target: moments of the style picture, (C + 1, C + 1), from :func:`moments`.

    Returns:
        A function from the moments of a canvas, (C + 1, C + 1), to the loss, a scalar.
    """
    smallest = _smallest_variance(target)

    def described(seen: Tensor) -> Tensor:
        mean, covariance = _gaussian(seen)
        return torch.stack([mean, (covariance.diagonal().clamp_min(0) + smallest).sqrt()])

    wanted = described(target)
    return lambda seen: (described(seen) - wanted).square().sum(0).mean()


def wasserstein_loss(target: Tensor) -> Loss:
    r"""Squared 2-Wasserstein distance of the Gaussians with the moments of canvas and style.

    .. math:: |\mu - \mu'|^2 + \mathrm{tr}\left(\Sigma + \Sigma' -
        2 (\Sigma'^{1/2} \Sigma \Sigma'^{1/2})^{1/2}\right)

    divided by C (Dowson and Landau, *The Fréchet distance between multivariate normal
    distributions*, 1982; as a style loss by Vincent, 2019, and Crowson, 2021). The trace of the
    root is the sum of the roots of eigenvalues, whose gradient never divides by their differences.
    It is computed in float64, and a little noise is added to both covariances, so that every root
    has a slope.

    Args:
        target: moments of the style picture, (C + 1, C + 1), from :func:`moments`.

    Returns:
        A function from the moments of a canvas, (C + 1, C + 1), to the loss, a scalar.

    Example:
        >>> import torch
        >>> loss = wasserstein_loss(moments(torch.tensor([[[1.0, 3.0]]])))
        >>> round(loss(moments(torch.tensor([[[2.0, 2.0]]]))).item(), 1)  # deviations 1, 0
        0.9
    """
    mean, wanted = _gaussian(in_float64(target))
    smallest = _smallest_variance(target)
    noise = smallest * torch.eye(len(mean)).to(wanted)
    least = smallest / 10  # a lower bound for eigenvalues, which rounding may make too small
    if not target.isfinite().all():
        return _unknown
    values, vectors = _solved(torch.linalg.eigh, wanted + noise)
    root = (vectors * values.clamp_min(least).sqrt()) @ vectors.T

    def loss(seen: Tensor) -> Tensor:
        if not seen.isfinite().all():
            return _unknown(seen)
        other_mean, covariance = _gaussian(in_float64(seen))
        shared = _solved(torch.linalg.eigvalsh, root @ (covariance + noise) @ root)
        roots = shared.clamp_min(least**2).sqrt().sum()
        spread = (covariance + wanted + 2 * noise).trace() - 2 * roots
        distance: Tensor = ((mean - other_mean).square().sum() + spread) / len(mean)
        return distance.clamp_min(0).to(seen)  # rounding may make it negative

    return loss


def sliced_loss(target: Tensor) -> Loss:
    """Sliced Wasserstein distance: compares the sorted projections onto many directions.

    Heitz, Vanhoey, Chambon and Belcour, *A Sliced Wasserstein Loss for Neural Texture Synthesis*,
    arXiv:2006.07229. The C orthonormal directions are fixed, so the loss is one function of the
    canvas.

    Args:
        target: features at the positions of the style picture, (C, N), from :func:`positions`.

    Returns:
        A function from the features at the positions of a canvas, (C, M), to the loss, a scalar.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(len(target), len(target), generator=generator, dtype=torch.float64)
    axes = torch.linalg.qr(drawn)[0].to(target)
    wanted = product(axes, target).sort(1).values
    return SumLoss(lambda seen: _sorted_differences(product(axes, seen), wanted))


def histogram_loss(target: Tensor) -> Loss:
    """Mean squared difference of each channel to the values that match the style's histogram.

    Wilmot, Risser and Barnes, *Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses*, arXiv:1701.08893.

    Args:
        target: features at the positions of the style picture, (C, N), from :func:`positions`.

    Returns:
        A function from the features at the positions of a canvas, (C, M), to the loss, a scalar.
    """
    wanted = target.sort(1).values
    return SumLoss(lambda seen: _sorted_differences(seen, wanted))


def nearest_loss(target: Tensor) -> Loss:
    """Mean squared difference of every position to the most similar one of the style picture.

    Li and Wand, *Combining Markov Random Fields and Convolutional Neural Networks for Image
    Synthesis*, arXiv:1601.04589, equations 2 and 3, with patches of one position: the most similar
    position is the one with the largest cosine. If the style picture has more than 4,096 positions,
    at most 4,096 evenly spaced ones are used. A position whose features are zero has no direction;
    its squared difference is the mean squared norm of the style picture's positions.

    Args:
        target: features at the positions of the style picture, (C, N), from :func:`positions`.

    Returns:
        A function from the features at the positions of a canvas, (C, M), to the loss, a scalar.

    Example:
        >>> import torch
        >>> nearest_loss(torch.eye(2))(torch.tensor([[3.0], [1.0]]))  # (3, 1) against (1, 0)
        tensor(2.5000)
    """
    wanted = _neighbours(target)
    unit, squares = directions(wanted), wanted.square().sum(0)

    def compare(seen: Tensor) -> Tensor:
        nearest = most_alike(seen, unit)
        own = seen.square().sum(0)
        others = torch.where(own > SMALLEST_NORM**2, squares[nearest], squares.mean())
        return (own - 2 * (seen * wanted[:, nearest]).sum(0) + others) / len(seen)

    return _mean_over_positions(compare)


def nearest_cosine_loss(target: Tensor) -> Loss:
    r"""Mean cosine distance of every position to the most similar one of the style picture.

    .. math:: \mathrm{mean}_i \, \min_j \left(1 - \cos(F_i - \mu, F'_j - \mu)\right)

    Zhang, Kolkin, Bi, Luan, Xu, Shechtman and Snavely, *ARF: Artistic Radiance Fields*,
    arXiv:2206.06360, equation 1, with the style's mean µ subtracted as in Kolkin, Kucera, Paris,
    Sykora, Shechtman and Shakhnarovich, *Neural Neighbor Style Transfer*, arXiv:2203.13215. If the
    style picture has more than 4,096 positions, at most 4,096 evenly spaced ones are used.

    Args:
        target: features at the positions of the style picture, (C, N), from :func:`positions`.

    Returns:
        A function from the features at the positions of a canvas, (C, M), to the loss, a scalar
        from 0 to 2.

    Example:
        >>> import torch
        >>> loss = nearest_cosine_loss(torch.tensor([[1.0, -1.0], [0.0, 0.0]]))
        >>> loss(torch.tensor([[3.0, 0.0], [0.0, 5.0]]))  # parallel to one, normal to both
        tensor(0.5000)
    """
    wanted = _neighbours(target)
    mean = wanted.mean(1, keepdim=True)
    unit = directions(wanted - mean)

    def compare(seen: Tensor) -> Tensor:
        own = directions(seen - mean)
        return 1 - (own * unit[:, most_alike(own, unit)]).sum(0)

    return _mean_over_positions(compare)


def _neighbours(target: Tensor) -> Tensor:
    """The positions of a style picture, (C, N), among which the most similar is searched."""
    return target[:, :: math.ceil(target.shape[1] / MOST_NEIGHBOURS)]


def directions(held: Tensor) -> Tensor:
    """The features at positions, (C, N), each scaled to length 1; those of length 0 stay 0."""
    return F.normalize(held, dim=0, eps=SMALLEST_NORM)


@torch.no_grad()
def most_alike(seen: Tensor, unit: Tensor, added: Tensor | None = None) -> Tensor:
    """For every position, (C, M), the index of the most similar unit vector, (C, N), by cosine.

    What is added to the cosines, (N), makes some of the unit vectors more likely than others.
    """
    nearest = []
    for part in torch.split(seen, AT_ONCE, 1):
        interrupts.check()
        similar = part.T @ unit if added is None else directions(part).T @ unit + added
        nearest.append(similar.argmax(1))
    return torch.cat(nearest)


def total_variation(canvas: Tensor, kind: str) -> Tensor:
    """The total variation of a canvas: the mean difference of neighbouring pixels.

    Args:
        canvas: 3 × H × W, in grey levels.
        kind: ``anisotropic``, the absolute differences to the right and down (Rudin, Osher and
            Fatemi, 1992, anisotropic); or ``nine-point``, the squared differences to all eight
            neighbours, with half weight for the diagonal ones (Mahendran and Vedaldi,
            arXiv:1412.0035, with beta = 2, and with the diagonals added).

    Returns:
        A scalar; differences are divided by 255.

    Raises:
        InputError: there is no such kind.

    Example:
        >>> import torch
        >>> total_variation(255 * torch.eye(2).expand(3, 2, 2), "anisotropic")
        tensor(2.)
    """
    check_choice("kind", kind, ("anisotropic", "nine-point"))
    x = canvas / 255
    right, down = x[:, :, 1:] - x[:, :, :-1], x[:, 1:] - x[:, :-1]
    if kind == "anisotropic":
        return _mean(right.abs()) + _mean(down.abs())
    falling, rising = x[:, 1:, 1:] - x[:, :-1, :-1], x[:, 1:, :-1] - x[:, :-1, 1:]
    straight = _mean(right.square()) + _mean(down.square())
    return straight + (_mean(falling.square()) + _mean(rising.square())) / 2


def temporal_loss(canvas: Tensor, target: Tensor, trust: Tensor) -> Tensor:
    """How far a canvas is from the painting before it, moved along the optical flow.

    The squared differences, weighted by pixel: equation 7 of Ruder, Dosovitskiy and Brox, *Artistic
    style transfer for videos*, arXiv:1604.08610.

    Args:
        canvas: 3 × H × W, in grey levels.
        target: the moved painting, 3 × H × W.
        trust: H × W, 0…1, the weight of each pixel.

    Returns:
        A scalar, the mean over all pixels and channels; differences are divided by 255.

    Example:
        >>> import torch
        >>> canvas, trust = torch.full((3, 1, 2), 255.0), torch.tensor([[1.0, 0.0]])
        >>> temporal_loss(canvas, torch.zeros(3, 1, 2), trust)
        tensor(0.5000)
    """
    return _mean(trust * ((canvas - target) / 255).square())


def _mean(x: Tensor) -> Tensor:
    """The mean; 0 for an empty tensor, as in a canvas one pixel wide."""
    return x.sum() / max(1, x.numel())


def _gaussian(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C) and covariance (C × C) from moments (C + 1, C + 1)."""
    mean = seen[:-1, -1]
    return mean, seen[:-1, :-1] - torch.outer(mean, mean)


def _solved(solve: Callable[[Tensor], Solved], matrix: Tensor) -> Solved:
    """The result of an eigensolver for a finite symmetric matrix, shifted if it fails."""
    try:
        return solve(matrix)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]  # eigenvalues may lie too close
        apart = torch.linspace(1, 2, len(matrix), dtype=matrix.dtype, device=matrix.device)
        shift = torch.finfo(matrix.dtype).eps * matrix.detach().abs().max() * apart
        return solve(matrix + shift.diag())


def _unknown(seen: Tensor) -> Tensor:
    """The loss of a statistic that is not finite: NaN, as a loss without eigenvalues gives."""
    return seen.sum() * math.nan


def _smallest_variance(target: Tensor) -> float:
    """The variance that is added, so that roots have a slope where a canvas is flat.

    If the style itself is flat, it is the rounding error of the mean square.
    """
    seen = in_float64(target)
    variance = _gaussian(seen)[1].diagonal().mean().item()
    energy = seen.diagonal()[:-1].mean().item()
    return max(SMALLEST_VARIANCE * variance, SMALLEST_OF_ENERGY * energy, SMALLEST_ENERGY)


def _mean_over_positions(compare: Callable[[Tensor], Tensor]) -> Loss:
    """The mean of what a function makes, (M), of the features at positions, (C, M)."""

    def terms(seen: Tensor) -> list[Term]:
        def part(some: Tensor) -> Tensor:
            return compare(some).sum() / seen.shape[1]

        return [(part, some) for some in torch.split(seen, at_once(seen.device, AT_ONCE), 1)]

    return SumLoss(terms)


def _sorted_differences(seen: Tensor, wanted: Tensor) -> list[Term]:
    """Terms of the mean squared difference of sorted rows; the wanted values are already sorted."""
    count, size = at_once(seen.device, VALUES // seen.shape[1]), seen.shape[1]

    def part(other: Tensor, some: Tensor) -> Tensor:
        if other.shape[1] != size:
            other = F.interpolate(other[None], size, mode="linear")[0]
        return (some.sort(1).values - other).square().sum() / seen.numel()

    both = zip(torch.split(wanted, count), torch.split(seen, count), strict=True)
    return [(partial(part, other), some) for other, some in both]


# The functions, by the names in :mod:`impasto.settings.loss_table`.
STATISTICS: dict[str, Callable[..., Tensor]] = {
    "gram": gram,
    "moments": moments,
    "positions": positions,
}
STYLE_LOSSES: dict[str, Callable[[Tensor], Loss]] = {
    "gram": gram_loss,
    "covariance": covariance_loss,
    "mean-variance": mean_variance_loss,
    "wasserstein": wasserstein_loss,
    "sliced": sliced_loss,
    "histogram": histogram_loss,
    "nearest": nearest_loss,
    "nearest-cosine": nearest_cosine_loss,
}
# Stand-ins: losses that are 0 where the style loss of that name is 0, and easier to minimise.
STAND_INS: dict[str, Callable[[Tensor, Tensor], Loss]] = {"gram": whitened_gram_loss}
CONTENT_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "features": content_loss,
    "self-similarity": self_similarity_loss,
}
