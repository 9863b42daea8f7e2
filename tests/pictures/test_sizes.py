"""The sizes that a run works at, for any pictures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.errors import InputError
from impasto.pictures.sizes import canvas_size, cropped_size, fit, output_size, style_size
from impasto.settings.layers import LAYERS
from impasto.settings.recipe import Recipe

sides = st.integers(1, 20_000)
pictures = st.tuples(sides, sides)
layer_names = st.sampled_from([layer.name for layer in LAYERS[1:]])


@given(pictures, sides)
def test_the_longer_side_is_exactly_the_size(picture: tuple[int, int], size: int) -> None:
    assert max(fit(picture, size)) == size


@given(pictures, sides)
def test_the_aspect_ratio_is_kept_within_rounding(picture: tuple[int, int], size: int) -> None:
    shorter = min(fit(picture, size))
    exact = size * min(picture) / max(picture)
    assert abs(shorter - exact) <= 0.5 or (shorter == 1 and exact < 0.5)


@given(pictures, sides)
def test_a_fitted_picture_keeps_its_orientation(picture: tuple[int, int], size: int) -> None:
    width, height = fit(picture, size)
    assert (width >= height) if picture[0] >= picture[1] else (width <= height)


@given(pictures, pictures)
def test_a_cropped_picture_has_the_shape_within_rounding_and_loses_one_side_only(
    picture: tuple[int, int], shape: tuple[int, int]
) -> None:
    recipe = Recipe(size=shape, content_fit="crop")
    width, height = cropped_size(picture, recipe)
    assert width == picture[0] or height == picture[1]
    assert 1 <= width <= picture[0]
    assert 1 <= height <= picture[1]
    off = abs(width - height * shape[0] / shape[1]), abs(height - width * shape[1] / shape[0])
    assert min(off) <= 0.5 or min(width, height) == 1
    assert cropped_size((width, height), recipe) == (width, height)


@given(pictures, sides)
def test_a_picture_is_not_cropped_to_a_longer_side(picture: tuple[int, int], size: int) -> None:
    assert cropped_size(picture, Recipe(size=size, content_fit="crop")) == picture


@given(pictures, pictures, sides)
def test_a_picture_is_cropped_to_the_shape_of_the_result_if_the_canvas_has_none(
    picture: tuple[int, int], shape: tuple[int, int], size: int
) -> None:
    cropped = {
        cropped_size(picture, Recipe(content_fit="crop", **sizes))
        for sizes in ({"size": shape}, {"size": size, "output_size": shape})
    }
    assert len(cropped) == 1


@given(pictures, pictures)
def test_a_size_of_two_sides_is_taken_as_it_is(
    picture: tuple[int, int], size: tuple[int, int]
) -> None:
    assert fit(picture, size) == size


@given(layer_names, st.integers(1, 64), st.integers(1, 64))
def test_a_canvas_is_refused_just_when_its_deepest_layer_would_see_nothing(
    layer: str, width: int, height: int
) -> None:
    recipe = Recipe(size=(width, height), content_layers=layer, style_layers="conv1_1")
    positions = min(width, height)
    for name in [known.name for known in LAYERS]:
        positions //= 2 if name.startswith("pool") else 1
        if name == layer:
            break
    if positions:
        assert canvas_size((100, 100), recipe) == (width, height)
    else:
        with pytest.raises(InputError, match=f"{layer} needs"):
            canvas_size((100, 100), recipe)


def test_a_canvas_that_is_too_small_is_named_with_its_layer_and_size() -> None:
    with pytest.raises(InputError) as caught:
        canvas_size((1000, 20), Recipe(size=512))
    assert str(caught.value) == (
        "The canvas would be 512×10 pixels (the picture is 1000×20), but conv5_1 needs 16 pixels "
        "a side: choose a larger size, or a less narrow picture."
    )


def test_the_layer_that_is_named_is_the_deepest() -> None:
    recipe = Recipe(size=8, content_layers="relu5_4", style_layers="conv5_1")
    with pytest.raises(InputError, match="relu5_4 needs 16 pixels"):
        canvas_size((100, 100), recipe)


def test_a_style_picture_keeps_its_aspect_ratio_at_the_longer_side_of_the_canvas() -> None:
    assert style_size((300, 900), (512, 384), Recipe(style_fit="aspect")) == (171, 512)


def test_a_style_picture_is_looked_at_larger_or_smaller() -> None:
    assert style_size((300, 900), (512, 384), Recipe(style_scale=2)) == (342, 1024)
    squeezed = Recipe(style_fit="squeeze", style_scale=0.5)
    assert style_size((300, 900), (512, 384), squeezed) == (256, 192)


def test_the_original_size_is_the_content_picture_s() -> None:
    assert canvas_size((3000, 2001), Recipe(size="original")) == (3000, 2001)


def test_a_squeezed_style_picture_has_the_size_of_the_canvas() -> None:
    assert style_size((300, 900), (512, 384), Recipe(style_fit="squeeze")) == (512, 384)


def test_a_style_picture_that_is_too_narrow_is_refused() -> None:
    with pytest.raises(InputError, match="style picture would be 5×512 pixels"):
        style_size((10, 1000), (512, 384), Recipe())


@pytest.mark.parametrize(
    ("setting", "size"),
    [
        ("working", (512, 384)),
        ("content", (3000, 2000)),
        (1500, (1500, 1000)),
        ((300, 300), (300, 300)),
    ],
)
def test_the_result_has_the_output_size(
    setting: str | int | tuple[int, int], size: tuple[int, int]
) -> None:
    assert output_size((3000, 2000), (512, 384), Recipe(output_size=setting)) == size
