"""The service for other programs: takes two pictures and a recipe, returns a painting."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from impasto.run.result import Result
from impasto.settings.style import Style
from impasto.studio.controls import recipe_from
from impasto.studio.editor import picture
from impasto.studio.jobs import Workshop
from impasto.studio.refusals import reason_for, refusal
from impasto.studio.texts import said, told

MOST_NOTED = 1000  # answers whose notes are kept until they are sent


class Service:
    """The service, as a hidden part of the page.

    Args:
        workshop: the jobs.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._noted: dict[str, list[str]] = {}  # notes by the call that they belong to
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
            self.workshop.forget(job)
        if not isinstance(result, Result):
            raise refusal(said("unpainted", "en"))
        if job.ended.is_set():
            raise refusal(said("ended", "en"))
        with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
            file = Path(folder, "painting.png")
            result.save(file)
            event = LocalContext.event_id.get(None)
            if job.notes and event is not None:
                self._noted[event] = [told(note, "en") for note in job.notes]
                if len(self._noted) > MOST_NOTED:  # a client left before the answer
                    del self._noted[next(iter(self._noted))]
            yield str(file)

    def with_notes(self, process: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Wrap the function that processes calls, so that a painting is sent with its notes."""

        @wraps(process)
        async def noted(*given: Any, **named: Any) -> Any:
            answer = await process(*given, **named)
            event = named.get("event_id") or ""
            if event in self._noted and not answer["is_generating"]:
                answer["data"][0]["notes"] = self._noted.pop(event)
            return answer

        return noted
