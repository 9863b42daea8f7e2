"""Options and checks that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.notes import hear_notes
from impasto.settings.loss_table import METHODS
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
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where to compute.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=MOST_THREADS, metavar="N", help="CPU threads.")
]
WeightFile = Annotated[
    str, typer.Option("--weights", metavar="bundled|PATH", help="Weights of VGG-19.")
]
WeightsInput = Annotated[
    str | None,
    typer.Option(metavar="caffe|torchvision", help="Input that your own weight file expects."),
]


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


def use_threads(threads: int | None, recipe: Recipe | None = None) -> None:
    """Compute with so many CPU threads; None for the current number.

    A recipe that paints in one pass does without PyTorch; its run is given the number.
    """
    if threads is not None and not (recipe and METHODS[recipe.method].one_pass):
        import torch

        torch.set_num_threads(threads)
