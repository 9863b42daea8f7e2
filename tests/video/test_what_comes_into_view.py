"""What a clip shows for the first time after its first frame, painted by methods that go on."""

from __future__ import annotations

import numpy as np
import pytest

from impasto import Recipe, stylize
from impasto.pictures import samples
from impasto.video import keyframes, optimised
from impasto.video.method import Method, Order, Pixels
from scenes import PAN, Painted, scene

STYLE = samples.style("mosaic")
FRAMES = scene(8).frames
BORDER = np.s_[:, -PAN * (len(FRAMES) - 1) :]
RECIPE = Recipe(
    size=(96, 64),
    levels=2,
    coarse="auto",
    steps=20,
    content_layers="conv3_2,conv4_2",
    style_layers="conv1_1,conv2_1,conv3_1",
)


def detail(picture: Pixels) -> float:
    """How much neighbouring pixels differ, in grey levels."""
    return float(np.abs(np.diff(picture.astype(float), axis=0)).mean())


@pytest.mark.parametrize("paint", [optimised.paint, keyframes.paint])
def test_it_is_as_rich_as_a_single_painting(paint: Method) -> None:
    single = stylize(FRAMES[-1], STYLE, RECIPE, device="cpu")
    painted = Painted()
    paint(FRAMES, painted, Order((STYLE,), RECIPE, "cpu"), lambda _: None)
    found = painted[len(FRAMES) - 1]
    assert detail(found[BORDER]) > 0.75 * detail(np.asarray(single.image)[BORDER])
