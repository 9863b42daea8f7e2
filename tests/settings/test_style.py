"""The text form of a style, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impasto import InputError, Recipe, Style
from impasto.pictures.inputs import styles_of


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
        ("oil.jpg, mask=m.png", {"picture": "oil.jpg", "mask": "m.png"}),
        ("oil.jpg:2 , mask = m.png ", {"picture": "oil.jpg", "mask": "m.png", "weight": 2}),
        ("oil.jpg: 2", {"picture": "oil.jpg", "weight": 2}),
        ("gone,by=me.jpg", {"picture": "gone,by=me.jpg"}),
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
        ("oil.jpg:0", "weight of a style cannot be '0': it should be from 0.0001 to 10000."),
        ("oil.jpg,weight=x", "weight of a style cannot be 'x': it should be a number."),
        ("oil.jpg,weigth=2", "There is no setting 'weigth' of a style; did you mean 'weight'?"),
        ("oil.jpg:1,Mask=m.png", "There is no setting 'Mask' of a style; did you mean 'mask'?"),
        (
            "o.jpg,style-mask=m.png",
            "There is no setting 'style-mask' of a style; did you mean 'style_mask'?",
        ),
        (
            "o.jpg,mask=m.png, layer=conv1_1",
            "There is no setting 'layer' of a style; did you mean 'layers'?",
        ),
        (
            "oil.jpg,weight=1,weight=2",
            "The style 'oil.jpg,weight=1,weight=2' sets 'weight' twice: leave one of them out.",
        ),
        ("oil.jpg,mask=", "mask of a style cannot be '': it should be the path of the picture."),
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


@pytest.mark.parametrize("method", ["nnst", "strotss"])
def test_methods_that_compare_hypercolumns_need_a_style_at_any_strength(method: str) -> None:
    with pytest.raises(InputError, match="There is no style picture"):
        styles_of(None, Recipe(method=method, strength=0), "content.png")


@pytest.mark.parametrize("method", ["nnst", "strotss"])
def test_methods_that_compare_hypercolumns_take_all_layers_of_a_style(method: str) -> None:
    recipe = Recipe(method=method)
    style = Style(picture="a.jpg", layers=list(recipe.style_layers)[:1])
    with pytest.raises(InputError, match="without 'layers'"):
        styles_of(style, recipe, "content.png")


def test_a_style_for_a_layer_that_holds_none() -> None:
    with pytest.raises(InputError, match="layer conv1_2, which is not one of the recipe's"):
        styles_of(Style(picture="a.jpg", layers=["conv1_2"]), Recipe(), "content.png")


@pytest.mark.parametrize("given", ["oil.jpg:0.7", ["oil.jpg:0.7"], ("oil.jpg:0.7",)])
def test_a_text_is_the_text_form_wherever_it_stands(given: Any) -> None:
    assert styles_of(given, Recipe(), "content.png") == (Style(picture="oil.jpg", weight=0.7),)


def test_styles_come_from_anything_that_gives_them() -> None:
    wanted = (Style(picture="a.jpg"), Style(picture="b.jpg", weight=2))
    assert styles_of((name for name in ("a.jpg", "b.jpg:2")), Recipe(), "c.png") == wanted
    assert styles_of(iter(wanted), Recipe(), "c.png") == wanted
    assert styles_of(Path("a.jpg"), Recipe(), "c.png") == wanted[:1]
    picture = np.zeros((8, 8, 3), np.uint8)
    (style,) = styles_of(picture, Recipe(), "c.png")
    assert style.picture is picture


def test_a_style_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="picture of a style cannot be None"):
        styles_of([None], Recipe(), "content.png")  # type: ignore[list-item]


def test_styles_with_pictures_in_memory_can_be_compared() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    assert Style(picture=picture) == Style(picture=picture)
    assert Style(picture=picture) != Style(picture=picture.copy())
    assert len({Style(picture=picture), Style(picture=picture), Style(picture="a.jpg")}) == 2


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    assert Style.read(name) == Style(picture=name)
    assert Style.read(f"{name}:2,mask={name}") == Style(picture=name, weight=2, mask=name)


def test_a_weight_is_given_once() -> None:
    with pytest.raises(InputError) as raised:
        Style.read("oil.jpg:1,weight=2")
    assert raised.value.code == "style.setting-twice"
    assert raised.value.values["name"] == "weight"
