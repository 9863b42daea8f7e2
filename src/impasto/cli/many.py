"""Many paintings from the command line: which pictures are meant, the plan, and how it ended."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from impasto.cli.advice import note_enlarged, note_ignored, note_squeezed
from impasto.cli.clusters import Batch, Cluster, foretold, paint_batch, places_on, workplace_of
from impasto.cli.ending import BAD_INPUT, DONE, FAILED, EndedError, code_of, told_to_end
from impasto.cli.options import files_of_run
from impasto.cli.pipes import check_files, is_dash, path_of, style_of, taken_in
from impasto.cli.session import prepare, save_or_rescue, show_document, start
from impasto.errors import ImpastoError, InputError
from impasto.files.listing import names_several
from impasto.files.reading import located, opened
from impasto.files.writing import check_writable, is_there, remove_parts
from impasto.report.outputs import Outputs
from impasto.settings.loss_table import METHODS
from impasto.settings.style import Style
from impasto.settings.validation import counted

if TYPE_CHECKING:
    from rich.table import Table

    from impasto.cli.clusters import OnPainted
    from impasto.experiments.many import Expected, Painted, Painter, Paints
    from impasto.experiments.planning import Painting, Plan
    from impasto.report.documents import HasSteps, OneOfMany
    from impasto.report.overall import OverallBar, OverallLines
    from impasto.run.result import Result
    from impasto.settings.recipe import Recipe

STOPPING = "Stopping; the painting in progress is dropped. Ctrl-C again stops at once."
STOPPING_ALL = "Stopping; the paintings in progress are dropped. Ctrl-C again stops at once."
ONE_ONLY = ("montage", "plot", "trace", "timelapse", "snapshots", "show", "checkpoint")


def sort_out(
    pictures: Sequence[str],
    styles: Sequence[str],
    recipe: Recipe,
    output: str | None,
    *,
    apart: bool,
) -> tuple[list[str], list[Style]]:
    """Which of the pictures on the command line are content pictures, and which are styles.

    The last picture is the style, unless styles are named otherwise, by ``--style`` or by the
    recipe. Then all are content pictures, so that a pattern which the shell replaces by the names
    of photographs never makes the last of them a style. The exception is two pictures and the name
    of one file: there is only one painting, and the second picture is a style too.

    Args:
        pictures: the pictures, folders and patterns, in order; at least one.
        styles: the values of ``--style``.
        recipe: the settings.
        output: the value of ``--output``; None if it was not given.
        apart: whether there is a painting for each style.

    Returns:
        The content pictures and the styles; no styles for those of the recipe.
    """
    further = [style_of(text) for text in styles]
    has_styles = bool(further or recipe.styles)
    one_file = output is not None and not _is_for_several(output)
    plain = not apart and not any(names_several(picture) for picture in pictures)
    if len(pictures) < 2 or (has_styles and not (len(pictures) == 2 and one_file and plain)):
        return [str(path_of(picture)) for picture in pictures], further
    contents = [str(path_of(picture)) for picture in pictures[:-1]]
    return contents, [style_of(pictures[-1]), *further]


def _is_for_several(output: str) -> bool:
    """Whether an output is a folder or a template."""
    is_folder = os.path.isdir(located(output)) or output.endswith(("/", os.sep))  # noqa: PTH112
    return is_folder or "{" in output


@dataclass(frozen=True)
class Asked:
    """What a command line asks for, besides the pictures.

    Attributes:
        recipe: the settings.
        given: the settings that flags give; None for those that are left out.
        outputs: what is written besides paintings, and how paintings are written.
        device: the device.
        threads: number of CPU threads; None for the usual number.
        weights: ``bundled``, or the path of a weight file.
        weights_input: the input that the weight file expects.
        recipe_file: the file that the settings were read from, if any.
        save_recipe: the file that the settings are written to, if any.
        dry_run: whether nothing is painted.
        skip_existing: whether paintings that exist are not painted again.
        cluster: the cluster that paints; None for this process.
    """

    recipe: Recipe
    given: Mapping[str, Any]
    outputs: Outputs
    device: str
    threads: int | None
    weights: str
    weights_input: str | None
    recipe_file: Path | None
    save_recipe: Path | None
    dry_run: bool
    skip_existing: bool
    cluster: Cluster | None = None

    @property
    def written(self) -> list[Path]:
        """The file that the settings are written to."""
        return [] if self.save_recipe is None else [located(self.save_recipe)]

    def save_settings(self, styles: Sequence[Style]) -> None:
        """Write the settings, with styles that the command line names."""
        for path in self.written:
            with_styles = self.recipe.model_copy(update={"styles": styles})
            (with_styles if styles else self.recipe).save(path)


def paint_one(plan: Plan, asked: Asked, *, styles_are_named: bool) -> int:
    """Paint the one painting of a plan with all that is asked for; return the exit code.

    Args:
        plan: the plan.
        asked: what the command line asks for.
        styles_are_named: whether the styles are not those of the recipe.
    """
    (painting,), outputs = plan.paintings, asked.outputs
    if asked.skip_existing and outputs.picture is not None and is_there(outputs.picture):
        if not outputs.quiet:
            text = f"{outputs.picture} exists already, and is not painted again."
            typer.echo(text, err=outputs.document)
        _show([_document(painting, skipped=True)], 1, asked)
        return DONE
    content, styles = Path(str(painting.content)), painting.styles if styles_are_named else ()
    if plan.beside and not is_dash(content):  # then its folder must exist
        opened(content, "content picture").close()
    with plan.folders():
        files = files_of_run(
            content, painting.styles, asked.recipe, asked.weights, asked.recipe_file
        )
        outputs.check(files, asked.recipe.steps, asked.written)
        if outputs.checkpoint is not None and not METHODS[asked.recipe.method].one_pass:
            from impasto.run.checkpoint import check_replaceable

            check_replaceable(outputs.checkpoint)
        note_ignored(content, painting.styles, asked.recipe)
        photograph, pictures = taken_in(content, styles)
        with workplace_of(asked.cluster, lambda: asked.recipe) as workplace:
            run = prepare(
                photograph,
                pictures or None,
                asked.recipe,
                outputs,
                asked.device,
                asked.weights,
                asked.weights_input,
                asked.threads,
                workplace,
            )
            note_squeezed(run.inputs.content.size, run.size, run.recipe, asked.given)
            if not METHODS[run.recipe.method].one_pass:
                note_enlarged(run.inputs.styles, run.levels[-1].style_sizes)
            asked.save_settings(styles)
            if asked.skip_existing and outputs.picture is not None:
                remove_parts(outputs.picture)
            foretell = None if workplace is None else partial(foretold, workplace)
            return start(run, outputs, dry_run=asked.dry_run, also=asked.written, foretell=foretell)


def paint_many(plan: Plan, asked: Asked, *, styles_are_named: bool) -> int:
    """Paint several paintings; return the exit code.

    Args:
        plan: the plan.
        asked: what the command line asks for.
        styles_are_named: whether the styles are not those of the recipe.

    Raises:
        InputError: something was asked for that only one painting can have, or that concerns all
            paintings and cannot be used.
    """
    several = len({painting.styles for painting in plan.paintings}) > 1
    flags = tuple(f"--{name}" for name in ONE_ONLY if getattr(asked.outputs, name))
    if flags:
        raise InputError("many.one-only", count=len(plan.paintings), flags=flags)
    weights = Path(asked.weights) if asked.weights != "bundled" else None
    read = [path for path in (weights, asked.recipe_file) if path is not None]
    if asked.outputs.picture is None:
        raise InputError("many.one-stdout", count=len(plan.paintings))
    for painting in plan.paintings:
        check_files({"content picture": painting.content})
        for style in painting.styles:
            check_files({"style picture": style.picture})
    with plan.checked(asked.recipe, read, asked.written, asked.outputs.form):
        for path in asked.written:
            check_writable(path)
        styles = plan.paintings[0].styles if styles_are_named and not several else ()
        if asked.dry_run:
            return _look_over(plan, asked, styles)
        if asked.cluster is not None:
            return _paint_there(plan, asked, asked.cluster, styles)
        return paint_all(plan, asked, partial(_painter, asked, styles))


def _painter(asked: Asked, styles: Sequence[Style]) -> Painter:
    """What paints, after which nothing is wrong that concerns all; then the settings are written.

    Raises:
        InputError: the weights, the device or a picture of the recipe cannot be used.
    """
    from impasto.experiments.many import Painter

    painter = Painter(
        asked.recipe,
        asked.device,
        asked.weights,
        asked.weights_input,
        asked.outputs.form,
        threads=asked.threads,
    )
    asked.save_settings(styles)
    return painter


def paint_all(plan: Plan, asked: Asked, make_painter: Callable[[], Paints]) -> int:
    """Paint what was planned in this process, and print how it ended; return the exit code.

    Args:
        plan: the plan.
        asked: what the command line asks for.
        make_painter: makes what paints.
    """

    def paint(on_painted: OnPainted) -> None:
        _paint_here(plan, asked, make_painter, on_painted)

    return _told(plan, asked, paint)


def _paint_there(plan: Plan, asked: Asked, cluster: Cluster, styles: Sequence[Style]) -> int:
    """Paint what was planned on a cluster, and print how it ended; return the exit code."""
    batch = Batch(plan.paintings, asked.recipe, asked.outputs, asked.weights, asked.weights_input)
    save_settings = partial(asked.save_settings, styles)

    def paint(on_painted: OnPainted) -> None:
        paint_batch(batch, cluster, on_painted, save_settings, skips=asked.skip_existing)

    return _told(plan, asked, paint)


def _told(plan: Plan, asked: Asked, paint: Callable[[OnPainted], None]) -> int:
    """Paint what was planned, and print how it ended; return the exit code."""
    records: list[Painted] = []
    ended: dict[int, OneOfMany] = {}
    outputs, count = asked.outputs, len(plan.paintings)
    began = time.monotonic()

    def on_painted(number: int, record: Painted, result: HasSteps | None) -> None:
        records.append(record)
        ended[number] = _document(
            plan.paintings[number], record.error, result=result, skipped=record.skipped
        )

    try:
        stopping = STOPPING if asked.cluster is None else STOPPING_ALL
        with told_to_end(outputs.quiet, stopping) as signals:
            paint(on_painted)
        code = code_of(signals.number)
    except EndedError as error:  # a second signal came
        code = error.exit_code
    except (ImpastoError, OSError, MemoryError):
        if records:
            _tell(records, count, None, quiet=True)
            _tell_stopped(records, count)
        raise
    seconds, made = time.monotonic() - began, [ended[number] for number in sorted(ended)]
    was_stopped = bool(code) and len(records) < count
    _show(made, count, asked, seconds=seconds, stopped=was_stopped)
    if was_stopped:
        _tell(records, count, None, quiet=True)
        _tell_stopped(records, count)
        return code
    return _tell(records, count, seconds, quiet=outputs.quiet, to_stderr=outputs.document)


def _paint_here(
    plan: Plan, asked: Asked, make_painter: Callable[[], Paints], on_painted: OnPainted
) -> None:
    """Paint what was planned in this process, one after another."""
    from impasto.experiments import many

    saved: list[Result] = []  # of the last painting
    outputs = asked.outputs
    numbers = itertools.count()

    def save(result: Result, path: Path) -> None:
        save_or_rescue(partial(result.save, metadata=outputs.metadata, **outputs.form), path)
        saved.append(result)

    with _progress(len(plan.paintings), outputs.quiet) as progress:

        def told(record: Painted) -> None:
            on_painted(next(numbers), record, saved.pop() if saved else None)
            progress.painted(record)

        many.paint(
            plan.paintings,
            make_painter,
            skip_existing=asked.skip_existing,
            save=save,
            watch=many.Watch(progress.begin, progress.run, told, progress.step),
        )


def _document(
    painting: Painting,
    error: ImpastoError | None = None,
    *,
    result: HasSteps | None = None,
    skipped: bool = False,
    planned: bool = False,
) -> OneOfMany:
    from impasto.report import documents

    state = "planned" if planned else "painted"
    if error is not None or skipped:
        state = "skipped" if skipped else "failed"
    return documents.one_of_many(painting, state, error=error, result=result)


def _show(made: Sequence[OneOfMany], count: int, asked: Asked, **known: Any) -> None:
    """Print the document of many paintings, if one is asked for."""
    if asked.outputs.document:
        from impasto.report import documents

        show_document(documents.paintings(made, count, asked.recipe, **known))


def _progress(count: int, quiet: bool) -> OverallBar | OverallLines:
    from rich.console import Console

    from impasto.report.overall import OverallBar, OverallLines
    from impasto.run.showing import has_bar

    console = Console(stderr=True)
    if quiet or not has_bar(console):
        return OverallLines(None if quiet else sys.stderr)
    return OverallBar(count, console)


def _tell(
    records: Sequence[Painted],
    count: int,
    seconds: float | None,
    *,
    quiet: bool,
    to_stderr: bool = False,
) -> int:
    """Print how many were painted, and which could not be; return the exit code."""
    from impasto.run.showing import duration

    failed = [record for record in records if record.error is not None]
    skipped = sum(record.skipped for record in records)
    painted = len(records) - len(failed) - skipped
    if not quiet and seconds is not None:
        existed = f"; {counted(skipped, 'painting')} existed already" if skipped else ""
        typer.echo(
            f"Painted {painted} of {counted(count, 'picture')} in {duration(seconds)}{existed}.",
            err=to_stderr,
        )
    if not failed:
        return DONE
    typer.echo(
        f"impasto: {len(failed)} of {counted(count, 'picture')} could not be painted:", err=True
    )
    for sentence in dict.fromkeys(str(record.error) for record in failed):
        typer.echo(f"  {sentence}", err=True)
    are_inputs = all(isinstance(record.error, InputError) for record in failed)
    return BAD_INPUT if are_inputs and len(failed) == count else FAILED


def _tell_stopped(records: Iterable[Painted], count: int) -> None:
    done = sum(record.error is None for record in records)
    typer.echo(
        f"Stopped: {done} of {counted(count, 'picture')} are painted. To paint the others, use the "
        "same command with --skip-existing.",
        err=True,
    )


def _look_over(plan: Plan, asked: Asked, styles: Sequence[Style]) -> int:
    """Print what would be painted and how long it would take, and paint nothing.

    Returns:
        The exit code that painting would have, as far as the headers of the files tell.
    """
    from rich.console import Console

    from impasto.experiments import many
    from impasto.run.showing import estimate

    states = many.looked_over(plan.paintings, asked.recipe, skip_existing=asked.skip_existing)
    Console(stderr=asked.outputs.document).print(_table(plan.paintings, states))
    to_paint = [one for one, state in zip(plan.paintings, states, strict=True) if state == many.NEW]
    wrong = list(dict.fromkeys(str(one) for one in states if isinstance(one, ImpastoError)))
    for sentence in wrong:
        typer.echo(f"impasto: {sentence}", err=True)
    told = f"Would paint {len(to_paint)} of {counted(len(states), 'picture')}"
    known = {}
    takes, workers = _expected(to_paint, asked, styles)
    if takes is not None:
        seconds = takes.all_seconds / (workers or 1)
        each, whole = estimate(takes.seconds), estimate(seconds)
        by = f" by {counted(workers, 'worker')} as fast as this machine" if workers else ""
        told += f": about {each} each, {whole} for all{by}, {takes.bytes / 1e9:.1f} GB"
        known = {"seconds": seconds, "memory": takes.bytes}
    typer.echo(f"{told}.", err=asked.outputs.document)
    made = [
        _document(
            painting,
            state if isinstance(state, ImpastoError) else None,
            skipped=state == many.EXISTS,
            planned=True,
        )
        for painting, state in zip(plan.paintings, states, strict=True)
    ]
    _show(made, len(made), asked, **known)
    if not wrong:
        return DONE
    return FAILED if to_paint or many.EXISTS in states else BAD_INPUT


def _expected(
    paintings: Sequence[Painting], asked: Asked, styles: Sequence[Style]
) -> tuple[Expected | None, int | None]:
    """What paintings would take on this machine, and how many workers would share them.

    Returns:
        None if no picture can be read; and None if no cluster is asked for, which is asked first
        whether it can be used.
    """
    from impasto.experiments import many
    from impasto.process.threads import use

    workers = None
    if asked.cluster is not None:
        places, needs = places_on(asked.cluster)
        workers = min(places, max(1, len(paintings)))
        asked = replace(asked, device="auto", threads=needs.cpus)
    if not paintings:
        return None, workers
    with use(asked.threads):
        return many.expected(paintings, asked.recipe, _painter(asked, styles)), workers


def _table(paintings: Sequence[Painting], states: Sequence[object]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Paintings", title_justify="left")
    for heading in ("", "Pictures", "Painting", ""):
        table.add_column(heading, overflow="fold")
    for number, (painting, state) in enumerate(zip(paintings, states, strict=True), start=1):
        word = "cannot be painted" if isinstance(state, ImpastoError) else str(state)
        cells = (str(number), painting.name, str(painting.path), word)
        table.add_row(*(Text(cell) for cell in cells))
    return table
