"""The model of a step finds the speeds of a cluster in its times, and where workers stop paying."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from impasto.cluster import model
from impasto.cluster.model import Canvas, Speeds
from impasto.settings.layers import VGG_19

LAYERS = VGG_19.up_to_deepest({"conv4_2"})
STYLES = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
CLUSTER = Speeds(pixel=2e-6, byte=1e-9, worker=3e-3, driver=1e-8)


def canvas(side: int) -> Canvas:
    return Canvas((side, side), LAYERS, STYLES)


def test_the_speeds_are_found_in_the_times_of_several_sizes_and_workers() -> None:
    works = [canvas(side).work(count) for side in (256, 512, 1024, 2048) for count in (1, 2, 4, 8)]
    found = model.fitted([(work, model.seconds(work, CLUSTER)) for work in works])
    for work in works:
        assert model.seconds(work, found) == pytest.approx(model.seconds(work, CLUSTER), rel=0.01)
    assert found.pixel == pytest.approx(CLUSTER.pixel, rel=0.02)


def test_no_speed_is_negative_where_times_are_noisy() -> None:
    works = [canvas(512).work(count) for count in (1, 2, 4)]
    found = model.fitted(list(zip(works, (1.0, 0.4, 0.5), strict=True)))
    assert min(astuple(found)) >= 0


def test_more_workers_pay_until_something_else_takes_most_of_a_step() -> None:
    enough = model.stops_paying(canvas(4096), CLUSTER)
    before, after = (canvas(4096).work(count) for count in (enough, 2 * enough))
    assert model.seconds(after, CLUSTER) > (1 - model.PAYS) * model.seconds(before, CLUSTER)
    assert enough > model.stops_paying(canvas(1024), CLUSTER)


def test_a_slow_network_is_what_takes_most_of_a_step() -> None:
    slow = Speeds(pixel=1e-8, byte=1e-7, worker=1e-4, driver=0)
    assert model.bottleneck(canvas(2048).work(8), slow) == "sending"


def test_a_whole_canvas_has_no_halo_and_a_shared_one_has() -> None:
    assert canvas(1024).work(1).halo == 0
    assert 0.1 < canvas(1024).work(4).halo < 0.5
    assert canvas(1024).work(1).canvas_bytes == 24 * 1024**2


def test_what_lbfgs_remembers_is_sent_if_several_workers_hold_it() -> None:
    shared, beside = (replace(canvas(1024), holds_pairs=held).work(4) for held in (True, False))
    assert shared.pair_bytes == shared.bytes - beside.bytes == 8 * 12 * 1024**2
    assert replace(canvas(1024), holds_pairs=True).work(1).pair_bytes == 0
