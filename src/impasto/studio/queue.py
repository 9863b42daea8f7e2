"""The queue: one painting at a time, in the order of arrival."""

from __future__ import annotations

import threading
from collections import deque

from impasto.errors import InputError

REMEMBERED = 20  # paintings, whose mean time is what the next is expected to take
FIRST_GUESS = 60.0  # seconds, before there was one


class Place:
    """A place in the queue.

    Attributes:
        left: seconds that it will still take once it paints; None while that is not known.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.left: float | None = None

    @property
    def ahead(self) -> int:
        """The number of paintings ahead; 0 when it is this one's turn."""
        return self._queue.ahead(self)

    def wait(self, seconds: float) -> bool:
        """Wait for its turn up to a number of seconds; return whether it has come."""
        return self._queue.wait(self, seconds)

    def expected(self) -> float:
        """The estimated seconds until its turn."""
        return self._queue.expected(self)

    def leave(self, seconds: float | None = None) -> None:
        """Leave the queue.

        Args:
            seconds: that its painting took, if there was one.
        """
        self._queue.leave(self, seconds)


class Queue:
    """A queue of places, of which the first one paints.

    Args:
        longest: places there are.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._places: list[Place] = []
        self._times: deque[float] = deque(maxlen=REMEMBERED)
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._places)

    def enter(self) -> Place:
        """Join the end of the queue.

        Raises:
            InputError: there is none left.
        """
        with self._changed:
            if len(self._places) >= self.longest:
                raise InputError("studio.queue-full", most=self.longest)
            place = Place(self)
            self._places.append(place)
            return place

    def ahead(self, place: Place) -> int:
        """The number of places ahead of a place."""
        with self._changed:
            return self._places.index(place) if place in self._places else 0

    def wait(self, place: Place, seconds: float) -> bool:
        """Wait until a place is the first, up to a number of seconds; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._places[0] is place, seconds)

    def expected(self, place: Place) -> float:
        """The estimated seconds until a place is the first."""
        with self._changed:
            usual = sum(self._times) / len(self._times) if self._times else FIRST_GUESS
            before = self._places[: self._places.index(place)]
            return sum(usual if other.left is None else other.left for other in before)

    def leave(self, place: Place, seconds: float | None) -> None:
        """Remove a place, which may have been removed already."""
        with self._changed:
            if place in self._places:
                self._places.remove(place)
                if seconds is not None:
                    self._times.append(seconds)
            self._changed.notify_all()
