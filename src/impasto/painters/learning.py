"""Training a painter from pictures and settings, with checkpoints."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from impasto.errors import InputError, StoppedError
from impasto.files.listing import names_several, pictures_in
from impasto.files.reading import located, opened
from impasto.files.writing import CHECKPOINT_EVERY, check_apart, check_interval, check_writable
from impasto.messages.message import Message
from impasto.network import devices
from impasto.network import weights as weight_files
from impasto.painters import file as files
from impasto.painters import objective as objectives
from impasto.painters import resuming
from impasto.painters.applying import Painter
from impasto.painters.file import About
from impasto.painters.network import Shape
from impasto.painters.objective import CropObjective
from impasto.painters.photos import FEW, Photos
from impasto.painters.showing import showing
from impasto.painters.training import (
    Crops,
    Length,
    State,
    Term,
    Training,
    TrainingStep,
    train,
)
from impasto.pictures import images, samples
from impasto.pictures.inputs import StyleSource, file_of, named, path_of
from impasto.process import interrupts, threads
from impasto.process.memory import memory_errors
from impasto.process.notices import tell
from impasto.settings.pieces import check_choice, check_number, check_whole
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.strength import or_usual
from impasto.settings.style import Style

MOST_BATCH = 256
LARGEST_SEED = 2**63 - 1

OnTrainingStep = Callable[[TrainingStep], bool | None]


@dataclass
class Course:
    """A training that is prepared, or under way.

    Attributes:
        about: what the painter will say of itself, with no steps.
        styles: the style pictures.
        training: what is trained for.
        state: the state of the training.
        length: of the training.
        device: the device that computes.
        identity: what its checkpoint has to agree with.
        checkpoint: the file of its checkpoint; None for none.
        every: seconds between two checkpoints.
        threads: number of CPU threads; None for the current number.
    """

    about: About
    styles: Sequence[images.Picture]
    training: Training
    state: State
    length: Length
    device: torch.device
    identity: resuming.Identity
    checkpoint: Path | None = None
    every: float = CHECKPOINT_EVERY
    threads: int | None = None
    _saved: float = field(default_factory=time.monotonic)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to train."""
        return self.length.share(len(self.state.history), self.state.seconds) >= 1

    def train(self) -> Iterator[TrainingStep]:
        """Train, and yield every step; ends early if the work is interrupted.

        Raises:
            RunError: the loss is not finite, or there is not enough memory.
            StoppedError: the work was interrupted before the first step.
            OSError: the checkpoint cannot be written.
        """
        with threads.use(self.threads), memory_errors():
            try:
                for step in train(self.training, self.state, self.length):
                    if self.checkpoint and time.monotonic() - self._saved >= self.every:
                        self.save()
                    yield step
                if not self.state.history:
                    raise StoppedError("painter.stopped")
            finally:
                if self.checkpoint is not None and self.state.history and not self.is_done:
                    with interrupts.shielded():
                        self.save()

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            OSError: it cannot be written.
        """
        assert self.checkpoint is not None  # noqa: S101
        resuming.write(self.checkpoint, self.identity, self.state)
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Remove the checkpoint of a training that is done, as its painter is written."""
        if self.checkpoint is not None and self.is_done:
            with suppress(OSError):
                self.checkpoint.unlink()

    def painter(self) -> Painter:
        """The painter as it is now."""
        about = self.about.model_copy(update={"steps": len(self.state.history)})
        swatches = files.swatches_of(self.styles)
        return Painter(about, self.state.network, swatches, self.device)


