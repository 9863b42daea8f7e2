"""A picture looked at tile by tile has the loss and the gradient of the whole one."""

from __future__ import annotations

import errno
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from conftest import content_pixels, noisy_canvas, style_pixels
from impasto import Recipe, stylize
from impasto.network import weights
from impasto.network.tiles import Box, choose_side, cut, halo_for, smaller_side
from impasto.network.vgg import VGG19
from impasto.objective.objective import Evaluation, Objective
from impasto.objective.regions import StyleCanvas
from impasto.settings.layers import LAYERS, VGG_19

sides = st.integers(16, 700)
cores = st.integers(1, 20).map(lambda count: 16 * count)


def distance(a: Tensor, b: Tensor) -> float:
    """Of two tensors, relative to the second."""
    return float((a - b).norm() / b.norm())


def evaluations(
    size: tuple[int, int], tile: int, recipe: Recipe, *, stand_in: bool = False, **network: Any
) -> tuple[Evaluation, Evaluation]:
    """One canvas evaluated by tiles and whole."""
    loaded = weights.load()
    vgg = VGG19(
        loaded, {*recipe.content_layers, *recipe.style_layers}, pooling=recipe.pooling, **network
    )
    width, height = size
    content, style, canvas = (
        torch.from_numpy(pixels(height, width).astype("float64")).permute(2, 0, 1).to(vgg.mean)
        - vgg.mean
        for pixels in (content_pixels, style_pixels, noisy_canvas)
    )
    by_tiles, whole = (
        Objective(vgg, content, [StyleCanvas(style)], recipe, side) for side in (tile, None)
    )
    assert len(by_tiles.tiles) > 1
    return by_tiles(canvas, stand_in=stand_in), whole(canvas, stand_in=stand_in)


def check(tiled: Evaluation, whole: Evaluation, close: float) -> None:
    assert distance(tiled.gradient, whole.gradient) < close
    for name in ("loss", "content", "style", "followed"):
        assert getattr(tiled, name) == pytest.approx(getattr(whole, name), rel=close), name


SIZES = [((64, 48), 16), ((70, 45), 32), ((33, 95), 32), ((200, 18), 64), ((17, 130), 48)]


@pytest.mark.parametrize(("size", "tile"), SIZES, ids=str)
def test_in_float64_only_the_rounding_differs(size: tuple[int, int], tile: int) -> None:
    tiled, whole = evaluations(size, tile, Recipe(), dtype=torch.float64)
    check(tiled, whole, 1e-12)


@pytest.mark.parametrize(
    "chosen",
    [
        {"pooling": "max"},
        {"style_layers": "relu1_2:1,pool2:2,conv3_1", "content_layers": "relu2_2:0.5,conv3_2"},
        {"style_layers": "conv1_1", "content_layers": "conv1_2"},
        {"style_layers": "conv1_1,pool5", "content_layers": "relu5_2"},
        {"balance": "absolute", "beta": 1000.0},
        {"beta": 0.0},
        {"alpha": 0.0},
    ],
    ids=lambda chosen: " ".join(f"{name}={value}" for name, value in chosen.items()),
)
def test_whatever_the_layers_the_pooling_and_the_losses(chosen: dict[str, Any]) -> None:
    tiled, whole = evaluations((70, 45), 32, Recipe(**chosen), dtype=torch.float64)
    check(tiled, whole, 1e-12)


def test_following_the_stand_in() -> None:
    recipe = Recipe(balance="absolute", beta=1000.0)
    tiled, whole = evaluations((70, 45), 32, recipe, stand_in=True, dtype=torch.float64)
    check(tiled, whole, 1e-10)


@pytest.mark.parametrize("by_rows", [False, True], ids=["plain", "Winograd"])
@pytest.mark.parametrize("size", [(160, 80), (85, 131)], ids=["multiples", "odd"])
def test_in_float32_too(size: tuple[int, int], by_rows: bool) -> None:
    tiled, whole = evaluations(size, 64, Recipe(), by_rows=by_rows)
    check(tiled, whole, 1e-5)


def test_in_bfloat16_nearly() -> None:
    tiled, whole = evaluations((240, 112), 96, Recipe(), dtype=torch.bfloat16, by_rows=True)
    assert distance(tiled.gradient, whole.gradient) < 0.2  # of max pooling's ties
    assert tiled.loss == pytest.approx(whole.loss, rel=0.01)


def test_content_targets_that_memory_has_no_room_for_go_to_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("impasto.objective.objective.KEPT_BYTES", 0)
    tiled, whole = evaluations((70, 45), 32, Recipe(), dtype=torch.float64)
    check(tiled, whole, 1e-12)
    by_rows = evaluations((160, 80), 64, Recipe(), by_rows=True)  # they come back in another order
    check(*by_rows, 1e-5)


def test_a_tile_with_a_single_position() -> None:
    recipe = Recipe(content_layers="conv5_1", style_layers="conv1_1")
    tiled, whole = evaluations((80, 80), 64, recipe, dtype=torch.float64)
    check(tiled, whole, 1e-12)


