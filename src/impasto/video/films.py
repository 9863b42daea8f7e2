"""Clips in the containers that FFmpeg reads, decoded by PyAV.

A container is read from an open file. Whatever it names besides, such as the parts of a playlist or
an address, is refused.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from impasto.errors import InputError, StoppedError, UnusableError
from impasto.files import reading
from impasto.files.reading import sha256_of
from impasto.messages.message import Message
from impasto.pictures.arrays import resize_in_kind, to_uint8
from impasto.pictures.limits import check_size
from impasto.pictures.refusals import naming, refusing
from impasto.pictures.sizes import PixelSize
from impasto.pictures.upright import SIDEWAYS, upright
from impasto.process import interrupts
from impasto.process.notices import tell
from impasto.video import high_range
from impasto.video.clip import USUAL_RATE, Clip, Clock, Part, Shot
from impasto.video.method import Pixels

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

ROLE = "clip"
NO_PROTOCOL = "none"  # a whitelist with a protocol that there is not
# Demuxers of what is no clip: text as a picture, single pictures, and lists of other files.
NO_CLIPS = ("tty", "concat", "hls", "dash", "sdp", "rtsp", "image2")
WHOLE_ENOUGH = 0.98  # share of an index that is there in a whole file; empty packets do not count
FASTEST = 1000  # frames a second; a higher rate is a time base in its place
HIGH_DEFINITION = 720  # rows from which colours that are not described are BT.709
ITU709, ITU601 = 1, 5  # SWS_CS_… of FFmpeg
UNSPECIFIED = 2  # AVCOL_SPC_…
DISPLAY_MATRIX = "DISPLAYMATRIX"
BICUBIC = "BICUBIC"  # by which colours of a lower resolution are enlarged


def check_installed() -> None:
    """Make sure that PyAV is installed.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("av") is None:
        raise InputError("clip.needs-av")


def look(path: Path, part: Part) -> Clip:
    """Look over a clip: decode its first frame, and count the others by their packets.

    Raises:
        InputError: it is no clip that can be decoded, or nothing of it lies within the part.
    """
    with reading.opened(path, ROLE) as file:
        sha256 = sha256_of(file)
        file.seek(0)
        with refusing_clip(path), opened(file) as container:
            stream = _stream_of(container)
            begin = container.start_time
            time_base = stream.time_base or 1 / USUAL_RATE
            origin = 0 if begin is None else round(Fraction(begin, 1_000_000) / time_base)
            first = next(_decoded(container, stream, []), None)
            if first is None:
                raise UnusableError("clip.no-frames")
            size = _size_of(first, stream)
            check_size(first.width, first.height)
            check_size(*size)
            made = Clip(
                path,
                sha256,
                size,
                part,
                0,
                0,
                _rate_of(stream),
                time_base,
                origin,
                sounds=tuple(_codec_of(one) for one in container.streams.audio),
            )
            del first
            file.seek(0)
        with refusing_clip(path), opened(file) as container:
            made, last = _counted(made, container, _stream_of(container))
    if not made.count:
        start = f"{float(part.start):g} s"
        raise InputError("clip.no-part", path=path, start=start, last=float(last))
    return made


def shots(clip: Clip, size: PixelSize) -> Iterator[Shot]:
    """Decode the frames of a clip's part one after another, upright, in sRGB.

    Packets that cannot be decoded are left out, and a note says so.

    Args:
        clip: the clip.
        size: width and height of the pixels.

    Raises:
        InputError: the clip cannot be decoded.
    """
    from av.video.reformatter import VideoReformatter

    broken: list[Exception] = []
    with (
        reading.opened(clip.path, ROLE) as file,
        refusing_clip(clip.path),
        opened(file) as container,
    ):
        stream = _stream_of(container)
        stream.thread_type = "AUTO"
        reformatter = VideoReformatter()
        for seconds, lost, frame in _within(
            clip, _decoded(container, stream, broken, clip.keyframe)
        ):
            stored = size[::-1] if _orientation(frame) in SIDEWAYS else size
            pixels = to_uint8(resize_in_kind(_pixels(frame, reformatter), stored))
            ticks = None if frame.pts is None else clip.origin + round(seconds / clip.time_base)
            left = max(1, frame.duration - round(lost / clip.time_base)) if frame.duration else None
            yield Shot(ticks, left, upright(pixels, _orientation(frame)))
    if broken:
        tell(Message("clip.broken", path=clip.path, count=len(broken)))


