"""The command line: a thin layer over :func:`impasto.stylize`."""

from __future__ import annotations

import itertools
import shlex
import signal
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from impasto._version import __version__
from impasto.cli.flags import Preset, RecipeFile, build, recipe_flags
from impasto.cli.session import (
    BAD_INPUT,
    DONE,
    FAILED,
    EndedError,
    fill_sheet,
    hear_notes,
    note,
    paint,
    prepare,
    start,
    take_up,
)
from impasto.cli.streams import unfailing
from impasto.errors import ImpastoError, ImpastoWarning, InputError, StoppedError
from impasto.files.reading import located
from impasto.files.writing import CHECKPOINT_EVERY, check_apart, check_folder, is_there
from impasto.messages.message import Message, shown
from impasto.process.interrupts import ENDING, Signals
from impasto.process.memory import memory_errors
from impasto.report.outputs import Outputs
from impasto.settings.style import Style
from impasto.settings.validation import suggest
from impasto.settings.values import MOST_THREADS
from impasto.studio.limits import Limits

if TYPE_CHECKING:
    from rich.table import Table

    from impasto.settings.recipe import Recipe
    from impasto.studio.opening import Address


class _Commands(TyperGroup):
    """The commands; an unknown name gets a hint, and Ctrl-C gets a message."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # Typer would print nothing
            raise typer.Abort from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name.

        Raises:
            InputError: there is no such command.
        """
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise InputError("command.unknown", name=args[0], hint=_meant(args, self.commands))
        return super().resolve_command(ctx, args)


def _meant(typed: list[str], commands: Iterable[str]) -> Message:
    """A hint for arguments that do not begin with a command: what the user may have meant."""
    name = typed[0]
    if is_there(name) or Path(name).suffix:
        meant = shlex.join(["impasto", "stylize", *typed])
        if len(meant) > LONGEST_HINT:
            meant = "impasto stylize …"
        rest = "" if {"-o", "--output"} & {*typed} else " … -o OUT.png"
        return Message("command.meant", command=f"{meant}{rest}")
    listed = Message("hint.commands", names=tuple(commands))
    return suggest(name.lower(), commands, listed)


