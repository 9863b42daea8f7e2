"""Painting a clip: plan it, read its frames, paint them, and write the new clip."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto._version import __version__
from impasto.errors import InputError, StoppedError
from impasto.files import reading
from impasto.files.reading import located, sha256_of
from impasto.files.writing import check_apart
from impasto.messages.message import Message
from impasto.network import instant as instant_networks
from impasto.pictures import images, inputs, sizes
from impasto.pictures.inputs import StyleSource, named, path_of
from impasto.pictures.masks import Mask
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts
from impasto.process.memory import memory_errors
from impasto.process.notices import tell
from impasto.settings.keywords import check_keywords
from impasto.settings.loss_table import METHODS as LOSSES
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe, RecipeSource
from impasto.settings.style import Style
from impasto.settings.validation import plain
from impasto.video.clip import WHOLE, Clip, Part, Times, seconds_of, times_of
from impasto.video.encoding import FORMS, Target, check_target, write
from impasto.video.method import OnVideoStep, Order, VideoStep
from impasto.video.methods import DEFAULT, check_method, method_named
from impasto.video.reading import look, shots
from impasto.video.working import SUFFIX, Working

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from impasto.settings.keywords import VideoSettings

MOST_RATE = 1000  # frames a second
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
class VideoPlan:
    """A clip that is going to be painted; everything that was named has been checked.

    Attributes:
        clip: the clip.
        size: width and height of the frames that are painted.
        output_size: width and height of the frames that are written.
        target: where and how the new clip is written.
        method: the name of the method.
        order: the styles, the settings and the device.
        working: the working folder.
        continues: whether the working folder holds earlier work.
        rate: another rate of the new clip; None for the times of the clip.
        text: what the new clip carries.
    """

    clip: Clip
    size: PixelSize
    output_size: PixelSize
    target: Target
    method: str
    order: Order
    working: Working
    continues: bool
    rate: Fraction | None
    text: str = field(repr=False)


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
    method: str = DEFAULT,
    start: str | float = 0,
    end: str | float | None = None,
    rate: float | None = None,
    crf: int | None = None,
    working: str | os.PathLike[str] | None = None,
    device: str = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    on_step: Callable[[VideoStep], object] | None = None,
    **settings: Unpack[VideoSettings],
) -> PaintedClip:
    """Paint a clip in the style of a picture, or of several; frames, times and sound stay.

    What is painted is kept in a working folder until the clip is done. If the call is interrupted,
    the same call continues it, and its frames are the same as without the interruption.

    Args:
        clip: the path of a film that FFmpeg reads, of a GIF, an animated WebP or PNG, or of a
            folder of frames, which are taken in the order of their names.
        style: the style picture or pictures, as for :func:`impasto.stylize`.
        recipe: the settings of every painting, as for :func:`impasto.stylize`. If neither a recipe
            nor ``size`` is given, frames that are smaller than the preset's size keep theirs.
        output: the file of the new clip, which ends in ``.mp4``, ``.m4v``, ``.mov``, ``.mkv``,
            ``.webm``, ``.gif`` or ``.webp``; or a folder for its frames as PNG. None writes it
            beside the clip, with ``-painting`` behind its name.
        method: the name of the method that paints the frames.
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
    is_capped = "size" not in settings and (recipe is None or _is_preset(recipe))
    planned = plan(
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

    def told(step: VideoStep) -> None:
        if on_step is not None and plain(on_step(step)) is False:
            raise StoppedError

    with interrupts.ctrl_c_asks():
        return paint(planned, Watch(on_step=told))


def _is_preset(recipe: object) -> bool:
    return isinstance(recipe, str) and recipe in PRESETS


def part_of(start: str | float, end: str | float | None) -> Part:
    """The part of a clip between two times.

    Raises:
        InputError: they are no times, or nothing lies between them.
    """
    part = Part(seconds_of(start, "start"), None if end is None else seconds_of(end, "end"))
    if part.is_after(part.start):
        raise InputError("clip.no-time", start=str(start), end=str(end))
    return part


def plan(
    path: Path,
    styles: Sequence[Style] | None,
    recipe: Recipe,
    output: Path | None = None,
    *,
    method: str = DEFAULT,
    part: Part = WHOLE,
    rate: float | None = None,
    crf: int | None = None,
    working: Path | None = None,
    device: str = "auto",
    weights: str | os.PathLike[str] = "bundled",
    weights_input: str | None = None,
    is_capped: bool = True,
    others: Iterable[Path] = (),
) -> VideoPlan:
    """Check everything that a clip needs before any of it is painted; nothing is written.

    Args:
        path: the clip.
        styles: the styles; None for those of the recipe.
        recipe: the settings of every painting.
        output: where the new clip is written; None for beside the clip.
        method: the name of the method.
        part: the part of the clip.
        rate: frames a second of a folder of frames.
        crf: the constant rate factor; None for the usual one.
        working: the working folder; None for one beside the output.
        device: the device that computes.
        weights: the network's weights.
        weights_input: the input that a weight file expects.
        is_capped: whether frames that are smaller than the size keep their own.
        others: further files that are read.

    Raises:
        InputError: something cannot be used.
    """
    check_method(method)
    clip = look(path, part, _rate(rate))
    target = check_target(_beside(clip) if output is None else output, crf)
    chosen = tuple(recipe.styles if styles is None else styles)
    _check_styles(chosen, recipe)
    fitted = _fitted(clip.size, recipe, is_capped=is_capped)
    size = target.size_for(fitted)
    if size != fitted:
        tell(Message("clip.even", width=fitted[0], height=fitted[1], across=size[0], down=size[1]))
    settings = recipe.model_copy(update={"size": size, "output_size": "working", "styles": ()})
    shared = inputs.read_shared(chosen, settings)
    _check_sizes(clip.size, shared, settings)
    own = [] if str(weights) == "bundled" else [located(weights)]
    files = [*inputs.files_of(clip.path, chosen, settings), *own, *others]
    folder = working or target.path.with_name(f"{target.path.name}{SUFFIX}")
    check_apart(files, [target.path, folder])
    pictures = {key: read.sha256 for key, read in shared.items()}
    identities = {
        "version of impasto": __version__,
        "clip": clip.sha256,
        "part of the clip": [str(clip.part.start), str(clip.part.end)],
        "frame rate": str(clip.rate),
        "size": size,
        "styles": [pictures, [_settings_of(style) for style in chosen]],
        "settings": settings.model_dump(mode="json", exclude={"styles", "initial", "protect"}),
        "weight file": [_identity_of(own[0]) if own else "bundled", weights_input],
        "method": method,
    }
    work = Working(folder, identities)
    continues = work.check()
    work.check_space(clip.count, size)
    return VideoPlan(
        clip,
        size,
        target.size_for(sizes.output_size(clip.size, size, recipe)),
        target,
        method,
        Order(chosen, settings, device, str(weights), weights_input),
        work,
        continues,
        None if rate is None else _rate(rate),
        _carried(clip, settings, chosen, pictures, method),
    )


def paint(planned: VideoPlan, watch: Watch = WATCH_NOTHING) -> PaintedClip:
    """Paint a clip as planned.

    Args:
        planned: what is painted, and how.
        watch: what is called meanwhile.

    Raises:
        InputError: a frame, the weights or the device cannot be used.
        RunError: a run failed.
        StoppedError: the work was interrupted; what is painted is kept.
        OSError: writing failed.
    """
    working, clip = planned.working, planned.clip
    method = method_named(planned.method)
    working.begin()
    try:
        # 1. Read the frames, unless an earlier call has.
        times = working.times or _read(planned, watch)
        count = len(times)
        # 2. Paint those that are missing.
        source, painted = working.source(count), working.painted(count)
        with memory_errors(planned.size):
            method(source, painted, planned.order, watch.on_step)
        # 3. Write the new clip, with the sound of the old one.
        write(
            painted,
            times,
            planned.target,
            planned.output_size,
            clip=clip,
            text=planned.text,
            on_written=lambda number: watch.on_written(number, count),
        )
    except (KeyboardInterrupt, StoppedError) as error:
        raise _stopped(working, clip) from (error if isinstance(error, StoppedError) else None)
    except InputError:
        if not planned.continues and not _painted(working, clip):
            working.remove()
        raise
    working.remove()
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
    for number, shot in enumerate(shots(planned.clip, planned.size)):
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


def _rate(rate: float | None) -> Fraction | None:
    """A rate as a fraction, so that 29.97 and 30000/1001 are the same to a clip.

    Raises:
        InputError: it is not above 0, or is too high.
    """
    if rate is None:
        return None
    number = plain(rate)
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float | Fraction)
        or not 0 < number <= MOST_RATE
    ):
        raise InputError("clip.rate", rate=rate, most=MOST_RATE)
    return Fraction(number).limit_denominator(1001)


