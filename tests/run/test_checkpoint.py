"""An interrupted run that is resumed ends with the bytes of one that was never interrupted."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import impasto
import impasto.objective.objective
from conftest import THREADS, content_pixels, style_pixels
from impasto import ImpastoWarning, InputError, Recipe, Result
from impasto.cli.app import run
from impasto.errors import StoppedError
from impasto.network.vgg import VGG
from impasto.objective.objective import Evaluation
from impasto.optim.optimizer import Optimizer
from impasto.optim.optimizers import LBFGS, Adam
from impasto.optim.preconditioner import Places, Spectrum
from impasto.run import checkpoint, levels
from impasto.run import run as runs
from impasto.run.evaluator import Evaluator
from impasto.run.prepare import prepare
from impasto.run.resuming import recipe_in
from impasto.run.run import Run

HEIGHT, WIDTH = 96, 128  # the smallest that are painted at two levels
SMALL = (64, 48)
RECIPES: dict[str, dict[str, Any]] = {
    "L-BFGS over levels": {"levels": 2, "steps": 9},
    "Adam": {"size": SMALL, "optimizer": "adam", "levels": 1, "steps": 6, "keep": "updated"},
    "Adam on a pyramid": {"size": SMALL, "optimizer": "adam", "variable": "pyramid", "steps": 5},
    "strotss": {"method": "strotss", "style_layers": "relu1_1,relu2_1", "levels": 2, "steps": 9},
    "nnst": {"method": "nnst", "style_layers": "relu1_1,relu3_1", "levels": 2, "steps": 12},
    "even-nnst": {
        "method": "even-nnst",
        "style_layers": "relu1_1,relu4_1",
        "levels": 2,
        "steps": 9,
    },
    "even-nnst and then layers": {
        "levels": 2,
        "steps": 7,
        "content_layers": Recipe().content_layers,
        "style_layers": Recipe().style_layers,
    },
    "float64": {"size": SMALL, "precision": "float64", "levels": 1, "steps": 5},
    "by tiles": {"size": SMALL, "levels": 1, "steps": 5, "tile": 32},
    "from noise": {"size": SMALL, "levels": 1, "steps": 5, "initial": "noise", "seed": 3},
    "deep layers now and then": {
        "size": SMALL,
        "levels": 1,
        "steps": 6,
        "style_layers": "conv1_1:1,conv2_1:1e-3",
        "balance": "absolute",
        "alpha": 1e-3,
        "beta": 1000.0,
    },
}


@pytest.fixture(scope="module", autouse=True)
def _levels_of_the_default_are_small() -> Iterator[None]:
    """Only canvases of up to 64 pixels count as small, so that one of these runs has large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "MATCHED_SIDE", 64)
        yield


def recipe(**settings: Any) -> Recipe:
    return Recipe(
        **{
            "size": (WIDTH, HEIGHT),
            "steps": 5,
            "content_layers": "conv2_1",
            "style_layers": "conv1_1,conv2_1",
            **settings,
        }
    )


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_pictures()


def save_pictures() -> None:
    Image.fromarray(content_pixels(HEIGHT, WIDTH)).save("content.png")
    Image.fromarray(style_pixels(HEIGHT, WIDTH)).save("style.png")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Checkpoints of runs that were stopped, by the names of their recipes."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("stopped"))
        save_pictures()
        for name in ("L-BFGS over levels", "deep layers now and then"):
            paint(lambda step: step.number < 4, **RECIPES[name])
            made[name] = Path("run.impasto").read_bytes()
            Path("run.impasto").unlink()
    return made


@pytest.fixture
def saved(stopped: dict[str, bytes]) -> bytes:
    """The checkpoint ``run.impasto``, of a run that was stopped at the first of its levels."""
    data = stopped["L-BFGS over levels"]
    Path("run.impasto").write_bytes(data)
    return data


