"""``impasto live``: a clip that is played as a camera, painted in a window."""

from __future__ import annotations

import io
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels
from impasto import Recipe, train_painter
from impasto.cli.app import run
from impasto.pictures import samples
from impasto.report import progress

pytest.importorskip("av")
pytest.importorskip("onnxruntime")

FRAMES = 6


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A GIF of half a second: a bright square that moves."""
    pictures = []
    for number in range(FRAMES):
        pixels = np.full((48, 64, 3), 40, np.uint8)
        pixels[10:30, 5 * number : 5 * number + 20] = 220
        pictures.append(Image.fromarray(pixels))
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=80)
    path = tmp_path / "clip.gif"
    path.write_bytes(file.getvalue())
    return path


class Screen:
    """A window that counts what it shows, and that is closed after so many pictures."""

    def __init__(self, most: int = 1000) -> None:
        self.shown: list[np.ndarray] = []
        self.titles: list[str] = []
        self.most = most

    @property
    def is_open(self) -> bool:
        return len(self.shown) < self.most

    def show(self, picture: np.ndarray, title: str) -> None:
        self.shown.append(picture)
        self.titles.append(title)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    monkeypatch.setattr(progress, "check_display", lambda _: None)
    monkeypatch.setattr(progress, "Window", lambda: made)
    return made


STYLE = str(samples.style("mosaic"))


def test_a_clip_is_painted_as_a_camera_would_be(
    clip: Path, screen: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["live", STYLE, "--camera", str(clip), "--size", "64"]) == 0
    told = capsys.readouterr().err
    assert 1 <= len(screen.shown) <= FRAMES
    assert f"Painted {len(screen.shown)} frame" in told
    assert f"; {FRAMES - len(screen.shown)} were dropped." in told
    assert screen.shown[-1].shape == (48, 64, 3)
    assert screen.shown[-1].std() > 5
    assert "frames a second" in screen.titles[0]


def test_closing_the_window_ends_it(clip: Path, screen: Screen) -> None:
    screen.most = 1
    assert run(["live", STYLE, "--camera", str(clip), "--size", "64"]) == 0
    assert len(screen.shown) == 1


def test_a_camera_that_is_not_there_gets_a_sentence(
    screen: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cv2")
    assert run(["live", STYLE, "--camera", "97"]) == 2
    assert "There is no camera 97" in capsys.readouterr().err


def test_a_number_that_no_camera_can_have_gets_the_same_sentence(
    screen: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cv2")
    assert run(["live", STYLE, "--camera", "99999999999"]) == 2
    assert "There is no camera 99999999999" in capsys.readouterr().err


def test_ctrl_c_ends_with_the_summary_alone(
    clip: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Screen, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    assert run(["live", STYLE, "--camera", str(clip), "--size", "64"]) == 130
    told = capsys.readouterr().err
    assert told.startswith("Painted 1 frame, the last ones at ")
    assert told.count("\n") == 1


@pytest.mark.parametrize("words", [("-",), (STYLE, "--camera", "-")])
def test_standard_input_is_no_camera(
    screen: Screen, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["live", *words]) == 2
    assert "file" in capsys.readouterr().err


def test_a_painter_as_an_onnx_model_gets_a_sentence(
    clip: Path, screen: Screen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "painter.onnx"
    model.write_bytes(b"a model")
    assert run(["live", str(model), "--camera", str(clip)]) == 2
    assert "name the .safetensors file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no-such.mp4", "text.mp4", "empty.mp4"])
def test_what_cannot_be_played_gets_a_sentence(
    tmp_path: Path, screen: Screen, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "text.mp4").write_text("not a clip")
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert run(["live", STYLE, "--camera", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert name in told
    assert told.count("\n") == 1


def test_without_a_display_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run(["live", STYLE]) == 2
    assert "needs a display" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*photographs:impasto.ImpastoWarning")
def test_a_learned_painter_paints_a_camera(clip: Path, screen: Screen, tmp_path: Path) -> None:
    painter = tmp_path / "painter.safetensors"
    train_painter(STYLE, content_pixels(64, 64), painter, recipe=Recipe(size=64), steps=1)
    assert run(["live", str(painter), "--camera", str(clip), "--size", "64"]) == 0
    assert screen.shown[-1].shape == (48, 64, 3)


def test_a_painter_is_not_blended_with_a_style(
    clip: Path, screen: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["live", "some.safetensors", STYLE, "--camera", str(clip)]) == 2
    assert "name it alone" in capsys.readouterr().err
