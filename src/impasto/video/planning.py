"""Planning a clip: everything that it needs is checked before any of it is painted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from impasto._version import __version__
from impasto.errors import InputError
from impasto.files import reading
from impasto.files.reading import located, sha256_of
from impasto.files.writing import check_apart
from impasto.messages.message import Message
from impasto.network import instant
from impasto.pictures import inputs, sizes
from impasto.pictures.images import Picture
from impasto.pictures.inputs import named
from impasto.pictures.masks import Mask
from impasto.pictures.sizes import PixelSize
from impasto.process.notices import tell
from impasto.settings.loss_table import METHODS as LOSSES
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.settings.validation import plain
from impasto.video.clip import WHOLE, Clip, Part, seconds_of
from impasto.video.encoding import FORMS, Target, check_frames, check_target
from impasto.video.method import Order
from impasto.video.methods import LEARNED, check_method, usual_method
from impasto.video.painter_style import check_painter, learned_style
from impasto.video.reading import look
from impasto.video.working import SETTINGS, SUFFIX, Working

MOST_RATE = 1000  # frames a second


@dataclass(frozen=True)
class Request:
    """What is to be painted, as the user named it.

    Attributes:
        clip: the clip.
        styles: the styles; None for those of the recipe.
        recipe: the settings of every painting.
        output: where the new clip is written; None for beside the clip.
        method: the name of the method; None for the usual one.
        part: the part of the clip.
        rate: frames a second of a folder of frames; None for the usual rate.
        crf: the constant rate factor; None for the usual one.
        working: the working folder; None for one beside the output.
        device: the device that computes.
        weights: the network's weights.
        weights_input: the input that a weight file expects.
        is_capped: whether frames that are smaller than the working size keep their own.
        others: further files that are read.
        threads: number of CPU threads of one pass; an optimisation takes PyTorch's number.
    """

    clip: Path
    styles: Sequence[Style] | None
    recipe: Recipe
    output: Path | None = None
    method: str | None = None
    part: Part = WHOLE
    rate: float | None = None
    crf: int | None = None
    working: Path | None = None
    device: str = "auto"
    weights: str | os.PathLike[str] = "bundled"
    weights_input: str | None = None
    is_capped: bool = True
    others: Iterable[Path] = ()
    threads: int | None = None


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

    @property
    def paths(self) -> dict[str, Path | None]:
        """The files of the pictures, by their roles; None for a picture in memory."""
        return _files(self.order)

    @property
    def paths_of_styles(self) -> list[Path | None]:
        """The files of the style pictures or of the painter; None for a picture in memory."""
        kinds = ("style", "painter")
        return [path for key, path in self.paths.items() if inputs.kind_of(key) in kinds]


def part_of(start: str | float, end: str | float | None) -> Part:
    """The part of a clip between two times.

    Raises:
        InputError: they are no times, or nothing lies between them.
    """
    part = Part(seconds_of(start, "start"), None if end is None else seconds_of(end, "end"))
    if part.is_after(part.start):
        raise InputError("clip.no-time", start=str(start), end=str(end))
    return part


def plan(asked: Request) -> VideoPlan:
    """Check everything that a clip needs before any of it is painted; nothing is written.

    Raises:
        InputError: something cannot be used, or the disk has no room for the frames.
    """
    recipe, rate = asked.recipe, _rate(asked.rate)
    styles = tuple(recipe.styles if asked.styles is None else asked.styles)
    painter = learned_style(styles)
    has_painter = painter is not None
    method = asked.method or usual_method(recipe, has_painter=has_painter)
    check_method(method, recipe, has_painter=has_painter)
    clip = look(asked.clip, asked.part, rate)
    target = _target(clip, asked)
    shape = sizes.cropped_size(clip.size, recipe)
    size = _even(fitted(shape, recipe, is_capped=asked.is_capped), target)
    settings = recipe.model_copy(update={"size": size, "output_size": "working", "styles": ()})
    if method == LEARNED and any(not style.is_plain for style in styles):
        raise InputError("painter.style-settings")
    if shape != clip.size and (
        recipe.protect is not None or any(style.mask is not None for style in styles)
    ):
        raise InputError("clip.cropped-masks")
    if painter is None:
        pictures = _read(clip.size, styles, settings)
    else:
        check_painter(painter, clip.path, size, settings)
        pictures, styles = {"painter": _sha256(painter.path, "painter")}, ()
    folder = asked.working or _working_for(target.path)
    order = Order(
        styles,
        settings,
        asked.device,
        str(asked.weights),
        asked.weights_input,
        folder,
        asked.threads,
        painter,
    )
    own = [] if order.weights == "bundled" else [located(order.weights)]
    if painter is not None:
        own.append(painter.path)
    files = [*inputs.files_of(clip.path, styles, settings), *own, *asked.others]
    check_apart(files, [target.path, folder])
    working = Working(folder, _identity(clip, order, pictures, method))
    continues = working.check()
    working.check_space(clip.count, size)
    return VideoPlan(
        clip,
        size,
        target.size_for(sizes.output_size(clip.size, size, recipe)),
        target,
        method,
        order,
        working,
        continues,
        rate,
        _carried(clip, order, pictures, method),
    )


def _identity(
    clip: Clip, order: Order, pictures: Mapping[str, str], method: str
) -> dict[str, object]:
    """What is painted and how, by the nouns of errors; equal ones give equal frames."""
    styles = [
        style.model_dump(mode="json", exclude=inputs.PICTURES) for style in named(order.styles)
    ]
    weights = order.weights
    return {
        "version of impasto": __version__,
        "clip": clip.sha256,
        "part of the clip": [str(clip.part.start), str(clip.part.end)],
        "frame rate": str(clip.rate),
        "size": order.recipe.size,
        "styles": [dict(pictures), styles],
        SETTINGS: order.recipe.model_dump(mode="json", exclude={"styles", "initial", "protect"}),
        "initial": "" if "initial" in pictures else order.recipe.initial,
        "weight file": [weights if weights == "bundled" else _sha256(weights), order.weights_input],
        "method": method,
        "painter": None if order.painter is None else dict(order.painter.mixture),
    }


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
        or not (fraction := Fraction(number).limit_denominator(1001))
    ):
        raise InputError("clip.rate", rate=rate, most=MOST_RATE)
    return fraction


def _target(clip: Clip, asked: Request) -> Target:
    """How the clip is written: as asked, or beside the old one, frames as a folder of frames.

    Raises:
        InputError: it cannot be written so.
    """
    if asked.output is not None:
        return check_target(asked.output, asked.crf)
    beside = _beside(clip)
    return check_frames(beside, asked.crf) if clip.names else check_target(beside, asked.crf)


def _working_for(output: Path) -> Path:
    """The working folder beside an output, or in it if it is the root of all folders."""
    if output.name in ("", ".."):
        output = Path(os.path.abspath(output))  # noqa: PTH100 – Path.resolve would follow links
    return output.with_name(f"{output.name}{SUFFIX}") if output.name else output / SUFFIX


def _beside(clip: Clip) -> Path:
    """The path of a new clip beside the old one."""
    if clip.names:
        return clip.path.absolute().with_name(f"{clip.path.absolute().name}-painting")
    suffix = clip.path.suffix.lower()
    return clip.path.with_name(f"{clip.path.stem}-painting{suffix if suffix in FORMS else '.mp4'}")


def fitted(size: PixelSize, recipe: Recipe, *, is_capped: bool) -> PixelSize:
    """The working size of frames of that size.

    Args:
        size: width and height of a frame.
        recipe: the settings.
        is_capped: whether frames that are smaller than the working size keep their own.
    """
    asked = recipe.size
    if is_capped and isinstance(asked, int):
        asked = min(asked, max(size))
    return sizes.fit(size, asked)


def _even(size: PixelSize, target: Target) -> PixelSize:
    """The nearest size that can be written; a note says if it is another."""
    even = target.size_for(size)
    if even != size:
        (width, height), (across, down) = size, even
        tell(Message("clip.even", width=width, height=height, across=across, down=down))
    return even


def _read(clip: PixelSize, styles: tuple[Style, ...], recipe: Recipe) -> dict[str, str]:
    """SHA-256 of the pictures that all frames share, by role, after reading and checking them.

    Raises:
        InputError: one cannot be read, or is too small.
    """
    _check_styles(styles, recipe)
    read = inputs.read_shared(styles, recipe)
    _check_sizes(clip, read, recipe)
    return {key: one.sha256 for key, one in read.items()}


def _files(order: Order) -> dict[str, Path | None]:
    """The files that all frames share, by role; None for a picture in memory."""
    if order.painter is not None:
        return {"painter": order.painter.path}
    sources = inputs.sources(None, named(order.styles), order.recipe)
    return {key: inputs.file_of(source) for key, source in sources.items()}


def _check_styles(styles: Sequence[Style], recipe: Recipe) -> None:
    """Make sure that there is a style, if the settings need one.

    Raises:
        InputError: there is none.
    """
    if not styles and (recipe.style_weight > 0 or recipe.initial == "style" or recipe.alpha == 0):
        raise InputError("style.none")
    inputs.styles_of(tuple(styles), recipe, "")


def _check_sizes(clip: PixelSize, shared: Mapping[str, Picture | Mask], recipe: Recipe) -> None:
    """Make sure that frames and styles are large enough for the network.

    Raises:
        InputError: they are not.
    """
    canvas = sizes.fit(clip, recipe.size)
    least = instant.SMALLEST_SIDE
    if LOSSES[recipe.method].one_pass:
        if min(canvas) < least:
            raise InputError("size.instant", width=canvas[0], height=canvas[1], least=least)
        return
    sizes.canvas_size(clip, recipe)
    for key, read in shared.items():
        if inputs.kind_of(key) == "style":
            sizes.style_size(read.size, canvas, recipe)


def _sha256(path: str | Path, role: str = "weight file") -> str:
    """SHA-256 of a file."""
    with reading.opened(path, role) as file:
        return sha256_of(file)


def _carried(clip: Clip, order: Order, pictures: Mapping[str, str], method: str) -> str:
    """What a painted clip carries, as JSON: the settings, and names and SHA-256 of the inputs."""
    settings = order.recipe.model_dump(mode="json", exclude={"styles"})
    names = _files(order)
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
    return json.dumps(made)  # in ASCII, since a name may have what UTF-8 cannot say
