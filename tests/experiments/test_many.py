"""Many paintings are those of single runs, and one that fails does not stop the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import impasto
from conftest import content_pixels, style_pixels
from impasto import InputError, Painted, Recipe, Step, Style, stylize_many
from impasto.experiments import many, planning
from impasto.network.vgg import VGG
from impasto.objective.nnst import Neighbours
from impasto.objective.objective import Objective
from impasto.pictures import images
from impasto.settings.loss_table import STYLE_LOSSES

SMALL = Recipe(size=32, steps=2, levels=1, content_layers="conv2_1", style_layers="conv1_1,conv2_1")


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("styles").mkdir()
    for index, name in enumerate("abc"):
        pixels = np.roll(content_pixels(30, 40), 9 * index, axis=1)
        Image.fromarray(pixels).save(f"photos/{name}.png")
    for index, name in enumerate(("ink", "oil")):
        Image.fromarray(np.roll(style_pixels(30, 40), 9 * index, 1)).save(f"styles/{name}.png")


def files(records: list[Painted]) -> list[str]:
    return [record.path.as_posix() if record.path else "" for record in records]


def counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """The first arguments of the calls of a function, from now on."""
    calls: list[Any] = []
    original = getattr(owner, name)

    def counted(first: Any, *rest: Any, **others: Any) -> Any:
        calls.append(first)
        return original(first, *rest, **others)

    monkeypatch.setattr(owner, name, counted)
    return calls


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 64, "steps": 3},
        {"size": 48, "steps": 3, "preset": "gatys"},
        {"size": 48, "steps": 2, "color": "match"},
    ],
    ids=["default", "gatys", "match"],
)
def test_the_bytes_are_those_of_single_runs(settings: dict[str, Any]) -> None:
    recipe = Recipe.read(settings)
    stylize_many("photos/[ab].png", "styles/oil.png", recipe, "out/")
    impasto.stylize("photos/b.png", "styles/oil.png", recipe).save("single.png")
    assert Path("out/b-oil.png").read_bytes() == Path("single.png").read_bytes()


def test_a_folder_in_one_style() -> None:
    records = stylize_many("photos", "styles/oil.png", SMALL, "out/")
    assert files(records) == [f"out/{name}-oil.png" for name in "abc"]
    assert {(record.style, record.error, record.result) for record in records} == {
        ("styles/oil.png", None, None)
    }


def test_every_picture_in_each_style() -> None:
    styles = ["styles/ink.png", "styles/oil.png"]
    records = stylize_many("photos/[ab].png", styles, SMALL, "out/", each=True)
    names = ["a-ink", "b-ink", "a-oil", "b-oil"]
    assert files(records) == [f"out/{name}.png" for name in names]


def test_several_styles_are_blended() -> None:
    styles = ["styles/ink.png:0.3", "styles/oil.png"]
    (record, *_) = stylize_many("photos", styles, SMALL)
    assert record.style == tuple(Style.read(style) for style in styles)
    assert record.result == impasto.stylize("photos/a.png", styles, SMALL)


def test_the_first_picture_in_the_first_style_and_so_on() -> None:
    contents = ["photos/b.png", "photos/a.png"]
    records = stylize_many(contents, "styles", SMALL, "out/", pairs=True)
    assert files(records) == ["out/b-ink.png", "out/a-oil.png"]


def test_the_styles_of_a_recipe_are_painted_apart_too() -> None:
    recipe = SMALL.model_copy(update={"styles": ["styles/ink.png", "styles/oil.png"]})
    assert len(stylize_many("photos/a.png", None, recipe, each=True)) == 2
    assert len(stylize_many("photos/a.png", None, recipe)) == 1


def test_a_recipe_that_needs_no_style() -> None:
    recipe = Recipe.read({"preset": "texture", "size": 64, "steps": 2})
    records = stylize_many("photos/a.png", None, recipe, "out/")
    assert (files(records), records[0].style) == (["out/a-painting.png"], None)


def test_pictures_in_memory_keep_their_results() -> None:
    pixels = (np.asarray(Image.open(f"photos/{name}.png")) for name in "ab")
    records = stylize_many(pixels, Image.open("styles/oil.png"), SMALL)
    assert [record.path for record in records] == [None, None]
    first = impasto.stylize("photos/a.png", "styles/oil.png", SMALL)
    assert records[0].result is not None
    assert np.array_equal(records[0].result.canvas, first.canvas)


def test_one_picture_is_as_good_as_many() -> None:
    assert files(stylize_many("photos/a.png", "styles/oil.png", SMALL, "one.png")) == ["one.png"]
    assert len(stylize_many(content_pixels(30, 40), "styles/oil.png", SMALL)) == 1


def test_no_picture_is_painted_in_its_own_style() -> None:
    records = stylize_many("photos", "photos", SMALL, "out/")
    names = [f"out/{a}-{b}.png" for b in "abc" for a in "abc" if a != b]
    assert files(records) == names


def test_a_file_that_is_named_twice_is_painted_once() -> None:
    records = stylize_many(["photos/b.png", "photos"], "styles/oil.png", SMALL, "out/")
    assert files(records) == [f"out/{name}-oil.png" for name in "bac"]


def test_paintings_beside_their_pictures_are_not_painted_the_next_time() -> None:
    def paint(skip: bool = False) -> list[str]:
        to = "photos/{content}-new.png"
        return files(stylize_many("photos", "styles/oil.png", SMALL, to, skip_existing=skip))

    first = paint()
    assert paint() == paint(skip=True) == first
    assert len(list(Path("photos").iterdir())) == 6


def test_no_painting_replaces_an_input() -> None:
    before = Path("photos/a.png").read_bytes()
    with pytest.raises(InputError, match="input of this run"):
        stylize_many("photos", "styles/oil.png", SMALL, "photos/{content}.png")
    assert Path("photos/a.png").read_bytes() == before


# ------------------------------------------------------------------------------ what goes wrong


def test_a_broken_picture_does_not_stop_the_others() -> None:
    Path("photos/b.png").write_bytes(b"no picture")
    records = stylize_many("photos", "styles", SMALL, "out/")
    failed = [record for record in records if record.error is not None]
    assert [record.content for record in failed] == ["photos/b.png"] * 2
    assert [record.path for record in failed] == [None, None]
    assert len(list(Path("out").iterdir())) == 4
    assert failed[0].error is failed[1].error


def test_a_broken_style_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("styles/ink.png").write_bytes(b"no picture")
    reads = counting(monkeypatch, images, "read")
    records = stylize_many("photos", "styles", SMALL, "out/")
    assert [record.error is None for record in records] == [False] * 3 + [True] * 3
    assert reads.count("styles/ink.png") == 1


def test_a_run_that_ends_early_writes_nothing() -> None:
    recipe = SMALL.model_copy(
        update={"steps": 30, "optimizer": "adam", "learning_rate": 1e38, "beta": 1e20}
    )
    records = stylize_many("photos", "styles/oil.png", recipe, "out/")
    assert all(record.error is not None for record in records)
    assert not Path("out").exists()


def test_what_concerns_all_is_raised_before_anything_is_painted() -> None:
    mask = SMALL.model_copy(update={"protect": "nowhere.png"})
    for recipe, flags in (
        (mask, {}),
        (SMALL, {"weights": "nowhere.pth"}),
        (SMALL, {"device": "abacus"}),
        (SMALL, {"output": "out/{content}.xyz"}),
        (SMALL, {"pairs": True}),
        (SMALL, {"pairs": True, "each": True}),
    ):
        given: dict[str, Any] = {"output": "out/", **flags}
        with pytest.raises(InputError):
            stylize_many("photos", "styles", recipe, **given)
    assert not Path("out").exists()


@pytest.mark.parametrize("contents", ["nothing/*.png", "empty", []])
def test_nothing_to_paint(contents: Any) -> None:
    Path("empty").mkdir()
    with pytest.raises(InputError):
        stylize_many(contents, "styles/oil.png", SMALL)


# ------------------------------------------------------------------------------ what is shared


def test_settings_can_be_keywords_and_a_misspelt_one_gets_a_hint() -> None:
    records = stylize_many("photos", "styles/oil.png", size=48, steps=1, levels=1)
    assert {record.result.recipe.size for record in records if record.result} == {48}
    with pytest.raises(InputError, match="did you mean 'steps'"):
        stylize_many("photos", "styles/oil.png", stepz=1)  # type: ignore[call-arg]


def test_a_record_is_short() -> None:
    (record,) = stylize_many(np.zeros((48, 48, 3), np.uint8), "styles/oil.png", SMALL)
    assert repr(record).startswith("<Painted: in memory: <Result: ")


def test_the_network_is_made_once_and_a_style_is_read_and_measured_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks = counting(monkeypatch, VGG, "__init__")
    reads = counting(monkeypatch, images, "read")
    measured = counting(monkeypatch, Objective, "measure_styles")
    stylize_many("photos", "styles/oil.png", SMALL, "out/")
    assert len(networks) == 1
    assert reads.count("styles/oil.png") == 1
    assert len(measured) == 1


@pytest.mark.parametrize(("color", "times"), [("style", 1), ("match", 3)])
def test_what_matches_need_of_a_style_is_read_once_if_it_is_the_same_for_all(
    monkeypatch: pytest.MonkeyPatch, color: str, times: int
) -> None:
    hypercolumns = counting(monkeypatch, Neighbours, "_read_hypercolumns")
    alone = counting(monkeypatch, Neighbours, "_read_alone")
    stylize_many("photos", "styles/oil.png", Recipe(size=64, steps=2, color=color), "out/")
    assert (len(hypercolumns), len(alone)) == (times, times)


def test_a_style_is_measured_once_for_pictures_of_different_shapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide, tall = content_pixels(48, 64), content_pixels(64, 48)
    hypercolumns = counting(monkeypatch, Neighbours, "_read_hypercolumns")
    stylize_many([wide, tall], "styles/oil.png", Recipe(size=64, steps=2))
    assert len(hypercolumns) == 1


@pytest.mark.parametrize("style_loss", STYLE_LOSSES)
def test_a_picture_after_one_of_another_shape_is_painted_as_if_alone(style_loss: str) -> None:
    wide, tall = content_pixels(48, 64), content_pixels(64, 48)
    recipe = SMALL.model_copy(update={"style_loss": style_loss})
    *_, after = stylize_many([wide, tall], "styles/oil.png", recipe)
    assert after.result is not None
    alone = impasto.stylize(tall, "styles/oil.png", recipe)
    assert np.array_equal(np.asarray(after.result.image), np.asarray(alone.image))


def test_styles_that_are_recoloured_like_the_picture_are_measured_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = counting(monkeypatch, Objective, "measure_styles")
    stylize_many("photos", "styles/oil.png", SMALL.model_copy(update={"color": "match"}), "out/")
    assert len(measured) == 3


# ------------------------------------------------------------------------------ what is there


def test_what_exists_is_not_painted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out").mkdir()
    Path("out/b-oil.png").write_bytes(b"there")
    records = stylize_many("photos", "styles/oil.png", SMALL, "out", skip_existing=True)
    assert [record.skipped for record in records] == [False, True, False]
    assert Path("out/b-oil.png").read_bytes() == b"there"
    networks = counting(monkeypatch, VGG, "__init__")
    again = stylize_many("photos", "styles/oil.png", SMALL, "out", skip_existing=True)
    assert [record.skipped for record in again] == [True] * 3
    assert not networks


def test_a_part_that_a_killed_process_left_is_removed() -> None:
    Path("out").mkdir()
    part = Path(f"out/.a-oil.png.{'0' * 32}.part")
    part.touch()
    stylize_many("photos", "styles/oil.png", SMALL, "out")
    assert not part.exists()


def test_callbacks_see_every_picture() -> None:
    pictures: list[tuple[int, int, str]] = []
    painted: list[Painted] = []
    records = stylize_many(
        "photos",
        "styles/oil.png",
        SMALL,
        on_picture=lambda *picture: pictures.append(picture),
        on_painted=painted.append,
    )
    assert pictures[1] == (2, 3, "photos/b.png in the style of styles/oil.png")
    assert painted == records


def test_a_callback_that_returns_false_ends_it_without_the_painting_in_progress() -> None:
    steps: list[Step] = []

    def stop(step: Step) -> bool:
        steps.append(step)
        return len(steps) < 3

    records = stylize_many("photos", "styles/oil.png", SMALL, "out/", on_step=stop)
    assert files(records) == ["out/a-oil.png"]
    assert [path.name for path in Path("out").iterdir()] == ["a-oil.png"]


# ------------------------------------------------------------------------------ beforehand


def test_headers_tell_what_would_become_of_each_painting() -> None:
    Path("photos/b.png").write_bytes(b"no picture")
    carried = PngInfo()
    carried.add_text("impasto", '{"content": {"name": "c.png"}}')
    Image.new("RGB", (8, 8)).save("photos/c-oil.png", pnginfo=carried)
    to = planning.Output("photos/{content}-oil.png", "default")
    paintings = planning.plan(["photos"], [Style.read("styles/oil.png")], SMALL, to).paintings
    states = many.looked_over(paintings, SMALL, skip_existing=True)
    assert states[0] == many.NEW
    assert isinstance(states[1], InputError)
    assert states[2] == many.EXISTS


def test_the_estimate_for_all_is_that_for_each_times_their_number() -> None:
    paintings = planning.plan(["photos"], [Style.read("styles/oil.png")], SMALL, None).paintings
    expected = many.expected(paintings, SMALL, many.Painter(SMALL))
    assert expected is not None
    assert expected.all_seconds == pytest.approx(3 * expected.seconds)
