"""A clip of a visitor, painted within a job: what they see meanwhile, and what they get."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image

from impasto.errors import InputError, StoppedError
from impasto.pictures import images
from impasto.pictures.limits import Head
from impasto.pictures.sizes import fit
from impasto.run.either import paints_in_one_pass
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.studio import painters
from impasto.studio.limits import Limits
from impasto.video.clip import Clip
from impasto.video.method import VideoStep
from impasto.video.painter_style import learned_style
from impasto.video.planning import Request, VideoPlan, plan
from impasto.video.reading import look, shots
from impasto.video.showing import Pace
from impasto.video.stylize import PaintedClip, Watch, paint, write_begun

WORKING = "frames"  # the folder of the frames, in the folder of a job
ORDER = "clip.json"  # what is painted, in the folder of a job
SUFFIX = ".mp4"  # of a painted clip, which every browser plays
PREVIEW_SIDE = 512  # pixels of a preview, at most
VIEW_EVERY = 1.0  # seconds between two views of the same stage

Stage = Literal["reading", "painting", "writing"]


@dataclass(frozen=True)
class ClipView:
    """What a visitor sees while their clip is painted.

    Attributes:
        stage: what is done.
        frames: the number of frames for which it is done.
        count: the number of all frames.
        left: the expected remaining time in seconds; None if unknown.
        preview: a painted frame, scaled down; None if there is no new one.
    """

    stage: Stage
    frames: int
    count: int
    left: float | None = None
    preview: Image.Image | None = None


@dataclass(frozen=True)
class ClipResult:
    """A painted clip, or the beginning of one whose painting was stopped.

    Attributes:
        clip: what was written.
        count: the number of frames of the whole clip.
    """

    clip: PaintedClip
    count: int

    @property
    def is_whole(self) -> bool:
        """Whether all frames are painted."""
        return self.clip.frames >= self.count


@dataclass(frozen=True)
class ClipOrder:
    """A clip to be painted, with its pictures in the folder of a job.

    Attributes:
        clip: the file of the clip.
        styles: the styles; or a painter, and the styles that it has learned.
        recipe: the settings of every frame.
    """

    clip: Path
    styles: Sequence[Style]
    recipe: Recipe

    def save(self, folder: Path) -> None:
        """Save the order in the folder of its job, so that another server can resume it."""
        styles = [style.model_dump(mode="json") for style in self.styles]
        recipe = self.recipe.model_dump(mode="json", exclude={"styles"})
        saved = {"clip": self.clip.name, "styles": styles, "recipe": recipe}
        (folder / ORDER).write_text(json.dumps(saved), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> ClipOrder:
        """The order that was saved in a folder.

        Raises:
            InputError: there is none.
        """
        try:
            saved = json.loads((folder / ORDER).read_text("utf-8"))
            styles = [Style.model_validate(style) for style in saved["styles"]]
            return cls(folder / saved["clip"], styles, Recipe.model_validate(saved["recipe"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError("studio.lost") from None


def is_installed() -> bool:
    """Whether clips can be painted: whether PyAV and OpenCV are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("av", "cv2"))


def frame_of(clip: Clip) -> Head:
    """What is known of a frame of a clip before it is decoded."""
    width, height = clip.size
    return Head(clip.size, 3, 3 * width * height)


def first_frame(clip: Clip) -> Image.Image | None:
    """The first frame of a clip, scaled down; None if there is none.

    Raises:
        InputError: it cannot be read.
    """
    first = next(shots(clip, fit(clip.size, min(PREVIEW_SIDE, max(clip.size)))), None)
    return None if first is None else Image.fromarray(first.pixels)


def check(order: ClipOrder, limits: Limits) -> None:
    """Make sure that a clip can be painted, and is within the limits.

    Raises:
        InputError: it cannot, or is not.
    """
    if not is_installed():
        raise InputError("studio.no-clips")
    painter = learned_style(order.styles)
    if painter is not None:
        clip = look(order.clip)
        limits.check_painting(frame_of(clip), order.recipe)
        limits.check_output(clip.size, order.recipe)
        limits.check_length(clip)
        painters.load(painter.path, limits)
        return
    styles = [images.described(style.picture) for style in order.styles if style.picture]
    limits.check_clip(look(order.clip), styles, order.recipe)


