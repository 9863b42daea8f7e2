"""A run stopped at any moment, for real: `make soak`.

`tests/process/test_interrupts.py` holds the short version.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

OLDER = b"an older picture"
SECONDS = [random.Random(seed).uniform(0.05, 6.0) for seed in range(20)]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name in ("content.png", "style.png"):
        Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(name)
    Path("out.png").write_bytes(OLDER)


def stopped(seconds: float, by: signal.Signals) -> tuple[int, str]:
    """Exit code and what was said of a run that was stopped after some seconds."""
    command = [sys.executable, "-m", "impasto", "stylize", "content.png", "style.png"]
    flags = ["-o", "out.png", "--size", "64", "--steps", "100000", "--device", "cpu"]
    process = subprocess.Popen([*command, *flags], stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(by)
    try:
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, error


def is_whole(path: Path) -> bool:
    """Whether it is the older picture untouched, or a new one from end to end."""
    if path.read_bytes() == OLDER:
        return True
    with Image.open(path) as image:
        image.load()
        width, height = image.size
        return bool(width == height == 64)


@pytest.mark.parametrize("seconds", SECONDS)
def test_ctrl_c_at_any_moment(seconds: float) -> None:
    code, error = stopped(seconds, signal.SIGINT)
    assert code in (130, -signal.SIGINT)  # the latter before Python itself has started
    assert is_whole(Path("out.png"))
    assert ("best picture so far" in error) == (Path("out.png").read_bytes() != OLDER)
    if seconds > 0.5:
        assert "Traceback" not in error
        assert ("no picture was written" in error) == (Path("out.png").read_bytes() == OLDER)


@pytest.mark.parametrize("seconds", SECONDS[:8])
def test_kill_at_any_moment(seconds: float) -> None:
    code, _ = stopped(seconds, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert is_whole(Path("out.png"))
