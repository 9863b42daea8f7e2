"""Painting single frames of a clip, alone or from another painting moved to the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from impasto.errors import InputError, RunError, StoppedError
from impasto.network import devices
from impasto.network.vgg import VGG
from impasto.objective.cache import SHARED_BYTES, Measurements, measurements
from impasto.pictures import inputs
from impasto.pictures.inputs import Inputs, styles_of
from impasto.process.memory import memory_errors
from impasto.run import levels
from impasto.run.before import Before, Floats
from impasto.run.either import paints_in_one_pass
from impasto.run.levels import Level
from impasto.run.named import name_inputs
from impasto.run.prepare import begin, load_network
from impasto.run.result import ASKED_TO_STOP, INTERRUPTED
from impasto.run.run import Run
from impasto.video.flow import opencv
from impasto.video.method import Order, Pixels

NOTHING = np.zeros((1, 1, 3), np.uint8)  # in place of the first frame, which is read later
LEAST_STEPS = 4  # of a frame that continues another, if the recipe has as many
MOST_NEW = 0.03  # of the pixels; if more are new, they are painted from the coarsest level on
STEADINESS = 600.0  # weight of the temporal loss, as a share of the loss of a painting
SMOOTH = 0.06  # of the longer side: differences of tone that are smoother than this are drift
TIMES = 3  # that it is taken back
OnShare = Callable[[float], None]  # called with the share of a painting that is done, 0…1


class FramePainter:
    """Paints one frame after another with one network, and reads and measures the styles once.

    Args:
        order: how the clip is painted.

    Raises:
        InputError: the recipe has no loss to which a temporal loss can be added; the device, the
            weights or a style picture cannot be used; or OpenCV is not installed.
        RunError: there is not enough memory.
    """

    @memory_errors()
    def __init__(self, order: Order) -> None:
        if paints_in_one_pass(order.recipe):
            raise InputError("flow.one-pass", method=order.recipe.method)
        opencv()  # before the first frame has been painted
        self._recipe = order.recipe.model_copy(update={"output_size": "working"})
        self._device = devices.choose(order.device, order.recipe.precision)
        styles = order.styles or self._recipe.styles
        self._named = name_inputs(NOTHING, styles or None, order.weights, order.weights_input)
        self._loaded = load_network(self._named)
        self._shared = inputs.read_shared(self._named.styles or (), self._recipe)
        self._cache: Measurements = measurements(SHARED_BYTES)
        self._network: VGG | None = None

    @property
    def photograph_share(self) -> float:
        """How far paintings keep the photograph's own colours and details, 0…1."""
        return 1 - self._recipe.style_colors

    def alone(self, frame: Pixels, on_share: OnShare) -> Pixels:
        """Paint a frame as a single picture.

        Args:
            frame: H × W × 3, RGB.
            on_share: called after every step.

        Raises:
            InputError: the frame cannot be painted with the recipe.
            RunError: memory ran out, or a loss was not finite.
            StoppedError: the painting was interrupted.
        """
        return self._finished(self._run(frame, None, None), on_share)

    def continued(self, frame: Pixels, before: Before, steps: float, on_share: OnShare) -> Pixels:
        """Paint a frame from another painting that was moved to it.

        If that shows too little of the frame, the coarser levels paint what it does not show.

        Args:
            frame: H × W × 3, RGB.
            before: the moved painting.
            steps: at the finest level, as a share of those of a single picture.
            on_share: called after every step.

        Raises:
            RunError: memory ran out, or a loss was not finite.
            StoppedError: the painting was interrupted.
        """
        return self._finished(self._run(frame, before, steps), on_share)

    @memory_errors()
    def weights(self, frame: Pixels, painting: Pixels) -> dict[int, float]:
        """The weight of the temporal loss at the finest level, by the number of the level.

        It is relative to the loss of a painting, so that it suits every recipe.

        Args:
            frame: H × W × 3, RGB.
            painting: a painting of the frame.
        """
        nothing, everywhere = (np.full(frame.shape[:2], share, np.float32) for share in (0, 1))
        finest = self._plan(self._read(frame))[-1].number
        before = Before(painting.astype(np.float32), everywhere, nothing, {finest: 0.0})
        run = self._run(frame, before, None)
        measured = run.evaluator(run.first_canvas)
        return {finest: STEADINESS * measured.loss}

    @memory_errors()
    def _run(self, frame: Pixels, before: Before | None, steps: float | None) -> Run:
        pictures = self._read(frame)
        planned = self._plan(pictures)
        if steps is not None:
            finest = planned[-1]
            fewest = min(LEAST_STEPS, finest.steps)
            planned[-1] = replace(finest, steps=max(fewest, round(steps * finest.steps)))
            if before is not None and before.seen.mean() < 1 - MOST_NEW:
                coarser = {level.number: 0.0 for level in planned[:-1]}
                before = replace(before, weights={**coarser, **before.weights})
        return begin(
            self._recipe,
            replace(self._named, content=frame),
            pictures,
            planned,
            self._loaded,
            self._device,
            cache=self._cache,
            network=self._network,
            before=before,
        )

    def _finished(self, run: Run, on_share: OnShare) -> Pixels:
        """Paint a run to its end: the painting, 8 bits."""
        begun = run.levels[0 if run.canvases.before is None else run.canvases.before.level - 1 :]
        steps = sum(level.steps for level in begun)
        result = run.paint(lambda step: on_share(step.number / steps))
        self._network = run.network_for_others
        if result.stopped in (ASKED_TO_STOP, INTERRUPTED):
            raise StoppedError
        if result.stopped is not None:
            raise RunError("flow.ended-early", reason=result.stopped)
        kept = run.canvases.kept_at(run.levels[-1])
        if kept is not None:
            moved, trust = run.canvases.to_pixels(kept.target), kept.trust.float().cpu().numpy()
            result = replace(result, canvas=without_drift(result.canvas, moved, trust))
        return np.asarray(result.image)

    def _read(self, frame: Pixels) -> Inputs:
        styles = styles_of(self._named.styles, self._recipe, frame)
        return inputs.read(frame, styles, self._recipe, self._shared)

    def _plan(self, pictures: Inputs) -> list[Level]:
        """The levels of a frame; the default's last has a content loss, which sees what moved."""
        return levels.plan_for(pictures, self._recipe, ends_by_layer=True)


def without_drift(painting: Floats, moved: Floats, trust: Floats) -> Floats:
    """A painting with the tones of the moved one, so that nothing darkens from frame to frame.

    The steps of every frame lead a little further towards the minimum of the losses, and over
    hundreds of frames that changes the colours of what does not change in the clip. So the
    difference of both, as they are saved, is taken back as far as it is smooth.

    Args:
        painting: H × W × 3, which may go beyond 0…255.
        moved: the painting before it, moved to the same frame, H × W × 3.
        trust: H × W, 0…1.
    """
    deviation, blur = SMOOTH * max(trust.shape), opencv().GaussianBlur
    for _ in range(TIMES):  # since what is clipped does not follow
        painting = np.clip(painting, 0, 255)
        painting = painting + blur(trust[..., None] * (moved - painting), (0, 0), deviation)
    return painting
