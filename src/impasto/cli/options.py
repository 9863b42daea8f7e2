"""Options and checks that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.completing import one_of
from impasto.cli.notes import hear_notes
from impasto.cli.pipes import path_of
from impasto.cli.uncollected import uncollected
from impasto.settings.loss_table import METHODS
from impasto.settings.style import Style
from impasto.settings.values import MOST_THREADS

if TYPE_CHECKING:
    from impasto.pictures import images
    from impasto.settings.recipe import Recipe

OFF = "not written"

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT.png",
        help="The picture to write, or - for standard output; the suffix sets the format.",
        parser=path_of,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="png|jpg|webp|tiff",
        help="Format of a picture without a suffix.",
        show_default="that of the suffix; PNG on standard output",
        autocompletion=one_of(("png", "jpg", "webp", "tiff")),
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(metavar="1…100", help="Quality of a JPEG or a WebP.", show_default="95"),
]
Bits = Annotated[int, typer.Option(metavar="8|16", help="Bits per channel; 16 needs TIFF.")]
SkipExisting = Annotated[
    bool,
    typer.Option("--skip-existing", "-n", help="Do not paint again what has been written already."),
]
Trace = Annotated[
    Path | None,
    typer.Option(metavar="RUN.jsonl", help="Write every step as JSON lines.", show_default=OFF),
]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="LOSS.png", help="Plot the losses over the steps.", show_default=OFF),
]
CheckpointEvery = Annotated[
    float, typer.Option(metavar="SECONDS", help="Seconds between two checkpoints, at least 0.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as a JSON document on standard output.")
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
        help="Weights of the network: the bundled ones of VGG-19, or a file of VGG-19 or VGG-16.",
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


def _be_quiet(quiet: bool) -> bool:
    hear_notes(not quiet)
    return quiet


Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", callback=_be_quiet, is_eager=True, help="Print only errors."),
]


def files_of_run(
    content: images.Source,
    styles: Sequence[Style],
    recipe: Recipe,
    weights: str,
    *others: Path | None,
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
        with uncollected():
            import torch

        torch.set_num_threads(threads)
