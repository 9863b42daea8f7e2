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
NAN = torch.full((3, 4, 4), torch.nan)
STEP = impasto.Step(1, 1.0, 1.0, 1.0, 0.0)
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
    "one array for a montage": (
        lambda: impasto.montage(PIXELS),
        r"A montage takes a list of pictures, not ndarray of uint8 \(24, 32, 3\): put the picture",
    ),
    "one path for a montage": (lambda: impasto.montage("a.png"), "list of pictures, not str"),
    "no pictures for a montage": (lambda: impasto.montage(iter(())), "at least one picture"),
    "a number for a montage": (
        lambda: impasto.montage(3),  # type: ignore[arg-type]
        "list of pictures, not int",
    ),
    "a gap below zero": (
        lambda: impasto.montage([PIXELS], gap=-1),
        "gap should be a whole number of at least 0, not -1",
    ),
    "a seed that is no whole number": (
        lambda: impasto.noise(torch.zeros(3, 4, 4), 1.5),  # type: ignore[arg-type]
        "seed should be a whole number from 0 to 9223372036854775807, not 1.5",
    ),
    "a seed below zero": (lambda: impasto.noise(torch.zeros(3, 4, 4), -1), "not -1"),
    "a size for noise": (
        lambda: impasto.noise((3, 4, 4), 0),  # type: ignore[arg-type]
        "like should be a tensor, not tuple",
    ),
    "a content with NaN": (
        lambda: impasto.recolored(NAN, torch.zeros(3, 4, 4)),
        "content contains NaN or infinity",
    ),
    "a style with NaN": (
        lambda: impasto.recolored(torch.zeros(3, 4, 4), NAN),
        "style contains NaN or infinity",
    ),
    "a variance below zero": (
        lambda: impasto.recolored(torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), -1.0),
        "smallest should be a finite number of at least 0, not -1.0",
    ),
    "weights of another shape": (
        lambda: impasto.recolored(
            torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), of_style=torch.ones(2, 4)
        ),
        r"of_style should be a tensor of shape \(4, 4\), .* not Tensor of float32 \(2, 4\)",
    ),
    "weights below zero": (
        lambda: impasto.recolored(
            torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), of_content=-torch.ones(4, 4)
        ),
        "of_content holds a weight below 0",
    ),
    "an alpha that is a word": (
        lambda: impasto.loss_curves([STEP], "c.png", alpha="1", beta=1.0),  # type: ignore[arg-type]
        "alpha should be a finite number of at least 0, not '1'",
    ),
    "a beta without end": (
        lambda: impasto.loss_curves([STEP], "c.png", alpha=1.0, beta=float("inf")),
        "beta should be a finite number of at least 0, not inf",
    ),
    "a learning rate of zero": (
        lambda: impasto.Adam(0.0),
        "learning_rate should be a finite number above 0, not 0.0",
    ),
    "a pyramid without levels": (
        lambda: impasto.Adam(1.0, levels=0),
        "levels should be a whole number of at least 1, not 0",
    ),
    "a first step that is no number": (
        lambda: impasto.LBFGS(float("nan")),
        "first_step should be a finite number above 0, not nan",
    ),
    "a history of half a pair": (
        lambda: impasto.LBFGS(1.0, history=2.5),  # type: ignore[arg-type]
        "history should be a whole number of at least 0, not 2.5",
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


def test_numbers_may_come_from_numpy_and_pytorch() -> None:
    seed = np.int64(3)
    same = impasto.noise(torch.zeros(3, 4, 4), 3)
    assert torch.equal(impasto.noise(torch.zeros(3, 4, 4), seed), same)
    assert impasto.Adam(torch.tensor(2.0)).learning_rate == 2  # type: ignore[arg-type]


def test_a_montage_of_anything_that_holds_pictures() -> None:
    listed = impasto.montage([PIXELS, PIXELS])
    assert impasto.montage(np.stack([PIXELS, PIXELS])) == listed
    assert impasto.montage(picture for picture in (PIXELS, PIXELS)) == listed


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
