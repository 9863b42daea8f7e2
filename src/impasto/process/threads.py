"""PyTorch's threads: their number, and their loss in a fork.

Threads belong to the process that started them. A fork takes over what PyTorch knows of them, but
not the threads, and waits for them for good where it computes with more than one.
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
    """The state of the threads of this process.

    Attributes:
        started: whether they have been at work, in this process or in the one it was forked from.
        lost: whether this process was forked since.
    """

    started: bool = False
    lost: bool = False


_state = State()


def start() -> None:
    """Note that this process uses threads from now on.

    Raises:
        RunError: they were lost in a fork, and are asked for again.
    """
    if not _state.started:
        _state.started = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_go_on_alone)
    _check(torch.get_num_threads())


@contextmanager
def use(count: int | None) -> Iterator[None]:
    """Compute with a number of threads in the block; None leaves the number unchanged.

    Raises:
        RunError: they were lost in a fork.
    """
    if count is None:
        yield
        return
    _check(count)
    before = torch.get_num_threads()
    torch.set_num_threads(count)  # though it be the same, since PyTorch takes fewer if not told
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
