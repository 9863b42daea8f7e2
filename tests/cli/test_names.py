"""A name that no file can have is bad input, wherever a command takes the name of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from conftest import content_pixels
from impasto import Recipe
from impasto.cli.app import run

pytestmark = pytest.mark.usefixtures("small_pictures")

STYLIZE = ["stylize", "content.png", "style.png", "-o", "out.png"]
RERUN = ["rerun", "painted.png", "-o", "out.png"]
SWEEP = ["sweep", "content.png", "style.png", "--vary", "strength=0.5", "-o", "out.png"]
COMMANDS: dict[str, list[str]] = {
    "content": ["stylize", "{}", "style.png", "-o", "out.png"],
    "style": ["stylize", "content.png", "{}", "-o", "out.png"],
    "--style": ["stylize", "content.png", "--style", "{}:2", "-o", "out.png"],
    "mask": ["stylize", "content.png", "style.png,mask={}", "-o", "out.png"],
    "colour of a mask": ["stylize", "content.png", "style.png,mask={}#ff0000", "-o", "out.png"],
    "style mask": ["stylize", "content.png", "style.png,style_mask={}", "-o", "out.png"],
    "output": ["stylize", "content.png", "style.png", "-o", "{}.png"],
    **{
        flag: [*STYLIZE, flag, f"{{}}{suffix}"]
        for flag, suffix in {
            "--protect": "",
            "--initial": ".png",
            "--weights": ".pth",
            "--recipe": ".toml",
            "--save-recipe": ".toml",
            "--checkpoint": "",
            "--trace": ".jsonl",
            "--snapshots": "",
            "--montage": ".png",
            "--plot": ".png",
            "--timelapse": ".gif",
        }.items()
    },
    "resume": ["resume", "{}"],
    "rerun": ["rerun", "{}", "-o", "out.png"],
    "rerun's output": ["rerun", "painted.png", "-o", "{}.png"],
    **{f"rerun {flag}": [*RERUN, flag, "{}"] for flag in ("--content", "--style", "--inputs")},
    "rerun --weights": [*RERUN, "--weights", "{}.pth"],
    "rerun --set": [*RERUN, "--set", "protect={}"],
    "demo": ["demo", "{}"],
    "sweep's content": ["sweep", "{}", "style.png", "--vary", "strength=0.5", "-o", "out.png"],
    "sweep's style": ["sweep", "content.png", "{}", "--vary", "strength=0.5", "-o", "out.png"],
    "sweep --folder": [*SWEEP, "--folder", "{}"],
    "sweep --vary": ["sweep", "content.png", "style.png", "--vary", "protect={}", "-o", "out.png"],
    "sweep's output": [*SWEEP[:-1], "{}.png"],
    "reconstruct": ["reconstruct", "{}", "style.png", "-o", "out.png"],
    "reconstruct's style": ["reconstruct", "content.png", "{}", "-o", "out.png"],
    "reconstruct's output": ["reconstruct", "content.png", "style.png", "-o", "{}.png"],
    "montage": ["montage", "content.png", "{}", "-o", "out.png"],
    "montage's output": ["montage", "content.png", "-o", "{}.png"],
    "network's output": ["network", "-o", "{}.png"],
    "network --recipe": ["network", "--recipe", "{}"],
    "network --weights": ["network", "--weights", "{}.pth", "--weights-input", "caffe"],
    "sweep --weights": [*SWEEP, "--weights", "{}.pth", "--weights-input", "caffe"],
    "doctor --weights": ["doctor", "--weights", "{}.pth"],
}
NAMES = {"300": "x" * 300, "5000": "x" * 5000, "in a file": "style.png/a", "NUL": "a\0b"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_no_file_can_have(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    identity = {"name": "content.png", "sha256": "0" * 64}
    table = Recipe(size=32).model_dump(mode="json", exclude={"styles"})
    carried = {"impasto": "1", "recipe": table, "content": identity, "weights": identity}
    info = PngInfo()
    info.add_itxt("impasto", json.dumps(carried))
    Image.fromarray(content_pixels(48, 64)).save("painted.png", pnginfo=info)
    before = sorted(Path().rglob("*"))
    for name in NAMES.values():
        assert run([part.format(name) for part in COMMANDS[command]]) == 2
        out, error = capfd.readouterr()
        assert out == ""
        assert error.startswith("impasto: ")
        assert error.count("\n") == 1
        assert len(error) < 1000
        assert sorted(Path().rglob("*")) == before
