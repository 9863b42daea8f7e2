"""The command line: its commands, and how they fail."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from impasto._version import __version__
from impasto.cli import about, applying, painting, serving, sheets, training, video
from impasto.cli.ending import BAD_INPUT, DONE, FAILED, EndedError
from impasto.cli.live import live
from impasto.cli.manual import Command
from impasto.cli.notes import hear_notes, warnings_as_notes
from impasto.cli.pipes import shielded
from impasto.cli.session import command_line
from impasto.cli.streams import unfailing
from impasto.errors import ImpastoError, InputError, StoppedError
from impasto.files.writing import is_there
from impasto.messages.message import Message, shown
from impasto.process.interrupts import ENDING, Signals
from impasto.process.memory import memory_errors
from impasto.settings.validation import suggest

LONGEST_HINT = 200  # characters of a suggested command


@contextmanager
def _ctrl_c_as_abort() -> Iterator[None]:
    """A context in which Ctrl-C aborts: for KeyboardInterrupt, Typer would print nothing."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Abort from None


class _Commands(TyperGroup):
    """The commands; an unknown name gets a hint, and Ctrl-C gets a message."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        """Read the command line."""
        with _ctrl_c_as_abort():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _ctrl_c_as_abort():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, each with the whole first sentence of its help."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(limit=200)) for name, one in named if one]
            )

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
        meant = command_line(["impasto", "stylize", *typed])
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
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
            "--version",
            "-V",
            callback=_print_version,
            is_eager=True,
            show_default=False,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    hear_notes(True)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _command in (
    painting.stylize,
    painting.resume,
    painting.rerun,
    training.train,
    applying.apply,
    video.video,
    live,
    serving.studio,
    painting.demo,
    sheets.sweep,
    sheets.reconstruct,
    sheets.montage,
    about.network,
    about.doctor,
):
    app.command(_command.__name__, cls=Command)(_command)
COMMANDS = tuple(command.name for command in app.registered_commands)


def run(arguments: list[str] | None = None) -> int:
    """Run a command line; return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    document = "--json" in given
    with unfailing(), Signals(*ENDING) as signals, warnings_as_notes():
        try:
            with memory_errors():
                _check_none_empty(given)
                asked = _with_command(given[0]) if given else app
                return asked(shielded(given), prog_name="impasto", standalone_mode=False) or DONE
        except (KeyboardInterrupt, typer.Abort, StoppedError):
            return _failed(EndedError(signals.number or signal.SIGINT), document=document)
        except typer.TyperException as error:
            return _failed(_usage_error(error, given), document=document)
        except (ImpastoError, OSError) as error:
            return _failed(error, document=document)
        except Exception:
            if signals.number is None:  # a signal during an import can cause any error
                raise
            return _failed(EndedError(signals.number), document=document)


@cache
def _with_command(name: str) -> typer.Typer:
    """The command line with one command alone, because all take long to build.

    If no command has this name, it has all.
    """
    named = [one for one in app.registered_commands if one.name == name]
    if not named:
        return app
    alone = copy(app)
    alone.registered_commands = named
    return alone


def _check_none_empty(arguments: Iterable[str]) -> None:
    """Make sure that no argument is empty, which would be taken for the current folder.

    Raises:
        InputError: one is, as in ``-o ""`` or ``--plot=``.
    """
    before = ""
    for one in arguments:
        if one.startswith("--") and one.endswith("="):
            raise InputError("command.empty-value", flag=one.removesuffix("="))
        if not one and before.startswith("-"):
            raise InputError("command.empty-value", flag=before)
        if not one:
            raise InputError("command.empty-argument")
        before = one


def _usage_error(error: typer.TyperException, arguments: Sequence[str]) -> InputError:
    """Impasto's error for one of Typer's, with the nearest option if one is near."""
    text = error.format_message()
    if similar := getattr(error, "possibilities", None):
        text = f"{error.message}{suggest(getattr(error, 'option_name', None), similar)}"
    named = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    return InputError("command.usage", text=text, command=f"impasto {named}".strip())


def _failed(error: Exception, *, document: bool) -> int:
    """Print why a command failed; return its exit code.

    Args:
        error: the error.
        document: whether it is also printed as a JSON document, on standard output.
    """
    code, text, number = _explained(error)
    typer.echo(f"impasto: {text}", err=True)
    if document:
        from impasto.cli.session import show_document
        from impasto.report.documents import failure

        with suppress(ImpastoError):  # there is nowhere left to say so
            show_document(failure(code, text))
    return number


def _explained(error: Exception) -> tuple[str, str, int]:
    """The code of an error, its sentence, and the exit code of the command."""
    match error:
        case ImpastoError():
            return error.code, str(error), _exit_code(error)
        case OSError():
            where = f" {shown(error.filename)}" if error.filename else ""
            return "system", f"{error.strerror or error}{where}.", FAILED
        case _:
            return "system", str(error), FAILED


def _exit_code(error: ImpastoError) -> int:
    if isinstance(error, EndedError):
        return error.exit_code
    return BAD_INPUT if isinstance(error, InputError) else FAILED
