"""A sheet of paintings that is filled one by one, and can be saved before it is complete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.errors import StoppedError
from impasto.messages.message import Message
from impasto.pictures import montage
from impasto.process import interrupts
from impasto.process.notices import tell
from impasto.run.prepared import Prepared
from impasto.run.result import ASKED_TO_STOP, INTERRUPTED, OnStep
from impasto.settings.recipe import Recipe

LONGEST = 200  # most bytes of a file's name
PLAIN = str.maketrans(dict.fromkeys('/\\:*?"<>|,;', "-"))

OnPicture = Callable[[int, int, str], None]  # number of the picture, number of pictures, its name
OnSheet = Callable[[Image.Image, int], None]  # the sheet so far, number of paintings on it


@dataclass(frozen=True)
class Place:
    """A place on the sheet, with the painting that goes there.

    Attributes:
        row: row of the sheet, counted from 0.
        column: column of the sheet, counted from 0.
        name: name of the painting.
        prepare: returns the prepared run of the painting.
        recipe: its settings.
    """

    row: int
    column: int
    name: str
    prepare: Callable[[], Prepared]
    recipe: Recipe


def painting_in(folder: Path, name: str) -> Path:
    """The file of a painting in a folder; a name that is too long is shortened and hashed."""
    plain = name.translate(PLAIN)
    if len(plain.encode()) > LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        plain = f"{plain.encode()[:LONGEST].decode(errors='ignore')}-{digest}"
    return folder / f"{plain}.png"


@dataclass
class Sheet:
    """Pictures in rows and columns; places that are not painted yet are white.

    Attributes:
        size: width and height of each place, in pixels.
        rows: the pictures, RGB, row by row; None where nothing is painted yet.
        titles: titles above the pictures, row by row; a row may have none.
        names: names of the rows.
    """

    size: tuple[int, int]
    rows: list[list[Image.Image | None]]
    titles: Sequence[Sequence[str]]
    names: Sequence[str]

    @property
    def image(self) -> Image.Image:
        """The sheet as it is now, RGB."""
        return montage.sheet(self.rows, self.titles, self.names, self.size)

    def fill(
        self,
        places: Sequence[Place],
        *,
        folder: Path | None = None,
        on_picture: OnPicture | None = None,
        on_sheet: OnSheet | None = None,
        on_step: OnStep | None = None,
    ) -> Image.Image:
        """Paint one picture after another, until ``on_step`` returns False or Ctrl-C is pressed.

        The painting that is in progress then is put on the sheet as it is.

        Args:
            places: the paintings and their places.
            folder: folder in which every painting is also saved as a PNG; None for only the sheet.
            on_picture: a callback before each painting.
            on_sheet: a callback before the first painting, and after each.
            on_step: a callback after every step of each painting.

        Returns:
            The sheet, RGB.

        Raises:
            InputError: a recipe cannot be used.
            RunError: a run failed.
        """
        if on_sheet is not None:
            on_sheet(self.image, 0)
        with interrupts.ctrl_c_asks():
            for number, place in enumerate(places, start=1):
                if on_picture is not None:
                    on_picture(number, len(places), place.name)
                try:
                    result = place.prepare().paint(on_step)
                except StoppedError:
                    break
                with interrupts.shielded():
                    if folder is not None:
                        result.save(painting_in(folder, place.name))
                    self.rows[place.row][place.column] = result.image
                    if on_sheet is not None:
                        on_sheet(self.image, number)
                if result.stopped in (ASKED_TO_STOP, INTERRUPTED):
                    break
                if result.stopped is not None:
                    tell(Message("sweep.ended-early", name=place.name, reason=result.stopped))
        with interrupts.shielded():
            return self.image
