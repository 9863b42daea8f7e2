"""The method ``single``: every frame is painted alone. It flickers, and is what others improve."""

from __future__ import annotations

import numpy as np

from impasto.errors import StoppedError
from impasto.experiments.many import Painter, Watch
from impasto.experiments.planning import Painting
from impasto.pictures.inputs import named
from impasto.run.result import Step
from impasto.video.method import Frames, OnVideoStep, Order, PaintedFrames, VideoStep


def paint(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """Paint every frame that is missing, with one network and one measurement of the styles.

    Args:
        frames: the frames.
        painted: the frames that are painted.
        order: how they are painted.
        on_step: called after every step of a frame.

    Raises:
        InputError: a style, the weights or the device cannot be used.
        RunError: the run of a frame failed.
        StoppedError: the work was interrupted.
    """
    count, steps, styles = len(frames), order.recipe.steps, named(order.styles)
    missing = [number for number in range(count) if number not in painted]
    if not missing:
        return
    painter = Painter(
        order.recipe, order.device, order.weights, order.weights_input, threads=order.threads
    )
    for done, number in enumerate(missing, start=count - len(missing)):

        def on_frame(step: Step, done: int = done) -> None:
            on_step(VideoStep(done, (done + (step.number - 1) / steps) / count))

        record = painter.paint(Painting(frames[number], styles), watch=Watch(on_step=on_frame))
        if record.error is not None:
            raise record.error
        if record.result is None:
            raise StoppedError
        painted.keep(number, np.asarray(record.result.image))
        on_step(VideoStep(done + 1, (done + 1) / count))
