"""Pictures and canvases that a formula makes, for every test that needs some."""

from __future__ import annotations

import functools
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Read when PyTorch is loaded, here and by what tests start: where tests run side by side, each has
# one thread, and threads that wait leave their cores to others. A worker's environment is that of
# the process that started it, which has set a number for itself.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "2")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

# Signals mean what they mean at a terminal, here and for what tests start, also where the suite
# runs in the background or under nohup, whose processes ignore them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

import numpy as np
import numpy.typing as npt
import pytest
import torch
import typer
from hypothesis import settings
from PIL import Image
from torch import Tensor

from impasto.network import devices
from impasto.network.trunk import Trunk
from impasto.network.weights import Tables, Weights
from impasto.network.weights import load as load_weights
from impasto.objective import losses, registered
from impasto.optim import optimizer
from impasto.run import estimate
from impasto.settings import loss_table, values

# A busy machine is no failure; a build sees the same examples each time, a person new ones.
settings.register_profile("impasto", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("impasto")

MEAN = np.array([123.68, 116.779, 103.939])
THREADS = int(os.environ["OMP_NUM_THREADS"])
NUMBERS = itertools.count()
UNPACK, PREPARE = Tables.__getitem__, Trunk._convolution


@pytest.fixture(autouse=True)
def _same_threads() -> None:
    torch.set_num_threads(THREADS)


@pytest.fixture
def plain_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of ``auto`` is float32, also where the CPU has units for bfloat16."""
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda _: False)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Checkpoints of runs that take long go to a folder of the test's, made when it is needed."""
    folder = tmp_path_factory.getbasetemp() / f"cache-{next(NUMBERS)}"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True, scope="session")
def _prepared_once() -> Iterator[None]:
    """What every painting prepares anew is prepared once in a process.

    That is the parser of the command line, and the kernels of the bundled weights, unpacked and in
    the form that the convolutions on a CPU take. For a small picture, they are half of the work.
    And the pace of a run is measured with a small picture.
    """

    def unpack_once(self: Tables, name: str) -> tuple[Tensor, Tensor]:
        kept: dict[str, tuple[Tensor, Tensor]] = vars(self).setdefault("unpacked", {})
        if name not in kept:
            kept[name] = UNPACK(self, name)
        return kept[name]

    def prepare_once(self: Trunk, name: str) -> Any:
        if not isinstance(self._given, Tables):
            return PREPARE(self, name)
        kept = vars(self._given).setdefault("prepared", {})
        key = name, self._way
        if key not in kept:
            kept[key] = PREPARE(self, name)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        patch.setattr(Tables, "__getitem__", unpack_once)
        patch.setattr(Trunk, "_convolution", prepare_once)
        patch.setattr(estimate, "PROBE", 64)
        yield


@pytest.fixture
def prepared_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are unpacked and prepared by every painting, as they are outside of the tests."""
    monkeypatch.setattr(Tables, "__getitem__", UNPACK)
    monkeypatch.setattr(Trunk, "_convolution", PREPARE)


@pytest.fixture
def small_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs in a folder with ``content.png`` and ``style.png``, 64×48 pixels each."""
    monkeypatch.chdir(tmp_path)
    save_small_pictures()


@pytest.fixture(scope="session")
def weights() -> Weights:
    return load_weights()


def save_small_pictures() -> None:
    """Write ``content.png`` and ``style.png`` into the current folder, 64×48 pixels each."""
    Image.fromarray(content_pixels(48, 64)).save("content.png")
    Image.fromarray(style_pixels(48, 64)).save("style.png")


TABLES: tuple[Any, ...] = (
    *(losses.STYLE_LOSSES, losses.CONTENT_LOSSES),
    *(loss_table.STYLE_LOSSES, loss_table.CONTENT_LOSSES),
    *(values.OPTIMIZERS, optimizer.REGISTERED),
    *(registered.OWN_STYLE_LOSSES, registered.OWN_CONTENT_LOSSES),
)


@pytest.fixture
def own_parts() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = [table.copy() for table in TABLES]
    yield
    for table, kept in zip(TABLES, before, strict=True):
        table.clear()
        table.update(kept)


def content_pixels(height: int = 96, width: int = 128) -> npt.NDArray[np.uint8]:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    values = np.rint(127.5 + 127.5 * np.sin(0.07 * (c + 1) * x + 0.05 * y))
    return np.asarray(values, dtype=np.uint8)


def style_pixels(height: int = 96, width: int = 128) -> npt.NDArray[np.uint8]:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    values = np.rint(127.5 + 127.5 * np.cos(0.11 * x - 0.09 * (c + 1) * y))
    return np.asarray(values, dtype=np.uint8)


def noisy_canvas(height: int = 96, width: int = 128) -> npt.NDArray[np.float64]:
    """The first canvas of the golden run, RGB 0…255."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    noise = (7 * x + 13 * y + 29 * c) % 41 - 20.0
    canvas = 0.7 * noise + 0.3 * (content_pixels(height, width) - MEAN) + MEAN
    return np.asarray(canvas, dtype=np.float64)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of three nodes of one core each on this machine, to which Ray is connected.

    The first node takes part in the work; the others may die.
    """
    pytest.importorskip("ray")
    from impasto.cluster.engine import ray

    engine = ray()
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    head = {
        **node,
        "include_dashboard": False,
        "_system_config": {"memory_monitor_refresh_ms": 0},  # others may fill the memory meanwhile
    }
    made = _tried(lambda: Cluster(initialize_head=True, head_node_args=head))
    for _ in range(2):
        _tried(lambda: made.add_node(**node))
    engine.init(made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    engine.shutdown()
    made.shutdown()


def _tried(start: Callable[[], Any]) -> Any:
    """Start a node; Ray gives up after half a minute, which a busy machine may take."""
    for _ in range(2):
        try:
            return start()
        except Exception:
            continue
    return start()