def paint(on_step: Callable[[impasto.Step], bool | None] | None = None, **settings: Any) -> Result:
    """A run that is saved after every step."""
    return impasto.stylize(
        "content.png",
        "style.png",
        recipe(**settings),
        on_step=on_step,
        device="cpu",
        checkpoint="run.impasto",
        checkpoint_every=0,
    )


# ------------------------------------------------------------------------------ from Python


@pytest.fixture(scope="module", params=[*RECIPES.values()], ids=[*RECIPES])
def unstopped(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Result]:
    """The settings of a run, and what it paints if it is never stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("unstopped"))
        save_pictures()
        return request.param, paint(**request.param)


@pytest.mark.parametrize("last", [1, 2, 4])
def test_the_canvas_is_that_of_a_run_that_was_never_stopped(
    unstopped: tuple[dict[str, Any], Result], last: int
) -> None:
    settings, whole = unstopped
    paint(lambda step: step.number < last, **settings)
    resumed = impasto.resume("run.impasto")
    assert resumed.canvas.tobytes() == whole.canvas.tobytes()
    assert [step.loss for step in resumed.history] == [step.loss for step in whole.history]
    assert resumed.best.number == whole.best.number
    assert resumed.stopped is None


def test_a_run_goes_on_in_the_midst_of_a_round() -> None:
    """The last level of this one has rounds of two steps, of which the first begins with step 7."""
    settings = RECIPES["even-nnst"]
    whole = paint(**settings)
    assert [step.level for step in whole.history].index(3) == 6
    paint(lambda step: step.number < 7, **settings)
    resumed = impasto.resume("run.impasto")
    assert resumed.canvas.tobytes() == whole.canvas.tobytes()


def test_the_first_checkpoint_is_written_before_the_first_step() -> None:
    whole = paint(levels=1, steps=3)
    Path("run.impasto").unlink()

    def fail(step: impasto.Step) -> bool:
        raise RuntimeError(step.number)

    with pytest.raises(RuntimeError, match="1"):
        paint(fail, levels=1, steps=3)
    saved, _ = checkpoint.read(Path("run.impasto"))
    assert (saved.history, saved.level, saved.count) == ([], 1, 0)
    assert impasto.resume("run.impasto").canvas.tobytes() == whole.canvas.tobytes()


def test_a_run_can_be_stopped_again_and_again() -> None:
    whole = paint(**RECIPES["L-BFGS over levels"])
    paint(lambda _: False, **RECIPES["L-BFGS over levels"])
    result = impasto.resume("run.impasto", lambda _: False)
    while result.stopped:
        result = impasto.resume("run.impasto", lambda _: False)
    assert result.canvas.tobytes() == whole.canvas.tobytes()


def test_the_canvas_with_which_a_level_began_cannot_be_left_out() -> None:
    paint(lambda step: step.number < 5, **RECIPES["even-nnst and then layers"])
    saved, tensors = checkpoint.read(Path("run.impasto"))
    assert saved.level == 3
    del tensors["begun"]
    checkpoint.write(Path("run.impasto"), saved, tensors)
    with pytest.raises(InputError, match="begun"):
        impasto.resume("run.impasto")


def test_time_goes_on_where_it_was() -> None:
    stopped = paint(lambda step: step.number < 3, levels=1, steps=5)
    resumed = impasto.resume("run.impasto")
    seconds = [step.seconds for step in resumed.history]
    assert seconds == sorted(seconds)
    assert seconds[2] == stopped.history[2].seconds


def test_a_run_that_is_done_stays_done() -> None:
    whole = paint(levels=1, steps=3)
    assert impasto.resume("run.impasto").canvas.tobytes() == whole.canvas.tobytes()


def test_it_names_its_inputs_wherever_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = paint(levels=1, steps=3)
    paint(lambda _: False, levels=1, steps=3)
    path = Path("run.impasto").absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert impasto.resume(path).canvas.tobytes() == whole.canvas.tobytes()


def test_pictures_in_memory_cannot_be_found_again() -> None:
    with pytest.raises(InputError, match="needs the style picture as a file"):
        impasto.stylize("content.png", style_pixels(), recipe(), checkpoint="run.impasto")


def test_a_run_goes_on_without_a_checkpoint_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = paint(levels=1, steps=3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("impasto.run.checkpoint.write", full)
    with pytest.warns(ImpastoWarning, match="no longer saved: .*No space left"):
        result = paint(levels=1, steps=3)
    assert result.canvas.tobytes() == whole.canvas.tobytes()


@given(st.data())
def test_an_optimiser_that_is_restored_goes_on_the_same_way(data: st.DataObject) -> None:
    torch.manual_seed(data.draw(st.integers(0, 99)))
    target, scale = torch.randn(3, 24, 40), torch.rand(3, 24, 40) + 0.1

    def make() -> Optimizer:
        return LBFGS(1.0, 4, Places(24, 40, Spectrum(24, 40, 0.8))) if lbfgs else Adam(0.5, levels)

    def go_on(optimizer: Optimizer, canvas: torch.Tensor, steps: int) -> torch.Tensor:
        for _ in range(steps):
            gap = canvas - target
            loss = (scale * gap**4).sum().item()
            following = optimizer.step(canvas, loss, 4 * scale * gap**3)
            canvas = canvas if following is None else following
        return canvas

    lbfgs, levels = data.draw(st.booleans()), data.draw(st.integers(1, 3))
    first = make()
    canvas = go_on(first, torch.zeros(3, 24, 40), data.draw(st.integers(1, 20)))
    second = make()
    numbers, tensors = first.state()
    second.restore(dict(numbers), {name: tensor.clone() for name, tensor in tensors.items()})
    assert torch.equal(go_on(first, canvas, 7), go_on(second, canvas, 7))


# ------------------------------------------------------------------------------- what it refuses


def refused(reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        impasto.resume("run.impasto")


def test_an_input_that_has_changed() -> None:
    paint(lambda _: False)
    Image.fromarray(style_pixels(30, 30)).save("style.png")
    refused(r"style picture '.*style.png' has changed")


def test_an_input_that_is_gone() -> None:
    paint(lambda _: False)
    Path("content.png").unlink()
    refused(r"content picture '.*content.png' no longer exists")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_file_that_was_cut_off(share: float, saved: bytes) -> None:
    Path("run.impasto").write_bytes(saved[: int(share * len(saved))])
    refused("cannot be read: it is damaged, or is not a checkpoint")


@pytest.mark.parametrize("seed", range(8))
def test_a_file_of_which_a_byte_was_changed(seed: int, saved: bytes) -> None:
    data = bytearray(saved)
    data[random.Random(seed).randrange(8, len(data))] ^= 0x20
    Path("run.impasto").write_bytes(data)
    refused("damaged|no checkpoint|incomplete")


def test_a_file_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.run.saving.__version__", "0.0.1")
    paint(lambda _: False)
    refused("a version of impasto other than this one")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x80\x04K\x01.", bytes(4096)])
def test_another_file(content: bytes) -> None:
    Path("run.impasto").write_bytes(content)
    refused("cannot be read: it is damaged, or is not a checkpoint")


def test_a_safetensors_file_of_something_else() -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, "run.impasto")
    refused("is not a checkpoint of impasto")


def test_the_recipe_is_read_without_the_tensors(saved: bytes) -> None:
    Path("run.impasto").write_bytes(saved[:-1] + bytes([saved[-1] ^ 1]))
    settings = checkpoint.read_saved(Path("run.impasto")).recipe
    assert recipe_in(Path("run.impasto")) == Recipe(**settings)
    refused("damaged")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_the_recipe_is_refused_as_the_run_is(content: bytes | None) -> None:
    if content is not None:
        Path("run.impasto").write_bytes(content)
    with pytest.raises(InputError) as caught:
        recipe_in(Path("run.impasto"))
    with pytest.raises(InputError) as of_run:
        impasto.resume("run.impasto")
    assert str(caught.value) == str(of_run.value)


def test_no_file() -> None:
    refused("There is no checkpoint 'run.impasto'")


def test_a_folder() -> None:
    Path("run.impasto").mkdir()
    refused("Is a directory")


# ------------------------------------------------------------- what someone else wrote into it


def rewrite(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], Any]) -> None:
    """The checkpoint changed, with the digest that goes with what it holds."""
    from safetensors.torch import save_file

    with safetensors.safe_open("run.impasto", "pt") as file:
        state = json.loads(file.metadata()[checkpoint.KEY])
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change(state, tensors)
    text = json.dumps(state)
    digest = checkpoint.digest(text, tensors)
    save_file(tensors, "run.impasto", {checkpoint.KEY: text, checkpoint.DIGEST: digest})


HOSTILE: dict[str, Any] = {
    "impasto": [None, 5, "0.0.1"],
    "recipe": [5, None, [], {"size": "big"}, {"stepz": 3}, {"styles": 5}],
    "content": [None, 5, "", "gone.png", "a\0b", "x" * 300, "x" * 5000],
    "styles": [5, None, [5], [{}], [{"picture": 5}], [{"picture": "x" * 300}], []],
    "inputs": [5, {}, {"content": "x"}, {"style 2 3": "x"}],
    "weights": [None, 5, "x" * 300, "a\0b", "gone.pth"],
    "weights_input": [5, "keras"],
    "device": [None, 5, "", "abacus", "cpu:x", "cpu:-1", "cpu:" + "9" * 30, "x\0"],
    "threads": [0, -1, 10**9, 10**30, 1.5, None],
    "float32": [1, "x"],
    "level": [0, -1, 3, 10**30, 1.5, None],
    "count": [-1, 10**6, 10**30, None],
    "tiles": [5, [], [None] * 9, [15, None], [0, None], ["x", None], [10**30, None]],
    "history": [[], 5, [[]], [[1, 1, 1, 1, 9]], [[1, 1, 1, -1, 1]], [["x"] * 5], [[1] * 5] * 99],
    "best": [0, -1, 99, 10**30, None],
    "done": [5, None],
    "optimizer": [5, {"pairs": "x"}, {"pairs": 10**6}, {"line loss": 1.0}, {"pairs": None}],
    "every": [-1, None, "x", 10**400],
    "outputs": [5, None],
    "new": [5],
}


@pytest.mark.usefixtures("plain_cpu")  # in bfloat16, a run may have gone on in float32
@pytest.mark.parametrize("name", HOSTILE)
def test_a_state_that_cannot_be(name: str, saved: bytes) -> None:
    for value in HOSTILE[name]:
        Path("run.impasto").write_bytes(saved)
        rewrite(lambda state, _, value=value: state.update({name: value}))  # type: ignore[misc]
        with pytest.raises(InputError) as caught:
            impasto.resume("run.impasto")
        assert len(str(caught.value).splitlines()) == 1
        assert torch.get_num_threads() == THREADS


def test_a_run_that_left_bfloat16_goes_on_where_there_is_none(saved: bytes) -> None:
    rewrite(lambda state, _: state.update({"float32": True}))
    assert impasto.resume("run.impasto").stopped is None


def test_a_run_in_float32_cannot_have_left_bfloat16() -> None:
    paint(lambda step: step.number < 4, precision="float32")
    rewrite(lambda state, _: state.update({"float32": True}))
    refused("it has left a precision that it did not use")


TENSORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "shape": lambda tensor: torch.zeros(2, 5),
    "one more": lambda tensor: tensor[None].clone(),
    "float64": lambda tensor: tensor.double(),
    "whole": lambda tensor: tensor.int(),
    "empty": lambda tensor: torch.zeros(0),
}


@pytest.mark.parametrize("change", TENSORS.values(), ids=TENSORS)
def test_tensors_that_do_not_fit(
    change: Callable[[torch.Tensor], torch.Tensor], stopped: dict[str, bytes]
) -> None:
    whole = stopped["deep layers now and then"]
    Path("run.impasto").write_bytes(whole)
    with safetensors.safe_open("run.impasto", "pt") as file:
        names = list(file.keys())
    assert len(names) > 10
    for name in names:
        Path("run.impasto").write_bytes(whole)

        def replace(_: dict[str, Any], tensors: dict[str, torch.Tensor], name: str = name) -> None:
            tensors[name] = change(tensors[name])

        rewrite(replace)
        refused(f"does not hold a run of its recipe .its tensor '{name}' does not match")


def test_tensors_that_are_missing_or_too_many(saved: bytes) -> None:
    for name in ("canvas", "kept", "scale", "step 0", "line start"):
        Path("run.impasto").write_bytes(saved)
        rewrite(lambda _, tensors, name=name: tensors.pop(name))  # type: ignore[misc]
        refused(f"does not hold a run of its recipe .it lacks '{name}'")
    Path("run.impasto").write_bytes(saved)
    rewrite(lambda _, tensors: tensors.update(new=torch.zeros(3)))
    refused("its tensor 'new' does not match its run")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.usefixtures("saved")
def test_a_canvas_that_is_not_finite(value: float) -> None:
    rewrite(lambda _, tensors: tensors["kept"].fill_(value))
    refused("its canvas holds NaN or infinity")


@pytest.mark.parametrize("text", ["", "5", "[" * 100_000, "9" * 5000, '{"impasto": 5}'])
def test_a_state_that_is_none(text: str) -> None:
    from safetensors.torch import save_file

    tensors = {"canvas": torch.zeros(3)}
    digest = checkpoint.digest(text, tensors)
    save_file(tensors, "run.impasto", {checkpoint.KEY: text, checkpoint.DIGEST: digest})
    refused("written by a version of impasto other than")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 300, "File name too long"),
        ("x" * 5000, "File name too long"),
        ("a\0b", "embedded null byte"),
        ("style.png/run.impasto", "There is no checkpoint"),
    ],
    ids=["long", "longer", "NUL", "in a file"],
)
def test_a_name_that_no_checkpoint_can_have(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        impasto.resume(name)


# ------------------------------------------------------------------------- on the command line

FLAGS = [
    *("--size", f"{WIDTH}x{HEIGHT}", "--levels", "2", "--device", "cpu", "--threads", "2"),
    *("--content-layers", "conv2_1", "--style-layers", "conv1_1,conv2_1"),
]


def command(*flags: str) -> list[str]:
    return ["stylize", "content.png", "style.png", "-o", "out.png", *FLAGS, *flags]


def start(*flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "impasto", *command(*flags)], stderr=subprocess.PIPE, text=True
    )


def test_a_run_that_is_stopped_as_it_enters_a_level_goes_on_to_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = RECIPES["L-BFGS over levels"]
    whole = paint(**settings)
    step = Run.step

    def stopped_at_the_second(self: Run, level: Any, progress: Any) -> None:
        if level.number == 2:
            raise StoppedError
        step(self, level, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "step", stopped_at_the_second)
        paint(**settings)
    resumed = impasto.resume("run.impasto")
    assert resumed.canvas.tobytes() == whole.canvas.tobytes()
    assert [one.loss for one in resumed.history] == [one.loss for one in whole.history]


@pytest.mark.skipif(os.name == "nt", reason="no kill -9 there")
def test_kill_9_in_the_middle_and_the_same_bytes() -> None:
    """The short version of `make soak`."""
    flags = ("--steps", "40", "--checkpoint", "run.impasto", "--checkpoint-every", "0")
    assert run(command(*flags)) == 0
    whole = Path("out.png").read_bytes()
    Path("out.png").unlink()
    Path("run.impasto").unlink()
    process = start(*flags)
    seen: set[int] = set()
    while len(seen) < 3 and process.poll() is None:  # each checkpoint is another file
        with suppress(FileNotFoundError):
            seen.add(Path("run.impasto").stat().st_mtime_ns)
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not Path("out.png").exists()
    assert run(["resume", "run.impasto"]) == 0
    assert Path("out.png").read_bytes() == whole


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM there")
def test_sigterm_keeps_the_best_picture_and_says_how_to_go_on() -> None:
    process = start("--steps", "100000", "--checkpoint", "run.impasto")
    assert process.stderr is not None
    while process.poll() is None and "step 1/" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert f"To continue: impasto resume {Path('run.impasto').absolute()}" in said
    with Image.open("out.png") as image:
        assert image.size == (WIDTH, HEIGHT)


@pytest.mark.skipif(os.name == "nt", reason="no such limits there")
def test_a_full_disk_costs_the_checkpoint_and_not_the_picture() -> None:
    """A limit on the size of files stands in for a disk that is full."""
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)); "
        "from impasto.cli.app import run; sys.exit(run(sys.argv[1:]))"
    )
    flags = ("--steps", "5", "--checkpoint", "run.impasto", "--checkpoint-every", "0")
    done = subprocess.run(
        [sys.executable, "-c", limited, *command(*flags)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The run is no longer saved" in done.stderr
    with Image.open("out.png") as image:
        image.load()
    assert not list(Path().glob(".*.part"))


def test_resume_writes_everything_the_run_was_to_write() -> None:
    flags = ("--steps", "5", "--trace", "run.jsonl", "--montage", "montage.png")
    assert run(command(*flags, "--checkpoint", "run.impasto")) == 0
    names = ("out.png", "montage.png")
    whole = {name: Path(name).read_bytes() for name in names}
    for name in (*names, "run.jsonl"):
        Path(name).unlink()
    assert run(["resume", "run.impasto"]) == 0
    assert {name: Path(name).read_bytes() for name in names} == whole
    assert len(Path("run.jsonl").read_text().splitlines()) == 1 + 5 + 1


def test_an_output_folder_that_went_away_costs_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("folder").mkdir()
    flags = command("--steps", "3", "--checkpoint", "run.impasto")
    flags[flags.index("out.png")] = "folder/out.png"
    paint_run = Run.paint

    def paint(made: Run, on_step: Any = None) -> Result:
        Path("folder").rmdir()
        return paint_run(made, on_step)

    monkeypatch.setattr(Run, "paint", paint)
    assert run(flags) == 2
    said = capsys.readouterr().err
    assert "The painting is not lost: impasto resume" in said
    assert "There is no folder 'folder'" in said
    monkeypatch.setattr(Run, "paint", paint_run)
    assert run(["resume", "run.impasto", "-o", "other.png"]) == 0
    assert Path("other.png").exists()


def test_resume_goes_on_without_what_can_be_written_no_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("folder").mkdir()
    flags = ("--steps", "3", "--montage", "folder/montage.png", "--checkpoint", "run.impasto")
    assert run(command(*flags)) == 0
    Path("folder/montage.png").unlink()
    Path("folder").rmdir()
    Path("out.png").unlink()
    assert run(["resume", "run.impasto"]) == 0
    assert "Continuing without --montage. There is no folder" in capsys.readouterr().err
    assert Path("out.png").exists()


def test_a_run_that_can_be_gone_on_with_is_not_replaced(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paint(lambda _: False)
    unfinished = Path("run.impasto").read_bytes()
    assert run(command("--steps", "1", "--checkpoint", "run.impasto")) == 2
    assert "holds an unfinished run" in capsys.readouterr().err
    with pytest.raises(InputError, match="holds an unfinished run"):
        paint()
    assert Path("run.impasto").read_bytes() == unfinished
    Path("run.impasto").unlink()
    paint()
    paint()  # over one that is done


def test_a_run_that_another_version_can_go_on_with_is_not_replaced(saved: bytes) -> None:
    rewrite(lambda state, _: state.update({"a setting of that version": 1}))
    unfinished = Path("run.impasto").read_bytes()
    with pytest.raises(InputError, match="holds an unfinished run"):
        paint()
    assert Path("run.impasto").read_bytes() == unfinished


def test_a_run_that_is_stopped_as_the_stand_in_gives_way_goes_on_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings: dict[str, Any] = {"levels": 1, "steps": 8, "balance": "absolute", "beta": 1000.0}
    monkeypatch.setattr(runs, "brings_little", lambda losses: len(losses) >= 3)
    whole = paint(**settings)
    Path("run.impasto").unlink()
    evaluate, count = Evaluator.__call__, 0

    def stopped_once(self: Evaluator, canvas: torch.Tensor, **given: Any) -> Evaluation:
        nonlocal count
        count += 1
        if count == 4:
            raise StoppedError
        return evaluate(self, canvas, **given)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "__call__", stopped_once)
        assert len(paint(**settings).history) == 3
    resumed = impasto.resume("run.impasto")
    assert resumed.canvas.tobytes() == whole.canvas.tobytes()


def test_the_device_of_a_run_is_not_changed(capsys: pytest.CaptureFixture[str]) -> None:
    paint(lambda _: False)
    assert run(["resume", "run.impasto", "--device", "cuda"]) == 2
    assert "continues on the device that it began with" in capsys.readouterr().err


def test_a_run_of_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    paint(lambda _: False)
    monkeypatch.setattr("impasto.network.devices.is_offered", lambda _: False)
    with pytest.raises(InputError, match="uses the device 'cpu', which this machine does not have"):
        impasto.resume("run.impasto")


def test_resume_under_another_name() -> None:
    assert run(command("--steps", "3", "--checkpoint", "run.impasto")) == 0
    whole = Path("out.png").read_bytes()
    Path("out.png").unlink()
    assert run(["resume", "run.impasto", "-o", "other.png"]) == 0
    assert Path("other.png").read_bytes() == whole
    assert not Path("out.png").exists()


def test_a_run_begun_from_python_needs_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    paint(lambda _: False)
    assert run(["resume", "run.impasto"]) == 2
    assert "name one with --output" in capsys.readouterr().err
    assert run(["resume", "run.impasto", "-o", "out.png"]) == 0


def test_a_long_run_is_saved_without_being_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cache_folder: Path
) -> None:
    monkeypatch.setattr("impasto.cli.session.LONG", 0.0)
    monkeypatch.setattr("impasto.cli.session.MANY_PIXELS", 0.0)
    seen: list[Path] = []
    record = checkpoint.write

    def write(path: Path, *state: Any) -> None:
        seen.append(path)
        record(path, *state)

    monkeypatch.setattr("impasto.run.checkpoint.write", write)
    assert run(command("--steps", "3")) == 0
    assert seen[0].is_relative_to(cache_folder)
    assert f"impasto resume {seen[0]}" in capsys.readouterr().err
    assert not seen[0].exists()  # a run that is done needs it no longer
    paint(lambda _: False)
    Path("run.impasto").rename(seen[0])
    assert run(command("--steps", "3")) == 0
    assert f"was interrupted; to continue it: impasto resume {seen[0]}" in capsys.readouterr().err
    assert seen[0].exists()
    assert seen[-1] != seen[0]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--checkpoint", "missing/run.impasto"), "There is no folder 'missing'"),
        (("--checkpoint", "out.png"), "'out.png' is another output"),
        (("--checkpoint", "style.png"), "'style.png' is an input"),
        (("--initial", "a.png", "--checkpoint", "a.png"), "'a.png' is an input"),
        (("--weights", "a.h5", "--checkpoint", "a.h5"), "'a.h5' is an input"),
        (("--checkpoint", "a", "--checkpoint-every", "-1"), "saved every -1.0 seconds"),
        (("--checkpoint-every", "nan"), "saved every nan seconds"),
    ],
)
def test_a_checkpoint_that_cannot_be(
    flags: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command("--steps", "1", *flags)) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert "Traceback" not in error
    assert not Path("out.png").exists()


# ------------------------------------------------------------------------------------- dry run


def test_a_dry_run_says_what_it_would_take_and_paints_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(command("--steps", "40", "--tile", "64", "--dry-run")) == 0
    said = capsys.readouterr().out
    assert f"{WIDTH}×{HEIGHT} pixels in 4 tiles of 64, 40 steps at 2 levels" in said
    assert " GB." in said
    assert "64×48" in said
    assert sorted(path.name for path in Path().iterdir()) == ["content.png", "style.png"]


# ------------------------------------------------------------------------------------- memory


@pytest.mark.usefixtures("plain_cpu")
@pytest.mark.parametrize(("precision", "steps"), [("float64", 4), ("auto", 2)])
def test_a_run_that_is_short_of_memory_goes_on_in_smaller_tiles(
    monkeypatch: pytest.MonkeyPatch, precision: str, steps: int
) -> None:
    exact = recipe(levels=1, steps=steps, precision=precision)
    made = prepare("content.png", "style.png", exact, device="cpu")
    whole = prepare("content.png", "style.png", exact, device="cpu").paint()

    def scarce(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(
        impasto.objective.objective.Objective, "features_of", scarce
    )  # at a whole picture
    with pytest.warns(ImpastoWarning, match="continuing with tiles of 64"):
        result = made.paint()
    assert result.stopped is None
    np.testing.assert_allclose(result.canvas, whole.canvas, atol=0.05)


def test_a_loss_is_not_compared_with_an_estimate_that_went_with_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fast = Recipe.preset("gatys-fast", size=(WIDTH, HEIGHT), levels=1)
    made = prepare("content.png", "style.png", fast, device="cpu")
    made.evaluator.enter(made.levels[0], made.first_canvas)
    canvas, deferred = made.first_canvas, made.evaluator.deferred
    assert deferred is not None
    while deferred.age == 0:
        deferred.patience = 2
        assert made.evaluator(canvas, exactly=False).is_comparable
    features_of = impasto.objective.objective.Objective.features_of

    def scarce(objective: Any, *args: Any, **kwargs: Any) -> Any:
        if len(objective.tiles) == 1:
            raise MemoryError
        return features_of(objective, *args, **kwargs)

    monkeypatch.setattr(impasto.objective.objective.Objective, "features_of", scarce)
    with pytest.warns(ImpastoWarning, match="continuing with tiles of 64"):
        measured = made.evaluator(canvas, exactly=False)
    assert not measured.is_comparable
    assert made.evaluator(canvas, exactly=False).is_comparable


LITTLE_MEMORY = """
import resource, sys, warnings
from impasto import Recipe
from impasto.network import devices
from impasto.run.prepare import prepare
devices.multiplies_bfloat16 = lambda _: False  # how much memory is too little depends on it
layers = {"content_layers": "conv2_1", "style_layers": "conv1_1"}
recipe = Recipe(size=512, levels=1, steps=1, tile="off", **layers)
made = prepare("content.png", "style.png", recipe, device="cpu")
taken = 4096 * int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (taken + 80_000_000, resource.RLIM_INFINITY))
made.paint()
print(made.evaluator.tiles)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process to its memory")
def test_a_run_whose_memory_the_system_limits_goes_on_in_smaller_tiles() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Memory ran out at 512×384 pixels; continuing with tiles of 256" in done.stderr
    assert done.stdout != "[None]\n"


def test_where_no_tile_is_small_enough_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = prepare("content.png", "style.png", recipe(levels=1, steps=4), device="cpu")

    def none(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(VGG, "statistics", none)
    with (
        pytest.warns(ImpastoWarning, match="continuing with tiles"),
        pytest.raises(impasto.RunError, match="Memory ran out at 128×96 pixels"),
    ):
        made.paint()
