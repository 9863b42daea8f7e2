"""Which sizes a canvas goes through, for any size and any number of levels and steps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import content_pixels, style_pixels
from impasto.pictures.inputs import read
from impasto.run.levels import plan, plan_for, recipe_at
from impasto.settings.loss_table import METHODS
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style

sizes = st.tuples(st.integers(16, 4000), st.integers(16, 4000))
COUNTS = {"levels": st.integers(1, 10), "steps": st.integers(1, 3000)}
BALANCES = st.sampled_from(["relative", "absolute"])
recipes = st.builds(Recipe, balance=BALANCES, beta=st.just(1000.0), **COUNTS) | st.builds(
    Recipe,
    method=st.sampled_from([name for name, method in METHODS.items() if not method.one_pass]),
    **COUNTS,
)


@given(sizes, sizes, recipes)
def test_every_step_belongs_to_a_level_and_every_level_has_one(
    canvas: tuple[int, int], style: tuple[int, int], recipe: Recipe
) -> None:
    steps = [level.steps for level in plan(canvas, [style], recipe)]
    assert sum(steps) == recipe.steps
    assert min(steps) >= 1


@given(sizes, sizes, recipes)
def test_the_last_level_is_the_canvas_and_each_is_half_the_next(
    canvas: tuple[int, int], style: tuple[int, int], recipe: Recipe
) -> None:
    levels = plan(canvas, [style], recipe)
    assert (levels[-1].size, levels[-1].style_sizes) == (canvas, (style,))
    for coarse, fine in pairwise(level for level in levels if not level.splits):
        assert all(abs(2 * a - b) <= 2 for a, b in zip(coarse.size, fine.size, strict=True))
    assert [level.number for level in levels] == list(range(1, len(levels) + 1))


@given(sizes, sizes, recipes)
def test_no_coarser_level_is_too_small(
    canvas: tuple[int, int], style: tuple[int, int], recipe: Recipe
) -> None:
    for level in plan(canvas, [style], recipe)[:-1]:
        assert (
            min(*level.size, *level.style_sizes[0]) >= METHODS[level.method].smallest_side
            or level.size == canvas
        )


@given(st.integers(96, 20_000))
def test_auto_begins_at_about_128_pixels(longer: int) -> None:
    levels = plan((longer, longer), [(longer, longer)], Recipe(steps=100, coarse="same"))
    assert 90 <= max(levels[0].size) <= 182


@given(st.integers(48, 20_000))
def test_auto_begins_at_about_64_pixels_with_nnst(longer: int) -> None:
    levels = plan((longer, longer), [(longer, longer)], Recipe(steps=100))
    assert 45 <= max(levels[0].size) <= 91


@pytest.mark.parametrize(("longer", "finer"), [(640, []), (1024, [16]), (2048, [11, 10])])
def test_levels_after_those_of_nnst_take_as_many_steps_each(longer: int, finer: list[int]) -> None:
    levels = plan((longer, longer), [(longer, longer)], Recipe())
    assert [level.steps for level in levels if level.method == "layers"] == finer


def test_levels_of_up_to_640_pixels_of_the_default_minimise_the_losses_of_even_nnst() -> None:
    levels = plan((1024, 768), [(1024, 640)], Recipe(size=1024, steps=100))
    assert [(level.size[0], level.method) for level in levels] == [
        *((64, "even-nnst"), (128, "even-nnst"), (256, "even-nnst")),
        *((512, "even-nnst"), (512, "even-nnst"), (1024, "layers")),
    ]
    assert [level.steps for level in levels] == [12, 12, 11, 19, 14, 32]


@pytest.mark.parametrize("longer", [640, 641])
def test_the_limit_counts_for_the_canvas_too(longer: int) -> None:
    levels = plan((longer, longer), [(longer, longer)], Recipe())
    assert levels[-1].method == ("even-nnst" if longer == 640 else "layers")


@pytest.mark.parametrize(
    "recipe", [Recipe(), Recipe.preset("fine", size=512)], ids=["default", "fine"]
)
def test_the_finest_of_them_is_shallow_and_ends_with_layers_alone(recipe: Recipe) -> None:
    levels = plan((512, 384), [(512, 320)], recipe)
    assert [(level.size[0], level.deepest, level.splits) for level in levels] == [
        *((64, None, False), (128, None, False), (256, None, False)),
        *((512, "relu3_1", False), (512, "relu3_1", True)),
    ]


def test_a_canvas_in_tiles_of_a_given_size_has_the_losses_of_layers() -> None:
    methods = [level.method for level in plan((512, 384), [(512, 320)], Recipe(tile=256))]
    assert methods == [*["even-nnst"] * 4, "layers"]


def test_layers_are_never_matched_alone_first() -> None:
    assert not plan((1024, 768), [(1024, 640)], Recipe(steps=2))[0].splits


def test_without_coarser_ones_it_is_not_shallow() -> None:
    assert {level.deepest for level in plan((80, 60), [(80, 60)], Recipe())} == {None}


def test_its_shallow_layers_are_those_of_the_recipe() -> None:
    recipe = Recipe(method="even-nnst", style_layers="relu1_1,relu2_2,relu4_1", levels=2)
    *_, last = plan((256, 192), [(256, 160)], recipe)
    assert recipe_at(last, recipe).style_layers == {"relu1_1": 1.0, "relu2_2": 1.0}
    deep = Recipe(method="even-nnst", style_layers="relu4_1", levels=2)
    assert plan((256, 192), [(256, 160)], deep)[-1].deepest is None


def test_only_deep_levels_of_even_nnst_see_the_style_turned() -> None:
    for recipe in (Recipe(), Recipe.preset("fine", size=512)):
        levels = plan((512, 384), [(512, 320)], recipe)
        seen = [recipe_at(level, recipe).style_symmetry for level in levels]
        assert seen == ["rotate", "rotate", "rotate", "none", "none"]
    mirrored = Recipe(style_symmetry="mirror")
    (level, *_) = plan((512, 384), [(512, 320)], mirrored)
    assert recipe_at(level, mirrored).style_symmetry == "mirror"


@pytest.mark.parametrize(
    "settings",
    [
        {"coarse": "same"},
        {"style_loss": "wasserstein"},
        {"style_layers": "conv1_1,conv2_1"},
        {"content_layers": "conv4_2"},
        {"beta": 10.0},
        {"strength": 0.0},
        {"alpha": 0.0},
        {"optimizer": "adam"},
        {"method": "strotss"},
        {"levels": 1},
    ],
    ids=" ".join,
)
def test_other_losses_are_those_of_every_level(settings: dict[str, Any]) -> None:
    recipe = Recipe(**settings)
    levels = plan((512, 384), [(512, 320)], recipe)
    assert {level.method for level in levels} == {recipe.method}


@pytest.mark.parametrize(
    ("styles", "supplied"),
    [([], []), ([(512, 320)], [("conv1_1",)]), ([(512, 320)] * 2, [None, ("conv1_1",)])],
    ids=["no style", "some layers", "some layers of the second"],
)
def test_so_they_are_unless_every_style_supplies_all_layers(
    styles: list[tuple[int, int]], supplied: list[Any]
) -> None:
    levels = plan((512, 384), styles, Recipe(), supplied)
    assert {level.method for level in levels} == {"layers"}


def test_large_levels_after_even_matches_smooth_the_style_along_its_strokes() -> None:
    levels = plan((2048, 1536), [(2048, 1280)], Recipe())
    assert [level.reach for level in levels] == [0, 0, 0, 0, 0, 1.5, 1.5]


@pytest.mark.parametrize(
    "recipe",
    [Recipe(coarse="same"), *map(Recipe.preset, ("fine", "gatys-fast", "nnst", "strotss"))],
    ids=["coarse same", "fine", "gatys-fast", "nnst", "strotss"],
)
def test_without_even_matches_before_they_see_it_as_it_is(recipe: Recipe) -> None:
    assert {level.reach for level in plan((1024, 768), [(1024, 640)], recipe)} == {0.0}


def test_so_do_small_ones() -> None:
    levels = plan((640, 480), [(640, 400)], Recipe(), ends_by_layer=True)
    assert levels[-1].method == "layers"
    assert levels[-1].reach == 0.0


def test_several_styles_have_coarse_levels_like_one() -> None:
    one, two = (plan((512, 384), [(512, 320)] * count, Recipe()) for count in (1, 2))
    assert [level.method for level in two] == [level.method for level in one]


def test_only_the_last_level_of_nnst_matches_layers_alone() -> None:
    recipe = Recipe.preset("nnst", steps=100)
    levels = plan((512, 384), [(512, 320)], recipe)
    assert [level.size[0] for level in levels] == [64, 128, 256, 512, 512]
    assert [level.splits for level in levels] == [False] * 4 + [True]
    assert [level.steps for level in levels] == [18, 18, 17, 17, 30]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [None, None, None, "relu3_1", "relu3_1"]),
        ({"coarse": "same"}, [None, None, "conv3_2"]),
        ({"content_layers": "conv4_2:1"}, [None, None, "conv4_2"]),
        ({"levels": 1}, [None]),
        ({"alpha": 0.0}, [None, None, None]),
        ({"style_layers": "conv4_1:1"}, [None, None, None]),
        ({"style_layers": "conv1_1:0,conv4_1:1"}, [None, None, None]),
        ({"content_layers": "conv1_1:0,conv3_1:1"}, [None, None, "conv3_1"]),
        ({"balance": "absolute", "beta": 1000.0}, [None, None, None]),
        ({"method": "nnst"}, [None, None, None, None, None]),
    ],
    ids=[
        "default",
        "the same losses at every level",
        "one content layer",
        "one level",
        "no content",
        "deep style",
        "shallow style of weight 0",
        "shallow content of weight 0",
        "absolute",
        "nnst",
    ],
)
def test_a_last_level_after_others_reads_up_to_the_shallowest_content_layer(
    settings: dict[str, Any], expected: list[str | None]
) -> None:
    levels = plan((512, 384), [(512, 384)], Recipe(**settings))
    assert [level.deepest for level in levels] == expected


@pytest.mark.parametrize(("longer", "expected"), [(1280, "conv3_2"), (1281, "conv4_2")])
def test_a_last_level_of_a_large_canvas_reads_up_to_the_deepest_content_layer(
    longer: int, expected: str
) -> None:
    assert plan((longer, 960), [(longer, 960)], Recipe())[-1].deepest == expected


def test_a_last_level_reads_all_layers_if_a_style_supplies_only_deep_ones() -> None:
    styles, deep = [(512, 384)] * 2, ("conv4_1", "conv5_1")
    for supplied, expected in (
        ([("conv1_1",), None], "conv3_2"),
        ([("conv2_1",), None], "conv3_2"),
        ([None, deep], None),
    ):
        finest = plan((512, 384), styles, Recipe(), supplied)[-1]
        assert finest.deepest == expected
    style = Style(picture=style_pixels(96, 128), layers=deep)
    recipe = Recipe(coarse="same")
    levels = plan_for(read(content_pixels(96, 128), [style], recipe), recipe)
    assert [level.deepest for level in levels] == [None] * 3


def test_one_level_takes_every_step() -> None:
    (level,) = plan((512, 384), [(512, 320)], Recipe(levels=1, steps=300))
    assert (level.size, level.steps) == ((512, 384), 300)
