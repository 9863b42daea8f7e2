"""Options and checks that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.completing import one_of
from impasto.cli.notes import hear_notes
from impasto.settings.style import Style
from impasto.settings.values import MOST_THREADS

if TYPE_CHECKING:
    from impasto.settings.recipe import Recipe

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT.png",
        help="The picture to write; its suffix sets the format.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda|mps",
        help="Where to compute; auto takes a GPU if there is one.",
        autocompletion=one_of(("auto", "cpu", "cuda", "mps")),
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_THREADS,
        metavar="N",
        help="Number of CPU threads.",
        show_default="PyTorch's choice",
    ),
]
WeightFile = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="bundled|PATH",
        help="Weights of VGG-19: the bundled ones, or a file of your own.",
    ),
]
WeightsInput = Annotated[
    str | None,
    typer.Option(
        metavar="caffe|torchvision",
        help="Input that your own weight file expects.",
        autocompletion=one_of(("caffe", "torchvision")),
        show_default="from the file",
    ),
]


OFF = "not written"


def _be_quiet(quiet: bool) -> bool:
    hear_notes(not quiet)
    return quiet


Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", callback=_be_quiet, is_eager=True, help="Print only errors."),
]


def files_of_run(
    content: Path, styles: Sequence[Style], recipe: Recipe, weights: str, *others: Path | None
) -> list[Path]:
    """The paths of every file that a run reads."""
    from impasto.pictures.inputs import files_of

    named = [Path(weights) if weights != "bundled" else None, *others]
    return files_of(content, styles, recipe) + [path for path in named if path is not None]


def use_threads(threads: int | None) -> None:
    """Compute with so many CPU threads; None for the current number."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
