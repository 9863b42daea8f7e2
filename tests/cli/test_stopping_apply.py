"""``impasto apply`` and ``impasto train`` when a signal asks them to stop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conftest import content_pixels
from impasto.cli.app import run
from impasto.painters.applying import LearnedPainting, Painter
from impasto.painters.network import PaintingNetwork
from impasto.report import training as reports
from painter_files import random_painter

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
ENDINGS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
APPLY = ("apply", "two.safetensors", "content.png", "-o", "out.png")

# Small tiles, and after one of them the process waits for a signal.
IN_TILES = """
import signal, sys
from impasto.painters import applying, tiles
from impasto.process import interrupts
applying.WHOLE_PIXELS, applying.TILE = 1, 32
core = tiles._core
def slow(*given):
    print("a tile", file=sys.stderr, flush=True)
    if not interrupts.is_asked():
        signal.pause()
    return core(*given)
tiles._core = slow
from impasto.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def _painter(small_pictures: None) -> None:
    random_painter().save("two.safetensors")


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A process, which does not outlive the test even if that fails."""
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def names(folder: str = ".") -> set[str]:
    """The names of the files in a folder, hidden ones too."""
    return {path.name for path in Path(folder).iterdir()}


def before(owner: type, name: str, patch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C come whenever a method begins."""
    method = getattr(owner, name)

    def signalled(*given: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return method(*given, **named)

    patch.setattr(owner, name, signalled)


@pytest.mark.parametrize(("number", "code"), ENDINGS)
def test_a_signal_keeps_the_paintings_that_are_done(number: signal.Signals, code: int) -> None:
    Path("photos").mkdir()
    photograph = Path("content.png")
    Image.fromarray(content_pixels(48, 64)).resize((480, 360)).save(photograph)
    photos = [f"{letter}.png" for letter in "abcdefghijklmnopqrstuvwx"]
    for name in photos:
        shutil.copy(photograph, Path("photos", name))
    words = ("apply", "two.safetensors", "photos", "-o", "out/{content}.png")
    with started("-m", "impasto", *words) as process:
        while not Path("out/b.png").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        out, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    done = sorted(names("out"))
    assert done == photos[: len(done)]  # whole files only, under their own names
    assert 2 <= len(done) < len(photos)
    for name in done:
        with Image.open(Path("out", name)) as painting:
            painting.load()
            assert painting.size == (480, 360)
    assert "Stopping; the painting in progress is dropped. Ctrl-C again stops at once." in told
    assert told.splitlines()[-1] == (
        f"Stopped: {len(done)} of 24 pictures are painted. To paint the others, use the same "
        "command with --skip-existing."
    )


def test_the_same_command_with_skip_existing_paints_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    for name in "abc":
        Image.fromarray(content_pixels(30, 40)).save(f"photos/{name}.png")
    command = ["apply", "two.safetensors", "photos", "-o", "out/{content}.png", "-q"]
    with monkeypatch.context() as patch:
        before(LearnedPainting, "save", patch)
        assert run(command) == 130
    assert names("out") == {"a.png"}
    assert "Stopped: 1 of 3 pictures are painted." in capsys.readouterr().err
    kept = Path("out/a.png").stat().st_mtime_ns
    assert run([*command, "--skip-existing"]) == 0
    assert names("out") == {"a.png", "b.png", "c.png"}
    assert Path("out/a.png").stat().st_mtime_ns == kept


@pytest.mark.parametrize(("number", "code"), ENDINGS[1:])
def test_a_signal_between_the_tiles_of_a_large_photograph_leaves_nothing(
    number: signal.Signals, code: int
) -> None:
    Image.fromarray(content_pixels(48, 64)).resize((160, 120)).save("content.png")
    there = names()
    with started("-c", IN_TILES, *APPLY) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "a tile\n"
        time.sleep(0.05)  # until it waits
        process.send_signal(number)
        out, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert (out, told) == (
        "",
        "\nStopping; a painting that is not finished is dropped. Ctrl-C again stops at once.\n"
        "impasto: Stopped; nothing was written.\n",
    )
    assert names() == there


def test_ctrl_c_in_the_pass_of_a_small_photograph_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before(PaintingNetwork, "change_from", monkeypatch)
    assert run([*APPLY, "-q"]) == 130
    assert capsys.readouterr() == ("", "impasto: Stopped; nothing was written.\n")
    assert not Path("out.png").exists()


def test_ctrl_c_while_the_painting_is_written_leaves_it_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before(LearnedPainting, "save", monkeypatch)
    assert run([*APPLY, "-q"]) == 130
    assert capsys.readouterr() == (
        "",
        "Stopped after the painting was finished; it is in out.png.\n",
    )
    with Image.open("out.png") as painting:
        painting.load()
        assert painting.size == (64, 48)


def test_ctrl_c_before_a_sample_of_a_training_keeps_the_painter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before(reports.Samples, "__call__", monkeypatch)
    settings = ("--size", "32", "--set", "style_layers=conv1_1", "--set", "content_layers=conv2_1")
    command = ["train", "style.png", "--photos", "content.png", *settings, "--device", "cpu"]
    assert run([*command, "-o", "p.safetensors", "--steps", "9", "--samples", "s", "-q"]) == 130
    assert "Stopped after 1 step; the painter as it is now is in" in capsys.readouterr().err
    assert Painter.load("p.safetensors").about.steps == 1
    assert names("s") == {"sample-00001.png"}
