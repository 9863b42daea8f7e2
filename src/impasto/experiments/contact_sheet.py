"""Pictures painted one after another onto one sheet, which can be kept before all are painted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.errors import StoppedError
from impasto.pictures import montage
from impasto.process import interrupts
from impasto.run.result import ASKED_TO_STOP, INTERRUPTED, OnStep
from impasto.run.run import Run

LONGEST = 200  # bytes of a file's name
PLAIN = str.maketrans(dict.fromkeys('/\\:*?"<>|,;', "-"))

OnPicture = Callable[[int, int, str], None]  # number of the picture, of how many, its name
OnSheet = Callable[[Image.Image, int], None]  # the sheet so far, and how many are painted


@dataclass(frozen=True)
class Place:
    """A picture that is to be painted.

    Attributes:
        row: counted from 0.
        column: counted from 0.
        name: what it is called.
        prepare: gives its run.
    """

    row: int
    column: int
    name: str
    prepare: Callable[[], Run]


def painting_in(folder: Path, name: str) -> Path:
    """The file of a painting of that name in a folder; one that is too long ends in its hash."""
    plain = name.translate(PLAIN)
    if len(plain.encode()) > LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        plain = f"{plain.encode()[:LONGEST].decode(errors='ignore')}-{digest}"
    return folder / f"{plain}.png"


@dataclass
class Sheet:
    """Pictures in rows and columns; those that are not painted yet leave white.

    Attributes:
        size: width and height of the room of each, in pixels.
        rows: the pictures, RGB.
        titles: above the pictures of each row; a row may have none.
        names: of the rows.
    """

    size: tuple[int, int]
    rows: list[list[Image.Image | None]]
    titles: Sequence[Sequence[str]]
    names: Sequence[str]

    @property
    def image(self) -> Image.Image:
        """The sheet as it is."""
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
        """Paint one picture after another, until ``on_step`` returns False or Ctrl-C comes.

        The picture that it stops at is laid on the sheet as it is.

        Args:
            places: what is to be painted.
            folder: for each painting as a PNG of its own; None for the sheet alone.
            on_picture: called before each.
            on_sheet: called before the first, and after each.
            on_step: called after every step of each.

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
        with interrupts.shielded():
            return self.image
