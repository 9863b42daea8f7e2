"""Commands on a cluster: the connection, the workers of one canvas, and a batch of paintings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impasto.cli.ending import DONE
from impasto.cli.session import continued_with, save_or_rescue, show_document
from impasto.errors import InputError, StoppedError
from impasto.files.writing import is_there
from impasto.messages.message import Message
from impasto.process.notices import heard_by, tell
from impasto.settings.loss_table import METHODS
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from impasto.cluster.canvas import ManyWorkers
    from impasto.cluster.engine import Needs
    from impasto.cluster.nodes import Node
    from impasto.experiments.many import Painted
    from impasto.experiments.planning import Painting
    from impasto.pictures import images
    from impasto.report.documents import HasSteps
    from impasto.report.outputs import Outputs
    from impasto.run.run import Run
    from impasto.settings.recipe import Recipe
    from impasto.settings.style import Style
    from impasto.video.stylize import PaintFiles

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS|local",
        help="Paint on a Ray cluster, or with several processes on this machine.",
        show_default="this process",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Number of workers on the cluster, each with --threads CPU cores or a GPU.",
        show_default="as many as there is room for",
    ),
]

RayDevice = Annotated[
    str,
    typer.Option(
        "--device", metavar="auto|cpu|cuda", help="With --ray, where each worker computes."
    ),
]
OnPainted = Callable[[int, "Painted", "HasSteps | None"], None]  # its number, counted from 0

WHY = {  # more workers bring nothing, by what takes most of a step
    "computing": "their shares, with the halos, would hardly be smaller",
    "sending": "the canvas and its gradient pass through one machine",
    "workers": "each worker has to be called",
    "driver": "the optimiser works beside the canvas, on one machine",
}


@dataclass(frozen=True)
class Cluster:
    """The cluster that a command line asks for.

    Attributes:
        address: ``local`` or the address of a cluster.
        workers: number of workers; None for as many as there is room for.
        device: the device of each worker.
        threads: number of CPU threads of each worker; None for one.
    """

    address: str
    workers: int | None
    device: str
    threads: int | None

    def flags(self, workers: int) -> list[str]:
        """The flags with which ``impasto resume`` uses the same cluster.

        >>> Cluster("auto", None, "cpu", None).flags(2)
        ['--ray', 'auto', '--workers', '2', '--device', 'cpu']

        Args:
            workers: number of workers that the run has.
        """
        device = [] if self.device == "auto" else ["--device", self.device]
        return ["--ray", self.address, "--workers", str(workers), *device]

    @contextmanager
    def connected(self) -> Iterator[Needs]:
        """A context that is connected to the cluster, and gives what each worker needs.

        Raises:
            InputError: Ray is not installed, there is no such cluster, its nodes have different
                versions, or it lacks the device or the memory.
        """
        from impasto.cluster.engine import LOCAL, connected, needs_for
        from impasto.cluster.nodes import check_versions, found

        with connected(self.address, self.workers, self.threads):
            if self.address != LOCAL:
                check_versions(found())
            yield needs_for(self.device, self.threads)


def asked_cluster(
    address: str | None, workers: int | None, device: str, threads: int | None
) -> Cluster | None:
    """The cluster that a command line asks for; None for this machine.

    Raises:
        InputError: it names workers, but no cluster.
    """
    if address is None:
        if workers is not None:
            raise InputError("cluster.workers-alone")
        return None
    return Cluster(address, workers, device, threads)


def places_on(cluster: Cluster) -> tuple[int, Needs]:
    """How many paintings a cluster makes at the same time, and what each needs.

    Raises:
        InputError: the cluster cannot be used.
    """
    from impasto.cluster.batch import room

    with cluster.connected() as needs:
        return cluster.workers or room(needs), needs


@contextmanager
def workplace_of(
    cluster: Cluster | None, recipe: Callable[[], Recipe]
) -> Iterator[ManyWorkers | None]:
    """A context with the workers of one canvas; None if it is painted on this machine.

    Args:
        cluster: the cluster; None for this machine.
        recipe: gives the settings, if there is a cluster.
    """
    if cluster is None:
        yield None
        return
    if not spreads(recipe()):
        tell(Message("cluster.one-machine"))
        yield None
        return
    from impasto.cluster.canvas import many_workers
    from impasto.cluster.engine import workers_for

    with ExitStack() as stack:
        needs = stack.enter_context(cluster.connected())
        count = workers_for(needs, cluster.workers)
        stack.enter_context(continued_with(cluster.flags(count)))
        yield stack.enter_context(many_workers(count, needs))


def spreads(recipe: Recipe) -> bool:
    """Whether the canvas of a recipe can be shared among workers."""
    return not METHODS[recipe.method].one_pass and recipe.tiles


@dataclass(frozen=True)
class Batch:
    """Paintings for a cluster.

    Attributes:
        paintings: the paintings.
        recipe: their settings.
        outputs: how they are written, and what is printed.
        weights: ``bundled``, or the path of a weight file.
        weights_input: the input that the weight file expects.
    """

    paintings: Sequence[Painting]
    recipe: Recipe
    outputs: Outputs
    weights: str
    weights_input: str | None


def paint_batch(
    given: Batch,
    cluster: Cluster,
    on_painted: OnPainted,
    begin: Callable[[], object],
    *,
    skips: bool,
) -> None:
    """Paint many pictures on a cluster.

    Args:
        given: the paintings.
        cluster: the cluster.
        on_painted: called with each record, in the order in which the paintings end.
        begin: called before the first painting, when nothing is wrong that concerns all.
        skips: whether paintings that exist are not painted again.

    Raises:
        InputError: the cluster, the weights, the device or a picture of the recipe cannot be used.
        OSError: a painting could not be written.
    """
    from impasto.cluster import batch
    from impasto.experiments.many import recorded
    from impasto.pictures.inputs import read_shared
    from impasto.report.overall import at_the_same_time

    numbers = []
    for number, painting in enumerate(given.paintings):
        if skips and painting.path is not None and is_there(painting.path):
            on_painted(number, recorded(painting, skipped=True), None)
        else:
            numbers.append(number)
    if not numbers:
        return
    jobs = [batch.Job(given.paintings[number], given.recipe) for number in numbers]
    with heard_by(lambda _: None):  # the nodes tell the same
        read_shared((), given.recipe)  # else each painting would fail on its node
    outputs = given.outputs
    with cluster.connected() as needs, suppress(StoppedError):
        common = batch.Common(
            needs, given.weights, given.weights_input, outputs.form, outputs.metadata
        )
        names = [job.painting.name for job in jobs]
        with at_the_same_time(names, given.recipe.steps, quiet=outputs.quiet) as progress:

            def on_done(number: int, outcome: batch.Outcome) -> None:
                progress.done(number)
                painting, error = jobs[number].painting, outcome.error
                path = None if error is not None else painting.path
                record = recorded(painting, path=path, error=error)
                on_painted(numbers[number], record, outcome.made)

            watch = batch.BatchWatch(progress.begin, progress.take, on_done)

            def save(data: bytes, path: Path) -> None:
                save_or_rescue(partial(batch.write, data), path)

            begin()
            batch.paint(jobs, common, cluster.workers, watch, save)


@contextmanager
def filling(
    cluster: Cluster | None,
    content: images.Source,
    styles: Sequence[Style],
    weights: str,
    weights_input: str | None,
) -> Iterator[dict[str, Any]]:
    """A context that gives the arguments with which a sweep paints on a cluster.

    Args:
        cluster: the cluster; None for this process, which needs no arguments.
        content: the content picture.
        styles: its styles.
        weights: ``bundled``, or the path of a weight file.
        weights_input: the input that the weight file expects.
    """
    if cluster is None:
        yield {}
        return
    from impasto.cluster.batch import Common
    from impasto.cluster.sheets import ClusterFill

    with cluster.connected() as needs:
        common = Common(needs, weights, weights_input)
        yield {"fill": ClusterFill(content, tuple(styles), common, cluster.workers)}


@contextmanager
def frames_on(cluster: Cluster) -> Iterator[PaintFiles]:
    """A context that gives what paints the frames of a clip on a cluster.

    Raises:
        InputError: the cluster cannot be used.
    """
    from impasto.video.spread import paint

    with cluster.connected() as needs:
        yield partial(paint, needs=needs, workers=cluster.workers)


def show_nodes(address: str, *, document: bool) -> int:
    """Print the nodes of a cluster, and whether their versions agree; return the exit code.

    Args:
        address: the address of the cluster.
        document: print them as a JSON document on standard output.

    Raises:
        InputError: Ray is not installed, there is no such cluster, or its versions differ.
    """
    from impasto.cluster.engine import connected
    from impasto.cluster.nodes import check_versions, found

    with connected(address):
        nodes = found()
    if document:
        from impasto.report import documents

        show_document(documents.cluster(nodes))
    else:
        _print_nodes(nodes)
    check_versions(nodes)
    return DONE


def _print_nodes(nodes: Sequence[Node]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Nodes", title_justify="left")
    for heading in ("Node", "CPU cores", "GPUs", "Memory", "Devices", "Versions"):
        table.add_column(heading, overflow="fold")
    for node in nodes:
        table.add_row(
            Text(node.name),
            str(node.cpus),
            str(node.gpus),
            f"{node.memory / 1e9:.1f} GB",
            Text(", ".join(node.devices)),
            ", ".join(f"{name} {version or 'none'}" for name, version in node.versions.items()),
        )
    Console().print(table)


def foretold(workers: ManyWorkers, run: Run) -> None:
    """Print how long a step of a run would take with 1, 2, 4 … workers, by a short trial."""
    from rich.console import Console
    from rich.table import Table

    from impasto.cluster import model
    from impasto.cluster.probing import canvas_of, probed

    canvas = canvas_of(run, workers)
    speeds = probed(workers, run.evaluator.network, run.recipe)
    enough = model.stops_paying(canvas, speeds)
    table = Table(title="A step at the finest level, foretold", title_justify="left")
    for heading in ("Workers", "Seconds", "Times as fast", "Halo", "Sent", "Most of it"):
        table.add_column(heading, justify="right")
    alone = model.seconds(canvas.work(1), speeds)
    for count in (1 << n for n in range((2 * enough).bit_length())):
        work = canvas.work(count)
        seconds = model.seconds(work, speeds)
        table.add_row(
            str(count),
            f"{seconds:.3g}",
            f"{alone / seconds:.2f}",
            f"{work.halo:.0%}",
            f"{work.bytes / 1e6:.1f} MB",
            model.bottleneck(work, speeds),
        )
    console = Console(stderr=True)
    console.print(table)
    why = model.bottleneck(canvas.work(2 * enough), speeds)
    typer.echo(
        f"More than {counted(enough, 'worker')} would save less than a tenth of a step's time: "
        f"{WHY[why]}.",
        err=True,
    )
