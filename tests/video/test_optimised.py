"""Every frame of a clip painted by optimisation, from the last painting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conftest import style_pixels
from impasto import Recipe, stylize
from impasto.errors import InputError, StoppedError
from impasto.pictures.arrays import is_grey
from impasto.process import interrupts
from impasto.video import optimised
from impasto.video.method import Order, Pixels, VideoStep
from impasto.video.optimised import paint
from scenes import Painted, noisy, pattern, scene, unsteadiness

SIZE = 96, 64
STYLE = style_pixels(64, 96)
SCENE = scene(4)
QUICK: dict[str, Any] = {
    "levels": 1,
    "steps": 8,
    "content_layers": "conv2_1",
    "style_layers": "conv1_1,conv2_1",
}


def recipe(**settings: Any) -> Recipe:
    return Recipe(**{"size": SIZE, **QUICK, **settings})


def painted_from(
    frames: list[Pixels], painted: Painted | None = None, **settings: Any
) -> list[Pixels]:
    done = Painted() if painted is None else painted
    paint(frames, done, Order((STYLE,), recipe(**settings), "cpu"), lambda _: None)
    return [done[number] for number in range(len(frames))]


def alone(frame: Pixels, **settings: Any) -> Pixels:
    return np.asarray(stylize(frame, STYLE, recipe(**settings), device="cpu").image)


@pytest.fixture(scope="module")
def clip() -> list[Pixels]:
    return painted_from(SCENE.frames)


def test_the_first_frame_is_a_single_painting(clip: list[Pixels]) -> None:
    np.testing.assert_array_equal(clip[0], alone(SCENE.frames[0]))


def test_it_is_three_times_as_steady_as_single_paintings() -> None:
    frames = [noisy(frame, seed, 16) for seed, frame in enumerate(SCENE.frames)]
    singly = [alone(frame) for frame in frames]
    painted = painted_from(frames, Painted({0: singly[0]}))
    assert unsteadiness(painted, SCENE) < unsteadiness(singly, SCENE) / 3


def test_what_is_new_is_painted_too(clip: list[Pixels]) -> None:
    """The right border, which the pan has brought into view, is no longer the photograph's."""
    border = np.s_[:, -4:]
    apart = np.abs(clip[-1][border].astype(float) - SCENE.frames[-1][border])
    assert apart.mean() > 10


@pytest.mark.parametrize("stopped_after", [1, 3, 4, 5])
def test_a_clip_with_several_drafts_that_was_interrupted_comes_out_the_same(
    monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    monkeypatch.setattr(optimised, "AHEAD", 2)
    frames = scene(6).frames
    whole = painted_from(frames)
    painted = Painted(dict(enumerate(whole[:stopped_after])))
    for one, other in zip(whole, painted_from(frames, painted), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("stopped_after", [1, 3])
def test_an_interrupted_clip_comes_out_the_same(clip: list[Pixels], stopped_after: int) -> None:
    painted = Painted({number: clip[number] for number in range(stopped_after)})
    for one, other in zip(clip, painted_from(SCENE.frames, painted), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_interrupted_frame_is_not_saved(clip: list[Pixels]) -> None:
    painted = Painted({0: clip[0]})
    told: list[VideoStep] = []
    order = Order((STYLE,), recipe(), "cpu")
    with interrupts.scope(lambda: bool(told)), pytest.raises(StoppedError):
        paint(SCENE.frames, painted, order, told.append)
    assert list(painted) == [0]


def test_what_is_painted_already_is_not_looked_at(clip: list[Pixels]) -> None:
    def fail(_: VideoStep) -> None:
        pytest.fail("something was painted")

    paint(SCENE.frames, Painted(dict(enumerate(clip))), Order(("no.png",), recipe()), fail)


def test_a_frame_that_is_repeated_keeps_its_painting(clip: list[Pixels]) -> None:
    first, second = painted_from([SCENE.frames[0]] * 2, Painted({0: clip[0]}))
    np.testing.assert_array_equal(first, second)


def test_after_a_cut_a_frame_is_painted_alone(clip: list[Pixels]) -> None:
    other = pattern(64, 96, 5)
    painted = painted_from([SCENE.frames[0], other], Painted({0: clip[0]}))
    np.testing.assert_array_equal(painted[1], alone(other))


def test_a_still_picture_with_noise_keeps_its_colours(clip: list[Pixels]) -> None:
    frames = [SCENE.frames[0], *(noisy(SCENE.frames[0], seed) for seed in range(3))]
    painted = painted_from(frames, Painted({0: clip[0]}))
    drift = painted[-1].mean(axis=(0, 1)) - painted[0].mean(axis=(0, 1))
    assert np.abs(drift).max() < 1


def test_it_says_how_far_it_is() -> None:
    told: list[VideoStep] = []
    paint(SCENE.frames[:2], Painted(), Order((STYLE,), recipe(), "cpu"), told.append)
    shares = [step.share for step in told]
    assert shares == sorted(shares)
    assert told[-1] == VideoStep(2, 1.0)
    assert len(told) > 4


def test_with_strength_0_the_clip_is_the_photographs() -> None:
    painted = painted_from(SCENE.frames[:2], strength=0)
    apart = np.abs(painted[1].astype(float) - SCENE.frames[1])
    assert apart.mean() < 2


@pytest.mark.parametrize("color", ["content", "histogram", "match"])
def test_the_colours_of_the_content_stay(color: str) -> None:
    painted = painted_from(SCENE.frames[:2], color=color)
    here, single = (
        one.mean(axis=(0, 1)) for one in (painted[1], alone(SCENE.frames[1], color=color))
    )
    np.testing.assert_allclose(here, single, atol=6)


def test_a_grey_clip_in_a_grey_style_stays_grey() -> None:
    frames = [np.repeat(frame[..., :1], 3, axis=2) for frame in SCENE.frames[:2]]
    done = Painted()
    grey_style = np.repeat(STYLE[..., :1], 3, axis=2)
    paint(frames, done, Order((grey_style,), recipe(), "cpu"), lambda _: None)
    assert is_grey(done[1])


@pytest.mark.parametrize(
    "settings",
    [
        {"coarse": "auto", "levels": 2, "steps": 9, "content_layers": "conv3_2,conv4_2"},
        {"balance": "absolute", "beta": 1000.0},
        {"optimizer": "adam", "variable": "pyramid"},
        {"method": "nnst"},
    ],
    ids=str,
)
def test_every_recipe_with_losses_is_steadier(settings: dict[str, Any]) -> None:
    frames = [noisy(frame, seed) for seed, frame in enumerate(SCENE.frames[:2])]
    singly = [alone(frame, **settings) for frame in frames]
    painted = painted_from(frames, Painted({0: singly[0]}), **settings)
    assert unsteadiness(painted, SCENE) < unsteadiness(singly, SCENE)


def test_a_method_of_one_pass_has_no_temporal_loss() -> None:
    with pytest.raises(InputError, match="'instant' paints in one pass"):
        painted_from(SCENE.frames, steps=1, levels=1, method="instant")
