"""Every style loss and content loss against NumPy and SciPy, finite differences, its tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from conftest import content_pixels, noisy_canvas, style_pixels
from impasto import InputError, Recipe, Style, stylize
from impasto.network import bands, statistics
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective import losses
from impasto.objective.objective import Objective, follows_stand_in
from impasto.objective.regions import StyleCanvas
from impasto.settings.loss_table import CONTENT_LOSSES, STYLE_LOSSES

Flat = npt.NDArray[np.float64]  # (C, N)
LAYERS: dict[str, Any] = {"style_layers": "relu1_1,conv2_2,conv3_1", "content_layers": "conv2_1"}
SIZE = (40, 56)
TILED = [name for name, loss in STYLE_LOSSES.items() if loss.tiles]
WHOLE = [name for name, loss in STYLE_LOSSES.items() if not loss.tiles]


def maps(channels: int = 5, *, mean: float = 0.5) -> tuple[Tensor, Tensor]:
    """Two feature maps of different sizes."""
    generator = torch.Generator().manual_seed(1)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    one, other = (
        torch.randn(channels, *size, generator=generator, dtype=torch.float64) + mean
        for size in ((6, 7), (7, 9))
    )
    return torch.einsum("ij,jhw->ihw", mixing, one), other


def measured(name: str, seen: Tensor, target: Tensor) -> float:
    """A style loss of one feature map to another."""
    look, make = losses.STATISTICS[STYLE_LOSSES[name].statistic], losses.STYLE_LOSSES[name]
    return float(make(look(target))(look(seen)))


# -------------------------------------------------------------------------- each in NumPy, anew


def gram(a: Flat, b: Flat) -> float:
    difference = a @ a.T / a.shape[1] - b @ b.T / b.shape[1]
    return float(np.mean(difference**2) / len(a) ** 2)


def covariance(a: Flat, b: Flat) -> float:
    return float(np.mean((np.cov(a, bias=True) - np.cov(b, bias=True)) ** 2) / len(a) ** 2)


def mean_variance(a: Flat, b: Flat) -> float:
    means = a.mean(1) - b.mean(1)
    return float(np.mean(means**2 + (a.std(1) - b.std(1)) ** 2))


def wasserstein(a: Flat, b: Flat) -> float:
    one, other = np.cov(a, bias=True), np.cov(b, bias=True)
    root = scipy.linalg.sqrtm(other)
    shared = scipy.linalg.sqrtm(root @ one @ root)
    spread = np.trace(one + other - 2 * shared.real)
    return float((np.sum((a.mean(1) - b.mean(1)) ** 2) + spread) / len(a))


def in_order(a: Flat, b: Flat) -> float:
    """Mean squared difference of sorted rows, the longer read off between its values."""
    total = 0.0
    for one, other in zip(np.sort(a), np.sort(b), strict=True):
        places = (np.arange(len(one)) + 0.5) * len(other) / len(one) - 0.5
        total += np.mean((one - np.interp(places, np.arange(len(other)), other)) ** 2)
    return total / len(a)


def sliced(a: Flat, b: Flat) -> float:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(len(a), len(a), generator=generator, dtype=torch.float64).numpy()
    directions = np.linalg.qr(drawn)[0]
    return in_order(directions @ a, directions @ b)


def nearest(a: Flat, b: Flat) -> float:
    most_alike = cdist(a.T, b.T, "cosine").argmin(1)
    return float(np.mean((a - b[:, most_alike]) ** 2))


def nearest_cosine(a: Flat, b: Flat) -> float:
    mean = b.mean(1, keepdims=True)
    return float(cdist((a - mean).T, (b - mean).T, "cosine").min(1).mean())


INDEPENDENT: dict[str, Callable[[Flat, Flat], float]] = {
    "gram": gram,
    "covariance": covariance,
    "mean-variance": mean_variance,
    "wasserstein": wasserstein,
    "sliced": sliced,
    "histogram": in_order,
    "nearest": nearest,
    "nearest-cosine": nearest_cosine,
}


@pytest.fixture(params=[1, 10**9], ids=["in small parts", "whole"])
def at_a_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With items of a few rows, columns or positions for the threads, and with one for all."""
    monkeypatch.setattr(losses, "VALUES", 100 * request.param)
    monkeypatch.setattr(losses, "AT_ONCE", 5 * request.param)
    monkeypatch.setattr(bands, "VALUES", 100 * request.param)
    monkeypatch.setattr(statistics, "PRODUCTS", 200 * request.param)


