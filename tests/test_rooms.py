"""Rooms of the package: imports point to the same room or down, and in no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import impasto

PACKAGE = Path(impasto.__file__).parent
# From the bottom up; `errors` and `_version` are modules, and every other is a folder.
ROOMS = (
    "_version",
    "messages",
    "errors",
    "process",
    "files",
    "settings",
    "pictures",
    "network",
    "optim",
    "objective",
    "run",
    "experiments",
    "cluster",
    "painters",
    "video",
    "report",
    "studio",
    "cli",
)
MODULES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.name != "__init__.py"
}


def imported(file: Path) -> Iterator[str]:
    """Names of the modules of impasto that a file imports, whenever it does."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("impasto."):
            module = str(node.module).removeprefix("impasto.")
            inside = [f"{module}.{name.name}" for name in node.names]
            yield from (name for name in inside if name in MODULES)
            if module in MODULES:
                yield module


# Parsed while tests are collected: other threads that parse at the same time would disturb it.
ARROWS = {module: set(imported(file)) for module, file in MODULES.items()}


def room_of(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("__")])
def test_a_module_imports_from_its_own_room_and_from_those_below(module: str) -> None:
    floor = ROOMS.index(room_of(module))
    above = {name for name in ARROWS[module] if ROOMS.index(room_of(name)) > floor}
    assert not above


def test_no_imports_go_round_in_a_circle() -> None:
    TopologicalSorter(ARROWS).prepare()


@pytest.mark.parametrize("room", [room for room in ROOMS if (PACKAGE / room).is_dir()])
def test_the_tests_of_a_room_are_in_a_folder_of_its_name(room: str) -> None:
    assert list((Path(__file__).parent / room).glob("test_*.py"))
