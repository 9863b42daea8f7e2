"""Writing clips: H.264 or VP9 in a container, GIF and WebP, or a folder of PNG frames."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from impasto.errors import InputError
from impasto.files.reading import located, reason_of
from impasto.files.writing import check_folder, check_writable, remove_parts, written_whole
from impasto.messages.message import Message
from impasto.pictures import writers
from impasto.pictures.arrays import resize_in_kind, to_uint8
from impasto.pictures.sizes import PixelSize
from impasto.process import interrupts
from impasto.process.notices import tell
from impasto.video.clip import Clip, Times
from impasto.video.films import check_installed
from impasto.video.method import Frames, Pixels

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream

EVEN = 2  # with colours at half the resolution, sides are multiples of it
ITU709, LIMITED = 1, 1  # SWS_CS_… and AVCOL_RANGE_… of FFmpeg; BT.709 has one number everywhere
SAMPLED = 32  # frames from which the colours of a GIF are chosen
COLOURS = 256
CENTISECOND, MILLISECOND = Fraction(1, 100), Fraction(1, 1000)
SHORTEST = 2  # centiseconds; browsers show a frame of a GIF that lasts less for ten

Progress = Callable[[int], None]  # called with the number of frames that are written


@dataclass(frozen=True)
class Form:
    """How the frames of a file are encoded.

    Attributes:
        container: FFmpeg's name of the format.
        codec: FFmpeg's name of the encoder.
        sound: the encoder for sound that the container does not take as it is; None for no sound.
        pixels: FFmpeg's name of the arrangement of pixels.
        crf: the usual constant rate factor, the largest, and None where there is none.
        options: of the encoder.
        time_base: seconds of a tick, where the format has its own.
    """

    container: str
    codec: str
    sound: str | None = None
    pixels: str = "yuv420p"
    crf: tuple[int, int] | None = None
    options: dict[str, str] = field(default_factory=dict)
    time_base: Fraction | None = None


H264 = Form("mp4", "libx264", "aac", crf=(18, 51), options={"preset": "medium"})
FORMS: dict[str, Form] = {
    ".mp4": H264,
    ".m4v": H264,
    ".mov": replace(H264, container="mov"),
    ".mkv": replace(H264, container="matroska"),
    ".webm": Form(
        "webm",
        "libvpx-vp9",
        "libopus",
        crf=(28, 63),
        options={"deadline": "good", "cpu-used": "3", "row-mt": "1"},
    ),
    ".gif": Form("gif", "gif", pixels="pal8", time_base=CENTISECOND),
    ".webp": Form(
        "webp",
        "libwebp_anim",
        options={"quality": "90"},
        time_base=MILLISECOND,
    ),
}


@dataclass(frozen=True)
class Target:
    """Where a clip is written, and how.

    Attributes:
        path: the file, or the folder of frames.
        form: how the frames are encoded; None for a folder.
        crf: the constant rate factor; None for the usual one, or where there is none.
    """

    path: Path
    form: Form | None
    crf: int | None = None

    def size_for(self, size: PixelSize) -> PixelSize:
        """The nearest size that can be written: even sides, unless it is a folder or a GIF."""
        if self.form is None or self.form.pixels != "yuv420p":
            return size
        width, height = (max(EVEN, round(side / EVEN) * EVEN) for side in size)
        return width, height


def check_target(path: Path, crf: int | None = None) -> Target:
    """How a clip is written to a path.

    Args:
        path: a file, whose suffix is one of :data:`FORMS`; or a folder, which has no suffix or
            exists.
        crf: the constant rate factor; None for the usual one.

    Raises:
        InputError: the suffix is another, nothing can be written there, or there is no such factor.
    """
    path = located(path)
    if path.is_dir() or not path.suffix:
        return check_frames(path, crf)
    form = FORMS[check_writable(path, FORMS).suffix.lower()]
    check_installed()
    if crf is not None:
        if form.crf is None:
            raise InputError("clip.no-crf", kind=path.suffix[1:].upper())
        if isinstance(crf, bool) or not isinstance(crf, int) or not 0 <= crf <= form.crf[1]:
            raise InputError("clip.crf", crf=crf, most=form.crf[1], usual=form.crf[0])
    return Target(path, form, crf)


def check_frames(path: Path, crf: int | None = None) -> Target:
    """How the frames of a clip are written to a folder.

    Args:
        path: the folder.
        crf: must be None, as frames have no such factor.

    Raises:
        InputError: nothing can be written there, or there is a factor.
    """
    if crf is not None:
        raise InputError("clip.no-crf", kind="PNG")
    return Target(check_folder(path), None)


def write(
    frames: Frames,
    times: Times,
    target: Target,
    size: PixelSize,
    *,
    clip: Clip | None = None,
    text: str | None = None,
    on_written: Progress = lambda _: None,
) -> None:
    """Write a clip: a file completely or not at all, a folder frame by frame.

    Args:
        frames: the frames.
        times: when each is shown.
        target: where and how they are written.
        size: width and height of the frames in the file.
        clip: the clip whose sound is kept; None for none.
        text: what the file carries as its comment, or every PNG under the key ``impasto``.
        on_written: called after every frame.

    Raises:
        OSError: writing failed.
    """
    if target.form is None:
        _write_folder(frames, target.path, size, clip, text, on_written)
        return
    import av

    written = (frames, times, target, size)
    try:
        try:
            _write_film(*written, clip, text, on_written)
        except av.FFmpegError as error:
            if clip is None or not clip.sounds:
                raise
            tell(Message("clip.sound-lost", reason=reason_of(error)))
            _write_film(*written, None, text, on_written)
    except av.FFmpegError as error:
        raise OSError(errno.EIO, str(reason_of(error)), str(target.path)) from None


def _write_folder(
    frames: Frames,
    folder: Path,
    size: PixelSize,
    clip: Clip | None,
    text: str | None,
    on_written: Progress,
) -> None:
    if clip is not None and clip.sounds:
        tell(Message("clip.no-sound", kind="PNG"))
    folder.mkdir(exist_ok=True)
    names = _names(clip.names if clip is not None else (), len(frames))
    older = {path.name for path in folder.glob("frame-*.png")} - set(names)
    if older:
        tell(Message("clip.older-frames", folder=folder, count=len(older)))
    for number, name in enumerate(names):
        interrupts.check()
        remove_parts(folder / name)
        writers.save(_resized(frames[number], size), folder / name, text=text)
        on_written(number + 1)


def _names(source: Sequence[str], count: int) -> list[str]:
    """The names of written frames: those of a folder, or else numbers."""
    stems = [Path(name).stem for name in source]
    if len(set(stems)) == count:
        return [f"{stem}.png" for stem in stems]
    return [f"frame-{number:06}.png" for number in range(1, count + 1)]


def _write_film(
    frames: Frames,
    times: Times,
    target: Target,
    size: PixelSize,
    clip: Clip | None,
    text: str | None,
    on_written: Progress,
) -> None:
    import av

    from impasto.video.sound import Silence, Sound

    form = target.form
    assert form is not None  # noqa: S101 – a folder is written elsewhere
    shown = _ticks(times, form)
    lasts = {tick: end - tick for (tick, _), (end, _) in itertools.pairwise(shown)}
    remove_parts(target.path)
    with (
        written_whole(target.path) as file,
        av.open(file, "w", format=form.container) as container,
    ):
        stream = _stream(container, times, target, size, shown)
        if text is not None:
            container.metadata["comment"] = text
        sound = Silence() if clip is None else Sound(clip, container, form.sound, times)
        encode = _palette_encoder(frames, size) if form.pixels == "pal8" else _encoder(form)
        with sound:
            for tick, number in shown[:-1]:
                interrupts.check()
                frame = encode(_resized(frames[number], size))
                frame.pts, frame.time_base = tick, stream.codec_context.time_base
                sound.until(times.ticks[number] * times.time_base)
                _mux(container, stream, frame, lasts)
                on_written(number + 1)
            _mux(container, stream, None, lasts)
            sound.rest()


def _ticks(times: Times, form: Form) -> list[tuple[int, int]]:
    """The ticks and the number of each frame that is written, and last the ticks of the end.

    A format with ticks of its own rounds the times to them. Of frames that would follow each other
    faster than a GIF can, some are left out, and a note says so.
    """
    both = [*zip(times.ticks, range(len(times)), strict=True), (times.end, len(times))]
    if form.time_base is None:
        return both
    scale = times.time_base / form.time_base
    least = SHORTEST if form.codec == "gif" else 1
    shown: list[tuple[int, int]] = []
    for ticks, number in both[:-1]:
        tick = round(ticks * scale)
        if not shown or tick >= shown[-1][0] + least:
            shown.append((tick, number))
    if len(shown) < len(times):
        tell(Message("clip.too-fast", left_out=len(times) - len(shown), count=len(times)))
    end = max(round(times.end * scale), shown[-1][0] + least)
    return [*shown, (end, len(times))]


def _stream(
    container: OutputContainer,
    times: Times,
    target: Target,
    size: PixelSize,
    shown: Sequence[tuple[int, int]],
) -> VideoStream:
    """The stream that gets the frames."""
    form = target.form
    assert form is not None  # noqa: S101 – a folder has no streams
    options = dict(form.options)
    if form.crf is not None:
        options["crf"] = str(form.crf[0] if target.crf is None else target.crf)
    if form.codec == "libx264" and not times.is_regular:
        options["bf"] = "0"  # else the duration in the file would be that of the decoding
    if form.codec == "gif":
        options["gifflags"] = "-transdiff"
    stream: Any = container.add_stream(form.codec, rate=times.rate.limit_denominator(100_000))
    stream.width, stream.height, stream.pix_fmt = *size, form.pixels
    stream.options = options
    context = stream.codec_context
    context.time_base = form.time_base or times.time_base
    stream.time_base = context.time_base
    if form.pixels == "yuv420p" and form.time_base is None:
        context.colorspace = context.color_primaries = context.color_trc = ITU709
        context.color_range = LIMITED
    if form.codec == "libvpx-vp9":
        context.bit_rate = 0
    if form.time_base is not None:
        container.options["loop"] = "0"  # for ever
    if form.codec == "gif":
        (last, _), (end, _) = shown[-2:]
        container.options["final_delay"] = str(end - last)
    return stream  # type: ignore[no-any-return]


def _mux(
    container: OutputContainer,
    stream: VideoStream,
    frame: VideoFrame | None,
    lasts: dict[int, int],
) -> None:
    """Encode a frame, or what is left, and write its packets with their durations."""
    for packet in stream.encode(frame):
        if packet.time_base == stream.codec_context.time_base and packet.pts in lasts:
            packet.duration = lasts[packet.pts]
        container.mux(packet)


def _encoder(form: Form) -> Callable[[Pixels], VideoFrame]:
    """Makes the frame of FFmpeg from pixels."""
    import av

    def encode(pixels: Pixels) -> VideoFrame:
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        return frame.reformat(
            format=form.pixels,
            interpolation="BICUBIC",
            dst_colorspace=ITU709,
            dst_color_range=LIMITED,
        )

    return encode


def _palette_encoder(frames: Frames, size: PixelSize) -> Callable[[Pixels], VideoFrame]:
    """Makes the frame of FFmpeg from pixels, in the colours of the whole clip."""
    import av

    palette = _palette(frames, size)
    colours = np.zeros((COLOURS, 4), np.uint8)
    listed = np.asarray(palette.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colours[:, 0], colours[: len(listed), 1:] = 255, listed

    def encode(pixels: Pixels) -> VideoFrame:
        image = Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
        return av.VideoFrame.from_ndarray((np.asarray(image), colours), format="pal8")  # type: ignore[arg-type]

    return encode


def _palette(frames: Frames, size: PixelSize) -> Image.Image:
    """The colours of a clip, chosen from frames that lie evenly."""
    count = len(frames)
    numbers = sorted({round(n * (count - 1) / (SAMPLED - 1)) for n in range(SAMPLED)})
    sampled = []
    for number in numbers:
        interrupts.check()
        image = Image.fromarray(_resized(frames[number], size))
        image.thumbnail((256, 256), Image.Resampling.NEAREST)
        sampled.append(np.asarray(image).reshape(-1, 3))
    pixels = np.concatenate(sampled)[None]
    return Image.fromarray(pixels).quantize(COLOURS, method=Image.Quantize.MEDIANCUT)


def _resized(pixels: Pixels, size: PixelSize) -> Pixels:
    return to_uint8(resize_in_kind(pixels, size))
