"""The command `video`: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from clip_files import times_in, write_clip
from conftest import style_pixels
from impasto import Recipe
from impasto.cli.app import run
from impasto.cli.video import _done
from impasto.network import instant
from impasto.report import documents
from impasto.settings.style import Style
from impasto.video import methods
from impasto.video.planning import Request, plan
from impasto.video.stylize import PaintedClip

TESTS = str(Path(__file__).parents[1])
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from impasto.video import methods
methods.METHODS["slowly"] = "clip_files:slowly"
from impasto.cli.app import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.fixture(autouse=True)
def _clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(methods.METHODS, "negative", "clip_files:negative")
    write_clip("clip.mp4", sound=True)
    Image.fromarray(style_pixels(48, 64)).save("style.png")


def video(*arguments: str, method: str = "negative") -> int:
    return run(["video", "clip.mp4", "style.png", "--method", method, *arguments])


def test_it_says_what_it_paints_and_then_what_it_has_painted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert video("-o", "out.mp4") == 0
    said = capsys.readouterr()
    assert (
        "Painting clip.mp4 (64×48, 5 frames, 25 a second, 0.20 s, 1 track of sound) in the style "
        "of style.png: 64×48 pixels, method negative. Until it is done, its frames take about "
        "61.4 kB in out.mp4.working." in said.err
    )
    assert "Writing 5 frames" in said.err
    assert said.out.startswith("Painted out.mp4 (64×48, 5 frames, 0.20 s) in ")


def test_quiet_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert video("-o", "out.mp4", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path().iterdir())
    assert video("--dry-run") == 0
    assert sorted(Path().iterdir()) == before
    assert "Would paint clip.mp4 (64×48, 5 frames" in capsys.readouterr().out


def test_a_preview_says_how_long_the_whole_clip_would_take(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert video("-o", "out.mp4", "--preview", "0.08") == 0
    assert len(times_in("out.mp4")) == 3
    assert "All 5 frames of the clip would take about" in capsys.readouterr().out


def test_the_training_of_a_painter_is_not_longer_for_a_longer_clip() -> None:
    planned = plan(
        Request(Path("clip.mp4"), [Style(picture="style.png")], Recipe(), method="learned")
    )
    painted = PaintedClip(Path("a"), (64, 48), 2, 0.08, 25.0, "learned", planned.order.recipe)
    said = _done(planned, painted, 500.0, trained=480.0)
    assert said.endswith("All 5 frames of the clip would take about 8 min 50 s.")


def test_settings_that_a_training_does_not_follow_are_noted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ("--steps", "7", "--tv-weight", "2", "--color", "content", "--size", "original")
    assert video("--dry-run", *flags, method="learned") == 0
    noted = capsys.readouterr().err
    assert noted.count("has no effect on this run") == 1
    assert "steps has no effect on this run: the method 'learned' trains a painter" in noted


def test_a_preview_begins_at_the_start() -> None:
    assert video("-o", "out.mp4", "--start", "0.04", "--preview", "9") == 0
    assert len(times_in("out.mp4")) == 5


def test_recipes_have_their_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert video("-o", "out.mp4", "--strength", "0.7", "--size", "32", "--json") == 0
    made = documents.Clip.model_validate(json.loads(capsys.readouterr().out))
    assert (made.working_size, made.recipe["strength"]) == ((32, 24), 0.7)


def test_a_size_that_squeezes_the_frames_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    assert video("--size", "48x48", "--dry-run") == 0
    assert "The size 48×48 squeezes the content picture (64×48)" in capsys.readouterr().err


def test_styles_can_be_named_by_flags_alone() -> None:
    command = ["video", "clip.mp4", "--style", "style.png:0.5", "--method", "negative"]
    assert run([*command, "-o", "out.mp4"]) == 0


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert video("-o", "out.mp4", "--json") == 0
    made = documents.Clip.model_validate(json.loads(capsys.readouterr().out))
    assert (made.output, made.method, made.size, made.frames) == (
        "out.mp4",
        "negative",
        (64, 48),
        5,
    )
    assert (made.rate, made.duration, made.sounds) == (25, 0.2, ["aac"])
    assert [(one.role, one.path) for one in made.inputs] == [
        ("content", "clip.mp4"),
        ("style", "style.png"),
    ]
    assert made.seconds is not None


def test_the_document_of_a_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert video("--dry-run", "--json") == 0
    made = documents.Clip.model_validate(json.loads(capsys.readouterr().out))
    assert (made.frames, made.seconds) == (5, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["style.png", "style.png"], "a single picture, not a clip: to paint it, use 'impasto st"),
        (["missing.mp4", "style.png"], "There is no clip 'missing.mp4'."),
        (["clip.mp4", "missing.png"], "There is no style picture 'missing.png'."),
        (["clip.mp4", "clip.mp4"], "style picture 'clip.mp4' is a clip"),
        (["clip.mp4"], "There is no style picture: name one"),
        (["-", "style.png"], "CLIP cannot be '-'"),
        (["clip.mp4", "style.png", "-o", "-"], "--output cannot be '-'"),
        (["clip.mp4", "style.png", "--method", "flow"], "There is no method 'flow' for clips"),
        (["clip.mp4", "style.png", "--preview", "0"], "The preview cannot be '0'"),
        (["clip.mp4", "style.png", "--start", "7"], "no frame from 7 s on"),
        (["clip.mp4", "style.png", "--steps", "0"], "steps cannot be"),
    ],
)  # fmt: skip
def test_bad_inputs_get_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().iterdir())
    assert run(["video", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert sorted(Path().iterdir()) == before


def test_threads_are_those_of_the_networks_of_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int | None] = []
    load = instant.load

    def noted(threads: int | None = None) -> instant.Networks:
        asked.append(threads)
        return load(threads)

    monkeypatch.setattr(instant, "load", noted)
    given = ("--preset", "instant", "--preview", "0.04", "--quiet")
    assert video("-o", "out.mp4", *given, "--threads", "2", method="single") == 0
    assert set(asked) == {2}


def test_stylize_names_video_for_a_clip(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stylize", "clip.mp4", "style.png", "-o", "out.png"]) == 2
    assert "is a clip: name a picture; 'impasto video' paints clips." in capsys.readouterr().err


class TestSignals:
    def started(self) -> subprocess.Popen[str]:
        write_clip("long.mp4", 30)
        words = ["video", "long.mp4", "style.png", "-o", "out.mp4", "--method", "slowly"]
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, TESTS, *words], stderr=subprocess.PIPE, text=True
        )

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
    )
    def test_a_signal_keeps_what_is_painted(self, number: int, code: int) -> None:
        process = self.started()
        painted = Path("out.mp4.working/painted")
        until = time.monotonic() + 60
        while not painted.is_dir() or len(list(painted.glob("0*.png"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Stopping; what is painted is kept." in said
        count = len(list(painted.iterdir()))
        last = said.strip().splitlines()[-1]
        assert last == (
            f"Stopped: {count} of 30 frames are painted. What is done is kept in "
            "'out.mp4.working', and the same call continues it."
        )
        assert not Path("out.mp4").exists()


def test_help_names_every_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["video", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(method in said for method in methods.METHODS if method != "negative")
    assert "--preview" in said
