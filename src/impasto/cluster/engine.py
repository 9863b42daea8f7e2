"""The connection to Ray, which is imported only here and only when a cluster is asked for."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from impasto.errors import InputError, RunError
from impasto.files.reading import reason_of
from impasto.process import interrupts

LOCAL = "local"  # the address of a cluster that is made of this machine
REACHED = 10.0  # seconds in which a cluster has to answer
ASKING = 0.2  # seconds between two questions whether the work was interrupted
EXTRA = "impasto[cluster]"


@dataclass(frozen=True)
class Needs:
    """What a worker, or the task of a painting, needs of a node.

    Attributes:
        cpus: number of CPU cores, and of threads.
        gpus: number of GPUs, 0 or 1.
    """

    cpus: int = 1
    gpus: int = 0

    @property
    def device(self) -> str:
        """The device that computes: ``cuda`` or ``cpu``."""
        return "cuda" if self.gpus else "cpu"

    def options(self) -> dict[str, float]:
        """The needs as Ray's options."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus}


def ray() -> Any:
    """The module of Ray.

    Raises:
        InputError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise InputError("cluster.not-installed", extra=EXTRA) from None


@contextmanager
def connected(address: str, cpus: int | None = None) -> Iterator[None]:
    """A context that is connected to a cluster.

    A connection that the program has already is used, and kept.

    Args:
        address: ``local`` for this machine alone, ``auto`` for the cluster that this machine
            belongs to, or the address of a cluster, such as ``10.0.0.1:6379`` or
            ``ray://10.0.0.1:10001``.
        cpus: for ``local``, the number of CPU cores; None for all.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
        RunError: Ray could not start on this machine.
    """
    engine = ray()
    if engine.is_initialized():
        yield
        return
    _check_reachable(address)
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == LOCAL:
            engine.init("local", num_cpus=cpus, include_dashboard=False, **quiet)
        else:
            engine.init(address, **quiet)
    except Exception as error:  # Ray raises that itself if a node does not start in time
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if address == LOCAL:
            raise RunError("cluster.not-started", reason=reason) from None
        raise InputError("cluster.no-cluster", address=address, reason=reason) from None
    try:
        yield
    finally:
        engine.shutdown()


def _check_reachable(address: str) -> None:
    """Make sure that something answers at an address, which Ray itself would try for minutes.

    Raises:
        InputError: nothing does.
    """
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), REACHED):
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise InputError("cluster.no-cluster", address=address, reason=reason_of(error)) from None


def needs_for(device: str, threads: int | None) -> Needs:
    """What each worker of the connected cluster needs.

    Args:
        device: ``auto``, which is a GPU if the cluster has any; ``cpu`` or ``cuda``.
        threads: number of CPU threads of each worker; None for one.

    Raises:
        InputError: the cluster has no such device.
    """
    gpus = ray().cluster_resources().get("GPU", 0)
    kind = device.strip().lower()
    if kind not in ("auto", "cpu", "cuda"):
        raise InputError("cluster.device", device=device, devices=("auto", "cpu", "cuda"))
    if kind == "cuda" and not gpus:
        raise InputError("cluster.no-gpu")
    return Needs(threads or 1, int(bool(gpus) and kind != "cpu"))


def workers_for(needs: Needs, wanted: int | None) -> int:
    """The number of workers: as many as wanted, or as the connected cluster has room for."""
    if wanted is not None:
        return wanted
    total = ray().cluster_resources()
    room = total.get("CPU", 0) // needs.cpus
    return max(1, int(min(room, total.get("GPU", 0)) if needs.gpus else room))


def results(references: Sequence[Any]) -> list[Any]:
    """Wait for results of Ray, unless the work is asked to end.

    Raises:
        StoppedError: it was.
        Exception: what failed; see :func:`is_lost`.
    """
    engine, waiting = ray(), list(references)
    while waiting:
        _, waiting = engine.wait(waiting, num_returns=len(waiting), timeout=ASKING)
        interrupts.check()
    return list(engine.get(list(references)))


def is_lost(error: Exception) -> bool:
    """Whether an error says that a worker, a node or what they held is gone."""
    kinds = ray().exceptions
    gone = (
        kinds.RayActorError,
        kinds.ObjectLostError,
        kinds.WorkerCrashedError,
        kinds.NodeDiedError,
        kinds.OutOfMemoryError,
    )
    return isinstance(error, gone) or isinstance(getattr(error, "cause", None), gone)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that Ray ended a worker because its node ran out of memory."""
    return isinstance(error, ray().exceptions.OutOfMemoryError)


def too_few(ready: int, count: int, needs: Needs, seconds: float) -> RunError:
    """The error that only some of the workers have started."""
    total = ray().cluster_resources()
    has = {"cpus": int(total.get("CPU", 0)), "gpus": int(total.get("GPU", 0))}
    asked = {"threads": needs.cpus, "device": needs.device}
    return RunError("cluster.too-few", ready=ready, count=count, seconds=seconds, **asked, **has)
