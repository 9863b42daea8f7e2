"""VGG-19 against the same network built from PyTorch's own modules."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from impasto.errors import InputError
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.settings.layers import LAYERS

POOLING_MODULES: dict[str, type[nn.Module]] = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}
ALL = [layer.name for layer in LAYERS]
SOME = ["conv1_1", "relu1_2", "pool2", "conv3_1"]


def picture(height: int, width: int) -> Tensor:
    """Noise about 0, so that both signs reach every ReLU."""
    generator = torch.Generator().manual_seed(height * width)
    return 60 * torch.randn(3, height, width, generator=generator, dtype=torch.float64)


def reference(weights: Weights, pooling: str, padding: str = "zeros") -> nn.Sequential:
    """Configuration E of Simonyan and Zisserman, table 1, with named modules, in float64."""
    network = nn.Sequential()
    for block, depth in enumerate((2, 2, 4, 4, 4), start=1):
        for index in range(1, depth + 1):
            kernel, bias = weights.convolutions[f"conv{block}_{index}"]
            channels = kernel.shape[1], kernel.shape[0]
            convolution = nn.Conv2d(*channels, 3, padding=1, padding_mode=padding)  # type: ignore[arg-type]
            convolution.weight = nn.Parameter(kernel)
            convolution.bias = nn.Parameter(bias)
            network.add_module(f"conv{block}_{index}", convolution)
            network.add_module(f"relu{block}_{index}", nn.ReLU())
        network.add_module(f"pool{block}", POOLING_MODULES[pooling](2))
    return network.double().requires_grad_(False)


def reference_features(
    weights: Weights, pooling: str, x: Tensor, padding: str = "zeros"
) -> dict[str, Tensor]:
    features = {"input": x}
    x = x.unsqueeze(0)
    for name, module in reference(weights, pooling, padding).named_children():
        x = module(x)
        features[name] = x.squeeze(0)
    return features


def assert_same(measured: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, features in measured.items():
        torch.testing.assert_close(features, expected[name], rtol=1e-10, atol=1e-10, msg=name)


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("size", [(32, 48), (37, 51)], ids=["even", "odd"])
def test_every_layer_is_that_of_the_reference(
    weights: Weights, pooling: str, padding: str, size: tuple[int, int]
) -> None:
    x = picture(*size)
    features = VGG19(weights, ALL, pooling=pooling, padding=padding, dtype=torch.float64)(x)
    assert list(features) == ALL
    assert_same(features, reference_features(weights, pooling, x, padding))


def test_what_is_read_does_not_depend_on_what_else_is_read(weights: Weights) -> None:
    x = picture(32, 48)
    features = VGG19(weights, SOME, dtype=torch.float64)(x)
    assert set(features) == set(SOME)
    assert_same(features, reference_features(weights, "average", x))


def test_a_convolution_is_read_before_its_relu(weights: Weights) -> None:
    features = VGG19(weights, ["conv1_1", "conv2_1"])(picture(32, 48).float())
    assert features["conv1_1"].min() < 0


def test_a_relu_can_be_read_beside_its_convolution(weights: Weights) -> None:
    features = VGG19(weights, ["conv1_1", "relu1_1"])(picture(32, 48).float())
    assert torch.equal(features["relu1_1"], features["conv1_1"].clamp(min=0))


def test_odd_sides_are_rounded_down_at_a_pooling(weights: Weights) -> None:
    features = VGG19(weights, ["pool1", "pool2"])(picture(7, 13).float())
    assert features["pool1"].shape == (64, 3, 6)
    assert features["pool2"].shape == (128, 1, 3)


def test_the_gradient_is_that_of_the_reference(weights: Weights) -> None:
    x = picture(32, 48).requires_grad_()
    ours = VGG19(weights, SOME, dtype=torch.float64)(x)
    theirs = reference_features(weights, "average", x)
    gradients = [
        torch.autograd.grad([features[name].square().mean() for name in SOME], x)[0]
        for features in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_the_network_ends_at_the_deepest_layer_that_is_read(weights: Weights) -> None:
    shallow = {name: weights.convolutions[name] for name in ("conv1_1", "conv1_2")}
    network = VGG19(dataclasses.replace(weights, convolutions=shallow), ["conv1_1", "pool1"])
    assert set(network(picture(8, 8).float())) == {"conv1_1", "pool1"}


def test_the_picture_is_left_as_it_was(weights: Weights) -> None:
    x = picture(8, 8).float()
    before = x.clone()
    VGG19(weights, ["relu1_1"])(x)
    assert torch.equal(x, before)


def test_the_network_computes_in_the_precision_it_is_given(weights: Weights) -> None:
    network = VGG19(weights, ["conv1_1"], dtype=torch.float64)
    assert network.mean.dtype == network(picture(8, 8))["conv1_1"].dtype == torch.float64


@pytest.mark.parametrize("layers", [[], ["conv6_1"], ["conv1_1", "fc6"]])
def test_a_layer_that_the_network_lacks_is_an_error(weights: Weights, layers: list[str]) -> None:
    with pytest.raises(InputError, match="The network has no layers"):
        VGG19(weights, layers)
