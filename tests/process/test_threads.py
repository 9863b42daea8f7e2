"""PyTorch's threads: in a process forked from one that has painted, and after a run is resumed."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import InputError, Recipe, RunError, resume, stylize
from impasto.network import devices, trunk
from impasto.process import threads
from impasto.settings.loss_table import STYLE_LOSSES

pytestmark = [
    pytest.mark.usefixtures("prepared_anew"),  # with the threads of each painting
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
    pytest.mark.filterwarnings("ignore:.*use of fork.*may lead to deadlocks:DeprecationWarning"),
]
LONG = 60.0  # seconds
RECIPE = Recipe(size=64, levels=1, steps=2)
OTHER_LOSSES = sorted({*STYLE_LOSSES} - {RECIPE.style_loss})


def paint(threads: int | None = None) -> bytes | str:
    """A painting's bytes, or what it failed with."""
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        pictures = content_pixels(48, 64), style_pixels(48, 64)
        return stylize(*pictures, RECIPE, device="cpu").canvas.tobytes()
    except RunError as error:
        return str(error)


def forked(threads: int | None = None) -> bytes:
    """What a process painted that was made by os.fork."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            painted = paint(threads)
            os.write(theirs, painted.encode() if isinstance(painted, str) else painted)
        finally:
            os._exit(0)
    os.close(theirs)
    until = time.monotonic() + LONG
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.05)
    with os.fdopen(ours, "rb") as pipe:
        return pipe.read()


@pytest.fixture
def alone() -> bytes | str:
    """What one thread paints, after two have painted."""
    paint(2)
    painted = paint(1)
    torch.set_num_threads(2)
    return painted


def test_a_forked_process_paints_with_one_thread(alone: bytes | str) -> None:
    assert forked() == alone
    assert torch.get_num_threads() == 2


def test_a_fork_of_a_fork_paints(alone: bytes | str) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(forked).result(LONG) == alone


def test_workers_that_are_forked_paint(alone: bytes | str) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(paint).result(LONG) == alone
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(paint).get(LONG) == alone


def test_a_forked_process_that_asks_for_threads_is_told_what_to_use(alone: bytes | str) -> None:
    told = forked(threads=2).decode()
    assert "cannot use 2 threads" in told
    assert "multiprocessing.get_context('spawn')" in told


def fail(*_: object, **__: object) -> None:
    raise RunError("It failed.")


def resumed(saved: Path) -> bytes | str:
    try:
        return resume(saved).canvas.tobytes()
    except RunError as error:
        return str(error)


@pytest.mark.usefixtures("small_pictures")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_is_resumed_in_a_forked_process_with_its_threads_or_not_at_all(threads: int) -> None:
    torch.set_num_threads(threads)
    whole = stylize("content.png", "style.png", RECIPE, device="cpu")
    saved = Path("run.impasto")
    pictures = "content.png", "style.png"
    stylize(*pictures, RECIPE, None, lambda _: False, device="cpu", checkpoint=saved)
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        painted = pool.submit(resumed, saved).result(LONG)
    if threads == 1:
        assert painted == whole.canvas.tobytes()
    else:
        assert isinstance(painted, str)
        assert "cannot use 2 threads" in painted


@pytest.mark.usefixtures("small_pictures")
def test_a_resumed_run_has_its_own_threads_and_leaves_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved, pictures = Path("run.impasto"), ("content.png", "style.png")
    torch.set_num_threads(1)
    whole = stylize(*pictures, RECIPE, device="cpu")
    stylize(*pictures, RECIPE, None, lambda _: False, device="cpu", checkpoint=saved)
    kept = saved.read_bytes()
    torch.set_num_threads(2)
    seen = []
    result = resume(saved, lambda _: seen.append(torch.get_num_threads()))
    assert set(seen) == {1}
    assert result.canvas.tobytes() == whole.canvas.tobytes()
    assert torch.get_num_threads() == 2
    saved.write_bytes(kept)
    with monkeypatch.context() as patch:
        patch.setattr("impasto.run.evaluator.Evaluator.__call__", fail)
        with pytest.raises(RunError):
            resume(saved)
    assert torch.get_num_threads() == 2
    Image.new("RGB", (64, 48)).save("content.png")
    with pytest.raises(InputError, match="has changed"):
        resume(saved)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        Recipe(size=48, levels=1, steps=2, tile=32),
        Recipe.preset("gatys-fast", size=64, levels=1, steps=4),
        Recipe.preset("nnst", size=64, levels=1, steps=2),
        Recipe.preset("strotss", size=64, levels=1, steps=2),
        *(Recipe(size=64, levels=1, steps=2, style_loss=name) for name in OTHER_LOSSES),
    ],
    ids=["default", "tiles", "gatys-fast", "nnst", "strotss", *OTHER_LOSSES],
)
def test_a_painting_is_the_same_with_any_number_of_threads(
    recipe: Recipe, bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: bfloat16)
    monkeypatch.setattr(trunk, "MOST_VALUES", 0)  # no first map is kept where rows of it suffice
    pictures = content_pixels(48, 64), style_pixels(48, 64)
    painted = set()
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        painted.add(stylize(*pictures, recipe, device="cpu").canvas.tobytes())
    assert len(painted) == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_item_is_taken_once(count: int) -> None:
    torch.set_num_threads(count)
    taken: list[int] = []
    threads.each(taken.append, range(100))
    assert sorted(taken) == list(range(100))
    assert torch.get_num_threads() == count


def test_a_thread_that_is_free_takes_the_next_item() -> None:
    """One item waits until all others are done, which another thread has to do."""
    torch.set_num_threads(2)
    done = [threading.Event() for _ in range(5)]

    def work(number: int) -> None:
        for other in done[1:] if number == 0 else ():
            assert other.wait(LONG)
        done[number].set()

    threads.each(work, range(len(done)))


def test_who_begins_while_another_works_has_all_threads_then_and_later() -> None:
    torch.set_num_threads(2)
    begun, other_begun, ended = (threading.Event() for _ in range(3))
    seen: list[int] = []

    def first() -> None:
        with threads.whole_operations():
            begun.set()
            other_begun.wait(LONG)
        ended.set()

    def second() -> None:
        begun.wait(LONG)
        with threads.whole_operations():
            seen.append(threads._here.count)
            other_begun.set()
            ended.wait(LONG)

    workers = [threading.Thread(target=work) for work in (first, second)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(LONG)
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join(LONG)
    assert seen == [2, 2]
    assert torch.get_num_threads() == 2


def test_work_within_an_item_leaves_each_thread_at_one_operation() -> None:
    torch.set_num_threads(2)
    counts: dict[int, set[int]] = {}

    def work(_: int) -> None:
        threads.each(lambda _: None, range(3))
        time.sleep(0.001)
        counts.setdefault(threading.get_ident(), set()).add(torch.get_num_threads())

    threads.each(work, range(50))
    assert len(counts) == 2
    assert set().union(*counts.values()) == {1}


def test_an_error_keeps_nothing_of_the_work_in_memory() -> None:
    """A run that lacks memory goes on in smaller tiles, and the failed work must make room."""
    torch.set_num_threads(2)
    held: list[weakref.ref[torch.Tensor]] = []

    def fail(_: int) -> None:
        buffer = torch.zeros(3)
        held.append(weakref.ref(buffer))
        raise MemoryError

    gc.disable()
    try:
        with suppress(MemoryError):
            threads.each(fail, range(4))
        assert held
        assert all(one() is None for one in held)
    finally:
        gc.enable()


def test_what_is_made_of_items_is_in_their_order() -> None:
    torch.set_num_threads(3)
    assert threads.results(str, range(100), torch.device("cpu")) == [str(n) for n in range(100)]


def test_items_on_a_gpu_are_taken_one_after_the_other() -> None:
    """The calls are made by this thread, so that none waits for another."""
    torch.set_num_threads(3)
    callers = threads.results(lambda _: threading.get_ident(), range(9), torch.device("cuda"))
    assert set(callers) == {threading.get_ident()}


def test_an_operation_within_takes_one_thread_and_records_no_gradient() -> None:
    torch.set_num_threads(2)
    seen: list[tuple[int, bool]] = []
    threads.each(lambda _: seen.append((torch.get_num_threads(), torch.is_grad_enabled())), "items")
    assert set(seen) == {(1, False)}
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (2, True)


def test_the_first_error_is_raised_and_no_further_item_is_begun() -> None:
    torch.set_num_threads(2)
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(str(number))

    with pytest.raises(ValueError, match=r"[01]"):
        threads.each(work, range(100))
    assert len(begun) <= 2
    threads.each(begun.append, [100, 101])
    assert {100, 101} <= set(begun)


def test_one_imports_impasto_without_pytorch() -> None:
    code = "import impasto, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
