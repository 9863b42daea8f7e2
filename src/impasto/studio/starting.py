"""What the buttons begin: a painting, a clip, the training of a painter, an unfinished job."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError
from impasto.run.either import paints_in_one_pass
from impasto.settings.style import Style
from impasto.studio import clips, painters
from impasto.studio.clips import ClipOrder
from impasto.studio.controls import recipe_of
from impasto.studio.editor import two_styles
from impasto.studio.inputs import CLIP, PAINTER, Chosen
from impasto.studio.jobs import Workshop
from impasto.studio.outputs import Outputs, Updates
from impasto.studio.painters import PainterOrder, TrainingOrder
from impasto.studio.refusals import reason_for, refusal
from impasto.studio.texts import said
from impasto.studio.visits import Visit


class Starting:
    """Begins the jobs of visitors, and shows them on the page.

    Args:
        workshop: the jobs.
        outputs: the right side of the page.
        reading: held while a large file is read, which takes much memory.
    """

    def __init__(self, workshop: Workshop, outputs: Outputs, reading: threading.Lock) -> None:
        self._workshop, self._outputs, self._reading = workshop, outputs, reading

    def paint_chosen(self, known: Visit | None, language: str, *values: Any) -> Iterator[Updates]:
        """Paint a photograph or a clip."""
        chosen = Chosen.of(values)
        if chosen.preset == PAINTER:
            yield from self._paint_with_painter(known, language, chosen)
            return
        is_clip = chosen.kind == CLIP
        given = chosen.clip if is_clip else chosen.content
        if is_clip and not clips.is_installed():
            raise refusal(said("no_clips", language))
        if given is None or chosen.style is None:
            raise refusal(said("clip_missing" if is_clip else "missing", language))
        visit, job = known or Visit(), self._workshop.open()
        try:
            recipe = chosen.recipe()
            styles = [Style(picture=job.keep(Path(chosen.style), "style"))]
            if chosen.second is not None:
                region = None if is_clip else chosen.brush
                second = job.keep(Path(chosen.second), "second")
                styles = two_styles(job, styles[0], second, chosen.weight, region)
            if is_clip:  # told before the visitor waits, and with the name of their file
                with self._reading:
                    self._workshop.check_clip(ClipOrder(Path(given), styles, recipe))
            kept = job.keep(Path(given), "clip" if is_clip else "content")
        except Exception as error:
            self._workshop.close(job)
            raise refusal(reason_for(error, language)) from None
        if is_clip:
            order = ClipOrder(kept, styles, recipe)
            views = self._workshop.paint_clip(job, order, _film_of(visit))
        else:
            views = self._workshop.paint(job, kept, styles, recipe)
        has_losses = not is_clip and not paints_in_one_pass(recipe)
        yield from self._outputs.show(visit, language, job, views, has_losses=has_losses)

    def _paint_with_painter(
        self, known: Visit | None, language: str, chosen: Chosen
    ) -> Iterator[Updates]:
        """Paint a photograph or a clip with a painter."""
        is_clip = chosen.kind == CLIP
        given = chosen.clip if is_clip else chosen.content
        if given is None or chosen.painter is None:
            raise refusal(said("painter_missing", language))
        visit, job = known or Visit(), self._workshop.open()
        painter = visit.painter_at(Path(chosen.painter))
        workshop, style = self._workshop, chosen.painter_style or ""
        views: Iterator[Any]
        try:
            recipe = chosen.recipe()
            kept = job.keep(painter, f"painter/{painter.stem}", painters.SUFFIX)
            with self._reading:
                if is_clip:
                    styles = painters.as_styles(kept, style, workshop.limits)
                    workshop.check_clip(ClipOrder(Path(given), styles, recipe))
                    film = ClipOrder(job.keep(Path(given), "clip"), styles, recipe)
                    views = workshop.paint_clip(job, film, _film_of(visit))
                else:
                    photograph = job.keep(Path(given), "content")
                    order = PainterOrder(photograph, kept, recipe, chosen.strength, style)
                    workshop.check_painter(order)
                    views = workshop.paint_with_painter(job, order)
        except Exception as error:
            self._workshop.close(job)
            raise refusal(reason_for(error, language)) from None
        yield from self._outputs.show(visit, language, job, views, has_losses=False)

    def learn(
        self,
        known: Visit | None,
        language: str,
        content: str | None,
        style: str | None,
        second: str | None,
        minutes: float,
        strength: float,
        *values: Any,
    ) -> Iterator[Updates]:
        """Train a painter on the style pictures."""
        chosen = [Path(one) for one in (style, second) if one is not None]
        if style is None:
            raise refusal(said("style_missing", language))
        visit, job = known or Visit(), self._workshop.open()
        try:
            kept = [
                job.keep(path, f"style-{number}/{path.stem}")
                for number, path in enumerate(chosen, 1)
            ]
            photograph = None if content is None else job.keep(Path(content), "content")
            order = TrainingOrder(kept, recipe_of(values, strength), minutes, photograph)
            self._workshop.check_training(order)
        except Exception as error:
            self._workshop.close(job)
            raise refusal(reason_for(error, language)) from None
        views = self._workshop.train(job, order, visit.next_painter(order.names))
        yield from self._outputs.show(visit, language, job, views, names=order.names)

    def go_on(self, known: Visit | None, language: str, name: str) -> Iterator[Updates]:
        """Resume what a stopped server has left unfinished."""
        job = self._workshop.take_up(name) if isinstance(name, str) else None
        if job is None:
            raise refusal(said("gone", language))
        visit, is_clip = known or Visit(), job.is_clip
        names: tuple[str, ...] = ()
        try:
            if is_clip:
                views = self._workshop.go_on_with_clip(job, _film_of(visit))
            elif job.is_training:
                order = TrainingOrder.load(job.folder)
                names = order.names
                views = self._workshop.train(job, order, visit.next_painter(names))
            else:
                views = self._workshop.go_on(job)
        except ImpastoError as error:
            self._workshop.close(job)
            raise refusal(reason_for(error, language)) from None
        yield from self._outputs.show(
            visit, language, job, views, has_losses=not is_clip, names=names
        )


def kept_painter(visit: Visit | None, name: str | None) -> str | None:
    """The file of a painter that was trained in this visit."""
    return None if visit is None else visit.painters.get(name or "")


def _film_of(visit: Visit) -> Path:
    """The file of the next clip of a visit."""
    return visit.next_place().with_suffix(clips.SUFFIX)
