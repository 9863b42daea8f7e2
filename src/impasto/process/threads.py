"""PyTorch's threads: sets their number for a run, and refuses threads that a fork has lost.

Threads belong to the process that started them. A forked process inherits PyTorch's record of them
but not the threads themselves, so that a computation with more than one thread never ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from impasto.errors import RunError


@dataclass
class State:
    """The state of the threads.

    Attributes:
        started: whether they have been used, in this process or the one that it was forked from.
        lost: whether this process was forked after that.
    """

    started: bool = False
    lost: bool = False


_state = State()


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
    before = torch.get_num_threads()
    torch.set_num_threads(count)  # even if equal: PyTorch may use fewer by default
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check(count: int) -> None:
    if _state.lost and count > 1:
        raise RunError("threads.lost", count=count)


def _go_on_alone() -> None:
    _state.lost = True
    torch.set_num_threads(1)
