"""Many paintings on a cluster, each a task that runs where there is room for it."""

from __future__ import annotations

import functools
import io
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.cluster import sending
from impasto.cluster.engine import ASKING, SOON, Needs, is_lost, ray, told_by, waiting_for_room
from impasto.cluster.nodes import alive
from impasto.cluster.sending import SentFile
from impasto.errors import ImpastoError, InputError, RunError, StoppedError
from impasto.experiments.planning import Painting
from impasto.files.reading import sha256_of
from impasto.files.writing import remove_parts, written_whole
from impasto.messages.message import Message
from impasto.process import interrupts
from impasto.process.notices import tell
from impasto.run.result import Step
from impasto.settings.recipe import Recipe

TRIES = 3  # of one painting, each on another node if there is one
AHEAD = 2  # tasks for each place in the cluster, so that none is idle and the cluster may grow
MOST_OF_NODE = 0.9  # share of a node's memory that a task may declare; more would never start
KEPT_FILES = 64  # files that were sent last, which the next paintings may need too
Save = Callable[[bytes, Path], None]


@dataclass(frozen=True)
class Common:
    """What all tasks of a batch have in common.

    Attributes:
        needs: what each needs of its node.
        weights: ``bundled``, or the path of the weight file.
        weights_input: the input that the weight file expects.
        form: format, quality and bits per channel of the files.
        metadata: whether the paintings carry their recipe and inputs.
    """

    needs: Needs
    weights: str = "bundled"
    weights_input: str | None = None
    form: Mapping[str, Any] = field(default_factory=dict)
    metadata: bool = True


@dataclass(frozen=True)
class Job:
    """One painting of a batch.

    Attributes:
        painting: the painting; one without a path comes back as the bytes of a PNG.
        recipe: its settings.
    """

    painting: Painting
    recipe: Recipe


