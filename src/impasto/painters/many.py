"""Many photographs with one painter, in place of the runs of :mod:`impasto.experiments.many`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from impasto.errors import InputError, RunError, StoppedError
from impasto.experiments.many import WATCH_NOTHING, Painted, Save, Watch, recorded
from impasto.experiments.planning import Painting
from impasto.files.writing import remove_parts
from impasto.painters.applying import LearnedPainting, Painter, check_color
from impasto.pictures import writers
from impasto.process import interrupts


@dataclass(frozen=True)
class Applied:
    """A painter, with how it is to paint.

    Attributes:
        painter: the painter.
        style: the style or the mixture, as for :meth:`Painter.paint`, like the next three.
        strength: how much of the style.
        size: size of the paintings.
        color: their colours.
        form: format, quality and bits per channel of the files, as
            :func:`impasto.pictures.writers.check_output` takes them.

    Raises:
        InputError: the painter cannot paint so.
    """

    painter: Painter
    style: object = None
    strength: float | None = None
    size: Any = "original"
    color: str = "style"
    form: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.painter.condition(self.style, self.strength)
        check_color(self.color)

    def painting_of(self, picture: Any) -> LearnedPainting:
        """A picture, painted.

        Raises:
            InputError: it cannot be read, or is too small.
            RunError: there is not enough memory.
            StoppedError: the work was interrupted.
        """
        made = self.painter.paint(
            picture, style=self.style, strength=self.strength, size=self.size, color=self.color
        )
        interrupts.check()
        return made

    def paint(self, painting: Painting, save: Save, watch: Watch = WATCH_NOTHING) -> Painted:  # noqa: ARG002
        """Paint and write a picture; the record says so if it cannot be painted.

        Raises:
            StoppedError: the work was interrupted, and the painting was dropped.
            OSError: the painting could not be written.
        """
        try:
            made = self.painting_of(painting.content)
            if painting.path is not None:
                writers.check_output(painting.path, size=made.size, **self.form)
        except StoppedError:
            raise
        except (InputError, RunError) as error:
            error.__context__ = None  # whose frames hold pictures
            return recorded(painting, path=None, error=error.with_traceback(None))
        assert painting.path is not None, "many paintings are written"  # noqa: S101
        with interrupts.shielded():
            remove_parts(painting.path)
            save(made, painting.path)
        return recorded(painting)
