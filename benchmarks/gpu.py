"""What impasto does on a GPU, in under ten minutes: `python benchmarks/gpu.py`.

It prints tables, which are written to ``benchmarks/results/gpu.json`` after every row:

- *rate*: a matrix product of 8192 × 8192 in float32 and bfloat16, which is what the device can do;
- *evaluation*: milliseconds and evaluations a second of the objective at several sizes, its share
  of the rate of the matrix product, and peak memory;
- *trunk*: the network forward and back as it is, captured as a CUDA graph, and compiled;
- *preset*: seconds of every preset from pictures to painting, and peak memory;
- *gatys-fast*: with and without deferred deep layers and the stand-in;
- *same bytes*: whether two paintings of one recipe have the same bytes.

Rates are nominal, as in `evaluation.py`. What fails is told in its row. ``--device cpu --quick`` is
a smoke test.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest import mock

import torch
from rich.console import Console
from torch import Tensor

from evaluation import trunk_operations
from impasto import Recipe, stylize
from impasto.files.writing import written_whole
from impasto.network import devices, weights
from impasto.network.vgg import VGG19
from impasto.objective.objective import Objective
from impasto.objective.regions import StyleCanvas
from impasto.settings.presets import PRESETS
from plan import RESULTS, built_in_pairs

LIMIT = 540  # seconds, after which no further row begins
REPEATS = 10
ONE_PICTURE = ("texture", "reconstruction")

Row = dict[str, Any]


class Bench:
    """The device, the sizes, and how things are timed on it."""

    def __init__(self, device: str, *, quick: bool) -> None:
        self.device = devices.choose(device)
        self.quick = quick
        self.matrix = 256 if quick else 8192
        self.sides = (64,) if quick else (256, 512, 1024, 2048)
        self.pair = built_in_pairs(1)[0]
        self.rates: dict[str, float] = {}

    def wait(self) -> None:
        """Wait until the device has done everything."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, call: Callable[[], object]) -> float:
        """The smallest time of a call, after two that do not count."""
        times = []
        for _ in range(2 + (1 if self.quick else REPEATS)):
            self.wait()
            began = time.perf_counter()
            call()
            self.wait()
            times.append(time.perf_counter() - began)
        return min(times[2:])

    def peak(self, call: Callable[[], object]) -> int:
        """Bytes of the device's memory that a call takes at most; 0 if the device is no GPU."""
        if self.device.type != "cuda":
            call()
            return 0
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.device)
        call()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device)

    def paint(self, preset: str, **settings: Any) -> Any:
        """The result of painting the pair."""
        if self.quick:
            settings = {"size": 64, "steps": 3, **settings}
        recipe = Recipe.preset(preset, **settings)
        return stylize(self.pair.content, self.pair.style, recipe, device=str(self.device))

    def network(self, arithmetic: devices.Arithmetic, taps: set[str]) -> VGG19:
        """The network in a number format."""
        return VGG19(
            weights.load(),
            taps,
            padding="replicate",
            pooling="max",
            device=self.device,
            dtype=arithmetic.dtype,
            by_rows=arithmetic.by_rows,
        )

    def picture(self, side: int) -> Tensor:
        """A picture of noise, 3 × 3/4 side × side."""
        generator = torch.Generator().manual_seed(0)
        return (50 * torch.randn(3, 3 * side // 4, side, generator=generator)).to(self.device)


def rates(bench: Bench) -> Iterator[Row]:
    """What the device can do."""
    for name in ("float32", "bfloat16"):
        matrix = torch.rand(bench.matrix, bench.matrix, device=bench.device)
        matrix = matrix.to(devices.DTYPES[name])
        seconds = bench.seconds(partial(torch.mm, matrix, matrix))
        bench.rates[name] = 2.0 * bench.matrix**3 / seconds
        yield {"precision": name, "TFLOP/s": bench.rates[name] / 1e12}


def evaluations(bench: Bench) -> Iterator[Row]:
    """The objective of the default."""
    for precision in ("float32", "auto"):
        arithmetic = devices.arithmetic(precision, bench.device)
        recipe = Recipe(precision=precision)
        network = bench.network(arithmetic, set(recipe.layers))
        for side in bench.sides:
            picture = bench.picture(side)
            style = StyleCanvas(picture.flip(1))
            about: Row = {"precision": arithmetic.name, "width": side}
            try:
                objective = Objective(network, picture, [style], recipe)
                seconds = bench.seconds(partial(objective, picture))
                peak = bench.peak(partial(objective, picture))
            except Exception as error:
                yield {**about, **failed(error)}
                continue
            rate = trunk_operations(side, 3 * side // 4) / seconds
            name = str(arithmetic.dtype).removeprefix("torch.")
            yield {
                **about,
                "ms": 1000 * seconds,
                "a second": 1 / seconds,
                "of the product": rate / bench.rates[name],
                "MB": peak / 1e6,
            }


def trunks(bench: Bench) -> Iterator[Row]:
    """The network forward and back: as it is, as a graph, compiled."""
    network = bench.network(devices.arithmetic("auto", bench.device), {"conv5_1"})
    for side in bench.sides[:3]:
        call = partial(there_and_back, network, bench.picture(side).requires_grad_())
        ways: dict[str, Callable[[], Callable[[], object]]] = {
            "as it is": lambda call=call: call,  # type: ignore[misc]
            "graph": partial(captured, bench, call),
            "compiled": partial(torch.compile, call),
        }
        for name, make in ways.items():
            try:
                yield {"way": name, "width": side, "ms": 1000 * bench.seconds(make())}
            except Exception as error:
                yield {"way": name, "width": side, **failed(error)}


def there_and_back(network: VGG19, canvas: Tensor) -> Tensor:
    """The gradient of a sum over the deepest layer by the canvas."""
    (gradient,) = torch.autograd.grad(network(canvas)["conv5_1"].square().mean(), canvas)
    return gradient


def failed(error: Exception) -> Row:
    """What went wrong, in a line."""
    return {"failed": f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"}


def captured(bench: Bench, call: Callable[[], object]) -> Callable[[], object]:
    """A call as a CUDA graph."""
    with torch.cuda.stream(torch.cuda.Stream(bench.device)):  # type: ignore[no-untyped-call]
        for _ in range(3):
            call()
    bench.wait()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def presets(bench: Bench) -> Iterator[Row]:
    """Every preset that optimises a painting of two pictures, except the slow letter."""
    for name in PRESETS:
        if name in ("gatys", "instant") or name in ONE_PICTURE:
            continue
        began = time.perf_counter()
        try:
            peak = bench.peak(partial(bench.paint, name))
        except Exception as error:
            yield {"preset": name, **failed(error)}
            continue
        yield {"preset": name, "seconds": time.perf_counter() - began, "MB": peak / 1e6}


def shortcuts(bench: Bench) -> Iterator[Row]:
    """`gatys-fast` with and without deferred deep layers and the stand-in."""
    without = {
        "no deferred layers": ("impasto.run.evaluator.cut_layer", None),
        "no stand-in": ("impasto.run.run.follows_stand_in", False),
    }
    for name in ("both", *without):
        with ExitStack() as patches:
            if name in without:
                place, value = without[name]
                patches.enter_context(mock.patch(place, return_value=value))
            began = time.perf_counter()
            result = bench.paint("gatys-fast", steps=150)
            seconds = time.perf_counter() - began
        yield {"shortcuts": name, "seconds": seconds, "loss": result.best.loss}


def same_bytes(bench: Bench) -> Iterator[Row]:
    """Whether two paintings of one recipe have the same bytes."""
    for name in ("default", "nnst", "strotss", "gatys-fast"):
        once, again = (bench.paint(name, size=256, steps=20) for _ in range(2))
        yield {"preset": name, "same bytes": bool((once.canvas == again.canvas).all())}


SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "rate": rates,
    "evaluation": evaluations,
    "trunk": trunks,
    "preset": presets,
    "gatys-fast": shortcuts,
    "same bytes": same_bytes,
}


def main() -> None:
    """Measure everything, and stop when the time is up."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda")
    parser.add_argument("--quick", action="store_true", help="smoke test")
    asked = parser.parse_args()
    console, began = Console(), time.perf_counter()
    bench = Bench(asked.device, quick=asked.quick)
    found: dict[str, Any] = {"device": devices.describe(bench.device), "torch": torch.__version__}
    console.print(found)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name, section in SECTIONS.items():
        rows = found[name] = []
        console.rule(name)
        try:
            for row in section(bench):
                rows.append(row)
                console.print(row)
                if time.perf_counter() - began > LIMIT:
                    break
        except Exception as error:
            rows.append(failed(error))
            console.print(rows[-1])
        with written_whole(RESULTS / "gpu.json") as file:
            file.write(json.dumps(found, indent=1).encode())
        if time.perf_counter() - began > LIMIT:
            break
    console.print(f"{time.perf_counter() - began:.0f} s. Written to {RESULTS / 'gpu.json'}.")


if __name__ == "__main__":
    main()
