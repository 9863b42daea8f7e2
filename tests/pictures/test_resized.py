"""A picture in other sizes, as the levels of a run read it again and again."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import content_pixels
from impasto.pictures import arrays, images


def test_a_picture_in_another_size_is_made_once_and_only_read() -> None:
    picture = images.read(content_pixels(48, 64))
    small = picture.resized((32, 24))
    np.testing.assert_array_equal(small, arrays.resize(picture.pixels, (32, 24)))
    assert picture.resized((32, 24)) is small
    with pytest.raises(ValueError, match="read-only"):
        small[0] = 0


def test_the_last_small_sizes_of_a_picture_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 300)
    picture = images.read(content_pixels(48, 64))
    sizes = [(10 + more, 10) for more in range(images.MOST_SIZES + 1)]
    first, *others = (picture.resized(size) for size in sizes)
    assert all(picture.resized(size) is kept for size, kept in zip(sizes[1:], others, strict=True))
    assert picture.resized(sizes[0]) is not first
    assert picture.resized((31, 10)) is not picture.resized((31, 10))  # large
