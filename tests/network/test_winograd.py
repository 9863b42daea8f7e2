"""Winograd's convolutions against the plain ones, forward and backward, in float64's light."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from impasto.network import trunk, winograd
from impasto.network.bands import Source, Workspace
from impasto.network.direct import Direct
from impasto.network.pooling import POOLINGS, Pooled, spread
from impasto.network.readings import Grid, Reading
from impasto.network.tiles import Box
from impasto.network.transforms import transformed_kernel
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.network.winograd import Winograd
from impasto.settings.layers import VGG_19

TAPS = ["conv1_1", "relu1_2", "pool1", "conv2_1", "conv3_1", "relu3_1", "pool3", "conv4_2"]
CLOSE = 5e-6  # of the norm; plain float32 is within about 5e-7


def distance(ours: Tensor, exact: Tensor) -> float:
    return float(((ours - exact).norm() / exact.norm()).detach())


def picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return 60 * torch.randn(3, height, width, generator=generator)


@given(
    st.integers(1, 23),
    st.integers(1, 23),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([4, winograd.BAND]),
)
@example(1, 1, 1, 1, winograd.BAND)
@example(9, 1100, 2, 3, winograd.BAND)
@example(23, 6, 2, 1, 4)  # a thread takes one row of tiles
def test_a_convolution_of_any_size_is_the_plain_one(
    height: int, width: int, before: int, after: int, band: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(height, width, before, generator=generator)
    kernel = torch.randn(after, before, 3, 3, generator=generator)
    bias = torch.randn(after, generator=generator)
    out = torch.full((height, width, after), float("nan"))

    def read(first: int, last: int, rows: Tensor) -> None:
        rows.copy_(x[first:last])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "BAND", band)
        winograd.convolve(Source(read), transformed_kernel(kernel), bias, out, Workspace())
    exact = F.conv2d(x.permute(2, 0, 1).double(), kernel.double(), bias.double(), padding=1)
    assert distance(out.permute(2, 0, 1), exact) < CLOSE


@pytest.mark.parametrize("rectify", [True, False], ids=["after a ReLU", "alone"])
@pytest.mark.parametrize("pooling", POOLINGS)
@given(st.integers(2, 9), st.integers(2, 600), st.integers(1, 3), st.integers(0, 2**32), st.data())
def test_a_pooling_and_some_rows_of_its_gradient_are_those_of_pytorch_with_equal_values_too(
    pooling: str, rectify: bool, height: int, width: int, channels: int, seed: int, data: Any
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-2, 3, (channels, height, width), generator=generator).float()
    leaf = x.clone().requires_grad_()
    before = leaf.relu() if rectify else leaf
    exact = (F.avg_pool2d if pooling == "average" else F.max_pool2d)(before[None], 2)[0]
    by_pooled = torch.randn(exact.shape, generator=generator)
    (by_exact,) = torch.autograd.grad(exact, leaf, by_pooled)

    ours, room = POOLINGS[pooling], Workspace()
    pooled = torch.full((height // 2, width // 2, channels), math.nan)
    routes = room("routes", *pooled.shape, dtype=torch.uint8)
    ours.forward(x.permute(1, 2, 0).contiguous(), pooled, routes, room, rectify)
    assert torch.equal(pooled.permute(2, 0, 1), exact)
    first = data.draw(st.integers(0, height - 1))
    last = data.draw(st.integers(first + 1, height))
    rows = torch.full((last - first, width, channels), math.nan)
    spread(ours, by_pooled.permute(1, 2, 0).contiguous(), routes, first, rows)
    torch.testing.assert_close(rows, by_exact.permute(1, 2, 0)[first:last])


@pytest.mark.parametrize("way", [Winograd, Direct])
@pytest.mark.parametrize("pooling", POOLINGS)
@given(st.integers(2, 23), st.integers(2, 23), st.sampled_from([4, winograd.BAND]))
@example(9, 1100, 4)
@example(70, 90, winograd.BAND)
def test_a_convolution_writes_the_pooled_map_of_its_relu(
    way: type[Winograd | Direct], pooling: str, height: int, width: int, band: int
) -> None:
    generator = torch.Generator().manual_seed(height)
    x = torch.randn(height, width, 3, generator=generator)
    convolution = way(
        torch.randn(8, 3, 3, 3, generator=generator), torch.randn(8, generator=generator)
    )
    room, shape = Workspace(), torch.Size((height, width, 8))
    half = height // 2, width // 2, 8
    maps = [torch.full(half, math.nan, dtype=way.dtype) for _ in range(2)]
    routes = [torch.zeros(half, dtype=torch.uint8) for _ in range(2)]

    def read(first: int, last: int, rows: Tensor) -> None:
        rows.copy_(x[first:last])

    source = Source(read)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "BAND", band)
        convolution.forward(source, Pooled(POOLINGS[pooling], shape, maps[0], routes[0]), room)
        whole = torch.empty(shape, dtype=way.dtype)
        convolution.forward(source, whole, room)
    POOLINGS[pooling].forward(whole, maps[1], routes[1], room, rectify=True)
    assert torch.equal(*maps)
    assert torch.equal(*routes)


def assert_as_plain(
    weights: Weights, taps: list[str], size: tuple[int, int], pooling: str, **read: Any
) -> None:
    """The maps and the gradient are those of the plain network; `read` says how maps are read."""
    x = picture(*size)
    canvases = x.clone().requires_grad_(), x.double().requires_grad_()
    networks = (
        VGG19(weights, taps, pooling=pooling, by_rows=True),
        VGG19(weights, taps, pooling=pooling, dtype=torch.float64),
    )
    both = zip(networks, canvases, strict=True)
    ours, exact = (network.maps(canvas, taps, **read) for network, canvas in both)
    for name in taps:
        assert distance(ours[name], exact[name]) < CLOSE, name
    gradients = [
        torch.autograd.grad([maps[name].square().mean() for name in taps], canvas)[0]
        for maps, canvas in zip((ours, exact), canvases, strict=True)
    ]
    assert distance(*gradients) < CLOSE


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("size", [(32, 48), (37, 61), (16, 130), (130, 8)])
def test_features_and_gradient_are_those_of_the_plain_network(
    weights: Weights, size: tuple[int, int], pooling: str
) -> None:
    assert_as_plain(weights, TAPS, size, pooling)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("taps", [["relu1_1"], ["pool2"], ["conv2_2"], ["relu2_1", "conv2_1"]])
def test_the_gradient_of_any_layer(weights: Weights, taps: list[str], pooling: str) -> None:
    x = picture(21, 34)
    gradients = []
    for network, canvas in (
        (VGG19(weights, taps, pooling=pooling, by_rows=True), x.clone().requires_grad_()),
        (VGG19(weights, taps, pooling=pooling, dtype=torch.float64), x.double().requires_grad_()),
    ):
        features = network(canvas)
        loss = torch.stack([features[name].square().mean() for name in taps]).sum()
        gradients.append(torch.autograd.grad(loss, canvas)[0])
    assert distance(*gradients) < CLOSE


@pytest.fixture(params=[0, 2**22], ids=["first map not kept", "kept"])
def first_map(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the first map is kept where rows of it suffice."""
    monkeypatch.setattr(trunk, "MOST_VALUES", request.param)


