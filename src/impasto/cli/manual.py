"""What ``--help`` shows of a command: its usage, its flags with their defaults, and examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from impasto.errors import InputError
from impasto.messages.message import Message
from impasto.settings.presets import PURPOSES

WIDEST_NAMES = 24  # characters of flags beside their description; longer ones get their own line
OPTIONS = "Options"

EXAMPLES: dict[str, tuple[str, ...]] = {
    "stylize": (
        "impasto stylize photo.jpg painting.jpg -o out.png",
        "impasto stylize photo.jpg painting.jpg -o out.png --preset fine --strength 0.8",
    ),
    "resume": ("impasto resume run.impasto -o out.png",),
    "rerun": ("impasto rerun out.png -o again.png --set strength=0.8",),
    "train": ("impasto train painting.jpg --photos photos -o painter.safetensors",),
    "apply": (
        "impasto apply painter.safetensors photo.jpg -o out.png",
        "impasto apply painter.safetensors photos -o out/ --strength 0.8",
    ),
    "video": (
        "impasto video clip.mp4 painting.jpg -o out.mp4",
        "impasto video clip.mp4 painting.jpg -o out.mp4 --preset instant --preview 2",
    ),
    "live": ("impasto live painting.jpg --camera 0",),
    "studio": ("impasto studio --port 8000",),
    "demo": ("impasto demo pictures --style mosaic",),
    "sweep": (
        "impasto sweep photo.jpg painting.jpg --vary strength=0.4,0.7,1 -o sheet.png",
    ),
    "reconstruct": ("impasto reconstruct photo.jpg painting.jpg -o figure.png",),
    "montage": ("impasto montage photo.jpg out.png painting.jpg -o montage.png",),
    "network": ("impasto network --preset gatys -o network.png",),
    "doctor": ("impasto doctor --device cpu",),
}  # fmt: skip


class Command(TyperCommand):
    """A command whose ``--help`` is plain text, readable at 80 columns."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The parts of the usage line after the command's name, as in ``CONTENT [STYLE]``."""
        arguments = [one for one in self.get_params(ctx) if isinstance(one, TyperArgument)]
        return [self.options_metavar or "", *map(_in_usage, arguments)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            InputError: a flag has a value that is not a number, or is out of its range.
        """
        try:
            return super().parse_args(ctx, list(args))
        except typer.BadParameter as error:
            given, *_ = self.make_parser(ctx).parse_args(args=list(args))
            option: Any = error.param
            value = given.get(option.name) if isinstance(option, TyperOption) else None
            if not isinstance(value, str):
                raise
            reason = _not_in(value, option.min, option.max, whole="integer" in error.message)
            raise InputError(
                "command.flag", flag=option.opts[0], value=value, reason=reason
            ) from None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the flags by panel, and the presets if the command paints."""
        shown = [one for one in self.get_params(ctx) if not getattr(one, "hidden", False)]
        arguments = [one for one in shown if isinstance(one, TyperArgument)]
        options = [one for one in shown if isinstance(one, TyperOption)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl([(_name_of(one), _meaning(one)) for one in arguments])
        panels: dict[str, list[TyperOption]] = {}
        for option in options:
            panels.setdefault(option.rich_help_panel or OPTIONS, []).append(option)
        for panel, members in panels.items():
            with formatter.section(panel):
                rows = [(_flags_of(one), _meaning(one)) for one in members]
                formatter.write_dl(rows, col_max=WIDEST_NAMES)
        if {"preset", "steps"} <= {one.name for one in options}:
            with formatter.section("Presets (times at their size on two cores)"):
                formatter.write_dl(list(PURPOSES.items()))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 – Typer's signature
        """Write the examples, each on a line of its own so that it can be copied."""
        examples = EXAMPLES.get(self.name or "", ())
        if examples:
            with formatter.section("Example" if len(examples) == 1 else "Examples"):
                for example in examples:
                    formatter.write(f"  {example}\n")


def _in_usage(argument: TyperArgument) -> str:
    name = _name_of(argument)
    return name if argument.required else f"[{name}]"


def _name_of(argument: TyperArgument) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name.strip("[]") if name.startswith("[") else name


def _flags_of(option: TyperOption) -> str:
    """The names of a flag, the short one first, and what its value looks like."""
    short_first = ", ".join(sorted(option.opts, key=len))
    names = " / ".join([short_first, *option.secondary_opts])
    return names if option.is_flag or not option.metavar else f"{names} {option.metavar}"


def _meaning(one: TyperArgument | TyperOption) -> str:
    """What an argument or a flag does, with its range and its default."""
    notes = [_range(one.min, one.max), "required" if one.required else _default(one)]
    told = "; ".join(note for note in notes if note)
    return f"{one.help or ''}  [{told}]" if told else one.help or ""


def _default(one: TyperArgument | TyperOption) -> str:
    """The default of a flag, in words if it has any; nothing for flags such as ``--help``."""
    if isinstance(one.show_default, str):
        return f"default: {one.show_default}"
    if isinstance(one.default, bool):
        return f"default: {'on' if one.default else 'off'}" if one.show_default else ""
    if one.default is None or (isinstance(one.default, Sequence) and not one.default):
        return ""
    number = f"{one.default:g}" if isinstance(one.default, float) else one.default
    return f"default: {number}"


def _not_in(value: str, least: float | None, most: float | None, *, whole: bool) -> Message:
    """Why a flag cannot have a value: it is too small, too large or not a number."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if least is not None and number < least:
        return Message("expected.greater_than_equal", bound=least)
    if most is not None and number > most:
        return Message("expected.less_than_equal", bound=most)
    return Message("expected.int_parsing" if whole else "expected.float_parsing")


def _range(least: float | None, most: float | None) -> str:
    """The numbers that a flag takes."""
    if least is not None and most is not None:
        return f"{least:.12g} to {most:.12g}"
    return f"at least {least:.12g}" if least is not None else ""
