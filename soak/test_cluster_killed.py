"""The command that paints on a cluster, killed in the midst and started again: `make soak`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ray")

IMPASTO = [sys.executable, "-m", "impasto"]
RAY = ["--ray", "local", "--workers", "2"]
CANVAS = ["stylize", "photos/00.png", "oil.png", *RAY, "--preset", "gatys", "--size", "192x160"]
BATCH = ["stylize", "photos", "oil.png", *RAY, "-o", "out/", "-n", "--size", "64", "--steps", "20"]
COUNT = 8


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    Path("photos").mkdir()
    for number in range(COUNT):
        picture = Image.fromarray(generator.integers(0, 256, (160, 192, 3), dtype=np.uint8))
        picture.save(f"photos/{number:02}.png")
    picture.save("oil.png")


def killed_when(is_time: Callable[[], bool], command: list[str]) -> None:
    """Start a command, and kill it at a time."""
    with subprocess.Popen([*IMPASTO, *command], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not is_time():
            time.sleep(0.05)
        assert process.poll() is None, "it had ended before"
        process.kill()


def test_a_canvas_whose_driver_is_killed_ends_with_the_bytes_of_an_undisturbed_run() -> None:
    steps = ["--steps", "12", "--precision", "float64"]
    subprocess.run([*IMPASTO, *CANVAS, *steps, "-o", "undisturbed.png"], check=True)
    saved = ["--checkpoint", "run.impasto", "--checkpoint-every", "0", "--trace", "run.jsonl"]

    def is_at_work() -> bool:
        trace = Path("run.jsonl")
        return trace.is_file() and trace.read_text().count('"step"') >= 4

    killed_when(is_at_work, [*CANVAS, *steps, "-o", "resumed.png", *saved])
    subprocess.run([*IMPASTO, "resume", "run.impasto", *RAY], check=True)
    assert Path("resumed.png").read_bytes() == Path("undisturbed.png").read_bytes()


def test_a_batch_whose_driver_is_killed_goes_on_where_it_was() -> None:
    def painted() -> set[Path]:
        return set(Path("out").glob("[!.]*"))

    killed_when(lambda: len(painted()) >= 3, BATCH)
    before = {path: path.stat().st_mtime_ns for path in painted()}
    assert len(before) < COUNT
    subprocess.run([*IMPASTO, *BATCH], check=True)
    assert len(painted()) == COUNT
    assert before.items() <= {path: path.stat().st_mtime_ns for path in painted()}.items()
