from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

NODES = 3  # the head, which takes part in the work, and two that can die


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of several nodes on this machine, each of one core, to which Ray is connected."""
    pytest.importorskip("ray")
    from impasto.cluster.engine import ray

    engine = ray()
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    for _ in range(NODES - 1):
        made.add_node(**small)
    engine.init(made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    engine.shutdown()
    made.shutdown()
