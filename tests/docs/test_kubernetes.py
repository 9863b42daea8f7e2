"""The manifest for KubeRay in the page about clusters, as KubeRay and impasto understand it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from impasto.cli.app import app

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "cluster.md"


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    manifest = yaml.safe_load(text)
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    given: dict[str, Any] = manifest["spec"]
    return given


def groups(spec: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = spec["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def test_its_version_of_ray_is_the_one_that_the_container_has(spec: dict[str, Any]) -> None:
    version = spec["rayClusterSpec"]["rayVersion"]
    assert f"ray=={version}" in (ROOT / "constraints.txt").read_text().splitlines()


def test_its_command_is_one_of_impasto(spec: dict[str, Any]) -> None:
    from typer.main import get_command

    program, name, *arguments = shlex.split(spec["entrypoint"])
    assert program == "impasto"
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, arguments, resilient_parsing=True)
    assert context.params["ray"] == "auto"


def test_every_node_sees_the_volume_of_the_pictures(spec: dict[str, Any]) -> None:
    for group in groups(spec):
        pod = group["template"]["spec"]
        (container,), (volume,) = pod["containers"], pod["volumes"]
        (mount,) = container["volumeMounts"]
        assert mount == {"name": volume["name"], "mountPath": "/data"}
        assert isinstance(group["rayStartParams"], dict)
