"""What is to be measured: the pairs of pictures, the sizes, the steps, from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.pictures import samples
from impasto.video.methods import METHODS, PAINTER

SECTIONS = (
    "reference",
    "evaluation",
    "pastiche",
    "startup",
    "many",
    "instant",
    "contention",
    "large",
    "cluster",
    "beauty",
    "steadiness",
    "film",
)
FILM_METHODS = ("single, instant", PAINTER, *(name for name in METHODS if name != PAINTER))
CONTENTS = ("chelsea", "astronaut", "coffee")  # photographs in scikit-image's wheel
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Pair:
    """A content picture and a style picture.

    Attributes:
        content: path of the content picture.
        style: path of the style picture.
        published: path of a painting that someone has published of them; None if there is none.
        folder: name of the folder of the pair; empty if it has none of its own.
    """

    content: Path
    style: Path
    published: Path | None = None
    folder: str = ""

    @property
    def name(self) -> str:
        """The folder's name, or both pictures' names, as in ``chelsea-flowfield``."""
        return self.folder or f"{self.content.stem}-{self.style.stem}"


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        sections: their names, in order.
        pairs: of pictures, for the races.
        looked_at: pairs of pictures that every preset paints.
        size: width and height of the races' canvases.
        steps: of the reference; no other optimiser of ours gets more evaluations.
        cap: how many times our time pastiche may take before it is stopped.
        evaluation_size: width and height of the canvas whose evaluation is timed.
        repeats: of a timing, of which the smallest counts.
        memory_sizes: longer sides of the paintings whose peak memory is measured.
        many_pictures: how many pictures are painted together.
        many_settings: longer side and steps of their paintings.
        instant_sizes: longer sides of the paintings of one pass.
        large_sides: of the canvases that are evaluated by tiles.
        tile: side of those tiles.
        clip_size: width and height of the clips that are painted.
        clip_frames: their number of frames.
        film_frames: number of frames of the clip that the command paints.
        film_methods: the methods by which it does.
        cluster_sides: sides of the canvases that local workers share.
        output: folder for everything that is written.
        quick: a smoke test, whose numbers mean nothing.
    """

    sections: tuple[str, ...]
    pairs: tuple[Pair, ...]
    looked_at: tuple[Pair, ...]
    size: tuple[int, int]
    steps: int
    cap: float
    evaluation_size: tuple[int, int]
    repeats: int
    memory_sizes: tuple[int, ...]
    many_pictures: int
    many_settings: tuple[int, int]
    instant_sizes: tuple[int, ...]
    large_sides: tuple[int, ...]
    tile: int
    clip_size: tuple[int, int]
    clip_frames: int
    film_frames: int
    film_methods: tuple[str, ...]
    cluster_sides: tuple[int, ...]
    output: Path
    quick: bool


def built_in_pairs(count: int) -> tuple[Pair, ...]:
    """Of the nine pairs of the pictures at hand the first few; each picture is in every three."""
    folder = samples.photograph().parent
    pairs = [
        Pair(folder / f"{content}.png", samples.style(samples.STYLES[(k + shift) % 3]))
        for shift in range(3)
        for k, content in enumerate(CONTENTS)
    ]
    return tuple(pairs[:count])


def pairs_in(folder: Path) -> tuple[Pair, ...]:
    """The pairs in a folder: of each folder in it, ``content.*``, ``style.*``, ``published.*``."""
    pairs = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = {path.stem: path for path in sorted(place.iterdir())}
        if {"content", "style"} <= found.keys():
            pairs.append(Pair(found["content"], found["style"], found.get("published"), place.name))
    return tuple(pairs)


def read_plan(arguments: Sequence[str] | None = None) -> Plan:
    """The plan that a command line asks for."""
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smoke test: a minute or two")
    parser.add_argument("--size", type=size, metavar="WxH", help="of the races' canvases: 256x192")
    parser.add_argument("--steps", type=whole_number, metavar="N", help="of the reference: 2500")
    parser.add_argument(
        "--pairs",
        type=int,
        choices=range(1, 10),
        metavar="N",
        help="built-in pairs, 1 to 9: 3",
    )
    parser.add_argument(
        "--pair",
        nargs=2,
        type=Path,
        action="append",
        metavar=("CONTENT", "STYLE"),
        help="a pair of your own in place of the built-in ones; may be repeated",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="further pairs for the section beauty, each in a folder with content.*, style.* and "
        "published.*",
    )
    parser.add_argument(
        "--cap", type=float, metavar="X", help="stop pastiche after X times our own time: 30"
    )
    parser.add_argument(
        "--large",
        nargs="+",
        type=whole_number,
        metavar="SIDE",
        help="of the canvases that are evaluated by tiles: 1024 2048 4096 8192",
    )
    parser.add_argument("--tile", type=whole_number, metavar="N", help="side of those tiles: 512")
    parser.add_argument("--clip", type=size, metavar="WxH", help="of the painted clips: 512x288")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=FILM_METHODS,
        help="of the section film: " + ", ".join(FILM_METHODS),
    )
    parser.add_argument(
        "--frames", type=whole_number, metavar="N", help="of each clip: 26, or 125 for film"
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, metavar="NAME", help=", ".join(SECTIONS)
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, metavar="FOLDER", help="benchmarks/results"
    )
    asked = parser.parse_args(arguments)
    quick: bool = asked.quick
    own = tuple(Pair(*pair) for pair in asked.pair or ())
    return Plan(
        sections=tuple(name for name in SECTIONS if name in (asked.only or SECTIONS)),
        pairs=own or built_in_pairs(asked.pairs or (1 if quick else 3)),
        looked_at=(own or built_in_pairs(asked.pairs or (1 if quick else 9)))
        + (pairs_in(asked.pictures) if asked.pictures is not None else ()),
        size=asked.size or ((96, 72) if quick else (256, 192)),
        steps=asked.steps or (60 if quick else 2500),
        cap=asked.cap or (10.0 if quick else 30.0),
        evaluation_size=(128, 96) if quick else (512, 384),
        repeats=3 if quick else 10,
        memory_sizes=(256,) if quick else (256, 512, 1024),
        many_pictures=4 if quick else 26,
        many_settings=(64, 2) if quick else (96, 10),
        instant_sizes=(64,) if quick else (512, 1024),
        large_sides=tuple(asked.large or ([256] if quick else [1024, 2048, 4096, 8192])),
        tile=asked.tile or (64 if quick else 512),
        clip_size=(96, 64) if quick else (asked.clip or (512, 288)),
        clip_frames=3 if quick else asked.frames or 26,
        film_frames=3 if quick else asked.frames or 125,
        film_methods=tuple(asked.methods or (FILM_METHODS[:2] if quick else FILM_METHODS)),
        cluster_sides=(96, 128) if quick else (512, 1024),
        output=asked.output,
        quick=quick,
    )


def size(text: str) -> tuple[int, int]:
    """Width and height, from ``256x192``."""
    width, _, height = text.lower().partition("x")
    return whole_number(width), whole_number(height)


def whole_number(text: str) -> int:
    """A number that is at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number
