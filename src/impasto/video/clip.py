"""What a clip is: its size, its frames and their times, whatever kind of file it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from impasto.errors import InputError
from impasto.pictures.sizes import PixelSize
from impasto.video.method import Pixels

USUAL_RATE = Fraction(25)  # frames a second of pictures that have no times
LATE = Fraction(1, 10)  # seconds; by so much a part may begin or end later than was asked for
REORDERED = 17  # frames; a decoder gives none as long after its time
CLOCK = re.compile(
    r"(?:(?:(?P<h>\d{1,6}):(?=[0-5]?\d:))?(?P<m>\d{1,6}):(?=[0-5]?\d(?:\.|$)))?"
    r"(?P<s>\d{1,9}(?:\.\d*)?|\.\d+)",
    re.ASCII,
)  # h:mm:ss, m:ss or seconds; the parts after the first are below 60


@dataclass(frozen=True)
class Part:
    """The part of a clip that is painted.

    Attributes:
        start: seconds from the beginning of the clip.
        end: seconds from the beginning of the clip; None for its end.
    """

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    def __contains__(self, seconds: object) -> bool:
        return isinstance(seconds, Fraction | int) and not (
            self.is_before(seconds) or self.is_after(seconds)
        )

    def shows(self, begin: Fraction, end: Fraction) -> bool:
        """Whether a frame that is shown between two times belongs to the part.

        One from before the part does if the part would otherwise begin late.

        >>> part = Part(Fraction(2), Fraction(4))
        >>> [part.shows(Fraction(begin), Fraction(end)) for begin, end in ((1, 2), (0, 5), (4, 5))]
        [False, True, False]
        """
        return begin in self or (self.is_before(begin) and end - self.start > LATE)

    def is_before(self, seconds: Fraction | int) -> bool:
        """Whether the part begins after this time."""
        return seconds < self.start

    def is_after(self, seconds: Fraction | int) -> bool:
        """Whether the part ends at this time or before it."""
        return self.end is not None and seconds >= self.end

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.start == 0 and self.end is None


WHOLE = Part()


class Shot(NamedTuple):
    """A frame as it is read from a clip.

    Attributes:
        ticks: its time, in ticks of the clip's time base; None if the file does not say.
        lasts: how long it is shown, in ticks; None if the file does not say.
        pixels: H × W × 3, sRGB, upright, at the working size.
    """

    ticks: int | None
    lasts: int | None
    pixels: Pixels


@dataclass(frozen=True)
class Clip:
    """A clip that can be read, as its headers describe it.

    Attributes:
        path: the file, or the folder of frames.
        sha256: SHA-256 of the file, or of the frames of a folder one after another.
        size: width and height of a frame, upright and with square pixels.
        part: the part that is read.
        count: about how many frames the part has.
        total: about how many frames the whole clip has.
        rate: frames a second, on average.
        time_base: seconds of a tick.
        origin: ticks of the beginning of the clip.
        keyframe: ticks of the keyframe from which decoding begins; None for the first frame.
        sounds: the codec of each track of sound.
        names: the file of each frame of the part, in a folder.
        is_cut: whether the file ends before its last frame.
    """

    path: Path
    sha256: str
    size: PixelSize
    part: Part
    count: int
    total: int
    rate: Fraction
    time_base: Fraction
    origin: int = 0
    keyframe: int | None = None
    sounds: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=(), repr=False)
    is_cut: bool = False

    @property
    def seconds(self) -> float:
        """About how long the part lasts."""
        frames, end = self.count / self.rate, self.part.end
        asked = (self.total / self.rate if end is None else end) - self.part.start
        return float(min(frames, asked) if asked > 0 else frames)


@dataclass(frozen=True)
class Times:
    """When the frames of a clip are shown.

    Attributes:
        ticks: of each frame, increasing.
        end: when the last frame ends, in ticks.
        time_base: seconds of a tick.
        origin: seconds in the source at which the times begin.
        rate: frames a second, on average.
    """

    ticks: tuple[int, ...]
    end: int
    time_base: Fraction
    origin: Fraction
    rate: Fraction

    def __len__(self) -> int:
        return len(self.ticks)

    @property
    def seconds(self) -> Fraction:
        """How long the frames last, from time 0."""
        return self.end * self.time_base

    @property
    def is_regular(self) -> bool:
        """Whether every frame lasts equally long."""
        ends = (*self.ticks[1:], self.end)
        return len({end - begin for begin, end in zip(self.ticks, ends, strict=True)}) == 1

    def first(self, count: int) -> Times:
        """The times of the first frames, at least one and at most all."""
        end = (*self.ticks, self.end)[count]
        return Times(
            self.ticks[:count], end, self.time_base, self.origin, count / (end * self.time_base)
        )

    def lasts(self, number: int) -> int:
        """How long a frame is shown, in ticks."""
        ends = (*self.ticks[1:], self.end)
        return ends[number] - self.ticks[number]


class Onward:
    """When pieces of a film or of its sound are shown or heard, one after another.

    A piece without a time follows the one before it. So does one whose time is far before the end
    of that, and the others after it: there, a film was joined to another.

    Args:
        patience: seconds before the end of a piece from which on the next one may still come.

    Attributes:
        later: how much later than their own times pieces now are, in seconds, since films were
            joined.
    """

    def __init__(self, patience: Fraction) -> None:
        self._patience = patience
        self._next: Fraction | None = None
        self.later = Fraction(0)

    def __call__(self, begin: Fraction | None, lasts: Fraction) -> Fraction:
        """When the next piece begins, in seconds, given its own time and how long it lasts."""
        after = Fraction(0) if self._next is None else self._next
        now = after if begin is None else begin + self.later
        if self._next is not None and now < after - self._patience:
            self.later += after - now
            now = after
        self._next = now + lasts
        return now


class Clock:
    """The seconds at which frames are shown, one after another, as by :class:`Onward`.

    Args:
        clip: the clip, whose rate says how long a frame lasts.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip, self._each = clip, 1 / clip.rate
        self._onward = Onward(self._each + max(Fraction(1), REORDERED * self._each))

    @property
    def has_moved(self) -> bool:
        """Whether frames were shown later than their own times say, since films were joined."""
        return self._onward.later > 0

    def __call__(self, ticks: int | None) -> Fraction:
        """The seconds of the next frame, counted from the origin of the clip."""
        clip = self._clip
        begin = None if ticks is None else (ticks - clip.origin) * clip.time_base
        return self._onward(begin, self._each)


