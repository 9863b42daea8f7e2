"""Section ``startup``: how long impasto takes to begin, and how much memory it takes at most.

Each command runs in a process of its own; of its times the smallest of three counts. Peak memory is
the largest resident set that the system saw, of one process and two steps. A small process stands
between this one and the command, because a child that is started from a large process inherits the
peak of its parent.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from plan import Plan

REPEATS = 3
BETWEEN = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - began
if done.returncode:
    sys.exit(done.stderr)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([seconds, peak * (1 if sys.platform == "darwin" else 1024), done.stdout]))
"""


@dataclass(frozen=True)
class Started:
    """What one command took.

    Attributes:
        name: the command in short.
        seconds: its smallest time.
        peak_memory: bytes.
    """

    name: str
    seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Ran:
    """What a process took.

    Attributes:
        seconds: from start to end.
        peak_memory: bytes.
        printed: to its standard output.
    """

    seconds: float
    peak_memory: int
    printed: str


def measure(plan: Plan, console: Console) -> Iterator[Started]:
    """Run every command."""
    pair = plan.pairs[0]
    with tempfile.TemporaryDirectory() as folder:
        painting = str(Path(folder, "painting.png"))
        stylize = ["-m", "impasto", "stylize", str(pair.content), str(pair.style), "-o", painting]
        commands: list[tuple[str, int, list[str]]] = [
            ("import impasto", REPEATS, ["-c", "import impasto"]),
            ("impasto --help", REPEATS, ["-m", "impasto", "--help"]),
            (
                "impasto stylize --size 64 --steps 1",
                REPEATS,
                [*stylize, "--size", "64", "--steps", "1"],
            ),
        ]
        for size in plan.memory_sizes:
            flags = ["--size", str(size), "--steps", "2", "--levels", "1"]
            commands.append((f"impasto stylize {' '.join(flags)}", 1, [*stylize, *flags]))
        for name, repeats, arguments in commands:
            console.print(name)
            runs = [run(arguments) for _ in range(repeats)]
            yield Started(
                name, min(ran.seconds for ran in runs), max(ran.peak_memory for ran in runs)
            )


def run(arguments: Sequence[str]) -> Ran:
    """Run a Python process.

    Raises:
        RuntimeError: the command failed.
    """
    done = subprocess.run(
        [sys.executable, "-c", BETWEEN, sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return Ran(*json.loads(done.stdout))


def table(rows: Sequence[Started]) -> Table:
    """A row for each command."""
    shown = Table(title="Startup and memory", title_justify="left")
    shown.add_column("Command")
    shown.add_column("Seconds", justify="right")
    shown.add_column("Peak memory", justify="right")
    for row in rows:
        shown.add_row(row.name, f"{row.seconds:.2f}", f"{row.peak_memory / 1e6:,.0f} MB")
    return shown
