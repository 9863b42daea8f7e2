"""A run that takes longer than was expected is saved from then on, without being asked."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import platformdirs
import pytest

from impasto.cli import session
from impasto.cli.app import run
from impasto.run.run import Run

pytestmark = pytest.mark.usefixtures("small_pictures", "slow")

SMALL = ["--size", "48", "--steps", "6", "--levels", "1", "--device", "cpu"]
QUICK = [*SMALL, "--content-layers", "conv2_1", "--style-layers", "conv1_1"]
STYLIZE = ["stylize", "content.png", "style.png", *QUICK]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run takes long, though none is expected to."""
    monkeypatch.setattr(session, "LONG", 0.0)
    monkeypatch.setattr(session, "expect", lambda *_, **__: None)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: Path("cache").absolute())


def test_a_run_that_takes_long_can_be_continued(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*STYLIZE, "-o", "whole.png"]) == 0
    capsys.readouterr()
    step = Run.step

    def interrupted(self: Run, level: object, state: object) -> None:
        if len(state.history) == 3:  # type: ignore[attr-defined]
            signal.raise_signal(signal.SIGINT)
        step(self, level, state)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Run, "step", interrupted)
        assert run([*STYLIZE, "-o", "out.png"]) == 130
    command = re.search(r"To continue: impasto (.*)", capsys.readouterr().err)
    assert command is not None
    assert run(shlex.split(command[1])) == 0
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()


def test_the_checkpoint_of_a_run_that_is_done_is_removed() -> None:
    assert run([*STYLIZE, "-o", "out.png"]) == 0
    assert list(Path("cache/checkpoints").iterdir()) == []
