"""Settings as keywords: understood when a program runs, and checked before it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

import impasto
from impasto import InputError, Recipe
from impasto.settings.keywords import RunSettings, Settings, SettingsOverPreset

HINTS = get_type_hints(Settings)
# What a type checker has to read to know the keywords.
CHECKED = (
    "__init__.py",
    "experiments/sweep.py",
    "run/stylize.py",
    "settings/keywords.py",
    "settings/recipe.py",
    "settings/values.py",
)
LAYERS = {"content_layers", "style_layers"}
PATHS = {"initial", "protect", "styles"}  # which are paths or styles, and in a recipe are text


def kinds(hint: Any) -> set[Any]:
    """The types of a union, or the only one."""
    parts = get_args(hint) if get_origin(hint) not in (None, tuple, Literal) else ()
    return {bare(part) for part in parts} if get_origin(hint) in (Union, UnionType) else {hint}


def bare(hint: Any) -> Any:
    """A type without its validators."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


class TestTypes:
    def test_every_setting_of_a_recipe_is_a_keyword(self) -> None:
        assert set(HINTS) == set(Recipe.model_fields)

    def test_a_run_has_its_own_initial_and_protect_and_a_preset(self) -> None:
        assert set(get_type_hints(RunSettings)) == {*HINTS, "preset"} - {"initial", "protect"}
        assert set(get_type_hints(SettingsOverPreset)) == {*HINTS, "preset"}

    @pytest.mark.parametrize("name", sorted(set(HINTS) - LAYERS - PATHS))
    def test_a_keyword_has_the_type_of_its_setting(self, name: str) -> None:
        assert kinds(HINTS[name]) == kinds(Recipe.model_fields[name].annotation)

    @pytest.mark.parametrize("name", sorted(LAYERS))
    def test_layers_can_be_all_that_a_recipe_reads(self, name: str) -> None:
        for layers in ("conv1_1:1", ["conv1_1"], {"conv1_1": 1.0}):
            settings: dict[str, Any] = {name: layers}
            assert dict(getattr(Recipe(**settings), name)) == {"conv1_1": 1.0}

    def test_a_type_checker_finds_a_wrong_keyword_and_a_wrong_type(self, tmp_path: Path) -> None:
        lines = [
            "from impasto import Recipe, stylize, sweep",
            'stylize("a.png", "b.png", steps=50, size=400, preset="fast", initial="noise")',
            'Recipe.preset("fast", style_layers="conv1_1", beta=None)',
            'sweep("a.png", "b.png", {"strength": [0.2]}, steps=5)',
            'stylize("a.png", "b.png", stepps=50)',
            'stylize("a.png", "b.png", steps="many")',
            'Recipe.preset("fast", stile_scale=2)',
            "Recipe.read(None, sizes=3)",
            'sweep("a.png", "b.png", {"strength": [0.2]}, step=5)',
        ]
        file = tmp_path / "program.py"
        file.write_text("\n".join(lines))
        package = Path(impasto.__file__).parent
        read = [package / name for name in CHECKED]
        skipping = "--follow-imports=skip"  # other modules, above all PyTorch's, take a minute
        told = subprocess.run(
            [sys.executable, "-m", "mypy", "--no-error-summary", skipping, file, *read],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "MYPYPATH": str(package.parent)},
        ).stdout
        found = [line for line in told.splitlines() if line.startswith(file.name)]
        assert [int(line.split(":")[1]) for line in found if ": error:" in line] == [*range(5, 10)]


class TestReading:
    def test_keywords_replace_settings_of_a_recipe(self) -> None:
        recipe = Recipe(steps=9, strength=0.2)
        assert Recipe.read(recipe, beta=3).style_weight == 3
        assert Recipe.read(recipe, size=64).steps == 9
        assert Recipe.read("gatys", steps=3).steps == 3
        assert Recipe.read({"preset": "fast", "steps": 3}, size=64).size == 64

    def test_a_preset_can_be_a_keyword(self) -> None:
        assert Recipe.read(preset="gatys", steps=3) == Recipe.preset("gatys", steps=3)
        assert Recipe.read({"steps": 3}, preset="fast") == Recipe.preset("fast", steps=3)

    @pytest.mark.parametrize("recipe", ["fast", Recipe(), {"preset": "fast"}])
    def test_two_starting_points_are_refused(self, recipe: Any) -> None:
        with pytest.raises(InputError, match="and the preset 'gatys' both say"):
            Recipe.read(recipe, preset="gatys")

    @pytest.mark.parametrize(
        ("keyword", "hint"),
        [("stepps", "steps"), ("stile_scale", "style_scale"), ("presett", "preset")],
    )
    def test_a_misspelt_setting_is_refused(self, keyword: str, hint: str) -> None:
        wrong: dict[str, Any] = {keyword: 3}
        with pytest.raises(InputError, match=f"no setting '{keyword}'.*did you mean '{hint}'"):
            impasto.stylize("a.png", "b.png", **wrong)
        with pytest.raises(InputError, match=f"did you mean '{hint}'"):
            impasto.sweep("a.png", "b.png", {"strength": [0.2]}, **wrong)

    @pytest.mark.parametrize(
        ("keyword", "hint"), [("devise", "device"), ("on_stepp", "on_step"), ("wieghts", "weights")]
    )
    def test_a_misspelt_argument_is_refused(self, keyword: str, hint: str) -> None:
        wrong: dict[str, Any] = {keyword: 3}
        with pytest.raises(InputError, match=f"did you mean '{hint}'"):
            impasto.stylize("a.png", "b.png", **wrong)
