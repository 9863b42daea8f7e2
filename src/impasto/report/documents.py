"""JSON documents: what a command has done or would do, for other programs.

``docs/json.md`` describes every key. A key is never removed or given another meaning while
:data:`VERSION` stays the same; new ones may be added.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from pydantic import BaseModel, ConfigDict

from impasto._version import __version__
from impasto.cluster.nodes import differing

if TYPE_CHECKING:
    from impasto.cluster.nodes import Node
    from impasto.errors import ImpastoError
    from impasto.experiments.planning import Painting as PlannedPainting
    from impasto.experiments.sweep import Axis
    from impasto.painters.applying import LearnedPainting
    from impasto.report.network_figure import NetworkRow
    from impasto.report.outputs import Outputs
    from impasto.run.estimate import Forecast
    from impasto.run.instant import InstantRun
    from impasto.run.prepared import Prepared
    from impasto.run.result import Result, Step
    from impasto.run.run import Run
    from impasto.settings.recipe import Recipe
    from impasto.video.planning import VideoPlan
    from impasto.video.stylize import PaintedClip

VERSION = 1  # of the documents
Size = tuple[int, int]  # width and height, in pixels


class Part(BaseModel):
    """A document or a part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Part):
    """A whole document."""

    version: int = VERSION
    impasto: str = __version__


class File(Part):
    """A picture that a run reads."""

    role: str
    path: str | None
    name: str | None
    sha256: str


class WeightFile(Part):
    """The weights of the network."""

    name: str
    sha256: str


class Painting(Document):
    """A painting that was made."""

    inputs: list[File]
    weights: WeightFile
    output: str
    also_written: list[str]
    not_written: list[str]
    size: Size
    working_size: Size
    steps: int
    best_step: int
    loss: float | None
    content: float | None
    style: float | None
    seconds: float
    stopped: str | None
    device: str
    precision: str
    recipe: dict[str, Any]


class PlannedLevel(Part):
    """A level of a run."""

    size: Size
    style_sizes: list[Size]
    steps: int
    tiles: int


class Plan(Document):
    """What a run would take."""

    inputs: list[File]
    weights: WeightFile
    output: str
    size: Size
    working_size: Size
    steps: int
    levels: list[PlannedLevel]
    seconds: float | None
    bytes: int | None
    device: str
    precision: str
    recipe: dict[str, Any]


class SheetPainting(Part):
    """One of the paintings on a sheet."""

    settings: dict[str, Any]
    path: str | None


class Sheet(Document):
    """A sheet of paintings."""

    output: str
    size: Size
    paintings: list[SheetPainting]
    planned: int
    seconds: float
    stopped: bool


class NetworkLayer(Part):
    """A layer of the network."""

    number: int
    name: str
    kind: str
    size: Size | None
    channels: int
    parameters: int
    read_for: list[str]


class Network(Document):
    """The network."""

    size: Size
    layers: list[NetworkLayer]
    parameters: int
    output: str | None


class Doctor(Document):
    """What a run works with."""

    versions: dict[str, str]
    device: str
    device_name: str
    precision: str
    threads: int
    memory_free: int
    memory_total: int
    weights: WeightFile
    loss: float


class ClusterNode(Part):
    """A node of a cluster."""

    name: str
    cpus: int
    gpus: int
    memory: int
    devices: list[str]
    versions: dict[str, str | None]


class ClusterNodes(Document):
    """The nodes of a cluster, and the packages whose versions differ between them."""

    nodes: list[ClusterNode]
    differing: dict[str, list[str]]


def cluster(nodes: Sequence[Node]) -> ClusterNodes:
    """The document of the nodes of a cluster."""
    return ClusterNodes(
        nodes=[
            ClusterNode(
                name=node.name,
                cpus=node.cpus,
                gpus=node.gpus,
                memory=int(node.memory),
                devices=list(node.devices),
                versions=dict(node.versions),
            )
            for node in nodes
        ],
        differing=differing(nodes),
    )


class Reason(Part):
    """Why a command failed."""

    code: str
    message: str


class Failure(Document):
    """An error."""

    error: Reason


class OneOfMany(Part):
    """What became of one of many paintings, or what would."""

    content: str | None
    styles: list[str | None]
    output: str | None
    state: str
    error: Reason | None
    size: Size | None
    steps: int | None
    loss: float | None
    seconds: float | None


class Clip(Document):
    """A clip that was painted, or would be."""

    inputs: list[File]
    output: str
    method: str
    size: Size
    working_size: Size
    frames: int
    rate: float
    duration: float
    sounds: list[str]
    bytes: int
    seconds: float | None
    recipe: dict[str, Any]


