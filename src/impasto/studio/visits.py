"""What the server stores about a visitor until they leave."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from impasto.errors import InputError
from impasto.painters.applying import LearnedPainting
from impasto.pictures import arrays, writers
from impasto.run.result import Result
from impasto.studio.job import Job

KEPT = 12  # paintings of a visit
LONGEST_NAME = 60  # characters of the name of a painter


@dataclass
class Visit:
    """What the server stores about a visitor until they leave.

    Attributes:
        job: the current job of the visitor; None if there is none.
        begun: the number of jobs that the visitor has begun.
        count: the number of paintings in this visit.
        history: the files of the last paintings, newest first.
        painters: the files of the painters that were trained, by their names, in order.
        folder: the folder with the files to download, which is removed after the visit.
    """

    job: Job | None = None
    begun: int = 0
    count: int = 0
    history: list[str] = field(default_factory=list)
    painters: dict[str, str] = field(default_factory=dict)
    folder: tempfile.TemporaryDirectory[str] | None = None

    def begin(self, job: Job) -> None:
        """Begin a job."""
        self.job, self.begun = job, self.begun + 1

    def next_place(self) -> Path:
        """The path of the files of another painting, without their suffixes."""
        self.count += 1
        return Path(self._folder(), f"painting-{self.count}")

    def next_painter(self, styles: Sequence[str]) -> Path:
        """The path of the file of another painter, named after its styles."""
        plain = "-".join(styles)[:LONGEST_NAME]
        name, number = plain, 2
        while name in self.painters:
            name, number = f"{plain}-{number}", number + 1
        folder = Path(self._folder(), "painters")  # apart from paintings, which may have such names
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.safetensors"

    def painter_at(self, path: Path) -> Path:
        """A file of a painter; if it is gone, that of the painter of this visit with its name."""
        own = self.painters.get(path.stem)
        return path if own is None or path.exists() else Path(own)

    def _folder(self) -> str:
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="impasto-visit-")
        return self.folder.name

    def remember(self, file: str) -> None:
        """List the file of a painting before those of earlier ones, and remove the oldest one's."""
        self.history.insert(0, file)
        for old in map(Path, self.history[KEPT:]):
            for one in (*old.parent.glob(f"{old.stem}.*"), *old.parent.glob(f"{old.stem}-*")):
                one.unlink(missing_ok=True)
        del self.history[KEPT:]

    def keep(self, result: Result | LearnedPainting) -> dict[str, str]:
        """Save a result; return its files by suffix, and ``painting`` and ``photograph``."""
        place = self.next_place()
        image, text = result.image, json.dumps(result.metadata())
        content = result.inputs.content if isinstance(result, Result) else result.content
        photograph = Image.fromarray(arrays.to_uint8(content.pixels)).resize(
            image.size, Image.Resampling.LANCZOS
        )
        files = {}
        for suffix in (".png", ".jpg", ".tif"):
            with suppress(InputError):  # a side is too long for the format
                writers.save(image, f"{place}{suffix}", text=text)
                files[suffix] = f"{place}{suffix}"
        shown = ".jpg" if ".jpg" in files else ".png"
        files["painting"] = files[shown]
        files["photograph"] = f"{place}-photograph{shown}"
        writers.save(photograph, files["photograph"])
        self.remember(files[shown])
        return files

    def end(self) -> None:
        """Stop the current job, and remove the files of the visit."""
        if self.job is not None:
            self.job.stop.set()
        if self.folder is not None:
            self.folder.cleanup()


def end_visit(visit: Visit | None) -> None:
    """End a visit, if it has begun."""
    if visit is not None:
        visit.end()


def stop_painting(visit: Visit | None) -> None:
    """Stop the current painting of a visit, if there is one."""
    if visit is not None and visit.job is not None:
        visit.job.stop.set()
