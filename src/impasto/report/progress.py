"""Callbacks that report a run besides its progress: a trace, snapshots, a window.

Each is called with every step. If one raises an error, the command line drops it and the run
continues.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from impasto._version import __version__
from impasto.errors import InputError
from impasto.pictures import writers

if TYPE_CHECKING:
    from impasto.run.prepared import Prepared
    from impasto.run.result import Result, Step
    from impasto.run.run import Run

SNAPSHOT_EVERY = 50  # steps, after the first, as in the published example
WINDOW_EVERY = 1.0  # seconds

Watcher = Callable[["Step"], None]


def is_shown(number: int) -> bool:
    """Whether the published example shows this step: the first step and every 50th.

    >>> [number for number in range(1, 151) if is_shown(number)]
    [1, 50, 100, 150]
    """
    return number == 1 or number % SNAPSHOT_EVERY == 0


class Trace:
    """The run as JSON lines: a ``run`` event, a ``step`` event each step, a ``done`` event.

    For a resumed run, the steps before the checkpoint are written first.
    """

    def __init__(self, path: Path, run: Prepared) -> None:
        self.path, self._is_done = path, False
        self.file = path.open("w", encoding="utf-8")
        try:
            self._begin(run)
        except BaseException:
            with suppress(OSError):
                self.file.close()
            raise

    def _begin(self, run: Prepared) -> None:
        from impasto.run.result import carried_recipe, identities

        self._write(
            event="run",
            recipe=carried_recipe(run.recipe, run.inputs),
            size=run.size,
            output_size=run.output_size,
            levels=[{"size": level.size, "steps": level.steps} for level in run.levels],
            **_computed_by(run),
            **identities(run.inputs, run.weights),
        )
        for step in run.history:
            self(step)

    def __call__(self, step: Step) -> None:
        """Write a step."""
        self._write(
            event="step",
            number=step.number,
            loss=step.loss,
            content=step.content,
            style=step.style,
            seconds=round(step.seconds, 6),
            level=step.level,
        )

    def done(self, result: Result) -> None:
        """Write how the run ended."""
        self._is_done = True
        self._write(
            event="done",
            steps=len(result.history),
            best=result.best.number,
            loss=result.best.loss,
            seconds=round(result.history[-1].seconds, 6),
            stopped=result.stopped,
        )

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        with suppress(OSError, ValueError), self.file:
            if error is not None and not self._is_done:
                self._write(event="done", stopped=str(error) or type(error).__name__)

    def _write(self, **event: Any) -> None:
        self.file.write(json.dumps(event) + "\n")
        self.file.flush()


class Snapshots:
    """Writes the canvas at step 1 and every 50th step, as ``step-00050.png`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, step: Step) -> None:
        """Write the canvas if this step has a snapshot."""
        if is_shown(step.number):
            writers.save(step.image(), _snapshot(self.path, step.number))


def snapshots_in(folder: Path, steps: int) -> list[Path]:
    """The path of every snapshot of a run, given its folder and the number of steps.

    >>> [path.name for path in snapshots_in(Path(), 60)]
    ['step-00001.png', 'step-00050.png']
    """
    return [_snapshot(folder, number) for number in range(1, steps + 1) if is_shown(number)]


def _snapshot(folder: Path, number: int) -> Path:
    return folder / f"step-{number:05d}.png"


class Window:
    """A window that shows a picture that changes, with a title: during a run, canvas and step."""

    def __init__(self) -> None:
        import matplotlib.pyplot as plt

        self.plt = plt
        plt.ion()
        self.figure, self.axes = plt.subplots(num="impasto")
        self.axes.set_axis_off()
        self.drawn = -WINDOW_EVERY
        self.picture: Any = None

    def __call__(self, step: Step) -> None:
        """Draw the canvas, at most once a second, while the window is open."""
        if self.is_open and step.seconds - self.drawn >= WINDOW_EVERY:
            self.drawn = step.seconds
            self.show(step.image(), f"Transfer Image After Iteration {step.number}")

    @property
    def is_open(self) -> bool:
        """Whether the user has not closed the window."""
        return bool(self.plt.fignum_exists(self.figure.number))

    def show(self, picture: Image.Image | npt.NDArray[np.uint8], title: str) -> None:
        """Draw a picture, of the same size as the one before."""
        if self.picture is None:
            self.picture = self.axes.imshow(picture)
        else:
            self.picture.set_data(picture)
        self.axes.set_title(title)
        self.figure.canvas.draw_idle()
        self.figure.canvas.flush_events()


def check_display(without: str = "show.no-display") -> None:
    """Make sure that a window can be opened.

    Args:
        without: the message if there is no display.

    Raises:
        InputError: there is no display, or Matplotlib has no toolkit for windows.
    """
    from impasto.report.figures import import_matplotlib

    mpl: Any = import_matplotlib()
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise InputError(without)
    import matplotlib.pyplot as plt

    try:
        plt.switch_backend(mpl.rcParams["backend"])
    except (ImportError, ValueError):  # for example a backend set by a notebook
        plt.switch_backend("agg")
    if mpl.get_backend().lower() == "agg":
        raise InputError("show.no-toolkit")


def _computed_by(run: Prepared) -> dict[str, Any]:
    """What computes a run, and how, for its trace."""
    from impasto.run.instant import InstantRun

    if isinstance(run, InstantRun):
        return {"device": "cpu", "versions": _common_versions()}
    return _optimised_by(cast("Run", run))


def _optimised_by(run: Run) -> dict[str, Any]:
    import torch

    from impasto.run.estimate import cut

    return {
        "precision": run.evaluator.arithmetic.name,
        "beta": run.recipe.style_weight,
        "tile": run.evaluator.tiles[-1] or "off",
        "tiles": len(cut(run, run.levels[-1])),
        "device": str(run.evaluator.device),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions of impasto, Python and the libraries that compute a painting."""
    import torch

    return {**_common_versions(), "torch": str(torch.__version__)}


def _common_versions() -> dict[str, str]:
    import PIL

    return {
        "impasto": __version__,
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "numpy": np.__version__,
    }
