"""The page of the studio: its components, and what happens when a visitor uses them."""

from __future__ import annotations

from typing import Any, Literal

import gradio as gr

from impasto.messages.message import LANGUAGES
from impasto.studio.beforehand import Beforehand
from impasto.studio.inputs import (
    Inputs,
    our_style,
    settings_as_toml,
    settings_of_file,
    settings_of_preset,
)
from impasto.studio.jobs import Workshop
from impasto.studio.outputs import Outputs
from impasto.studio.refusals import understood_calls
from impasto.studio.service import Service
from impasto.studio.starting import Starting, kept_painter
from impasto.studio.texts import PREFIX, lasting, said, table
from impasto.studio.theme import GREETING, OF_KIND, OF_PRESET, SWITCH
from impasto.studio.visits import Visit, end_visit, stop_painting
from impasto.video.clip import USUAL_RATE

# A choice made while the answer to the one before is awaited counts too: it is sent after that.
LAST: Literal["always_last"] = "always_last"
HOUR, DAY = 3600, 24 * 3600  # seconds
LIVE_EVERY = 0.1  # seconds between two frames that the page sends
LIVE_LONGEST = 120  # seconds, after which another visitor's camera may be painted


class Page:
    """The page of the studio.

    Args:
        workshop: the jobs.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.i18n = gr.I18n(**{language: self._texts(language) for language in LANGUAGES})
        with gr.Blocks(title="impasto", analytics_enabled=False, delete_cache=(HOUR, DAY)) as page:
            self._lay_out()
            self._connect(page)
            self.service = Service(workshop)
        page.process_api = understood_calls(self.service.with_notes(page.process_api))
        self.blocks = page

    def _texts(self, language: str) -> dict[str, str]:
        """Every text of the page in a language; one of them says how long a clip may be."""
        most, rate = self.workshop.limits.frames, int(USUAL_RATE)
        seconds = lasting(most / rate, language)
        use = said("clip_use", language, most=most, seconds=seconds, rate=rate)
        return {**table(language), f"{PREFIX}clip_use": use}

    def _text(self, key: str) -> Any:
        key = PREFIX + key
        assert key in self.i18n.translations["en"], key  # noqa: S101 – otherwise the page would show the key
        return self.i18n(key)

    def _lay_out(self) -> None:
        text = self._text
        self.visit = gr.State(Visit(), delete_callback=end_visit)  # each visitor has a copy
        self.begun = gr.Number(0, visible="hidden")
        self.painter = gr.State(None)  # what paints the camera of this visitor
        self.language = gr.Textbox("en", visible="hidden")
        self.unfinished = gr.BrowserState("", storage_key="impasto-unfinished", secret="impasto")  # noqa: S106 – no secret, but the same after a restart
        with gr.Row(elem_id="head"):
            gr.Markdown("# impasto")
            self.switch = gr.Button(text("switch"), size="sm", elem_id="switch", scale=0)
        gr.Markdown(text("title"))
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                self.inputs = Inputs(text, self.workshop.limits)
            with gr.Column(scale=3, min_width=300):
                self.outputs = Outputs(
                    text, self.workshop, self.visit, self.begun, self.unfinished, self.inputs
                )
        self.beforehand = Beforehand(self.workshop, self.inputs, self.outputs)

    def _connect(self, page: gr.Blocks) -> None:
        inputs, outputs, before = self.inputs, self.outputs, self.beforehand
        start = Starting(self.workshop, outputs, before.reading)
        settings = inputs.settings
        page.load(None, None, self.language, js=GREETING)
        page.load(self._greet, self.unfinished, inputs.go_on, api_visibility="private")
        self.switch.click(None, js=SWITCH)
        inputs.ours.input(
            our_style,
            inputs.ours,
            inputs.style,
            trigger_mode=LAST,
            api_visibility="private",
        )
        inputs.preset.input(
            settings_of_preset,
            inputs.preset,
            settings,
            trigger_mode=LAST,
            api_visibility="private",
        )
        inputs.preset.change(None, inputs.preset, inputs.painter_place, js=OF_PRESET)
        gr.on(
            [inputs.painter.upload, inputs.painter.clear],
            before.look_at_painter,
            [self.language, inputs.painter],
            [inputs.painter_style, outputs.status],
            show_progress="hidden",
            trigger_mode=LAST,
            api_visibility="private",
        )
        inputs.painters.select(
            kept_painter,
            [self.visit, inputs.painters],
            inputs.painter,
            trigger_mode=LAST,
            api_visibility="private",
        ).then(
            before.look_at_painter,
            [self.language, inputs.painter],
            [inputs.painter_style, outputs.status],
            show_progress="hidden",
            api_visibility="private",
        )
        inputs.recipe_in.upload(
            settings_of_file,
            [self.language, inputs.recipe_in],
            settings,
            trigger_mode=LAST,
            api_visibility="private",
        )
        inputs.content.input(
            before.to_brush,
            [self.language, inputs.content],
            inputs.brush,
            trigger_mode=LAST,
            api_visibility="private",
        )
        inputs.kind.change(
            None,
            inputs.kind,
            [
                inputs.content,
                inputs.brush,
                inputs.brush_use,
                outputs.losses,
                inputs.clip_place,
                inputs.clip_blend,
                outputs.glimpse,
            ],
            js=OF_KIND,
        )
        inputs.clip.change(
            before.look_at_clip,
            [self.language, inputs.clip],
            [inputs.first_frame, outputs.status],
            show_progress="hidden",
            api_visibility="private",
        )
        gr.on(
            [inputs.content.change, inputs.style.change],
            before.glimpse,
            [
                self.visit,
                self.begun,
                self.language,
                inputs.kind,
                inputs.preset,
                inputs.content,
                inputs.style,
                inputs.strength,
            ],
            [outputs.glimpse, outputs.painting, outputs.compare, outputs.film, outputs.status],
            concurrency_limit=1,
            show_progress="hidden",
            api_visibility="private",
        )
        inputs.camera.stream(
            before.live,
            [self.painter, self.language, inputs.camera, inputs.style, inputs.strength],
            [self.painter, inputs.live, inputs.live_status],
            stream_every=LIVE_EVERY,
            time_limit=LIVE_LONGEST,
            concurrency_limit=1,
            show_progress="hidden",
            api_visibility="private",
        )
        gr.on(
            [control.change for control in settings],
            settings_as_toml,
            [self.language, *settings],
            inputs.recipe_out,
            show_progress="hidden",
            api_visibility="private",
        )
        inputs.paint.click(
            start.paint_chosen,
            [self.visit, self.language, *inputs.chosen, *settings],
            outputs.components,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        inputs.learn.click(
            start.learn,
            [
                self.visit,
                self.language,
                inputs.content,
                inputs.style,
                inputs.second,
                inputs.minutes,
                *settings,
            ],
            outputs.components,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        inputs.go_on.click(
            start.go_on,
            [self.visit, self.language, self.unfinished],
            outputs.components,
            concurrency_limit=None,
            show_progress="hidden",
            api_visibility="private",
        )
        inputs.stop.click(stop_painting, self.visit, None, queue=False, api_visibility="private")

    def _greet(self, name: str) -> Any:
        return gr.Button(visible=isinstance(name, str) and self.workshop.has_unfinished(name))