@contextmanager
def opened(file: BinaryIO) -> Iterator[InputContainer]:
    """A context that gives the container in an open file; it opens no other file or address.

    Raises:
        UnusableError: the file holds no clip, or is a list of others.
    """
    import av

    def refuse(*_: object) -> Any:
        raise UnusableError("clip.names-others")

    only = {"protocol_whitelist": NO_PROTOCOL}
    try:
        container = av.open(
            file, "r", container_options=only, io_open=refuse, metadata_errors="replace"
        )
    except (StoppedError, UnusableError):
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnusableError("clip.not-one", reason=_reason(error)) from None
    with container:
        if container.format.name in NO_CLIPS or container.format.name.endswith("_pipe"):
            raise UnusableError("clip.not-one", reason=container.format.long_name)
        yield container


@contextmanager
def refusing_clip(path: Path) -> Iterator[None]:
    """A context in which any error of a decoder becomes an error that names the clip.

    Raises:
        InputError: the clip cannot be used.
    """
    with refusing(naming(ROLE, path)):
        try:
            yield
        except (StoppedError, UnusableError, MemoryError):
            raise
        except Exception as error:
            raise UnusableError("clip.not-one", reason=_reason(error)) from None


def _reason(error: Exception) -> str:
    """The text of FFmpeg's error, without numbers and names of files."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")


def _stream_of(container: InputContainer) -> VideoStream:
    """The stream of pictures; the cover of an album is none.

    Raises:
        UnusableError: there is none, or nothing can decode it.
    """
    from av.stream import Disposition

    films = [
        stream
        for stream in container.streams.video
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]
    if not films:
        raise UnusableError("clip.no-video")
    decodable = [stream for stream in films if stream.codec_context is not None]
    if not decodable:
        raise UnusableError("clip.no-decoder")
    first = [stream for stream in decodable if stream.disposition & Disposition.default]
    return (first or decodable)[0]


def _codec_of(stream: Any) -> str:
    """The name of a stream's codec; nothing decodes a stream without one."""
    return "" if stream.codec_context is None else str(stream.codec_context.name)


