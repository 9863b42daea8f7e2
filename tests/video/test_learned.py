"""The method ``learned``: its crops, its temporal loss, and a training that is interrupted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from conftest import content_pixels, style_pixels
from impasto.errors import InputError, StoppedError
from impasto.settings.recipe import Recipe
from impasto.video import learned
from impasto.video.learned import Calm, FrameCrops, Steady
from impasto.video.method import Order, Pixels, VideoStep
from scenes import Painted, noisy, pattern, scene

pytest.importorskip("cv2")

HEIGHT, WIDTH, COUNT = 48, 64, 4
STEP = 3  # pixels that the camera moves from frame to frame


@pytest.fixture(scope="module")
def frames() -> list[Pixels]:
    """A camera that moves to the right."""
    whole = content_pixels(HEIGHT, WIDTH + STEP * COUNT)
    return [
        np.ascontiguousarray(whole[:, STEP * number : STEP * number + WIDTH])
        for number in range(COUNT)
    ]


def order(folder: Path | None = None, **settings: object) -> Order:
    recipe = Recipe(size=(WIDTH, HEIGHT), **settings)
    return Order((style_pixels(32, 48),), recipe, "cpu", folder=folder)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "STEPS", 4)


def test_a_crop_and_the_one_before_it_show_the_same_place(frames: list[Pixels]) -> None:
    crops = FrameCrops(frames)
    for number in range(COUNT):
        place = crops._place(number, crops.side)
        found = crops.last(number, crops.side)
        if place.frame == 0:
            assert found is None
            continue
        assert found is not None
        before, way = found
        trusted = way.trusted[..., None] & np.ones(3, bool)
        assert trusted.mean() > 0.3
        off = np.abs(way.moved(before) - crops.crop(number))[trusted]
        still = np.abs(before - crops.crop(number).astype(np.float32))[trusted]
        assert off.mean() < 0.5 * still.mean()


def test_a_frame_after_a_cut_has_no_frame_before_it(frames: list[Pixels]) -> None:
    other = 255 - frames[0][::-1]
    crops = FrameCrops([frames[0], np.ascontiguousarray(other)])
    assert [crops.last(number, crops.side) for number in range(2)] == [None, None]


def test_frames_smaller_than_a_crop_are_continued_beyond_their_border() -> None:
    tiny = [content_pixels(20, 24), content_pixels(20, 24)]
    crop = FrameCrops(tiny).crop(0)
    assert crop.shape == (32, 32, 3)
    np.testing.assert_array_equal(crop[20:, :24], np.repeat(crop[19:20, :24], 12, 0))


def test_the_temporal_loss_is_small_for_a_painter_that_follows_the_motion(
    frames: list[Pixels],
) -> None:
    crops = FrameCrops(frames)
    number = next(one for one in range(COUNT) if crops._place(one, crops.side).frame)
    painted = torch.from_numpy(crops.crop(number).astype(np.float32)).permute(2, 0, 1)
    steady = Steady(crops, 1.0)
    following = steady(lambda picture: picture, painted, number)
    flickering = steady(lambda picture: picture + 20, painted, number)
    assert following is not None
    assert flickering is not None
    assert float(following) < 0.5 * float(flickering)


def test_the_gradient_of_the_temporal_loss_reaches_both_paintings(frames: list[Pixels]) -> None:
    crops = FrameCrops(frames)
    number = next(one for one in range(COUNT) if crops._place(one, crops.side).frame)
    gain = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)

    def loss_at(by: Tensor) -> Tensor:
        picture = torch.from_numpy(crops.crop(number).astype(np.float64)).permute(2, 0, 1)
        found = Steady(crops, 3.0)(lambda other: by * other.double(), by.detach() * picture, number)
        assert found is not None
        return found

    (slope,) = torch.autograd.grad(loss_at(gain), gain)
    painted = torch.from_numpy(crops.crop(number).astype(np.float64)).permute(2, 0, 1)

    def with_fixed(by: float) -> float:
        found = Steady(crops, 3.0)(lambda other: by * other.double(), 1.1 * painted, number)
        assert found is not None
        return float(found)

    step = 1e-4
    difference = (with_fixed(1.1 + step) - with_fixed(1.1 - step)) / (2 * step)
    assert float(slope) == pytest.approx(difference, rel=1e-4)


def test_a_clip_is_painted_the_same_after_an_interruption(
    frames: list[Pixels], tmp_path: Path
) -> None:
    whole, parts = Painted(), Painted()
    learned.paint(frames, whole, order(), lambda _: None)
    for stop in (2, 1, 3):  # in the training, in the training, and after two frames
        seen: list[VideoStep] = []

        def on_step(step: VideoStep, stop: int = stop, seen: list[VideoStep] = seen) -> None:
            seen.append(step)
            if len(seen) == stop:
                raise StoppedError

        with pytest.raises(StoppedError):
            learned.paint(frames, parts, order(tmp_path), on_step)
    learned.paint(frames, parts, order(tmp_path), lambda _: None)
    assert sorted(parts) == list(range(COUNT))
    for number in range(COUNT):
        np.testing.assert_array_equal(parts[number], whole[number])


def test_a_painter_that_is_there_is_not_trained_again(frames: list[Pixels], tmp_path: Path) -> None:
    learned.paint(frames, Painted(), order(tmp_path), lambda _: None)
    shares: list[float] = []
    learned.paint(frames, Painted(), order(tmp_path), lambda step: shares.append(step.share))
    assert len(shares) == COUNT


def test_the_colours_of_a_style_that_is_gone_are_known_when_the_painter_is(
    frames: list[Pixels], tmp_path: Path
) -> None:
    style = tmp_path / "style.png"
    Image.fromarray(style_pixels(32, 48)).save(style)
    recipe = Recipe(size=(WIDTH, HEIGHT))
    learned.paint(
        frames, Painted(), Order((str(style),), recipe), lambda _: style.unlink(missing_ok=True)
    )
    assert not style.exists()


def test_a_recipe_that_cannot_be_learned_gets_a_sentence(frames: list[Pixels]) -> None:
    recipe = Recipe.preset("nnst", size=(WIDTH, HEIGHT))
    with pytest.raises(InputError, match="nnst"):
        learned.paint(frames, Painted(), Order((style_pixels(32, 48),), recipe), lambda _: None)


def test_the_clip_has_the_colours_of_the_style(frames: list[Pixels]) -> None:
    painted = Painted()
    learned.paint(frames, painted, order(), lambda _: None)
    clip = np.stack([painted[number] for number in range(COUNT)])
    colors, wanted = (
        pixels.reshape(-1, 3).astype(float) for pixels in (clip, style_pixels(32, 48))
    )
    np.testing.assert_allclose(colors.mean(0), wanted.mean(0), atol=8)
    np.testing.assert_allclose(colors.std(0), wanted.std(0), rtol=0.2)


def test_what_rests_is_painted_without_its_noise() -> None:
    still = pattern(64, 96, 3)
    calm = Calm([noisy(still, seed) for seed in range(4)])
    apart = [np.abs(calm[number].astype(float) - still).mean() for number in range(4)]
    assert max(apart[2:]) < 0.7 * apart[0]
    assert len(calm) == 4


def test_what_moves_is_painted_as_it_is() -> None:
    frames = scene(3).frames
    np.testing.assert_array_equal(Calm(frames)[2], frames[2])


def test_what_rests_is_not_mixed_with_another_shot() -> None:
    frames = [pattern(64, 96, 3), pattern(64, 96, 5)]
    np.testing.assert_array_equal(Calm(frames)[1], frames[1])
