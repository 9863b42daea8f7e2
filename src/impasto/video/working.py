"""The working folder of a clip: its frames, and those that are painted, until it is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.errors import InputError
from impasto.files.reading import in_units, reason_of
from impasto.files.writing import check_folder, remove_parts, written_whole
from impasto.pictures.sizes import PixelSize
from impasto.video.clip import Times
from impasto.video.method import Pixels

SUFFIX = ".working"  # behind the name of the output
WORK, TIMES, SOURCE, PAINTED = "work.json", "times.json", "source", "painted"
SETTINGS = "settings"  # of every painting, in the text of the work
PAINTER, TRAINING = "painter.safetensors", "training.impasto"  # of the method ``learned``
# Bytes of a pixel of a PNG with little compression: a frame of a clip has less, a painting more.
BYTES_OF_PIXEL = 2.0
COMPRESSION = 1  # of zlib, 0 to 9


class FrameFiles:
    """Frames as numbered PNG files of a folder; each is read when it is asked for.

    Args:
        folder: the folder, which exists.
        count: how many frames there are to be.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self._count = folder, count

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.path_of(number).is_file()

    def __getitem__(self, number: int) -> Pixels:
        if not 0 <= number < self._count:  # which ends an iteration, too
            raise IndexError(number)
        with Image.open(self.path_of(number)) as image:
            return np.array(image.convert("RGB"))

    def keep(self, number: int, pixels: Pixels) -> None:
        """Save a frame, completely or not at all."""
        with written_whole(self.path_of(number)) as file:
            Image.fromarray(pixels).save(file, "PNG", compress_level=COMPRESSION)

    @property
    def done(self) -> int:
        """How many frames there are."""
        return sum(number in self for number in range(self._count))

    def path_of(self, number: int) -> Path:
        """The file of a frame, whether it is there or not."""
        return self.folder / f"{number + 1:06}.png"


class Working:
    """The working folder of a clip.

    Args:
        folder: the folder.
        work: what is painted and how, by names that errors use.
    """

    def __init__(self, folder: Path, work: Mapping[str, Any]) -> None:
        self.folder = folder
        self._work = json.loads(json.dumps(work))

    def check(self) -> bool:
        """Make sure that the folder can be used; return whether it holds earlier work.

        Raises:
            InputError: it belongs to other work, holds other files, or cannot be written to.
        """
        check_folder(self.folder)
        remove_parts(self.folder / WORK)  # of a call that was killed while it began
        try:
            names = [entry.name for entry in self.folder.iterdir()] if self.folder.exists() else []
            if not names:
                return False
            found = json.loads((self.folder / WORK).read_text("utf-8"))
            if not isinstance(found, dict):
                raise ValueError(WORK)
        except FileNotFoundError:
            raise InputError("clip.folder-in-use", folder=self.folder) from None
        except (OSError, ValueError) as error:
            reason = reason_of(error)
            raise InputError("clip.folder-damaged", folder=self.folder, reason=reason) from None
        others = [name for name in self._work if found.get(name) != self._work[name]]
        if others == [SETTINGS] and isinstance(found.get(SETTINGS), dict):
            settings = _differing(found[SETTINGS], self._work[SETTINGS])
            raise InputError("clip.other-settings", folder=self.folder, names=settings)
        if others:
            raise InputError("clip.other-work", folder=self.folder, what=others[0])
        return True

    @property
    def has_learned(self) -> bool:
        """Whether a painter is trained on the clip, or has been."""
        return any((self.folder / name).exists() for name in (PAINTER, TRAINING))

    def begin(self) -> None:
        """Make the folder, and say in it what is painted and how."""
        self.folder.mkdir(exist_ok=True)
        with written_whole(self.folder / WORK) as file:
            file.write(json.dumps(self._work, indent=1).encode())
        for name in (SOURCE, PAINTED):
            (self.folder / name).mkdir(exist_ok=True)

    @property
    def times(self) -> Times | None:
        """The times of the frames; None if they have not all been read."""
        try:
            found = json.loads((self.folder / TIMES).read_text("utf-8"))
            return Times(
                tuple(found["ticks"]),
                found["end"],
                *(Fraction(found[name]) for name in ("time_base", "origin", "rate")),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_times(self, times: Times) -> None:
        """Save the times, once all frames have been read."""
        fractions = {name: str(getattr(times, name)) for name in ("time_base", "origin", "rate")}
        with written_whole(self.folder / TIMES) as file:
            kept = {"ticks": times.ticks, "end": times.end, **fractions}
            file.write(json.dumps(kept).encode())

    def source(self, count: int) -> FrameFiles:
        """The frames of the clip."""
        return FrameFiles(self.folder / SOURCE, count)

    def painted(self, count: int) -> FrameFiles:
        """The painted frames."""
        return FrameFiles(self.folder / PAINTED, count)

    def check_space(self, count: int, size: PixelSize) -> None:
        """Make sure that the disk has room for the frames.

        Raises:
            InputError: it has not.
        """
        needed = bytes_of(count, size)
        existing = next(
            one for one in (self.folder, *self.folder.absolute().parents) if one.exists()
        )
        there = sum(file.stat().st_size for file in self.folder.rglob("*.png"))
        free = shutil.disk_usage(existing).free
        if needed - there > free:
            sizes = {"needed": in_units(needed), "free": in_units(free)}
            raise InputError("clip.no-space", folder=self.folder, count=count, **sizes)

    def remove(self) -> None:
        """Remove what the folder holds of this work, and the folder if nothing else is in it."""
        for name in (TIMES, PAINTER, TRAINING, SOURCE, PAINTED, WORK):
            path = self.folder / name
            remove_parts(path)
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink()
        with suppress(OSError):
            self.folder.rmdir()


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of which two tables have different values.

    >>> _differing({"size": 1, "seed": 0}, {"size": 2, "seed": 0})
    ('size',)
    """
    return tuple(name for name in {**one, **other} if one.get(name) != other.get(name))


def bytes_of(count: int, size: PixelSize) -> int:
    """About how many bytes the frames take, as they are and painted."""
    return round(2 * count * size[0] * size[1] * BYTES_OF_PIXEL)