def _rate_of(stream: VideoStream) -> Fraction:
    """Frames a second; a rate that cannot be is taken for the usual one."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((rate for rate in rates if rate and 0 < rate <= FASTEST), USUAL_RATE)


def _size_of(frame: VideoFrame, stream: VideoStream) -> PixelSize:
    """Width and height of a frame, upright and with square pixels."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    plausible = Fraction(1, 20) < aspect < 20
    width = max(1, round(frame.width * aspect)) if plausible else frame.width
    return (frame.height, width) if _orientation(frame) in SIDEWAYS else (width, frame.height)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The packets of a stream until the end, or until what cannot be read; the last is empty."""
    import av

    packets = container.demux(stream)
    while True:
        interrupts.check()
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        yield packet


def _decoded(
    container: InputContainer,
    stream: VideoStream,
    broken: list[Exception],
    keyframe: int | None = None,
) -> Iterator[VideoFrame]:
    """The frames of a stream.

    Args:
        container: the container.
        stream: the stream.
        broken: gets the error of every packet that cannot be decoded.
        keyframe: ticks of the packet from which decoding begins; None for the first.
    """
    import av

    begun = keyframe is None
    for packet in _packets(container, stream):
        begun = begun or (packet.is_keyframe and packet.pts == keyframe)
        if not begun and packet.size:
            continue
        try:
            yield from packet.decode()
        except av.EOFError:
            return
        except av.FFmpegError as error:
            broken.append(error)


def _within(
    clip: Clip, frames: Iterator[VideoFrame]
) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """The frames of a clip's part.

    Returns:
        Of each, the seconds from which it is shown, how many seconds of it lie before the part, and
        the frame.
    """
    clock, part = Clock(clip), clip.part
    before: tuple[Fraction, VideoFrame] | None = None

    def shown_before(end: Fraction | None) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
        if before is not None:
            begin, frame = before
            own = begin + (frame.duration or 0) * clip.time_base
            if part.shows(begin, own if end is None else end):
                yield part.start, part.start - begin, frame

    for frame in frames:
        seconds = clock(frame.pts)
        if part.is_before(seconds):
            before = seconds, frame
            continue
        yield from shown_before(seconds)
        before = None
        if part.is_after(seconds):
            return
        yield seconds, Fraction(0), frame
    yield from shown_before(None)


def _counted(clip: Clip, container: InputContainer, stream: VideoStream) -> tuple[Clip, Fraction]:
    """The clip with the number of frames of its part, and the seconds of the last frame of all."""
    count, there, keyframe, last, clock = 0, 0, None, Fraction(0), Clock(clip)
    before, first = None, None  # the last frame before the part, with its end, and the first of it
    for packet in _packets(container, stream):
        if not packet.size:
            continue
        there += 1
        ticks = packet.dts if packet.pts is None else packet.pts
        seconds = clock(ticks)
        last = max(last, seconds)
        if packet.is_keyframe and packet.pts is not None and seconds <= clip.part.start:
            keyframe = packet.pts
        count += seconds in clip.part
        if clip.part.is_before(seconds):
            before = seconds, seconds + (packet.duration or 0) * clip.time_base
        elif first is None or seconds < first:
            first = seconds
    if before is not None:
        count += clip.part.shows(before[0], before[1] if first is None else first)
    counted = replace(
        clip,
        count=count,
        total=there,
        keyframe=keyframe if clip.part.start > 0 and not clock.has_moved else None,
        is_cut=there < WHOLE_ENOUGH * stream.frames - 1,
    )
    return counted, last


def _orientation(frame: VideoFrame) -> int:
    """The orientation of a frame, numbered as EXIF does, from its display matrix."""
    found: Any = frame.side_data
    matrix = next((one for one in found if one.type.name == DISPLAY_MATRIX), None)
    if matrix is None:
        return 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).astype(int).tolist()
    if abs(a) >= abs(b):
        return {(True, True): 1, (False, True): 2, (False, False): 3, (True, False): 4}[
            a > 0, d > 0
        ]
    return {(True, True): 5, (True, False): 6, (False, False): 7, (False, True): 8}[b > 0, c > 0]


def _pixels(frame: VideoFrame, reformatter: VideoReformatter) -> Pixels:
    """The pixels of a decoded frame, H × W × 3 in sRGB, on white where they are transparent."""
    if frame.color_trc in (high_range.PQ, high_range.HLG):
        signal = _converted(frame, reformatter, "rgb48le")
        return high_range.to_srgb(signal, frame.color_trc, frame.color_primaries)
    if any(component.is_alpha for component in frame.format.components):
        rgba = _converted(frame, reformatter, "rgba").astype(np.uint16)
        alpha = rgba[..., 3:]
        on_white = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
        return np.asarray(on_white, np.uint8)
    return np.asarray(_converted(frame, reformatter, "rgb24"))


def _converted(frame: VideoFrame, reformatter: VideoReformatter, kind: str) -> Any:
    """The pixels of a frame in another arrangement; its colours are those that it describes."""
    colours = None
    if frame.colorspace == UNSPECIFIED:
        colours = ITU709 if frame.height >= HIGH_DEFINITION else ITU601
    return reformatter.reformat(
        frame, format=kind, src_colorspace=colours, interpolation=BICUBIC
    ).to_ndarray()
