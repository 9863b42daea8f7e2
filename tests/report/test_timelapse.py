"""A run as a moving picture."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from clip_files import times_in
from conftest import content_pixels, style_pixels
from impasto import Recipe, stylize
from impasto.cli.app import run
from impasto.report.timelapse import HELD, MOST_FRAMES, RATE, Timelapse

PAINT = ["--size", "64", "--levels", "2", "--device", "cpu", "--quiet"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1"]
SHALLOW = {"content_layers": "conv1_1", "style_layers": "conv1_1"}


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(content_pixels(47, 65)).save("content.png")
    Image.fromarray(style_pixels(48, 64)).save("style.png")


def paint(*flags: str) -> int:
    command = ["stylize", "content.png", "style.png", "-o", "out.png", "--steps", "6"]
    return run([*command, *PAINT, *LAYERS, *flags])


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_every_step_is_a_frame_and_the_last_is_held(suffix: str) -> None:
    assert paint("--timelapse", f"run.{suffix}") == 0
    with Image.open(f"run.{suffix}") as film:
        film.load()
        durations = []
        for frame in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(frame)
            film.load()
            durations.append(film.info["duration"])
            assert film.size == (64, 46)
    assert len(durations) >= 6
    assert sum(durations) == pytest.approx((6 + HELD) * 1000 / 12, rel=0.05)


def test_a_video_plays() -> None:
    assert paint("--timelapse", "run.mp4") == 0
    times = times_in("run.mp4")
    assert len(times) == 6 + HELD + 1
    assert times[-1] == Fraction(6 + HELD, RATE)


def test_frames_of_a_long_run_lie_evenly() -> None:
    film = Timelapse(Path("run.gif"))
    numbers: list[int] = []
    steps = 2 * MOST_FRAMES + 3

    def watch(step: object) -> None:
        film(step)  # type: ignore[arg-type]

    recipe = Recipe(size=32, levels=1, steps=steps, optimizer="adam", **SHALLOW)
    stylize(content_pixels(24, 32), style_pixels(24, 32), recipe, on_step=watch, device="cpu")
    numbers = [1 + index * film.every for index in range(len(film.frames))]
    assert MOST_FRAMES // 2 <= len(film.frames) <= MOST_FRAMES
    assert 0 <= steps - numbers[-1] < film.every


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("run.avi", "should end in .gif, .webp or .mp4."),
        ("missing/run.gif", "There is no folder 'missing'"),
        ("out.png", "should end in .gif"),
    ],
)
def test_a_timelapse_that_cannot_be_written(
    name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert paint("--timelapse", name) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_without_pyav(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys; sys.modules['av'] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'av' else found(name, *a)\n"
        "from impasto.cli.app import run\n"
        "pictures = ['content.png', 'style.png', '-o', 'out.png']\n"
        "sys.exit(run(['stylize', *pictures, '--timelapse', 'a.mp4']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install 'impasto[video]', or end it in .gif or .webp." in done.stderr
