"""In a folder, paintings of an earlier run are told from photographs by what they carry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import InputError, Recipe
from impasto.experiments import planning
from impasto.experiments.many import stylize_many
from impasto.experiments.planning import Output, Plan
from impasto.settings.style import Style

SMALL = Recipe(
    size=32, steps=1, levels=1, content_layers={"conv1_1": 1.0}, style_layers={"conv1_1": 1.0}
)


@pytest.fixture(autouse=True)
def _pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Image.fromarray(content_pixels(30, 40)).save("photos/a.png")
    Image.fromarray(style_pixels(30, 40)).save("oil.png")


def make_photograph(name: str) -> None:
    Image.fromarray(np.fliplr(content_pixels(30, 40))).save(f"photos/{name}")


def planned(*contents: str, to: str | None, skip_existing: bool = False) -> Plan:
    styles = [Style.read("oil.png")]
    output = Output(to, "default")
    return planning.plan(contents, styles, SMALL, output, skip_existing=skip_existing)


BESIDE, IN_FOLDER = (None, "a-painting.png"), ("photos/", "a-oil.png")


@pytest.mark.parametrize("skip_existing", [False, True])
@pytest.mark.parametrize("given", ["photos", "photos/*.png"])
@pytest.mark.parametrize(("to", "name"), [BESIDE, IN_FOLDER])
def test_a_photograph_named_like_a_painting_is_never_replaced(
    to: str | None, name: str, given: str, skip_existing: bool
) -> None:
    make_photograph(name)
    with pytest.raises(InputError) as raised:
        planned(given, to=to, skip_existing=skip_existing)
    assert raised.value.code == "many.would-replace"
    assert raised.value.values == {"content": "photos/a.png", "path": f"photos/{name}"}


@pytest.mark.parametrize(("to", "name"), [BESIDE, IN_FOLDER])
def test_a_painting_of_an_earlier_run_is_painted_again_and_not_painted_itself(
    to: str | None, name: str
) -> None:
    stylize_many("photos/a.png", "oil.png", SMALL, f"photos/{name}")
    (painting,) = planned("photos", to=to).paintings
    assert (painting.content, painting.path) == ("photos/a.png", Path(f"photos/{name}"))


def test_a_painting_of_another_picture_is_not_replaced() -> None:
    make_photograph("b.png")
    stylize_many("photos/b.png", "oil.png", SMALL, "photos/a-oil.png")
    with pytest.raises(InputError, match=r"'photos/a\.png' would replace 'photos/a-oil\.png'"):
        planned("photos", to="photos/")


def test_without_another_picture_of_its_name_a_photograph_is_painted() -> None:
    make_photograph("b-oil.png")
    contents = [one.content for one in planned("photos", to="photos/").paintings]
    assert contents == ["photos/a.png", "photos/b-oil.png"]


@pytest.mark.parametrize("name", ["a-ink.png", "a-painting.jpg"])
def test_a_painting_in_another_style_or_format_is_not_taken_for_a_photograph(name: str) -> None:
    stylize_many("photos/a.png", "oil.png", SMALL, f"photos/{name}")
    for to in ("photos/", None):
        (painting,) = planned("photos", to=to).paintings
        assert painting.content == "photos/a.png"


def test_a_painting_that_is_named_is_painted_again() -> None:
    stylize_many("photos/a.png", "oil.png", SMALL, "photos/a-ink.png")
    (painting,) = planned("photos/a-ink.png", to="out/").paintings
    assert painting.content == "photos/a-ink.png"