@pytest.mark.usefixtures("at_a_time")
@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_a_style_loss_is_the_formula(name: str) -> None:
    seen, target = maps()
    assert name in INDEPENDENT, f"write {name} in NumPy, and add it to INDEPENDENT"
    expected = INDEPENDENT[name](*(m.flatten(1).numpy() for m in (seen, target)))
    # Roots of variances have a small constant under them.
    loose = 2e-3 if name in ("mean-variance", "wasserstein") else 1e-10
    assert measured(name, seen, target) == pytest.approx(expected, rel=loose)


@pytest.mark.usefixtures("at_a_time")
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_the_gradient_of_a_style_loss_agrees_with_finite_differences(
    name: str, order: torch.memory_format
) -> None:
    seen, target = (one[None].contiguous(memory_format=order)[0] for one in maps())
    look, make = losses.STATISTICS[STYLE_LOSSES[name].statistic], losses.STYLE_LOSSES[name]
    loss = make(look(target))
    leaf = seen.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(look(leaf)), leaf)
    direction = torch.randn(seen.shape, generator=torch.Generator().manual_seed(2)).double()
    there, back = (loss(look(seen + way * 1e-7 * direction)).item() for way in (1, -1))
    along = (gradient * direction).sum().item()
    assert (there - back) / 2e-7 == pytest.approx(along, rel=1e-4)


@pytest.mark.usefixtures("at_a_time")
@pytest.mark.parametrize("look", [statistics.gram, statistics.moments])
def test_a_statistic_has_a_second_derivative(look: Callable[[Tensor], Tensor]) -> None:
    leaf = maps()[0].requires_grad_()
    assert torch.autograd.gradgradcheck(look, leaf)


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_a_style_has_no_loss_to_itself(name: str) -> None:
    seen, target = maps()
    assert measured(name, target, target) == pytest.approx(
        0, abs=1e-4 * measured(name, seen, target)
    )


def test_self_similarity_is_the_formula() -> None:
    seen, target = (m[:, :5, :6] for m in maps())
    one, other = (cdist(m.flatten(1).T, m.flatten(1).T, "cosine") for m in (seen, target))
    expected = np.abs(one / one.mean() - other / other.mean()).mean()
    assert losses.self_similarity_loss(seen, target).item() == pytest.approx(expected, rel=1e-10)


def test_self_similarity_sees_no_change_of_every_feature_alike() -> None:
    seen, _ = maps()
    assert losses.self_similarity_loss(3 * seen.roll(1, 0), seen).item() == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize("kind", ["anisotropic", "nine-point"])
def test_total_variation_is_the_formula(kind: str) -> None:
    x = noisy_canvas(7, 9).transpose(2, 0, 1) / 255
    right, down = np.diff(x, axis=2), np.diff(x, axis=1)
    falling, rising = x[:, 1:, 1:] - x[:, :-1, :-1], x[:, 1:, :-1] - x[:, :-1, 1:]
    expected = {
        "anisotropic": np.abs(right).mean() + np.abs(down).mean(),
        "nine-point": (right**2).mean()
        + (down**2).mean()
        + ((falling**2).mean() + (rising**2).mean()) / 2,
    }
    measured = losses.total_variation(torch.from_numpy(255 * x), kind).item()
    assert measured == pytest.approx(expected[kind], rel=1e-12)


def test_wasserstein_is_stable_for_512_channels_that_hardly_vary() -> None:
    """Fewer positions than channels, and a style whose covariance has almost no rank."""
    generator = torch.Generator().manual_seed(0)
    few = torch.randn(512, 3, generator=generator)
    target = statistics.moments((few @ torch.randn(3, 64, generator=generator)).view(512, 8, 8))
    canvas = torch.zeros(512, 8, 8, requires_grad=True)
    loss = losses.wasserstein_loss(target)(statistics.moments(canvas))
    (gradient,) = torch.autograd.grad(loss, canvas)
    assert loss.isfinite()
    assert gradient.isfinite().all()


# --------------------------------------------------------------------------- in the objective


@pytest.fixture(scope="module")
def network(weights: Weights) -> VGG19:
    recipe = Recipe(**LAYERS)
    return VGG19(weights, {*recipe.content_layers, *recipe.style_layers}, dtype=torch.float64)


def pictures(network: VGG19) -> list[Tensor]:
    return [
        torch.from_numpy(made(*SIZE).astype("float64")).permute(2, 0, 1) - network.mean
        for made in (content_pixels, style_pixels, noisy_canvas)
    ]


VARIANTS: list[dict[str, Any]] = [
    *({"style_loss": name} for name in STYLE_LOSSES),
    *({"content_loss": name} for name in CONTENT_LOSSES),
    {"tv_weight": 3.0},
    {"tv_weight": 3.0, "tv": "nine-point"},
]


