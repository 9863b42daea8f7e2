"""A recipe: what it accepts, what it refuses and how it says so, and its life as TOML."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.cli.flags import build
from impasto.errors import InputError
from impasto.settings.layers import LAYERS, READABLE
from impasto.settings.presets import PRESETS
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style
from impasto.settings.values import FIRST_CANVASES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT = {
    "size": 512,
    "output_size": "working",
    "content_fit": "stretch",
    "styles": [],
    "style_fit": "aspect",
    "style_scale": 1.0,
    "style_symmetry": "none",
    "protect": None,
    "color": "style",
    "rescale": False,
    "initial": "recolored-content",
    "noise_ratio": 0.7,
    "seed": 0,
    "content_layers": {"conv3_2": 0.5, "conv4_2": 1.0},
    "style_layers": {
        "conv1_1": 1.0,
        "conv2_1": 1.0,
        "conv3_1": 1.0,
        "conv4_1": 1.0,
        "conv5_1": 0.03125,
    },
    "method": "layers",
    "coarse": "auto",
    "balance": "relative",
    "style_loss": "gram",
    "content_loss": "features",
    "strength": 0.7,
    "alpha": 1.0,
    "beta": None,
    "tv_weight": 0.0,
    "tv": "anisotropic",
    "pooling": "max",
    "padding": "replicate",
    "optimizer": "lbfgs",
    "variable": "pixels",
    "learning_rate": 2.0,
    "steps": 50,
    "levels": "auto",
    "tile": "auto",
    "keep": "measured",
    "precision": "auto",
}
GATYS = DEFAULT | {
    "pooling": "average",
    "size": (512, 384),
    "output_size": "content",
    "style_fit": "squeeze",
    "rescale": True,
    "initial": "noisy-content",
    "content_layers": {"conv4_2": 1.0},
    "style_layers": {
        "conv1_1": 0.5,
        "conv2_1": 1.0,
        "conv3_1": 1.5,
        "conv4_1": 3.0,
        "conv5_1": 4.0,
    },
    "balance": "absolute",
    "strength": None,
    "beta": 1000.0,
    "padding": "zeros",
    "optimizer": "adam",
    "steps": 2500,
    "levels": 1,
    "keep": "updated",
    "precision": "float32",
}

SIDES = st.integers(1, 32768)
SIZES = SIDES | st.tuples(SIDES, SIDES)
NUMBERS = st.floats(0, allow_infinity=False)
LAYER_WEIGHTS = st.dictionaries(
    st.sampled_from([layer.name for layer in LAYERS[1:]]), NUMBERS, min_size=1
).filter(lambda weights: any(weights.values()))
STYLES = st.builds(
    Style,
    picture=st.text(min_size=1),
    weight=st.floats(0.0001, 10000),
    layers=st.none() | st.lists(st.sampled_from(READABLE), min_size=1),
    mask=st.none() | st.text(min_size=1),
)
HOW_MUCH_STYLE = st.fixed_dictionaries({"strength": st.floats(0.01, 1)}) | st.fixed_dictionaries(
    {
        "balance": st.sampled_from(["relative", "absolute"]),
        "beta": st.floats(0, exclude_min=True, allow_infinity=False),
    }
)
OTHER_SETTINGS = st.fixed_dictionaries(
    {
        "size": st.just("original") | SIZES,
        "output_size": st.sampled_from(["working", "content"]) | SIZES,
        "content_fit": st.sampled_from(["stretch", "crop"]),
        "styles": st.lists(STYLES, max_size=3),
        "style_fit": st.sampled_from(["aspect", "squeeze", "original"]),
        "style_symmetry": st.sampled_from(["none", "mirror", "rotate", "all"]),
        "protect": st.none() | st.text(min_size=1),
        "padding": st.sampled_from(["replicate", "zeros"]),
        "color": st.sampled_from(["style", "content", "match", "histogram", "palette"]),
        "style_scale": st.floats(0, 10, exclude_min=True),
        "rescale": st.booleans(),
        "initial": st.text(min_size=1),
        "noise_ratio": st.floats(0, 1),
        "seed": st.integers(0, 2**63 - 1),
        "content_layers": LAYER_WEIGHTS,
        "style_layers": LAYER_WEIGHTS,
        "alpha": NUMBERS,
        "tv_weight": NUMBERS,
        "tv": st.sampled_from(["anisotropic", "nine-point"]),
        "content_loss": st.just("features"),
        "coarse": st.sampled_from(["auto", "same"]),
        "style_loss": st.sampled_from(["gram", "covariance", "mean-variance", "wasserstein"]),
        "pooling": st.sampled_from(["average", "max"]),
        "optimizer": st.sampled_from(["lbfgs", "adam"]),
        "learning_rate": st.floats(0, exclude_min=True, allow_infinity=False),
        "steps": st.integers(1, 1_000_000),
        "keep": st.sampled_from(["measured", "updated"]),
        "levels": st.just("auto") | st.integers(1, 10),
        "tile": st.sampled_from(["auto", "off"]) | st.integers(1, 2048).map(lambda n: 16 * n),
        "precision": st.sampled_from(["auto", "float32", "bfloat16", "float64"]),
    }
)
RECIPES = st.builds(lambda some, more: Recipe(**some, **more), OTHER_SETTINGS, HOW_MUCH_STYLE)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=5,
)


def refusal(**settings: Any) -> str:
    try:
        Recipe(**settings)
    except InputError as error:
        return str(error)
    pytest.fail(f"{settings} makes a recipe")


# Presets


def test_the_defaults_are_the_preset_default() -> None:
    assert Recipe().model_dump() == DEFAULT
    assert Recipe.preset("default") == Recipe()


def test_the_preset_gatys_is_the_published_example_to_the_letter() -> None:
    assert Recipe.preset("gatys").model_dump() == GATYS


def test_a_setting_beats_its_preset() -> None:
    recipe = Recipe.preset("gatys", steps=500)
    assert recipe.model_dump() == GATYS | {"steps": 500}


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        Recipe.preset("gatis")
    assert str(caught.value) == (
        "There is no preset 'gatis' (presets: default, fast, instant, fine, strotss, nnst, gatys, "
        "texture, reconstruction, gatys-fast); did you mean 'gatys'?"
    )


# Immutable, hashable, picklable


def test_a_setting_cannot_be_assigned() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().steps = 3


CHANGES: list[Callable[[dict[str, float]], Any]] = [
    lambda weights: weights.__setitem__("conv4_2", 2.0),
    lambda weights: weights.__delitem__("conv4_2"),
    lambda weights: weights.__ior__({"conv1_1": 1.0}),
    lambda weights: weights.clear(),
    lambda weights: weights.pop("conv4_2"),
    lambda weights: weights.popitem(),
    lambda weights: weights.setdefault("conv1_1", 1.0),
    lambda weights: weights.update(conv1_1=1.0),
]


def test_layer_weights_cannot_be_changed() -> None:
    recipe = Recipe()
    for change in CHANGES:
        with pytest.raises(TypeError, match="make another recipe"):
            change(recipe.content_layers)
    assert recipe == Recipe()


def test_layer_weights_do_not_follow_the_dict_they_came_from() -> None:
    weights = {"conv4_2": 1.0}
    recipe = Recipe(content_layers=weights)
    weights["conv4_2"] = 9.0
    assert recipe.content_layers == {"conv4_2": 1.0}


def test_a_copy_with_changes_is_validated() -> None:
    assert Recipe.preset("gatys").model_copy(update={"steps": "7"}).steps == 7
    with pytest.raises(InputError, match="steps cannot be 0"):
        Recipe().model_copy(update={"steps": 0})


@given(RECIPES)
def test_equal_recipes_have_equal_hashes(recipe: Recipe) -> None:
    twin = Recipe(**recipe.model_dump())
    assert twin == recipe
    assert hash(twin) == hash(recipe)


@given(RECIPES)
def test_a_duplicate_is_the_same_and_as_immutable(recipe: Recipe) -> None:
    pickled = pickle.loads(pickle.dumps(recipe))
    for duplicate in (copy.copy(recipe), copy.deepcopy(recipe), pickled):
        assert duplicate == recipe
        with pytest.raises(TypeError, match="make another recipe"):
            duplicate.content_layers.clear()


# TOML


@given(RECIPES)
def test_a_recipe_survives_toml(recipe: Recipe) -> None:
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_a_recipe_survives_a_file(tmp_path: Path) -> None:
    recipe = Recipe.preset("gatys", initial="깃발.png")
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    there = str(tmp_path / "깃발.png")
    assert Recipe.load(file) == recipe.model_copy(update={"initial": there})


def test_every_setting_that_has_a_value_is_written_out() -> None:
    written = tomllib.loads(Recipe().to_toml())
    assert Recipe.model_fields.keys() - written.keys() == {"styles", "protect", "beta"}
    assert written["strength"] == 0.7
    written = tomllib.loads(Recipe.preset("gatys").to_toml())
    assert Recipe.model_fields.keys() - written.keys() == {"styles", "protect", "strength"}


# Paths in a file start from its folder


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``recipes`` with a picture that has a colon in its name, beside the running one."""
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()
    Path("recipes/study:2").touch()
    return Path("recipes")


