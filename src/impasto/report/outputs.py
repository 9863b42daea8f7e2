"""The outputs of a run from the command line."""

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
    """The files that a run writes, and what it shows; immutable, and stored in its checkpoint.

    Attributes:
        picture: path of the painting; None for standard output.
        format: format of the painting; None for that of its suffix, or PNG on standard output.
        quality: of a JPEG or a WebP, from 1 to 100; None for the usual one.
        bits: bits per channel of the painting, 8 or 16.
        metadata: whether the painting carries the recipe and the inputs.
        montage: path of content, painting and styles side by side.
        plot: path of the loss curves.
        trace: path of the steps as JSON lines.
        timelapse: path of the timelapse.
        snapshots: folder for the canvas at step 1 and every 50th step.
        show: show the canvas in a window.
        quiet: print only errors.
        document: print the result as a JSON document.
        checkpoint: path of the checkpoint; None to decide by the duration of the run.
        checkpoint_every: seconds between two checkpoints.
        temporary: whether the checkpoint is removed once the run is done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: File | None
    format: str | None = None
    quality: int | None = None
    bits: int = 8
    metadata: bool = True
    montage: File | None = None
    plot: File | None = None
    trace: File | None = None
    timelapse: File | None = None
    snapshots: File | None = None
    show: bool = False
    quiet: bool = False
    document: bool = False
    checkpoint: File | None = None
    checkpoint_every: float = CHECKPOINT_EVERY
    temporary: bool = False

    def changed(self, **changes: Any) -> Outputs:
        """A copy with some attributes changed."""
        return Outputs(**{**dict(self), **changes})

    def to_json(self) -> dict[str, Any]:
        """The outputs as a dictionary for a checkpoint, with absolute paths."""
        absolute = {name: value.absolute() for name, value in self if isinstance(value, Path)}
        return self.changed(**absolute).model_dump(mode="json")

    @property
    def form(self) -> dict[str, Any]:
        """Format, quality and bits of the painting, as what writes pictures takes them."""
        usual = "png" if self.picture is None else None
        return {"format": self.format or usual, "quality": self.quality, "bits": self.bits}

    def check_picture(self, size: tuple[int, int] = (1, 1)) -> None:
        """Check that the painting can be written.

        Args:
            size: width and height of the painting, in pixels.

        Raises:
            InputError: it cannot.
        """
        from impasto.pictures import writers

        if self.picture is None:
            writers.check_stream(size=size, **self.form)
        else:
            writers.check_output(self.picture, size=size, **self.form)

    @property
    def files(self) -> list[Path]:
        """The path of every output that is a single file, but for the checkpoint."""
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
        """Check before the run that every output can be written and replaces no input or output.

        Args:
            inputs: the path of every file that is read.
            steps: number of steps of the run.
            others: further files that are written.
            within: further files that are written, in a folder that may not exist yet.

        Raises:
            InputError: a file cannot be written, is an input, or is named twice; or a window cannot
                be shown.
        """
        from impasto.pictures import writers
        from impasto.report import figures

        self.check_picture()
        if self.montage is not None:
            writers.check_output(self.montage)
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

            folder = check_folder(self.snapshots)
            snapshots = [folder, *snapshots_in(folder, steps)]
        if self.show:
            from impasto.report.progress import check_display

            check_display()
        check_interval(self.checkpoint_every)
        kept = [*others, *([self.checkpoint] if self.checkpoint is not None else [])]
        for path in kept:
            check_writable(path)
        check_apart(inputs, [*self.files, *kept, *snapshots, *within])
