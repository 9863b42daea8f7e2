"""What a run from the command line leaves behind and shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from impasto.files.reading import located
from impasto.files.writing import (
    CHECKPOINT_EVERY,
    check_apart,
    check_folder,
    check_interval,
    check_writable,
)

File = Annotated[Path, AfterValidator(located)]  # where ~ is the home folder


class Outputs(BaseModel):
    """What a run leaves behind and shows; immutable, and kept in its checkpoint.

    Attributes:
        picture: the painting.
        bits: of the painting, a channel.
        metadata: whether a PNG carries recipe and inputs.
        montage: content, painting and styles in a row.
        plot: the losses over the steps.
        trace: every step as JSON lines.
        timelapse: the run as a moving picture.
        snapshots: folder for the canvas at step 1 and every 50th.
        show: watch the canvas in a window.
        quiet: print nothing but errors.
        checkpoint: file to which the run is saved; None to decide by how long it takes.
        checkpoint_every: seconds from one time to the next.
        temporary: whether the checkpoint is removed once the run is done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: File
    bits: int = 8
    metadata: bool = True
    montage: File | None = None
    plot: File | None = None
    trace: File | None = None
    timelapse: File | None = None
    snapshots: File | None = None
    show: bool = False
    quiet: bool = False
    checkpoint: File | None = None
    checkpoint_every: float = CHECKPOINT_EVERY
    temporary: bool = False

    def changed(self, **changes: Any) -> Outputs:
        """A copy with some of it changed."""
        return Outputs(**{**dict(self), **changes})

    def to_json(self) -> dict[str, Any]:
        """Itself as a checkpoint keeps it, with absolute paths."""
        absolute = {name: value.absolute() for name, value in self if isinstance(value, Path)}
        return self.changed(**absolute).model_dump(mode="json")

    @property
    def files(self) -> list[Path]:
        """Every file that is written once, at the end or along with the run."""
        named = (self.picture, self.montage, self.plot, self.trace, self.timelapse)
        return [path for path in named if path is not None]

    def check(
        self,
        inputs: Iterable[Path],
        steps: int,
        others: Iterable[Path] = (),
        *,
        within: Iterable[Path] = (),
    ) -> None:
        """Find out before the run what could not be written after it, and what it would replace.

        Args:
            inputs: every file that is read.
            steps: of the run.
            others: files that are written besides.
            within: files that are written besides, into a folder that may have to be made first.

        Raises:
            InputError: a file cannot be written, is an input, or is named twice.
        """
        from impasto.pictures import images
        from impasto.report import figures

        images.check_output(self.picture, bits=self.bits)
        if self.montage is not None:
            images.check_output(self.montage)
        if self.plot is not None:
            figures.check_figure(self.plot)
        if self.trace is not None:
            check_writable(self.trace, stream=True)
        if self.timelapse is not None:
            from impasto.report.timelapse import check_timelapse

            check_timelapse(self.timelapse)
        snapshots: list[Path] = []
        if self.snapshots is not None:
            from impasto.report.progress import snapshots_in

            snapshots = snapshots_in(check_folder(self.snapshots), steps)
        if self.show:
            from impasto.report.progress import check_display

            check_display()
        check_interval(self.checkpoint_every)
        kept = [*others, *([self.checkpoint] if self.checkpoint is not None else [])]
        for path in kept:
            check_writable(path)
        check_apart(inputs, [*self.files, *kept, *snapshots, *within])
