"""The reconstructions of two pictures from each layer."""

from __future__ import annotations

import pytest

from conftest import content_pixels, style_pixels
from impasto.errors import InputError
from impasto.experiments.reconstruct import reconstruct


def test_a_size_too_small_for_a_layer_is_refused_before_the_first_painting() -> None:
    begun = list[tuple[object, ...]]()
    with pytest.raises(InputError, match="conv5_1"):
        reconstruct(
            content_pixels(30, 40),
            style_pixels(40, 40),
            size=12,
            steps=1,
            device="cpu",
            on_picture=lambda *picture: begun.append(picture),
        )
    assert not begun
