"""Pictures as the network sees them, and first canvases.

A canvas is a tensor, 3 × H × W, RGB in 0…255 minus the network's mean: :func:`preprocess` makes one
from pixels, and :func:`deprocess` makes pixels from it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.network.pyramid import analysis, averaged, details, levels_for, synthesis
from impasto.network.weights import CAFFE_MEAN
from impasto.objective.of_pixels import Kept
from impasto.objective.regions import Share, StyleCanvas, blended, rest_of, shares_of, total_of
from impasto.pictures import arrays, color_transfer
from impasto.pictures.color_transfer import gaussian_map
from impasto.pictures.inputs import Inputs, StylePicture
from impasto.pictures.masks import Mask
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts, threads
from impasto.run.before import Before
from impasto.run.levels import Level
from impasto.settings.loss_table import METHODS
from impasto.settings.pieces import (
    check_canvas,
    check_finite,
    check_number,
    check_pixels,
    check_shares,
    check_whole,
    described,
)
from impasto.settings.recipe import Recipe

NOISE = 20  # grey levels; noise is drawn from −NOISE … NOISE
# Square grey levels: added to the variance of colours, so that recolouring does not amplify the
# noise of a flat picture. A style picture may be amplified further than a photograph.
SMALLEST_VARIANCE, SMALLEST_STYLE_VARIANCE = 1.0, 0.01
# By how many times the details of an enlarged canvas may become stronger, the finest first.
MOST_STRONGER = (2.0, 3.0, 3.0)
SMALLEST_RMS = 1e-3  # grey levels; weaker details count as these
SMALLEST_AREA = 1e-6  # pixels; a smaller part of a picture counts as this


@dataclass(frozen=True)
class Canvases:
    """The pictures of a run at the sizes of its levels.

    Attributes:
        inputs: the pictures.
        recipe: says how they are resized, rescaled and coloured, and what the first canvas is.
        mean: mean colour that belongs to the network's weights, RGB in 0…255.
        device: device of the canvases.
        dtype: number format of the canvases.
        before: the painting from which the run begins; None for a run that paints from nothing.
    """

    inputs: Inputs
    recipe: Recipe
    mean: tuple[float, float, float]
    device: torch.device
    dtype: torch.dtype
    before: Before | None = None

    @functools.cached_property
    def are_grey(self) -> bool:
        """Whether every picture that supplies colours is grey; then the painting is grey too.

        The content picture supplies colours unless the painting is wholly in those of the styles,
        and the styles do if the style loss has a weight and they are not recoloured like the
        content picture. The first canvas supplies none: it is only where the optimisation starts.
        """
        recipe, matched = self.recipe, self.recipe.color == "match"
        pictures = []
        by_layer = METHODS[recipe.method].by_layer
        is_read = recipe.content_read or matched or self.inputs.guides or not by_layer
        if is_read and not self._only_style_colors:
            pictures.append(self.inputs.content)
        if recipe.style_weight and not matched:
            pictures += [style.picture for style in self.inputs.styles]
        return all(picture.is_grey for picture in pictures)

    @property
    def _only_style_colors(self) -> bool:
        """Whether the content, too, is in the colours of the styles everywhere in the painting."""
        recipe, inputs = self.recipe, self.inputs
        if recipe.color != "style" or recipe.balance == "absolute" or not recipe.style_weight:
            return False
        everywhere = not inputs.guides and inputs.protected is None
        return everywhere and recipe.initial == "recolored-content" and recipe.style_colors == 1

    def allowed(self, change: Tensor) -> Tensor:
        """Project a change of a canvas so that a grey canvas stays grey, if canvases are grey.

        The result is the nearest change that is the same in every channel. For a gradient, this is
        the gradient of a canvas with one channel.

        Args:
            change: 3 × H × W.

        Returns:
            3 × H × W; the change itself if canvases have colours.
        """
        return change.mean(0, keepdim=True).repeat(3, 1, 1) if self.are_grey else change

    def content_at(self, level: Level) -> Tensor:
        """The content picture at the size of a level, 3 × H × W."""
        interrupts.check()
        content = self.inputs.content
        return self._rescaled(arrays.in_kind(content.resized(level.size), content.pixels))

    def wanted_at(self, level: Level, begun: Tensor) -> Tensor:
        """The picture whose content a level's canvases should have, 3 × H × W.

        It is the content picture. But if coarse levels have painted strokes in another method, it
        is a mixture with their painting: otherwise these strokes would be errors in the content,
        and a style loss that sees only statistics would put finer ones in their place.

        Args:
            level: the level.
            begun: the canvas with which the level begins, 3 × H × W.
        """
        if not level.paints_on:
            return self.content_at(level)
        painted = self.recipe.painted_share * total_of(self._shares_at(level))
        return self.recolored_at(level).lerp(begun, painted)

    def styles_at(self, level: Level, *, smoothed: bool = True) -> Iterator[StyleCanvas]:
        """The styles at a level, one by one; recoloured like the content for ``color = match``.

        Args:
            level: the level.
            smoothed: whether they are smoothed as far as those of the level; their colours as a
                whole are measured without.
        """
        masks = self._masks_at(level)
        reach = level.reach if smoothed else 0.0
        for style, mask, size in zip(self.inputs.styles, masks, level.style_sizes, strict=True):
            yield StyleCanvas(
                self._style(style, size, level, reach),
                style.style.weight,
                style.style.layers,
                mask,
                self._mask(style.style_mask, size),
            )

    def _masks_at(self, level: Level) -> list[Tensor | None]:
        """Where each style goes at a level, without what is protected; None for everywhere."""
        protected = self._mask(self.inputs.protected, level.size)
        masks = (self._mask(style.mask, level.size) for style in self.inputs.styles)
        outside = None if protected is None else 1 - protected
        return [_without(mask, outside) for mask in masks]

    def _shares_at(self, level: Level) -> list[Share]:
        """How much each style counts at each place of a canvas of a level."""
        weights = [read.style.weight for read in self.inputs.styles]
        return shares_of(weights, self._masks_at(level))

    def kept_at(self, level: Level) -> Kept | None:
        """The picture that canvases of a level should stay close to; None if there is none."""
        before = self.before
        if before is None:
            return None
        trust = self._resized_mask(before.trust, level.size)
        return Kept(self._moved_at(level, before), trust, before.weights[level.number])

    def continued(self, canvas: Tensor, level: Level) -> Tensor:
        """A level's first canvas, 3 × H × W, with the painting before where that is seen."""
        if self.before is None:
            return canvas
        seen = self._resized_mask(self.before.seen, level.size)
        return canvas.lerp(self._moved_at(level, self.before), seen)

    def _moved_at(self, level: Level, before: Before) -> Tensor:
        """The painting before at the size of a level, 3 × H × W, in the colours of a canvas."""
        pixels: arrays.Pixels = arrays.resize(before.pixels, level.size)
        if self.recipe.color in color_transfer.BACK:
            recoloured = self.to_pixels(self.recolored_at(level))
            pixels = color_transfer.BACK[self.recipe.color](pixels, recoloured)
        return self.greyed(self.from_pixels(pixels))

    def _resized_mask(self, mask: npt.NDArray[np.float32], size: PixelSize) -> Tensor:
        """A mask, H × W, at another width and height: the mean over each new pixel."""
        whole = torch.from_numpy(mask).to(self.device, self.dtype)
        return averaged(whole[None], (size[1], size[0]))[0]

    def first(self, level: Level) -> Tensor:
        """The recipe's first canvas at the size of a level, 3 × H × W."""
        return self.greyed(self._first(level))

    def greyed(self, canvas: Tensor) -> Tensor:
        """A canvas without its colours, if canvases are grey; the canvas itself otherwise."""
        mean = _mean_like(canvas, self.mean)
        return self.allowed(canvas + mean) - mean if self.are_grey else canvas

    def _first(self, level: Level) -> Tensor:
        match self.recipe.initial:
            case "content":
                return self.content_at(level)
            case "recolored-content":
                return self.recolored_at(level)
            case "style":
                return self._style(self.inputs.styles[0], level.size, level, level.reach)
            case "noise":
                return noise(self.content_at(level), self.recipe.seed)
            case "noisy-content":
                content, ratio = self.content_at(level), self.recipe.noise_ratio
                return ratio * noise(content, self.recipe.seed) + (1 - ratio) * content
            case _:
                assert self.inputs.initial is not None  # noqa: S101 – any other name is a picture's
                return self.from_pixels(arrays.resize(self.inputs.initial.pixels, level.size))

    def recolored_at(self, level: Level) -> Tensor:
        """The content picture in the style's colours, less so the less of the style is used."""
        content = self.content_at(level)
        return content.lerp(self._recolored(content, level), self.recipe.style_colors)

    def _recolored(self, content: Tensor, level: Level) -> Tensor:
        """The content picture, with the colours of each style where that style paints."""

        def one(style: StyleCanvas) -> Tensor:
            return recolored(
                content, style.canvas, of_content=style.mask, of_style=style.style_mask
            )

        made = map(one, self.styles_at(level, smoothed=False))
        return blended(made, self._shares_at(level), lambda: content)

    def enlarged(self, canvas: Tensor, before: Level, level: Level) -> Tensor:
        """The canvas, 3 × H × W, with which a level starts, made from that of the level before.

        If that was coarser, the canvas gets details of the content that it could not hold. After
        coarse levels of another method, its details become as strong as the style's.
        """
        if level.size == (canvas.shape[2], canvas.shape[1]):
            return canvas
        larger = self._with_details(self.resized(canvas, level.size), before, level)
        larger = self.greyed(larger)
        if not level.paints_on:
            return larger

        def one(style: StyleCanvas) -> Tensor:
            return strengthened(
                larger,
                style.canvas,
                self.recipe.style_colors,
                of_canvas=style.mask,
                of_style=style.style_mask,
            )

        return blended(map(one, self.styles_at(level)), self._shares_at(level), lambda: larger)

    def _with_details(self, larger: Tensor, before: Level, level: Level) -> Tensor:
        """An enlarged canvas, 3 × H × W, with those details of the content that it should have.

        With relative losses, they are added as far as the painting keeps the content's colours;
        with absolute losses, or where the method asks for it, all of them are. After a level that
        minimised the losses of ``even-nnst``, the canvas becomes the content picture as far as the
        painting keeps its colours. It keeps them where no style paints.
        """
        shares = self._shares_at(level) or [1.0]
        kept = rest_of([self.recipe.style_colors * share for share in shares])
        if before.method != level.method:
            return larger if kept is None else larger.lerp(self.recolored_at(level), kept)
        if METHODS[self.recipe.method].adds_details and not level.is_last:
            return larger + details(self.recolored_at(level))
        share = 1.0 if self.recipe.balance == "absolute" else kept
        if share is None or self.recipe.initial != "recolored-content":
            return larger
        content, coarser = (self.recolored_at(one) for one in (level, before))
        return larger + share * (content - self.resized(coarser, level.size))

    def resized(self, canvas: Tensor, size: PixelSize) -> Tensor:
        """A canvas (3 × H × W) resized to another width and height."""
        if size == (canvas.shape[2], canvas.shape[1]):
            return canvas
        return self.from_pixels(arrays.resize(self.to_pixels(canvas), size))

    def from_pixels(self, pixels: npt.NDArray[Any]) -> Tensor:
        """Convert pixels (H × W × 3, 0…255) to a canvas (3 × H × W)."""
        return preprocess(pixels, self.mean, device=self.device, dtype=self.dtype)

    def to_pixels(self, canvas: Tensor) -> npt.NDArray[np.float32]:
        """Convert a canvas (3 × H × W) to pixels (H × W × 3, float32, 0…255, not clipped)."""
        return _as_pixels(self.allowed(canvas + _mean_like(canvas, self.mean)))

    def _rescaled(self, pixels: arrays.Pixels) -> Tensor:
        return self.from_pixels(arrays.rescale(pixels) if self.recipe.rescale else pixels)

    def _mask(self, mask: Mask | None, size: PixelSize) -> Tensor | None:
        if mask is None:
            return None
        return torch.from_numpy(mask.at(size).copy()).to(self.device, self.dtype)

    def _style(self, style: StylePicture, size: PixelSize, level: Level, reach: float) -> Tensor:
        interrupts.check()
        canvas = self._rescaled(style.picture.resized(size, reach=reach))
        if self.recipe.color == "match":
            return recolored(canvas, self.content_at(level), SMALLEST_STYLE_VARIANCE)
        return canvas


