"""What a painting leaves as it found it: the state of the process, whoever else is in it."""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import PIL.Image
import pytest
import torch

from conftest import content_pixels, style_pixels
from impasto import Recipe, resume, stylize
from impasto.experiments.reconstruct import reconstruct
from impasto.experiments.sweep import Axis, sweep
from impasto.network.devices import exact_convolutions
from impasto.pictures.images import read
from impasto.process.global_state import unwarned


def state() -> dict[str, Any]:
    """All of the process that a painting could change and other code could notice."""
    cudnn = torch.backends.cudnn
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "default type": torch.get_default_dtype(),
        "gradients": (torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()),
        "cuDNN": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        "oneDNN": torch.backends.mkldnn.flags,
        "random numbers": (
            torch.get_rng_state().tolist(),
            random.getstate(),
            repr(np.random.get_state()),
            np.geterr(),
        ),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "matplotlib": dict(mpl.rcParams),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "Pillow": (PIL.Image.MAX_IMAGE_PIXELS, dict(PIL.Image.OPEN), dict(PIL.Image.SAVE)),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
    }


RECIPE = Recipe(size=48, levels=1, steps=2, style_layers="conv1_1", content_layers="conv2_1")


def paint() -> None:
    stylize("content.png", "style.png", RECIPE, device="cpu").save("out.png")


def go_on() -> None:
    saved = Path("run.impasto")
    pictures = "content.png", "style.png"
    stylize(*pictures, RECIPE, None, lambda _: False, device="cpu", checkpoint=saved)
    resume(saved)


@pytest.mark.usefixtures("small_pictures")
@pytest.mark.parametrize(
    "do",
    [
        paint,
        go_on,
        lambda: sweep("content.png", "style.png", [Axis.read("seed=1,2")], RECIPE, device="cpu"),
        lambda: reconstruct("content.png", "style.png", size=48, steps=1, device="cpu"),
    ],
    ids=["stylize", "resume", "sweep", "reconstruct"],
)
def test_the_state_of_the_process_is_left_as_it_was(do: Callable[[], object]) -> None:
    PIL.Image.init()  # as anyone does who reads a picture
    before = state()
    do()
    after = state()
    assert {name for name in before if before[name] != after[name]} == set()


def overlap(change: Callable[[], Any]) -> None:
    """One thread comes in first and leaves first; the other is in while it leaves."""
    inside, left = threading.Event(), threading.Event()

    def first() -> None:
        with change():
            inside.set()
            second_inside.wait(10)
        left.set()

    second_inside = threading.Event()
    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with change():
        second_inside.set()
        left.wait(10)
    thread.join()


@pytest.mark.parametrize("change", [unwarned, exact_convolutions])
def test_threads_that_overlap_leave_the_state_of_the_process_as_it_was(
    change: Callable[[], Any],
) -> None:
    before = state()
    overlap(change)
    assert state() == before


def test_a_thread_is_silent_and_the_others_are_heard() -> None:
    def speak() -> None:
        warnings.warn("from beside", UserWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with unwarned():
            warnings.warn("from inside", UserWarning, stacklevel=1)
            thread = threading.Thread(target=speak)
            thread.start()
            thread.join()
        warnings.warn("from after", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in heard] == ["from beside", "from after"]


def test_a_silent_thread_whose_filters_another_has_put_back_leaves_none() -> None:
    before = list(warnings.filters)
    silent = unwarned()
    with warnings.catch_warnings():
        silent.__enter__()
    silent.__exit__(None, None, None)
    assert list(warnings.filters) == before


@pytest.mark.usefixtures("small_pictures")
def test_warnings_are_heard_after_many_threads_have_read_pictures() -> None:
    before = list(warnings.filters)
    ways: list[Callable[[], object]] = [
        lambda: read("content.png"),
        lambda: read(content_pixels(20, 20)),
        lambda: read(PIL.Image.fromarray(style_pixels(20, 20))),
    ]

    def look() -> None:
        for _ in range(10):
            for way in ways:
                way()

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)
