"""A painting in the colours of its content picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from conftest import content_pixels, style_pixels
from impasto import Recipe, Style, stylize
from impasto.pictures.arrays import to_uint8
from impasto.pictures.color_transfer import (
    Palette,
    colours_of_content,
    histogram_of_content,
    oklab,
    palette_of,
    palette_of_style,
    srgb,
)
from impasto.pictures.inputs import read
from impasto.run.prepare import prepare

pictures = arrays(np.uint8, (5, 7, 3))
QUICK: dict[str, Any] = {
    "size": (48, 40),
    "steps": 3,
    "levels": 1,
    "content_layers": "conv2_1",
    "style_layers": "conv1_1,conv2_1",
}


def chroma(lab: Any) -> Any:
    return np.hypot(lab[..., 1], lab[..., 2])


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [((255, 255, 255), (1, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((255, 0, 0), (0.628, 0.2249, 0.1258))],
)
def test_known_colours(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(oklab(np.array(rgb, float)), lab, atol=2e-4)


@given(pictures)
def test_there_and_back(pixels: Any) -> None:
    np.testing.assert_array_equal(to_uint8(srgb(oklab(pixels))), pixels)


@given(pictures, pictures)
def test_lightness_is_the_painting_s_and_hue_the_content_s(painting: Any, content: Any) -> None:
    result = oklab(colours_of_content(painting, content).astype(np.float64))
    np.testing.assert_allclose(result[..., 0], oklab(painting)[..., 0], atol=1e-2)
    wanted = oklab(content)
    assert (chroma(result) <= chroma(wanted) + 2e-3).all()
    across = result[..., 1] * wanted[..., 2] - result[..., 2] * wanted[..., 1]
    assert np.abs(across).max() < 2e-3  # the axes of chroma point the same way


@given(pictures, pictures, pictures)
def test_a_palette_stays_within_the_range_of_the_style(
    painting: Any, content: Any, style: Any
) -> None:
    result = palette_of_style(painting, content, style)
    wanted = oklab(style)
    least, most = wanted.min(axis=(0, 1)), wanted.max(axis=(0, 1))
    seen = oklab(result)
    assert (seen[..., 0] >= least[0] - 2e-2).all()
    assert (seen[..., 0] <= most[0] + 2e-2).all()


def test_a_palette_has_the_mean_and_the_spread_of_the_style_s_chroma() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)  # no lightness to clip or to follow
    content, style = content_pixels(64, 64), style_pixels(64, 64) // 2 + 64
    seen, wanted = (
        oklab(pixels)[..., 1:].reshape(-1, 2)
        for pixels in (palette_of_style(grey, content, style), style)
    )
    np.testing.assert_allclose(seen.mean(0), wanted.mean(0), atol=0.02)


def test_a_style_of_one_pixel_has_a_palette_of_its_colour() -> None:
    content, style = content_pixels(20, 30), np.full((1, 1, 3), (180, 60, 40), np.uint8)
    result = palette_of_style(content, content, style)
    np.testing.assert_allclose(result, np.broadcast_to(style, result.shape), atol=1)


def test_a_palette_of_several_pictures_counts_each_pixel_by_its_share() -> None:
    red, blue = (np.full((2, 3, 3), color, np.uint8) for color in ((200, 40, 40), (40, 40, 200)))
    both = palette_of([(red, np.full((2, 3), 3.0)), (blue, np.full((2, 3), 1.0))])
    means = [palette_of([(one, None)]).chroma.mean for one in (red, blue)]
    np.testing.assert_allclose(both.chroma.mean, 0.75 * means[0] + 0.25 * means[1], atol=1e-6)
    np.testing.assert_allclose(
        [both.least, both.most], np.sort([oklab(red)[0, 0], oklab(blue)[0, 0]], 0), atol=1e-6
    )


def test_a_pixel_without_a_share_is_not_in_a_palette() -> None:
    style = np.array([[(200, 40, 40), (40, 40, 200)]], np.uint8)
    seen, wanted = palette_of([(style, np.array([[1.0, 0.0]]))]), palette_of([(style[:, :1], None)])
    np.testing.assert_allclose(seen.chroma.mean, wanted.chroma.mean, atol=1e-9)
    np.testing.assert_allclose([seen.least, seen.most], [wanted.least, wanted.most])


def palette_mean(*styles: Style) -> Any:
    """The mean chroma of the palette of several styles of one painting."""
    return read(content_pixels(20, 30), styles, Recipe()).palette.chroma.mean


def test_the_palette_of_a_run_is_that_of_all_styles_by_weight_mask_and_style_mask() -> None:
    red, blue = (np.full((8, 9, 3), color, np.uint8) for color in ((200, 40, 40), (40, 40, 200)))
    means = [palette_mean(Style(picture=one)) for one in (red, blue)]
    seen = palette_mean(Style(picture=red, weight=3), Style(picture=blue[:4]))
    np.testing.assert_allclose(seen, 0.75 * means[0] + 0.25 * means[1], atol=1e-6)
    quarter = np.zeros((20, 30), np.uint8)
    quarter[:5] = 255
    seen = palette_mean(Style(picture=red, mask=quarter), Style(picture=blue, mask=255 - quarter))
    np.testing.assert_allclose(seen, 0.25 * means[0] + 0.75 * means[1], atol=1e-6)
    left = np.zeros((8, 18), np.uint8)
    left[:, :9] = 255
    seen = palette_mean(Style(picture=np.hstack([red, blue]), style_mask=left))
    np.testing.assert_allclose(seen, means[0], atol=1e-6)


def test_the_palette_of_a_large_style_is_measured_once_on_a_smaller_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = list[tuple[int, ...]]()

    def noted(pictures: Any) -> Palette:
        listed = list(pictures)
        measured.extend(pixels.shape for pixels, _ in listed)
        return palette_of(listed)

    monkeypatch.setattr("impasto.pictures.inputs.palette_of", noted)
    run = prepare(content_pixels(40, 48), style_pixels(30, 600), Recipe(color="palette", **QUICK))
    run.paint(lambda step: bool(step.image().size))
    assert measured == [(26, 512, 3)]


def test_a_grey_style_has_a_grey_palette() -> None:
    grey = np.repeat(style_pixels(20, 30)[..., :1], 3, axis=2)
    result = palette_of_style(content_pixels(20, 30), content_pixels(20, 30), grey)
    assert chroma(oklab(result)).max() < 1e-3


@given(pictures)
def test_inside_srgb_chroma_stays_within_rounding(content: Any) -> None:
    """Where only the lightness changes a little, most colours are still inside."""
    result = colours_of_content(content, content)
    np.testing.assert_allclose(result, content, atol=0.51)


@given(pictures, pictures)
def test_a_result_is_a_picture(painting: Any, content: Any) -> None:
    for convert in (colours_of_content, histogram_of_content):
        result = convert(painting.astype(np.float32), content)
        assert np.isfinite(result).all()
        assert -0.01 <= result.min() <= result.max() <= 255.01


def test_the_histogram_is_the_content_s() -> None:
    generator = np.random.default_rng(0)
    painting = generator.uniform(40, 90, (60, 80, 3))
    content = content_pixels(60, 80)
    result = histogram_of_content(painting, content)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        np.testing.assert_allclose(
            np.quantile(result, share, axis=(0, 1)),
            np.quantile(content, share, axis=(0, 1)),
            atol=8,
        )


def test_match_gives_the_style_the_colours_of_the_content() -> None:
    generator = np.random.default_rng(0)
    content, style = (generator.integers(0, 256, (40, 48, 3), dtype=np.uint8) for _ in range(2))
    content[..., 0] //= 3
    recipe = Recipe(**QUICK, color="match")
    run = prepare(content, style, recipe, device="cpu")
    matched, wanted = (
        canvas.double().flatten(1)
        for canvas in (
            next(run.canvases.styles_at(run.levels[0])).canvas,
            run.canvases.content_at(run.levels[0]),
        )
    )
    np.testing.assert_allclose(matched.mean(1), wanted.mean(1), rtol=1e-3)
    np.testing.assert_allclose(matched.cov(), wanted.cov(), rtol=1e-3, atol=1e-3 * 255)


@pytest.mark.parametrize("color", ["style", "content", "match", "histogram"])
@pytest.mark.parametrize("grey", ["content", "style", "both"])
def test_grey_pictures_give_a_picture(color: str, grey: str) -> None:
    content, style = content_pixels(40, 48), style_pixels(40, 48)
    if grey in ("content", "both"):
        content = np.repeat(content[..., :1], 3, axis=2)
    if grey in ("style", "both"):
        style = np.repeat(style[..., :1], 3, axis=2)
    result = stylize(content, style, Recipe(**QUICK, color=color), device="cpu")
    assert np.isfinite(result.canvas).all()
    pixels = np.asarray(result.image).astype(int)
    assert pixels.std() > 1
    if color == "content" and grey in ("content", "both"):
        assert np.ptp(pixels, axis=2).max() <= 1
