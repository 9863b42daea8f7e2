"""All jobs of the studio: waiting, painting, stopping, resuming after a restart."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import torch
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from impasto.errors import InputError, StoppedError
from impasto.painters.applying import LearnedPainting
from impasto.pictures import images
from impasto.process import interrupts
from impasto.process.notices import heard_by
from impasto.run.either import paints_in_one_pass, prepare
from impasto.run.prepared import Prepared
from impasto.run.result import Result, Step
from impasto.run.resuming import resumed
from impasto.run.run import Run
from impasto.run.saving import save_to
from impasto.run.showing import Account
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.studio import clips, painters
from impasto.studio.clips import ORDER, ClipOrder, ClipResult, ClipView
from impasto.studio.job import Job, Painting, Previews, Waiting
from impasto.studio.limits import Limits
from impasto.studio.painters import (
    TRAINING,
    PainterOrder,
    TrainedPainter,
    TrainingOrder,
    TrainingView,
)
from impasto.studio.queue import Place, Queue

LOG = logging.getLogger("impasto")
ASK_EVERY = 0.5  # seconds between two checks of the queue
LOOK_EVERY, PATIENCE = 0.1, 1.0  # seconds between checks of a job, and until one is abandoned


Ending = Result | ClipResult | TrainedPainter | LearnedPainting
Going = Painting | ClipView | TrainingView
View = Waiting | Going | Ending
Told = View | Exception | None
Tell = Callable[[Told], None]


class Workshop:
    """All jobs of a server.

    Args:
        folder: contains a folder for every job.
        limits: the limits for every job.
        device: the device of the runs.
    """

    def __init__(self, folder: Path, limits: Limits, device: str = "auto") -> None:
        self.folder, self.limits, self.device = folder, limits, device
        self.threads = torch.get_num_threads()
        self.queue = Queue(limits.waiting)
        self.registry = CollectorRegistry()
        self._ended = Counter(
            "impasto_paintings", "Paintings, by how they ended", ["how"], registry=self.registry
        )
        self._seconds = Counter(
            "impasto_painting_seconds", "Time spent painting", registry=self.registry
        )
        for name in ("impasto_queue", "impasto_line"):  # the second is the old name of the first
            waiting = Gauge(
                name, "Paintings in the queue, including the current one", registry=self.registry
            )
            waiting.set_function(lambda: len(self.queue))
        self.jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def open(self) -> Job:
        """Open a new job, and return it."""
        job = Job(self.folder / secrets.token_urlsafe(16))
        job.folder.mkdir(mode=0o700)
        self.jobs[job.name] = job
        return job

    def has_unfinished(self, name: str) -> bool:
        """Whether a stopped server has left the job with that name unfinished."""
        folder = self.folder / name
        if name in self.jobs or folder.parent != self.folder or not name.strip("."):
            return False
        return Job(folder).is_unfinished

    def take_up(self, name: str) -> Job | None:
        """Open an unfinished job to resume it; None if there is none, or it was already opened."""
        with self._lock:
            if not self.has_unfinished(name):
                return None
            self.jobs[name] = job = Job(self.folder / name, is_resumed=True)
            return job

    def close(self, job: Job, *, is_answered: bool = False) -> None:
        """Close a job; its files are removed unless it can be resumed.

        Args:
            job: the job.
            is_answered: whether the visitor has got what was painted.
        """
        self.jobs.pop(job.name, None)
        is_done = is_answered and not job.ended.is_set()
        if is_done or not job.is_kept():
            shutil.rmtree(job.folder, ignore_errors=True)

    def forget(self, job: Job) -> None:
        """Close a job that has no thread; a thread closes its own job."""
        if not job.started.is_set():
            self.close(job)

    def end(self) -> None:
        """End every job after its current step; its run is saved."""
        for job in list(self.jobs.values()):
            job.ended.set()
            job.stop.set()

    def paint(self, job: Job, content: Path, styles: list[Style], recipe: Recipe) -> Iterator[View]:
        """Wait in the queue and paint; yields what the visitor sees, and finally the result.

        Raises:
            InputError: a picture or a setting cannot be used, or the queue is full.
            RunError: the run failed.
            StoppedError: the run was stopped before its first step.
        """

        def make() -> Prepared:
            pictures = [content, *(Path(style.picture) for style in styles)]
            self.limits.check([images.described(path) for path in pictures], recipe)
            device = "cpu" if paints_in_one_pass(recipe) else self.device
            run = prepare(content, styles, recipe, device=device, threads=self.threads)
            if isinstance(run, Run):
                save_to(run, job.checkpoint, is_given_up=job.is_given_up)
            return run

        return self._told(job, partial(self._paint, make, job))

    def check_clip(self, order: ClipOrder) -> None:
        """Make sure that a clip can be painted, and is within the limits.

        Raises:
            InputError: it cannot, or is not.
        """
        clips.check(order, self.limits)

    def paint_clip(self, job: Job, order: ClipOrder, output: Path) -> Iterator[View]:
        """Wait in the queue and paint a clip; yields what the visitor sees, finally the result.

        Args:
            job: the job.
            order: what is painted, with its pictures in the folder of the job.
            output: the file of the painted clip.

        Raises:
            InputError: the clip, a picture or a setting cannot be used, or the queue is full.
            RunError: the painting of a frame failed.
            StoppedError: the work was stopped before the first frame, or is saved.
        """

        def paint(place: Place, tell: Tell) -> ClipResult:
            try:
                return clips.paint_clip(
                    order,
                    job.folder,
                    output,
                    self.limits,
                    self.device,
                    self.threads,
                    _telling(place, tell),
                    job.ended.is_set,
                )
            finally:
                if not job.ended.is_set():
                    (job.folder / ORDER).unlink(missing_ok=True)

        return self._told(job, paint)

    def go_on_with_clip(self, job: Job, output: Path) -> Iterator[View]:
        """Resume an unfinished clip; yields the same as :meth:`paint_clip`.

        Raises:
            InputError: the job cannot be resumed.
        """
        return self.paint_clip(job, ClipOrder.load(job.folder), output)

    def train(self, job: Job, order: TrainingOrder, output: Path) -> Iterator[View]:
        """Wait in the queue and train a painter; yields what the visitor sees, finally the painter.

        Args:
            job: the job.
            order: what is learned, with its pictures in the folder of the job; an unfinished
                training is resumed with the order that it has saved there.
            output: the file of the painter.

        Raises:
            InputError: a picture or a setting cannot be used, or the queue is full.
            RunError: the training failed.
            StoppedError: the training was stopped before the first step, or is saved.
        """

        def train(place: Place, tell: Tell) -> TrainedPainter:
            try:
                return painters.train(
                    order,
                    job.folder,
                    output,
                    self.limits,
                    self.device,
                    _telling(place, tell),
                    job.is_over,
                    job.ended.is_set,
                )
            finally:
                if not job.ended.is_set():
                    (job.folder / TRAINING).unlink(missing_ok=True)

        return self._told(job, train, order.seconds)

    def check_training(self, order: TrainingOrder) -> None:
        """Make sure that a painter can be trained, and that its training is within the limits.

        Raises:
            InputError: it cannot, or is not.
        """
        painters.check(order, self.limits)

    def check_painter(self, order: PainterOrder) -> None:
        """Make sure that a photograph can be painted by a painter, and is within the limits.

        Raises:
            InputError: it cannot, or is not.
        """
        painters.check_painting(order, self.limits)

    def paint_with_painter(self, job: Job, order: PainterOrder) -> Iterator[View]:
        """Wait in the queue and paint a photograph with a painter; finally yields the painting.

        Raises:
            InputError: the painter, the photograph or a setting cannot be used, or the queue is
                full.
            RunError: there is not enough memory.
        """

        def paint(_place: Place, _tell: Tell) -> LearnedPainting:
            return painters.paint(order, self.limits, self.device)

        return self._told(job, paint, painters.AT_ONCE)

    def go_on(self, job: Job) -> Iterator[View]:
        """Resume an unfinished painting; yields the same as :meth:`paint`.

        Raises:
            InputError: the job cannot be resumed; the log says why.
            RunError: the run failed.
            StoppedError: the run was stopped before its first step.
        """

        def make() -> Prepared:
            try:
                return resumed(job.checkpoint)
            except InputError as error:
                LOG.warning("A painting cannot be continued: %s", error)
                raise InputError("studio.lost") from None

        return self._told(job, partial(self._paint, make, job))

    def metrics(self) -> bytes:
        """The metrics of the server in Prometheus's text format."""
        return generate_latest(self.registry)

    def _told(
        self, job: Job, paint: Callable[[Place, Tell], Ending], seconds: float | None = None
    ) -> Iterator[View]:
        """Yield what the thread of a job reports; the job stops if nobody consumes this.

        Args:
            job: the job.
            paint: does the work.
            seconds: the time that it takes, which comes on top of the time limit; None if unknown.
        """
        told: SimpleQueue[Told] = SimpleQueue()
        job.started.set()
        threading.Thread(
            target=self._work,
            args=(job, paint, told.put, seconds),
            name=f"job {job.name[:6]}",
            daemon=True,
        ).start()
        has_begun = False
        try:
            while (view := _next(told, job, has_begun)) is not None:
                if isinstance(view, Exception):
                    raise view
                has_begun = has_begun or isinstance(view, Going)
                yield view
        finally:
            job.stop.set()

    def _work(
        self,
        job: Job,
        paint: Callable[[Place, Tell], Ending],
        tell: Tell,
        known: float | None,
    ) -> None:
        """Wait in the queue, paint, and leave the queue; runs in the thread of the job."""
        place: Place | None = None
        began, how = None, "stopped"
        last: Ending | Exception | None = None
        torch.set_num_threads(self.threads)  # each thread needs its own call
        try:
            place = self.queue.enter(known)
            while not place.wait(ASK_EVERY) and not job.stop.is_set():
                tell(Waiting(place.ahead, place.expected()))
            if not job.stop.is_set():
                began = time.monotonic()
                job.until = began + self.limits.seconds + (known or 0.0)
                with heard_by(job.note), interrupts.scope(job.is_long_over):
                    last = paint(place, tell)
                how = "done" if _is_whole(last) else "stopped"
        except StoppedError as error:
            last = error
        except Exception as error:
            last, how = error, "failed"
        finally:
            seconds = 0.0 if began is None else time.monotonic() - began
            if place is not None:
                place.leave(seconds if how == "done" and known is None else None)
            is_answered = last is not None and not isinstance(last, Exception)
            self.close(job, is_answered=is_answered)
            self._ended.labels(how).inc()
            self._seconds.inc(seconds)
            tell(last)
            tell(None)

    def _paint(self, make: Callable[[], Prepared], job: Job, place: Place, tell: Tell) -> Result:
        """Prepare a run and paint its picture, and tell of every step."""
        run = make()
        account, previews = Account(run.levels), Previews()

        def on_step(step: Step) -> bool:
            account.take(step)
            place.left = left = account.left(step)
            tell(Painting(step, account.steps, account.size(step), left, previews.of(step)))
            return not job.is_over()

        return run.paint(on_step)


def _telling(place: Place, tell: Tell) -> Callable[[ClipView | TrainingView], None]:
    """A function that tells a visitor of their work, and those who wait how long it takes."""

    def on_view(view: ClipView | TrainingView) -> None:
        place.left = view.left
        tell(view)

    return on_view


def _is_whole(ending: Ending) -> bool:
    """Whether a job was not stopped before its end."""
    match ending:
        case ClipResult() | TrainedPainter():
            return ending.is_whole
        case Result():
            return ending.stopped is None
    return True


def _next(told: SimpleQueue[Told], job: Job, has_begun: bool) -> Told:
    """The next report of a job.

    Raises:
        StoppedError: the job should end, has no step yet, and does not end because it is within
            something that cannot be interrupted, such as a decoder.
    """
    over = None
    while True:
        with suppress(Empty):
            return told.get(timeout=LOOK_EVERY)
        if has_begun or not job.is_long_over():
            continue
        over = over or time.monotonic()
        if time.monotonic() - over > PATIENCE:
            raise StoppedError