app = typer.Typer(
    cls=_Commands,
    name="impasto",
    help="Paint the content of one picture in the style of another.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

USUAL = Limits()
LONGEST_HINT = 200  # characters of a suggested command

Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="OUT.png", help="The painting; its suffix sets the format."
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


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"impasto {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _impasto(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    hear_notes(True)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("stylize")
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
    files = _files(content, named or made.styles, made, weights, recipe)
    save_recipe = located(save_recipe) if save_recipe is not None else None
    outputs.check(files, made.steps, [save_recipe] if save_recipe is not None else [])
    if checkpoint is not None:
        from impasto.run.checkpoint import check_replaceable

        check_replaceable(checkpoint)
    _use_threads(threads)
    run = prepare(content, named or None, made, outputs, device, weights, weights_input)
    if save_recipe is not None:
        (made.model_copy(update={"styles": named}) if named else made).save(save_recipe)
    raise typer.Exit(start(run, outputs, dry_run=dry_run))


def _files(
    content: Path, styles: Sequence[Style], recipe: Recipe, weights: str, *others: Path | None
) -> list[Path]:
    """The paths of every file that a run reads."""
    from impasto.pictures.inputs import files_of

    named = [Path(weights) if weights != "bundled" else None, *others]
    return files_of(content, styles, recipe) + [path for path in named if path is not None]


@app.command("resume")
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


@app.command("rerun")
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

    _use_threads(threads)
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
    outputs = Outputs(picture=output, quiet=quiet)
    files = _files(again.content, again.styles, again.recipe, again.weights, picture)
    outputs.check(files, again.recipe.steps)
    run = prepare(
        again.content, again.styles, again.recipe, outputs, device, again.weights, weights_input
    )
    raise typer.Exit(start(run, outputs))


def _setting(change: str) -> tuple[str, str]:
    """One change of a recipe, as in ``strength=0.8``."""
    name, equals, value = change.partition("=")
    if not equals:
        raise InputError("command.not-a-setting", change=change, example="strength=0.8")
    return name.strip().replace("-", "_"), value.strip()


@app.command("studio")
def studio(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="N", help="Port to listen on; 0 for any free one."),
    ] = 7860,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:PASSWORD",
            help="Name and password that visitors need; or set IMPASTO_STUDIO_AUTH.",
        ),
    ] = None,
    auth_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Read NAME:PASSWORD from a file that other users cannot read."
        ),
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Let in anyone who can reach the address.")
    ] = False,
    largest: Annotated[
        float, typer.Option("--max-megapixels", min=0.01, metavar="X", help="Largest canvas.")
    ] = USUAL.pixels / 1e6,
    most_steps: Annotated[
        int, typer.Option("--max-steps", min=1, metavar="N", help="Most steps of a painting.")
    ] = USUAL.steps,
    most_work: Annotated[
        float,
        typer.Option(
            "--max-work",
            min=0.001,
            metavar="X",
            help="Most multiplications for a painting, in trillions.",
        ),
    ] = USUAL.work / 1e12,
    longest: Annotated[
        float,
        typer.Option("--max-seconds", min=1, metavar="X", help="Longest time for a painting."),
    ] = USUAL.seconds,
    upload: Annotated[
        float,
        typer.Option("--max-megabytes", min=0.01, metavar="X", help="Largest uploaded file."),
    ] = USUAL.bytes / 1e6,
    uploaded: Annotated[
        float,
        typer.Option(
            "--max-upload-megapixels", min=0.01, metavar="X", help="Largest uploaded picture."
        ),
    ] = USUAL.uploaded / 1e6,
    waiting: Annotated[
        int,
        typer.Option(
            "--max-waiting", min=1, max=100, metavar="N", help="Most paintings in the queue."
        ),
    ] = USUAL.waiting,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Serve a web page for painting; other programs can use it as a service."""
    from impasto.studio import opening

    visitors = opening.credentials(auth, auth_file)
    address = opening.Address.of(host, port)
    if not address.is_local and visitors is None and not open_:
        raise InputError("studio.open-to-all", host=host)
    limits = Limits(
        bytes=int(1e6 * upload),
        uploaded=int(1e6 * uploaded),
        pixels=int(1e6 * largest),
        steps=most_steps,
        work=1e12 * most_work,
        waiting=waiting,
        seconds=longest,
    )
    with Signals(*ENDING) as signals:
        try:
            asked = _serve(address, limits, device, threads, visitors)
        except BaseException:  # a signal during an import can cause any error
            if signals.number is None:
                raise
            asked = signals.number
    typer.echo("The studio is closed.", err=True)
    raise typer.Exit(128 + asked)


def _serve(
    address: Address,
    limits: Limits,
    device: str,
    threads: int | None,
    visitors: tuple[str, str] | None,
) -> int:
    """Open the studio and print its address; return the signal that stopped it."""
    from impasto.studio import opening

    with address.listen() as listener:
        folder = opening.folder_of_jobs()
        try:
            from impasto.studio.server import serve
        except ImportError as error:
            raise InputError("studio.not-installed", package=error.name) from None
        _use_threads(threads)

        def opened() -> None:
            typer.echo(f"The studio is at {address.url(listener)} (Ctrl-C stops it).", err=True)

        return serve(listener, folder, limits, device, visitors, opened)


@app.command("demo")
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
        plot=folder / "losses.png",
        quiet=quiet,
    )
    files = _files(content, [Style(picture=style_path)], made, "bundled", recipe)
    outputs.check(files, made.steps)
    _use_threads(threads)
    raise typer.Exit(start(prepare(content, style_path, made, outputs, device), outputs))


@app.command("sweep")
@recipe_flags
def sweep(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="Picture to paint.")],
    style: Annotated[str, typer.Argument(metavar="STYLE", help="Picture that gives the style.")],
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="SETTING=A,B,…",
            help="A setting and its values; the first goes across, a second one down.",
        ),
    ],
    output: Output,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write every painting to this folder too.")
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Vary one or two settings, and show every painting on one sheet."""
    from impasto.experiments import sweep as sweeps

    axes = [sweeps.Axis.read(text) for text in vary]
    made = build(preset, recipe, settings)
    outputs = Outputs(picture=output, quiet=quiet)
    named = Style.read(style)
    files = [
        file
        for one in itertools.chain(*sweeps.grid(made, axes))
        for file in _files(content, [named], one, "bundled", recipe)
    ]
    kept = sweeps.paintings(axes, folder) if folder is not None else []
    outputs.check(files, made.steps, within=kept)
    _use_threads(threads)
    paint_sheet = partial(sweeps.sweep, content, named, axes, made, device=device, folder=folder)
    raise typer.Exit(fill_sheet(paint_sheet, outputs))


@app.command("reconstruct")
def reconstruct(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="A photograph.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="A painting.")],
    output: Output,
    size: Annotated[
        int, typer.Option(min=32, max=1024, metavar="N", help="Longer side of each picture.")
    ] = 256,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Steps for each picture.")] = 100,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Reconstruct two pictures from each layer of the network, as in the paper's first figure."""
    from impasto.experiments import reconstruct as reconstructions

    outputs = Outputs(picture=output, quiet=quiet)
    outputs.check((content, style), steps)
    _use_threads(threads)
    paint_sheet = partial(
        reconstructions.reconstruct, content, style, size=size, steps=steps, device=device
    )
    raise typer.Exit(fill_sheet(paint_sheet, outputs))


@app.command("montage")
def montage(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="From left to right.")],
    output: Output,
) -> None:
    """Set pictures side by side on white, each scaled to the size of the first."""
    from impasto.pictures import montage, writers

    writers.check_output(output)
    check_apart(pictures, [output])
    writers.save(montage.montage(pictures), output)
    typer.echo(f"{output}")


