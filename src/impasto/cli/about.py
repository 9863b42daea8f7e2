"""The commands that show what a run works with: network and doctor."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.clusters import show_nodes
from impasto.cli.flags import Preset, RecipeFile, build
from impasto.cli.options import OFF, Device, Json, Threads, WeightFile, WeightsInput, use_threads
from impasto.cli.pipes import DASH, output_of, path_of, save_to
from impasto.cli.session import show_document
from impasto.files.writing import check_apart
from impasto.settings.layers import VGG_19, Architecture

if TYPE_CHECKING:
    from rich.table import Table

    from impasto.settings.recipe import Recipe


def network(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="NETWORK.png",
            help="Draw it as PNG, SVG or PDF; or as PNG on standard output if it is -.",
            show_default=OFF,
            parser=path_of,
        ),
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Size of the canvas in pixels; it sets the shapes.",
            show_default="that of the preset",
        ),
    ] = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    json: Json = False,
) -> None:
    """Show the feature-extraction network as a table, and as a drawing."""
    from rich.console import Console

    from impasto.pictures import sizes
    from impasto.report import figures, network_figure

    made = build(preset, recipe, {"size": size})
    canvas = sizes.fit((4, 3), 512 if isinstance(made.size, str) else made.size)
    path = output_of(output, document=json) if output is not None else None
    if path is not None:
        figures.check_figure(path)
        files = [recipe, Path(weights) if weights != "bundled" else None]
        check_apart([file for file in files if file is not None], [path])
    architecture = _architecture(weights, weights_input)
    architecture.check({*made.content_layers, *made.style_layers})
    if not json:
        Console(stderr=output == DASH).print(_network_table(made, canvas, architecture))
    if output is not None:
        draw = partial(
            network_figure.network_drawing,
            size=canvas,
            content_layers=made.content_layers,
            style_layers=made.style_layers,
            pooling=made.pooling,
            architecture=architecture,
        )
        save_to(draw, path)
    if json:
        from impasto.report import documents

        rows = network_figure.network_table(canvas, made.pooling, architecture)
        show_document(documents.network(rows, made, canvas, path))
    elif path is not None:
        typer.echo(f"Wrote {path}.")


def _architecture(weights: str, weights_input: str | None) -> Architecture:
    """The network that weights are of; the bundled ones need not be installed for that."""
    if weights == "bundled" and weights_input is None:
        return VGG_19
    from impasto.network.weights import load

    return load(weights, weights_input).architecture


def _network_table(recipe: Recipe, canvas: tuple[int, int], architecture: Architecture) -> Table:
    from rich.table import Table

    from impasto.report import network_figure

    table = Table(title="Feature Extraction Network", title_justify="left")
    for heading in ("Layer", "Name", "Kind", "Output", "Parameters", "Read for"):
        table.add_column(heading, justify="right" if heading in ("Layer", "Parameters") else "left")
    rows = network_figure.network_table(canvas, recipe.pooling, architecture)
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
    table.caption = f"{architecture.name}, {sum(row.parameters for row in rows):,} parameters"
    return table


def doctor(
    device: Device = "auto",
    threads: Threads = None,
    weights: WeightFile = "bundled",
    weights_input: WeightsInput = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS|local",
            help="Show the nodes of a Ray cluster instead, and whether their versions agree.",
            show_default="this machine",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show the device, threads, memory and weights that a run would use, and do a test run."""
    import psutil
    import torch
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from impasto.network import devices
    from impasto.pictures import samples
    from impasto.report.progress import versions
    from impasto.run.prepare import prepare
    from impasto.settings.recipe import Recipe

    if ray is not None:
        raise typer.Exit(show_nodes(ray, document=json))
    use_threads(threads)
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
    if json:
        from impasto.report import documents

        name, sha256 = run.weights
        found = documents.Doctor(
            versions=versions(),
            device=str(run.evaluator.device),
            device_name=devices.describe(run.evaluator.device),
            precision=run.evaluator.arithmetic.name,
            threads=torch.get_num_threads(),
            memory_free=memory.available,
            memory_total=memory.total,
            weights=documents.WeightFile(name=name, sha256=sha256),
            loss=result.best.loss,
        )
        show_document(found)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("Versions", ", ".join(f"{name} {value}" for name, value in versions().items()))
    table.add_row("Device", devices.describe(run.evaluator.device))
    table.add_row("Precision", f"auto is {run.evaluator.arithmetic.name}")
    table.add_row("Threads", str(torch.get_num_threads()))
    table.add_row("Memory", f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB")
    table.add_row("Network", run.loaded.architecture.name)
    table.add_row("Weights", Text(f"{run.weights[0]}, SHA-256 {run.weights[1]}"))
    table.add_row("Test run", f"two steps at 64 pixels, loss {result.best.loss:.3e}: all is well")
    Console().print(table)