@pytest.mark.usefixtures("first_map")
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("taps", [["relu1_1", "relu1_2"], ["conv1_1", "pool1", "relu2_2"], TAPS])
@pytest.mark.parametrize(
    ("size", "core"),
    [((32, 48), None), ((37, 61), None), ((64, 19), None), ((48, 64), Box(16, 40, 16, 60))],
)
def test_averaged_maps_and_their_gradient_are_those_of_the_plain_network(
    weights: Weights, size: tuple[int, int], core: Box | None, taps: list[str], pooling: str
) -> None:
    assert_as_plain(weights, taps, size, pooling, core=core, pools=2)


@pytest.mark.usefixtures("first_map")
@pytest.mark.parametrize("core", [None, Box(16, 32, 0, 32)])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {
            name: st.tuples(
                *2 * [st.builds(slice, st.integers(0, 3), st.none(), st.integers(1, 9))]
            )
            for name in ("relu1_1", "relu1_2", "relu3_1")
        }
    ),
    st.sampled_from([0, 2]),
)
def test_maps_on_grids_and_their_gradient_are_those_of_the_plain_network(
    weights: Weights, core: Box | None, grids: dict[str, Grid], pools: int
) -> None:
    """A map without a grid is read as a whole beside them."""
    taps = [*grids, "relu2_1"]
    assert_as_plain(weights, taps, (38, 45), "average", core=core, pools=pools, grids=grids)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_map_on_a_grid_stays_as_it_is_when_another_picture_is_read(
    weights: Weights, dtype: torch.dtype
) -> None:
    network = VGG19(weights, ["relu1_1"], dtype=dtype, by_rows=True)
    every = {"relu1_1": (slice(0, None, 1), slice(0, None, 1))}
    one, other = (picture(16, side).requires_grad_() for side in (25, 24))
    read = network.maps(one, every, grids=every)["relu1_1"]
    before = read.clone()
    network.maps(other, every, grids=every)
    assert torch.equal(read, before)