def prepare(  # noqa: PLR0913 – as many as the training has choices
    styles: StyleSource | Iterable[StyleSource],
    photos: images.Source | Sequence[images.Source] | Crops | None,
    recipe: Recipe,
    length: Length,
    *,
    batch: int = 1,
    seed: int = 0,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    checkpoint: Path | None = None,
    every: float = CHECKPOINT_EVERY,
    term: Term | None = None,
) -> Course:
    """Prepare a training, or continue it from its checkpoint if there is one.

    Raises:
        InputError: a picture, a setting, the device or the weights cannot be used, or the
            checkpoint is of another training.
        RunError: there is not enough memory.
    """
    objectives.check(recipe)
    check_whole("batch", batch, 1, MOST_BATCH)
    check_whole("seed", seed, 0, LARGEST_SEED)
    pictures = read_styles(styles)
    crops, count = _crops(photos, objectives.side_of(recipe), seed)
    loaded = weight_files.load(weights, weights_input)
    loaded.architecture.check(recipe.layers)
    chosen = devices.choose(device, recipe.precision)
    shape = Shape(len(pictures))
    about = About(
        styles=files.named(pictures),
        recipe=recipe.model_dump(mode="json", exclude={"styles", "initial", "protect"}),
        channels=shape.channels,
        blocks=shape.blocks,
        steps=0,
        photographs=count,
    )
    own = or_usual(recipe.strength)
    with memory_errors():
        measured = CropObjective(recipe, loaded, pictures, chosen)
        training = Training(measured, crops, len(pictures), own, seed, batch, term)
        state = State.first(shape, seed, chosen)
    identity = resuming.Identity(
        about=about,
        photographs=getattr(crops, "identity", "crops"),
        weights=loaded.sha256,
        seed=seed,
        batch=batch,
        device=chosen.type,
    )
    used: int | None = None
    if checkpoint is not None and resuming.is_there_for(checkpoint):
        used = resuming.read(checkpoint, identity, state)
    return Course(
        about, pictures, training, state, length, chosen, identity, checkpoint, every, used
    )


def train_painter(  # noqa: PLR0913 – as many as the training has choices
    styles: StyleSource | Iterable[StyleSource],
    photos: images.Source | Sequence[images.Source] | Crops | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    recipe: RecipeSource | None = None,
    minutes: float = 30.0,
    steps: int | None = None,
    batch: int = 1,
    seed: int = 0,
    device: str | torch.device = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    on_step: OnTrainingStep | None = None,
    progress: bool = False,
    term: Term | None = None,
) -> Painter:
    """Train a network that paints photographs in one or several styles, each in one pass.

    >>> painter = impasto.train_painter("oil.jpg", "photos", minutes=30)  # doctest: +SKIP
    >>> painter.paint("photo.jpg").save("out.png")  # doctest: +SKIP

    Args:
        styles: the style picture, or several, which one painter then learns together.
        photos: what it learns to paint: a folder or a pattern, a picture, a sequence of these, or
            :class:`impasto.painters.training.Crops`. None takes those that scikit-image carries.
        output: the file of the painter, which ends in ``.safetensors``; None writes none.
        recipe: the settings: layers, losses, strength, and the ``size`` that photographs and style
            pictures have in training. What concerns optimisers and levels has no effect.
        minutes: how long the training takes, if ``steps`` is not given.
        steps: number of steps; a training of so many steps gives the same painter every time.
        batch: number of crops in a step.
        seed: of everything that is drawn.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: weights of VGG: ``bundled``, or the path of a weight file.
        weights_input: the input that a weight file expects, ``caffe`` or ``torchvision``.
        checkpoint: a file in which the training is saved; if it exists, the training continues from
            it, and it is removed when the painter is written. None saves nothing.
        checkpoint_every: seconds between two checkpoints.
        on_step: called with every :class:`impasto.painters.training.TrainingStep`; if it returns
            False, the training ends with the painter as it is.
        progress: whether to show how far the training is: as a bar in a terminal or a notebook,
            and elsewhere as lines on standard error.
        term: a further loss of each painted crop
            (:class:`impasto.painters.training.Term`), such as one that keeps neighbouring frames
            of a clip alike.

    Returns:
        The painter.

    Raises:
        InputError: a picture, a setting or a path cannot be used.
        RunError: the training failed.
        OSError: the painter or the checkpoint could not be written.
    """
    check_choice("progress", progress, (True, False))
    path = None if output is None else check_output(path_of(output, "output"))
    saved = None if checkpoint is None else check_writable(path_of(checkpoint, "checkpoint"))
    written = [one for one in (path, saved) if one is not None]
    check_apart([file for one in named(styles) if (file := file_of(one.picture))], written)
    course = prepare(
        styles,
        photos,
        Recipe.read(recipe),
        read_length(minutes, steps),
        batch=batch,
        seed=seed,
        device=device,
        weights=weights,
        weights_input=weights_input,
        checkpoint=saved,
        every=check_interval(checkpoint_every),
        term=term,
    )
    with interrupts.ctrl_c_asks(), showing() if progress else nullcontext() as show:
        for step in course.train():
            if show is not None:
                show(step)
            if on_step is not None and on_step(step) is False:
                break
        painter = course.painter()
        if path is not None:
            with interrupts.shielded():
                painter.save(path)
                course.finish()
    return painter


