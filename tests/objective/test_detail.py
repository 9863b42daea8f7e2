"""The detail of a canvas, and the loss of what exceeds the style's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import content_pixels
from impasto import Recipe
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective import detail, nnst
from impasto.objective.detail import detail_of, detail_within, excess_loss, lags_for
from impasto.objective.regions import StyleCanvas
from impasto.objective.rounds import Compared


def noise(height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return 50 * torch.randn(3, height, width, generator=generator, dtype=torch.float64)


@given(st.integers(3, 24), st.integers(3, 24))
def test_the_gradient_of_the_detail_is_that_of_a_finite_difference(height: int, width: int) -> None:
    picture = noise(height, width).requires_grad_()
    lags = lags_for([picture])
    assert torch.autograd.gradcheck(lambda x: detail_of(x, lags), (picture,), fast_mode=True)


def test_detail_is_measured_where_it_fits_into_every_picture() -> None:
    assert lags_for([noise(64, 48)]) == detail.LAGS
    assert lags_for([noise(64, 48), noise(9, 30)]) == (1, 2, 4)
    assert lags_for([noise(64, 48), noise(2, 30)]) == ()


@pytest.mark.parametrize("lag", detail.LAGS)
def test_detail_at_a_distance_is_that_of_stripes_so_wide(lag: int) -> None:
    """Even light, and light that changes evenly, have none."""
    ramp = torch.arange(64.0).expand(3, 64, 64)
    stripes = 10 * (ramp.div(lag, rounding_mode="floor") % 2)
    assert detail_of(ramp, detail.LAGS).max() == 0
    assert detail_of(stripes, detail.LAGS).argmax() == detail.LAGS.index(lag)


def test_only_more_detail_than_is_wanted_counts() -> None:
    wanted = torch.tensor([4.0, 100.0])
    assert excess_loss(wanted / 2, wanted) == 0
    assert excess_loss(wanted * 2, wanted) == pytest.approx(torch.tensor(2.0).log().square().item())
    assert excess_loss(torch.zeros(2), torch.zeros(2)) == 0


def test_only_marked_pixels_count_where_some_are_marked() -> None:
    """The left half of the picture is even, and the right half noise."""
    picture, marked = noise(40, 48), torch.zeros(40, 48, dtype=torch.bool)
    picture[:, :, :24] = 0
    marked[:, :12] = True
    lags = lags_for([picture])
    assert detail_within(picture, lags, marked).max() == 0
    assert detail_within(picture, lags, ~marked)[0] > detail_of(picture, lags)[0]
    every, none = torch.ones_like(marked), torch.zeros_like(marked)
    for counted in (every, none):
        torch.testing.assert_close(detail_within(picture, lags, counted), detail_of(picture, lags))


def test_of_a_style_with_a_mask_only_the_marked_detail_is_wanted(weights: Weights) -> None:
    recipe = Recipe(method="even-nnst", style_layers="relu1_1", precision="float64")
    network = VGG19(weights, recipe.style_layers, dtype=torch.float64)
    content = torch.from_numpy(content_pixels(48, 48)).permute(2, 0, 1).double() - network.mean
    framed, marked = content.clone(), torch.zeros(48, 48, dtype=torch.float64)
    framed[:, :, 24:] += noise(48, 24)
    marked[:, :12] = 1.0
    wanted = [
        nnst.Neighbours(Compared(network, content, [style], recipe, 1, 1))._detail
        for style in (StyleCanvas(framed), StyleCanvas(framed, style_mask=marked))
    ]
    whole, part = wanted
    assert whole is not None
    assert part is not None
    assert (part < whole).all()


def test_even_nnst_adds_the_loss_of_the_detail_that_exceeds_the_style_s(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a smooth style, a canvas with noise has too much; of the noise itself, it has not."""
    recipe = Recipe(method="even-nnst", style_layers="relu1_1", precision="float64")
    network = VGG19(weights, recipe.style_layers, dtype=torch.float64)
    content = torch.from_numpy(content_pixels(32, 48)).permute(2, 0, 1).double() - network.mean
    canvas = content + noise(32, 48)
    added = []
    for style in (content, canvas):
        losses = []
        for weight in (nnst.DETAIL, 0.0):
            monkeypatch.setattr(nnst, "DETAIL", weight)
            compared = Compared(network, content, [StyleCanvas(style)], recipe, 1, 1)
            losses.append(nnst.neighbours(compared)(canvas).loss)
        monkeypatch.undo()
        added.append(losses[0] - losses[1])
    lags = detail.LAGS
    wanted = excess_loss(detail_of(canvas, lags), detail_of(content, lags)).item()
    assert added == pytest.approx([wanted, 0], abs=1e-9)
    assert wanted > 0.1
