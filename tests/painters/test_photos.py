"""The crops that a painter is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto.errors import ImpastoWarning, InputError
from impasto.painters.photos import FEW, Photos
from impasto.painters.variety import varied

PICTURES = [content_pixels(60, 90), style_pixels(80, 50)]


def test_a_crop_follows_from_its_number_and_the_seed() -> None:
    photos, same, other = (Photos(PICTURES, 64, seed) for seed in (3, 3, 4))
    photos.crop(0)
    assert np.array_equal(photos.crop(5), same.crop(5))
    assert not np.array_equal(photos.crop(5), other.crop(5))
    assert not np.array_equal(photos.crop(5), photos.crop(6))


@pytest.mark.parametrize(("size", "side"), [(64, 64), (100, 96), (1000, 256), (16, 32)])
def test_the_side_of_a_crop(size: int, side: int) -> None:
    photos = Photos(PICTURES, size, 0)
    assert photos.crop(1).shape == (side, side, 3)
    assert photos.crop(1, half=True).shape == (side // 2, side // 2, 3)


def test_every_photograph_comes_before_any_comes_again() -> None:
    greys = [np.full((40, 40, 3), 40 + 4 * number, np.uint8) for number in range(FEW)]
    photos = Photos(greys, 32, 0)
    for turn in range(3):
        seen = {round(float(photos.crop(FEW * turn + place).mean())) for place in range(FEW)}
        assert seen == {40 + 4 * number for number in range(FEW)}


def test_crops_of_few_photographs_have_many_colours() -> None:
    photos = Photos([np.full((40, 40, 3), 128, np.uint8)] * (FEW - 1), 32, 0)
    means = np.array([photos.crop(number).mean((0, 1)) for number in range(60)])
    assert (means.std(axis=0) > 20).all()
    assert ((means.max(axis=1) - means.min(axis=1)) > 20).mean() > 0.5


@given(st.integers(0, 2**32 - 1), st.integers(2, 64))
def test_a_varied_crop_is_a_picture_of_the_same_shape(seed: int, side: int) -> None:
    draws = np.random.default_rng(seed)
    one, other = draws.uniform(-20, 280, (2, side, side, 3)).astype(np.float32)
    made = varied(one, other, draws)
    assert made.shape == one.shape
    assert made.dtype == np.float32
    assert 0 <= made.min() <= made.max() <= 255


def test_a_photograph_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    Image.fromarray(PICTURES[0]).save(tmp_path / "good.png")
    photos = Photos([tmp_path / "broken.jpg", tmp_path / "good.png"], 32, 0)
    with pytest.warns(ImpastoWarning, match=r"passed over\. .*broken\.jpg"):
        crops = [photos.crop(number) for number in range(4)]
    assert all(crop.shape == (32, 32, 3) for crop in crops)


def test_no_photograph_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    photos = Photos([tmp_path / "broken.jpg"], 32, 0)
    with pytest.warns(ImpastoWarning), pytest.raises(InputError, match=r"None of the .* \(1\)"):
        photos.crop(0)


def test_other_photographs_have_another_identity(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for path, picture in zip(paths, PICTURES, strict=True):
        Image.fromarray(picture).save(path)
    one, same, other = (Photos(files, 32, 0) for files in (paths, paths[:], paths[:1]))
    assert one.identity == same.identity != other.identity


def test_a_link_to_nothing_among_the_photographs_has_an_identity_too(tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "nothing.png")
    assert Photos([link], 32, 0).identity == Photos([link], 32, 0).identity