def _beside(clip: Clip) -> Path:
    """The path of a new clip beside the old one."""
    if clip.names:
        return clip.path.absolute().with_name(f"{clip.path.absolute().name}-painting")
    suffix = clip.path.suffix.lower()
    return clip.path.with_name(f"{clip.path.stem}-painting{suffix if suffix in FORMS else '.mp4'}")


def _fitted(size: PixelSize, recipe: Recipe, *, is_capped: bool) -> PixelSize:
    """The working size of frames of that size."""
    asked = recipe.size
    if is_capped and isinstance(asked, int):
        asked = min(asked, max(size))
    return sizes.fit(size, asked)


def _check_styles(styles: Sequence[Style], recipe: Recipe) -> None:
    """Make sure that there is a style, if the settings need one.

    Raises:
        InputError: there is none.
    """
    if not styles and (recipe.style_weight > 0 or recipe.initial == "style" or recipe.alpha == 0):
        raise InputError("style.none")
    inputs.styles_of(tuple(styles), recipe, "")


def _check_sizes(clip: PixelSize, shared: dict[str, images.Picture | Mask], recipe: Recipe) -> None:
    """Make sure that frames and styles are large enough for the network.

    Raises:
        InputError: they are not.
    """
    canvas = sizes.fit(clip, recipe.size)
    least = instant_networks.SMALLEST_SIDE
    if LOSSES[recipe.method].one_pass:
        if min(canvas) < least:
            raise InputError("size.instant", width=canvas[0], height=canvas[1], least=least)
        return
    sizes.canvas_size(clip, recipe)
    for key, read in shared.items():
        if inputs.kind_of(key) == "style":
            sizes.style_size(read.size, canvas, recipe)


def _settings_of(style: Style) -> dict[str, Any]:
    return style.model_dump(mode="json", exclude=inputs.PICTURES)


def _identity_of(weights: Path) -> str:
    """SHA-256 of a weight file."""
    with reading.opened(weights, "weight file") as file:
        return sha256_of(file)


def _carried(
    clip: Clip, recipe: Recipe, styles: Sequence[Style], pictures: dict[str, str], method: str
) -> str:
    """What a painted clip carries, as JSON: the settings, and names and SHA-256 of the inputs."""
    settings = recipe.model_dump(mode="json", exclude={"styles"})
    sources = inputs.sources(None, styles, recipe)
    names = {key: inputs.file_of(source) for key, source in sources.items()}
    for key in ("initial", "protect"):
        path = names.get(key)
        if path is not None:
            settings[key] = path.name
    read = {
        key: {"name": path.name if path else None, "sha256": pictures[key]}
        for key, path in names.items()
    }
    content = {"name": clip.path.name, "sha256": clip.sha256}
    made = {"impasto": __version__, "video": method, "recipe": settings, "content": content, **read}
    return json.dumps(made, ensure_ascii=False)
