"""The commands that paint pictures: stylize, resume, rerun and demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from impasto._version import __version__
from impasto.cli.advice import note_idle
from impasto.cli.clusters import Ray, RayDevice, Workers, asked_cluster, workplace_of
from impasto.cli.completing import one_of
from impasto.cli.flags import Preset, RecipeFile, build, recipe_flags, setting_of
from impasto.cli.many import Asked, paint_many, paint_one, sort_out
from impasto.cli.notes import note
from impasto.cli.options import (
    OFF,
    Bits,
    CheckpointEvery,
    Device,
    Format,
    Json,
    Output,
    Plot,
    Quality,
    Quiet,
    SkipExisting,
    Threads,
    Trace,
    WeightFile,
    WeightsInput,
    files_of_run,
    use_threads,
)
from impasto.cli.pipes import (
    DASH,
    check_apart_from_stdout,
    check_files,
    is_dash,
    output_of,
    path_of,
)
from impasto.cli.session import paint, prepare, start, take_up
from impasto.errors import InputError
from impasto.files.reading import located
from impasto.files.writing import CHECKPOINT_EVERY, check_folder
from impasto.report.outputs import Outputs
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style


@recipe_flags
def stylize(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="CONTENT… [STYLE]",
            help="Pictures to paint, and last the picture that gives the style. Each can "
            "also be a folder or a pattern such as '*.jpg', or one of them - for standard input. "
            "With --style or a recipe with styles, all are pictures to paint; only of two with "
            "-o FILE, the second is a style too.",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT.png|FOLDER/|TEMPLATE",
            help="The picture to write; its suffix sets the format. Or a folder, or a template "
            "such as 'out/{content}-{style}.jpg', which may also contain {preset} and {number}. "
            "- is standard output.",
            show_default="photo.jpg becomes photo-painting.png beside it",
        ),
    ] = None,
    styles: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="PICTURE[:WEIGHT][,mask=MASK]…",
            help="A style with its weight and the region it paints; several styles are blended. "
            "Also takes layers=LAYER+LAYER and style_mask=MASK.",
            show_default="STYLE, or the recipe's styles",
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Paint every picture in each of the styles alone.")
    ] = False,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="Paint the first picture in the first style, and so on."),
    ] = False,
    skip_existing: SkipExisting = False,
    preset: Preset = None,
    recipe: RecipeFile = None,
    device: Device = "auto",
    threads: Threads = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    save_recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Write the whole recipe as TOML.", show_default=OFF),
    ] = None,
    trace: Trace = None,
    timelapse: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN.gif|webp|mp4", help="Write the run as an animation.", show_default=OFF
        ),
    ] = None,
    snapshots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the canvas at step 1 and every 50th step.", show_default=OFF
        ),
    ] = None,
    montage: Annotated[
        Path | None,
        typer.Option(
            metavar="M.png",
            help="Write content, painting and style side by side.",
            show_default=OFF,
        ),
    ] = None,
    plot: Plot = None,
    show: Annotated[bool, typer.Option("--show", help="Show the canvas in a window.")] = False,
    bits: Bits = 8,
    format: Format = None,
    quality: Quality = None,
    no_metadata: Annotated[
        bool,
        typer.Option("--no-metadata", help="Leave the recipe and the inputs out of the painting."),
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save the run in this file, for `impasto resume`; without it, a run that will "
            "take over three minutes, or does, is saved in the cache folder.",
            show_default="automatic",
        ),
    ] = None,
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what the run would take, and paint nothing.")
    ] = False,
    ray: Ray = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Paint CONTENT in the style of STYLE; or many pictures at once."""
    from impasto.experiments import planning

    made = build(preset, recipe, settings)
    contents, named = sort_out(pictures, styles or [], made, output, apart=each or pairs)
    _check_dashes(
        named,
        {
            "--save-recipe": save_recipe,
            "--trace": trace,
            "--snapshots": snapshots,
            "--checkpoint": checkpoint,
            "--initial": settings["initial"],
            "--protect": settings["protect"],
        },
    )
    to_stdout = output == str(DASH)
    if json or to_stdout:
        check_apart_from_stdout([trace])
    plan = planning.plan(
        contents,
        named or None,
        made,
        None if to_stdout else planning.Output(output, _preset_name(preset, recipe), format),
        each=each,
        pairs=pairs,
        skip_existing=skip_existing,
    )
    outputs = Outputs(
        picture=output_of(DASH, document=json) if to_stdout else plan.paths[0],
        format=format,
        quality=quality,
        document=json,
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
    asked = Asked(
        made,
        settings,
        outputs,
        device,
        threads,
        weights,
        weights_input,
        recipe,
        save_recipe,
        dry_run,
        skip_existing,
        asked_cluster(ray, workers, device, threads),
    )
    note_idle(settings, [made])
    if ray is None:
        use_threads(threads, made)
    paint_it = paint_one if len(plan.paintings) == 1 else paint_many
    raise typer.Exit(paint_it(plan, asked, styles_are_named=bool(named)))


def _preset_name(preset: str | None, recipe: Path | None) -> str:
    """What stands for the settings in the name of a painting."""
    return recipe.stem if recipe is not None else preset or "default"


def _check_dashes(styles: Sequence[Style], files: Mapping[str, object]) -> None:
    """Make sure that ``-`` is named only where standard input or output will do.

    Raises:
        InputError: it is named as another file, or a recipe to be saved would name it.
    """
    check_files(files)
    if files["--save-recipe"] is not None and any(is_dash(style.picture) for style in styles):
        raise InputError("pipe.no-recipe-of-it", name="--save-recipe", what="style picture")


def resume(
    checkpoint: Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint of the run.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT.png",
            help="Write the painting to this file, or to standard output if it is -.",
            show_default="that of the run",
            parser=path_of,
        ),
    ] = None,
    format: Format = None,
    quality: Quality = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FOLDER",
            help="Folder with the run's pictures, if they were moved and are not beside FILE.",
            show_default="where they were",
        ),
    ] = None,
    ray: Ray = None,
    workers: Workers = None,
    device: RayDevice = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Continue an interrupted run; the painting is the same as without the interruption."""
    from impasto.run.resuming import recipe_in

    check_files({"FILE": checkpoint})
    if ray is None and device != "auto":
        raise InputError("cluster.device-alone")
    cluster = asked_cluster(ray, workers, device, None)
    with workplace_of(cluster, partial(recipe_in, checkpoint)) as workplace:
        run, outputs = take_up(
            checkpoint,
            output,
            folder,
            format=format,
            quality=quality,
            quiet=quiet,
            document=json,
            workplace=workplace,
        )
        code = paint(run, outputs)
    raise typer.Exit(code)


def rerun(
    picture: Annotated[
        Path, typer.Argument(metavar="PAINTING.png", help="A picture painted by impasto.")
    ],
    output: Output,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SETTING=VALUE",
            help="A setting to change, as in strength=0.8; may be given several times.",
            show_default="none",
            autocompletion=one_of(
                f"{name.replace('_', '-')}=" for name in Recipe.model_fields if name != "styles"
            ),
        ),
    ] = None,
    content: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="The content picture, if it is not beside the painting.",
            show_default="searched for",
        ),
    ] = None,
    styles: Annotated[
        list[Path] | None,
        typer.Option(
            "--style",
            metavar="PICTURE",
            help="A style picture, if it is not beside the painting; in the original order.",
            show_default="searched for",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The weight file, if the weights were not bundled.",
            show_default="those of the painting",
        ),
    ] = None,
    weights_input: WeightsInput = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            metavar="FOLDER",
            help="Folder with the inputs, if they are not beside the painting.",
            show_default="the painting's folder",
        ),
    ] = None,
    format: Format = None,
    quality: Quality = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Paint a picture again with the same settings, or with some of them changed."""
    from impasto.experiments import rerun as reruns

    check_files({"PAINTING.png": picture, "--content": content})
    check_files(dict.fromkeys(["--style"], DASH) if DASH in (styles or []) else {})
    settings = dict(setting_of(change) for change in changes or [])
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
    outputs = Outputs(
        picture=output_of(output, document=json),
        format=format,
        quality=quality,
        quiet=quiet,
        document=json,
    )
    files = files_of_run(again.content, again.styles, again.recipe, again.weights, picture)
    outputs.check(files, again.recipe.steps)
    note_idle(settings, [again.recipe])
    given = (again.content, again.styles, again.recipe, outputs)
    run = prepare(*given, device, again.weights, weights_input, threads)
    raise typer.Exit(start(run, outputs))


@recipe_flags
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder for the pictures.")
    ] = Path("impasto-demo"),
    style: Annotated[
        str,
        typer.Option(
            metavar="flowfield|mosaic|woodcut",
            help="A built-in style picture.",
            autocompletion=one_of(("flowfield", "mosaic", "woodcut")),
        ),
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
    folder = check_folder(located(folder))
    folder.mkdir(exist_ok=True)
    outputs = Outputs(
        picture=folder / "painting.png",
        montage=folder / "montage.png",
        plot=None if METHODS[made.method].one_pass else folder / "losses.png",
        quiet=quiet,
    )
    files = files_of_run(content, [Style(picture=style_path)], made, "bundled", recipe)
    outputs.check(files, made.steps)
    note_idle(settings, [made])
    use_threads(threads, made)
    run = prepare(content, style_path, made, outputs, device, threads=threads)
    raise typer.Exit(start(run, outputs))
