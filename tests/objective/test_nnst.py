"""The objective of neural neighbours: what is matched, and how far a canvas is from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto import Recipe, Style, stylize
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective import nnst
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared, Rounds

SIZE = (48, 64)
LAYERS = {"relu1_1": 1.0, "relu2_1": 0.5, "relu3_1": 2.0}


def recipe(**settings: Any) -> Recipe:
    return Recipe(method="nnst", style_layers=LAYERS, precision="float64", **settings)


def network_of(weights: Weights) -> VGG19:
    return VGG19(weights, LAYERS, pooling="max", padding="replicate", dtype=torch.float64)


def canvas(network: VGG19, pixels: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1).double() - network.mean


def objective(
    weights: Weights, *, splits: bool = False, number: int = 1, steps: int = 4, **settings: Any
) -> tuple[Rounds, Tensor, Tensor]:
    """The objective of a level, its content and its style."""
    network = network_of(weights)
    style = canvas(network, style_pixels(56, 40))
    made, content = in_styles(
        weights, [StyleCanvas(style)], splits=splits, number=number, steps=steps, **settings
    )
    return made, content, style


def in_styles(
    weights: Weights,
    styles: list[StyleCanvas],
    *,
    splits: bool = False,
    number: int = 1,
    steps: int = 4,
    **settings: Any,
) -> tuple[Rounds, Tensor]:
    """The objective of a level with some styles, and its content."""
    network = network_of(weights)
    content = canvas(network, content_pixels(*SIZE))
    compared = Compared(network, content, styles, recipe(**settings), number, steps, splits)
    return nnst.neighbours(compared), content


def pictures(weights: Weights) -> tuple[Tensor, Tensor]:
    """Two style pictures that look different."""
    network = network_of(weights)
    return canvas(network, style_pixels(56, 40)), canvas(network, 255 - content_pixels(40, 56))


def half(height: int, width: int) -> Tensor:
    """A mask of the left half."""
    mask = torch.zeros(height, width, dtype=torch.float64)
    mask[:, : width // 2] = 1
    return mask


@pytest.mark.parametrize("at_once", [7, nnst.AT_ONCE], ids=["in parts", "at once"])
@pytest.mark.parametrize("shift", [0.0, 0.5], ids=["its mean", "another centre"])
def test_the_nearest_is_that_of_centred_cosine_distance(
    monkeypatch: pytest.MonkeyPatch, shift: float, at_once: int
) -> None:
    monkeypatch.setattr(nnst, "AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    own, style = (torch.rand(count, 6, generator=generator).T + 1 for count in (30, 50))
    centre, mean = own.mean(1, keepdim=True) + shift, style.mean(1, keepdim=True)
    exact = cdist((own - centre).T.numpy(), (style - mean).T.numpy(), "cosine").argmin(1)
    assert nnst.nearest(own, style, centre if shift else None).tolist() == exact.tolist()


def test_distance_is_the_cosine_distance_and_a_little_of_the_lengths() -> None:
    generator = torch.Generator().manual_seed(1)
    own, wanted = (torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    cosines = np.diag(cdist(own.T.numpy(), wanted.T.numpy(), "cosine"))
    ratios = np.log(np.linalg.norm(own, axis=0) / np.linalg.norm(wanted, axis=0))
    seen = nnst.distance((own * wanted).sum(0), own.square().sum(0), wanted.square().sum(0))
    assert seen.item() == pytest.approx(np.mean(cosines + 0.1 * ratios**2), rel=1e-12)


@pytest.mark.parametrize("splits", [False, True])
def test_the_gradient_is_that_of_finite_differences(weights: Weights, splits: bool) -> None:
    made, content, _ = objective(weights, splits=splits, steps=12)
    start = made(content)
    generator = torch.Generator().manual_seed(4)
    way = torch.randn(content.shape, generator=generator, dtype=torch.float64)
    step = 1e-6
    there, back = (made(content + sign * step * way).loss for sign in (1, -1))
    assert (start.gradient * way).sum().item() == pytest.approx((there - back) / 2 / step, rel=1e-3)


@pytest.mark.parametrize("splits", [False, True])
def test_the_style_itself_is_at_distance_0(weights: Weights, splits: bool) -> None:
    network = network_of(weights)
    style = canvas(network, style_pixels(*SIZE))
    compared = Compared(network, style, [StyleCanvas(style)], recipe(), 1, 3, splits)
    assert nnst.neighbours(compared)(style).loss == pytest.approx(0, abs=1e-12)


def test_at_strength_0_the_photograph_is_the_target(weights: Weights) -> None:
    made, content, _ = objective(weights, strength=0)
    assert made(content).loss == pytest.approx(0, abs=1e-12)


def test_the_canvas_has_no_say_in_the_first_matches(weights: Weights) -> None:
    """With the style as the canvas, a later level is nearer to it than the first."""
    first, _, _ = objective(weights, number=1, strength=1)
    later, content, style = objective(weights, number=2, strength=1)
    resized = torch.nn.functional.interpolate(style[None], content.shape[1:], mode="bilinear")[0]
    assert later(resized).loss < first(resized).loss


def test_layers_are_matched_anew_in_rounds(weights: Weights) -> None:
    made, content, _ = objective(weights, splits=True, steps=16)
    assert [made(content).is_new for _ in range(16)] == [True, False] * 8


def test_turned_copies_of_the_style_bring_matches_nearer(weights: Weights) -> None:
    upright, content, _ = objective(weights)
    turned, _, _ = objective(weights, style_symmetry="rotate")
    assert turned(content).loss < upright(content).loss


@pytest.mark.parametrize("splits", [False, True])
def test_the_same_style_twice_is_that_style(weights: Weights, splits: bool) -> None:
    one, _ = pictures(weights)
    whole, content = in_styles(weights, [StyleCanvas(one)], splits=splits)
    twice = [StyleCanvas(one, weight=weight) for weight in (3.0, 1.0)]
    assert in_styles(weights, twice, splits=splits)[0](content).loss == pytest.approx(
        whole(content).loss, rel=1e-6
    )


@pytest.mark.parametrize("splits", [False, True])
def test_the_heavier_style_counts_more(weights: Weights, splits: bool) -> None:
    one, other = pictures(weights)
    alone, content = in_styles(weights, [StyleCanvas(one)], splits=splits)
    wanted = alone(content).gradient
    nearer = []
    for weight in (9.0, 1.0):
        both = [StyleCanvas(one, weight), StyleCanvas(other)]
        gradient = in_styles(weights, both, splits=splits)[0](content).gradient
        nearer.append(torch.cosine_similarity(gradient.flatten(), wanted.flatten(), 0).item())
    assert nearer[0] > 0.9 > nearer[1]


def test_a_mask_of_the_whole_canvas_is_no_mask(weights: Weights) -> None:
    one, _ = pictures(weights)
    whole, content = in_styles(weights, [StyleCanvas(one)])
    everywhere = StyleCanvas(one, mask=torch.ones(SIZE, dtype=torch.float64))
    masked, _ = in_styles(weights, [everywhere])
    assert masked(content).loss == pytest.approx(whole(content).loss, rel=1e-9)


def test_where_no_mask_reaches_the_photograph_is_the_target(weights: Weights) -> None:
    one, _ = pictures(weights)
    made, content = in_styles(weights, [StyleCanvas(one, mask=half(*SIZE))])
    pull = made(content).gradient.abs().mean((0, 1))
    assert pull[48:].max() < 1e-6 * pull[:24].mean()


@pytest.mark.parametrize("splits", [False, True])
def test_without_any_place_for_a_style_the_photograph_is_the_target(
    weights: Weights, splits: bool
) -> None:
    one, other = pictures(weights)
    nowhere = torch.zeros(SIZE, dtype=torch.float64)
    styles = [StyleCanvas(picture, mask=nowhere) for picture in (one, other)]
    made, content = in_styles(weights, styles, splits=splits)
    assert made(content).loss == pytest.approx(0, abs=1e-9)


@given(st.integers(32, 70), st.integers(32, 70), st.integers(0, 40), st.booleans())
def test_masks_of_any_size_and_place(height: int, width: int, left: int, splits: bool) -> None:
    mask = np.zeros((height, width), np.float32)
    mask[height // 3 :, left : left + 9] = 0.7
    mask[-1, -1] = 1
    recipe = Recipe.preset(
        "nnst", size=(width, height), levels=1, steps=2 if splits else 1, style_layers="relu1_1"
    )
    styles = [
        Style(picture=style_pixels(height, width), mask=mask, style_mask=mask),
        Style(picture=style_pixels(33, 47), weight=0.01),
    ]
    result = stylize(content_pixels(height, width), styles, recipe, device="cpu")
    assert np.isfinite(result.canvas).all()


@pytest.mark.parametrize("is_left", [True, False])
def test_each_region_is_matched_with_its_own_style(weights: Weights, is_left: bool) -> None:
    one, other = pictures(weights)
    left = half(*SIZE)
    regions = [StyleCanvas(one, mask=left), StyleCanvas(other, mask=1 - left)]
    made, content = in_styles(weights, regions)
    inside = slice(0, 24) if is_left else slice(40, 64)
    pull = made(content).gradient[..., inside].flatten()

    def likeness(style: Tensor) -> float:
        alone, _ = in_styles(weights, [StyleCanvas(style)])
        wanted = alone(content).gradient[..., inside].flatten()
        return torch.cosine_similarity(pull, wanted, 0).item()

    likenesses = likeness(one), likeness(other)
    assert (likenesses[0] > likenesses[1]) is is_left
    assert max(likenesses) > 0.8


def test_only_the_marked_part_of_a_style_picture_is_searched(weights: Weights) -> None:
    one, other = pictures(weights)
    beside = torch.cat([one, other.new_zeros(3, 56, 40)], 2)
    beside[..., 40:] = other[:, :40, :40].repeat(1, 2, 1)[:, :56]
    marked = torch.zeros(56, 80, dtype=torch.float64)
    marked[:, :32] = 1
    features = torch.arange(56 * 80).reshape(1, -1)
    counted = nnst._counted(features, marked, 0)
    assert counted.shape == (1, 56 * 32)
    assert (counted % 80 < 32).all()
    part, content = in_styles(weights, [StyleCanvas(beside, style_mask=marked)])
    alone, _ = in_styles(weights, [StyleCanvas(one[..., :32].contiguous())])
    assert part(content).loss == pytest.approx(alone(content).loss, rel=0.05)


def test_a_style_much_smaller_than_the_canvas() -> None:
    settings = Recipe.preset("nnst", size=200, steps=4, levels=1, style_fit="original")
    result = stylize(content_pixels(150, 200), style_pixels(20, 20), settings, device="cpu")
    assert np.isfinite(result.canvas).all()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_grid_has_a_place_in_a_picture_of_any_shape() -> None:
    for height, width in ((1, 4000), (4000, 3), (16, 2000), (1, 1)):
        features = torch.zeros(1, height, width)
        for seed in range(20):
            rows, columns = nnst._grid((height, width), nnst.OF_NNST.sampled, seeded(seed))
            assert features[:, rows, columns].numel() > 0


def test_a_painting_is_nearer_to_the_style_than_the_photograph_is() -> None:
    result = stylize(
        content_pixels(64, 64), style_pixels(64, 64), Recipe.preset("nnst", size=64, steps=20)
    )
    first = [step.loss for step in result.history if step.level == 1]
    assert first[-1] < 0.8 * first[0]
