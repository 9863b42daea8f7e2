"""How fast impasto is, and how its paintings look, on one machine in one run, on its CPU.

The sections are ``reference`` (time to the loss of a plain loop), ``evaluation`` (what one
evaluation costs), ``pastiche`` (time to the same loss of another package), ``startup`` (time and
memory of the commands), ``many`` (many pictures in one command), ``instant`` (one pass, against
another package with the same networks), ``contention`` (steps beside other work), ``large`` (time
and memory of large canvases, by tiles), ``beauty`` (how paintings look), ``steadiness`` (how steady
painted clips are) and ``film`` (time and memory of clips); each module says what it measures and
how. The tables are printed. In the output folder are ``results.json`` with every number, the
machine and the versions; ``losses.png``, the plot; and the pictures. JSON and plot are written anew
after every row, so that a run that is stopped loses only the row it was at.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch
from rich.console import Console, RenderableType

import beauty
import cluster
import contention
import evaluation
import film
import instant
import large
import many
import peer
import reference
import startup
import steadiness
from figure import plot
from impasto.files.writing import written_whole
from impasto.report.progress import versions
from plan import Plan, read_plan
from race import median

BUSY = 0.2  # share of the processor taken by others, above which times are doubtful

Rows = dict[str, list[Any]]  # by section
MEASURES: dict[str, Callable[[Plan, Console], Iterator[Any]]] = {
    "reference": reference.measure,
    "evaluation": evaluation.measure,
    "startup": startup.measure,
    "many": many.measure,
    "instant": instant.measure,
    "contention": contention.measure,
    "large": large.measure,
    "cluster": cluster.measure,
    "beauty": beauty.measure,
    "steadiness": steadiness.measure,
    "film": film.measure,
}
TABLES: dict[str, Callable[[list[Any]], RenderableType]] = {
    "reference": reference.table,
    "evaluation": evaluation.table,
    "pastiche": peer.table,
    "startup": startup.table,
    "many": many.table,
    "instant": instant.table,
    "contention": contention.table,
    "large": large.table,
    "cluster": cluster.table,
    "beauty": beauty.table,
    "steadiness": steadiness.table,
    "film": film.table,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    plan = read_plan(arguments)
    console = Console()
    plan.output.mkdir(parents=True, exist_ok=True)
    about = describe(plan)
    warn(plan, about, console)
    rows: Rows = {}
    for name in plan.sections:
        console.rule(name)
        rows[name] = []
        for row in section(name, plan, console, rows):
            rows[name].append(row)
            write(plan.output, about, rows)
        console.print(TABLES[name](rows[name]))
    warn(plan, about, console)
    console.print(f"Written to {plan.output}.")


def section(name: str, plan: Plan, console: Console, rows: Rows) -> Iterator[Any]:
    """The rows of a section, as they are measured."""
    if name == "pastiche":
        targets = {race.pair: race.target for race in rows.get("reference", [])}
        return peer.measure(plan, console, targets)
    return MEASURES[name](plan, console)


def write(folder: Path, about: dict[str, Any], rows: Rows) -> None:
    """Write what there is so far."""
    sections = {name: [dataclasses.asdict(row) for row in of] for name, of in rows.items()}
    everything = {**about, "medians": medians(rows), "sections": sections}
    text = json.dumps(_finite(everything), indent=1, allow_nan=False)
    with written_whole(folder / "results.json") as file:
        file.write(text.encode())
    plot(folder / "losses.png", rows.get("reference", []), rows.get("pastiche", []))


def medians(rows: Rows) -> dict[str, float | None]:
    """The headlines: how many times our time the others take, and how that is from one start.

    Where pastiche was stopped, its ratio is a lower bound (see the duel).
    """
    races, duels = rows.get("reference", []), rows.get("pastiche", [])
    return {
        "reference": median([race.ratio for race in races]),
        "reference_same_start": median([race.same_start_ratio for race in races]),
        "pastiche": median([duel.ratio for duel in duels]),
    }


def describe(plan: Plan) -> dict[str, Any]:
    """What a reader of the numbers must know of them: machine, versions, date, plan."""
    return {
        "smoke_test": plan.quick,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_model(),
            "system": platform.platform(),
            "cores": psutil.cpu_count(logical=False),
            "logical_cores": psutil.cpu_count(),
            "threads": torch.get_num_threads(),
            "memory": psutil.virtual_memory().total,
            "busy": psutil.cpu_percent(interval=1) / 100,
        },
        "versions": {**versions(), "pastiche": version("pastiche")},
        "plan": {
            "pairs": [pair.name for pair in plan.pairs],
            "size": plan.size,
            "steps": plan.steps,
            "cap": plan.cap,
            "evaluation_size": plan.evaluation_size,
            "repeats": plan.repeats,
        },
    }


def warn(plan: Plan, about: dict[str, Any], console: Console) -> None:
    """Say it where the numbers are not to be believed."""
    if plan.quick:
        console.print("A smoke test: it shows that everything runs; its numbers mean nothing.")
    busy = about["machine"]["busy"]
    if busy > BUSY:
        console.print(f"The processor was {busy:.0%} busy with other work: times are doubtful.")


def cpu_model() -> str:
    """The processor's name, as the system has it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _finite(value: Any) -> Any:
    """The same with null where a number is infinite or none, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