@app.command("network")
def network(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="NETWORK.png", help="Draw it as PNG, SVG or PDF."),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Size of the canvas; it sets the shapes.")
    ] = None,
) -> None:
    """Show the feature-extraction network as a table, and as a drawing."""
    from rich.console import Console

    from impasto.pictures import sizes
    from impasto.report import figures

    made = build(preset, recipe, {"size": size})
    canvas = sizes.fit((4, 3), 512 if isinstance(made.size, str) else made.size)
    if output is not None:
        figures.check_figure(output)
        check_apart([recipe] if recipe is not None else [], [output])
    Console().print(_network_table(made, canvas))
    if output is not None:
        figures.network_drawing(
            output,
            size=canvas,
            content_layers=made.content_layers,
            style_layers=made.style_layers,
            pooling=made.pooling,
        )
        typer.echo(f"The drawing is in {output}.")


def _network_table(recipe: Recipe, canvas: tuple[int, int]) -> Table:
    from rich.table import Table

    from impasto.report import figures

    table = Table(title="Feature Extraction Network", title_justify="left")
    for heading in ("Layer", "Name", "Kind", "Output", "Parameters", "Read for"):
        table.add_column(heading, justify="right" if heading in ("Layer", "Parameters") else "left")
    rows = figures.network_table(canvas, recipe.pooling)
    for row in rows:
        uses = {"content": recipe.content_layers, "style": recipe.style_layers}
        table.add_row(
            str(row.number),
            row.name,
            row.kind,
            row.shape,
            f"{row.parameters:,}" if row.parameters else "",
            ", ".join(use for use, layers in uses.items() if row.name in layers),
        )
    table.caption = f"{sum(row.parameters for row in rows):,} parameters"
    return table


@app.command("doctor")
def doctor(
    device: Device = "auto",
    threads: Threads = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
) -> None:
    """Show the device, threads, memory and weights that a run would use, and do a test run."""
    import psutil
    import torch
    from rich.console import Console
    from rich.table import Table

    from impasto.network import devices
    from impasto.pictures import samples
    from impasto.report.progress import versions
    from impasto.run.prepare import prepare
    from impasto.settings.recipe import Recipe

    _use_threads(threads)
    recipe = Recipe(size=64, steps=2)
    run = prepare(
        samples.style("mosaic"),
        samples.style("woodcut"),
        recipe,
        device=device,
        weights=weights,
        weights_input=weights_input,
    )
    result = run.paint()
    memory = psutil.virtual_memory()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("Versions", ", ".join(f"{name} {value}" for name, value in versions().items()))
    table.add_row("Device", devices.describe(run.evaluator.device))
    table.add_row("Precision", f"auto is {run.evaluator.arithmetic.name}")
    table.add_row("Threads", str(torch.get_num_threads()))
    table.add_row("Memory", f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB")
    table.add_row("Weights", f"{run.weights[0]}, SHA-256 {run.weights[1]}")
    table.add_row("Test run", f"two steps at 64 pixels, loss {result.best.loss:.3e}: all is well")
    Console().print(table)


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def _fail(text: str, code: int) -> int:
    typer.echo(f"impasto: {text}", err=True)
    return code


def run(arguments: list[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    with unfailing(), Signals(*ENDING) as signals, _notes():
        try:
            with memory_errors():
                return app(arguments, prog_name="impasto", standalone_mode=False) or DONE
        except (KeyboardInterrupt, typer.Abort, StoppedError):
            return _failed(EndedError(signals.number or signal.SIGINT))
        except (typer.TyperException, ImpastoError, OSError) as error:
            return _failed(error)
        except Exception:
            if signals.number is None:  # a signal during an import can cause any error
                raise
            return _failed(EndedError(signals.number))


def _failed(error: Exception) -> int:
    """Print why a command failed; return its exit code."""
    match error:
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            command = "impasto" if context is None else context.command_path
            return _fail(f"{error.format_message()} (try: {command} --help)", error.exit_code)
        case EndedError():
            return _fail(str(error), error.exit_code)
        case InputError():
            return _fail(str(error), BAD_INPUT)
        case OSError():
            where = f" {shown(error.filename)}" if error.filename else ""
            return _fail(f"{error.strerror or error}{where}.", FAILED)
        case _:
            return _fail(str(error), FAILED)


@contextmanager
def _notes() -> Iterator[None]:
    """A context in which impasto's warnings are printed as notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ImpastoWarning)
        show_other = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, ImpastoWarning):
                note(str(message))
            else:
                show_other(message, category, *place)

        warnings.showwarning = show  # type: ignore[assignment]
        yield