@pytest.mark.parametrize(
    "settings", VARIANTS, ids=lambda settings: "-".join(map(str, settings.values()))
)
def test_the_gradient_agrees_with_finite_differences(
    network: VGG19, settings: dict[str, Any]
) -> None:
    content, style, canvas = pictures(network)
    objective = Objective(network, content, [StyleCanvas(style)], Recipe(**LAYERS, **settings))
    gradient = objective(canvas).gradient
    generator = torch.Generator().manual_seed(0)
    other = torch.randn(canvas.shape, generator=generator, dtype=torch.float64)
    direction = gradient / gradient.norm() + other / other.norm()
    width = 1e-4
    there, back = (objective(canvas + way * width * direction).loss for way in (1, -1))
    along = (gradient * direction).sum().item()
    assert (there - back) / (2 * width) == pytest.approx(along, rel=1e-5)


@pytest.mark.parametrize("tile", [16, 32])
@pytest.mark.parametrize(
    "settings",
    [*({"style_loss": name} for name in TILED), *VARIANTS[-2:]],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_tiles_are_the_whole_picture(network: VGG19, settings: dict[str, Any], tile: int) -> None:
    content, style, canvas = pictures(network)
    styles = [StyleCanvas(style)]
    whole, tiled = (
        Objective(network, content, styles, Recipe(**LAYERS, **settings), side)(canvas)
        for side in (None, tile)
    )
    assert tiled.loss == pytest.approx(whole.loss, rel=1e-11)
    error = (tiled.gradient - whole.gradient).norm() / whole.gradient.norm()
    assert error < 1e-10


@pytest.mark.parametrize("name", TILED)
def test_parts_of_one_style_have_no_loss_to_it_as_a_whole(network: VGG19, name: str) -> None:
    """Moments of regions are means over the regions."""
    _, style, _ = pictures(network)
    left = torch.zeros(SIZE, dtype=torch.float64)
    left[:, :28] = 1
    styles = [StyleCanvas(style, mask=mask, style_mask=mask) for mask in (left, 1 - left)]
    recipe = Recipe(style_loss=name, style_layers="relu1_1", content_layers="conv2_1")
    objective = Objective(network, style, styles, recipe)
    assert objective(style).style == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_a_relative_loss_is_1_where_no_layer_sees_anything(network: VGG19, name: str) -> None:
    content, style, _ = pictures(network)
    objective = Objective(network, content, [StyleCanvas(style)], Recipe(**LAYERS, style_loss=name))
    (region,) = objective.regions
    shapes = {layer: torch.zeros_like(target) for layer, target in region.targets.items()}
    if STYLE_LOSSES[name].statistic == "moments":
        for seen in shapes.values():
            seen[-1, -1] = 1  # the mean of the channel of ones
    nothing = {layer: seen.unsqueeze(0) for layer, seen in shapes.items()}
    assert objective.style_loss(nothing).item() == pytest.approx(1, rel=1e-9)


# ---------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "settings", [{"style_loss": name} for name in WHOLE] + [{"content_loss": "self-similarity"}]
)
def test_a_loss_that_sees_the_whole_picture_takes_no_tiles(settings: dict[str, str]) -> None:
    with pytest.raises(InputError, match="needs the whole picture at once") as caught:
        Recipe(tile=64, **settings)
    assert next(iter(settings.values())) in str(caught.value)


@pytest.mark.parametrize("name", WHOLE)
def test_such_a_loss_takes_one_style_everywhere(name: str) -> None:
    recipe = Recipe(size=48, steps=1, style_loss=name)
    with pytest.raises(InputError, match=f"'{name}' takes a single style picture"):
        stylize(content_pixels(), [style_pixels(), style_pixels()], recipe)


def test_optimal_transport_takes_one_style_everywhere() -> None:
    with pytest.raises(InputError, match="'strotss' takes a single style picture"):
        stylize(content_pixels(), [style_pixels(), style_pixels()], Recipe(method="strotss"))


@pytest.mark.parametrize("setting", ["style_loss", "content_loss"])
def test_a_loss_that_there_is_not(setting: str) -> None:
    with pytest.raises(InputError, match=f"{setting} cannot be 'gramm': it should be"):
        Recipe(**{setting: "gramm"})


@pytest.mark.parametrize("name", [*STYLE_LOSSES, "self-similarity"])
def test_it_paints(name: str) -> None:
    """Four steps lower every loss, and give no NaN."""
    settings = {"content_loss": name} if name in CONTENT_LOSSES else {"style_loss": name}
    recipe = Recipe(size=48, levels=1, steps=4, initial="content", **settings)
    result = stylize(content_pixels(36, 48), style_pixels(36, 48), recipe)
    assert np.isfinite(result.canvas).all()
    assert result.best.loss < result.history[0].loss