def test_averaged_maps_in_bfloat16(weights: Weights) -> None:
    taps, x = ["relu1_1", "relu1_2", "relu3_1"], picture(37, 61)
    gradients: list[Tensor] = []
    for dtype in (torch.bfloat16, torch.float32):
        canvas = x.clone().requires_grad_()
        maps = VGG19(weights, taps, dtype=dtype, by_rows=True).maps(canvas, taps, pools=2)
        loss = torch.stack([maps[name].square().mean() for name in taps]).sum()
        gradients += torch.autograd.grad(loss, canvas)
    assert distance(*gradients) < 0.02


def test_a_relu_that_is_read_takes_no_memory_besides_its_convolution(weights: Weights) -> None:
    network = VGG19(weights, ["relu1_2", "relu2_1"], by_rows=True)
    ours = network._trunk
    assert ours is not None
    reading = Reading(("relu1_2", "relu2_1"), (), Box(0, 16, 0, 24))
    maps, _ = ours.maps(picture(16, 24), Workspace(), network.layers, reading)
    for block in ("1_2", "2_1"):
        assert maps[f"relu{block}"] is maps[f"conv{block}"]


@pytest.mark.parametrize("by_rows", [False, True], ids=["plain", "Winograd"])
def test_a_convolution_is_read_as_it_is_also_if_only_its_relu_was_announced(
    weights: Weights, by_rows: bool
) -> None:
    network = VGG19(weights, ["relu2_1"], by_rows=by_rows)
    read = network(picture(16, 24), ["conv2_1", "relu2_1"])
    assert read["conv2_1"].min() < 0
    assert torch.equal(read["relu2_1"], read["conv2_1"].clamp(min=0))


def test_a_map_that_is_given_stays_as_it_was(weights: Weights) -> None:
    network = VGG19(weights, ["relu1_2", "conv1_2"], by_rows=True)
    given = network(picture(16, 24), ["conv1_2"])["conv1_2"].clone()
    before = given.clone()
    read = network(given, ["relu1_2"], first="conv1_2")["relu1_2"]
    assert torch.equal(given, before)
    assert torch.equal(read, before.clamp(min=0))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("by_rows", [False, True], ids=["plain", "Winograd"])
@pytest.mark.parametrize("first", ["conv1_2", "relu1_2", "pool1", "conv2_1"])
def test_the_network_goes_on_from_the_map_of_a_layer(
    weights: Weights, first: str, by_rows: bool, pooling: str
) -> None:
    """In two parts it sees what it sees in one, and so does the gradient on its way back."""
    x = picture(21, 34).requires_grad_()
    taps = [first, "conv2_2"]
    network = VGG19(weights, taps, pooling=pooling, by_rows=by_rows)
    whole = network(x)["conv2_2"].clone()
    (exact,) = torch.autograd.grad(network(x)["conv2_2"].square().mean(), x)
    half = network(x, [first])[first]
    cut = half.detach().clone().requires_grad_()
    seen = network(cut, ["conv2_2"], first)["conv2_2"]
    assert distance(seen, whole) < CLOSE
    (by_cut,) = torch.autograd.grad(seen.square().mean(), cut)
    (ours,) = torch.autograd.grad((half * by_cut).sum(), x)
    assert distance(ours, exact) < CLOSE


