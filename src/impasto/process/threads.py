"""The threads of a run: their number, work that they share, and threads that a fork has lost.

PyTorch splits each operation among its threads, and each waits for the slowest, thousands of times
a second. Where another program takes one of the cores, that is most of the time. :func:`each`
splits the work into larger items, which are taken by whoever is free.

Threads belong to the process that started them. A forked process inherits PyTorch's record of them
but not the threads themselves, so that a computation with more than one thread never ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

import torch

from impasto.errors import RunError

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass
class State:
    """The state of the threads.

    Attributes:
        started: whether they have been used, in this process or the one that it was forked from.
        lost: whether this process was forked after that.
        helpers: how many threads of :func:`each` have been started.
        jobs: what they work on.
        starting: held while they are started.
        inside: how many contexts of this module change PyTorch's number of threads now.
        usual: that number without them.
        counting: held while that number changes.
    """

    started: bool = False
    lost: bool = False
    helpers: int = 0
    jobs: SimpleQueue[_Job] = field(default_factory=SimpleQueue)
    starting: threading.Lock = field(default_factory=threading.Lock)
    inside: int = 0
    usual: int = 1
    counting: threading.Lock = field(default_factory=threading.Lock)


class _Here(threading.local):
    """Numbers of this thread, 0 if unset.

    Attributes:
        count: the number of threads that it shares its work with, itself included.
        number: PyTorch's number of threads, as a context has set it.
    """

    count = 0
    number = 0


_state = State()
_here = _Here()


def start() -> None:
    """Record that the threads are used from now on.

    Raises:
        RunError: the threads were lost in a fork, and more than one is needed.
    """
    if not _state.started:
        _state.started = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_go_on_alone)
    _check(torch.get_num_threads())


@contextmanager
def use(count: int | None) -> Iterator[None]:
    """A context that computes with ``count`` threads; None leaves their number unchanged.

    Raises:
        RunError: the threads were lost in a fork, and ``count`` is more than 1.
    """
    if count is None:
        yield
        return
    _check(count)
    with _with_number(count):
        yield


@contextmanager
def _with_number(count: int) -> Iterator[int]:
    """A context in which PyTorch takes ``count`` threads; it gives the number of before.

    PyTorch passes the number on to every thread that begins meanwhile, which must not take it for
    the usual one.
    """
    outer = _here.number
    with _state.counting:
        if not _state.inside:
            _state.usual = torch.get_num_threads()
        before = outer or _state.usual
        _state.inside += 1
        _here.number = count
        torch.set_num_threads(count)  # even if equal: PyTorch may use fewer by default
    try:
        yield before
    finally:
        with _state.counting:
            torch.set_num_threads(before)
            _here.number = outer
            _state.inside = max(0, _state.inside - 1)  # a fork within begins at 0


@contextmanager
def whole_operations(*, shared: bool = True) -> Iterator[None]:
    """A context in which an operation takes one thread, and only :func:`each` takes them all.

    Without ``shared``, it changes nothing.
    """
    if _here.count or not shared:
        yield
        return
    with _with_number(1) as count:
        _here.count = count
        try:
            yield
        finally:
            _here.count = 0


def each(work: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Call a function with every item; each thread takes the next one when it is free.

    What the function computes must not depend on the order of the calls, nor on the thread: then
    the result has the same bytes for any number of threads. Gradients are not recorded in it.

    Raises:
        Exception: what the function raised first; then no further item is begun.
    """
    with whole_operations(), torch.no_grad():
        helpers = min(_here.count, len(items)) - 1
        if helpers < 1:
            for item in items:
                work(item)
            return
        _start_helpers(helpers)
        job = _Job(work, items)
        for _ in range(helpers):
            _state.jobs.put(job)
        job.join()


def results(
    work: Callable[[Item], Made], items: Sequence[Item], device: torch.device
) -> list[Made]:
    """What a function makes of every item; the threads share the calls as in :func:`each`.

    Where the items are not on a CPU, the calls are made one after the other.
    """
    if device.type != "cpu":
        with torch.no_grad():
            return [work(item) for item in items]
    made: list[Any] = [None] * len(items)

    def call(number: int) -> None:
        made[number] = work(items[number])

    each(call, range(len(items)))
    return made


class _Job:
    """Items that several threads take from one list."""

    def __init__(self, work: Callable[[Any], object], items: Sequence[Any]) -> None:
        self._work, self._items = work, items
        self._begun = self._running = 0
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def join(self) -> None:
        """Take items, then wait until nobody works on one."""
        self.take()
        with self._changed:
            self._changed.wait_for(lambda: not self._running)
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error  # which holds this frame, so that nothing of the work would be freed

    def take(self) -> None:
        """Take items until none is left."""
        while (number := self._next()) is not None:
            try:
                self._work(self._items[number])
            except BaseException as error:
                self._stop(error)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _stop(self, error: BaseException) -> None:
        with self._changed:
            self._error, self._begun = self._error or error, len(self._items)

    def _next(self) -> int | None:
        with self._changed:
            if self._begun == len(self._items):
                return None
            self._begun, self._running = self._begun + 1, self._running + 1
            return self._begun - 1


def _start_helpers(count: int) -> None:
    with _state.starting:
        while _state.helpers < count:
            ready = threading.Event()
            threading.Thread(target=_help, args=(ready,), name="impasto", daemon=True).start()
            ready.wait()
            _state.helpers += 1
            torch.set_num_threads(1)  # a new thread's own call changes this thread's number


def _help(ready: threading.Event) -> None:
    """Work on jobs, with one thread for each operation, and for each item of a job within a job."""
    _here.count = _here.number = 1
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    ready.set()
    while True:
        _state.jobs.get().take()


def _check(count: int) -> None:
    if _state.lost and count > 1:
        raise RunError("threads.lost", count=count)


def _go_on_alone() -> None:
    _state.lost = True
    _state.helpers, _state.jobs, _state.starting = 0, SimpleQueue(), threading.Lock()
    _state.inside, _state.counting = 0, threading.Lock()
    torch.set_num_threads(1)