def times_of(
    clip: Clip, ticks: Sequence[int | None], last: int | None, *, rate: Fraction | None = None
) -> Times:
    """The times of frames that have been read.

    Frames without a time, and films that were joined, follow as by :class:`Clock`, and times that
    do not increase are moved by a tick. Times that are those of a constant rate, but for their
    rounding to ticks, become exact.

    Args:
        clip: the clip.
        ticks: the time of each frame, as read; at least one.
        last: how long the last frame is shown, in ticks, if the file says so.
        rate: another rate, at which the frames follow each other; None for their own times.
    """
    if rate is not None:
        return Times(tuple(range(len(ticks))), len(ticks), 1 / rate, Fraction(0), rate)
    usual = max(1, round(1 / (clip.rate * clip.time_base)))
    made: list[int] = []
    clock = Clock(clip)
    for one in ticks:
        now = clip.origin + round(clock(one) / clip.time_base)
        made.append(max(now, made[-1] + 1 if made else now))
    begin = made[0] if clip.part.start > 0 else min(clip.origin, made[0])
    moved = tuple(one - begin for one in made)
    origin = begin * clip.time_base
    end = moved[-1] + (last or usual)
    if clip.part.end is not None:
        asked = clip.origin + round(clip.part.end / clip.time_base) - begin
        if (end - asked) * clip.time_base > LATE:
            end = max(asked, moved[-1] + 1)
    if _is_steady(moved, end, 1 / (clip.rate * clip.time_base)):
        return Times(tuple(range(len(moved))), len(moved), 1 / clip.rate, origin, clip.rate)
    return Times(moved, end, clip.time_base, origin, len(moved) / (end * clip.time_base))


def _is_steady(ticks: Sequence[int], end: int, each: Fraction) -> bool:
    """Whether times are multiples of a duration, but for rounding."""
    both = enumerate((*ticks[1:], end), start=1)
    return ticks[0] == 0 and all(abs(one - number * each) <= 1 for number, one in both)


def seconds_of(text: str | float | Fraction, flag: str) -> Fraction:
    """Seconds, given as a number or as ``h:mm:ss``, exactly.

    >>> seconds_of("1:02:03.5", "start"), seconds_of("2", "start"), seconds_of(0.5, "start")
    (Fraction(7447, 2), Fraction(2, 1), Fraction(1, 2))

    Raises:
        InputError: it is neither, or is negative.
    """
    found = CLOCK.fullmatch(str(text).strip())
    if found is None:
        raise InputError("clip.time", flag=flag, value=text, example="0:01:30")
    hours, minutes, seconds = (Fraction(found[name] or 0) for name in ("h", "m", "s"))
    return 3600 * hours + 60 * minutes + seconds
