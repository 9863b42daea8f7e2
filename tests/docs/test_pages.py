"""What the documentation shows works: commands, Python, links, and the same in both languages."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from markdown_it import MarkdownIt
from pages import PAGES, READMES, ROOT, blocks, commands, name_of
from PIL import Image

import impasto
from clip_files import write_clip
from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.cli.app import run
from impasto.settings.keywords import SettingsOverPreset
from painter_files import random_painter
from vgg_files import by_position, repeated_convolutions, write_state_dict

# Why a command in the documentation is not run here.
NOT_RUN = {
    "make ": "sets up an environment; .ci/run calls it",
    "python3 -m venv ": "sets up an environment, as make does",
    "source ": "the same",
    "(umask ": "makes a file of passwords for a server",
    ".venv/bin/": "needs JupyterLab, which the tests do not",
    "pip ": "installs; the environment of the tests was installed like this",
    "docker ": "needs Docker",
    "cat ": "is a pipe of a shell; tests/cli/test_pipes.py runs such ones",
    "impasto live": "needs a camera; tests/cli/test_live_command.py has a clip in its place",
    "impasto stylize --ray": "starts a cluster; tests/cluster starts one",
    "impasto sweep --ray": "the same",
    "impasto resume --ray": "the same",
    "impasto doctor --ray": "the same",
    "ray ": "the same",
    "impasto studio": "serves until it is stopped; tests/studio starts it",
}
# Why a block of Python in the documentation is not run here.
NOT_RUN_PYTHON = {
    "from gradio_client": "needs a server; tests/studio/test_studio.py calls it like this",
    "peaks_loss": "is code to be added to the package",
    '"peaks": StyleLoss(': "the same",
}
SMALL = {"size": 48, "steps": 4, "levels": 1}
PICTURES = ("photo", "painting", "other", "oil", "ink", "mosaic", "flowfield", "woodcut")
MASKS = ("ground", "sky", "face", "corner", "cup", "table")


KOREAN = sorted((ROOT / "docs" / "ko").rglob("*.md"))
PAIRS = [
    READMES,
    *((ROOT / "docs" / page.relative_to(ROOT / "docs" / "ko"), page) for page in KOREAN),
]
# What a Korean page shows is the same as in the English one, which is run; a test compares them.
RUN = [page for page in PAGES if page not in {korean for _, korean in PAIRS}]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the reader of a page may be in."""
    monkeypatch.chdir(tmp_path)
    for name in PICTURES:
        picture = content_pixels(48, 64) if name == "photo" else style_pixels(48, 64)
        Image.fromarray(picture).save(f"{name}.jpg")
    half = np.zeros((48, 64), np.uint8)
    half[:, :32] = 255
    for name in MASKS:
        Image.fromarray(half if name in ("sky", "face", "cup") else 255 - half).save(f"{name}.png")
    regions = np.zeros((48, 64, 3), np.uint8)
    regions[:24, :, 0] = regions[24:, :, 2] = 255
    Image.fromarray(regions).save("regions.png")
    write_state_dict(by_position(repeated_convolutions()), Path("vgg16.pth"))
    Path("pictures").mkdir()
    for name, shown in (("photos", content_pixels), ("styles", style_pixels)):
        Path(name).mkdir()
        for end in "ab":
            Image.fromarray(shown(48, 64)).save(f"{name}/{name[0]}-{end}.jpg")
    write_clip("clip.mp4", ticks=[0, 66, 70, 71], time_base=Fraction(1))
    Path("frames").mkdir()
    for number in range(3):
        Image.fromarray(np.roll(content_pixels(48, 64), number, 1)).save(f"frames/{number}.png")
    first, *others = (Image.open(f"frames/{number}.png") for number in range(3))
    first.save("clip.gif", save_all=True, append_images=others, duration=40)
    for name in ("painter", "two"):
        random_painter().save(f"{name}.safetensors")
    Path("blend.toml").write_text(
        '[[styles]]\npicture = "oil.jpg"\n[[styles]]\npicture = "ink.jpg"\n', "utf-8"
    )
    return tmp_path


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_commands_of_a_page_run(
    page: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands(page):
        if any(command.startswith(prefix) for prefix in NOT_RUN):
            continue
        words = shlex.split(command)
        assert words.pop(0) == "impasto", f"neither run nor listed in NOT_RUN: {command}"
        assert run([*words, *small(words)]) == 0, f"{command}\n{capsys.readouterr().err}"
        if "--checkpoint" in words:
            (folder / "out.png").unlink()


def small(words: list[str]) -> list[str]:
    """Flags that make a command quick; the last of two flags of one name counts."""
    match words[0]:
        case "stylize" | "video" if "instant" in words:
            return ["--size", "48"]
        case "stylize":
            size = "64x48" if "--bits" in words else "32"
            return ["--size", size, "--steps", "2", "--levels", "1"]
        case "sweep" | "video":  # of which some have small styles
            return ["--size", "48", "--steps", "2", "--levels", "1"]
        case "rerun":
            return ["--set", "size=32", "--set", "steps=2"]
        case "train" | "reconstruct":
            shallow = ["--set", "style_layers=conv1_1"] if words[0] == "train" else []
            return ["--size", "32", "--steps", "2", *shallow]
        case _:
            return []


@pytest.mark.usefixtures("own_parts")
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_python_of_a_page_runs(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for function in ("stylize", "stylize_many", "stylize_video", "sweep"):
        monkeypatch.setattr(impasto, function, quickly(getattr(impasto, function)))
    monkeypatch.setattr(impasto, "train_painter", trained_quickly(impasto.train_painter))
    names: dict[str, Any] = {}
    for code in blocks(page, "python"):
        if not any(part in code for part in NOT_RUN_PYTHON):
            exec(compile(code, name_of(page), "exec"), names)


def quickly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that paints, which paints small pictures in a few steps."""

    def paint(content: Any, style: Any, third: Any = None, *more: Any, **others: Any) -> Any:
        if function.__name__ == "sweep":
            return function(content, style, third, SMALL, **others)
        names = (others.keys() - {"protect"}) & SettingsOverPreset.__annotations__.keys()
        settings: dict[str, Any] = {name: others.pop(name) for name in names}
        recipe = Recipe.read(third, **settings).model_copy(update=SMALL)
        return function(content, style, recipe, *more, **others)

    return paint


def trained_quickly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that trains a painter, in one step at a small size."""

    def train(*pictures: Any, **others: Any) -> Any:
        others.pop("minutes", None)
        recipe = {"size": 32, "style_layers": "conv1_1"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", impasto.ImpastoWarning)  # of few photographs
            return function(*pictures, recipe=recipe, steps=1, **others)

    return train


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_toml_of_a_page_is_a_recipe(page: Path, folder: Path) -> None:
    for code in blocks(page, "toml"):
        assert Recipe.from_toml(code) != Recipe()


def parsed(page: Path) -> list[Any]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))
    return [child for token in tokens for child in (token, *(token.children or ()))]


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    found = [token.attrGet("href") or token.attrGet("src") for token in parsed(page)]
    in_directives = re.findall(r"^```\{(?:image|include)\} (\S+)", page.read_text(), re.MULTILINE)
    return [str(link) for link in (*found, *in_directives) if link]


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), f"{name_of(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)} links to {link}"


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=name_of)
def test_a_korean_page_is_the_english_one_in_korean(english: Path, korean: Path) -> None:
    """The same headings, code, flags, names, pictures and formulas, in the same order."""
    assert levels(korean) == levels(english)
    assert commands(korean) == commands(english)
    assert without_comments(korean) == without_comments(english)
    assert sorted(named(korean)) == sorted(named(english))
    assert formulas(korean) == formulas(english)