@pytest.mark.usefixtures("first_map")
@pytest.mark.parametrize("layer", ["conv1_1", "relu1_1", "conv2_2", "relu2_1", "pool1"])
def test_gram_matrices_and_their_gradient_are_those_of_the_plain_network(
    weights: Weights, layer: str
) -> None:
    x = picture(21, 34)
    grams, gradients = [], []
    for network, canvas in (
        (VGG19(weights, [layer], by_rows=True), x.clone().requires_grad_()),
        (VGG19(weights, [layer], dtype=torch.float64), x.double().requires_grad_()),
    ):
        features, matrices = network.statistics(canvas, [layer], [layer])
        grams.append(matrices[layer])
        loss = matrices[layer].square().mean() + features[layer].square().mean()
        gradients.append(torch.autograd.grad(loss, canvas)[0])
    assert distance(*grams) < CLOSE
    assert distance(*gradients) < CLOSE


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize(
    ("size", "core"), [((21, 34), None), ((70, 9), None), ((48, 64), Box(16, 40, 16, 60))]
)
def test_a_first_map_that_is_not_kept_is_that_of_the_plain_network(
    weights: Weights,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    core: Box | None,
    padding: str,
) -> None:
    monkeypatch.setattr(trunk, "MOST_VALUES", 0)
    x, layers = picture(*size), ["conv1_1", "conv2_1"]
    grams, gradients = [], []
    for network, canvas in (
        (VGG19(weights, layers, padding=padding, by_rows=True), x.clone().requires_grad_()),
        (VGG19(weights, layers, padding=padding, dtype=torch.float64), x.double().requires_grad_()),
    ):
        _, matrices = network.statistics(canvas, (), layers, core)
        grams += [matrices[name] for name in layers]
        loss = torch.stack([matrices[name].square().mean() for name in layers]).sum()
        gradients.append(torch.autograd.grad(loss, canvas)[0])
    for ours, exact in zip(grams[:2], grams[2:], strict=True):
        assert distance(ours, exact) < CLOSE
    assert distance(*gradients) < CLOSE


@pytest.mark.parametrize(
    ("most", "features", "grams", "dtype", "is_kept"),
    [
        (16 * 24 * 64 - 1, [], ["conv1_1", "conv2_1"], torch.float32, False),
        (16 * 24 * 64 - 1, [], ["conv2_1"], torch.float32, False),
        (16 * 24 * 64, [], ["conv1_1", "conv2_1"], torch.float32, True),
        (16 * 24 * 64 - 1, ["conv1_1"], ["conv2_1"], torch.float32, True),
        (16 * 24 * 64 - 1, ["relu1_1"], ["conv2_1"], torch.float32, True),
        (16 * 24 * 64 - 1, [], ["conv1_1", "conv2_1"], torch.bfloat16, True),
    ],
    ids=["large", "not read", "small", "read whole", "its ReLU read whole", "bfloat16"],
)
def test_a_large_first_map_of_which_only_rows_are_read_takes_no_memory(
    weights: Weights,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    features: list[str],
    grams: list[str],
    dtype: torch.dtype,
    is_kept: bool,
) -> None:
    monkeypatch.setattr(trunk, "MOST_VALUES", most)
    network, kept = VGG19(weights, [*features, *grams], dtype=dtype, by_rows=True), Workspace()
    assert network._trunk is not None
    reading = Reading(tuple(features), tuple(grams), Box(0, 16, 0, 24))
    network._trunk.maps(picture(16, 24), kept, network.layers, reading)
    assert ("conv1_1" in kept._buffers) == is_kept


@pytest.mark.parametrize(
    "read",
    [{"pools": 2}, {"grids": {"conv1_1": (slice(1, None, 3), slice(None))}}],
    ids=["averaged", "on a grid"],
)
@pytest.mark.parametrize("layer", ["conv1_1", "relu1_1"])
def test_nor_does_one_that_is_averaged_or_read_on_a_grid(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, layer: str, read: dict[str, Any]
) -> None:
    monkeypatch.setattr(trunk, "MOST_VALUES", 0)
    network, kept = VGG19(weights, [layer], by_rows=True), Workspace()
    assert network._trunk is not None
    read = {name: {layer: one["conv1_1"]} if name == "grids" else one for name, one in read.items()}
    reading = Reading((layer,), (), Box(0, 16, 0, 24), **read)
    maps, _ = network._trunk.maps(picture(16, 24), kept, network.layers, reading)
    reading.of(maps, kept)
    assert layer in maps
    assert "conv1_1" not in kept._buffers


@pytest.mark.parametrize("layer", ["conv1_1", "conv1_2", "conv4_1"])
@pytest.mark.parametrize("size", [(9, 14), (61, 8), (8, 300), (70, 90)])
def test_a_replicated_border_is_that_of_the_plain_network(
    weights: Weights, layer: str, size: tuple[int, int]
) -> None:
    x = picture(*size)
    maps, gradients = [], []
    for network, canvas in (
        (VGG19(weights, [layer], padding="replicate", by_rows=True), x.clone().requires_grad_()),
        (
            VGG19(weights, [layer], padding="replicate", dtype=torch.float64),
            x.double().requires_grad_(),
        ),
    ):
        seen = network(canvas)[layer]
        maps.append(seen.detach())
        gradients.append(torch.autograd.grad(seen.square().mean(), canvas)[0])
    assert distance(*maps) < CLOSE
    assert distance(*gradients) < CLOSE


