"""The names, depths and smallest sizes of VGG-19's layers."""

from __future__ import annotations

import pytest

from impasto.settings.layers import BY_NAME, LAYERS, VGG_19


def test_there_are_38_layers_with_the_input() -> None:
    assert len(LAYERS) == len(BY_NAME) == 38
    assert LAYERS[0].name == "input"
    assert LAYERS[-1].name == "pool5"


def test_sixteen_layers_are_convolutions() -> None:
    per_block = [
        sum(name.startswith(f"conv{block}_") for name in VGG_19.convolutions)
        for block in (1, 2, 3, 4, 5)
    ]
    assert per_block == [2, 2, 4, 4, 4]


def test_every_convolution_is_followed_by_its_relu() -> None:
    names = [layer.name for layer in LAYERS]
    for name in VGG_19.convolutions:
        assert names[names.index(name) + 1] == name.replace("conv", "relu")


@pytest.mark.parametrize(
    ("name", "kind", "channels", "smallest_side"),
    [
        ("input", "input", 3, 1),
        ("conv1_1", "convolution", 64, 1),
        ("pool1", "pooling", 64, 2),
        ("conv2_1", "convolution", 128, 2),
        ("relu3_4", "relu", 256, 4),
        ("conv4_2", "convolution", 512, 8),
        ("conv5_1", "convolution", 512, 16),
        ("pool5", "pooling", 512, 32),
    ],
)
def test_a_layer_knows_its_channels_and_smallest_side(
    name: str, kind: str, channels: int, smallest_side: int
) -> None:
    layer = BY_NAME[name]
    assert (layer.kind, layer.channels, layer.smallest_side) == (kind, channels, smallest_side)


def test_the_network_ends_with_the_deepest_named_layer() -> None:
    assert VGG_19.up_to_deepest({"conv4_2", "conv1_1"})[-1].name == "conv4_2"
    assert VGG_19.up_to_deepest({"pool5"}) == LAYERS
