"""The pieces of the algorithm, used alone: what they cannot take is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from conftest import content_pixels, style_pixels
from impasto import InputError
from impasto.network.weights import Weights

PIXELS = content_pixels(24, 32)
PAIR = content_pixels(32, 48), style_pixels(32, 48)
SMALL = {"size": (48, 32), "steps": 2, "levels": 1}
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a grey picture": (
        lambda: impasto.resize(PIXELS[..., 0], (8, 8)),
        r"Pixels should be an array of height × width × 3 numbers, not ndarray of uint8 \(24, 32\)",
    ),
    "a picture of PIL": (
        lambda: impasto.preprocess(Image.new("RGB", (4, 4))),  # type: ignore[arg-type]
        "Pixels should be an array of height × width × 3 numbers, not Image",
    ),
    "a canvas for pixels": (
        lambda: impasto.rescale(torch.zeros(3, 4, 3)),  # type: ignore[arg-type]
        r"not Tensor of float32 \(3, 4, 3\)",
    ),
    "pixels for a canvas": (
        lambda: impasto.deprocess(PIXELS),  # type: ignore[arg-type]
        r"A canvas should be a tensor of 3 × .* floats, not ndarray of uint8 \(24, 32, 3\)",
    ),
    "one number for a size": (
        lambda: impasto.resize(PIXELS, 32),  # type: ignore[arg-type]
        r"A size should be the width and the height in pixels, as in \(512, 384\), not 32",
    ),
    "a side of zero": (lambda: impasto.resize(PIXELS, (0, 8)), r"not \(0, 8\)"),
    "feature maps of two shapes": (
        lambda: impasto.content_loss(torch.zeros(4, 3, 3), torch.zeros(4, 6, 3)),
        r"two tensors of the same shape, not of \(4, 3, 3\) and \(4, 6, 3\)",
    ),
    "Gram matrices of two shapes": (
        lambda: impasto.style_loss(torch.zeros(4, 4), torch.zeros(1, 4)),
        "two tensors of the same shape",
    ),
    "a misspelt total variation": (
        lambda: impasto.total_variation(torch.zeros(3, 4, 4), "anisotrpic"),
        "kind should be 'anisotropic' or 'nine-point', not 'anisotrpic'",
    ),
    "a misspelt pooling": (
        lambda: impasto.network_table((64, 64), "avg"),
        "pooling should be 'average' or 'max', not 'avg'",
    ),
    "a setting without values": (
        lambda: impasto.sweep(*PAIR, {"strength": []}, SMALL),
        r"A sweep cannot vary 'strength' over \[\]: list the values",
    ),
    "one value for a setting": (
        lambda: impasto.sweep(*PAIR, {"strength": 0.5}, SMALL),  # type: ignore[dict-item]
        "A sweep cannot vary 'strength' over 0.5",
    ),
    "axes that are none": (
        lambda: impasto.sweep(*PAIR, ["strength=0.5"], SMALL),  # type: ignore[list-item]
        "A sweep takes one or two settings with their values, as in",
    ),
}


@pytest.mark.parametrize(("call", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        call()


@pytest.mark.parametrize("by_rows", [False, True])
def test_pictures_that_the_network_cannot_read(by_rows: bool, weights: Weights) -> None:
    network = impasto.VGG19(weights, ["conv1_1", "conv3_1"], by_rows=by_rows)
    with pytest.raises(InputError, match="3×9 pixels is too small for conv3_1, which needs 4"):
        network(torch.zeros(3, 9, 3))
    with pytest.raises(InputError, match="A canvas should be a tensor"):
        network(torch.zeros(1, 9, 9))
    with pytest.raises(InputError, match="does not read conv4_1: it was made to read conv1_1"):
        network(torch.zeros(3, 9, 9), ["conv4_1"])


def test_arguments_that_the_network_cannot_have(weights: Weights) -> None:
    with pytest.raises(InputError, match="padding should be 'zeros' or 'replicate'"):
        impasto.VGG19(weights, "conv1_1", padding="replicated")
    with pytest.raises(InputError, match="pooling should be 'average' or 'max'"):
        impasto.VGG19(weights, "conv1_1", pooling="avg")


def test_one_layer_can_be_named_without_a_list(weights: Weights) -> None:
    assert set(impasto.VGG19(weights, "conv1_1")(torch.zeros(3, 4, 4))) == {"conv1_1"}


def test_a_canvas_of_one_s_own_loop_has_pixels_while_it_requires_a_gradient() -> None:
    canvas = impasto.preprocess(PIXELS).requires_grad_()
    np.testing.assert_allclose(impasto.deprocess(canvas), PIXELS, atol=1e-4)


def test_the_values_of_a_sweep_can_be_text_as_on_the_command_line() -> None:
    text, listed = (
        impasto.sweep(*PAIR, {"strength": values}, SMALL) for values in ("0.2,0.8", ["0.2", "0.8"])
    )
    assert text == listed
