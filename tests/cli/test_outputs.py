"""What a command writes: checked before the run, and kept however the run ends."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from impasto import InputError, Recipe, Step, stylize
from impasto.cli.app import run
from impasto.pictures import images, writers
from impasto.report import progress
from impasto.run import showing
from impasto.run.result import Result

QUICK = ["--size", "48", "--steps", "3", "--levels", "1", "--device", "cpu"]

pytestmark = pytest.mark.usefixtures("small_pictures")


def painted(*flags: str) -> int:
    return run(["stylize", "content.png", "style.png", "-o", "out.png", *QUICK, *flags])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# --------------------------------------------------- nothing that is read or written is replaced

STYLIZE = ["stylize", "content.png", "style.png", *QUICK]
REPLACING = {
    "the painting, the content": [*STYLIZE, "-o", "content.png"],
    "the painting, the style by another name": [*STYLIZE, "-o", "./folder/../style.png"],
    "the painting, a link to the content": [*STYLIZE, "-o", "link.png"],
    "the recipe, the content": [*STYLIZE, "-o", "out.png", "--save-recipe", "content.png"],
    "the recipe, the recipe that is read": [
        *[*STYLIZE, "-o", "out.png", "--recipe", "r.toml", "--save-recipe", "r.toml"],
    ],
    "the recipe, the painting": [*STYLIZE, "-o", "out.png", "--save-recipe", "out.png"],
    "the montage, a mask": [
        *["stylize", "content.png", "-o", "out.png", *QUICK],
        *["--style", "style.png,mask=mask.png", "--montage", "mask.png"],
    ],
    "the plot, what is protected": [
        *[*STYLIZE, "-o", "out.png", "--protect", "mask.png", "--plot", "mask.png"],
    ],
    "the trace, the first canvas": [
        *[*STYLIZE, "-o", "out.png", "--initial", "mask.png", "--trace", "mask.png"],
    ],
    "the trace, a weight file": [
        *[*STYLIZE, "-o", "out.png", "--weights", "w.pth", "--trace", "w.pth"],
    ],
    "the timelapse, the style": [
        *STYLIZE[:2],
        "style.gif",
        "-o",
        "o.png",
        "--timelapse",
        "style.gif",
    ],
    "the checkpoint, the content": [*STYLIZE, "-o", "out.png", "--checkpoint", "content.png"],
    "the checkpoint, the trace": [*STYLIZE, "-o", "o.png", "--checkpoint", "a", "--trace", "./a"],
    "a snapshot, the content": [
        *["stylize", "folder/step-00001.png", "style.png", "-o", "out.png", *QUICK],
        *["--snapshots", "folder"],
    ],
    "a snapshot, the painting": [
        *[*STYLIZE, "--snapshots", "folder", "-o", "folder/step-00001.png"],
    ],
    "a montage, one of its pictures": ["montage", "content.png", "style.png", "-o", "content.png"],
    "a figure, one of its pictures": ["reconstruct", "content.png", "style.png", "-o", "style.png"],
    "a sheet, the content": [
        *["sweep", "content.png", "style.png", "--vary", "seed=1,2", "-o", "content.png"],
    ],
    "a painting of a sweep, the content": [
        *["sweep", "seed=1.png", "style.png", "--vary", "seed=1,2", "-o", "s.png", "--folder", "."],
    ],
    "a painting of a sweep, what varies": [
        *["sweep", "content.png", "style.png", "--vary", "initial=noise,initial=noise.png"],
        *["-o", "s.png", "--folder", "."],
    ],
    "a painting of a sweep, its sheet": [
        *["sweep", "content.png", "style.png", "--vary", "seed=1,2", "-o", "seed=2.png"],
        *["--folder", "."],
    ],
    "a drawing, the recipe": ["network", "--recipe", "r.svg", "-o", "r.svg"],
    "a painting of the demo, the first canvas": [
        *["demo", "folder", "--initial", "folder/painting.png", *QUICK],
    ],
}


@pytest.fixture
def _inputs(small_pictures: None) -> None:
    picture = Path("content.png").read_bytes()
    Path("folder").mkdir()
    for name in (
        *("mask.png", "folder/step-00001.png", "folder/painting.png"),
        *("seed=1.png", "initial=noise.png"),
    ):
        Path(name).write_bytes(picture)
    Image.open("style.png").save("style.gif")
    Path("w.pth").write_bytes(b"weights")
    for name in ("r.toml", "r.svg"):
        Path(name).write_text("steps = 3\n")
    Path("link.png").symlink_to("content.png")


@pytest.mark.usefixtures("_inputs")
@pytest.mark.parametrize("command", REPLACING.values(), ids=REPLACING)
def test_no_output_replaces_an_input_or_another_output(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(tmp_path) | contents(tmp_path / "folder")
    assert run(command) == 2
    error = capsys.readouterr().err
    assert "choose another name" in error
    assert error.count("\n") == 1
    assert contents(tmp_path) | contents(tmp_path / "folder") == before


def test_a_sweep_from_python_replaces_no_input_either(tmp_path: Path) -> None:
    from impasto.experiments.sweep import Axis, sweep

    shutil.copy("content.png", "seed=1.png")
    before = contents(tmp_path)
    with pytest.raises(InputError, match="is an input"):
        sweep("seed=1.png", "style.png", [Axis("seed", ("1", "2"))], folder=tmp_path)
    assert contents(tmp_path) == before


# ------------------------------------------------------------- what cannot be written is said first


@pytest.mark.parametrize(
    "flags",
    [
        *[("-o", name + ".png") for name in ("a" * 250, "그" * 84, "😀" * 62)],
        ("--trace", "t" * 256),
        ("--save-recipe", "r" * 300),
        ("--snapshots", "s" * 300),
    ],
)
def test_a_name_that_is_too_long_is_found_before_the_run(
    flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = painted(*flags)
    if code == 0:  # the file system takes it
        assert Path(flags[1]).exists()
    else:
        assert code == 2
        assert "step 1/" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="devices of Linux")
@pytest.mark.parametrize("flag", ["-o", "--save-recipe", "--checkpoint", "--montage"])
def test_a_device_is_no_file(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("device.png").symlink_to("/dev/null")
    assert painted(flag, "device.png") == 2
    assert "is a device or a pipe: name a file." in capsys.readouterr().err
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(sys.platform != "linux", reason="devices of Linux")
def test_a_trace_may_go_into_a_pipe(tmp_path: Path) -> None:
    assert painted("--trace", "/dev/null") == 0
    assert Path("/dev/null").is_char_device()


# -------------------------------------------------------------------- the painting is never lost


def refuse(*_: Any, **__: Any) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("function", ["os.chmod", "shutil.copymode", "os.fsync"])
def test_what_is_not_the_bytes_is_best_effort(
    monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    Path("out.png").write_bytes(b"an older picture")
    Path("run.impasto").write_bytes(b"an older checkpoint")
    monkeypatch.setattr(function, refuse)
    assert painted("--checkpoint", "run.impasto", "--save-recipe", "r.toml") == 0
    assert images.read("out.png").size == (48, 36)
    assert Path("run.impasto").stat().st_size > 1000
    assert Recipe.load("r.toml").steps == 3


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tif"])
def test_a_full_disk_is_told_of_with_the_file_s_name_and_the_painting_is_kept_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        return replace(self, target) if elsewhere in target.parents else full()  # type: ignore

    monkeypatch.setattr(Path, "replace", fails)
    assert painted("-o", name) == 1
    error = capsys.readouterr().err
    assert f"impasto: No space left on device '{name}'.\n" in error
    (kept,) = elsewhere.glob(f"*/{name}")
    assert str(kept) in error
    assert images.read(kept).size == (48, 36)
    assert not Path(name).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tif", "out.gif"])
def test_a_disk_that_fills_up_in_the_midst_of_a_picture_is_told_as_such(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit on the size of files stands for the full disk."""
    import resource
    import signal

    picture = Image.effect_noise((400, 400), 90).convert("RGB")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises((OSError, ValueError), match=r"large|end in") as caught:
            writers.save(picture, name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    if isinstance(caught.value, OSError):
        assert caught.value.filename == name
    assert not Path(name).exists()


def test_a_file_system_that_renames_nothing_takes_a_new_painting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "replace", refuse)
    assert painted() == 0
    assert images.read("out.png").size == (48, 36)
    assert not [path for path in Path().iterdir() if path.suffix == ".part"]


