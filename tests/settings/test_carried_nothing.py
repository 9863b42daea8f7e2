"""A painting whose metadata hold something else than a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from impasto.errors import InputError
from impasto.settings.recipe import Recipe


@pytest.mark.parametrize("recipe", [[], [["size", 48]], "", "size", None, 5])
def test_what_is_no_recipe_is_not_taken_for_the_default(tmp_path: Path, recipe: Any) -> None:
    carried = PngInfo()
    carried.add_text("impasto", json.dumps({"recipe": recipe}))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=carried)
    with pytest.raises(InputError) as raised:
        Recipe.load(tmp_path / "a.png")
    assert raised.value.code == "rerun.no-recipe"
