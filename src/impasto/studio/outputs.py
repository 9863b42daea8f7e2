"""The right side of the page: what a visitor sees while something is painted, and gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from impasto.errors import StoppedError
from impasto.painters.applying import LearnedPainting
from impasto.run.either import paints_in_one_pass
from impasto.run.result import Result
from impasto.studio.clips import ClipResult, ClipView
from impasto.studio.editor import Film
from impasto.studio.inputs import PAINTER, Inputs
from impasto.studio.job import Job, Painting, Waiting
from impasto.studio.jobs import Ending, Going, Workshop
from impasto.studio.painters import TrainedPainter, TrainingView
from impasto.studio.refusals import reason_for
from impasto.studio.texts import lasting, lasting_briefly, said, told
from impasto.studio.visits import Visit

Updates = dict[Any, Any]


class Outputs:
    """The components that show a painting.

    Args:
        text: returns a text of the page by its key.
        workshop: the jobs.
        visit: the component that holds the visit.
        begun: the component that holds how many jobs the page has begun.
        unfinished: the component that holds the name of an unfinished job.
        inputs: the left side of the page.
    """

    def __init__(
        self,
        text: Callable[[str], Any],
        workshop: Workshop,
        visit: gr.State,
        begun: gr.Number,
        unfinished: gr.BrowserState,
        inputs: Inputs,
    ) -> None:
        self.visit, self.begun, self.unfinished = visit, begun, unfinished
        self._workshop, self._inputs = workshop, inputs
        self.status = gr.Markdown(text("ready"), elem_id="status")
        self.notes = gr.Markdown(visible=False, elem_id="notes")
        self.glimpse = gr.Image(
            label=text("glimpse"),
            visible=False,
            interactive=False,
            format="jpeg",
            buttons=["fullscreen"],
            elem_id="glimpse",
        )
        self.painting = gr.Image(
            label=text("painting"),
            interactive=False,
            format="jpeg",
            buttons=["fullscreen"],
            elem_id="painting",
        )
        self.losses = gr.LinePlot(
            None,
            x="step",
            y="loss",
            height=180,
            label=text("losses"),
            x_title=" ",
            y_title="log₁₀",
            elem_id="losses",
        )
        self.compare = gr.ImageSlider(
            label=text("compare"), visible=False, buttons=["fullscreen"], elem_id="compare"
        )
        self.film = Film(
            label=text("film"),
            visible=False,
            interactive=False,
            autoplay=True,
            loop=True,
            elem_id="film",
        )
        self.files = gr.File(
            label=text("files"),
            visible=False,
            interactive=False,
            file_count="multiple",
            elem_id="files",
        )
        self.history = gr.Gallery(
            label=text("history"),
            visible=False,
            columns=4,
            height=200,
            object_fit="contain",
            fit_columns=False,
            buttons=["download", "fullscreen"],
            elem_id="history",
        )

    @property
    def components(self) -> list[Any]:
        """All components that change while something is painted."""
        return [
            self.visit,
            self.begun,
            self.unfinished,
            self.status,
            self.notes,
            self.glimpse,
            self.painting,
            self.losses,
            self.compare,
            self.film,
            self.files,
            self.history,
            self._inputs.paint,
            self._inputs.stop,
            self._inputs.go_on,
            self._inputs.learn,
            self._inputs.preset,
            self._inputs.painter,
            self._inputs.painters,
            self._inputs.painter_style,
        ]

    def show(
        self,
        visit: Visit,
        language: str,
        job: Job,
        views: Iterator[Any],
        *,
        has_losses: bool = True,
        names: Sequence[str] = (),
    ) -> Iterator[Updates]:
        """Yield the updates of the page during a painting or a training.

        Args:
            visit: the visit.
            language: of the visitor.
            job: the job.
            views: what it reports.
            has_losses: whether there are losses to plot.
            names: the styles that are learned.
        """
        visit.begin(job)
        rest = {
            self._inputs.paint: gr.Button(interactive=True),
            self._inputs.learn: gr.Button(interactive=True),
            self._inputs.stop: gr.Button(interactive=False),
        }
        losses: list[tuple[int, float]] = []
        last: Updates | None = None
        try:
            yield {
                self.visit: visit,
                self.begun: visit.begun,
                self.unfinished: job.name,
                self.status: said("reading", language),
                self.notes: gr.Markdown(visible=False),
                self.losses: gr.LinePlot(None, visible=has_losses),
                self.glimpse: gr.Image(visible=False),
                self.painting: gr.Image(visible=True),
                self.compare: gr.ImageSlider(visible=False),
                self.film: gr.Video(visible=False),
                self.files: gr.File(visible=False),
                self._inputs.paint: gr.Button(interactive=False),
                self._inputs.learn: gr.Button(interactive=False),
                self._inputs.stop: gr.Button(interactive=True),
                self._inputs.go_on: gr.Button(visible=False),
            }
            for view in views:
                if isinstance(view, Ending):
                    if isinstance(view, Result):  # saving it takes a moment
                        yield {self.status: self._said_of(view, language, job)}
                    last = self._ended(visit, view, job, language)
                elif has_losses or not isinstance(view, Painting):
                    updates = self._going(view, language, job, losses, names)
                    if updates:
                        yield updates
        except Exception as error:
            last = self._undone(job, language, error)
        finally:
            visit.job = None
            self._workshop.forget(job)
        yield {
            **rest,
            **(last or self._undone(job, language, StoppedError())),
            **({self.losses: _curve(losses)} if losses else {}),  # also of steps without a preview
            self.notes: _of_notes(job, language),
        }

    def _ended(self, visit: Visit, ending: Ending, job: Job, language: str) -> Updates:
        """The updates of the page for what a job has made."""
        match ending:
            case ClipResult():
                return self._done_clip(visit, ending, language)
            case TrainedPainter():
                return self._done_training(visit, ending, language)
            case LearnedPainting():
                width, height = ending.size
                status = said("done_at_once", language, width=width, height=height)
                return {**self._done(visit, ending, job), self.status: status}
        return self._done(visit, ending, job)

    def _going(
        self,
        view: Waiting | Going,
        language: str,
        job: Job,
        losses: list[tuple[int, float]],
        names: Sequence[str],
    ) -> Updates:
        """The updates of the page while a job waits or works; none if nothing is new."""
        match view:
            case Waiting():
                seconds = lasting(view.seconds, language)
                return {self.status: said("waiting", language, ahead=view.ahead, seconds=seconds)}
            case ClipView():
                return self._going_clip(view, language, job)
            case TrainingView():
                losses.append((view.step, _plotted(view.loss)))
                return self._going_training(view, language, losses, job, names)
        losses.append((view.step.number, _plotted(view.step.loss)))
        return {} if view.preview is None else self._going_picture(view, language, losses, job)

    def _going_picture(
        self, view: Painting, language: str, losses: list[tuple[int, float]], job: Job
    ) -> Updates:
        """The updates of the page for a step with a preview."""
        return {
            self.glimpse: gr.Image(visible=False),
            self.painting: gr.Image(view.preview, visible=True),
            self.notes: _of_notes(job, language),
            self.losses: _curve(losses),
            self.status: said(
                "going",
                language,
                number=view.step.number,
                steps=view.steps,
                size=view.size,
                left=lasting(view.left, language),
                loss=view.step.loss,
            ),
        }

    def _going_clip(self, view: ClipView, language: str, job: Job) -> Updates:
        """The updates of the page while a clip is painted."""
        stage = view.stage if view.stage != "painting" or view.left is not None else "begun"
        updates: Updates = {
            self.notes: _of_notes(job, language),
            self.status: said(
                f"clip_{stage}",
                language,
                frames=view.frames,
                count=view.count,
                left=lasting(view.left or 0, language),
            ),
        }
        if view.preview is not None:
            updates[self.painting] = gr.Image(view.preview, visible=True)
        return updates

    def _done_clip(self, visit: Visit, result: ClipResult, language: str) -> Updates:
        """The updates of the page for a painted clip, or its beginning."""
        file, clip = str(result.clip.path), result.clip
        visit.remember(file)
        width, height = clip.size
        return {
            self.status: said(
                "clip_done" if result.is_whole else "clip_stopped",
                language,
                frames=clip.frames,
                count=result.count,
                seconds=lasting_briefly(clip.seconds, language),
                width=width,
                height=height,
            ),
            self.painting: gr.Image(None, visible=False),
            self.film: gr.Video(file, visible=True),
            self.files: gr.File([file], visible=True, interactive=False),
            self.history: gr.Gallery(list(visit.history), visible=True),
            self.unfinished: "",
        }

    def _going_training(
        self,
        view: TrainingView,
        language: str,
        losses: list[tuple[int, float]],
        job: Job,
        names: Sequence[str],
    ) -> Updates:
        """The updates of the page while a painter is trained."""
        updates: Updates = {
            self.notes: _of_notes(job, language),
            self.status: said(
                "learning",
                language,
                names=", ".join(names),
                share=view.share,
                left=lasting(view.left, language),
                number=view.step,
                loss=view.loss,
            ),
        }
        if view.preview is not None:
            updates[self.painting] = gr.Image(view.preview, visible=True)
            updates[self.losses] = _curve(losses)
        return updates

    def _done_training(self, visit: Visit, trained: TrainedPainter, language: str) -> Updates:
        """The updates of the page for a painter: it is ready to paint."""
        file = str(trained.path)
        visit.painters[trained.path.stem] = file
        return {
            self.status: said(
                "learned" if trained.is_whole else "learning_stopped",
                language,
                names=", ".join(trained.styles),
                number=trained.steps,
                seconds=lasting(trained.seconds, language),
            ),
            self.painting: gr.Image(trained.sample, visible=True),
            self.files: gr.File([file], visible=True, interactive=False),
            self.unfinished: "",
            self._inputs.preset: PAINTER,
            self._inputs.painter: file,
            self._inputs.painters: gr.Dropdown(
                list(visit.painters), value=trained.path.stem, visible=True
            ),
            self._inputs.painter_style: self._inputs.styles_of(trained.styles),
        }

    def _undone(self, job: Job, language: str, error: Exception) -> Updates:
        """The updates if there is no painting: why, and whether it can be resumed."""
        is_kept, is_ending = job.is_kept(), job.ended.is_set()
        is_stopped = is_kept and isinstance(error, StoppedError)
        key = "saved" if is_ending else "kept"
        return {
            self.status: said(key, language) if is_stopped else reason_for(error, language),
            self.unfinished: job.name if is_kept else "",
            self._inputs.go_on: gr.Button(visible=is_kept and not is_ending),
        }

    def _said_of(self, result: Result, language: str, job: Job) -> str:
        """The status that tells how a painting ended."""
        last = result.history[-1]
        if result.stopped is not None:
            key = "saved" if job.ended.is_set() else "stopped"
            return said(key, language, number=last.number)
        width, height = result.size
        if paints_in_one_pass(result.recipe):
            return said("done_at_once", language, width=width, height=height)
        seconds = lasting(last.seconds, language)
        return said(
            "done", language, width=width, height=height, number=last.number, seconds=seconds
        )

    def _done(self, visit: Visit, result: Result | LearnedPainting, job: Job) -> Updates:
        files = visit.keep(result)
        formats = [path for kind, path in files.items() if kind.startswith(".")]
        return {
            self.glimpse: gr.Image(visible=False),
            self.painting: gr.Image(None, visible=False),
            self.compare: gr.ImageSlider((files["photograph"], files["painting"]), visible=True),
            self.files: gr.File(formats, visible=True, interactive=False),
            self.history: gr.Gallery(list(visit.history), visible=True),
            self.unfinished: job.name if job.ended.is_set() else "",
        }


def _of_notes(job: Job, language: str) -> gr.Markdown:
    """The component with the notes about a painting."""
    lines = "\n".join(f"- {told(note, language)}" for note in job.notes)
    return gr.Markdown(lines, visible=bool(lines))


def _plotted(loss: float) -> float:
    """The logarithm of a loss, to the base of 10."""
    return float(np.log10(max(loss, 1e-30)))


def _curve(losses: list[tuple[int, float]]) -> pd.DataFrame:
    """What the plot of losses shows: a row for each step so far."""
    return pd.DataFrame(losses, columns=["step", "loss"])
