"""The shares of a canvas cover it once, and a tree adds up in an order that only they decide."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from impasto.cluster.pool import tree_sum
from impasto.cluster.shares import share_out
from impasto.settings.layers import VGG_19

LAYERS = VGG_19.up_to_deepest({"conv4_2"})
SIDES = st.integers(48, 900)


@given(SIDES, SIDES, st.integers(1, 9), st.sampled_from([None, 64, 256]))
def test_the_cores_of_all_shares_cover_the_canvas_once(
    height: int, width: int, count: int, side: int | None
) -> None:
    covered = np.zeros((height, width), int)
    shares = share_out(LAYERS, height, width, count, side)
    assert 1 <= len(shares) <= count
    for share in shares:
        for tile in share.tiles:
            covered[tile.core.slices] += 1
            assert tile.window.within(share.box).top >= 0
            assert share.box.left <= tile.window.left < tile.window.right <= share.box.right
            assert share.box.top <= tile.window.top < tile.window.bottom <= share.box.bottom
    assert (covered == 1).all()


@given(st.integers(1, 12))
def test_a_large_canvas_has_a_share_for_each_worker_of_nearly_equal_work(count: int) -> None:
    shares = share_out(LAYERS, 2000, 3000, count, None)
    work = [share.box.area for share in shares]
    assert len(shares) == count
    assert max(work) < 1.15 * min(work)


def test_shares_are_the_same_each_time() -> None:
    assert share_out(LAYERS, 700, 500, 6, None) == share_out(LAYERS, 700, 500, 6, None)


@given(st.lists(st.integers(), min_size=1, max_size=20))
def test_a_tree_adds_every_part_once(parts: list[int]) -> None:
    assert tree_sum(parts, lambda _, one, other: one + other) == sum(parts)


@given(st.integers(1, 40))
def test_a_tree_is_as_deep_as_a_logarithm(count: int) -> None:
    depth = tree_sum([0] * count, lambda _, one, other: 1 + max(one, other))
    assert depth == (count - 1).bit_length()