def test_where_the_disk_has_no_room_either_they_stay_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("impasto.objective.objective.KEPT_BYTES", 0)
    monkeypatch.setattr("impasto.objective.cache.nameless_file", full)
    tiled, whole = evaluations((70, 45), 32, Recipe(), dtype=torch.float64)
    check(tiled, whole, 1e-12)


# ----------------------------------------------------------------------------------- geometry


@given(sides, sides, cores)
def test_cores_cover_every_position_of_every_map_once(height: int, width: int, side: int) -> None:
    for pools in range(6):
        seen = torch.zeros(height >> pools, width >> pools)
        for tile in cut(height, width, side, 80, stride=1 << max(pools, 4)):
            seen[tile.core.after(pools).slices] += 1
        assert (seen == 1).all()


@given(sides, sides, cores)
def test_no_core_is_without_a_position_of_block_5(height: int, width: int, side: int) -> None:
    assert all(tile.core.after(4).area > 0 for tile in cut(height, width, side, 80))


@given(sides, sides, cores)
def test_windows_end_where_the_network_s_own_padding_is_or_a_halo_away(
    height: int, width: int, side: int
) -> None:
    for tile in cut(height, width, side, 80):
        core, window = tile.core, tile.window
        assert (window.top, window.left) == (max(core.top - 80, 0), max(core.left - 80, 0))
        assert (window.bottom, window.right) == (
            min(core.bottom + 80, height),
            min(core.right + 80, width),
        )
        assert window.top % 16 == window.left % 16 == 0


def test_one_tile_is_the_whole_picture() -> None:
    (tile,) = cut(45, 70, None, 80)
    assert tile.core == tile.window == tile.inside == Box(0, 45, 0, 70)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(LAYERS[1:]), st.integers(0, 4))
def test_the_halo_is_as_wide_as_what_a_layer_sees(layer: Any, start: int) -> None:
    """The gradient of one unit by an all-positive network reaches no further, and nearly as far."""
    if layer.pools > 3:
        return  # beyond what a picture of this length holds
    layers = VGG_19.up_to_deepest({layer.name})
    halo, unit = halo_for(layers), 1 << layer.pools
    middle = 16 * (8 + start)
    x = torch.zeros(1, 1, 512, requires_grad=True, dtype=torch.float64)
    y = x
    for step in layers[1:]:
        if step.kind == "convolution":
            y = torch.nn.functional.conv1d(y, torch.ones(1, 1, 3, dtype=y.dtype), padding=1)
        elif step.kind == "pooling":
            y = torch.nn.functional.avg_pool1d(y, 2)
    (gradient,) = torch.autograd.grad(y[0, 0, middle // unit], x)
    seen = gradient[0, 0].nonzero().flatten()
    first, last = int(seen[0]), int(seen[-1])
    beyond = max(middle - first, last - (middle + unit - 1))
    assert halo - 16 < beyond <= halo


@given(st.integers(1, 20000), st.integers(1, 20000), st.floats(1e4, 1e9))
def test_the_side_that_is_chosen_fits_in_memory(width: int, height: int, room: float) -> None:
    side = choose_side((width, height), 80, room)
    if side is None:
        assert width * height <= room
    else:
        assert side % 16 == 0
        assert (side + 160) ** 2 <= room or side == 64


@given(st.integers(1, 20000), st.integers(1, 20000))
def test_smaller_sides_come_to_an_end(width: int, height: int) -> None:
    side: int | None = None
    for _ in range(20):
        smaller = smaller_side(side, (width, height))
        if smaller is None:
            return
        assert smaller % 16 == 0
        assert smaller < (side or max(width, height))
        side = smaller
    raise AssertionError("it never ends")


# ------------------------------------------------------------------------------------- seams


def roughness_at(border: int, canvas: npt.NDArray[np.float32]) -> float:
    """How much more a picture jumps at that row and column than at all others."""
    at, elsewhere = [], []
    for picture in (canvas, canvas.swapaxes(0, 1)):
        jumps = np.abs(np.diff(picture, axis=0)).mean((1, 2))
        is_border = np.arange(len(jumps)) == border - 1
        at.append(jumps[is_border])
        elsewhere.append(jumps[~is_border])
    return float(np.concatenate(at).mean() / np.concatenate(elsewhere).mean())


def test_a_painting_made_by_tiles_has_no_seams() -> None:
    """As one has that is made of paintings of its parts. The layers see a part of the picture."""
    side = 64
    content, style = content_pixels(2 * side, 2 * side), style_pixels(2 * side, 2 * side)
    layers = {"content_layers": "conv2_2", "style_layers": "conv1_1,conv2_1"}
    settings: dict[str, Any] = {"size": "original", "levels": 1, "steps": 6, **layers}
    by_tiles, whole = (
        stylize(content, style, Recipe(**settings, tile=tile), device="cpu").canvas
        for tile in (side, "off")
    )
    parts = [
        [
            stylize(content[y : y + side, x : x + side], style, Recipe(**settings)).canvas
            for x in (0, side)
        ]
        for y in (0, side)
    ]
    apart = np.concatenate([np.concatenate(row, axis=1) for row in parts])
    assert roughness_at(side, by_tiles) == pytest.approx(roughness_at(side, whole), rel=0.1)
    assert roughness_at(side, apart) > 3 * roughness_at(side, whole)
