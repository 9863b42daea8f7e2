"""The queue of the studio: one painting at a time, in the order of the requests."""

from __future__ import annotations

import threading
from collections import deque

from impasto.errors import InputError

REMEMBERED = 20  # paintings; their mean time is the forecast for the next
FIRST_GUESS = 60.0  # seconds; the forecast before the first painting is finished


class Place:
    """A place in the queue.

    Attributes:
        left: the remaining seconds of its painting; None if unknown.
    """

    def __init__(self, queue: Queue, left: float | None = None) -> None:
        self._queue = queue
        self.left = left

    @property
    def ahead(self) -> int:
        """The number of paintings before this one; 0 if it is its turn."""
        return self._queue.ahead(self)

    def wait(self, seconds: float) -> bool:
        """Wait for its turn, for at most ``seconds``; return whether it is its turn."""
        return self._queue.wait(self, seconds)

    def expected(self) -> float:
        """The expected seconds until it is its turn."""
        return self._queue.expected(self)

    def leave(self, seconds: float | None = None) -> None:
        """Leave the queue.

        Args:
            seconds: the time that its painting took; None if there was none.
        """
        self._queue.leave(self, seconds)


class Queue:
    """A queue of places, of which the first one paints.

    Args:
        longest: the largest number of places.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._places: list[Place] = []
        self._times: deque[float] = deque(maxlen=REMEMBERED)
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, seconds: float | None = None) -> Place:
        """Add a place at the end, and return it.

        Args:
            seconds: the time that its painting will take; None if unknown.

        Raises:
            InputError: the queue is full.
        """
        with self._changed:
            if len(self._places) >= self.longest:
                raise InputError("studio.queue-full", most=self.longest)
            place = Place(self, seconds)
            self._places.append(place)
            return place

    def ahead(self, place: Place) -> int:
        """The number of places before a place; 0 if it has left the queue."""
        with self._changed:
            return self._places.index(place) if place in self._places else 0

    def wait(self, place: Place, seconds: float) -> bool:
        """Wait until a place is the first, for at most ``seconds``; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._places[0] is place, seconds)

    def expected(self, place: Place) -> float:
        """The expected seconds until a place is the first."""
        with self._changed:
            usual = sum(self._times) / len(self._times) if self._times else FIRST_GUESS
            before = self._places[: self._places.index(place)]
            return sum(usual if other.left is None else other.left for other in before)

    def leave(self, place: Place, seconds: float | None) -> None:
        """Remove a place, which may already have been removed; ``seconds`` as in Place.leave."""
        with self._changed:
            if place in self._places:
                self._places.remove(place)
                if seconds is not None:
                    self._times.append(seconds)
            self._changed.notify_all()
