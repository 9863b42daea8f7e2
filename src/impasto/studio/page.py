"""The page of the studio: its components, and what happens when a visitor uses them."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd
from gradio.context import LocalContext
from PIL import Image

from impasto.errors import ImpastoError, InputError, StoppedError
from impasto.files.carried import SUFFIXES
from impasto.network import instant
from impasto.pictures import arrays, images, samples
from impasto.process.notices import heard_by
from impasto.run.either import paints_in_one_pass
from impasto.run.result import Result
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.studio import clips
from impasto.studio.camera import LivePainter, camera
from impasto.studio.clips import ClipOrder, ClipResult, ClipView
from impasto.studio.controls import (
    NAMES,
    USUAL_STRENGTH,
    component,
    recipe_from,
    recipe_in,
    recipe_of,
    strength_of,
    values_of,
)
from impasto.studio.editor import EDITED, editor, film, picture, two_styles, upload
from impasto.studio.glimpse import glimpse
from impasto.studio.jobs import Job, Painting, Waiting, Workshop
from impasto.studio.refusals import reason_for, refusal, understood_calls
from impasto.studio.texts import PREFIX, lasting, lasting_briefly, said, table, told
from impasto.studio.theme import SWITCH
from impasto.studio.visits import Visit, end_visit, stop_painting
from impasto.video.clip import USUAL_RATE
from impasto.video.reading import look

MOST_NOTED = 1000  # answers whose notes are kept until they are sent
LIVE_EVERY = 0.1  # seconds between two frames that the page sends
LIVE_LONGEST = 120  # seconds, after which another visitor's camera may be painted
CHOSEN = ("default", "fast", "fine")
PHOTOGRAPH, CLIP = "photograph", "clip"  # what can be painted


Updates = dict[Any, Any]


class Page:
    """The page of the studio.

    Args:
        workshop: the jobs.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._reading = threading.Lock()  # reading a large photograph takes much memory
        self._noted: dict[str, list[str]] = {}  # notes by the call that they belong to
        self.i18n = gr.I18n(en=table("en"), ko=table("ko"))
        with gr.Blocks(title="impasto", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
            self._lay_out()
            self._connect(page)
        page.process_api = understood_calls(self._with_notes(page.process_api))
        self.blocks = page

    def _text(self, key: str) -> Any:
        key = PREFIX + key
        assert key in self.i18n.translations["en"], key  # noqa: S101 – otherwise the page would show the key
        return self.i18n(key)

    def _lay_out(self) -> None:
        text = self._text
        self.visit = gr.State(None, delete_callback=end_visit)
        self.painter = gr.State(None)  # what paints the camera of this visitor
        self.language = gr.Textbox("en", visible="hidden")
        self.unfinished = gr.BrowserState("", storage_key="impasto-unfinished", secret="impasto")  # noqa: S106 – no secret, but the same after a restart
        with gr.Row(elem_id="head"):
            gr.Markdown("# impasto")
            self.switch = gr.Button(text("switch"), size="sm", elem_id="switch", scale=0)
        gr.Markdown(text("title"))
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                self._lay_out_inputs()
            with gr.Column(scale=3, min_width=300):
                self._lay_out_outputs()

    def _lay_out_inputs(self) -> None:
        text = self._text
        sources: Any = ["upload", "clipboard", "webcam"]
        self.kind = gr.Radio(
            [(text("content"), PHOTOGRAPH), (text("clip"), CLIP)],
            value=PHOTOGRAPH,
            label=text("kind"),
            elem_id="kind",
        )
        with gr.Row():
            self.content = picture(
                label=text("content"), sources=sources, height=240, elem_id="content"
            )
            with gr.Column(visible=False, min_width=160, elem_id="clip") as self.clip_place:
                if clips.is_installed():
                    self.clip = upload(label=text("clip"), height=120)
                    self.clip_use = gr.Markdown()
                else:
                    self.clip = upload(visible=False)
                    self.clip_use = gr.Markdown(text("no_clips"))
                self.first_frame = gr.Image(
                    label=text("first_frame"),
                    visible=False,
                    interactive=False,
                    format="jpeg",
                    height=140,
                    buttons=[],
                )
            self.style = picture(label=text("style"), sources=sources, height=240, elem_id="style")
        self.ours = gr.Dropdown(["", *samples.STYLES], value="", label=text("ours"), elem_id="ours")
        self.preset = gr.Radio(
            _offered_presets(), value="default", label=text("preset"), elem_id="preset"
        )
        self.strength = gr.Slider(0, 1, USUAL_STRENGTH, step=0.05, label=text("strength"))
        with gr.Row():
            self.paint = gr.Button(text("paint"), variant="primary", elem_id="paint")
            self.stop = gr.Button(text("stop"), variant="stop", elem_id="stop", interactive=False)
        self.go_on = gr.Button(text("go_on"), visible=False, elem_id="go-on")
        with gr.Accordion(text("second"), open=False):
            self.second = picture(
                label=text("second_style"), sources=sources, height=200, elem_id="second"
            )
            self.weight = gr.Slider(0.1, 2, 1, step=0.1, label=text("second_weight"))
            self.brush_use = gr.Markdown(text("brush_use"))
            self.brush = editor(
                label=text("brush"),
                type="numpy",
                image_mode="RGBA",
                sources=(),
                transforms=(),
                layers=False,
                brush=gr.Brush(default_size=40, colors=["#ff9f1c"], color_mode="fixed"),
                elem_id="brush",
            )
        with gr.Accordion(text("live"), open=False, visible=instant.is_installed(), elem_id="live"):
            self.live_status = gr.Markdown(text("live_use"), elem_id="live-status")
            self.camera = camera(label=text("camera"), height=240, elem_id="camera")
            self.live = gr.Image(
                label=text("live_painting"),
                interactive=False,
                format="jpeg",
                buttons=["fullscreen"],
                elem_id="live-painting",
            )
        with gr.Accordion(text("expert"), open=False):
            self.controls = [component(name, text) for name in NAMES]
        with gr.Accordion(text("recipe"), open=False):
            self.recipe_in = gr.File(
                label=text("recipe_in"), file_types=[".toml", *SUFFIXES], elem_id="recipe-in"
            )
            self.recipe_out = gr.Code(label=text("recipe_out"), language=None, interactive=False)

    def _lay_out_outputs(self) -> None:
        text = self._text
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
        self.film = film(
            label=text("film"), visible=False, autoplay=True, loop=True, elem_id="film"
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

    def _connect(self, page: gr.Blocks) -> None:
        settings: list[Any] = [self.strength, *self.controls]
        page.load(None, None, self.language, js="() => navigator.language")
        page.load(self._greet, self.unfinished, self.go_on, api_visibility="private")
        self.switch.click(None, js=SWITCH)
        self.ours.input(_ours, self.ours, self.style, api_visibility="private")
        self.preset.input(_of_preset, self.preset, settings, api_visibility="private")
        self.recipe_in.upload(
            _of_file, [self.language, self.recipe_in], settings, api_visibility="private"
        )
        self.content.input(
            self._to_brush, [self.language, self.content], self.brush, api_visibility="private"
        )
        shows_glimpse: dict[str, Any] = {
            "fn": self._glimpse,
            "inputs": [
                self.visit,
                self.language,
                self.kind,
                self.content,
                self.style,
                self.strength,
            ],
            "outputs": [self.glimpse, self.painting, self.compare, self.film, self.status],
            "concurrency_limit": 1,
            "concurrency_id": "glimpse",
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        self.kind.change(
            self._of_kind,
            [self.visit, self.language, self.kind],
            [
                self.content,
                self.clip_place,
                self.clip_use,
                self.brush_use,
                self.brush,
                self.losses,
                self.status,
            ],
            show_progress="hidden",
            api_visibility="private",
        ).then(**shows_glimpse)
        self.clip.change(
            self._look_at_clip,
            [self.language, self.clip],
            [self.first_frame, self.status],
            show_progress="hidden",
            api_visibility="private",
        )
        gr.on([self.content.change, self.style.change], **shows_glimpse)
        self.camera.stream(
            self._live,
            [self.painter, self.language, self.camera, self.style, self.strength],
            [self.painter, self.live, self.live_status],
            stream_every=LIVE_EVERY,
            time_limit=LIVE_LONGEST,
            concurrency_limit=1,
            show_progress="hidden",
            api_visibility="private",
        )
        gr.on(
            [control.change for control in settings],
            _to_toml,
            [self.language, *settings],
            self.recipe_out,
            show_progress="hidden",
            api_visibility="private",
        )
        pictures = [
            self.kind,
            self.content,
            self.clip,
            self.style,
            self.second,
            self.weight,
            self.brush,
        ]
        outputs = [
            self.visit,
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
            self.paint,
            self.stop,
            self.go_on,
        ]
        self.paint.click(
            self._paint,
            [self.visit, self.language, *pictures, *settings],
            outputs,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        self.go_on.click(
            self._go_on,
            [self.visit, self.language, self.unfinished],
            outputs,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        self.stop.click(stop_painting, self.visit, None, queue=False, api_visibility="private")
        self._connect_service()

    def _connect_service(self) -> None:
        """The service for other programs: takes two pictures and a recipe, returns a PNG."""
        content, style = picture(visible=False), picture(visible=False)
        recipe = gr.Textbox("", visible=False, label="recipe (TOML)", max_length=20_000)
        painting = gr.File(visible=False, label="painting (PNG)")
        gr.Button(visible=False).click(
            self._serve,
            [content, style, recipe],
            painting,
            api_name="paint",
            api_description="Paint content in the style of style, with a recipe in TOML.",
            concurrency_limit=None,
        )

    def _serve(self, content: str | None, style: str | None, recipe: str) -> Iterator[Any]:
        if content is None or style is None:
            raise refusal(said("missing", "en"))
        job, result = self.workshop.open(), None
        try:
            settings = recipe_from(recipe or "")
            kept = job.keep(Path(content), "content")
            styles = [Style(picture=job.keep(Path(style), "style"))]
            for view in self.workshop.paint(job, kept, styles, settings):
                result = view
                yield gr.skip()  # lets Gradio notice if the client has left
        except Exception as error:
            raise refusal(reason_for(error, "en")) from None
        finally:
            self._forget(job)
        if not isinstance(result, Result):
            raise refusal(said("unpainted", "en"))
        if job.ended.is_set():
            raise refusal(said("saved", "en"))
        with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
            file = Path(folder, "painting.png")
            result.save(file)
            event = LocalContext.event_id.get(None)
            if job.notes and event is not None:
                self._noted[event] = [told(note, "en") for note in job.notes]
                if len(self._noted) > MOST_NOTED:  # a client left before the answer
                    del self._noted[next(iter(self._noted))]
            yield str(file)

    def _with_notes(self, process: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Wrap the function that processes calls, so that a painting is sent with its notes."""

        @wraps(process)
        async def with_notes(*given: Any, **named: Any) -> Any:
            answer = await process(*given, **named)
            event = named.get("event_id") or ""
            if event in self._noted and not answer["is_generating"]:
                answer["data"][0]["notes"] = self._noted.pop(event)
            return answer

        return with_notes

    def _to_brush(self, language: str, content: str | None) -> Any:
        if content is None:
            return None
        try:
            self.workshop.limits.check_uploaded([images.described(content, "photograph")])
            with self._reading, heard_by(lambda _: None):  # the notes are shown when it is painted
                pixels = images.read(content, "photograph").pixels
        except ImpastoError as error:
            raise refusal(reason_for(error, language)) from None
        picture = Image.fromarray(arrays.to_uint8(pixels))
        picture.thumbnail((EDITED, EDITED))
        return {"background": picture, "layers": [], "composite": None}

    def _of_kind(self, visit: Visit | None, language: str, kind: str) -> Updates:
        """Show what concerns a photograph, or what concerns a clip."""
        is_clip = kind == CLIP
        updates: Updates = {
            self.content: gr.Image(visible=not is_clip),
            self.clip_place: gr.Column(visible=is_clip),
            self.brush_use: said("clip_blend" if is_clip else "brush_use", language),
            self.brush: gr.ImageEditor(visible=not is_clip),
        }
        if visit is None or visit.job is None:
            updates[self.losses] = gr.LinePlot(None, visible=not is_clip)
            updates[self.status] = said("clip_wanted" if is_clip else "ready", language)
        if is_clip and clips.is_installed():
            most = self.workshop.limits.frames
            seconds = lasting(float(most / USUAL_RATE), language)
            rate = int(USUAL_RATE)
            use = said("clip_use", language, most=most, seconds=seconds, rate=rate)
            updates[self.clip_use] = use
        return updates

    def _look_at_clip(self, language: str, path: str | None) -> Iterator[Updates]:
        """Show the first frame of a clip and say how long it is, or why it cannot be painted."""
        yield {self.first_frame: gr.Image(None, visible=False)}
        if path is None:
            return
        try:
            with self._reading, heard_by(lambda _: None):
                clip = look(path)
                self.workshop.limits.check_length(clip)
                first = clips.first_frame(clip)
        except ImpastoError as error:
            raise refusal(reason_for(error, language)) from None
        width, height = clip.size
        yield {
            self.first_frame: gr.Image(first, visible=first is not None),
            self.status: said(
                "clip_ready",
                language,
                count=clip.count,
                seconds=lasting_briefly(clip.seconds, language),
                width=width,
                height=height,
            ),
        }

    def _glimpse(
        self,
        visit: Visit | None,
        language: str,
        kind: str,
        content: str | None,
        style: str | None,
        strength: float,
    ) -> Updates:
        """Show the quick preview of two pictures, unless a painting is in progress."""
        is_painting = visit is not None and visit.job is not None
        if kind == CLIP or content is None or style is None or is_painting:
            return {self.glimpse: gr.Image(visible=False)}
        workshop = self.workshop
        preview = glimpse(
            content, style, strength, workshop.limits, workshop.threads, self._reading
        )
        if preview is None:
            return {self.glimpse: gr.Image(visible=False)}
        return {
            self.glimpse: gr.Image(preview, visible=True),
            self.painting: gr.Image(visible=False),
            self.compare: gr.ImageSlider(visible=False),
            self.film: gr.Video(visible=False),
            self.status: said("glimpsed", language),
        }

    def _live(
        self,
        painter: LivePainter | None,
        language: str,
        frame: bytes | None,
        style: str | None,
        strength: float,
    ) -> tuple[Any, Any, str]:
        """Paint a frame of a visitor's camera."""
        if frame is None or style is None:
            return painter, gr.skip(), said("live_use", language)
        try:
            if painter is None or not painter.serves(style, strength):
                self.workshop.limits.check_uploaded([images.described(style, "style picture")])
                painter = LivePainter(style, strength, self.workshop.threads)
            with heard_by(lambda _: None):
                painting, rate = painter.paint(frame)
        except ImpastoError as error:
            return None, gr.skip(), reason_for(error, language)
        return painter, painting, said("rate", language, rate=rate)

    def _forget(self, job: Job) -> None:
        """Close a job that has no thread; a thread closes its own job."""
        if not job.started.is_set():
            self.workshop.close(job)

    def _greet(self, name: str) -> Any:
        return gr.Button(visible=isinstance(name, str) and self.workshop.has_unfinished(name))

    def _paint(
        self,
        known: Visit | None,
        language: str,
        kind: str,
        content: str | None,
        clip: str | None,
        style: str | None,
        second: str | None,
        weight: float,
        brush: dict[str, Any] | None,
        strength: float,
        *values: Any,
    ) -> Iterator[Updates]:
        is_clip = kind == CLIP
        given = clip if is_clip else content
        if is_clip and not clips.is_installed():
            raise refusal(said("no_clips", language))
        if given is None or style is None:
            raise refusal(said("clip_missing" if is_clip else "missing", language))
        visit, job = known or Visit(), self.workshop.open()
        try:
            recipe = recipe_of(values, strength)
            styles = [Style(picture=job.keep(Path(style), "style"))]
            if second is not None:
                region = None if is_clip else brush
                second_kept = job.keep(Path(second), "second")
                styles = two_styles(job, styles[0], second_kept, weight, region)
            if is_clip:  # told before the visitor waits, and with the name of their file
                with self._reading:
                    self.workshop.check_clip(ClipOrder(Path(given), styles, recipe))
            kept = job.keep(Path(given), "clip" if is_clip else "content")
        except Exception as error:
            self.workshop.close(job)
            raise refusal(reason_for(error, language)) from None
        if is_clip:
            order = ClipOrder(kept, styles, recipe)
            views = self.workshop.paint_clip(job, order, _film_of(visit))
        else:
            views = self.workshop.paint(job, kept, styles, recipe)
        has_losses = not is_clip and not paints_in_one_pass(recipe)
        yield from self._show(visit, language, job, views, has_losses=has_losses)

    def _go_on(self, known: Visit | None, language: str, name: str) -> Iterator[Updates]:
        job = self.workshop.take_up(name) if isinstance(name, str) else None
        if job is None:
            raise refusal(said("gone", language))
        visit, is_clip = known or Visit(), job.is_clip
        try:
            views = (
                self.workshop.go_on_with_clip(job, _film_of(visit))
                if is_clip
                else self.workshop.go_on(job)
            )
        except ImpastoError as error:
            self.workshop.close(job)
            raise refusal(reason_for(error, language)) from None
        yield from self._show(visit, language, job, views, has_losses=not is_clip)

    def _show(
        self,
        visit: Visit,
        language: str,
        job: Job,
        views: Iterator[Any],
        *,
        has_losses: bool = True,
    ) -> Iterator[Updates]:
        """Yield the updates of the page during a painting; one without losses has no plot."""
        visit.job = job
        rest = {
            self.paint: gr.Button(interactive=True),
            self.stop: gr.Button(interactive=False),
        }
        losses: list[tuple[int, float]] = []
        last: Updates | None = None
        try:
            yield {
                self.visit: visit,
                self.unfinished: job.name,
                self.status: said("reading", language),
                self.notes: gr.Markdown(visible=False),
                self.losses: gr.LinePlot(None, visible=has_losses),
                self.glimpse: gr.Image(visible=False),
                self.painting: gr.Image(visible=True),
                self.compare: gr.ImageSlider(visible=False),
                self.film: gr.Video(visible=False),
                self.files: gr.File(visible=False),
                self.paint: gr.Button(interactive=False),
                self.stop: gr.Button(interactive=True),
                self.go_on: gr.Button(visible=False),
            }
            for view in views:
                if isinstance(view, Result):
                    yield {self.status: self._said_of(view, language, job)}
                    last = self._done(visit, view, job)
                elif isinstance(view, ClipResult):
                    last = self._done_clip(visit, view, language)
                elif isinstance(view, ClipView):
                    yield self._going_clip(view, language, job)
                elif isinstance(view, Waiting):
                    seconds = lasting(view.seconds, language)
                    yield {
                        self.status: said("waiting", language, ahead=view.ahead, seconds=seconds)
                    }
                elif has_losses:
                    loss = float(np.log10(max(view.step.loss, 1e-30)))
                    losses.append((view.step.number, loss))
                    yield from self._going(view, language, losses, job)
        except Exception as error:
            last = self._undone(job, language, error)
        finally:
            visit.job = None
            self._forget(job)
        yield {
            **rest,
            **(last or self._undone(job, language, StoppedError())),
            self.notes: _of_notes(job, language),
        }

    def _going(
        self, view: Painting, language: str, losses: list[tuple[int, float]], job: Job
    ) -> Iterator[Updates]:
        """The updates of the page for a step; none without a new preview."""
        if view.preview is None:
            return
        yield {
            self.glimpse: gr.Image(visible=False),
            self.painting: gr.Image(view.preview, visible=True),
            self.notes: _of_notes(job, language),
            self.losses: pd.DataFrame(losses, columns=["step", "loss"]),
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

    def _undone(self, job: Job, language: str, error: Exception) -> Updates:
        """The updates if there is no painting: why, and whether it can be resumed."""
        is_kept = job.is_unfinished
        is_saved = is_kept and isinstance(error, StoppedError)
        return {
            self.status: said("saved", language) if is_saved else reason_for(error, language),
            self.unfinished: job.name if is_kept else "",
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

    def _done(self, visit: Visit, result: Result, job: Job) -> Updates:
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


def _film_of(visit: Visit) -> Path:
    """The file of the next clip of a visit."""
    return visit.next_place().with_suffix(clips.SUFFIX)


def _offered_presets() -> list[str]:
    """The presets that the page offers, from the fastest on where one paints at once."""
    return ["instant", *CHOSEN] if instant.is_installed() else list(CHOSEN)


def _ours(name: str) -> str | None:
    return str(samples.style(name)) if name else None


def _of_preset(name: str) -> list[Any]:
    recipe = Recipe.preset(name if name in PRESETS else "default")
    return [strength_of(recipe), *values_of(recipe)]


def _of_file(language: str, path: str | None) -> list[Any]:
    if path is None:
        return [gr.skip() for _ in range(1 + len(NAMES))]
    try:
        recipe = recipe_in(Path(path))
    except ImpastoError as error:
        raise refusal(reason_for(error, language)) from None
    return [strength_of(recipe), *values_of(recipe)]


def _to_toml(language: str, strength: float, *values: Any) -> str:
    try:
        return recipe_of(values, strength).to_toml()
    except InputError as error:
        return reason_for(error, language)


def _of_notes(job: Job, language: str) -> gr.Markdown:
    """The component with the notes about a painting."""
    lines = "\n".join(f"- {told(note, language)}" for note in job.notes)
    return gr.Markdown(lines, visible=bool(lines))