def levels(page: Path) -> list[str]:
    return [token.tag for token in parsed(page) if token.type == "heading_open"]


def without_comments(page: Path) -> list[str]:
    code = blocks(page, "python", "toml", "ipython3")
    return [re.sub(r"  # .*", "", block) for block in code]


def named(page: Path) -> set[str]:
    """The flags in the text of a page, and the cells of its tables that name something."""
    code = [token.content for token in parsed(page) if token.type == "code_inline"]
    return {flag for text in code for flag in re.findall(r"--[a-z-]+", text)} | {
        text for text in code if re.fullmatch(r"[a-z_]+(\.[a-z_]+)?|\w+ = \w+", text)
    }


def formulas(page: Path) -> list[str]:
    return re.findall(r"\$\$(.*?)\$\$", page.read_text("utf-8"), re.DOTALL)


def test_the_flags_that_the_documentation_names_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    known = {"--only", "--pair", "--quick", "--letter", "--rules", "--clip", "--frames"}
    for command in (
        "",
        "stylize",
        "video",
        "resume",
        "rerun",
        "sweep",
        "reconstruct",
        "studio",
        "demo",
        "train",
        "apply",
        "live",
    ):
        run([*command.split(), "--help"])
        known |= set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    of_others = {
        *(
            "--index-url",
            "--build-arg",
            "--gpus",
            "--check",
            "--preserve-color",
            "--dashboard-host",
        ),
    }
    for page in PAGES:
        text = " ".join(token.content for token in parsed(page) if token.type == "code_inline")
        unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - known - of_others
        assert not unknown, name_of(page)
