"""The sound of a clip: copied as it is where the new container takes it, or else encoded again."""

from __future__ import annotations

import io
from collections import defaultdict
from contextlib import ExitStack, suppress
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from impasto.files import reading
from impasto.messages.message import Message
from impasto.process import interrupts
from impasto.process.notices import tell
from impasto.video.clip import Clip, Onward, Times
from impasto.video.films import ROLE, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import Packet
    from av.container import OutputContainer

RATE = 48_000  # samples a second of sound that is encoded again
PATIENCE = Fraction(1)  # seconds; sound that begins so long before the last ended is another film's
NAMES = {"aac": "AAC", "libopus": "Opus"}  # of the encoders


class Silence:
    """The sound of a clip that has none."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def until(self, seconds: Fraction) -> None:
        """Write nothing."""

    def rest(self) -> None:
        """Write nothing."""


class Sound:
    """The tracks of sound of a clip, written little by little between its frames.

    Args:
        clip: the clip.
        container: the container that gets the sound.
        encoder: what encodes sound that the container does not take; None if it takes none.
        times: when the frames are shown, which says what part of the sound is kept.
    """

    def __init__(
        self, clip: Clip, container: OutputContainer, encoder: str | None, times: Times
    ) -> None:
        self._clip, self._container, self._times = clip, container, times
        self._encoder = encoder
        self._stack = ExitStack()
        self._tracks: dict[int, Any] = {}
        self._packets: Iterator[Packet[Any]] = iter(())
        self._next: Packet[Any] | None = None
        self._begin = Fraction(0)  # of the next packet, in seconds of the new clip
        self._onward: dict[int, Onward] = defaultdict(lambda: Onward(PATIENCE))  # by track

    def __enter__(self) -> Sound:
        """Make the tracks of the new clip; this is done before anything is written to it."""
        try:
            if self._clip.sounds:
                self._begin_tracks()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _begin_tracks(self) -> None:
        container, encoder = self._container, self._encoder
        if encoder is None:
            tell(Message("clip.no-sound", kind=container.format.name.upper()))
            return
        file = self._stack.enter_context(reading.opened(self._clip.path, ROLE))
        source = self._stack.enter_context(opened(file))
        streams = []
        for stream in source.streams.audio:
            codec = stream.codec_context
            if codec is None:
                tell(Message("clip.unknown-sound", number=len(streams) + 1))
                continue
            copies = codec.name in container.supported_codecs and self._is_taken(stream.index)
            make = _Copied if copies else _Encoded
            self._tracks[stream.index] = make(container, stream, encoder)
            if not copies:
                tell(Message("clip.sound-encoded", codec=codec.name, encoder=NAMES[encoder]))
            streams.append(stream)
        self._packets = source.demux(*streams) if streams else iter(())
        self._advance()

    def _is_taken(self, index: int) -> bool:
        """Whether a container of the new kind takes a track as it is, which is tried in memory.

        FFmpeg names codecs for a kind that it then refuses, such as Opus for MOV.
        """
        import av

        kind = self._container.format.name
        with reading.opened(self._clip.path, ROLE) as file, opened(file) as source:
            track = source.streams[index]
            try:
                with av.open(io.BytesIO(), "w", format=kind) as tried:
                    made = tried.add_stream_from_template(track)
                    packet = next(source.demux(track))
                    packet.stream = made
                    tried.mux(packet)
            except (av.FFmpegError, StopIteration):
                return False
        return True

    def until(self, seconds: Fraction) -> None:
        """Write the sound up to a time of the new clip."""
        while self._next is not None:
            if self._begin > seconds:
                return
            self._write(self._next)
            self._advance()

    def rest(self) -> None:
        """Write the sound that is left."""
        while self._next is not None:
            interrupts.check()
            self._write(self._next)
            self._advance()
        for track in self._tracks.values():
            track.end()

    def _advance(self) -> None:
        """Go to the next packet; what cannot be read ends the sound."""
        import av

        try:
            self._next = next(self._packets, None)
            while self._next is not None and not self._next.size:
                self._next = next(self._packets, None)
        except av.FFmpegError:
            self._next = None
        if self._next is not None:
            self._begin = self._time_of(self._next)

    def _time_of(self, packet: Packet[Any]) -> Fraction:
        """When a packet begins, in seconds of the new clip."""
        ticks, origin = _ticks(packet), self._clip.origin * self._clip.time_base
        own = None if ticks is None else ticks * packet.time_base - origin
        lasts = (packet.duration or 0) * packet.time_base
        return self._onward[packet.stream_index](own, lasts) + origin - self._times.origin

    def _write(self, packet: Packet[Any]) -> None:
        """Write the next packet if it lies within the part of the clip."""
        part = self._clip.part
        if part.start > 0 and self._begin < 0:
            return
        if part.end is not None and self._begin >= self._times.seconds:
            return
        self._tracks[packet.stream_index].write(packet, self._begin)


class _Copied:
    """A track whose packets are copied."""

    def __init__(self, container: OutputContainer, source: Any, _: str) -> None:
        self._container = container
        self._stream = container.add_stream_from_template(source)
        self._stream.metadata.update(_language(source))

    def write(self, packet: Packet[Any], begin: Fraction) -> None:
        """Write a packet that begins after so many seconds."""
        import av

        ticks = _ticks(packet)
        shift = 0 if ticks is None else ticks - round(begin / packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = self._stream
        with suppress(av.ArgumentError):  # its time is not after that of the one before
            self._container.mux(packet)

    def end(self) -> None:
        """All is written."""


class _Encoded:
    """A track that is decoded, and encoded again in mono or stereo."""

    def __init__(self, container: OutputContainer, source: Any, encoder: str) -> None:
        import av

        self._container = container
        layout = "mono" if source.codec_context.layout.nb_channels == 1 else "stereo"
        self._stream: Any = container.add_stream(encoder, rate=RATE)
        self._stream.metadata.update(_language(source))
        context: Any = self._stream.codec_context
        context.layout = layout
        self._make = partial(av.AudioResampler, format=context.format, layout=layout, rate=RATE)
        self._resampler = self._make()
        self._kind: tuple[object, ...] | None = None  # of the sound that the resampler gets
        self._onward = Onward(PATIENCE)

    def write(self, packet: Packet[Any], begin: Fraction) -> None:
        """Decode a packet that begins after so many seconds, and encode its sound."""
        import av

        ticks = _ticks(packet)
        later = Fraction(0) if ticks is None else begin - ticks * packet.time_base
        try:
            frames: Any = packet.decode()
        except av.FFmpegError:  # as a player skips it
            return
        for frame in frames:
            if frame.pts is not None and frame.time_base:
                each = frame.time_base
                lasts = Fraction(frame.samples, frame.sample_rate)
                frame.pts = round(self._onward(frame.pts * each + later, lasts) / each)
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if self._kind not in (None, kind):
                self._mux(self._resampler.resample(None))
                self._resampler = self._make()
            self._kind = kind
            self._mux(self._resampler.resample(frame))

    def end(self) -> None:
        """Write what the resampler and the encoder still hold."""
        self._mux(self._resampler.resample(None))
        self._container.mux(self._stream.encode(None))

    def _mux(self, frames: Any) -> None:
        for frame in frames:
            self._container.mux(self._stream.encode(frame))


def _ticks(packet: Packet[Any]) -> int | None:
    """When a packet begins by its own times."""
    return packet.dts if packet.pts is None else packet.pts


def _language(source: Any) -> dict[str, str]:
    """The language of a track, if the clip names it."""
    return {name: text for name, text in source.metadata.items() if name in ("language", "title")}