@dataclass(frozen=True)
class Made:
    """A painting that was made.

    Attributes:
        size: width and height, in pixels.
        history: its steps.
        best: the step with the smallest loss of the last level.
        data: the painting as a file, if the node has not written it.
        written: SHA-256 of the file that the node has written.
        node: where it was made.
        notices: what was told while it was made.
    """

    size: tuple[int, int]
    history: list[Step]
    best: Step
    data: bytes | None
    written: str | None
    node: str
    notices: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a painting.

    Attributes:
        made: the painting; None if there is none.
        error: why there is none.
    """

    made: Made | None = None
    error: ImpastoError | None = None


@dataclass(frozen=True)
class BatchWatch:
    """What is called while a batch is painted; numbers count from 0.

    Attributes:
        on_begin: called with the number of a painting that begins.
        on_progress: called with the number of steps that are done of each painting in progress.
        on_done: called with the number of a painting and what became of it.
    """

    on_begin: Callable[[int], None] = lambda _: None
    on_progress: Callable[[Mapping[int, int]], None] = lambda _: None
    on_done: Callable[[int, Outcome], None] = lambda *_: None


class Board:
    """Where the tasks write how far they are.

    Attributes:
        done: the number of steps that are done, by the number of the painting.
        nodes: where a painting is made, by its number.
    """

    def __init__(self) -> None:
        self.done: dict[int, int] = {}
        self.nodes: dict[int, str] = {}

    def write(self, number: int, steps: int, node: str) -> None:
        """Write how many steps of a painting are done, and where."""
        self.done[number], self.nodes[number] = steps, node

    def read(self) -> tuple[dict[int, int], dict[int, str]]:
        """What the tasks have written."""
        return dict(self.done), dict(self.nodes)


def write(data: bytes, path: Path) -> None:
    """Write a painting that was sent back.

    Raises:
        OSError: it could not be written.
    """
    with written_whole(path) as file:
        file.write(data)


def memory_of(job: Job) -> float:
    """Bytes of memory that a painting needs, as far as the header of its picture tells."""
    from impasto.experiments.many import width_and_height
    from impasto.pictures import sizes
    from impasto.pictures.inputs import called

    try:
        size = width_and_height(job.painting.content, called("content"))
        return memory_for(sizes.canvas_size(size, job.recipe), job.recipe)
    except InputError:  # the painting's own record says so
        return 0.0


def memory_for(size: tuple[int, int], recipe: Recipe) -> float:
    """Bytes of memory that a painting needs, by impasto's own estimate.

    Args:
        size: width and height of its canvas, in pixels.
        recipe: its settings.
    """
    from impasto.network.devices import DTYPES, Arithmetic
    from impasto.network.tiles import halo_for
    from impasto.run.levels import Level, layers_at, plan, recipe_at
    from impasto.run.memory_need import level_bytes
    from impasto.settings.layers import VGG_19

    arithmetic = Arithmetic(DTYPES.get(recipe.precision, DTYPES["float32"]), by_rows=True)

    def at(level: Level) -> float:
        network = layers_at(level, recipe, VGG_19)
        window = level.size[0] * level.size[1]
        tile = recipe_at(level, recipe).tile
        if isinstance(tile, int):
            window = min(window, (tile + 2 * halo_for(network)) ** 2)
        return level_bytes(level, recipe, window, arithmetic, network)

    return max(at(level) for level in plan(size, [size], recipe))


def paint(
    jobs: Sequence[Job],
    common: Common,
    places: int | None,
    watch: BatchWatch = BatchWatch(),
    save: Save = write,
) -> None:
    """Paint several pictures on the connected cluster.

    A painting whose worker or node dies, or has too little memory, is made again elsewhere, up to
    three times; what cannot be painted does not stop the others.

    Args:
        jobs: the paintings.
        common: what they have in common.
        places: how many are painted at the same time; None for as many as there is room for.
        watch: what is called; its methods are told of paintings in the order in which they end.
        save: writes a painting that no node could write.

    Raises:
        InputError: the weights cannot be used.
        StoppedError: the work was interrupted; paintings in progress are dropped.
        OSError: a painting could not be written.
    """
    _Batch(jobs, common, places, watch, save).paint()


class _Batch:
    """A batch in progress."""

    def __init__(
        self,
        jobs: Sequence[Job],
        common: Common,
        places: int | None,
        watch: BatchWatch,
        save: Save,
    ) -> None:
        self._jobs, self._common, self._watch, self._save = jobs, common, watch, save
        self._most = places or AHEAD * room(common.needs)
        engine = ray()
        nodes = [node["Resources"] for node in alive()]
        fitting = [node for node in nodes if _places(node, common.needs)] or nodes
        most = max((node.get("memory", 0.0) for node in fitting), default=0.0)
        self._most_memory = MOST_OF_NODE * most
        self._weights = engine.put(_loaded(common)) if _needs_weights(jobs) else None
        self._kept = functools.lru_cache(KEPT_FILES)(lambda path, _: engine.put(path.read_bytes()))
        self._is_shared = True  # the folder of the paintings, as far as is known
        self._board = engine.remote(num_cpus=0)(Board).remote()
        self._tries = [0] * len(jobs)
        self._left: dict[int, set[str]] = {}  # nodes where a painting failed
        self._used: set[str] = set()  # nodes where some painting was made
        self._begun: set[int] = set()  # paintings of which it was told that they begin
        self._running: dict[Any, int] = {}
        self._told: set[str] = set()  # notices of the nodes

    def paint(self) -> None:
        """Paint everything."""
        waiting, told_at = deque(range(len(self._jobs))), time.monotonic() + SOON
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self._most:
                    self._begin(waiting.popleft())
                ready, _ = ray().wait(list(self._running), timeout=ASKING)
                interrupts.check()
                nodes = self._progress()
                if not self._used and time.monotonic() > told_at:
                    tell(waiting_for_room(self._common.needs))
                    told_at = math.inf
                for one in ready:
                    number = self._running.pop(one)
                    outcome = self._outcome(one, number, nodes.get(number))
                    if outcome is None:
                        waiting.append(number)
                    else:
                        self._tell_begun([number])
                        self._watch.on_done(number, outcome)
        finally:
            for one in self._running:
                ray().cancel(one, force=True)
            ray().kill(self._board)

    def _begin(self, number: int) -> None:
        """Hand a painting to the cluster."""
        engine, job = ray(), self._jobs[number]
        painting, recipe = sending.with_absolute_paths(job.painting, job.recipe)
        files = sending.sent_files(painting, recipe, self._kept)
        self._tries[number] += 1
        memory = int(min(memory_of(job), self._most_memory))
        task = engine.remote(
            **self._common.needs.options(),
            memory=memory,
            max_retries=0,
            scheduling_strategy=self._strategy(number),
        )(painted_here)
        weights = [] if self._weights is None else [self._weights]
        folder = _folder_of(painting) if self._is_shared else None
        sent = Job(painting, recipe), self._common, files, weights, folder
        self._running[task.remote(number, *sent, [self._board])] = number

    def _strategy(self, number: int) -> Any:
        """Where to paint: anywhere, but elsewhere if the painting has failed.

        Of the other nodes, those are chosen that have painted for this batch: others may be busy
        with work that never ends.
        """
        left = self._left.get(number)
        if not left:
            return "SPREAD"
        others = sorted(self._used & {node["NodeID"] for node in alive()} - left)
        if not others:
            return "SPREAD"
        kind = ray().util.scheduling_strategies.NodeAffinitySchedulingStrategy
        return kind(others[number % len(others)], soft=True)

    def _progress(self) -> dict[int, str]:
        """Tell how far the paintings are; return where each is made."""
        try:
            done, nodes = ray().get(self._board.read.remote(), timeout=5)
        except Exception as error:
            if not is_lost(error) and not isinstance(error, TimeoutError):
                raise
            if is_lost(error):
                self._board = ray().remote(num_cpus=0)(Board).remote()
            return {}
        self._used.update(nodes.values())
        self._tell_begun(nodes)
        running = set(self._running.values())
        self._watch.on_progress({number: n for number, n in done.items() if number in running})
        return dict(nodes)

    def _tell_begun(self, numbers: Iterable[int]) -> None:
        """Tell which paintings have begun, each once."""
        for number in sorted(set(numbers) - self._begun):
            self._begun.add(number)
            self._watch.on_begin(number)

    def _outcome(self, reference: Any, number: int, node: str | None) -> Outcome | None:
        """What became of a painting; None if it is to be tried again."""
        try:
            made: Made = ray().get(reference)
            outcome = self._kept_painting(number, made)
            if outcome is not None:
                self._tell_notices(number, made)
            return outcome
        except ImpastoError as error:
            cause: ImpastoError = getattr(error, "cause", error)
            job = self._jobs[number]
            failed = sending.naming(cause, sending.given_names(job.painting, job.recipe))
            again = isinstance(failed, RunError) and not isinstance(failed, StoppedError)
        except Exception as error:
            if not _died(error):
                raise
            reason = told_by(getattr(error, "cause", None) or error)
            failed, again = RunError("cluster.task-died", reason=reason), True
        if not again or self._tries[number] >= TRIES:
            return Outcome(error=failed)
        if node is not None:
            self._left.setdefault(number, set()).add(node)
        name = self._jobs[number].painting.name
        tell(Message("cluster.again", name=name, reason=failed.message))
        return None

    def _tell_notices(self, number: int, made: Made) -> None:
        """Tell what was told where a painting was made, with the files as they are named here.

        Each process of a node reads what the paintings share, so the same is told only once.
        """
        job = self._jobs[number]
        names = sending.given_names(job.painting, job.recipe)
        for notice in made.notices:
            named = sending.naming_in(notice, names)
            if str(named) not in self._told:
                self._told.add(str(named))
                tell(named)

    def _kept_painting(self, number: int, made: Made) -> Outcome | None:
        """Write a painting that was sent back; None if it was written where nobody looks for it."""
        path = self._jobs[number].painting.path
        if path is None:
            return Outcome(made=made)
        if made.data is None:
            if _digest_of(path) == made.written:
                return Outcome(made=made)
            self._is_shared = False  # a folder that only looks the same
            return None
        with interrupts.shielded():
            remove_parts(path)
            self._save(made.data, path)
        return Outcome(made=made)


def room(needs: Needs) -> int:
    """How many tasks the connected cluster has room for at the same time, at least one."""
    return max(1, int(sum(_places(node["Resources"], needs) for node in alive())))


def _places(has: Mapping[str, float], needs: Needs) -> float:
    """How many tasks a node with such resources has room for at the same time."""
    here = has.get("CPU", 0) // needs.cpus
    return min(here, has.get("GPU", 0) // needs.gpus) if needs.gpus else here


def painted_here(
    number: int,
    job: Job,
    common: Common,
    files: Sequence[SentFile],
    weights: Sequence[Any],
    folder: int | None,
    board: Sequence[Any],
) -> Made:
    """Make a painting on this node; this is the task.

    Args:
        number: of the painting.
        job: the painting, with absolute paths.
        common: what all tasks have in common.
        files: the files that it reads.
        weights: where the engine keeps the weights; empty if there are none.
        folder: what tells the folder of the painting from others; None if it is not to be written.
        board: where to write how far it is.

    Raises:
        ImpastoError: it cannot be painted.
    """
    import torch

    from impasto.experiments.many import Watch
    from impasto.process.notices import heard_by

    engine = ray()
    torch.set_num_threads(common.needs.cpus)
    node = engine.get_runtime_context().get_node_id()
    board[0].write.remote(number, 0, node)

    def on_step(step: Step) -> None:
        board[0].write.remote(number, step.number, node)

    path, written, data = job.painting.path, None, None
    notices: list[Message] = []
    is_shared = folder is not None and folder == _folder_of(job.painting)
    here = sending.files_here(job.painting, job.recipe, files, engine.get)
    with heard_by(notices.append), here as (painting, recipe):
        painter = _painter(recipe, common, weights, engine.get)
        planned = Painting(painting.content, painting.styles, path if is_shared else None)
        result = painter.result(planned, Watch(on_step=on_step))
        if is_shared and path is not None:
            remove_parts(path)
            with suppress(OSError, InputError):  # then the driver writes it, or says why it cannot
                result.save(path, metadata=common.metadata, **common.form)
                written = _digest_of(path)
        if written is None:
            data = _encoded(result, path, common)
    steps = [_plain(step) for step in result.history]
    return Made(result.size, steps, _plain(result.best), data, written, node, tuple(notices))


_painters: dict[str, Any] = {}  # the last one of this process, for the next task


def _painter(
    recipe: Recipe, common: Common, weights: Sequence[Any], fetch: Callable[[Any], Any]
) -> Any:
    """What paints with a recipe: that of the task before, if it had the same."""
    from impasto.experiments.many import Painter
    from impasto.run.either import paints_in_one_pass

    key = repr((recipe.model_dump_json(), common, weights))
    if key not in _painters:
        _painters.clear()
        device = "auto" if paints_in_one_pass(recipe) else common.needs.device
        loaded = fetch(weights[0]) if weights else None
        own = "bundled" if loaded is None else common.weights, common.weights_input
        _painters[key] = Painter(
            recipe, device, *own, common.form, loaded=loaded, threads=common.needs.cpus
        )
    return _painters[key]


def _encoded(result: Any, path: Path | None, common: Common) -> bytes:
    """A painting as the bytes of a file."""
    file, form = io.BytesIO(), dict(common.form)
    if form.get("format") is None:
        form["format"] = "png" if path is None else path.suffix[1:].lower()
    result.save(file, metadata=common.metadata, **form)
    return file.getvalue()


def _plain(step: Step) -> Step:
    return Step(step.number, step.loss, step.content, step.style, step.seconds, step.level)


def _folder_of(painting: Painting) -> int | None:
    """What tells the folder of a painting from others: its inode; None if there is none."""
    if painting.path is None:
        return None
    with suppress(OSError):
        return painting.path.parent.stat().st_ino
    return None


def _digest_of(path: Path) -> str | None:
    """SHA-256 of a file; None if there is none."""
    with suppress(OSError), path.open("rb") as file:
        return sha256_of(file)
    return None


def _died(error: Exception) -> bool:
    """Whether an error says that a task, its worker or its node died."""
    return is_lost(error) or isinstance(error, ray().exceptions.RayTaskError)


def _needs_weights(jobs: Sequence[Job]) -> bool:
    from impasto.run.either import paints_in_one_pass

    return not all(paints_in_one_pass(job.recipe) for job in jobs)


def _loaded(common: Common) -> Any:
    from impasto.run.named import Named
    from impasto.run.prepare import load_network

    return load_network(Named("", (), common.weights, common.weights_input))