def check_output(path: Path) -> Path:
    """The path of a painter, after checking that it can be written.

    Raises:
        InputError: it cannot.
    """
    return check_writable(located(path), files.SUFFIXES)


def read_length(minutes: float, steps: int | None) -> Length:
    """The length of a training.

    Raises:
        InputError: the number of steps or of minutes cannot be used.
    """
    if steps is not None:
        check_whole("steps", steps, 1)
        return Length(steps)
    check_number("minutes", minutes)
    return Length(None, 60.0 * float(minutes))


def read_styles(styles: Any) -> list[images.Picture]:
    """The style pictures.

    Raises:
        InputError: there is none, one cannot be read, or one has settings of its own.
    """
    spread: list[Style] = []
    for style in named(styles):
        if isinstance(style.picture, str) and names_several(style.picture):
            spread += [Style(picture=str(path)) for path in pictures_in(style.picture)]
        elif not style.is_plain:
            raise InputError("painter.style-settings")
        else:
            spread.append(style)
    if not spread:
        raise InputError("style.none")
    if len(spread) > files.MOST_STYLES:
        raise InputError("painter.many-styles", count=len(spread), most=files.MOST_STYLES)
    return [images.read(style.picture, "style picture") for style in spread]


def _crops(photos: Any, size: int, seed: int) -> tuple[Crops, int]:
    """The photographs as crops, and how many there are; few are noted.

    Raises:
        InputError: there is none.
    """
    if hasattr(photos, "crop") and not isinstance(photos, np.ndarray):
        is_image = hasattr(photos, "size") and hasattr(photos, "mode")  # PIL's have a crop too
        if not is_image:
            return photos, len(photos) if hasattr(photos, "__len__") else 1
    found: Any = samples.photographs() if photos is None else photographs(photos)
    if photos is None:
        tell(Message("painter.own-photos", count=len(found)))
    elif len(found) < FEW:
        tell(Message("painter.few-photos", count=len(found)))
    return Photos(found, size, seed), len(found)


def photographs(photos: Any) -> Sequence[images.Source]:
    """The photographs that a user names: pictures, folders and patterns.

    Raises:
        InputError: there is none, or a file cannot be opened.
    """
    if not images.are_several(photos):
        photos = [photos]
    elif not isinstance(photos, Sequence):
        photos = list(photos)
    elif not any(isinstance(one, str | os.PathLike) for one in photos[:1]):
        if not photos:
            raise InputError("painter.no-photos")
        return photos  # pictures in memory, which may be made when they are asked for
    spread: list[images.Source] = []
    for one in photos:
        if isinstance(one, str | os.PathLike) and names_several(one):
            spread += pictures_in(one)
        else:
            if isinstance(one, str | os.PathLike):
                opened(one, "photograph").close()
            spread.append(one)
    if not spread:
        raise InputError("painter.no-photos")
    return spread
