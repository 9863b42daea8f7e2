"""The command line, as a person uses it."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import Recipe, Step, __version__
from impasto.cli.app import run
from impasto.report.progress import Trace
from impasto.settings.presets import PRESETS

QUICK = [
    *("--size", "48"),
    *("--steps", "3"),
    *("--content-layers", "conv2_1"),
    *("--style-layers", "conv1_1:0.5,conv2_1"),
    *("--device", "cpu"),
]


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(content_pixels(60, 72)).save("content.png")
    Image.fromarray(style_pixels(50, 40)).save("style.png")


def stylize(*flags: str) -> int:
    return run(["stylize", "content.png", "style.png", "-o", "out.png", *QUICK, *flags])


def size_of(name: str) -> tuple[int, int]:
    with Image.open(name) as image:
        image.load()
        width, height = image.size
        return width, height


def events(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


# ----------------------------------------------------------------------------------- stylize


def test_two_files_in_a_picture_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert stylize() == 0
    assert size_of("out.png") == (48, 40)
    captured = capsys.readouterr()
    assert captured.out.startswith("Painted out.png (48×40) in ")
    assert "step 3/3" in captured.err


def test_quiet_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert stylize("--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_quiet_says_nothing_of_notes_either(capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("RGBA", (60, 50), (255, 0, 0, 100)).save("content.png")
    assert stylize("--quiet") == 0
    assert capfd.readouterr() == ("", "")
    assert run(["montage", "content.png", "style.png", "-o", "m.png"]) == 0
    assert "Note: The picture 'content.png' is transparent" in capfd.readouterr().err


def test_quiet_says_what_went_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    assert stylize("--quiet", "--steps", "0") == 2
    assert capfd.readouterr().err.startswith("impasto: steps cannot be '0'")


def test_a_terminal_that_cannot_draw_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("FORCE_COLOR", "1")  # which makes rich take anything for a terminal
    assert stylize() == 0
    assert "step 3/3 at 48×40  loss" in capfd.readouterr().err


def test_a_dry_run_writes_the_recipe_that_it_is_asked_for() -> None:
    Path("recipes").mkdir()
    assert stylize("--dry-run", "--save-recipe", "recipes/r.toml", "--initial", "style.png") == 0
    assert not Path("out.png").exists()
    loaded = Recipe.load("recipes/r.toml")
    assert loaded.initial == str(Path("style.png").absolute())
    assert [style.picture for style in loaded.styles] == [loaded.initial]
    assert run(["stylize", "content.png", "--recipe", "recipes/r.toml", "-o", "out.png"]) == 0


def test_it_is_the_same_picture_as_from_python() -> None:
    import impasto

    stylize()
    recipe = Recipe(size=48, steps=3, content_layers="conv2_1", style_layers="conv1_1:0.5,conv2_1")
    result = impasto.stylize("content.png", "style.png", recipe, device="cpu")
    with Image.open("out.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(result.image))


def test_the_trace_holds_the_run_its_steps_and_its_end() -> None:
    stylize("--trace", "run.jsonl")
    first, *steps, last = events("run.jsonl")
    assert first["event"] == "run"
    assert Recipe(**first["recipe"]).steps == 3  # type: ignore[arg-type]
    assert first["device"] == "cpu"
    assert [step["number"] for step in steps] == [1, 2, 3]
    assert set(steps[0]) == {"event", "number", "loss", "content", "style", "seconds", "level"}
    assert last["event"] == "done"
    assert last["loss"] == min(step["loss"] for step in steps)  # type: ignore[type-var]


def test_snapshots_at_the_first_step_and_every_fiftieth() -> None:
    stylize("--snapshots", "steps", "--steps", "101", "--size", "16", "--optimizer", "adam")
    names = sorted(path.name for path in Path("steps").iterdir())
    assert names == ["step-00001.png", "step-00050.png", "step-00100.png"]
    assert size_of("steps/step-00050.png") == (16, 13)


def test_the_montage_has_the_content_s_height_three_times_its_width_and_a_margin() -> None:
    stylize("--montage", "m.png")
    gap = round(72 / 32)
    assert size_of("m.png") == (3 * 72 + 4 * gap, 60 + 2 * gap)


@pytest.mark.parametrize("name", ["loss.png", "loss.svg", "loss.pdf"])
def test_the_losses_as_a_plot(name: str) -> None:
    stylize("--plot", name)
    assert Path(name).stat().st_size > 1000


def test_the_plot_weights_the_parts_of_each_level_as_its_method_does() -> None:
    command = ["stylize", "content.png", "style.png", "-o", "out.png", "--plot", "loss.svg"]
    command += ["--size", "128", "--steps", "2", "--levels", "2"]
    assert run(command) == 0
    assert "weighted style" in Path("loss.svg").read_text("utf-8")
    assert run([*command, "--coarse", "same"]) == 0
    assert "β · style" in Path("loss.svg").read_text("utf-8")


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.JPEG", "out.webp", "out.tiff"])
def test_the_suffix_says_the_format(name: str) -> None:
    assert stylize("-o", name) == 0
    assert size_of(name) == (48, 40)


def test_sixteen_bits_keep_more_than_eight() -> None:
    import tifffile

    assert stylize("-o", "deep.tif", "--bits", "16") == 0
    deep = tifffile.imread("deep.tif")
    assert deep.dtype == np.uint16
    assert len(np.unique(deep % 257)) > 100


def test_an_older_picture_is_replaced() -> None:
    Path("out.png").write_bytes(b"an older picture")
    stylize()
    assert size_of("out.png") == (48, 40)


def test_no_metadata_leaves_the_recipe_out() -> None:
    stylize("--no-metadata")
    with Image.open("out.png") as image:
        assert "impasto" not in image.info


def test_flags_go_over_a_recipe_file_and_the_file_over_its_preset() -> None:
    Path("r.toml").write_text('preset = "gatys"\nsteps = 9\nbeta = 5.0\n')
    assert stylize("--recipe", "r.toml", "--save-recipe", "all.toml") == 0
    made = Recipe.load("all.toml")
    assert (made.steps, made.beta, made.optimizer) == (3, 5.0, "adam")


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "instant"])
def test_every_preset_runs(preset: str) -> None:
    assert stylize("--preset", preset) == 0


def test_notes_on_a_picture_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGBA", (60, 50), (255, 0, 0, 100)).save("content.png")
    assert stylize() == 0
    assert "Note: The content picture 'content.png' is transparent" in capsys.readouterr().err


def test_a_run_whose_loss_is_not_finite_fails_and_keeps_the_best(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ("--optimizer", "adam", "--learning-rate", "1e12", "--steps", "9", "--beta", "1e6")
    assert stylize(*flags) == 1
    assert size_of("out.png") == (48, 40)
    error = capsys.readouterr().err
    assert "is not finite; the best picture before it" in error


def test_a_trace_that_can_no_longer_be_written_does_not_hurt_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Trace, step: Step) -> None:
        self.file.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Trace, "__call__", full)
    assert stylize("--trace", "run.jsonl") == 0
    assert size_of("out.png") == (48, 40)
    assert (
        "Note: Trace 'run.jsonl' stopped at step 1: No space left on device."
        in capsys.readouterr().err
    )


# ------------------------------------------------------------------------- other commands


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    run(["stylize", "--help"])
    shown = capsys.readouterr().out
    for name in {*Recipe.model_fields, "style"} - {"styles"}:
        assert f"--{name.replace('_', '-')}" in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"impasto {__version__}\n"


def test_without_a_command_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "stylize" in capsys.readouterr().out


def test_montage_of_any_pictures() -> None:
    assert run(["montage", "content.png", "style.png", "-o", "m.png"]) == 0
    assert size_of("m.png")[0] > 2 * 72


def test_network_lists_38_layers_and_draws_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", "--preset", "gatys", "-o", "network.svg"]) == 0
    shown = capsys.readouterr().out
    assert "Feature Extraction Network" in shown
    assert "16×12×512" in shown
    assert "20,024,384" in shown
    assert "Feature Extraction Network" in Path("network.svg").read_text()


def test_doctor_says_what_would_be_used_and_that_it_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["doctor", "--device", "cpu", "--threads", "1"]) == 0
    shown = capsys.readouterr().out
    assert "cpu (1 thread" in shown
    assert "bundled" in shown
    assert "all is well" in shown


@pytest.mark.parametrize("style", ["flowfield", "mosaic", "woodcut"])
def test_the_demo_paints_the_photograph(style: str) -> None:
    assert run(["demo", "shown", "--style", style, *QUICK]) == 0
    assert size_of("shown/painting.png") == (48, 32)
    assert size_of("shown/montage.png")[0] > 3 * 451
    assert Path("shown/losses.png").exists()


# ---------------------------------------------------------------------- a process of its own


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a painting as a process, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []
    command = [sys.executable, "-m", "impasto", "stylize", "content.png", "style.png"]

    def process(*flags: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [*command, "-o", "out.png", *QUICK, *flags],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield process
    for one in started:
        one.kill()


def wait_for_step(trace: Path, number: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if trace.exists() and f'"number": {number},' in trace.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"no step {number} within {seconds} s")


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_writes_the_best_picture_so_far(start: Start) -> None:
    process = start("--steps", "100000", "--trace", "run.jsonl")
    wait_for_step(Path("run.jsonl"), 3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert size_of("out.png") == (48, 40)
    assert "the best picture so far" in error
    assert "Traceback" not in error
    assert events("run.jsonl")[-1]["event"] == "done"


class Interrupting(io.FileIO):
    """Standard error, in the midst of whose first step Ctrl-C comes."""

    came = False

    def write(self, data: Any, /) -> int:
        written = super().write(data)
        if b"step 1/" in bytes(data) and not self.came:
            self.came = True
            signal.raise_signal(signal.SIGINT)
        return written


def test_ctrl_c_in_the_midst_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Interrupting("said.txt", "w")
    said = io.TextIOWrapper(io.BufferedWriter(file), line_buffering=True)
    monkeypatch.setattr(sys, "stderr", said)
    command = ["stylize", "content.png", "style.png", "-o", "out.png", *QUICK]
    assert run([*command, "--steps", "100000"]) == 130
    said.close()
    assert size_of("out.png") == (48, 40)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_before_the_first_step_leaves_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of the imports, which the interpreter is asked to tell of."""
    Path("out.png").write_bytes(b"an older picture")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    process = start("--steps", "100000")
    assert process.stderr is not None
    assert any("typer" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    if "Stopping" not in error:
        assert Path("out.png").read_bytes() == b"an older picture"
    assert "Traceback" not in error


def test_both_entries_are_the_same_program() -> None:
    script = Path(sys.executable).with_name("impasto")
    for command in ([str(script)], [sys.executable, "-m", "impasto"]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"impasto {__version__}\n"


@pytest.mark.parametrize("code", ["import impasto; impasto.Recipe", "import impasto.cli.app"])
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    check = "import sys; print([m for m in ('torch', 'matplotlib', 'PIL') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{check}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.stdout == "[]\n"
