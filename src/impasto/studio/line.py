"""Who waits for whom: one painting at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque

from impasto.errors import InputError

REMEMBERED = 20  # paintings, whose mean time is what the next is expected to take
FIRST_GUESS = 60.0  # seconds, before there was one


class Place:
    """A place in the line.

    Attributes:
        left: seconds that it will still take once it paints; None while that is not known.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self.left: float | None = None

    @property
    def ahead(self) -> int:
        """How many are to be painted before; 0 when it is this one's turn."""
        return self._line.ahead(self)

    def wait(self, seconds: float) -> bool:
        """Wait for its turn, so long at most; whether it has come."""
        return self._line.wait(self, seconds)

    def expected(self) -> float:
        """Seconds until its turn comes, as far as one can tell."""
        return self._line.expected(self)

    def leave(self, seconds: float | None = None) -> None:
        """Make room for the next.

        Args:
            seconds: that its painting took, if there was one.
        """
        self._line.leave(self, seconds)


class Line:
    """Places one behind the other, of which the first paints.

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
        """A place at the end.

        Raises:
            InputError: there is none left.
        """
        with self._changed:
            if len(self._places) >= self.longest:
                raise InputError("studio.line-full", most=self.longest)
            place = Place(self)
            self._places.append(place)
            return place

    def ahead(self, place: Place) -> int:
        """How many stand before a place."""
        with self._changed:
            return self._places.index(place) if place in self._places else 0

    def wait(self, place: Place, seconds: float) -> bool:
        """Wait until a place is the first, so long at most; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._places[0] is place, seconds)

    def expected(self, place: Place) -> float:
        """Seconds until a place is the first."""
        with self._changed:
            usual = sum(self._times) / len(self._times) if self._times else FIRST_GUESS
            before = self._places[: self._places.index(place)]
            return sum(usual if other.left is None else other.left for other in before)

    def leave(self, place: Place, seconds: float | None) -> None:
        """Take a place out; it may have gone already."""
        with self._changed:
            if place in self._places:
                self._places.remove(place)
                if seconds is not None:
                    self._times.append(seconds)
            self._changed.notify_all()
