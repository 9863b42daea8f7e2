"""Many paintings: a picture that is none fails alone, and every picture gets a name."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import impasto
from conftest import content_pixels, style_pixels
from impasto.errors import InputError
from impasto.experiments import many, planning
from impasto.settings.recipe import Recipe
from impasto.settings.style import Style

SMALL = Recipe.preset("instant", size=48)
CONTENT, STYLE = content_pixels(36, 48), style_pixels(40, 40)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()


def save(path: str | bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123 – of a name in bytes too
        Image.fromarray(CONTENT).save(file, "PNG")


def codes(records: list[impasto.Painted]) -> list[str | None]:
    return [None if record.error is None else record.error.code for record in records]


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "picture.none"), (5, "picture.wrong-type"), (Style(picture="a"), "picture.wrong-type")],
)
@pytest.mark.parametrize("recipe", [SMALL, Recipe(size=48, steps=1, levels=1)])
def test_what_is_no_picture_fails_alone(recipe: Recipe, content: Any, code: str) -> None:
    records = impasto.stylize_many([CONTENT, content], STYLE, recipe)
    assert codes(records) == [None, code]


def test_a_dry_run_of_one_pass_asks_for_the_sides_that_its_network_needs() -> None:
    thin, narrow = style_pixels(2, 200), content_pixels(10, 48)
    paintings = planning.plan([CONTENT, narrow], [Style(picture=thin)], SMALL, None).paintings
    painted, refused = many.looked_over(paintings, SMALL)
    assert painted == many.NEW
    assert isinstance(refused, InputError)
    assert refused.code == "size.instant"
    assert codes(impasto.stylize_many([CONTENT, narrow], thin, SMALL)) == [None, refused.code]


def test_no_picture_at_all_is_an_error_of_that_picture() -> None:
    assert codes(impasto.stylize_many(None, STYLE, SMALL)) == ["picture.none"]  # type: ignore[arg-type]


def test_a_file_object_is_painted_in_each_style() -> None:
    file = io.BytesIO()
    Image.fromarray(CONTENT).save(file, "PNG")
    file.seek(0)
    records = impasto.stylize_many(file, [STYLE, CONTENT], SMALL, each=True)
    assert codes(records) == [None, None]
    assert [record.content for record in records] == [file, file]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files may be any bytes")
def test_a_name_that_is_not_unicode_fails_alone() -> None:
    save("photos/a.png")
    save(os.fsencode("photos/") + b"\xff.png")
    records = impasto.stylize_many("photos", STYLE, SMALL, "out/")
    assert codes(records) == [None, "output.unwritable"]
    assert os.listdir("out") == ["a-style-1.png"]  # noqa: PTH208 – names, not paths


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_that_leads_nowhere_fails_alone() -> None:
    save("photos/a.png")
    Path("photos/loop.png").symlink_to("loop.png")
    Path("photos/nowhere.png").symlink_to("gone.png")
    records = impasto.stylize_many("photos", STYLE, SMALL)
    assert codes(records) == [None, "input.unreadable", "input.not-found"]


@pytest.mark.parametrize("output", [5, "", ["out"]])
def test_an_output_that_is_no_path_is_refused(output: Any) -> None:
    with pytest.raises(InputError) as raised:
        impasto.stylize_many([CONTENT], STYLE, SMALL, output)
    assert raised.value.code == "picture.not-a-path"


# ------------------------------------------------------------------------------ names


def names(*contents: str, to: str | None) -> list[str]:
    styles = [Style(picture="oil.jpg")]
    paintings = planning.plan(contents, styles, SMALL, planning.Output(to, "instant")).paintings
    return [painting.path.name for painting in paintings if painting.path]


def test_names_that_differ_only_by_case_get_numbers() -> None:
    assert names("p.png", "P.PNG", to="out/") == ["p-oil.png", "P-oil-2.png"]
    assert names("p.png", "P.png", "p-2.png", to=None) == [
        *("p-painting.png", "P-painting-2.png", "p-2-painting.png"),
    ]


def test_a_template_needs_a_number_for_them() -> None:
    with pytest.raises(InputError, match="number"):
        names("p.png", "P.PNG", to="out/{content}.png")
    assert names("p.png", "P.PNG", to="{number}-{content}.png") == ["1-p.png", "2-P.png"]


@pytest.mark.parametrize("spec", ["21", "1000000000", "021", ".21", "9" * 5000])
def test_a_number_may_not_be_wider_than_20_digits(spec: str) -> None:
    with pytest.raises(InputError) as raised:
        names("a.png", "b.png", to=f"{{number:{spec}}}.png")
    assert raised.value.code == "many.template"


def test_a_number_may_have_20_digits() -> None:
    assert names("a.png", to="{number:020}.png") == [f"{1:020}.png"]