class Paintings(Document):
    """Many paintings, made or planned."""

    paintings: list[OneOfMany]
    planned: int
    seconds: float | None
    bytes: int | None
    stopped: bool
    recipe: dict[str, Any]


@runtime_checkable
class HasSteps(Protocol):
    """What is told of a painting that was made: a :class:`Result`, or what another machine sent."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""

    @property
    def history(self) -> list[Step]:
        """Its steps."""

    @property
    def best(self) -> Step:
        """The step with the smallest loss of the last level."""


def one_of_many(
    painting: PlannedPainting,
    state: str,
    *,
    error: ImpastoError | None,
    result: HasSteps | LearnedPainting | None,
) -> OneOfMany:
    """What became of one of many paintings.

    Args:
        painting: the pictures and the file.
        state: ``painted``, ``skipped`` or ``failed``; of a dry run, ``planned`` for ``painted``.
        error: why it could not be painted.
        result: of its run, if it was painted; that of a painter has no steps.
    """
    run = result if isinstance(result, HasSteps) else None
    return OneOfMany(
        content=_named(painting.content),
        styles=[_named(style.picture) for style in painting.styles],
        output=None if painting.path is None else str(painting.path),
        state=state,
        error=None if error is None else Reason(code=error.code, message=str(error)),
        size=None if result is None else result.size,
        steps=None if run is None else len(run.history),
        loss=None if run is None else _finite(run.best.loss),
        seconds=None if run is None else run.history[-1].seconds,
    )


def paintings(
    made: Sequence[OneOfMany],
    planned: int,
    recipe: Recipe,
    *,
    seconds: float | None = None,
    memory: float | None = None,
    stopped: bool = False,
) -> Paintings:
    """The document of many paintings.

    Args:
        made: what became of each.
        planned: how many there were to be.
        recipe: the settings that they share.
        seconds: that they took, or are expected to take.
        memory: bytes that they are expected to take; None if it is not known.
        stopped: whether a signal stopped the work.
    """
    return Paintings(
        paintings=list(made),
        planned=planned,
        seconds=seconds,
        bytes=None if memory is None else round(memory),
        stopped=stopped,
        recipe=recipe.model_dump(mode="json", exclude={"styles"}),
    )


def clip(planned: VideoPlan, made: PaintedClip | None = None, seconds: float | None = None) -> Clip:
    """The document of a clip.

    Args:
        planned: what is painted, and how.
        made: what was painted; None for a dry run.
        seconds: that it took.
    """
    from impasto.video.working import bytes_of

    carried = json.loads(planned.text)
    source = planned.clip
    paths = {"content": source.path, **planned.paths}
    roles = [key for key in carried if key not in ("impasto", "video", "recipe")]
    return Clip(
        inputs=[
            File(role=role, path=None if path is None else str(path), **carried[role])
            for role in roles
            for path in [paths.get(role)]
        ],
        output=str(planned.target.path),
        method=planned.method,
        size=planned.output_size,
        working_size=planned.size,
        frames=source.count if made is None else made.frames,
        rate=float(source.rate) if made is None else made.rate,
        duration=source.seconds if made is None else made.seconds,
        sounds=list(source.sounds),
        bytes=bytes_of(source.count, planned.size),
        seconds=seconds,
        recipe=carried["recipe"],
    )


def _named(picture: Any) -> str | None:
    """The path of a picture; None for one in memory."""
    return os.fsdecode(picture) if isinstance(picture, str | os.PathLike) else None


def painting(
    run: Prepared,
    result: Result,
    outputs: Outputs,
    also_written: Sequence[Path],
    not_written: Sequence[Path],
) -> Painting:
    """The document of a painting.

    Args:
        run: the run.
        result: what it returned.
        outputs: what it was to write; the painting itself is a file.
        also_written: the other files that were written.
        not_written: the files that could not be written.
    """
    best = result.best
    made = result.metadata()
    return Painting(
        **_of_run(run),
        output=str(outputs.picture),
        also_written=_texts(also_written),
        not_written=_texts(not_written),
        size=result.size,
        steps=len(result.history),
        best_step=best.number,
        loss=_finite(best.loss),
        content=_finite(best.content),
        style=_finite(best.style),
        seconds=result.history[-1].seconds,
        stopped=result.stopped,
        recipe=made["recipe"],
    )


def plan(run: Run, outputs: Outputs, expected: Forecast) -> Plan:
    """The document of a run that is not painted, with its expected time and memory."""
    from impasto.run.estimate import cut
    from impasto.run.result import carried_recipe

    return Plan(
        **_of_run(run),
        output=str(outputs.picture),
        size=run.output_size,
        steps=run.recipe.steps,
        levels=[
            PlannedLevel(
                size=level.size,
                style_sizes=list(level.style_sizes),
                steps=level.steps,
                tiles=len(cut(run, level)),
            )
            for level in run.levels
        ],
        seconds=expected.seconds,
        bytes=round(expected.bytes),
        recipe=carried_recipe(run.recipe, run.inputs),
    )


def plan_of_pass(run: InstantRun, outputs: Outputs) -> Plan:
    """The document of a run of one pass that is not painted; its time and memory are not known."""
    from impasto.run.result import carried_recipe

    (level,) = run.levels
    sizes = list(level.style_sizes)
    return Plan(
        **_of_run(run),
        output=str(outputs.picture),
        size=run.output_size,
        steps=1,
        levels=[PlannedLevel(size=level.size, style_sizes=sizes, steps=1, tiles=1)],
        seconds=None,
        bytes=None,
        recipe=carried_recipe(run.recipe, run.inputs),
    )


def _of_run(run: Prepared) -> dict[str, Any]:
    """What the documents of a painting and of a plan have in common."""
    name, sha256 = run.weights
    return {
        "inputs": [
            File(
                role=role,
                path=None if file.path is None else str(file.path),
                name=file.name,
                sha256=file.sha256,
            )
            for role, file in run.inputs.files.items()
        ],
        "weights": WeightFile(name=name, sha256=sha256),
        "working_size": run.size,
        **_computed_by(run),
    }


def _computed_by(run: Prepared) -> dict[str, str]:
    """The device and the number format of a run."""
    from impasto.run.instant import InstantRun

    if isinstance(run, InstantRun):
        return {"device": "cpu", "precision": "float32"}
    evaluator = cast("Run", run).evaluator
    return {"device": str(evaluator.device), "precision": evaluator.arithmetic.name}


def sweep(
    axes: Sequence[Axis],
    files: Sequence[Path],
    output: Path,
    size: Size,
    painted: int,
    *,
    seconds: float,
    stopped: bool,
) -> Sheet:
    """The document of a sweep.

    Args:
        axes: the settings that vary; the first goes across.
        files: the file of every painting, row by row; empty if only the sheet is written.
        output: path of the sheet.
        size: width and height of the sheet, in pixels.
        painted: number of paintings on it.
        seconds: that it took.
        stopped: whether it was stopped before its last painting.
    """
    settings = list(_settings(axes))
    paths: list[str | None] = [str(path) for path in files] or [None] * len(settings)
    made = [
        SheetPainting(settings=varied, path=path)
        for varied, path in zip(settings, paths, strict=True)
    ]
    return Sheet(
        output=str(output),
        size=size,
        paintings=made[:painted],
        planned=len(made),
        seconds=seconds,
        stopped=stopped,
    )


def _settings(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    """The settings that vary, for every painting of a sweep, row by row."""
    across, *down = axes
    for values in itertools.product(*(axis.values for axis in (*down, across))):
        yield {axis.setting: value for axis, value in zip((*down, across), values, strict=True)}


def network(rows: Sequence[NetworkRow], recipe: Recipe, size: Size, output: Path | None) -> Network:
    """The document of the network.

    Args:
        rows: its layers.
        recipe: the settings, which say what the layers are read for.
        size: width and height of the canvas, in pixels.
        output: path of the drawing; None if there is none.
    """
    from impasto.settings.layers import BY_NAME

    uses = {"content": recipe.content_layers, "style": recipe.style_layers}
    layers = [
        NetworkLayer(
            number=row.number,
            name=row.name,
            kind=BY_NAME[row.name].kind,
            size=_size_at(BY_NAME[row.name].pools, size),
            channels=BY_NAME[row.name].channels,
            parameters=row.parameters,
            read_for=[use for use, read in uses.items() if row.name in read],
        )
        for row in rows
    ]
    total = sum(layer.parameters for layer in layers)
    drawing = None if output is None else str(output)
    return Network(size=size, layers=layers, parameters=total, output=drawing)


def _size_at(pools: int, size: Size) -> Size | None:
    """The size of a feature map after so many poolings; None if nothing of the canvas is left."""
    width, height = (side >> pools for side in size)
    return (width, height) if width and height else None


def failure(code: str, message: str) -> Failure:
    """The document of an error."""
    return Failure(error=Reason(code=code, message=message))


def _finite(number: float) -> float | None:
    """The number, or None for one that JSON does not have."""
    return number if math.isfinite(number) else None


def _texts(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]