def paint_clip(
    order: ClipOrder,
    folder: Path,
    output: Path,
    limits: Limits,
    device: str,
    threads: int,
    on_view: Callable[[ClipView], None],
    is_resumable: Callable[[], bool],
) -> ClipResult:
    """Paint a clip; one that is stopped ends with the frames painted so far.

    Args:
        order: what is painted.
        folder: the folder of the job, which keeps the frames until it is removed.
        output: the file of the painted clip.
        limits: those of the studio.
        device: the device of an optimisation.
        threads: number of CPU threads of one pass.
        on_view: called with what the visitor sees.
        is_resumable: whether a clip that is stopped now will be resumed, so that nothing is
            written.

    Raises:
        InputError: a picture or a setting cannot be used.
        RunError: the painting of a frame failed.
        StoppedError: the work was stopped before the first frame, or will be resumed.
    """
    check(order, limits)
    order.save(folder)
    request = Request(
        order.clip,
        order.styles,
        order.recipe,
        output,
        working=folder / WORKING,
        device="cpu" if paints_in_one_pass(order.recipe) else device,
        threads=threads,
    )
    planned = _planned(request, folder / WORKING)
    teller = Teller(planned, limits, on_view)
    try:
        made = paint(planned, Watch(teller.read, teller.painted, teller.written))
    except StoppedError:
        begun = None if is_resumable() else write_begun(planned)
        if begun is None:
            raise
        return ClipResult(begun, teller.count)
    return ClipResult(made, made.frames)


def _planned(request: Request, working: Path) -> VideoPlan:
    """The plan of a clip; frames of another version of impasto are painted again."""
    try:
        return plan(request)
    except InputError as error:
        if error.code != "clip.other-work":
            raise
    shutil.rmtree(working)
    return plan(request)


class Teller:
    """Tells a visitor about the progress of their clip, about once a second.

    Args:
        planned: the clip.
        limits: those of the studio, since a damaged file may hold more frames than it says.
        on_view: called with what the visitor sees.

    Attributes:
        count: the number of frames.
    """

    def __init__(
        self, planned: VideoPlan, limits: Limits, on_view: Callable[[ClipView], None]
    ) -> None:
        self.count = planned.clip.count
        self._planned, self._limits, self._on_view = planned, limits, on_view
        self._pace = Pace()
        self._told: tuple[Stage | None, float] = None, 0.0
        self._shown = 0  # frames that were painted when the last preview was made

    def read(self, number: int, count: int) -> None:
        """Tell of a frame that is read.

        Raises:
            InputError: there are more than the limits allow.
        """
        self._limits.check_length(replace(self._planned.clip, count=number))
        self.count = number
        if self._is_due("reading"):
            self._on_view(ClipView("reading", number, count))

    def painted(self, step: VideoStep) -> None:
        """Tell how far the clip is painted."""
        left = self._pace.left(step.share)
        if self._is_due("painting"):
            preview = self._preview(step.frames)
            self._on_view(ClipView("painting", step.frames, self.count, left, preview))

    def written(self, number: int, count: int) -> None:
        """Tell of a frame that is written."""
        if self._is_due("writing"):
            self._on_view(ClipView("writing", number, count))

    def _is_due(self, stage: Stage) -> bool:
        """Whether the visitor should see something of a stage now."""
        last, when = self._told
        now = time.monotonic()
        if stage == last and now - when < VIEW_EVERY:
            return False
        self._told = stage, now
        return True

    def _preview(self, frames: int) -> Image.Image | None:
        """The last painted frame, scaled down; None if the visitor has seen it."""
        if frames <= self._shown:
            return None
        self._shown = frames
        preview = Image.fromarray(self._planned.working.painted(self.count)[frames - 1])
        preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        return preview
