"""VGG-16: read from every layout of file, and the same as a plain implementation in float64."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import ImpastoWarning, InputError
from impasto.network.tiles import halo_for
from impasto.network.vgg import VGG, VGG19
from impasto.network.weights import CAFFE_MEAN, Weights, load
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas
from impasto.settings.layers import VGG_16, VGG_19
from impasto.settings.recipe import Recipe
from vgg_files import (
    DEPTHS,
    Convolutions,
    by_name,
    by_position,
    classic,
    names,
    newer,
    random_convolutions,
    repeated_convolutions,
    whole_model,
    write_caffe,
    write_keras,
    write_state_dict,
)

ALL = [layer.name for layer in VGG_16.layers]
DEEP = ["conv3_3", "relu4_3", "conv5_1", "conv5_3"]
TORCHVISION_MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).reshape(3, 1, 1)
TORCHVISION_STD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).reshape(3, 1, 1)
# The first weights of the original conv1_1 for B, G and R: those that Keras shows of
# `VGG16().get_weights()[0][0, 0, :, 0]`, and `VGG19()` likewise.
CORNERS = {"VGG-16": (0.42947057, 0.55037946, 0.48001540), "VGG-19": (0.341195, 0.464184, 0.3936)}

Write = Callable[[Convolutions, Path], Path]


@pytest.fixture(scope="module")
def convolutions() -> dict[str, tuple[Tensor, Tensor]]:
    return random_convolutions()


@pytest.fixture(scope="module")
def vgg16(convolutions: Convolutions) -> Weights:
    return Weights(convolutions, CAFFE_MEAN, "random", 64 * "0", VGG_16)


def noise(height: int = 40, width: int = 56) -> Tensor:
    """Noise about 0, 3 × H × W, so that both signs reach every ReLU."""
    generator = torch.Generator().manual_seed(height)
    return 60 * torch.randn(3, height, width, generator=generator, dtype=torch.float64)


def plain_features(
    convolutions: Convolutions, x: Tensor, pooling: str = "average", padding: str = "zeros"
) -> dict[str, Tensor]:
    """Configuration D of Simonyan and Zisserman, table 1, in float64."""
    pool = nn.AvgPool2d(2) if pooling == "average" else nn.MaxPool2d(2)
    mode = {"zeros": "constant", "replicate": "replicate"}[padding]
    features, x = {"input": x}, x.unsqueeze(0)
    for block, depth in enumerate(DEPTHS["VGG-16"], start=1):
        for index in range(1, depth + 1):
            kernel, bias = (one.double() for one in convolutions[f"conv{block}_{index}"])
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), kernel, bias)
            features[f"conv{block}_{index}"] = x[0]
            x = x.clamp(min=0)
            features[f"relu{block}_{index}"] = x[0]
        x = pool(x)
        features[f"pool{block}"] = x[0]
    return features


def assert_same(
    measured: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-6
) -> None:
    """Each feature map differs by a share of its RMS at most."""
    for name, features in measured.items():
        far = (features.double() - expected[name]).abs().max() / expected[
            name
        ].square().mean().sqrt()
        assert far < tolerance, name


def assert_same_convolutions(measured: Convolutions, expected: Convolutions) -> None:
    assert list(measured) == list(expected)
    for name, (kernel, bias) in measured.items():
        assert torch.equal(kernel, expected[name][0]), name
        assert torch.equal(bias, expected[name][1]), name


def refusal(path: Path, weights_input: str | None = "caffe") -> str:
    with pytest.raises(InputError) as caught:
        load(path, weights_input)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# The network


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_every_layer_is_that_of_the_plain_network(
    vgg16: Weights, pooling: str, padding: str
) -> None:
    x = noise(37, 51)
    features = VGG(vgg16, ALL, pooling=pooling, padding=padding, dtype=torch.float64)(x)
    assert list(features) == ALL
    assert_same(features, plain_features(vgg16.convolutions, x, pooling, padding))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.bfloat16, 0.1)], ids=["32", "bf16"]
)
def test_a_few_rows_at_a_time_it_is_the_same_network_and_gradient(
    vgg16: Weights, dtype: torch.dtype, tolerance: float
) -> None:
    x = noise()
    network = VGG(vgg16, DEEP, by_rows=True, dtype=dtype)
    leaf, exact_leaf = x.float().requires_grad_(), x.clone().requires_grad_()
    features = network(leaf)
    exact = plain_features(vgg16.convolutions, exact_leaf)
    assert_same(features, exact, tolerance)
    gradient, exact_gradient = (
        torch.autograd.grad([maps[name].square().mean() for name in DEEP], of)[0]
        for maps, of in ((features, leaf), (exact, exact_leaf))
    )
    assert_same({"input": gradient}, {"input": exact_gradient}, 10 * tolerance)


def test_it_is_vgg19_whose_fourth_convolutions_change_nothing(vgg16: Weights) -> None:
    """Each passes on what the ReLU before it has made, and its own ReLU leaves that as it is."""
    same = torch.zeros(512, 512, 3, 3)
    same[range(512), range(512), 1, 1] = 1
    fourth = {
        name: (same[:channels, :channels], torch.zeros(channels))
        for name, channels in (("conv3_4", 256), ("conv4_4", 512), ("conv5_4", 512))
    }
    deeper = {**vgg16.convolutions, **fourth}
    vgg19 = dataclasses.replace(vgg16, convolutions=deeper, architecture=VGG_19)
    read = {"conv4_1", "pool4", "pool5"}
    ours, theirs = (VGG(one, read, dtype=torch.float64)(noise()) for one in (vgg16, vgg19))
    for name in read:
        assert torch.equal(ours[name], theirs[name]), name


def test_it_sees_less_around_a_position_than_vgg19() -> None:
    """A position of conv5_3 sees 196 pixels, 90 beyond its own 16 on either side, and so on."""
    reach = {name: halo_for(VGG_16.up_to_deepest({name})) for name in ("conv5_3", "conv5_1")}
    assert reach == {"conv5_3": 96, "conv5_1": 64}


def test_tiles_are_the_whole_picture(vgg16: Weights) -> None:
    recipe = Recipe(content_layers="conv4_2", style_layers="conv1_1,conv3_3,conv5_1")
    network = VGG(vgg16, recipe.layers, dtype=torch.float64)
    content, style, canvas = (noise(144 + side, 16) for side in (0, 1, 0))
    canvas = canvas.flip(1)
    whole, tiled = (
        Objective(network, content, [StyleCanvas(style)], recipe, side)(canvas)
        for side in (None, 64)
    )
    assert tiled.loss == pytest.approx(whole.loss, rel=1e-9)
    torch.testing.assert_close(tiled.gradient, whole.gradient, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("layer", ["conv3_4", "relu4_4", "conv5_4"])
def test_a_layer_that_only_vgg19_has_is_refused_with_those_there_are(
    vgg16: Weights, layer: str
) -> None:
    with pytest.raises(InputError) as caught:
        VGG(vgg16, ["conv1_1", layer])
    assert str(caught.value) == (
        f"The network has no layers named {layer}: it is VGG-16, which has "
        f"{', '.join(names('VGG-16'))}, a relu for each of these (relu1_1, …), and pool1 to pool5."
    )


def test_vgg19_does_not_take_vgg16s_weights(vgg16: Weights) -> None:
    with pytest.raises(InputError) as caught:
        VGG19(vgg16, ["conv1_1"])
    assert str(caught.value) == (
        "VGG19 does not take the weights 'random', which are VGG-16's: use VGG, which takes both."
    )


# Its files


STATE_DICTS = [
    pytest.param(make, suffix, id=f"{name}{suffix}")
    for name, make in {
        "torchvision": by_position,
        "features": lambda convolutions: by_position(convolutions, ""),
        "names": by_name,
    }.items()
    for suffix in (".pth", ".pt")
]


@pytest.mark.parametrize("network", ["VGG-16", "VGG-19"])
@pytest.mark.parametrize(("make", "suffix"), STATE_DICTS)
def test_a_state_dict_says_which_network_it_is(
    tmp_path: Path, make: Callable[[Convolutions], dict[str, Tensor]], suffix: str, network: str
) -> None:
    held = repeated_convolutions(network)
    loaded = load(write_state_dict(make(held), tmp_path / f"mine{suffix}"), "caffe")
    assert loaded.architecture.name == network
    assert_same_convolutions(loaded.convolutions, held)


@pytest.mark.parametrize("make", [by_position, by_name])
def test_a_safetensors_is_read_with_and_without_classifier(
    convolutions: Convolutions, tmp_path: Path, make: Callable[[Convolutions], dict[str, Tensor]]
) -> None:
    stored = {**make(convolutions), "classifier.0.weight": torch.zeros(4, 5)}
    loaded = load(write_state_dict(stored, tmp_path / "vgg16.safetensors"), "caffe")
    assert (loaded.architecture, loaded.mean, loaded.name) == (
        VGG_16,
        CAFFE_MEAN,
        "vgg16.safetensors",
    )
    assert_same_convolutions(loaded.convolutions, convolutions)


def test_torchvisions_pictures_are_taken(convolutions: Convolutions, tmp_path: Path) -> None:
    path = write_state_dict(by_position(convolutions), tmp_path / "vgg16-397923af.pth")
    network = VGG(load(path, "torchvision"), DEEP, dtype=torch.float64)
    rgb = 127 + noise()
    expected = plain_features(convolutions, (rgb / 255 - TORCHVISION_MEAN) / TORCHVISION_STD)
    assert_same(network(rgb - network.mean), expected)


@pytest.mark.parametrize("network", ["VGG-16", "VGG-19"])
@pytest.mark.parametrize("key", [classic, newer, whole_model])
def test_kerass_file_says_which_network_it_is(
    tmp_path: Path, key: Callable[[str, str], str], network: str
) -> None:
    held = repeated_convolutions(network)
    loaded = load(write_keras(held, tmp_path / "notop.h5", key))
    assert (loaded.architecture.name, loaded.mean) == (network, CAFFE_MEAN)
    assert_same_convolutions(loaded.convolutions, held)


def test_kerass_file_is_vgg16_in_rgb(convolutions: Convolutions, tmp_path: Path) -> None:
    loaded = load(write_keras(convolutions, tmp_path / "vgg16_weights_notop.h5"))
    assert_same_convolutions(loaded.convolutions, convolutions)


@pytest.mark.parametrize("is_old", [True, False], ids=["original", "newer"])
def test_caffes_file_is_vgg16_in_rgb(
    convolutions: Convolutions, tmp_path: Path, is_old: bool
) -> None:
    path = tmp_path / "VGG_ILSVRC_16_layers.caffemodel"
    loaded = load(write_caffe(convolutions, path, is_old=is_old))
    assert (loaded.architecture, loaded.mean) == (VGG_16, CAFFE_MEAN)
    assert_same_convolutions(loaded.convolutions, convolutions)


def test_caffes_file_can_be_vgg19s(tmp_path: Path) -> None:
    held = repeated_convolutions("VGG-19")
    loaded = load(write_caffe(held, tmp_path / "VGG_ILSVRC_19_layers.caffemodel"))
    assert loaded.architecture == VGG_19
    assert_same_convolutions(loaded.convolutions, held)


def test_caffes_file_does_not_take_torchvisions_pictures(tmp_path: Path) -> None:
    path = tmp_path / "vgg.caffemodel"
    assert refusal(path, "torchvision") == (
        f"Caffe's weights '{path}' take 'caffe' input, not 'torchvision': leave the input of the "
        "weights out."
    )


@pytest.mark.parametrize("network", ["VGG-16", "VGG-19"])
def test_the_original_in_bgr_order_is_turned_with_a_warning(tmp_path: Path, network: str) -> None:
    held = repeated_convolutions(network)
    kernel, bias = torch.randn(64, 3, 3, 3), torch.zeros(64)
    kernel[0, :, 0, 0] = torch.tensor(CORNERS[network])
    held["conv1_1"] = kernel, bias
    path = write_state_dict(by_position(held), tmp_path / "bgr.pth")
    with pytest.warns(ImpastoWarning, match=f"the original {network} with its channels in BGR"):
        loaded = load(path, "caffe")
    assert torch.equal(loaded.convolutions["conv1_1"][0], kernel.flip(1))


# Files of neither network


@pytest.mark.parametrize("make", [by_position, by_name])
@pytest.mark.parametrize("layer", ["conv3_4", "conv1_2", "conv5_4"])
def test_vgg19_without_a_tensor_is_not_taken_for_vgg16(
    tmp_path: Path, make: Callable[[Convolutions], dict[str, Tensor]], layer: str
) -> None:
    stored = make(repeated_convolutions("VGG-19"))
    lost = list(stored)[2 * names("VGG-19").index(layer) + 1]
    del stored[lost]
    path = write_state_dict(stored, tmp_path / "lossy.pth")
    assert refusal(path) == (
        f"The weights '{path}' have no tensor '{lost}': they should be VGG-19's or VGG-16's, with "
        "torchvision's names (features.0.weight) or by layer (conv1_1.weight)."
    )


def vgg13(write: Callable[..., Path], *make: Any) -> Callable[[Path], Path]:
    """Writes a file of VGG-13."""
    held = repeated_convolutions("VGG-13")
    return lambda path: write(make[0](held) if make else held, path)


@pytest.mark.parametrize(
    ("write", "name", "complaint"),
    [
        (vgg13(write_state_dict, by_position), "a.pth", "no tensor 'features.14.weight'"),
        (vgg13(write_state_dict, by_name), "b.pth", "no tensor 'conv3_3.weight'"),
        (vgg13(write_keras), "c.h5", "or not Keras's VGG-19 or VGG-16."),
    ],
)
def test_another_vgg_is_refused(
    tmp_path: Path, write: Callable[[Path], Path], name: str, complaint: str
) -> None:
    assert complaint in refusal(write(tmp_path / name), None if name == "c.h5" else "caffe")


def test_caffes_file_that_lacks_a_layer_is_refused(tmp_path: Path) -> None:
    held = {"conv1_1": (torch.ones(64, 3, 3, 3), torch.ones(64))}
    path = write_caffe(held, tmp_path / "first.caffemodel")
    assert "no tensor 'conv1_2.weight'" in refusal(path)


def test_a_caffemodel_of_another_network_is_refused(tmp_path: Path) -> None:
    held = {"conv1": (torch.ones(96, 3, 11, 11), torch.ones(96))}
    path = write_caffe(held, tmp_path / "alexnet.caffemodel")
    assert refusal(path) == (
        f"The weights '{path}' cannot be used: they are damaged, or not Caffe's VGG-19 or VGG-16."
    )


def test_a_wrong_shape_is_refused_with_the_networks_own(tmp_path: Path) -> None:
    held = repeated_convolutions()
    held["conv4_1"] = torch.ones(512, 512, 3, 3), torch.ones(512)
    path = write_state_dict(by_name(held), tmp_path / "wide.pth")
    assert refusal(path) == (
        f"The weights '{path}' hold a conv4_1 of shape (512, 512, 3, 3) with a bias of shape "
        "(512,); VGG-16's are (512, 256, 3, 3) and (512,)."
    )
