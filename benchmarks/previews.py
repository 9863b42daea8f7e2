"""What the studio's live previews cost a run: `python benchmarks/previews.py`.

The same painting with them and without, in turns, at the default size.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from impasto import Recipe, stylize
from impasto.pictures import samples
from impasto.run.result import Step
from impasto.studio.job import Previews

TURNS = 4
RECIPE = Recipe(steps=60)


def seconds(on_step: Callable[[Step], bool | None] | None) -> float:
    """Time of a painting that is watched so."""
    began = time.perf_counter()
    stylize(samples.photograph(), samples.style("flowfield"), RECIPE, on_step=on_step)
    return time.perf_counter() - began


def main() -> None:
    """Print the ratio of both times, turn by turn."""
    ratios = []
    for turn in range(TURNS):
        taken = 0
        previews = Previews()

        def look(step: Step, previews: Previews = previews) -> None:
            nonlocal taken
            taken += previews.of(step) is not None

        order = [None, look] if turn % 2 else [look, None]
        times = {watcher is None: seconds(watcher) for watcher in order}
        ratios.append(times[False] / times[True])
        print(f"{times[True]:.1f} s without, {times[False]:.1f} s with {taken} previews")
    print(f"median {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
