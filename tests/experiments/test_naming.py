"""The names of many paintings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto import InputError, Style
from impasto.experiments.naming import paths_for, read_naming


def named(
    output: str | None, *pairs: tuple[object, str], preset: str = "fast", several: bool = False
) -> list[str]:
    naming = read_naming(output, preset, several=several)
    styled = [(content, (Style(picture=style),)) for content, style in pairs]
    return [path.as_posix() for path in paths_for(styled, naming)]  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("output", "path"),
    [
        (None, "photos/a-painting.png"),
        ("out/", "out/a-oil.png"),
        ("out/{number:03}-{content}.jpg", "out/001-a.jpg"),
        ("{preset}/{style}/{content}.tif", "fast/oil/a.tif"),
        ("{style}/", "oil/a-oil.png"),
        ("{{{content}}}.png", "{a}.png"),
        ("one.png", "one.png"),
        ("{{one}}.png", "{one}.png"),
    ],
)
def test_where_a_painting_goes(output: str | None, path: str) -> None:
    assert named(output, ("photos/a.jpg", "styles/oil.jpg")) == [path]


def test_a_folder_that_exists_needs_no_slash_and_may_have_braces() -> None:
    Path("a{b}").mkdir()
    assert named("a{b}", ("a.jpg", "oil.jpg")) == ["a{b}/a-oil.png"]


def test_beside_a_picture_in_several_styles_stand_both_names() -> None:
    assert named(None, ("x/a.jpg", "oil.jpg"), several=True) == ["x/a-oil.png"]


def test_styles_that_are_blended_are_named_together() -> None:
    pair = ("a.jpg", (Style(picture="oil.jpg"), Style(picture="ink.jpg")))
    assert paths_for([pair], read_naming("out/", "", several=False)) == [Path("out/a-oil+ink.png")]


@pytest.mark.parametrize(
    ("contents", "names"),
    [
        (["a.jpg", "a.png", "b.png"], ["a.jpg-oil", "a.png-oil", "b-oil"]),
        (["x/a.jpg", "y/a.jpg"], ["x-a.jpg-oil", "y-a.jpg-oil"]),
        (["a.jpg", "A.JPG"], ["a-oil", "A-oil-2"]),  # one file where case does not count
    ],
)
def test_pictures_of_one_stem_are_told_apart(contents: list[str], names: list[str]) -> None:
    pairs = [(content, "oil.jpg") for content in contents]
    assert named("out/", *pairs) == [f"out/{name}.png" for name in names]


def test_styles_of_one_stem_are_told_apart() -> None:
    pairs = [("a.jpg", "oil.jpg"), ("a.jpg", "oil.png")]
    assert named("out/", *pairs) == ["out/a-oil.jpg.png", "out/a-oil.png.png"]


def test_pictures_of_one_stem_have_the_same_label_in_every_style() -> None:
    pairs = [(content, style) for style in ("s.png", "t.png") for content in ("a.jpg", "a.png")]
    names = ["a.jpg-s", "a.png-s", "a.jpg-t", "a.png-t"]
    assert named("out/", *pairs) == [f"out/{name}.png" for name in names]


def test_pictures_in_memory_are_numbered() -> None:
    pixels = [np.zeros((2, 2, 3), np.uint8) for _ in range(2)]
    names = named("out/", *((picture, "oil.jpg") for picture in pixels))
    assert names == ["out/content-1-oil.png", "out/content-2-oil.png"]


NAME = st.text(st.sampled_from("ab"), min_size=1, max_size=2)


@settings(max_examples=30)
@given(st.lists(st.tuples(NAME, NAME, st.sampled_from([".jpg", ".png"])), min_size=1, unique=True))
def test_paintings_of_different_pictures_never_share_a_file(
    parts: list[tuple[str, str, str]],
) -> None:
    pairs = [(f"{folder}/{stem}{suffix}", "oil.jpg") for folder, stem, suffix in parts]
    names = named("out/", *pairs)
    assert len(set(names)) == len(pairs)
    assert names == named("out/", *pairs)


@pytest.mark.parametrize("output", ["{stlye}.png", "{.png", "{}.png", "{content!r}.png", "{0}.png"])
def test_an_unknown_field_is_answered_with_those_there_are(output: str) -> None:
    with pytest.raises(InputError, match="content, style, preset, number"):
        named(output, ("a.jpg", "oil.jpg"))


def test_one_file_for_several_paintings_is_answered_with_a_folder_and_a_template() -> None:
    with pytest.raises(InputError, match=r"'out/p/', .*'out/\{content\}-\{style\}.jpg'"):
        named("out/p.jpg", ("a.jpg", "oil.jpg"), ("b.jpg", "oil.jpg"))


def test_a_template_that_does_not_tell_paintings_apart() -> None:
    with pytest.raises(InputError, match=r"named 'out/oil\.png'"):
        named("out/{style}.png", ("a.jpg", "oil.jpg"), ("b.jpg", "oil.jpg"))


def test_a_name_that_is_too_long_is_cut_and_stays_its_own() -> None:
    pairs = [(f"{'x' * 240}{end}.jpg", "oil.jpg") for end in "ab"]
    names = {Path(name).name for name in named("out/", *pairs)}
    assert len(names) == 2
    assert max(map(len, names)) < 255
