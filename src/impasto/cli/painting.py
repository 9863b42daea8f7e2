"""The commands that paint one picture: stylize, resume, rerun and demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from impasto._version import __version__
from impasto.cli.flags import Preset, RecipeFile, build, recipe_flags
from impasto.cli.notes import note
from impasto.cli.options import (
    Device,
    Output,
    Quiet,
    Threads,
    WeightFile,
    WeightsInput,
    files_of_run,
    use_threads,
)
from impasto.cli.session import paint, prepare, start, take_up
from impasto.errors import InputError
from impasto.files.reading import located
from impasto.files.writing import CHECKPOINT_EVERY, check_folder
from impasto.report.outputs import Outputs
from impasto.settings.loss_table import METHODS
from impasto.settings.style import Style


@recipe_flags
def stylize(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="Picture to paint.")],
    output: Output,
    style: Annotated[
        str | None,
        typer.Argument(metavar="[STYLE]", help="Picture that gives the style.", show_default=False),
    ] = None,
    styles: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="PICTURE[:WEIGHT][,mask=MASK]…",
            help="A style with its weight and the region it paints; several styles are blended. "
            "Also takes layers=LAYER+LAYER and style_mask=MASK.",
            show_default=False,
        ),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    device: Device = "auto",
    threads: Threads = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    save_recipe: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write the whole recipe as TOML.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="RUN.jsonl", help="Write every step as JSON lines.")
    ] = None,
    timelapse: Annotated[
        Path | None,
        typer.Option(metavar="RUN.gif|webp|mp4", help="Write the run as an animation."),
    ] = None,
    snapshots: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the canvas at step 1 and every 50th step."),
    ] = None,
    montage: Annotated[
        Path | None,
        typer.Option(metavar="M.png", help="Write content, painting and style side by side."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="LOSS.png", help="Plot the losses over the steps.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the canvas in a window.")] = False,
    bits: Annotated[int, typer.Option(metavar="8|16", help="Bits per channel; 16 needs TIFF.")] = 8,
    no_metadata: Annotated[
        bool, typer.Option("--no-metadata", help="Leave the recipe and the inputs out of a PNG.")
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save the run in this file, for `impasto resume`; without it, a run that will "
            "take over three minutes is saved in the cache folder.",
        ),
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time between two checkpoints.")
    ] = CHECKPOINT_EVERY,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what the run would take, and paint nothing.")
    ] = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Paint CONTENT in the style of STYLE."""
    made = build(preset, recipe, settings)
    outputs = Outputs(
        picture=output,
        bits=bits,
        metadata=not no_metadata,
        montage=montage,
        plot=plot,
        trace=trace,
        timelapse=timelapse,
        snapshots=snapshots,
        show=show,
        quiet=quiet,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
    )
    named = [Style.read(text) for text in ([style] if style is not None else []) + (styles or [])]
    files = files_of_run(content, named or made.styles, made, weights, recipe)
    save_recipe = located(save_recipe) if save_recipe is not None else None
    outputs.check(files, made.steps, [save_recipe] if save_recipe is not None else [])
    if checkpoint is not None and not METHODS[made.method].one_pass:
        from impasto.run.checkpoint import check_replaceable

        check_replaceable(checkpoint)
    use_threads(threads, made)
    run = prepare(content, named or None, made, outputs, device, weights, weights_input, threads)
    if save_recipe is not None:
        (made.model_copy(update={"styles": named}) if named else made).save(save_recipe)
    raise typer.Exit(start(run, outputs, dry_run=dry_run))


def resume(
    checkpoint: Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint of the run.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.png", help="Write the painting to this file."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FOLDER",
            help="Folder with the run's pictures, if they were moved and are not beside FILE.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Continue an interrupted run; the painting is the same as without the interruption."""
    run, outputs = take_up(checkpoint, output, folder, quiet)
    raise typer.Exit(paint(run, outputs))


def rerun(
    picture: Annotated[
        Path, typer.Argument(metavar="PAINTING.png", help="A PNG painted by impasto.")
    ],
    output: Output,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SETTING=VALUE", help="A setting to change, as in strength=0.8."
        ),
    ] = None,
    content: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE", help="The content picture, if it is not beside the painting."
        ),
    ] = None,
    styles: Annotated[
        list[Path] | None,
        typer.Option(
            "--style",
            metavar="PICTURE",
            help="A style picture, if it is not beside the painting; in the original order.",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The weight file, if the weights were not bundled."),
    ] = None,
    weights_input: WeightsInput = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FOLDER",
            help="Folder with the inputs, if they are not beside the painting.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Paint a picture again with the same settings, or with some of them changed."""
    from impasto.experiments import rerun as reruns

    settings = dict(_setting(change) for change in changes or [])
    again = reruns.prepare(
        picture,
        content=content,
        styles=styles or [],
        weights=weights,
        weights_input=weights_input,
        folder=folder,
        settings=settings,
    )
    if not reruns.is_of_this_version(again):
        note(f"The picture was painted by impasto {again.version}; this is {__version__}.")
    use_threads(threads, again.recipe)
    outputs = Outputs(picture=output, quiet=quiet)
    files = files_of_run(again.content, again.styles, again.recipe, again.weights, picture)
    outputs.check(files, again.recipe.steps)
    given = (again.content, again.styles, again.recipe, outputs)
    run = prepare(*given, device, again.weights, weights_input, threads)
    raise typer.Exit(start(run, outputs))


def _setting(change: str) -> tuple[str, str]:
    """One change of a recipe, as in ``strength=0.8``."""
    name, equals, value = change.partition("=")
    if not equals:
        raise InputError("command.not-a-setting", change=change, example="strength=0.8")
    return name.strip().replace("-", "_"), value.strip()


@recipe_flags
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder for the pictures.")
    ] = Path("impasto-demo"),
    style: Annotated[
        str, typer.Option(metavar="flowfield|mosaic|woodcut", help="A built-in style picture.")
    ] = "flowfield",
    preset: Preset = None,
    recipe: RecipeFile = None,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Paint the photograph of the demo, and write the painting, a montage and a loss plot."""
    from impasto.pictures import samples

    made = build(preset, recipe, settings)
    content, style_path = samples.photograph(), samples.style(style)
    check_folder(folder).mkdir(exist_ok=True)
    outputs = Outputs(
        picture=folder / "painting.png",
        montage=folder / "montage.png",
        plot=None if METHODS[made.method].one_pass else folder / "losses.png",
        quiet=quiet,
    )
    files = files_of_run(content, [Style(picture=style_path)], made, "bundled", recipe)
    outputs.check(files, made.steps)
    use_threads(threads, made)
    run = prepare(content, style_path, made, outputs, device, threads=threads)
    raise typer.Exit(start(run, outputs))
