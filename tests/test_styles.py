"""The text form of a style, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from impasto import InputError, Recipe, Style
from impasto.inputs import styles_of


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("oil.jpg", {"picture": "oil.jpg"}),
        ("oil.jpg:0.7", {"picture": "oil.jpg", "weight": 0.7}),
        ("oil.jpg,weight=2", {"picture": "oil.jpg", "weight": 2.0}),
        ("a, b.jpg,mask=m.png", {"picture": "a, b.jpg", "mask": "m.png"}),
        ("oil.jpg,mask=r.png#ff0000", {"picture": "oil.jpg", "mask": "r.png#ff0000"}),
        ("oil.jpg:1,style_mask=m.png", {"picture": "oil.jpg", "style_mask": "m.png"}),
        ("o.jpg,layers=conv1_1+conv5_1", {"picture": "o.jpg", "layers": ("conv1_1", "conv5_1")}),
        ("C:/oil.jpg", {"picture": "C:/oil.jpg"}),
    ],
)
def test_a_style_as_text(text: str, fields: dict[str, Any]) -> None:
    assert Style.read(text) == Style(**fields)


def test_a_file_of_just_that_name_is_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study:2").touch()
    assert Style.read("study:2").picture == "study:2"
    assert Style.read("study:2:3") == Style(picture="study:2", weight=3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("oil.jpg:0", "weight of a style cannot be '0': it should be greater than 0."),
        ("oil.jpg,weight=x", "weight of a style cannot be 'x': it should be a number."),
        ("oil.jpg,mask=", "mask of a style cannot be '': it should be the path of a picture."),
        (
            "oil.jpg,layers=conv1_9",
            "layers of a style cannot be 'conv1_9': there is no layer 'conv1_9'; did you mean "
            "'conv1_2'?",
        ),
    ],
)
def test_a_text_that_is_none(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        Style.read(text)
    assert str(caught.value) == sentence


def test_styles_named_beside_the_content_take_the_place_of_the_recipe_s() -> None:
    recipe = Recipe(styles=["a.jpg", "b.jpg:2"])
    assert [style.picture for style in styles_of(None, recipe, "content.png")] == ["a.jpg", "b.jpg"]
    assert [style.picture for style in styles_of("c.jpg", recipe, "content.png")] == ["c.jpg"]


def test_no_style_at_all() -> None:
    with pytest.raises(InputError, match="There is no style picture"):
        styles_of(None, Recipe(), "content.png")


def test_a_style_for_a_layer_that_holds_none() -> None:
    with pytest.raises(InputError, match="layer conv1_2, which is none of the recipe's"):
        styles_of(Style(picture="a.jpg", layers=["conv1_2"]), Recipe(), "content.png")
