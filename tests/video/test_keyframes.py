"""Keyframes that are painted, and the frames between, to which they are moved."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import style_pixels
from impasto import Recipe, stylize
from impasto.video.keyframes import DISTANCES, keyframes, mixture, paint
from impasto.video.method import Order, Pixels, VideoStep
from impasto.video.moving import Motion
from scenes import Painted, noisy, pattern, scene, unsteadiness

STYLE = style_pixels(64, 96)
SCENE = scene(8)
OTHER = pattern(64, 96, 5)
RECIPE = Recipe(
    size=(96, 64), levels=1, steps=8, content_layers="conv2_1", style_layers="conv1_1,conv2_1"
)
ORDER = Order((STYLE,), RECIPE, "cpu")


def motion_of(frames: list[Pixels]) -> Motion:
    return Motion(frames, 8)


def painted_from(frames: list[Pixels], painted: Painted | None = None) -> list[Pixels]:
    done = Painted() if painted is None else painted
    paint(frames, done, ORDER, lambda _: None)
    return [done[number] for number in range(len(frames))]


@pytest.fixture(scope="module")
def clip() -> list[Pixels]:
    return painted_from(SCENE.frames)


def test_a_still_clip_has_a_keyframe_every_twelve_frames_and_at_its_end() -> None:
    found = list(keyframes(motion_of([OTHER] * 30), 30))
    assert found == [(None, 0), (0, 12), (12, 24), (24, 29)]


def test_keyframes_are_nearer_to_each_other_where_more_moves_out_of_sight() -> None:
    frames = scene(13).frames
    (_, first), (_, second), *_ = keyframes(motion_of(frames), len(frames))
    assert first == 0
    assert second == DISTANCES[-1]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([OTHER], [(None, 0)]),
        ([OTHER, STYLE, STYLE, STYLE], [(None, 0), (None, 1), (1, 3)]),
        ([OTHER, OTHER, STYLE, OTHER], [(None, 0), (0, 1), (None, 2), (None, 3)]),
    ],
    ids=["one frame", "a shot of one frame first", "a shot of one frame in the middle"],
)
def test_every_shot_begins_and_ends_with_a_keyframe(
    frames: list[Pixels], expected: list[tuple[int | None, int]]
) -> None:
    assert list(keyframes(motion_of(frames), len(frames))) == expected


def test_a_frame_between_is_a_mixture_by_distance() -> None:
    painted = Painted({0: np.full_like(OTHER, 100), 4: np.full_like(OTHER, 200)})
    found = mixture(1, (0, 4), motion_of([OTHER] * 5), painted)
    np.testing.assert_array_equal(found, 125)


def test_what_only_one_keyframe_shows_comes_from_it() -> None:
    """The right border of a frame comes into view after the first keyframe."""
    frames = SCENE.frames[:3]
    painted = Painted({0: np.full_like(OTHER, 100), 2: np.full_like(OTHER, 200)})
    found = mixture(1, (0, 2), motion_of(frames), painted)
    assert np.median(found[:, -1:]) > 190
    assert np.median(found[:15, 20:60]) == pytest.approx(150, abs=1)


def test_the_first_keyframe_is_a_single_painting(clip: list[Pixels]) -> None:
    single = stylize(SCENE.frames[0], STYLE, RECIPE, device="cpu")
    np.testing.assert_array_equal(clip[0], np.asarray(single.image))


def test_it_is_three_times_as_steady_as_single_paintings() -> None:
    frames = [noisy(frame, seed, 16) for seed, frame in enumerate(SCENE.frames)]
    singly = [np.asarray(stylize(frame, STYLE, RECIPE, device="cpu").image) for frame in frames[:3]]
    painted = painted_from(frames, Painted({0: singly[0]}))
    assert unsteadiness(painted, SCENE) < unsteadiness(singly, SCENE) / 3


@pytest.mark.parametrize("there", [[0], [0, 5, 1, 2], [0, 5, 1, 2, 3, 4]], ids=str)
def test_an_interrupted_clip_comes_out_the_same(clip: list[Pixels], there: list[int]) -> None:
    painted = Painted({number: clip[number] for number in there})
    for one, other in zip(clip, painted_from(SCENE.frames, painted), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_painted_already_is_not_looked_at(clip: list[Pixels]) -> None:
    def fail(_: VideoStep) -> None:
        pytest.fail("something was painted")

    paint(SCENE.frames, Painted(dict(enumerate(clip))), Order(("no.png",), RECIPE), fail)


def test_a_still_picture_with_noise_keeps_its_colours(clip: list[Pixels]) -> None:
    frames = [SCENE.frames[0], *(noisy(SCENE.frames[0], seed) for seed in range(14))]
    painted = painted_from(frames, Painted({0: clip[0]}))
    drift = painted[-1].mean(axis=(0, 1)) - painted[0].mean(axis=(0, 1))
    assert np.abs(drift).max() < 1


def test_it_says_how_far_it_is() -> None:
    told: list[VideoStep] = []
    paint(SCENE.frames[:3], Painted(), ORDER, told.append)
    shares = [step.share for step in told]
    assert shares == sorted(shares)
    assert told[-1] == VideoStep(3, 1.0)
    assert len(told) > 4
