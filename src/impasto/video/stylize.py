"""Painting a clip: read its frames, paint them, and write the new clip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import InputError, StoppedError
from impasto.pictures.in_memory import OF_RANGE
from impasto.pictures.inputs import StyleSource, named, path_of
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts
from impasto.process.memory import memory_errors
from impasto.process.notices import told_once
from impasto.settings.keywords import check_keywords
from impasto.settings.pieces import check_choice
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.validation import plain
from impasto.video.clip import Clip, Times, times_of
from impasto.video.encoding import write
from impasto.video.method import OnVideoStep, Order, VideoStep
from impasto.video.methods import method_named
from impasto.video.planning import Request, VideoPlan, part_of, plan
from impasto.video.reading import cut
from impasto.video.showing import Told, showing
from impasto.video.working import FrameFiles, Working

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from impasto.settings.keywords import VideoSettings

PaintFiles = Callable[[FrameFiles, FrameFiles, Order, OnVideoStep], None]  # a method, for files
Counted = Callable[[int, int], None]  # called with a number of frames, and the number of all


@dataclass(frozen=True)
class Watch:
    """What is called while a clip is painted.

    Attributes:
        on_read: called after every frame that is read.
        on_step: called as the painting goes on.
        on_written: called after every frame that is written.
    """

    on_read: Counted = lambda _number, _count: None
    on_step: OnVideoStep = lambda _: None
    on_written: Counted = lambda _number, _count: None


WATCH_NOTHING = Watch()


@dataclass(frozen=True)
class PaintedClip:
    """A clip that has been painted.

    Attributes:
        path: the file, or the folder of frames.
        size: width and height of its frames, in pixels.
        frames: the number of frames.
        seconds: how long they last.
        rate: frames a second, on average.
        method: the method.
        recipe: the settings of every painting.
    """

    path: Path
    size: PixelSize
    frames: int
    seconds: float
    rate: float
    method: str
    recipe: Recipe = field(repr=False)


def stylize_video(  # noqa: PLR0913 – every argument is the caller's to choose
    clip: str | os.PathLike[str],
    style: StyleSource | Iterable[StyleSource] | None = None,
    recipe: RecipeSource | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    method: str | None = None,
    start: str | float = 0,
    end: str | float | None = None,
    rate: float | None = None,
    crf: int | None = None,
    working: str | os.PathLike[str] | None = None,
    device: str = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    on_step: Callable[[VideoStep], object] | None = None,
    progress: bool = False,
    **settings: Unpack[VideoSettings],
) -> PaintedClip:
    """Paint a clip in the style of a picture, or of several; frames, times and sound stay.

    What is painted is kept in a working folder until the clip is done. If the call is interrupted,
    the same call continues it, and its frames are the same as without the interruption.

    Args:
        clip: the path of a film that FFmpeg reads, of a GIF, an animated WebP or PNG, or of a
            folder of frames, which are taken in the order of their names.
        style: the style picture or pictures, as for :func:`impasto.stylize`; or the path of a
            painter, and then names of its styles if it has learned several.
        recipe: the settings of every painting, as for :func:`impasto.stylize`. If neither a recipe
            nor ``size`` is given, frames that are smaller than the preset's size keep theirs.
        output: the file of the new clip, which ends in ``.mp4``, ``.m4v``, ``.mov``, ``.mkv``,
            ``.webm``, ``.gif`` or ``.webp``; or a folder for its frames as PNG. None writes it
            beside the clip, with ``-painting`` behind its name.
        method: the name of the method that paints the frames; None for the usual one.
        start: where to begin: seconds, or ``"h:mm:ss"``.
        end: where to end, given like ``start``; None for the end of the clip.
        rate: frames a second of a folder of frames; None for 25.
        crf: the constant rate factor of H.264 (0 to 51) or VP9 (0 to 63): smaller is better, and
            larger as a file; None for 18 and 28.
        working: the working folder; None for one beside the output.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: ``bundled``, or the path of a weight file.
        weights_input: the input that a weight file expects, ``caffe`` or ``torchvision``.
        on_step: a callback that gets the number of frames that are painted and the share of the
            work that is done, as ``frames`` and ``share``. If it returns False, the work stops.
        progress: whether to show how far the clip is: as a bar in a terminal or a notebook, and
            elsewhere as lines on standard error.
        settings: settings of the recipe as keywords, as for :func:`impasto.stylize`.

    Returns:
        What was written.

    Raises:
        InputError: the clip, a picture, a setting or a path cannot be used, or the disk has no
            room for the frames.
        RunError: a run failed.
        StoppedError: the work was interrupted; what is painted is kept.
        OSError: writing failed.
    """
    check_keywords(settings, stylize_video)
    if on_step is not None and not callable(on_step):
        raise InputError("run.not-callable", type=type(on_step).__name__)
    check_choice("progress", progress, (True, False))
    is_capped = "size" not in settings and (recipe is None or _is_preset(recipe))
    asked = Request(
        path_of(clip, "clip"),
        None if style is None else named(style),
        Recipe.read(recipe, **settings),
        None if output is None else path_of(output, "output"),
        method=method,
        part=part_of(start, end),
        rate=rate,
        crf=crf,
        working=None if working is None else path_of(working, "folder"),
        device=str(device),
        weights=weights if str(weights) == "bundled" else path_of(weights, "weight file"),
        weights_input=weights_input,
        is_capped=is_capped,
    )

    with interrupts.ctrl_c_asks():
        planned = plan(asked)
        with showing(planned.clip.count) if progress else nullcontext() as shown:
            return paint(planned, _watch(on_step, shown))


def _watch(on_step: Callable[[VideoStep], object] | None, shown: Told | None) -> Watch:
    """What is called meanwhile: what shows the progress, if anything does, and the callback."""

    def told(step: VideoStep) -> None:
        if shown is not None:
            shown.painted(step)
        if on_step is not None and plain(on_step(step)) is False:
            raise StoppedError

    return Watch(on_step=told) if shown is None else Watch(shown.read, told, shown.written)


def _is_preset(recipe: object) -> bool:
    return isinstance(recipe, str) and recipe in PRESETS


def paint(
    planned: VideoPlan, watch: Watch = WATCH_NOTHING, paint_frames: PaintFiles | None = None
) -> PaintedClip:
    """Paint a clip as planned.

    Args:
        planned: what is painted, and how.
        watch: what is called meanwhile.
        paint_frames: paints the frames; None for the function of the method.

    Raises:
        InputError: a frame, the weights or the device cannot be used.
        RunError: a run failed.
        StoppedError: the work was interrupted; what is painted is kept.
        OSError: writing failed.
    """
    working, clip = planned.working, planned.clip
    method = paint_frames or method_named(planned.method)
    working.begin()
    try:
        # 1. Read the frames, unless an earlier call has.
        times = working.times or _read(planned, watch)
        count = len(times)
        # 2. Paint those that are missing.
        source, painted = working.source(count), working.painted(count)
        with memory_errors(planned.size), told_once(*OF_RANGE):
            method(source, painted, planned.order, watch.on_step)
        # 3. Write the new clip, with the sound of the old one.
        made = _write(planned, painted, times, clip, watch)
    except (KeyboardInterrupt, StoppedError) as error:
        raise _stopped(working, clip) from (error if isinstance(error, StoppedError) else None)
    except InputError:
        if not (planned.continues or working.has_learned or _painted(working, clip)):
            working.remove()
        raise
    working.remove()
    return made


def write_begun(planned: VideoPlan) -> PaintedClip | None:
    """Write the beginning of a clip whose painting was interrupted: the frames before a gap.

    The working folder stays as it is. An interruption does not end this.

    Returns:
        What was written; None if the first frame is not painted.

    Raises:
        OSError: writing failed.
    """
    times = planned.working.times
    if times is None:
        return None
    all_frames = planned.working.painted(len(times))
    missing = (number for number in range(len(times)) if number not in all_frames)
    count = next(missing, len(times))
    if not count:
        return None
    begun = times.first(count)
    part = replace(planned.clip.part, end=planned.clip.part.start + begun.seconds)
    clip = replace(planned.clip, part=part)
    with interrupts.shielded():
        return _write(planned, planned.working.painted(count), begun, clip, WATCH_NOTHING)


def _write(
    planned: VideoPlan, painted: FrameFiles, times: Times, clip: Clip, watch: Watch
) -> PaintedClip:
    """Write a clip of painted frames, with the sound of the clip's part."""
    count = len(times)
    write(
        painted,
        times,
        planned.target,
        planned.output_size,
        clip=clip,
        text=planned.text,
        on_written=lambda number: watch.on_written(number, count),
    )
    return PaintedClip(
        planned.target.path,
        planned.output_size,
        count,
        float(times.seconds),
        float(times.rate),
        planned.method,
        planned.order.recipe,
    )


def _read(planned: VideoPlan, watch: Watch) -> Times:
    """Save the frames of the clip at the working size, and when they are shown."""
    ticks: list[int | None] = []
    last = None
    source = planned.working.source(planned.clip.count)
    for number, shot in enumerate(cut(planned.clip, planned.size, planned.order.recipe)):
        source.keep(number, shot.pixels)
        ticks.append(shot.ticks)
        last = shot.lasts
        watch.on_read(number + 1, max(number + 1, planned.clip.count))
    if not ticks:
        raise InputError("clip.nothing-decoded", path=planned.clip.path)
    times = times_of(planned.clip, ticks, last, rate=planned.rate)
    planned.working.keep_times(times)
    return times


def _painted(working: Working, clip: Clip) -> int:
    """How many frames are painted."""
    times = working.times
    return working.painted(len(times) if times is not None else clip.count).done


def _stopped(working: Working, clip: Clip) -> StoppedError:
    times = working.times
    count = len(times) if times is not None else clip.count
    done = _painted(working, clip)
    return StoppedError("clip.stopped", done=done, count=count, folder=working.folder)