def test_the_paths_of_a_file_start_from_its_folder(elsewhere: Path) -> None:
    file = elsewhere / "r.toml"
    file.write_text(
        'initial = "first.png"\nprotect = "m.png#ff0000"\n'
        'styles = ["a.jpg:2,mask=m.png", "study:2", "/b.jpg", {picture = "c.jpg", mask = "n.png"}]'
    )
    recipe = Recipe.load(file)
    assert recipe.initial == "recipes/first.png"
    assert recipe.protect == "recipes/m.png#ff0000"
    assert recipe.styles == (
        Style(picture="recipes/a.jpg", weight=2, mask="recipes/m.png"),
        Style(picture="recipes/study:2"),
        Style(picture="/b.jpg"),
        Style(picture="recipes/c.jpg", mask="recipes/n.png"),
    )
    assert Recipe.load(file, initial="mine.png").initial == "mine.png"
    assert Recipe.load(file, initial="noise").initial == "noise"


def test_a_first_canvas_of_a_file_is_no_path(elsewhere: Path) -> None:
    file = elsewhere / "r.toml"
    for word in FIRST_CANVASES:
        file.write_text(f'initial = "{word}"')
        assert Recipe.load(file).initial == word


@pytest.mark.parametrize("where", ["r.toml", "recipes/r.toml", "other/r.toml"])
def test_a_saved_recipe_finds_its_pictures_from_any_folder(
    where: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(
        initial="recipes/noise",
        protect="recipes/m.png#ff0000",
        styles=["recipes/study:2", "recipes/~a.jpg:2,mask=m.png"],
    )
    Path("other").mkdir()
    recipe.save(where)
    file = Path(where).absolute()
    monkeypatch.chdir("other")
    loaded = Recipe.load(file)
    top = file.parent if where == "r.toml" else file.parent.parent
    assert Path(loaded.initial) == top / "recipes/noise"
    assert loaded.protect == str(top / "recipes/m.png#ff0000")
    assert [Path(style.picture) for style in loaded.styles] == [
        top / "recipes/study:2",
        top / "recipes/~a.jpg",
    ]
    assert loaded.styles[1].mask == str(top / "m.png")


def test_a_tilde_is_the_home_folder(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    file = elsewhere / "r.toml"
    file.write_text('initial = "~/a.png"\nprotect = "~/b.png"\nstyles = ["~/c.jpg,mask=~/d.png"]')
    recipe = Recipe.load(file)
    assert (recipe.initial, recipe.protect) == ("/home/anna/a.png", "/home/anna/b.png")
    assert recipe.styles == (Style(picture="/home/anna/c.jpg", mask="/home/anna/d.png"),)
    Path("~study.png").touch()
    assert Recipe(initial="~study.png").initial == "~study.png"


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\\u0000b"], ids=["long", "huge", "NUL"])
def test_a_name_that_no_file_can_have_is_a_name(name: str, elsewhere: Path) -> None:
    text = f'initial = "{name}"\nprotect = "{name}"\nstyles = ["{name}", "a:2,mask={name}"]'
    Recipe.from_toml(text)
    (elsewhere / "r.toml").write_text(text)
    Recipe.load(elsewhere / "r.toml")


def test_a_file_that_cannot_be_is_one_sentence(elsewhere: Path) -> None:
    names: list[Any] = ["x" * 300, "x" * 5000, "a\0b", "", 5, "recipes/study:2/r.toml"]
    for name in names:
        with pytest.raises(InputError) as caught:
            Recipe.load(name)
        assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_too_large_is_not_read_whole(elsewhere: Path) -> None:
    with Path("large.toml").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(InputError, match="it is larger than 1,000,000 bytes"):
        Recipe.load("large.toml")


# What a recipe is made from


def test_a_recipe_is_read_from_a_preset_a_file_or_a_table(elsewhere: Path) -> None:
    Path("r.toml").write_text("steps = 50")
    made = Recipe(steps=50)
    assert Recipe.read(None) == Recipe()
    assert Recipe.read(made) is made
    assert Recipe.read("fast") == Recipe.preset("fast")
    one_pass = Recipe(method="instant")
    assert Recipe.read(None, method="instant") == Recipe.read({}, method="instant") == one_pass
    assert Recipe.read({"steps": 50}) == made
    assert Recipe.read({"preset": "gatys", "steps": 9}) == Recipe.preset("gatys", steps=9)
    assert Recipe.read("r.toml") == Recipe.read(Path("r.toml")) == made


def test_nothing_else_is_a_recipe() -> None:
    values: list[Any] = [5, "fats", "gone.toml", [], ["fast"], {1: 2}, b"fast", object()]
    for value in values:
        with pytest.raises(InputError):
            Recipe.read(value)


def test_what_numpy_and_torch_hold_is_what_python_holds() -> None:
    """Also in the type of what the recipe keeps, which its representation shows."""
    made = Recipe(
        size=np.array([640, 480]),
        output_size=np.int64(64),
        steps=np.int32(5),
        seed=np.uint8(5),
        alpha=np.float32(0.5),
        strength=np.array(0.25),
        noise_ratio=torch.tensor(0.25),
        rescale=np.bool_(True),
        tile=np.int64(32),
        content_layers=np.array(["conv4_2", "conv3_1"]),
        style_layers={"conv4_2": np.float64(2)},
        initial=np.str_("noise"),
    )
    plain = Recipe(
        size=(640, 480),
        output_size=64,
        steps=5,
        seed=5,
        alpha=0.5,
        strength=0.25,
        noise_ratio=0.25,
        rescale=True,
        tile=32,
        content_layers={"conv4_2": 1.0, "conv3_1": 1.0},
        style_layers={"conv4_2": 2.0},
        initial="noise",
    )
    assert made == plain
    assert repr(made) == repr(plain)
    assert refusal(steps=np.bool_(True)).startswith("steps cannot be True")


def test_an_empty_toml_is_the_default() -> None:
    assert Recipe.from_toml("") == Recipe()


def test_the_key_preset_names_what_a_file_starts_from() -> None:
    recipe = Recipe.from_toml('preset = "gatys"\nsteps = 50')
    assert recipe == Recipe.preset("gatys", steps=50)


def test_a_flag_beats_the_file_and_the_file_beats_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('preset = "gatys"\nsteps = 50\nseed = 1', encoding="utf-8")
    recipe = Recipe.load(file, seed="2")
    assert (recipe.optimizer, recipe.steps, recipe.seed) == ("adam", 50, 2)


def test_the_layers_of_a_file_replace_those_of_its_preset() -> None:
    recipe = Recipe.from_toml('preset = "gatys"\n[style_layers]\nrelu2_1 = 1')
    assert recipe.style_layers == {"relu2_1": 1.0}


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(b"\xef\xbb\xbfsteps = 50\r\n")
    assert Recipe.load(file).steps == 50


@pytest.mark.parametrize(
    "text",
    ["steps =", "steps = 1\nsteps = 2", "\0", "x = " + "[" * 5000],
    ids=["cut", "twice", "NUL", "nest"],
)
def test_text_that_is_no_toml_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^The recipe is not valid TOML: .+\.$"):
        Recipe.from_toml(text)


def test_a_number_with_thousands_of_digits_is_refused() -> None:
    with pytest.raises(InputError):
        Recipe.from_toml("steps = " + "9" * 5000)


def test_a_key_with_the_name_of_an_argument_is_an_unknown_setting() -> None:
    for key in ("self", "cls", "name", "text", "path"):
        with pytest.raises(InputError, match=f"^There is no setting '{key}'"):
            Recipe.from_toml(f"{key} = 1")


def test_a_preset_of_a_file_that_is_none_is_refused() -> None:
    for preset in ("3", "['gatys']", "''"):
        with pytest.raises(InputError, match="There is no preset"):
            Recipe.from_toml(f"preset = {preset}")


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("steps = 0", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Recipe.load(file)
    assert str(caught.value) == (
        f"In the recipe '{file}': steps cannot be 0: it should be from 1 to 1000000."
    )


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(InputError) as caught:
        Recipe.load("missing.toml")
    assert str(caught.value) == (
        "The recipe 'missing.toml' cannot be read: No such file or directory."
    )


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"cannot be read: it is not UTF-8 text\.$"):
        Recipe.load(file)


# The text forms of the command line


def as_text(value: Any) -> Any:
    """A value as a flag of the command line gives it."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{layer}:{weight!r}" for layer, weight in value.items())
    return None if value is None else str(value)


@given(RECIPES)
def test_every_setting_can_be_given_as_text(recipe: Recipe) -> None:
    settings = {name: as_text(value) for name, value in recipe if name != "styles"}
    assert Recipe(**settings, styles=recipe.styles) == recipe


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ({"size": "640 × 480"}, (640, 480)),
        ({"size": "640X480"}, (640, 480)),
        ({"size": [640, 480]}, (640, 480)),
        ({"rescale": "true"}, True),
        ({"beta": "1e3"}, 1000.0),
        ({"alpha": 3}, 3.0),
        ({"initial": Path("first.png")}, "first.png"),
        ({"content_layers": "conv4_2"}, {"conv4_2": 1.0}),
        ({"content_layers": " relu1_1 : 2 , pool2, "}, {"relu1_1": 2.0, "pool2": 1.0}),
        ({"content_layers": ["conv4_2:2", "conv5_2"]}, {"conv4_2": 2.0, "conv5_2": 1.0}),
        ({"content_layers": {"conv4_2": "2"}}, {"conv4_2": 2.0}),
        ({"content_layers": {"conv4_2": 0}}, {"conv4_2": 0.0}),
    ],
    ids=str,
)
def test_other_forms_of_a_setting(settings: dict[str, Any], value: Any) -> None:
    ((name, given_as),) = settings.items()
    assert getattr(Recipe(**{name: given_as}), name) == value


# Refusals

A_SIZE = "one number of pixels, as in 512, or two, as in 512x384"
LEVELS = "'auto' or a whole number from 1 to 10"
TILE = "'auto', 'off' or a multiple of 16 from 16 to 32768 pixels"


# One of each kind of reason, and what pydantic or a reader of impasto's own makes of it.
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "no size": ({"size": "big"}, f"size cannot be 'big': it should be 'original', {A_SIZE}."),
    "no size, with other words": (
        {"output_size": "workin"},
        f"output_size cannot be 'workin': it should be 'working', 'content', {A_SIZE}; did you "
        "mean 'working'?",
    ),
    "a side out of range": (
        {"size": 0},
        "size cannot be 0: its sides should be between 1 and 32768 pixels.",
    ),
    "a word or a whole number": ({"levels": 11}, f"levels cannot be 11: it should be {LEVELS}."),
    "a word or a multiple": ({"tile": 100}, f"tile cannot be 100: it should be {TILE}."),
    "one of some words": (
        {"color": "grey"},
        "color cannot be 'grey': it should be 'style', 'content', 'match', 'histogram' or "
        "'palette'.",
    ),
    "no boolean": ({"rescale": "maybe"}, "rescale cannot be 'maybe': it should be true or false."),
    "neither true nor false": (
        {"rescale": None},
        "rescale cannot be None: it should be true or false.",
    ),
    "no canvas": (
        {"initial": ""},
        "initial cannot be '': it should be recolored-content, content, noisy-content, style, "
        "noise, instant, or the path of a picture.",
    ),
    "greater than": ({"style_scale": 0}, "style_scale cannot be 0: it should be greater than 0."),
    "a weight that the method does not have": (
        {"method": "nnst", "beta": 5},
        "beta has no effect with the method 'nnst': set strength instead.",
    ),
    "a tile for a method that sees all": (
        {"method": "strotss", "tile": 64},
        "tile cannot be 64, since the method 'strotss' needs the whole picture at once: leave tile "
        "at auto, or choose another.",
    ),
    "at least": ({"alpha": -1}, "alpha cannot be -1: it should be at least 0."),
    "at most": ({"noise_ratio": 1.5}, "noise_ratio cannot be 1.5: it should be from 0 to 1."),
    "at most, whole": (
        {"steps": 10**7},
        f"steps cannot be {10**7}: it should be from 1 to 1000000.",
    ),
    "less than": ({"seed": 2**63}, f"seed cannot be {2**63}: it should be less than {2**63}."),
    "text for a number": ({"alpha": "much"}, "alpha cannot be 'much': it should be a number."),
    "no number": ({"beta": [1]}, "beta cannot be [1]: it should be a number."),
    "not finite": (
        {"beta": float("nan")},
        "beta cannot be nan: it should be a finite number.",
    ),
    "not finite, as text": (
        {"beta": "inf"},
        "beta cannot be 'inf': it should be a finite number.",
    ),
    "a fraction": ({"steps": 1.5}, "steps cannot be 1.5: it should be a whole number."),
    "text for a whole number": (
        {"steps": "many"},
        "steps cannot be 'many': it should be a whole number.",
    ),
    "no styles": ({"styles": "a.jpg"}, "styles cannot be 'a.jpg': it should be a list of styles."),
    "a setting within a style": (
        {"styles": ["a.jpg:0"]},
        "weight of a style cannot be '0': it should be from 0.0001 to 10000.",
    ),
    "an unknown setting of a style": (
        {"styles": [{"picture": "a.jpg", "masc": "m.png"}]},
        "There is no setting 'masc' of a style; did you mean 'mask'?",
    ),
    "a style without a picture": (
        {"styles": [{"weight": 1}]},
        "The picture of a style is missing.",
    ),
    "no layer": (
        {"content_layers": ""},
        "content_layers cannot be '': it should name at least one layer, as in conv4_2.",
    ),
    "nearly a layer": (
        {"content_layers": "conv4_3x"},
        "content_layers cannot be 'conv4_3x': there is no layer 'conv4_3x'; "
        "did you mean 'conv4_3'?",
    ),
    "nothing like a layer": (
        {"content_layers": "sky"},
        "content_layers cannot be 'sky': there is no layer 'sky'; layers have names like "
        "conv4_2, relu1_1, pool3.",
    ),
    "the weight of a layer": (
        {"content_layers": "conv4_2:-1"},
        "content_layers cannot be 'conv4_2:-1': the weight of conv4_2 should be a number that "
        "is at least 0.",
    ),
    "a layer twice": (
        {"content_layers": "conv4_2,conv4_2:3"},
        "content_layers cannot be 'conv4_2,conv4_2:3': it names conv4_2 twice; each layer has "
        "one weight.",
    ),
    "nearly a setting": ({"stepps": 3}, "There is no setting 'stepps'; did you mean 'steps'?"),
    "nothing like a setting": (
        {"whatever": 3},
        f"There is no setting 'whatever'; the settings are {', '.join(DEFAULT)}.",
    ),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_says_what_was_wrong_with_which_value_and_what_to_do(kind: str) -> None:
    settings, sentence = REFUSALS[kind]
    assert refusal(**settings) == sentence


NUMERIC = (
    *("size", "output_size", "style_scale", "noise_ratio", "seed", "strength", "alpha", "beta"),
    *("tv_weight", "learning_rate", "steps", "levels", "tile"),
)


def test_a_boolean_is_no_number() -> None:
    for name in NUMERIC:
        for value in (True, False):
            assert refusal(**{name: value}).startswith(f"{name} cannot be {value}: ")


def test_a_number_is_finite() -> None:
    for name in NUMERIC:
        for text in ("nan", "inf", "-inf"):
            assert refusal(**{name: float(text)}).startswith(f"{name} cannot be {text}: ")
            assert refusal(**{name: text}).startswith(f"{name} cannot be '{text}': ")


@pytest.mark.parametrize(
    "value",
    [[], [[]], {}, {"a": {"b": [1]}}, b"\xff", object(), 10**5000],
    ids=["list", "nest", "dict", "nested", "bytes", "object", "digits"],
)
def test_no_setting_takes_what_is_no_value_of_any(value: Any) -> None:
    for name in DEFAULT:
        if (name, value) == ("styles", []):
            continue
        message = refusal(**{name: value})
        assert message.startswith(f"{name} cannot be ")
        assert len(message.splitlines()) == 1


@given(ANYTHING)
def test_every_setting_takes_any_value_or_refuses_it_in_one_line(value: Any) -> None:
    refused: list[str] = []
    for name in DEFAULT:
        try:
            Recipe(**{name: value})
        except InputError as error:
            refused.append(str(error))
    assert all(len(sentence.splitlines()) == 1 for sentence in refused)


def test_a_setting_that_is_needed_is_not_none() -> None:
    for name in DEFAULT.keys() - {"strength", "beta", "protect"}:
        assert refusal(**{name: None}).startswith(f"{name} cannot be None: ")


def test_strength_and_beta_are_two_ways_to_set_one_thing() -> None:
    assert refusal(strength=0.4, beta=3) == (
        "strength cannot be 0.4, since beta is already 3 and sets the same thing: leave one of "
        "them out."
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda **settings: Recipe.preset("gatys", **settings),
        lambda **settings: Recipe.from_toml('preset = "gatys"', **settings),
        lambda **settings: Recipe.from_toml('preset = "gatys"\nbeta = 9', **settings),
        lambda **settings: Recipe.from_toml("strength = 0.9", **settings),
        lambda **settings: Recipe.read({"preset": "gatys", **settings}),
        lambda **settings: Recipe.preset("gatys").model_copy(update=settings),
        lambda **settings: build("gatys", None, settings),
    ],
    ids=["preset", "TOML", "beta", "strength", "table", "copy", "flags"],
)
def test_what_is_given_over_a_preset_replaces_its_strength_or_beta(
    make: Callable[..., Recipe],
) -> None:
    recipe = make(balance="relative", strength=0.5)
    assert (recipe.strength, recipe.beta) == (0.5, None)
    recipe = make(beta=7)
    assert (recipe.strength, recipe.beta) == (None, 7)
    with pytest.raises(InputError, match=r"strength cannot be 0.4, since beta is already 3"):
        make(strength=0.4, beta=3)


def test_both_in_one_file_are_refused() -> None:
    for over in ({}, {"strength": 0.1}, {"beta": 1.0}):
        with pytest.raises(InputError, match=r"strength cannot be 0.4, since beta is already 3"):
            Recipe.from_toml("strength = 0.4\nbeta = 3", **over)


def test_a_strength_over_absolute_losses_says_what_to_do() -> None:
    with pytest.raises(InputError) as caught:
        Recipe.preset("gatys", strength=0.5)
    assert str(caught.value) == (
        "The losses are absolute (balance), and strength works only with relative ones: set "
        "balance to 'relative', or give beta, such as 1000, in place of strength."
    )


def test_absolute_losses_need_a_beta() -> None:
    assert refusal(balance="absolute").startswith("The losses are absolute (balance), ")


def test_a_changed_copy_may_go_from_strength_to_beta_and_back() -> None:
    recipe = Recipe(strength=0.3)
    assert recipe.model_copy(update={"beta": 5}) == Recipe(beta=5)
    assert Recipe(beta=5).model_copy(update={"strength": 0.3}) == recipe


@given(st.floats(0.7, 0.9))
def test_equal_steps_of_strength_multiply_beta_by_the_same(strength: float) -> None:
    weaker, stronger = (Recipe(strength=s).style_weight for s in (strength, strength + 0.1))
    assert stronger / weaker == pytest.approx(1000 ** (1 / 6))


@given(st.floats(0, 0.69), st.floats(0.001, 0.01))
def test_below_the_usual_strength_beta_and_the_colours_fall_to_nothing(
    strength: float, more: float
) -> None:
    weaker, stronger = Recipe(strength=strength), Recipe(strength=strength + more)
    assert weaker.style_weight < stronger.style_weight
    assert weaker.style_colors < stronger.style_colors
    assert (Recipe(strength=0).style_weight, Recipe(strength=0).style_colors) == (0, 0)


def test_a_size_is_one_or_two_whole_numbers_of_pixels() -> None:
    sizes: list[Any] = [(True, 384), (512.5, 384), (512, 384, 3), {512, 384}]
    for size in (*sizes, "640x", "512x-384", "1x32769"):
        assert refusal(size=size).startswith("size cannot be ")


def test_layers_are_known_and_each_has_one_weight_which_is_a_number() -> None:
    texts = (
        *("input", "Conv4_2", "conv4_2:", "conv4_2:1:2", "conv4_2:nan", "conv4_2:inf"),
        *("conv4_2:1;conv1_1:2", ":1"),
    )
    lists: list[Any] = [[1], [("conv4_2", 1)]]
    weights: list[Any] = [True, None, [1], 10**400, {"conv4_2": 1}]
    for layers in (*texts, *lists, {4: 1}, *({"conv4_2": weight} for weight in weights)):
        assert refusal(style_layers=layers).startswith("style_layers cannot be ")


def test_a_long_value_is_cut_in_its_refusal() -> None:
    assert len(refusal(style_fit="x" * 10_000)) < 200


def test_a_value_of_many_lines_is_shown_on_one() -> None:
    assert refusal(style_fit="a\nb").startswith(r"style_fit cannot be 'a\nb': ")


def test_the_path_of_a_first_canvas_can_be_written_to_toml() -> None:
    assert "its name is not Unicode" in refusal(initial="\udcff.png")


def test_presets_hold_known_settings_alone() -> None:
    assert {name for settings in PRESETS.values() for name in settings} <= set(DEFAULT)
