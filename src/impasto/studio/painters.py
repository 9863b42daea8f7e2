"""Painters in the studio: one is trained within a job, and paints a photograph within another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from impasto.errors import InputError, StoppedError
from impasto.painters import learning, objective
from impasto.painters.applying import LearnedPainting, Painter, check_color
from impasto.painters.file import read_mixture
from impasto.painters.learning import Course
from impasto.painters.showing import KEPT
from impasto.painters.training import Length, TrainingStep
from impasto.pictures import arrays, images, samples, sizes
from impasto.process import interrupts
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.studio.limits import Limits
from impasto.video.painter_style import learned_style

TRAINING = "training.json"  # what is learned, in the folder of a job
CHECKPOINT = "painter.training"  # of the training, in the folder of a job
SUFFIX = ".safetensors"
SAMPLE_SIDE = 512  # pixels of a sample, at most
SAMPLE_SHARE = 0.05  # share of a training's time that samples may take
VIEW_EVERY = 1.0  # seconds between two views
AT_ONCE = 2.0  # seconds that a painter is expected to take for a photograph


@dataclass(frozen=True)
class TrainingView:
    """What a visitor sees while a painter is trained.

    Attributes:
        step: the number of the last step.
        share: of the training that is done, 0…1.
        left: the expected remaining time in seconds.
        loss: a running mean of the loss.
        preview: a photograph as the painter paints it now; None if there is no new one.
    """

    step: int
    share: float
    left: float
    loss: float
    preview: Image.Image | None = None


@dataclass(frozen=True)
class TrainedPainter:
    """A painter that a visitor has trained, as far as the training went.

    Attributes:
        path: its file.
        styles: the names of its styles.
        steps: the number of steps that it was trained for.
        seconds: the time that they took.
        is_whole: whether the training was not stopped before its end.
        sample: a photograph that it has painted.
    """

    path: Path
    styles: tuple[str, ...]
    steps: int
    seconds: float
    is_whole: bool
    sample: Image.Image


@dataclass(frozen=True)
class TrainingOrder:
    """A painter to be trained, with its pictures in the folder of a job.

    Attributes:
        styles: the style pictures.
        recipe: the settings of the training.
        minutes: how long it takes.
        photograph: the picture whose painting the visitor sees meanwhile; None for one of those
            that the painter learns from.
    """

    styles: Sequence[Path]
    recipe: Recipe
    minutes: float
    photograph: Path | None = None

    @property
    def seconds(self) -> float:
        """How long the training takes."""
        return 60 * self.minutes

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the styles: those of the pictures."""
        return tuple(style.stem for style in self.styles)

    def save(self, folder: Path) -> None:
        """Save the order in the folder of its job, so that another server can resume it."""
        saved = {
            "styles": [str(style.relative_to(folder)) for style in self.styles],
            "recipe": self.recipe.model_dump(mode="json", exclude={"styles"}),
            "minutes": self.minutes,
            "photograph": self.photograph and str(self.photograph.relative_to(folder)),
        }
        (folder / TRAINING).write_text(json.dumps(saved), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> TrainingOrder:
        """The order that was saved in a folder.

        Raises:
            InputError: there is none.
        """
        try:
            saved = json.loads((folder / TRAINING).read_text("utf-8"))
            photograph = saved["photograph"]
            return cls(
                [folder / style for style in saved["styles"]],
                Recipe.model_validate(saved["recipe"]),
                float(saved["minutes"]),
                None if photograph is None else folder / photograph,
            )
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError("studio.lost") from None


@dataclass(frozen=True)
class PainterOrder:
    """A photograph to be painted by a painter, both in the folder of a job.

    Attributes:
        photograph: the file of the photograph.
        painter: the file of the painter.
        recipe: its size, strength and colour transfer are used.
        strength: how much of the style, 0…1.
        style: a style of the painter, or a mixture such as ``oil:0.3,ink:0.7``; empty for
            the first.
    """

    photograph: Path
    painter: Path
    recipe: Recipe
    strength: float
    style: str = ""


def can_be_trained(limits: Limits) -> bool:
    """Whether visitors can train painters: there is time for it, and there are photographs."""
    try:
        return limits.minutes > 0 and bool(samples.photographs())
    except InputError:
        return False


def check(order: TrainingOrder, limits: Limits) -> None:
    """Make sure that a painter can be trained, and that its training is within the limits.

    Raises:
        InputError: it cannot, or is not.
    """
    if not can_be_trained(limits):
        raise InputError("studio.no-training")
    objective.check(order.recipe)
    styles = [images.described(style, "style picture") for style in order.styles]
    limits.check_training(styles, order.recipe, order.minutes)
    if order.photograph is not None:
        limits.check_uploaded([images.described(order.photograph, "photograph")])


def train(
    order: TrainingOrder,
    folder: Path,
    output: Path,
    limits: Limits,
    device: str,
    on_view: Callable[[TrainingView], None],
    is_over: Callable[[], bool],
    is_resumable: Callable[[], bool],
) -> TrainedPainter:
    """Train a painter; one that is stopped is kept as it is.

    Args:
        order: what is learned.
        folder: the folder of the job, which keeps the checkpoint.
        output: the file of the painter.
        limits: those of the studio.
        device: the device that computes.
        on_view: called with what the visitor sees.
        is_over: whether the training should end after the current step.
        is_resumable: whether a training that ends now will be resumed, so that nothing is written.

    Raises:
        InputError: a picture or a setting cannot be used.
        RunError: the training failed.
        StoppedError: the training was stopped before its first step, or will be resumed.
    """
    check(order, limits)
    order.save(folder)
    course = learning.prepare(
        [Style(picture=style) for style in order.styles],
        None,
        order.recipe,
        Length(None, order.seconds),
        device=device,
        checkpoint=folder / CHECKPOINT,
    )
    teller = Teller(course, _sample(order, course), on_view)
    for step in course.train():
        teller(step)
        if is_over():
            break
    if is_resumable() and not course.is_done:
        course.save()
        raise StoppedError("painter.stopped")
    with interrupts.shielded():
        painter = course.painter()
        painter.save(output)
        sample = teller.sample()
    return TrainedPainter(
        output,
        painter.styles,
        painter.about.steps,
        course.state.seconds,
        course.is_done,
        sample,
    )


def _sample(order: TrainingOrder, course: Course) -> arrays.Pixels:
    """What the visitor sees painted during a training, H × W × 3."""
    if order.photograph is None:
        return np.asarray(course.training.crops.crop(0), np.float32)
    pixels = images.read(order.photograph, "photograph").pixels
    height, width = pixels.shape[:2]
    side = min(SAMPLE_SIDE, objective.side_of(order.recipe), max(height, width))
    return arrays.resize(pixels, sizes.fit((width, height), side))


class Teller:
    """Tells a visitor about the progress of a training, about once a second.

    Args:
        course: the training.
        photograph: what is painted as a sample, H × W × 3.
        on_view: called with what the visitor sees.
    """

    def __init__(
        self, course: Course, photograph: arrays.Pixels, on_view: Callable[[TrainingView], None]
    ) -> None:
        self._course, self._photograph, self._on_view = course, photograph, on_view
        self._loss: float | None = None
        self._told = 0.0  # when the last view was told
        self._shown, self._painting = time.monotonic(), 0.0  # the last sample, and all their time
        self._samples = 0

    def __call__(self, step: TrainingStep) -> None:
        """Tell of a step, if a view is due."""
        before = step.loss if self._loss is None else self._loss
        self._loss = KEPT * before + (1 - KEPT) * step.loss
        now = time.monotonic()
        if now - self._told < VIEW_EVERY:
            return
        self._told = now
        left = step.seconds * (1 - step.share) / step.share
        preview = self.sample() if self._is_sample_due(now, step) else None
        self._on_view(TrainingView(step.number, step.share, left, self._loss, preview))

    def sample(self) -> Image.Image:
        """The photograph as the painter paints it now, in each of its styles in turn."""
        began = time.monotonic()
        painter = self._course.painter()
        style = painter.styles[self._samples % len(painter.styles)]
        with interrupts.shielded():
            pixels = painter.painted(self._photograph, painter.condition({style: 1.0}))
        self._shown, self._samples = time.monotonic(), self._samples + 1
        self._painting += self._shown - began
        return Image.fromarray(arrays.to_uint8(pixels))

    def _is_sample_due(self, now: float, step: TrainingStep) -> bool:
        is_rare = now - self._shown >= VIEW_EVERY
        return not self._samples or (is_rare and self._painting <= SAMPLE_SHARE * step.seconds)


def paint(order: PainterOrder, limits: Limits, device: str) -> LearnedPainting:
    """Paint a photograph with a painter.

    Raises:
        InputError: the photograph, the painter or a setting cannot be used.
        RunError: there is not enough memory.
    """
    painter, recipe = check_painting(order, limits, device), order.recipe
    return painter.paint(
        order.photograph,
        style=order.style or None,
        strength=order.strength,
        size=recipe.size,
        color=recipe.color,
    )


def check_painting(order: PainterOrder, limits: Limits, device: str = "cpu") -> Painter:
    """Make sure that a photograph can be painted by a painter, and return the painter.

    Raises:
        InputError: it cannot.
    """
    head = images.described(order.photograph, "photograph")
    limits.check_painting(head, order.recipe)
    painter = load(order.painter, limits, device)
    painter.condition(order.style or None, order.strength)
    check_color(order.recipe.color)
    return painter


def as_styles(path: Path, style: str, limits: Limits) -> list[Style]:
    """A painter in place of style pictures, and its styles that are used, with their weights.

    Args:
        path: the file of the painter.
        style: a style of the painter, or a mixture; empty for the first.
        limits: those of the studio.

    Raises:
        InputError: it is no painter, its file is not named like one, or it has no such style.
    """
    about = load(path, limits).about
    shares = zip(about.names, read_mixture(style or None, about), strict=True)
    used = [Style(picture=name, weight=share) for name, share in shares if share]
    styles = [Style(picture=path), *used]
    if learned_style(styles) is None:  # the names would be read as the paths of pictures
        raise InputError("painter.not-ours", path=path.name)
    return styles


def load(path: Path, limits: Limits, device: str = "cpu") -> Painter:
    """Read a painter that a visitor has uploaded.

    Raises:
        InputError: it is none, or its network is larger than the limits.
    """
    painter = Painter.load(path, device=device)
    limits.check_painter(painter.about.channels, painter.about.blocks)
    return painter
