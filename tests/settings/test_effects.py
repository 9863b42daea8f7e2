"""What has no effect on a run is named, and really has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import impasto
from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.settings.effects import IDLE, idle, ignores_content, ignores_styles
from impasto.settings.presets import PRESETS

QUICK: dict[str, Any] = {"size": 40, "steps": 2}
DEEP = {"content_layers": Recipe().content_layers, "style_layers": Recipe().style_layers}
SHALLOW = {"content_layers": "conv2_1", "style_layers": "conv1_1,conv2_1"}
OWN = {"method": "nnst", "style_layers": "relu1_1,relu2_1"}
NO_CONTENT = {"alpha": 0}
NO_STYLE = {"beta": 0}

# The setting, two of its values, settings with which it has no effect, and some with which it has.
CASES: list[tuple[str, tuple[Any, Any], dict[str, Any], dict[str, Any]]] = [
    ("content_fit", ("stretch", "crop"), {}, {"size": "40x30"}),
    ("seed", (1, 2), {}, {"initial": "noise"}),
    ("seed", (1, 2), {"method": "instant", "steps": 1}, {"initial": "noise"}),
    ("noise_ratio", (0.1, 0.9), {"initial": "noise"}, {"initial": "noisy-content"}),
    ("keep", ("measured", "updated"), {}, {"optimizer": "adam"}),
    ("variable", ("pixels", "pyramid"), {}, {"optimizer": "adam"}),
    ("tv", ("anisotropic", "nine-point"), {}, {"tv_weight": 5}),
    ("alpha", (1, 3), OWN, {}),
    ("content_layers", ("conv1_1", "conv2_1"), OWN, {}),
    ("content_loss", ("features", "self-similarity"), OWN, {}),
    ("style_loss", ("gram", "wasserstein"), OWN, {}),
    ("content_layers", ("conv1_1", "conv2_1"), NO_CONTENT, {}),
    ("content_loss", ("features", "self-similarity"), NO_CONTENT, {}),
    ("style_loss", ("gram", "wasserstein"), NO_STYLE, {}),
    ("style_symmetry", ("none", "rotate"), NO_STYLE, {}),
    ("coarse", ("auto", "same"), {"levels": 1}, {"size": 96, "levels": 2, "steps": 6, **DEEP}),
    (
        "pooling",
        ("max", "average"),
        {"content_layers": "conv1_2", "style_layers": "conv1_1"},
        {"content_layers": "conv2_1"},
    ),
]


def quick(**settings: Any) -> Recipe:
    has_layers = settings.get("method") != "instant"
    return Recipe(**{**QUICK, **(SHALLOW if has_layers else {}), **settings})


def painted(**settings: Any) -> Any:
    pictures = content_pixels(40, 40), style_pixels(40, 40)
    return impasto.stylize(*pictures, quick(**settings), device="cpu").canvas


@pytest.mark.parametrize(("name", "values", "without", "with_effect"), CASES)
def test_what_is_named_has_no_effect_and_what_is_not_named_has(
    name: str, values: tuple[Any, Any], without: dict[str, Any], with_effect: dict[str, Any]
) -> None:
    one, other = (painted(**{**without, name: value}) for value in values)
    np.testing.assert_array_equal(one, other)
    named = idle(quick(**{**without, name: values[1]}), [name])
    assert [message.values["name"] for message in named] == [name]
    one, other = (painted(**{**with_effect, name: value}) for value in values)
    assert not np.array_equal(one, other)
    assert not [*idle(quick(**{**with_effect, name: values[1]}), [name])]


def test_every_rule_has_a_case() -> None:
    named = {(name, rule.reason) for rule in IDLE for name in rule.settings}
    tried = {
        (name, message.values["reason"].code)
        for name, values, without, _ in CASES
        for message in idle(quick(**{**without, name: values[1]}), [name])
    }
    assert named == tried


@pytest.mark.parametrize("preset", PRESETS)
def test_the_settings_of_a_preset_are_not_named_unless_they_are_given(preset: str) -> None:
    assert not [*idle(Recipe.preset(preset), [])]


def test_a_style_has_no_effect_on_a_reconstruction() -> None:
    recipe = Recipe.preset("reconstruction", **QUICK, content_layers="conv2_1")
    assert ignores_styles(recipe)
    content = content_pixels(40, 40)
    one, other = (
        impasto.stylize(content, style, recipe, device="cpu").canvas
        for style in (style_pixels(40, 40), content)
    )
    np.testing.assert_array_equal(one, other)


def test_a_style_counts_in_the_first_canvas_of_one_pass() -> None:
    assert not ignores_styles(Recipe.preset("reconstruction", initial="instant"))


def test_a_texture_takes_only_its_size_from_the_content() -> None:
    recipe = Recipe.preset("texture", **QUICK, style_layers="conv1_1,conv2_1")
    assert ignores_content(recipe)
    style = style_pixels(40, 40)
    one, other = (
        impasto.stylize(content, style, recipe, device="cpu").canvas
        for content in (content_pixels(40, 40), 255 - content_pixels(40, 40))
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("texture", {"initial": "recolored-content"}),
        ("texture", {"initial": "instant"}),
        ("texture", {"color": "content"}),
        ("texture", {"protect": "mask.png"}),
        ("default", {}),
    ],
)
def test_a_content_picture_counts_otherwise(preset: str, settings: dict[str, Any]) -> None:
    assert not ignores_content(Recipe.preset(preset, **settings))