def preprocess(
    pixels: npt.NDArray[Any],
    mean: Sequence[float] = CAFFE_MEAN,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """The canvas that shows a picture: its pixels minus the network's mean.

    Args:
        pixels: H × W × 3, RGB, 0…255.
        mean: mean colour of the network's weights, RGB in 0…255; by default, that of the original
            VGG-19 (Simonyan and Zisserman, arXiv:1409.1556, section 2.1).
        device: device of the canvas.
        dtype: number format of the canvas.

    Returns:
        3 × H × W.

    Raises:
        InputError: these are not pixels.

    Example:
        >>> preprocess(np.full((2, 2, 3), 128.0), mean=(28, 128, 228))[:, 0, 0]
        tensor([ 100.,    0., -100.])
    """
    check_pixels(pixels)
    channels = [  # one by one, because each is briefly in float64
        (torch.from_numpy(np.array(pixels[..., k], np.float64)) - mean[k]).to(device, dtype)
        for k in range(3)
    ]
    return torch.stack([channel.reshape(pixels.shape[:2]) for channel in channels])


def deprocess(canvas: Tensor, mean: Sequence[float] = CAFFE_MEAN) -> npt.NDArray[np.float32]:
    """The pixels of a canvas, the inverse of :func:`preprocess`.

    Args:
        canvas: 3 × H × W.
        mean: the mean colour that was subtracted.

    Returns:
        H × W × 3, RGB, float32, neither rounded nor clipped to 0…255.

    Raises:
        InputError: it is not a canvas.

    Example:
        >>> pixels = np.arange(12.0).reshape(2, 2, 3)
        >>> bool(np.allclose(deprocess(preprocess(pixels)), pixels, atol=1e-4))
        True
    """
    check_canvas(canvas)
    return _as_pixels(canvas.detach() + _mean_like(canvas, mean))


def _as_pixels(colours: Tensor) -> npt.NDArray[np.float32]:
    """Colours (3 × H × W) as an array (H × W × 3, float32)."""
    pixels = colours.permute(1, 2, 0).to(device="cpu", dtype=torch.float32)
    return pixels.contiguous().numpy()


def _mean_like(canvas: Tensor, mean: Sequence[float]) -> Tensor:
    return torch.tensor(mean, device=canvas.device, dtype=canvas.dtype).reshape(3, 1, 1)


def noise(like: Tensor, seed: int) -> Tensor:
    """Integers drawn uniformly from −20 … 20, shaped like a tensor, the same on every device.

    Args:
        like: the tensor whose shape, device and number format the noise has.
        seed: a whole number from 0 to 2⁶³ − 1.

    Raises:
        InputError: the seed cannot be used, or ``like`` is not a tensor.
    """
    if not isinstance(like, Tensor):
        raise InputError("pieces.no-tensor", what="like", got=described(like))
    check_whole("seed", seed, 0, 2**63 - 1)
    generator = torch.Generator().manual_seed(int(seed))
    drawn = torch.randint(-NOISE, NOISE + 1, like.shape, generator=generator)
    return drawn.to(device=like.device, dtype=like.dtype)


def recolored(
    content: Tensor,
    style: Tensor,
    smallest: float = SMALLEST_VARIANCE,
    *,
    of_content: Tensor | None = None,
    of_style: Tensor | None = None,
) -> Tensor:
    """The content picture with the mean and the covariance of the style picture's colours.

    The linear map is the one that moves the colours least (:func:`gaussian_map`).

    Args:
        content: 3 × H × W, in grey levels.
        style: 3 × H' × W', in grey levels.
        smallest: variance that is added to both covariances, in square grey levels; it limits how
            far the colours of a flat picture are spread.
        of_content: H × W, 0…1, the weight of each of the content's pixels; None for equal weights.
        of_style: H' × W', 0…1, the weight of each of the style's pixels; None for equal weights.

    Returns:
        3 × H × W. A content picture of one colour becomes the mean colour of the style.

    Raises:
        InputError: one of them is not a canvas of finite numbers, or the weights do not fit it.
    """
    for name, picture, shares in (("content", content, of_content), ("style", style, of_style)):
        check_canvas(picture)
        check_finite(name, picture)
        if shares is not None:
            check_shares(f"of_{name}", shares, tuple(picture.shape[1:]))
    check_number("smallest", smallest, may_be_zero=True)
    colours, others = (picture.flatten(1).cpu().double() for picture in (content, style))
    with threads.whole_operations():
        mean, covariance = _moments(colours, of_content, smallest)
        other_mean, other = _moments(others, of_style, smallest)
        result = gaussian_map(covariance, other) @ (colours - mean) + other_mean
    return result.view_as(content).to(device=content.device, dtype=content.dtype)


def strengthened(
    canvas: Tensor,
    style: Tensor,
    share: float = 1.0,
    *,
    of_canvas: Tensor | None = None,
    of_style: Tensor | None = None,
) -> Tensor:
    """A canvas whose details are as strong as those of the style picture, where they were weaker.

    An enlarged canvas has few fine details, so a style loss that compares energies starts far from
    its minimum. At the three finest levels of the Laplacian pyramid, the details get the RMS of the
    style's. But at the finest, which holds mostly what enlarging left, they become at most twice as
    strong, and at the others three times.

    Args:
        canvas: 3 × H × W, in grey levels.
        style: 3 × H' × W', in grey levels, at the scale at which the canvas is compared with it.
        share: how far the details become stronger, 0…1.
        of_canvas: H × W, 0…1, how much each of the canvas's pixels counts; None for equal weights.
        of_style: H' × W', 0…1, how much each of the style's pixels counts.

    Returns:
        3 × H × W.
    """
    if not share:
        return canvas
    smallest = min(*canvas.shape[1:], *style.shape[1:])
    levels = min(1 + len(MOST_STRONGER), levels_for((smallest, smallest), 2))
    with threads.whole_operations():  # so that no byte depends on the number of threads
        own, wanted = (analysis(picture, levels) for picture in (canvas, style))
        for mine, theirs, most in zip(own[:-1], wanted, MOST_STRONGER, strict=False):
            ratio = _rms(theirs, of_style) / max(_rms(mine, of_canvas), SMALLEST_RMS)
            mine.mul_(1 + share * (min(max(ratio, 1.0), most) - 1))
        return synthesis(own)


def _rms(differences: Tensor, shares: Tensor | None) -> float:
    """The root of the mean square of some differences, weighted by shares of any size."""
    squares = differences.square()
    if shares is None:
        return squares.mean().sqrt().item()
    weights = averaged(shares[None], (squares.shape[1], squares.shape[2]))[0]
    squares = squares.mean(0)
    total = weights.sum().clamp_min(SMALLEST_AREA)
    return ((squares * weights).sum() / total).sqrt().item()


def _moments(colours: Tensor, shares: Tensor | None, smallest: float) -> tuple[Tensor, Tensor]:
    """Mean (3 × 1) and covariance (3 × 3) of colours (3 × N), weighted by their shares."""
    weights = None if shares is None else shares.flatten().cpu().double() + 1e-12
    mean = (
        colours.mean(1, keepdim=True)
        if weights is None
        else (colours * weights).sum(1, keepdim=True) / weights.sum()
    )
    covariance: Tensor = torch.cov(colours, correction=0, aweights=weights)
    return mean, covariance + smallest * torch.eye(3, dtype=colours.dtype)


def _without(mask: Tensor | None, outside: Tensor | None) -> Tensor | None:
    """A mask within what is not protected."""
    if mask is None or outside is None:
        return mask if outside is None else outside
    return mask * outside
