"""Figures as files, and the figure of a run's losses."""

from __future__ import annotations

import importlib
import logging
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from impasto.errors import InputError
from impasto.files.writing import check_writable, written_whole
from impasto.settings.loss_table import METHODS
from impasto.settings.pieces import check_choice, check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from impasto.run.result import Step

# Suffix → the metadata entry that would contain the time or the program's version.
FIGURES = {".png": "Software", ".svg": "Date", ".pdf": "CreationDate"}

INK, GREY, RULE = "#1f2933", "#66727f", "#9aa5b1"
ORANGE, BLUE = "#d55e00", "#0072b2"  # distinguishable for colour-blind readers (Okabe and Ito)


def check_figure(path: str | Path) -> Path:
    """The path, if a figure can be written there.

    Raises:
        InputError: it does not end in ``.png``, ``.svg`` or ``.pdf``, it is a folder, or its folder
            is missing or read-only.
    """
    return check_writable(path, FIGURES)


def import_matplotlib() -> ModuleType:
    """Import Matplotlib, even if the environment or its settings files are unusable.

    A notebook may set a backend that exists only in its own processes, and a settings file may be
    damaged. After the import, the usable settings are applied. Matplotlib's log messages about
    them, or about a folder that cannot be written to, are not printed to standard error.
    """
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    with _without_settings():
        matplotlib: Any = importlib.import_module("matplotlib")
    with suppress(Exception):  # damaged bytes make it raise almost anything
        matplotlib.rc_file(matplotlib.matplotlib_fname())
    if backend := os.environ.get("MPLBACKEND"):
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    return sys.modules["matplotlib"]


@contextmanager
def _without_settings() -> Iterator[None]:
    """Hide the environment's Matplotlib settings for the duration of the block."""
    before = {name: os.environ.pop(name, None) for name in ("MPLBACKEND", "MATPLOTLIBRC")}
    os.environ["MATPLOTLIBRC"] = os.devnull
    try:
        yield
    finally:
        del os.environ["MATPLOTLIBRC"]
        os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def figure_at(
    target: str | Path | BinaryIO, title: str, width: float, height: float
) -> Iterator[Figure]:
    """A figure to draw on, sized in inches; written when the block ends without an error.

    A binary stream gets a PNG.
    """
    import_matplotlib()
    from matplotlib import style
    from matplotlib.figure import Figure

    path = check_figure(target) if isinstance(target, str | Path) else None
    suffix = ".png" if path is None else path.suffix.lower()
    # Ignore the user's Matplotlib settings, and write the same bytes for the same figure.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "impasto", "pdf.fonttype": 42}
    with style.context(["default", settings]):
        figure = Figure(figsize=(width, height))
        yield figure
        with nullcontext(target) if path is None else written_whole(path) as file:
            metadata = {"Title": title, FIGURES[suffix]: None}
            figure.savefig(file, format=suffix[1:], dpi=200, metadata=metadata)


def loss_curves(
    history: Sequence[Step],
    path: str | Path,
    *,
    alpha: float,
    beta: float,
    methods: Sequence[str] | None = None,
) -> None:
    """Draw a run's loss and its two parts against the step, with the best step marked.

    The axis of the loss is logarithmic. A step at which a part is zero is left out of that part's
    curve; if everything is zero, the axis is linear. At a level of ``nnst`` or ``even-nnst`` the
    loss has no part of the content, and the style has the weight 1. The method ``strotss`` weights
    its parts in its own way, and its levels are left out of both curves.

    Args:
        history: every step of a run, at least one.
        path: ends in ``.png``, ``.svg`` or ``.pdf``.
        alpha: the recipe's weight of the content loss.
        beta: the recipe's weight of the style loss (:attr:`Recipe.style_weight`).
        methods: the method of each level, from coarse to fine; None if all are ``layers``.

    Raises:
        InputError: there is no step, a weight is no number, a level has no method or an unknown
            one, or the figure cannot be written there.
    """
    if not history:
        raise InputError("figure.no-steps")
    check_number("alpha", alpha, may_be_zero=True)
    check_number("beta", beta, may_be_zero=True)
    finest = history[-1].level
    by_level = ["layers"] * finest if methods is None else list(methods)
    for method in by_level:
        check_choice("methods", method, METHODS)
    if len(by_level) < finest:
        raise InputError("figure.methods", levels=finest, count=len(by_level))
    best = min((step for step in history if step.level == finest), key=lambda step: step.loss)
    total = [step.loss for step in history]
    factors = [_factors(by_level[step.level - 1], alpha, beta) for step in history]
    content = [factor * step.content for (factor, _), step in zip(factors, history, strict=True)]
    style = [factor * step.style for (_, factor), step in zip(factors, history, strict=True)]
    is_usual = set(by_level) == {"layers"}
    names = ("α · content", "β · style") if is_usual else ("weighted content", "weighted style")
    dots = 4 if len(history) <= 12 else 0
    # The total is a broad line, because the style's part often coincides with it.
    curves: list[tuple[str, list[float], dict[str, Any]]] = [
        ("total", total, {"color": INK, "linewidth": 2.8, "marker": "o", "markersize": 2 * dots}),
        (names[1], style, {"color": ORANGE, "marker": "s", "linestyle": (0, (4, 1.5))}),
        (names[0], content, {"color": BLUE, "marker": "D"}),
    ]
    positive = [value for _, values, _ in curves for value in values if value > 0]
    with figure_at(path, "Loss curves", 7, 4.4) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        for label, values, look in curves:
            if all(map(math.isnan, values)):
                continue
            axes.plot(
                [step.number for step in history],
                [value if value > 0 or not positive else math.nan for value in values],
                label=label if any(values) else f"{label} (all 0)",
                **{"linewidth": 1.4, "markersize": dots, **look},
            )
        _mark_best(axes, best, shown=best.loss > 0 or not positive)
        _dress(axes, positive)
        figure.legend(
            loc="outside upper center",
            ncols=4,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            handlelength=1.8,
            columnspacing=1.5,
        )


def _factors(method: str, alpha: float, beta: float) -> tuple[float, float]:
    """The weights of content and style in the loss of a method; NaN if they are not the recipe's.

    >>> _factors("layers", 1.0, 1000.0), _factors("nnst", 1.0, 1000.0)
    ((1.0, 1000.0), (0.0, 1.0))
    """
    if METHODS[method].by_layer:
        return alpha, beta
    return (0.0, 1.0) if METHODS[method].splits else (math.nan, math.nan)


def _mark_best(axes: Axes, best: Step, *, shown: bool) -> None:
    loss = f"{best.loss:,.0f}" if 1000 <= best.loss < 1e9 else f"{best.loss:.4g}"
    axes.axvline(best.number, color=RULE, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    axes.plot(
        [best.number],
        [best.loss if shown else math.nan],
        linestyle="none",
        marker="o",
        markersize=14,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.4,
        zorder=5,
        label=f"best: {loss} at step {best.number:,}",
    )


def _dress(axes: Axes, positive: list[float]) -> None:
    """Style axes, ticks and grid; the loss axis is logarithmic if any loss is positive."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    if positive:
        axes.set_yscale("log")
        if 1 < max(positive) / min(positive) < 3:  # too narrow a range for powers of ten
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
            axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:,g}"))
    axes.set_xlabel("step", color=INK)
    axes.set_ylabel("loss", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", which="major", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(which="both", color=RULE, labelcolor=INK)
