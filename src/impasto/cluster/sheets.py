"""The paintings of a sheet on a cluster: each is a task, and they go on the sheet as they end."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.cluster.batch import BatchWatch, Common, Job, Outcome, paint
from impasto.errors import ImpastoError, StoppedError
from impasto.experiments.contact_sheet import OnPicture, OnSheet, Place, Sheet, painting_in
from impasto.experiments.planning import Painting
from impasto.files.writing import written_whole
from impasto.pictures import images
from impasto.process import interrupts
from impasto.run.result import OnStep
from impasto.settings.style import Style


@dataclass(frozen=True)
class ClusterFill:
    """Fills a sheet on the connected cluster, as :meth:`Sheet.fill` does in this process.

    Attributes:
        content: the content picture of all paintings.
        styles: their styles.
        common: what their tasks have in common.
        workers: how many are painted at the same time; None for as many as there is room for.
    """

    content: images.Source
    styles: tuple[Style, ...]
    common: Common
    workers: int | None = None

    def __call__(
        self,
        sheet: Sheet,
        places: Sequence[Place],
        *,
        folder: Path | None = None,
        on_picture: OnPicture | None = None,
        on_sheet: OnSheet | None = None,
        on_step: OnStep | None = None,  # noqa: ARG002 – the steps are on other machines
    ) -> Image.Image:
        """Paint the pictures of a sheet.

        Args:
            sheet: the sheet.
            places: the paintings and their places.
            folder: folder in which every painting is also saved as a PNG; None for only the sheet.
            on_picture: a callback before each painting.
            on_sheet: a callback before the first painting, and after each.
            on_step: not called.

        Returns:
            The sheet, RGB; without the paintings that were in progress if the work was interrupted.

        Raises:
            ImpastoError: a painting could not be made.
        """
        failed: list[ImpastoError] = []
        ended = begun = 0

        def on_begin(number: int) -> None:
            nonlocal begun
            begun += 1
            if on_picture is not None:
                on_picture(begun, len(places), places[number].name)

        def on_done(number: int, outcome: Outcome) -> None:
            nonlocal ended
            if outcome.error is not None:
                failed.append(outcome.error)
                return
            ended += 1
            with interrupts.shielded():
                _put(sheet, places[number], outcome, folder)
                if on_sheet is not None:
                    on_sheet(sheet.image, ended)

        jobs = [Job(Painting(self.content, self.styles), place.recipe) for place in places]
        if on_sheet is not None:
            on_sheet(sheet.image, 0)
        with interrupts.ctrl_c_asks():
            try:
                paint(jobs, self.common, self.workers, watch=BatchWatch(on_begin, on_done=on_done))
            except StoppedError:
                failed.clear()
        if failed:
            raise failed[0]
        with interrupts.shielded():
            return sheet.image


def _put(sheet: Sheet, place: Place, outcome: Outcome, folder: Path | None) -> None:
    """Put a painting that was sent back on a sheet, and write it to a folder."""
    data = outcome.made.data if outcome.made is not None else None
    assert data is not None, "a painting without a path is sent back"  # noqa: S101
    if folder is not None:
        with written_whole(painting_in(folder, place.name)) as file:
            file.write(data)
    with Image.open(io.BytesIO(data)) as picture:
        sheet.rows[place.row][place.column] = picture.convert("RGB")