# --------------------------------------------------------------- small pictures, and empty ones


def odd_pictures(width: int, height: int) -> dict[str, npt.NDArray[np.uint8]]:
    """Pictures in which there is little or nothing to see, beside one with everything."""
    empty = np.zeros((height, width, 3), np.uint8)
    halves, point = empty.copy(), empty.copy()
    halves[:, width // 2 :] = (255, 40, 0)
    point[height // 2, width // 2] = 255
    grey = np.repeat(content_pixels(height, width)[..., :1], 3, axis=2)
    return {
        "colours": style_pixels(height, width),
        "grey": grey,
        "black": empty,
        "white": empty + 255,
        "flat": empty + np.array((90, 120, 30), np.uint8),
        "two colours": halves,
        "one pixel": point,
    }


EMPTY = ["grey", "black", "two colours", "one pixel"]
LOSSES = [{"style_loss": name} for name in STYLE_LOSSES] + [
    {"content_loss": name, "style_layers": "conv1_1"} for name in CONTENT_LOSSES
]


@pytest.fixture(scope="module")
def whole_network(weights: Weights) -> VGG19:
    return VGG19(weights, Recipe().layers, padding="replicate", by_rows=True)


@pytest.mark.parametrize("balance", ["relative", "absolute"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: next(iter(loss.values())))
def test_losses_of_small_and_empty_pictures_are_finite_and_so_are_their_gradients(
    whole_network: VGG19, loss: dict[str, Any], balance: str
) -> None:
    """At the smallest sizes that conv5_1 sees, where it has a position or two."""
    few = {"style_layers": "conv1_1,conv5_1"} if "style_loss" in loss else {}
    recipe = Recipe(**{"beta": 10.0, "balance": balance, **few, **loss})
    for size, styles in [((17, 16), EMPTY), ((16, 23), ["colours"]), ((24, 17), ["flat"])]:
        canvases = {
            name: torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1) - whole_network.mean
            for name, pixels in odd_pictures(*size).items()
        }
        for style in styles:
            others = [StyleCanvas(canvases[style])]
            objective = Objective(whole_network, canvases["flat"], others, recipe)
            for name in sorted({style, "flat"}):
                for stand_in in {False, follows_stand_in(recipe)}:
                    measured = objective(canvases[name], stand_in=stand_in)
                    assert measured.is_finite(), (style, name)
                    assert measured.followed >= -1e-6, (style, name)


@pytest.mark.parametrize("size", [(16, 16), (17, 23)])
@pytest.mark.parametrize(
    "settings",
    [
        {"color": "match"},
        {"color": "histogram"},
        {"color": "content"},
        {"initial": "noise", "rescale": True},
        {"balance": "absolute", "beta": 100.0},
        {"optimizer": "adam", "tv_weight": 1.0},
    ],
    ids=lambda settings: ", ".join(map(str, settings.values())),
)
def test_small_and_empty_pictures_are_painted(
    size: tuple[int, int], settings: dict[str, Any]
) -> None:
    pictures = odd_pictures(*size)
    recipe = Recipe(size=size, steps=2, style_layers="conv1_1,conv5_1", **settings)
    for content, style in [("flat", "colours"), ("colours", "flat"), ("grey", "black")]:
        result = stylize(pictures[content], pictures[style], recipe, device="cpu")
        assert all(np.isfinite(step.loss) for step in result.history)
        assert np.isfinite(result.canvas).all()
        assert result.stopped is None
        assert result.image.size == size


@pytest.mark.parametrize("flat", [False, True], ids=["colours", "flat"])
def test_masks_of_one_pixel_are_painted_with(flat: bool) -> None:
    size = (24, 17)
    pictures = odd_pictures(*size)
    point, picture = pictures["one pixel"], pictures["flat" if flat else "colours"]
    for masks in ({"mask": point}, {"style_mask": point}, {"mask": point, "style_mask": point}):
        styles = [Style(picture=picture, **masks), Style(picture=pictures["grey"], weight=0.5)]
        for layers in ("conv1_1,conv5_1", "conv3_1"):
            recipe = Recipe(size=size, steps=2, style_layers=layers)
            result = stylize(pictures["grey"], styles, recipe, device="cpu")
            assert all(np.isfinite(step.loss) for step in result.history)
            assert np.isfinite(result.canvas).all()


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_a_statistic_that_is_not_finite_has_no_finite_loss_and_is_no_error(name: str) -> None:
    usual, broken = torch.rand(2, 3, 4, 5).unbind()
    broken = broken.clone()
    broken[1, 2, 3] = torch.inf
    assert not np.isfinite(measured(name, broken, usual))
