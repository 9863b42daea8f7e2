"""First canvases: noise, and a picture in the colours of another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto.network.pyramid import analysis, details
from impasto.process import threads
from impasto.run.canvas import noise, preprocess, recolored, strengthened


def picture(seed: int, scale: float = 40.0) -> Tensor:
    """A picture with colours that go together, as in a photograph."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.eye(3).double() + 0.2 * torch.randn(3, 3, generator=generator).double()
    colours = torch.randn(3, 30 * 20, generator=generator, dtype=torch.float64)
    return (scale * (mixed @ colours) + 10 * seed).view(3, 20, 30)


def statistics(of: Tensor) -> tuple[Tensor, Tensor]:
    flat = of.flatten(1)
    return flat.mean(1), torch.cov(flat, correction=0)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_recoloured_picture_has_the_style_s_mean_and_covariance(one: int, other: int) -> None:
    content, style = picture(one), picture(other)
    mean, covariance = statistics(recolored(content, style))
    wanted_mean, wanted = statistics(style)
    torch.testing.assert_close(mean, wanted_mean, rtol=0, atol=1e-6)
    # The least variance that is added to both keeps them apart by about as much.
    torch.testing.assert_close(covariance, wanted, rtol=0.01, atol=30)


def test_a_picture_in_its_own_colours_is_itself() -> None:
    content = picture(3)
    torch.testing.assert_close(recolored(content, content), content, rtol=0, atol=1e-6)


def test_where_things_are_in_the_style_does_not_matter() -> None:
    content, style = picture(1), picture(2)
    turned = style.flip(2).transpose(1, 2)
    torch.testing.assert_close(recolored(content, turned), recolored(content, style))


@pytest.mark.parametrize("grey", ["content", "style", "both"])
def test_grey_pictures_give_finite_colours(grey: str) -> None:
    content, style = (
        picture(seed)[:1].expand(3, -1, -1) if grey in (name, "both") else picture(seed)
        for seed, name in ((1, "content"), (2, "style"))
    )
    assert recolored(content, style).isfinite().all()


def test_a_picture_of_one_colour_becomes_the_style_s_mean() -> None:
    style = picture(2)
    flat = recolored(torch.full((3, 8, 8), 7.0, dtype=torch.float64), style)
    torch.testing.assert_close(flat, style.mean((1, 2)).reshape(3, 1, 1).expand(3, 8, 8))


@given(*4 * [st.integers(1, 24)], st.floats(0.01, 100))
def test_details_become_stronger_but_not_without_limits(
    height: int, width: int, of_style: int, across: int, contrast: float
) -> None:
    canvas, style = torch.rand(3, height, width), contrast * torch.rand(3, of_style, across)
    stronger = strengthened(canvas, style)
    assert stronger.shape == canvas.shape
    torch.testing.assert_close(analysis(stronger, 3)[-1].mean(), canvas.mean(), rtol=0, atol=0.2)
    assert (stronger - canvas.mean()).norm() <= 3.5 * (canvas - canvas.mean()).norm() + 1e-5


def test_details_become_as_strong_as_the_style_s() -> None:
    canvas = picture(1)
    stronger = strengthened(canvas, 1.5 * canvas)
    ratio = details(stronger).norm() / details(canvas).norm()
    assert float(ratio) == pytest.approx(1.5, abs=0.02)
    halfway = strengthened(canvas, 1.5 * canvas, share=0.5)
    torch.testing.assert_close(halfway, (canvas + stronger) / 2)


@pytest.mark.parametrize(
    "style", [0.5 * picture(1), torch.full((3, 9, 9), 7.0)], ids=["weak", "flat"]
)
def test_details_never_become_weaker(style: Tensor) -> None:
    canvas = picture(1)
    torch.testing.assert_close(strengthened(canvas, style), canvas)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_stronger_details_have_the_same_bytes_with_any_number_of_threads(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    canvas, style = torch.rand(2, 3, 160, 160, generator=generator)
    of_threads = {}
    for number in (1, count):
        with threads.use(number):
            of_threads[number] = strengthened(canvas, 1.3 * style).numpy().tobytes()
    assert of_threads[1] == of_threads[count]


def test_noise_is_made_of_whole_numbers_and_of_its_seed() -> None:
    like = torch.zeros(3, 40, 50)
    drawn = noise(like, 5)
    assert sorted(set(drawn.flatten().tolist())) == list(range(-20, 21))
    assert torch.equal(drawn, noise(like, 5))
    assert not torch.equal(drawn, noise(like, 6))


@pytest.mark.parametrize("kind", [">f4", ">u2", np.longdouble, np.float16])
def test_numbers_of_any_kind_become_a_canvas(kind: Any) -> None:
    pixels = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    assert torch.equal(preprocess(pixels.astype(kind)), preprocess(pixels.astype(np.float32)))
