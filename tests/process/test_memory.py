"""Memory that runs out anywhere: the painting is there, or one sentence."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import impasto
from impasto import Recipe, RunError, stylize
from impasto.cli.app import run
from impasto.process.memory import is_out_of_memory
from impasto.run.prepare import prepare
from impasto.run.saving import save_to

pytestmark = [
    pytest.mark.usefixtures("small_pictures"),
    pytest.mark.filterwarnings("ignore::impasto.errors.ImpastoWarning"),
]

WORDINGS: list[Exception] = [
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 9 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("[enforce fail at alloc_cpu.cpp:75] data. DefaultCPUAllocator: not enough memory"),
    RuntimeError("could not create a primitive"),
    RuntimeError("could not create a memory object"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("MPS backend out of memory (MPS allocated: 18.13 GB)"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("can't start new thread"),
    MemoryError("std::bad_alloc"),
    MemoryError("Unable to allocate 1.00 TiB for an array with shape (1, 2) and data type float64"),
    OSError(12, "Cannot allocate memory"),
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
]


def anew(error: Exception) -> Exception:
    """The same error, which holds on to no frame and what lies there."""
    return type(error)(*error.args)


class Starving(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails at one operation of PyTorch's, counted from the first, and at all that follow."""

    def __init__(self, number: float, error: Exception, *, once: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.number, self.error, self.once, self.count = number, error, once, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        if self.count == self.number or (self.count > self.number and not self.once):
            raise anew(self.error)
        return func(*args, **(kwargs or {}))


FLAGS = ["--size", "64", "--levels", "1", "--device", "cpu", "--threads", "1"]
SHALLOW = ["--style-layers", "conv1_1,conv2_1", "--content-layers", "conv1_1,conv2_2"]
COMMANDS = {
    "default": ["--steps", "3", *SHALLOW],
    "gatys-fast": ["--preset", "gatys-fast", "--steps", "4", *SHALLOW],
    "levels": ["--size", "112", "--levels", "2", "--steps", "3", *SHALLOW, "--optimizer", "adam"],
    "plain": ["--precision", "float32", "--color", "match", "--steps", "2", *SHALLOW],
    "saved": ["--checkpoint", "run.impasto", "--checkpoint-every", "0", "--steps", "2", *SHALLOW],
}


def painted(flags: list[str]) -> int:
    return run(["stylize", "content.png", "style.png", "-o", "out.png", *FLAGS, *flags])


@pytest.mark.usefixtures("prepared_anew")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_wherever_memory_runs_out_there_is_a_painting_or_one_sentence(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Starving(float("inf"), MemoryError()) as counted:
        assert painted(command) == 0
    capsys.readouterr()
    numbers = sorted({*range(1, counted.count, max(1, counted.count // 12)), counted.count})
    for index, number in enumerate(numbers):
        for name in ("out.png", "run.impasto"):
            Path(name).unlink(missing_ok=True)
        error = WORDINGS[index % len(WORDINGS)]
        with Starving(number, error, once=index % 2 == 0):
            code = painted(command)
        told = capsys.readouterr().err
        assert "Traceback" not in told
        assert code == (0 if Path("out.png").exists() else 1), (number, error)
        if code:
            assert told.splitlines()[-1].startswith("impasto: Memory ran out"), (number, error)


@pytest.mark.parametrize("error", WORDINGS, ids=lambda error: str(error)[-24:])
def test_every_library_s_words_for_it_are_known(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def starve(*_: Any, **__: Any) -> None:
        raise anew(error)

    assert is_out_of_memory(error)
    shallow = {"content_layers": "conv1_2", "style_layers": "conv1_1"}
    recipe = Recipe(size=32, levels=1, steps=3, **shallow)
    for place in (
        "network.vgg.VGG.__init__",
        "objective.objective.Objective.__init__",
        "optim.preconditioner.Spectrum.learn",
        "run.canvas.Canvases.to_pixels",
        "run.evaluator.Evaluator.__init__",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"impasto.{place}", starve)
            with pytest.raises(RunError, match="Memory ran out"):
                stylize("content.png", "style.png", recipe, device="cpu")


def test_a_result_that_does_not_fit_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    result = stylize("content.png", "style.png", Recipe(size=48, levels=1, steps=1), device="cpu")

    def starve(*_: Any) -> None:
        np.empty(2**50)

    monkeypatch.setattr("impasto.pictures.arrays.to_uint8", starve)
    with pytest.raises(RunError, match="Memory ran out"):
        _ = result.image
    with pytest.raises(RunError, match="Memory ran out"):
        result.save("out.png")
    assert not Path("out.png").exists()


def test_a_checkpoint_that_does_not_fit_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def starve(*_: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    made = prepare("content.png", "style.png", Recipe(size=48, levels=1, steps=2), device="cpu")
    save_to(made, "run.impasto", 0.0)
    monkeypatch.setattr("impasto.run.checkpoint.write", starve)
    with pytest.warns(impasto.errors.ImpastoWarning, match="no longer saved"):
        assert len(made.paint().history) == 2


@pytest.mark.parametrize("message", ["shapes differ", "expected all tensors on one device"])
def test_another_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr("impasto.network.vgg.VGG.__init__", fail)
    with pytest.raises(RuntimeError, match=message):
        stylize("content.png", "style.png", Recipe(size=64, levels=1), device="cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.parametrize("megabytes", [8, 60, 150, 250])
def test_a_process_with_little_address_space_paints_or_says_one_sentence(megabytes: int) -> None:
    code = f"""
        import resource, sys
        import psutil, torch
        from impasto.pictures import images
        import impasto.run.stylize
        from impasto.cli.app import run
        torch.set_num_threads(1)
        images.read("content.png")
        most = psutil.Process().memory_info().vms + {megabytes} * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        sys.exit(run(["stylize", "content.png", "style.png", "-o", "out.png", "--size", "512",
                      "--levels", "1", "--steps", "1", "--device", "cpu", "--threads", "1"]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert done.stderr.splitlines()[-1].startswith("impasto: Memory ran out"), done.stderr
