"""The method ``single`` on a cluster: every frame is a task, as each is painted alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from impasto.errors import InputError
from impasto.experiments.planning import Painting
from impasto.pictures.inputs import named
from impasto.video.method import OnVideoStep, Order, VideoStep
from impasto.video.methods import ALONE, PAINTER
from impasto.video.working import FrameFiles

if TYPE_CHECKING:
    from impasto.cluster.batch import Outcome
    from impasto.cluster.engine import Needs


def check_spreads(method: str) -> None:
    """Make sure that the frames of a method can be painted by several workers.

    Raises:
        InputError: each follows from others.
    """
    if method == PAINTER:
        raise InputError("cluster.painter")
    if method != ALONE:
        raise InputError("cluster.frames-follow", method=method, alone=ALONE)


def paint(
    frames: FrameFiles,
    painted: FrameFiles,
    order: Order,
    on_step: OnVideoStep,
    *,
    needs: Needs,
    workers: int | None,
) -> None:
    """Paint every frame that is missing on the connected cluster.

    Args:
        frames: the frames.
        painted: the frames that are painted.
        order: how they are painted; the device is that of the workers.
        on_step: called as the painting goes on.
        needs: what each worker needs.
        workers: how many frames are painted at the same time; None for as many as there is room
            for.

    Raises:
        InputError: a style or the weights cannot be used.
        RunError: a frame could not be painted.
        StoppedError: the work was interrupted; what is painted is kept.
    """
    from impasto.cluster import batch

    count, steps, styles = len(frames), order.recipe.steps, named(order.styles)
    missing = [number for number in range(count) if number not in painted]
    done = count - len(missing)

    def on_progress(running: Mapping[int, int]) -> None:
        on_step(VideoStep(done, (done + sum(running.values()) / steps) / count))

    def on_done(_: int, outcome: Outcome) -> None:
        nonlocal done
        if outcome.error is not None:
            raise outcome.error
        done += 1
        on_step(VideoStep(done, done / count))

    jobs = [
        batch.Job(Painting(frames.path_of(number), styles, painted.path_of(number)), order.recipe)
        for number in missing
    ]
    common = batch.Common(needs, order.weights, order.weights_input, metadata=False)
    watch = batch.BatchWatch(on_progress=on_progress, on_done=on_done)
    batch.paint(jobs, common, workers, watch)
