"""A run killed at any moment and gone on with, for real: `make soak`.

`tests/run/test_checkpoint.py` holds the short version.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FLAGS = ["--size", "96", "--steps", "300", "--levels", "2", "--device", "cpu"]
STYLIZE = [sys.executable, "-m", "impasto", "stylize", "content.png", "style.png", *FLAGS]
SAVED = ["--checkpoint", "run.impasto", "--checkpoint-every", "0.1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pictures, and the painting of a run that was never stopped."""
    path = tmp_path_factory.mktemp("resuming")
    generator = np.random.default_rng(0)
    for name in ("content.png", "style.png"):
        Image.fromarray(generator.integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(path / name)
    began = time.monotonic()
    subprocess.run([*STYLIZE, "-o", "whole.png", "-q"], cwd=path, check=True)
    (path / "seconds").write_text(str(time.monotonic() - began))
    return path


def kill_after(seconds: float, command: list[str], folder: Path) -> int | None:
    """Start a command and kill it after some seconds; its exit code if it was done before."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


@pytest.mark.parametrize("seed", range(20))
def test_kill_9_at_any_moment(seed: int, folder: Path) -> None:
    """Killed once or twice, each time wherever it was, it ends with the same bytes."""
    chance = random.Random(seed)
    whole, out = folder / "whole.png", folder / "out.png"
    for name in ("out.png", "run.impasto"):
        (folder / name).unlink(missing_ok=True)
    longest = 1.2 * float((folder / "seconds").read_text())
    command = [*STYLIZE, *SAVED, "-o", "out.png"]
    code = None
    while code is None:
        code = kill_after(chance.uniform(0.5, longest), command, folder)
        if out.exists():
            assert out.read_bytes() == whole.read_bytes()
        if (folder / "run.impasto").exists():
            command = [sys.executable, "-m", "impasto", "resume", "run.impasto"]
    assert code == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not list(folder.glob(".run.impasto.*.part"))