def test_where_an_older_painting_cannot_be_replaced_it_stays_and_the_new_one_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    monkeypatch.setattr(Path, "replace", refuse)
    Path("out.png").write_bytes(b"an older picture")
    assert painted() == 1
    assert Path("out.png").read_bytes() == b"an older picture"
    (kept,) = elsewhere.glob("*/out.png")
    assert str(kept) in capsys.readouterr().err
    assert images.read(kept).size == (48, 36)


def test_a_result_replaces_no_input_of_its_own(tmp_path: Path) -> None:
    recipe = Recipe(size=48, steps=1, levels=1)
    result = stylize("content.png", "style.png", recipe, device="cpu")
    before = contents(tmp_path)
    for name in ("content.png", "./style.png"):
        with pytest.raises(InputError, match="is an input of this run too"):
            result.save(name)
    assert contents(tmp_path) == before


def test_a_sweep_looks_for_every_file_before_it_paints(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = contents(tmp_path)
    vary = "protect=content.png,missing.png"
    assert run(["sweep", "content.png", "style.png", "--vary", vary, "-o", "s.png", *QUICK]) == 2
    assert "There is no protected region 'missing.png'." in capsys.readouterr().err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("error", [RuntimeError("the lens broke"), OSError("gone"), KeyError("k")])
@pytest.mark.parametrize("watcher", [progress.Trace, progress.Snapshots, showing.Lines])
def test_a_watcher_that_fails_is_told_of_once_and_the_painting_stays(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    watcher: type,
    error: Exception,
) -> None:
    def fails(self: object, step: Step) -> None:
        raise error

    monkeypatch.setattr(watcher, "__call__", fails)
    assert painted("--trace", "run.jsonl", "--snapshots", "steps") == 0
    assert images.read("out.png").size == (48, 36)
    said = capsys.readouterr()
    assert said.err.count(" stopped at step 1: ") == 1
    assert f"Note: {watcher.__name__}" in said.err
    assert said.out.startswith("Painted out.png")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
def test_a_trace_that_cannot_be_begun_is_told_and_the_painting_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert painted("--trace", "/dev/full") == 0
    said = capsys.readouterr()
    assert said.err.count("Note: '/dev/full' could not be written: No space left on device.") == 1
    assert said.out.startswith("Painted out.png")
    assert "/dev/full" not in said.out


def test_a_folder_for_snapshots_may_go_meanwhile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make = progress.Snapshots.__init__

    def removed(self: progress.Snapshots, folder: Path) -> None:
        make(self, folder)
        folder.rmdir()

    monkeypatch.setattr(progress.Snapshots, "__init__", removed)
    assert painted("--snapshots", "steps") == 0
    assert "Note: Snapshots 'steps' stopped at step 1: " in capsys.readouterr().err
    assert images.read("out.png").size == (48, 36)


@pytest.mark.parametrize("flag", ["--montage", "--plot"])
def test_a_figure_that_cannot_be_written_leaves_the_painting_and_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    function = {"--montage": "pictures.montage.montage", "--plot": "report.figures.loss_curves"}[
        flag
    ]
    monkeypatch.setattr(f"impasto.{function}", full)
    assert painted("--montage", "m.png", "--plot", "p.png") == 1
    lost, kept = ("m.png", "p.png") if flag == "--montage" else ("p.png", "m.png")
    said = capsys.readouterr()
    assert f"impasto: '{lost}' could not be written: No space left on device.\n" in said.err
    assert said.out.startswith("Painted out.png (")
    assert said.out.endswith(f"; also written: {kept}.\n")
    assert Path(kept).exists()


def test_the_trace_of_a_run_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--optimizer", "adam", "--initial", "noise", "--style-layers", "conv1_1:1e38"]
    assert painted("--trace", "run.jsonl", *flags, "--balance", "absolute", "--beta", "1e38") == 1
    last = json.loads(Path("run.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "done"
    assert "not finite" in last["stopped"]


def test_a_cache_folder_that_cannot_be_written_to_hinders_no_painting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("impasto.cli.session.LONG", 0.0)
    monkeypatch.setattr("impasto.cli.session.MANY_PIXELS", 0.0)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert painted() == 0
    assert "Note: No checkpoint is saved: " in capsys.readouterr().err


# -------------------------------------------------------------- a run whose folder has moved


def stop_early(step: Step) -> bool:
    return step.number < 2


def begun(folder: Path) -> None:
    """A run in a folder, begun from the command line and stopped after two steps."""
    folder.mkdir()
    for name in ("content.png", "style.png"):
        shutil.move(name, folder / name)
    recipe = Recipe(size=48, steps=4, levels=1, protect=f"{folder}/mask.png#ff0000")
    mask = Image.new("RGB", (48, 36), "red")
    mask.paste("white", (0, 0, 24, 36))
    mask.save(folder / "mask.png")
    from impasto.report.outputs import Outputs
    from impasto.run.prepare import prepare
    from impasto.run.saving import save_to

    painting = prepare(str(folder / "content.png"), str(folder / "style.png"), recipe, device="cpu")
    outputs = Outputs(picture=folder / "out.png", trace=folder / "run.jsonl")
    save_to(painting, folder / "run.impasto", 0.0, outputs.to_json())
    painting.paint(stop_early)


def in_place(tmp_path: Path) -> list[str]:
    return [str(tmp_path / "old" / "run.impasto")]


def whole_folder_moved(tmp_path: Path) -> list[str]:
    (tmp_path / "old").rename(tmp_path / "new")
    return [str(tmp_path / "new" / "run.impasto")]


def inputs_elsewhere(tmp_path: Path) -> list[str]:
    (tmp_path / "new").mkdir()
    for name in ("content.png", "style.png", "mask.png"):
        (tmp_path / "old" / name).rename(tmp_path / "new" / name)
    return [str(tmp_path / "old" / "run.impasto"), "--inputs", str(tmp_path / "new")]


@pytest.mark.parametrize("move", [in_place, whole_folder_moved, inputs_elsewhere])
def test_a_run_goes_on_wherever_its_inputs_are(
    tmp_path: Path, move: Callable[[Path], list[str]]
) -> None:
    begun(tmp_path / "old")
    arguments = move(tmp_path)
    assert run(["resume", *arguments]) == 0
    folder = Path(arguments[0]).parent
    assert images.read(folder / "out.png").size == (48, 36)
    assert (folder / "run.jsonl").read_text().count('"step"') == 4


def test_an_input_that_is_nowhere_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path / "old")
    (tmp_path / "old" / "style.png").unlink()
    assert run(["resume", str(tmp_path / "old" / "run.impasto")]) == 2
    assert "name the folder that holds it (--inputs" in capsys.readouterr().err


def test_another_file_of_the_same_name_is_not_taken_for_the_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path / "old")
    Image.new("RGB", (48, 36)).save(tmp_path / "old" / "style.png")
    assert run(["resume", str(tmp_path / "old" / "run.impasto")]) == 2
    assert "has changed since the checkpoint was written" in capsys.readouterr().err


def test_python_resumes_a_moved_run_too(tmp_path: Path) -> None:
    from impasto import resume

    begun(tmp_path / "old")
    arguments = inputs_elsewhere(tmp_path)
    result = resume(arguments[0], inputs=arguments[2])
    assert isinstance(result, Result)
    assert len(result.history) == 4
