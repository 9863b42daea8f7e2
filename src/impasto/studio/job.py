"""A job of a visitor: its folder, when it should end, and what the visitor sees meanwhile."""

from __future__ import annotations

import math
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from impasto.errors import InputError
from impasto.messages.message import Message
from impasto.run.checkpoint import is_unfinished
from impasto.run.result import Step
from impasto.studio.clips import ORDER
from impasto.studio.painters import TRAINING

CHECKPOINT = "run.impasto"
PREVIEW_SIDE = 512  # pixels of a preview, at most
PREVIEW_EVERY = 1.0  # seconds
PREVIEW_SHARE = 0.03  # share of a run's time that previews may take
GRACE = 1.0  # seconds that a step may exceed the time limit by, so that it is not lost


@dataclass(frozen=True)
class Waiting:
    """What a visitor sees while waiting.

    Attributes:
        ahead: the number of paintings before theirs.
        seconds: the expected time until their turn.
    """

    ahead: int
    seconds: float


@dataclass(frozen=True)
class Painting:
    """What a visitor sees during their painting.

    Attributes:
        step: the last step.
        steps: the number of steps of the run.
        size: the size of the step's canvas, as in 512×384.
        left: the expected remaining time in seconds.
        preview: the canvas, scaled down; None if there is no new preview.
    """

    step: Step
    steps: int
    size: str
    left: float
    preview: Image.Image | None


@dataclass
class Job:
    """A painting for a visitor, its owner.

    Attributes:
        folder: the folder of the job, with its pictures and its checkpoint.
        is_resumed: whether it continues a job that another server left unfinished.
        started: set once the job has its own thread, which closes the job at its end.
        stop: set to end the job after its current step.
        ended: set when the server stops; the job then stays resumable.
        until: the time limit, by the clock of :func:`time.monotonic`.
        notes: what the owner should know.
    """

    folder: Path
    is_resumed: bool = False
    started: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    until: float = math.inf
    notes: list[Message] = field(default_factory=list)

    def is_over(self) -> bool:
        """Whether the job should end, because of its owner, the server or the time limit."""
        return self.stop.is_set() or time.monotonic() > self.until

    def is_long_over(self) -> bool:
        """Whether the job should end even if its current step is lost: a second after the limit."""
        return self.stop.is_set() or time.monotonic() > self.until + GRACE

    def note(self, message: Message) -> None:
        """Add a note for the owner, unless it is already there."""
        if message not in self.notes:
            self.notes.append(message)

    @property
    def is_clip(self) -> bool:
        """Whether its folder holds a clip whose painting has begun."""
        return (self.folder / ORDER).is_file()

    @property
    def is_training(self) -> bool:
        """Whether its folder holds a painter whose training has begun."""
        return (self.folder / TRAINING).is_file()

    @property
    def is_unfinished(self) -> bool:
        """Whether its folder holds what it takes to resume it."""
        return self.is_clip or self.is_training or is_unfinished(self.checkpoint)

    def is_kept(self) -> bool:
        """Whether its folder stays if it ends without a result, so that it can be resumed."""
        return (self.ended.is_set() or self.is_resumed) and self.is_unfinished

    def is_given_up(self) -> bool:
        """Whether the owner has stopped the job, so that it will not be resumed."""
        return self.stop.is_set() and not self.ended.is_set()

    @property
    def name(self) -> str:
        """The name of the job, which only its owner knows."""
        return self.folder.name

    @property
    def checkpoint(self) -> Path:
        """The path of its checkpoint."""
        return self.folder / CHECKPOINT

    def keep(self, picture: Path, name: str, suffix: str | None = None) -> Path:
        """Copy a file to the folder of the job, and return the path of the copy.

        Args:
            picture: the file.
            name: the name of the copy, without its suffix; it may be in a folder of its own.
            suffix: of the copy; None for that of the file.

        Raises:
            InputError: the picture is no longer there.
        """
        kept = self.folder / f"{name}{suffix or picture.suffix.lower()}"
        kept.parent.mkdir(exist_ok=True)
        try:
            shutil.copyfile(picture, kept)
        except FileNotFoundError:
            raise InputError("studio.upload-gone", name=picture.name) from None
        return kept


class Previews:
    """Takes previews of the canvas, rarely enough that they hardly slow down the run."""

    def __init__(self) -> None:
        self._last = -PREVIEW_EVERY
        self._taken = 0.0

    def of(self, step: Step) -> Image.Image | None:
        """The canvas of a step, scaled down; None if no preview is due."""
        due = step.seconds - self._last >= PREVIEW_EVERY
        if step.number > 1 and (not due or self._taken > PREVIEW_SHARE * step.seconds):
            return None
        began = time.monotonic()
        preview = step.image()
        preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        self._last, self._taken = step.seconds, self._taken + time.monotonic() - began
        return preview
