"""The nodes of a cluster: what they have, and whether their versions agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from impasto.cluster.engine import Needs, ray, results, waited_for
from impasto.errors import InputError, RunError

ANSWER = 60.0  # seconds in which a node has to say what it has
COMPARED = ("impasto", "torch", "numpy", "ray")  # whose versions change paintings, or the protocol


@dataclass(frozen=True)
class Node:
    """A node of the connected cluster.

    Attributes:
        name: its host name or address.
        cpus: number of CPU cores that Ray uses.
        gpus: number of GPUs that Ray uses.
        memory: bytes of memory that Ray gives to workers.
        devices: names of its GPUs, or the processor's.
        versions: versions of Python and of :data:`COMPARED`, by name; None for what it lacks.
    """

    name: str
    cpus: int
    gpus: int
    memory: float
    devices: tuple[str, ...]
    versions: Mapping[str, str | None]


@dataclass(frozen=True)
class Gpu:
    """A GPU of the cluster.

    Attributes:
        free: bytes of memory that are free.
        has_bfloat16: whether it has units for bfloat16.
    """

    free: float
    has_bfloat16: bool


def alive() -> list[dict[str, Any]]:
    """What Ray knows of each node that is alive."""
    return [node for node in ray().nodes() if node["Alive"]]


def found() -> list[Node]:
    """Ask every node of the connected cluster what it has.

    Raises:
        RunError: a node did not answer in a minute.
    """
    nodes = alive()
    return [
        Node(
            name=_name_of(node),
            cpus=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
            memory=node["Resources"].get("memory", 0.0),
            devices=tuple(names),
            versions=versions,
        )
        for node, (names, versions) in zip(nodes, _answers(nodes, _report(COMPARED)), strict=True)
    ]


def _answers(nodes: Sequence[Mapping[str, Any]], question: Callable[[], Any]) -> list[Any]:
    """What a function returns on each of some nodes.

    Raises:
        RunError: a node did not answer in a minute.
    """
    engine = ray()
    strategy = engine.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    ask = engine.remote(num_cpus=0, max_retries=0)(question)
    asked = [
        ask.options(scheduling_strategy=strategy(node["NodeID"], soft=False)).remote()
        for node in nodes
    ]
    late = [_name_of(nodes[asked.index(one)]) for one in waited_for(asked, ANSWER)]
    if late:
        raise RunError("cluster.no-answer", nodes=tuple(late), seconds=ANSWER)
    return results(asked)


def _name_of(node: Mapping[str, Any]) -> str:
    return str(node["NodeManagerHostname"] or node["NodeManagerAddress"])


def _report(packages: Sequence[str]) -> Callable[[], tuple[list[str], dict[str, str | None]]]:
    """A function that tells what a node has, and the versions of some packages.

    Ray sends it as code rather than by name, so that a node without impasto can answer too.
    """

    def report() -> tuple[list[str], dict[str, str | None]]:
        import importlib.metadata
        import platform
        import shutil
        import subprocess

        versions: dict[str, str | None] = {"python": platform.python_version()}
        for name in packages:
            try:
                versions[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                versions[name] = None
        names = [platform.processor() or platform.machine()]
        tool = shutil.which("nvidia-smi")
        if tool is not None:
            asked = [tool, "--query-gpu=name", "--format=csv,noheader"]
            told = subprocess.run(  # noqa: S603
                asked, capture_output=True, text=True, timeout=30, check=False
            )
            names = told.stdout.split("\n")[:-1] or names
        return names, versions

    return report


def differing(nodes: Sequence[Node]) -> dict[str, list[str]]:
    """The versions of what is not the same on all nodes, by name.

    >>> one = Node("a", 1, 0, 1e9, ("cpu",), {"torch": "2.13.0", "ray": "2.60.0"})
    >>> other = Node("b", 1, 0, 1e9, ("cpu",), {"torch": "2.12.0", "ray": "2.60.0"})
    >>> differing([one, other])
    {'torch': ['2.12.0', '2.13.0']}
    """
    names = dict.fromkeys(name for node in nodes for name in node.versions)
    seen = {name: sorted({node.versions.get(name) or "none" for node in nodes}) for name in names}
    return {name: versions for name, versions in seen.items() if len(versions) > 1}


def check_versions(nodes: Sequence[Node]) -> None:
    """Make sure that all nodes have the same versions.

    Raises:
        InputError: they have not.
    """
    for name, versions in differing(nodes).items():
        of = [f"{node.name}: {node.versions.get(name) or 'none'}" for node in nodes]
        if len(versions) > 1:
            raise InputError("cluster.versions", package=name, nodes=tuple(dict.fromkeys(of)))


def memory_of_workers(needs: Needs) -> float:
    """Bytes of memory that each worker has, on the node where they have the least."""
    rooms = [
        node["Resources"].get("memory", 0.0) / max(1, node["Resources"]["CPU"] // needs.cpus)
        for node in _with_room(needs)
    ]
    return min(rooms, default=0.0)


def cpus_multiply_bfloat16(needs: Needs) -> bool:
    """Whether bfloat16 is fast on this machine's CPU and on every node with room for a worker.

    Raises:
        RunError: a node did not answer in a minute.
    """

    def ask() -> bool:
        import torch

        from impasto.network import devices

        return devices.multiplies_bfloat16(torch.device("cpu"))

    here = ray().get_runtime_context().get_node_id()
    others = [node for node in _with_room(needs) if node["NodeID"] != here]
    return ask() and all(_answers(others, ask))


def _with_room(needs: Needs) -> list[dict[str, Any]]:
    """The nodes that have room for a worker."""
    return [node for node in alive() if node["Resources"].get("CPU", 0) >= needs.cpus]


def a_gpu(needs: Needs) -> Gpu:
    """Ask one GPU of the cluster what it has."""

    def ask() -> Gpu:
        import torch

        from impasto.network import devices

        device = torch.device("cuda")
        return Gpu(devices.free_memory(device), devices.multiplies_bfloat16(device))

    (gpu,) = results([ray().remote(**needs.options())(ask).remote()])
    found_gpu: Gpu = gpu
    return found_gpu
