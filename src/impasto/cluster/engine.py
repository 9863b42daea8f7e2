"""The connection to Ray, which is imported only here and only when a cluster is asked for."""

from __future__ import annotations

import importlib
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from impasto.errors import InputError, RunError
from impasto.files.reading import reason_of
from impasto.messages.message import Message
from impasto.process import interrupts, memory
from impasto.process.global_state import unwarned
from impasto.process.notices import tell

LOCAL = "local"  # the address of a cluster that is made of this machine
REACHED = 10.0  # seconds in which a cluster has to answer
STDERR = 2  # the file descriptor, which libraries in C++ use
SOON = 20.0  # seconds after which a notice says that nothing has started
ASKING = 0.2  # seconds between two questions whether the work was interrupted
EXTRA = "impasto[cluster]"
ENVIRONMENT = {  # of Ray, as far as the user has not set it
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# What an HTTP/2 client says first, with no settings; a server, as Ray's are, answers with its own.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
SETTINGS = b"\x04"  # the type of such an answer, its fourth byte


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
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise InputError("cluster.not-installed", extra=EXTRA) from None


@contextmanager
def connected(
    address: str, workers: int | None = None, threads: int | None = None
) -> Iterator[None]:
    """A context that is connected to a cluster.

    A connection that the program has already is used, and kept.

    Args:
        address: ``local`` for this machine alone, ``auto`` for the cluster that this machine
            belongs to, or the address of a cluster, such as ``10.0.0.1:6379`` or
            ``ray://10.0.0.1:10001``.
        workers: for ``local``, the number of workers; None for as many as there are CPU cores for.
        threads: for ``local``, the number of CPU threads of each worker; None for one.

    Raises:
        InputError: Ray is not installed, there is no such cluster, or this machine lacks the memory
            for so many workers.
        RunError: Ray could not start on this machine.
    """
    engine = ray()
    if engine.is_initialized():
        yield
        return
    _check_reachable(address)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        _check_memory(workers or 1)
        options.update(num_cpus=_cores(workers, threads), include_dashboard=False)
    try:
        with unwarned(), _signals_kept(), _unheard():
            engine.init(address, **options)
    except Exception as error:  # Ray raises that itself if a node does not start in time
        reason = told_by(error)
        if address == LOCAL:
            raise RunError("cluster.not-started", reason=reason) from None
        if address == "auto" and isinstance(error, ConnectionError) and error.__cause__ is None:
            raise InputError("cluster.none-here") from None
        raise InputError("cluster.not-connected", address=address, reason=reason) from None
    _silence()
    if address == "auto":
        _tell_which()
    try:
        yield
    finally:
        engine.shutdown()


def _tell_which() -> None:
    """Tell which cluster is used if several run on this machine, as Ray's own warning does."""
    if os.environ.get("RAY_ADDRESS"):  # the user has chosen
        return
    services: Any = importlib.import_module("ray._private.services")
    addresses = tuple(sorted(services.find_gcs_addresses()))
    if len(addresses) > 1:
        used = ray().get_runtime_context().gcs_address
        tell(Message("cluster.several", addresses=addresses, address=used))


@contextmanager
def _unheard() -> Iterator[None]:
    """A context in which standard error drops what Ray's libraries write, once for each try."""
    try:
        kept = os.dup(STDERR)
    except OSError:  # it is closed
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), STDERR)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)


def _silence() -> None:
    """Keep what nodes report, such as a worker that died, from standard output; notices tell it."""
    worker: Any = importlib.import_module("ray._private.worker")
    worker.print_to_stdstream = lambda *_, **__: None


def told_by(error: Exception) -> str:
    """What an error of Ray says, without the advice that follows its first sentence."""
    first, _, _ = " ".join(str(error).split()).partition(". ")
    return first.rstrip(".")[:200] or type(error).__name__


@contextmanager
def _signals_kept() -> Iterator[None]:
    """A context after which signals are handled as before; Ray prints the stack on a SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            if handler is not None:
                signal.signal(one, handler)


def _check_reachable(address: str) -> None:
    """Make sure that Ray may be at an address, which Ray itself would try for minutes.

    Raises:
        InputError: it is no address, nothing answers, or something else than Ray.
    """
    if address in (LOCAL, "auto"):
        return
    try:
        with socket.create_connection(host_and_port(address), REACHED) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return
            connection.sendall(GREETING)
            answer = connection.recv(9)
    except OSError as error:
        raise InputError("cluster.no-cluster", address=address, reason=reason_of(error)) from None
    if answer[3:4] != SETTINGS:
        raise InputError("cluster.not-ray", address=address)


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of the address of a cluster.

    >>> host_and_port("10.0.0.1:6379")
    ('10.0.0.1', 6379)
    >>> host_and_port("ray://[::1]:10001")
    ('::1', 10001)

    Raises:
        InputError: it is no such address.
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:  # the port is no number below 65536
        host = port = None
    if not host or not port or parts.scheme not in ("", "ray"):
        raise InputError("cluster.address", address=address)
    return host, port


def _check_memory(workers: int) -> None:
    """Make sure that this machine has the memory for some workers.

    Raises:
        InputError: it has not.
    """
    import torch

    from impasto.network.devices import Arithmetic
    from impasto.run.memory_need import worker_bytes
    from impasto.settings.layers import LAYERS

    each = worker_bytes(LAYERS, Arithmetic(torch.float32, by_rows=True))
    free = memory.free()
    most = max(1, int(free / each))
    if workers > most:
        values = {"needed": workers * each / 1e9, "free": free / 1e9}
        raise InputError("cluster.too-many", count=workers, most=most, **values)


def _cores(workers: int | None, threads: int | None) -> int | None:
    """The number of CPU cores of a cluster that is this machine; None for those that there are."""
    if workers is not None:
        return workers * (threads or 1)
    return threads if threads is not None and threads > (os.cpu_count() or 1) else None


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
    waited_for(references)
    return list(ray().get(list(references)))


def waited_for(references: Sequence[Any], seconds: float = math.inf) -> list[Any]:
    """Wait for results of Ray, unless the work is asked to end; those that are not there in time.

    Raises:
        StoppedError: it was.
    """
    engine, waiting, until = ray(), list(references), time.monotonic() + seconds
    while waiting and time.monotonic() < until:
        _, waiting = engine.wait(waiting, num_returns=len(waiting), timeout=ASKING)
        interrupts.check()
    return waiting


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


def starting(ready: int, count: int, needs: Needs, seconds: float) -> Message:
    """The notice that only some of the workers have started, and are waited for."""
    values = {"ready": ready, "count": count, "seconds": seconds}
    return Message("cluster.starting", **values, **_asked(needs))


def waiting_for_room(needs: Needs) -> Message:
    """The notice that tasks of paintings wait for room on the cluster."""
    return Message("cluster.waiting", **_asked(needs))


def too_few(ready: int, count: int, needs: Needs, seconds: float) -> RunError:
    """The error that only some of the workers have started."""
    return RunError("cluster.too-few", ready=ready, count=count, seconds=seconds, **_asked(needs))


def _asked(needs: Needs) -> dict[str, Any]:
    """What each worker needs and what the cluster has, as values of messages."""
    total = ray().cluster_resources()
    return {
        "threads": needs.cpus,
        "device": needs.device,
        "cpus": int(total.get("CPU", 0)),
        "gpus": int(total.get("GPU", 0)),
    }