def test_what_was_read_without_a_gradient_stays(weights: Weights) -> None:
    network = VGG19(weights, ["conv1_2"], by_rows=True)
    with torch.no_grad():
        target = network(picture(16, 16))["conv1_2"]
    before = target.clone()
    network(picture(16, 16).flip(1).requires_grad_())
    with torch.no_grad():
        network(picture(16, 16).flip(2))
    assert torch.equal(target, before)


def test_a_second_evaluation_takes_no_memory_of_its_own(weights: Weights) -> None:
    """The buffers of the first serve again: the same addresses hold the features."""
    network = VGG19(weights, ["conv1_2", "conv2_1"], by_rows=True)
    addresses = [
        {name: f.data_ptr() for name, f in network(picture(16, 24).requires_grad_()).items()}
        for _ in range(3)
    ]
    assert addresses[0] == addresses[1] == addresses[2]


def test_gram_matrices_stay_when_the_buffers_behind_them_serve_again(weights: Weights) -> None:
    network = VGG19(weights, ["conv1_2"], by_rows=True)
    with torch.no_grad():
        _, grams = network.statistics(picture(16, 24), (), ["conv1_2"])
        before = grams["conv1_2"].clone()
        network.statistics(picture(16, 24).flip(2), (), ["conv1_2"])
    assert torch.equal(grams["conv1_2"], before)


def test_a_first_kernel_in_float64_as_of_weights_for_another_input(weights: Weights) -> None:
    kernel, bias = weights.convolutions["conv1_1"]
    finer = {**weights.convolutions, "conv1_1": (kernel.double(), bias)}
    x = picture(16, 24)
    seen = (
        VGG19(one, ["conv1_2"], by_rows=True)(x)["conv1_2"]
        for one in (weights, dataclasses.replace(weights, convolutions=finer))
    )
    assert torch.equal(*seen)


@pytest.mark.usefixtures("prepared_anew")
def test_what_was_released_with_the_deep_layers_is_made_again_where_it_is_needed(
    weights: Weights,
) -> None:
    network, x = VGG19(weights, ["conv1_2", "conv3_1"], by_rows=True), picture(16, 24)
    before = network(x, ["conv3_1"])["conv3_1"]
    held = set(map(id, network._trunk._prepared.values()))  # type: ignore[union-attr]
    network.release(VGG_19.up_to_deepest({"conv1_2"}))
    left = network._trunk._prepared  # type: ignore[union-attr]
    assert left.keys() == {"conv1_1", "conv1_2"}
    assert set(map(id, left.values())) < held
    assert torch.equal(network(x, ["conv3_1"])["conv3_1"], before)


@pytest.mark.usefixtures("prepared_anew")
def test_what_was_released_is_made_again_on_the_way_back(weights: Weights) -> None:
    gradients: list[Tensor] = []
    for is_released in (False, True):
        network, canvas = (
            VGG19(weights, ["conv3_1"], by_rows=True),
            picture(16, 24).requires_grad_(),
        )
        loss = network(canvas)["conv3_1"].square().mean()
        if is_released:
            network.release(VGG_19.up_to_deepest({"conv1_2"}))
        gradients += torch.autograd.grad(loss, canvas)
    assert torch.equal(*gradients)


def test_other_arithmetic_goes_the_plain_way(weights: Weights) -> None:
    x = picture(16, 16)
    plain = VGG19(weights, ["conv2_1"], dtype=torch.float64)
    asked = VGG19(weights, ["conv2_1"], dtype=torch.float64, by_rows=True)
    assert torch.equal(asked(x.double())["conv2_1"], plain(x.double())["conv2_1"])


@pytest.mark.parametrize("most", [0, trunk.MOST_VALUES], ids=["a first map not kept", "kept"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_gradient_that_is_asked_for_again_is_the_same(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, pooling: str, most: int
) -> None:
    monkeypatch.setattr(trunk, "MOST_VALUES", most)
    canvas, layers = picture(37, 61).requires_grad_(), ["conv1_1", "conv3_1"]
    network = VGG19(weights, layers, pooling=pooling, by_rows=True)
    _, grams = network.statistics(canvas, (), layers)
    loss = torch.stack([matrix.square().mean() for matrix in grams.values()]).sum()
    once, again = (
        torch.autograd.grad(loss, canvas, retain_graph=retain)[0] for retain in (True, False)
    )
    assert torch.equal(once, again)
