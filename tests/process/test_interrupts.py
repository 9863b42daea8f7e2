"""A run that is ended in the midst: by a signal, from Python, by whoever opened a scope."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from impasto import Recipe, Result, RunError, Step, resume, stylize
from impasto.errors import StoppedError
from impasto.network.vgg import VGG19
from impasto.network.weights import Weights
from impasto.objective.losses import nearest_loss
from impasto.pictures import images
from impasto.process import interrupts
from impasto.run.result import INTERRUPTED

pytestmark = pytest.mark.usefixtures("small_pictures")

QUICK = Recipe(
    size=48, steps=60, levels=1, content_layers="conv2_1", style_layers="conv1_1", initial="content"
)


def raise_ctrl_c(_: Step) -> None:
    signal.raise_signal(signal.SIGINT)


def raise_interrupt(_: Step) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("interrupt", [raise_ctrl_c, raise_interrupt])
def test_ctrl_c_in_a_python_session_gives_the_result_so_far(
    interrupt: Callable[[Step], None],
) -> None:
    def on_step(step: Step) -> None:
        if step.number == 3:
            interrupt(step)

    result = stylize("content.png", "style.png", QUICK, on_step=on_step, device="cpu")
    assert len(result.history) == 3
    assert result.stopped == INTERRUPTED
    expected = stylize(
        "content.png", "style.png", QUICK, on_step=lambda step: step.number < 3, device="cpu"
    )
    np.testing.assert_array_equal(result.canvas, expected.canvas)


def test_ctrl_c_means_again_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    stylize("content.png", "style.png", QUICK, on_step=lambda _: False, device="cpu")
    assert signal.getsignal(signal.SIGINT) is before


def test_where_ctrl_c_means_something_else_it_still_does() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        recipe = QUICK.model_copy(update={"steps": 3})
        result = stylize("content.png", "style.png", recipe, on_step=raise_ctrl_c, device="cpu")
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.stopped is None
    assert heard == 3 * [signal.SIGINT]


def test_a_run_in_a_thread_listens_to_no_signal() -> None:
    results: list[Result] = []
    recipe = QUICK.model_copy(update={"steps": 2})
    thread = threading.Thread(
        target=lambda: results.append(stylize("content.png", "style.png", recipe, device="cpu"))
    )
    thread.start()
    thread.join()
    assert results[0].stopped is None


def test_a_scope_that_asks_before_the_first_step_leaves_no_result() -> None:
    with interrupts.scope(lambda: True), pytest.raises(StoppedError, match="stopped before"):
        stylize("content.png", "style.png", QUICK, device="cpu")
    assert issubclass(StoppedError, RunError)


def test_scopes_ask_within_each_other() -> None:
    with interrupts.scope(lambda: True), interrupts.scope(lambda: False):
        assert interrupts.is_asked()
    with interrupts.scope(lambda: False), interrupts.scope(lambda: True):
        assert interrupts.is_asked()
    assert not interrupts.is_asked()


def test_a_scope_is_the_thread_s_own() -> None:
    asked: list[bool] = []
    with interrupts.scope(lambda: True):
        thread = threading.Thread(target=lambda: asked.append(interrupts.is_asked()))
        thread.start()
        thread.join()
    assert asked == [False]


@pytest.mark.parametrize("by_rows", [True, False])
def test_the_network_can_be_ended_within_a_pass(weights: Weights, by_rows: bool) -> None:
    network = VGG19(weights, ["conv3_1"], by_rows=by_rows)
    picture = torch.zeros(3, 64, 64, requires_grad=True)
    loss = network(picture)["conv3_1"].sum()
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        loss.backward()  # type: ignore[no-untyped-call]
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        network(picture)


def test_the_search_for_the_nearest_can_be_ended_in_its_midst() -> None:
    loss = nearest_loss(torch.eye(4))
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        loss(torch.ones(4, 9))


class InTheMidst:
    """Asks to end in the midst of the step after some number of them."""

    def __init__(self, steps: int) -> None:
        self.steps, self.asked = steps, 0

    def on_step(self, step: Step) -> None:
        self.steps -= 1

    def __call__(self) -> bool:
        self.asked += self.steps <= 0
        return self.asked > 2


@pytest.mark.parametrize("steps", [1, 5, 11])
def test_a_run_ended_within_a_step_goes_on_with_the_same_bytes(steps: int) -> None:
    recipe = QUICK.model_copy(update={"steps": 12})
    whole = stylize("content.png", "style.png", recipe, device="cpu")
    ends = InTheMidst(steps)
    with interrupts.scope(ends):
        part = stylize(
            "content.png",
            "style.png",
            recipe,
            on_step=ends.on_step,
            device="cpu",
            checkpoint="run.impasto",
        )
    assert len(part.history) == steps
    np.testing.assert_array_equal(resume("run.impasto").canvas, whole.canvas)


# ------------------------------------------------------------------------ real processes

ENDINGS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
COMMAND = [sys.executable, "-m", "impasto", "stylize", "content.png", "style.png", "-o", "out.png"]
SHALLOW = ["--content-layers", "conv2_1", "--style-layers", "conv1_1"]
LONG = ["--size", "48", "--steps", "100000", "--levels", "1", "--device", "cpu", *SHALLOW]


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process, which does not outlive the test even if that fails."""
    with subprocess.Popen(
        command or [*COMMAND, *LONG], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    assert any(text in line for line in process.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", ENDINGS)
def test_every_signal_that_ends_a_process_leaves_the_best_picture(number: signal.Signals) -> None:
    with started() as process:
        wait_for(process, "step 1/")
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == ENDINGS[number]
    assert images.read("out.png").size == (48, 36)
    assert "the best picture so far" in error
    assert "Traceback" not in error


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_during_start_up_ends_with_a_sentence(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of the imports, which the interpreter is asked to tell of."""
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    with started() as process:
        wait_for(process, "typer")  # the command line is being imported, and signals are heard
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == ENDINGS[number]
    assert "impasto: Stopped; nothing was written.\n" in error
    assert "Traceback" not in error
    assert not Path("out.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_in_source_code_that_a_module_executes_has_its_own_exit_code(
    number: signal.Signals,
) -> None:
    """Named tuples and data classes are made in this way; Python would end itself by SIGINT."""
    program = textwrap.dedent(f"""
        from impasto import __main__
        from impasto.cli import app
        app.run = lambda: exec("import signal; signal.raise_signal({int(number)})")
        __main__.main()
    """)
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert ended.returncode == ENDINGS[number]
    assert ended.stderr == "impasto: Stopped; nothing was written.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_twice_ends_with_a_sentence_and_without_a_picture() -> None:
    """The second comes while a watcher is at work, which it ends."""
    program = textwrap.dedent("""
        import signal, sys
        from impasto.run import showing
        from impasto.cli.app import run
        def twice(self, step):
            signal.raise_signal(signal.SIGINT)
            self.count = getattr(self, "count", 0) + 1
        from impasto.run.result import Result
        def interrupted(self, *_, **__):
            signal.raise_signal(signal.SIGINT)
        showing.Lines.__call__ = twice
        Result.save = interrupted
        sys.exit(run(sys.argv[1:]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, *COMMAND[3:], *LONG],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    assert "Stopping, and keeping the best picture if there is one; Ctrl-C" in done.stderr
    assert done.stderr.endswith("impasto: Stopped; nothing was written.\n")
    assert not Path("out.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("pause", [0.0, 0.02, 0.3])
def test_however_many_signals_come_it_ends_with_a_true_sentence(pause: float) -> None:
    """Which of them is heard first is the system's to say."""
    with started() as process:
        wait_for(process, "step 1/")
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
            time.sleep(pause)
        _, error = process.communicate(timeout=60)
    assert process.returncode in ENDINGS.values()
    assert "Traceback" not in error
    assert ("nothing was written" in error) != ("the best picture so far" in error)
    assert ("the best picture so far" in error) == Path("out.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_under_nohup_a_hang_up_changes_nothing() -> None:
    with started("nohup", *COMMAND, *LONG, "--steps", "60") as process:
        wait_for(process, "step 1/")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert images.read("out.png").size == (48, 36)


@pytest.mark.skipif(sys.platform == "win32", reason="opens a POSIX terminal")
def test_a_terminal_that_is_closed_leaves_the_best_picture() -> None:
    import os
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*COMMAND, *LONG, "--trace", "run.jsonl"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if Path("run.jsonl").exists() and '"number": 2,' in Path("run.jsonl").read_text():
            break
        os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert images.read("out.png").size == (48, 36)
