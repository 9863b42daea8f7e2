"""A learned painter in place of the style picture of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clip_files import frame_pixels, frames_in, write_clip
from impasto import Style, stylize_video
from impasto.cli.app import run
from impasto.errors import InputError, StoppedError
from impasto.video.method import VideoStep
from painter_files import random_painter


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip("clip.mp4")
    random_painter().save("two.safetensors")


def painted(*styles: Any, **settings: Any) -> list[Any]:
    made = stylize_video("clip.mp4", ["two.safetensors", *styles], output="out/", **settings)
    assert made.method == "painter"
    return pictures("out")


def pictures(folder: str) -> list[Any]:
    return [np.asarray(Image.open(path)).astype(int) for path in sorted(Path(folder).glob("*"))]


def test_every_frame_is_what_the_painter_paints_of_it() -> None:
    painter = random_painter()
    for number, frame in enumerate(painted(strength=0.8, size=64)):
        alone = np.asarray(painter.paint(frame_pixels(number), strength=0.8).image).astype(int)
        assert np.abs(alone - frame).mean() < 8  # the clip is compressed


@pytest.mark.parametrize("mixture", [{"ink": 1.0}, {"oil": 0.3, "ink": 0.7}])
def test_a_style_or_a_mixture_is_chosen_by_name(mixture: dict[str, float]) -> None:
    styles = [Style(picture=name, weight=weight) for name, weight in mixture.items()]
    frames = painted(*styles, size=64)
    painter = random_painter()
    expected, other = (
        np.asarray(painter.paint(frame_pixels(2), style=way).image).astype(int)
        for way in (mixture, {"oil": 1.0})
    )
    assert np.abs(expected - frames[2]).mean() < np.abs(other - frames[2]).mean()


def test_an_interrupted_clip_comes_out_the_same() -> None:
    whole = painted(size=64)

    def stop(step: VideoStep) -> bool:
        return step.frames < 2

    with pytest.raises(StoppedError, match="2 of 5 frames"):
        stylize_video("clip.mp4", "two.safetensors", output="parts/", size=64, on_step=stop)
    stylize_video("clip.mp4", "two.safetensors", output="parts/", size=64)
    assert all(map(np.array_equal, pictures("parts"), whole))


@pytest.mark.parametrize(
    ("styles", "settings", "message"),
    [
        (["two.safetensors"], {"method": "keyframes"}, "paints the frames itself, not by"),
        (["clip.mp4"], {"method": "painter"}, "needs a painter in place of the style picture"),
        (["two.safetensors", "pen"], {}, "no style 'pen'"),
        (["two.safetensors", "ink,layers=conv1_1"], {}, "leave layers and masks of styles out"),
        (["two.safetensors", "ink,mask=none.png"], {}, "leave layers and masks of styles out"),
        (["two.safetensors"], {"color": "match"}, "match"),
        (["two.safetensors"], {"size": 8}, "16"),
        (["two.safetensors"], {"protect": "none.png"}, "no part can be protected"),
        (["none.safetensors"], {}, "'none.safetensors'"),
        (["text.safetensors"], {}, "'text.safetensors'"),
    ],
)
def test_what_a_painter_cannot_do_is_said_before_anything_is_painted(
    styles: list[str], settings: dict[str, Any], message: str
) -> None:
    Path("text.safetensors").write_text("no painter")
    with pytest.raises(InputError, match=message):
        stylize_video("clip.mp4", styles, output="out/", **settings)
    assert not Path("out").exists()


def test_settings_that_a_painter_does_not_follow_are_noted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--steps", "7", "--strength", "0.5", "--seed", "3"]
    assert run(["video", "clip.mp4", "two.safetensors", *flags, "--dry-run"]) == 0
    noted = capsys.readouterr().err
    assert noted.count("has no effect on this run: a painter paints in one pass") == 2
    assert "strength" not in noted


def test_the_command_line_takes_a_painter_and_names_of_its_styles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["video", "clip.mp4", "two.safetensors", "--style", "ink", "--size", "64"]
    assert run([*command, "-o", "out.mp4", "--json"]) == 0
    shown = capsys.readouterr()
    assert "in the style of two.safetensors" in shown.err
    assert '"method": "painter"' in shown.out
    assert len(frames_in("out.mp4")) == 5
    assert run([*command, "-o", "there.mp4", "--ray", "local"]) == 2
    assert "leave out --ray" in capsys.readouterr().err
