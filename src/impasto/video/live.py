"""Painting live: the latest frame of a camera is painted, and those that come meanwhile dropped."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

from impasto.video.method import Pixels

RATE_OVER = 2.0  # seconds over which the rate is measured
LONGEST_WAIT = 1.0  # seconds, at the end, for a camera that gives no frame

Paint = Callable[[Pixels], Pixels]


@dataclass(frozen=True, eq=False)
class Shown:
    """A painted frame.

    Attributes:
        pixels: the painting.
        rate: painted frames a second, over the last two seconds.
        painted: the number of frames painted so far.
        dropped: the number of frames that came while another was painted.
        delay: seconds from the frame to its painting.
    """

    pixels: Pixels
    rate: float
    painted: int
    dropped: int
    delay: float


def paint_live(frames: Iterable[Pixels], paint: Paint) -> Iterator[Shown]:
    """Paint the latest frame of a camera, again and again, until there are no more.

    Args:
        frames: yields frames as they come; read in a thread of its own.
        paint: paints a frame.

    Raises:
        Exception: whatever reading a frame raises.

    Example:
        >>> import numpy as np
        >>> frame = np.full((4, 6, 3), 200, np.uint8)
        >>> [int(shown.pixels[0, 0, 0]) for shown in paint_live([frame], lambda it: 255 - it)]
        [55]
    """
    rate = Rate()
    with Latest(frames) as latest:
        while (newest := latest.next()) is not None:
            number, came, frame = newest
            pixels = paint(frame)
            now, painted = time.perf_counter(), latest.taken
            yield Shown(pixels, rate.after(now), painted, number - painted, now - came)


class Rate:
    """Frames a second, over the last two seconds."""

    def __init__(self) -> None:
        self._finished: deque[float] = deque()

    def after(self, now: float) -> float:
        """The rate, now that another frame is finished; 0 after the first.

        >>> rate = Rate()
        >>> [rate.after(now) for now in (5.0, 5.25, 5.5, 60.0)]
        [0.0, 4.0, 4.0, 0.0]
        """
        finished = self._finished
        finished.append(now)
        while now - finished[0] > RATE_OVER:
            finished.popleft()
        return (len(finished) - 1) / (now - finished[0]) if len(finished) > 1 else 0.0


class Latest:
    """The latest of the frames that come, which a thread reads; the others are forgotten.

    Args:
        frames: yields frames as they come.

    Attributes:
        taken: the number of frames that :meth:`next` has returned.
    """

    def __init__(self, frames: Iterable[Pixels]) -> None:
        self._frames = frames
        self._changed = threading.Condition()
        self._newest: tuple[int, float, Pixels] | None = None
        self._error: Exception | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self.taken = 0

    def __enter__(self) -> Latest:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._ended = True
        self._thread.join(LONGEST_WAIT)

    def next(self) -> tuple[int, float, Pixels] | None:
        """The newest frame, waiting for one if need be; None at the end.

        Returns:
            How many frames have come, when this one did, by ``time.perf_counter``, and the frame.

        Raises:
            Exception: whatever reading a frame raised.
        """
        with self._changed:
            # A timeout, so that Ctrl-C ends the wait on Windows too.
            while self._newest is None and not self._ended:
                self._changed.wait(0.1)
            newest, self._newest = self._newest, None
            if newest is None and self._error is not None:
                raise self._error
            self.taken += newest is not None
            return newest

    def _read(self) -> None:
        frames = iter(self._frames)
        try:
            for number, frame in enumerate(frames, 1):
                with self._changed:
                    if self._ended:
                        break
                    self._newest = number, time.perf_counter(), frame
                    self._changed.notify()
        except Exception as error:
            self._error = error
        finally:
            # In this thread, to which the silence of a decoder's warnings belongs.
            getattr(frames, "close", lambda: None)()
            with self._changed:
                self._ended = True
                self._changed.notify()
