"""What the page shows of the pictures before anyone paints them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from impasto.errors import ImpastoError
from impasto.pictures import arrays, images
from impasto.process.notices import heard_by
from impasto.studio import clips, painters
from impasto.studio.camera import LivePainter
from impasto.studio.editor import EDITED
from impasto.studio.glimpse import glimpse
from impasto.studio.inputs import CLIP, PAINTER, Inputs
from impasto.studio.jobs import Workshop
from impasto.studio.outputs import Outputs, Updates
from impasto.studio.refusals import reason_for, refusal
from impasto.studio.texts import lasting_briefly, said
from impasto.studio.visits import Visit
from impasto.video.reading import look


class Beforehand:
    """Answers the page while a visitor chooses: the editor, a clip, the preview, the camera.

    Args:
        workshop: the jobs.
        inputs: the left side of the page.
        outputs: the right side of the page.

    Attributes:
        reading: held while a large picture is read, which takes much memory.
    """

    def __init__(self, workshop: Workshop, inputs: Inputs, outputs: Outputs) -> None:
        self.workshop, self._inputs, self._outputs = workshop, inputs, outputs
        self.reading = threading.Lock()

    def to_brush(self, language: str, content: str | None) -> Any:
        """The photograph, reduced, for the editor; or why it cannot be painted."""
        if content is None:
            return None
        try:
            self.workshop.limits.check_uploaded([images.described(content, "photograph")])
            with self.reading, heard_by(lambda _: None):  # the notes are shown when it is painted
                pixels = images.read(content, "photograph").pixels
        except ImpastoError as error:
            raise refusal(reason_for(error, language)) from None
        picture = Image.fromarray(arrays.to_uint8(pixels))
        picture.thumbnail((EDITED, EDITED))
        return {"background": picture, "layers": [], "composite": None}

    def look_at_clip(self, language: str, path: str | None) -> Updates:
        """Show the first frame of a clip and say how long it is, or why it cannot be painted."""
        if path is None:
            return {self._inputs.first_frame: gr.Image(None, visible=False)}
        try:
            with self.reading, heard_by(lambda _: None):
                clip = look(path)
                self.workshop.limits.check_length(clip)
                self.workshop.limits.check_uploaded([clips.frame_of(clip)])
                first = clips.first_frame(clip)
        except ImpastoError as error:
            raise refusal(reason_for(error, language)) from None
        width, height = clip.size
        return {
            self._inputs.first_frame: gr.Image(first, visible=first is not None),
            self._outputs.status: said(
                "clip_ready",
                language,
                count=clip.count,
                seconds=lasting_briefly(clip.seconds, language),
                width=width,
                height=height,
            ),
        }

    def look_at_painter(self, language: str, path: str | None) -> Updates:
        """Show the styles of a painter, or say why it cannot paint."""
        inputs = self._inputs
        if path is None:
            return {inputs.painter_style: inputs.styles_of([])}
        try:
            with self.reading:
                names = painters.load(Path(path), self.workshop.limits).styles
        except ImpastoError as error:
            raise refusal(reason_for(error, language)) from None
        return {
            inputs.painter_style: inputs.styles_of(names),
            self._outputs.status: said("painter_ready", language, names=", ".join(names)),
        }

    def glimpse(
        self,
        visit: Visit | None,
        begun: float,
        language: str,
        kind: str,
        preset: str,
        content: str | None,
        style: str | None,
        strength: float,
    ) -> Updates:
        """Show the quick preview of two pictures, unless a job has begun since they were chosen."""
        nothing: Updates = {self._outputs.glimpse: gr.Image(visible=False)}
        is_other = kind == CLIP or preset == PAINTER
        if is_other or content is None or style is None or _is_late(visit, begun):
            return nothing
        workshop = self.workshop
        preview = glimpse(content, style, strength, workshop.limits, workshop.threads, self.reading)
        if _is_late(visit, begun):
            return nothing
        if preview is None:
            return {
                self._outputs.glimpse: gr.Image(visible=False),
                self._outputs.status: said("ready", language),
            }
        return {
            self._outputs.glimpse: gr.Image(preview, visible=True),
            self._outputs.painting: gr.Image(visible=False),
            self._outputs.compare: gr.ImageSlider(visible=False),
            self._outputs.film: gr.Video(visible=False),
            self._outputs.status: said("glimpsed", language),
        }

    def live(
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


def _is_late(visit: Visit | None, begun: float) -> bool:
    """Whether a visitor has a job, or has begun one since the page knew of so many."""
    return visit is not None and (visit.job is not None or visit.begun > begun)
