"""Small clips for tests, made by PyAV: every frame has a grey level of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from impasto.process import interrupts
from impasto.video.method import Frames, OnVideoStep, Order, PaintedFrames, VideoStep

RATE = Fraction(25)
SIZE = (64, 48)
SAMPLES = 48_000  # a second
# The encoders of a clip by its suffix: pictures and sound.
CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".mkv": ("libx264", "flac"),
    ".webm": ("libvpx-vp9", "libopus"),
    ".avi": ("mpeg4", "mp3"),
    ".ts": ("mpeg2video", "mp2"),
    ".h264": ("libx264", "aac"),
}


def frame_pixels(number: int, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """H × W × 3: grey, darker at the top left and brighter from frame to frame."""
    pixels = np.full((size[1], size[0], 3), 60 + 12 * number % 150, np.uint8)
    pixels[: size[1] // 2, : size[0] // 2] = 20
    return pixels


def write_clip(
    path: str | Path,
    count: int = 5,
    *,
    size: tuple[int, int] = SIZE,
    rate: Fraction = RATE,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    sound: bool = False,
    seconds: float | None = None,
    sound_codec: str | None = None,
    layout: str = "stereo",
    codec: str | None = None,
    pixels: str = "yuv420p",
    rotation: int = 0,
    options: dict[str, str] | None = None,
    tags: dict[str, Any] | None = None,
) -> Path:
    """Write a clip.

    `ticks` are the times of its frames and of its end, in the time base, and `seconds` is how long
    its sound lasts, if this is not as long as the frames.
    """
    path = Path(path)
    usual, usual_sound = CODECS[path.suffix]
    base = time_base or 1 / rate
    shown = list(range(count + 1)) if ticks is None else list(ticks)
    lasts = {begin: end - begin for begin, end in itertools.pairwise(shown)}
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec or usual, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = base
        stream.options = {"bf": "0"} if ticks is not None else dict(options or {})
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        track: Any = (
            container.add_stream(sound_codec or usual_sound, rate=SAMPLES, layout=layout)
            if sound
            else None
        )
        for number, tick in enumerate(shown[:-1]):
            frame = av.VideoFrame.from_ndarray(frame_pixels(number, size), format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=(tags or {}).get("colorspace"))
            frame.pts, frame.time_base = tick, base
            _mux(container, stream, frame, lasts)
        _mux(container, stream, None, lasts)
        if track is not None:
            _write_sound(container, track, seconds or float(shown[-1] * base))
    return path


def _mux(container: Any, stream: Any, frame: Any, lasts: dict[int, int]) -> None:
    for packet in stream.encode(frame):
        if packet.pts in lasts and packet.time_base == stream.codec_context.time_base:
            packet.duration = lasts[packet.pts]
        container.mux(packet)


def _write_sound(container: Any, track: Any, seconds: float) -> None:
    """A tone of 440 Hz."""
    times = np.arange(round(SAMPLES * seconds)) / SAMPLES
    wave = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    layout = track.codec_context.layout
    resampler = av.AudioResampler(format=track.codec_context.format, layout=layout, rate=SAMPLES)
    for begin in range(0, len(wave), 1024):
        piece = np.stack([wave[begin : begin + 1024]] * layout.nb_channels)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout.name)
        frame.sample_rate, frame.pts, frame.time_base = SAMPLES, begin, Fraction(1, SAMPLES)
        for made in resampler.resample(frame):
            container.mux(track.encode(made))
    container.mux(track.encode(None))


def write_sound_only(path: str | Path, seconds: float = 0.2) -> Path:
    with av.open(str(path), "w") as container:
        _write_sound(container, container.add_stream("aac", rate=SAMPLES), seconds)
    return Path(path)


def times_in(path: str | Path) -> list[Fraction]:
    """When each frame of a clip is shown, and when the last one ends, in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [frame.pts * frame.time_base for frame in frames]
    return [*times, times[-1] + frames[-1].duration * frames[-1].time_base]


def frames_in(path: str | Path) -> list[npt.NDArray[Any]]:
    """The frames of a clip, H × W × 3."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def sound_in(path: str | Path) -> list[tuple[str, float, bytes]]:
    """Codec, seconds and bytes of each track of sound."""
    with av.open(str(path)) as container:
        tracks = [stream.index for stream in container.streams.audio]
        packets = [packet for packet in container.demux(*container.streams.audio) if packet.size]
        return [
            (
                container.streams[track].codec_context.codec.canonical_name,
                float(
                    sum(
                        one.duration * one.time_base for one in packets if one.stream_index == track
                    )
                ),
                b"".join(bytes(one) for one in packets if one.stream_index == track),
            )
            for track in tracks
        ]


def negative(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """A method for tests that paints every frame as its negative, in no time."""
    for number in range(len(frames)):
        if number not in painted:
            painted.keep(number, 255 - frames[number])
        on_step(VideoStep(number + 1, (number + 1) / len(frames)))


def slowly(frames: Frames, painted: PaintedFrames, order: Order, on_step: OnVideoStep) -> None:
    """A method for tests that takes a tenth of a second for each frame, and can be interrupted."""
    for number in range(len(frames)):
        if number not in painted:
            time.sleep(0.1)
            interrupts.check()
            painted.keep(number, 255 - frames[number])
        on_step(VideoStep(number + 1, (number + 1) / len(frames)))
