"""Optical flow, and where it can be trusted."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.errors import InputError
from impasto.video import flow as flows
from impasto.video.flow import alike, boundary, consistent, flow, way, without_islands
from impasto.video.method import Pixels
from scenes import noisy, pattern, scene

BIG = pattern(96, 128, 1)
SCENE = scene(2)


def shifted(across: float, down: float) -> Pixels:
    """The picture, moved by a part of a pixel or several, without its borders."""
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(BIG, matrix, (128, 96), flags=cv2.INTER_LANCZOS4)
    return np.asarray(moved[16:-16, 16:-16], np.uint8)


@settings(max_examples=15)
@given(across=st.floats(-6, 6), down=st.floats(-6, 6))
def test_the_flow_of_a_shift_is_the_shift(across: float, down: float) -> None:
    found = flow(shifted(0, 0), shifted(across, down))
    errors = np.hypot(*np.moveaxis(found - (across, down), 2, 0))[12:-12, 12:-12]
    assert np.median(errors) < 0.1


def test_noise_is_not_motion() -> None:
    frame = pattern(64, 96, 3)
    assert (flow(noisy(frame, 1), noisy(frame, 2)) == 0).all(axis=2).mean() > 0.95


def test_a_slow_pan_is_motion() -> None:
    found = flow(shifted(0, 0), shifted(0.2, 0))
    np.testing.assert_allclose(np.median(found, axis=(0, 1)), (0.2, 0), atol=0.05)


def test_what_the_last_frame_hides_is_not_trusted_and_what_it_shows_is() -> None:
    trusted = way(SCENE.frames[1], SCENE.frames[0]).trusted
    visible = SCENE.visible[0]
    assert trusted[visible].mean() > 0.9
    assert trusted[~visible].mean() < 0.1


def test_a_frame_moved_along_the_flow_is_the_other_frame() -> None:
    found = way(SCENE.frames[1], SCENE.frames[0])
    apart = np.abs(found.moved(SCENE.frames[0]) - SCENE.frames[1])
    assert np.median(apart[found.trusted]) < 2


def test_a_picture_that_is_moved_again_and_again_is_hardly_blurred() -> None:
    half = flows.Way(np.full((96, 128, 2), 0.5, np.float32), *(2 * [np.ones((96, 128), bool)]))
    picture = BIG.astype(np.float32)
    for _ in range(10):
        picture = half.moved(picture)
    middle = slice(20, -20), slice(20, -20)
    assert picture[middle].std() > 0.95 * BIG[middle].std()


@pytest.mark.parametrize("shape", [(2, 2), (8, 40), (17, 23)])
def test_small_pictures_have_a_flow(shape: tuple[int, int]) -> None:
    picture = pattern(*shape, seed=4)
    assert flow(picture, picture).shape == (*shape, 2)


def test_the_number_of_threads_does_not_change_the_flow() -> None:
    before, found = cv2.getNumThreads(), []
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            found.append(flow(BIG, np.roll(BIG, 3, axis=1)))
            assert cv2.getNumThreads() == count
    finally:
        cv2.setNumThreads(before)
    one, several = found
    np.testing.assert_array_equal(one, several)


def test_there_and_back_must_end_near_the_start() -> None:
    forth, back = np.zeros((4, 6, 2), np.float32), np.zeros((4, 6, 2), np.float32)
    forth[..., 0] = 2
    back[..., 0] = -2
    back[1, 4, 0] = -3.5  # seen from (1, 2), to which the way back does not lead
    expected = np.ones((4, 6), bool)
    expected[:, 4:] = False  # leads beyond the border
    expected[1, 2] = False
    np.testing.assert_array_equal(consistent(forth, back), expected)


def test_what_agrees_by_chance_within_what_is_hidden_is_not_seen() -> None:
    mask = np.zeros((40, 60), bool)
    mask[:, :30] = True
    mask[10:14, 45:49] = True
    found = without_islands(mask)
    np.testing.assert_array_equal(np.flatnonzero(found.any(axis=0)), np.arange(28))
    assert found[:, :28].all()


def test_what_is_seen_everywhere_is_seen_at_the_border_of_the_frame_too() -> None:
    assert without_islands(np.ones((20, 30), bool)).all()


def test_the_boundary_of_a_motion_is_where_the_flow_changes() -> None:
    found = np.zeros((4, 8, 2), np.float32)
    found[:, 4:, 1] = 3
    np.testing.assert_array_equal(np.flatnonzero(boundary(found).all(axis=0)), (3, 4))


def test_the_colours_at_both_ends_must_be_alike() -> None:
    black, white = np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 255, np.uint8)
    still = np.zeros((20, 20, 2), np.float32)
    assert alike(black, black, still).all()
    assert not alike(black, white, still).any()


def test_without_opencv_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match=r"OpenCV.*pip install 'impasto\[video\]'"):
        flow(BIG, BIG)
