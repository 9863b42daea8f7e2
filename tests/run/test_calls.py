"""What stylize and resume are called with is understood, or refused in one sentence."""

from __future__ import annotations

import copy
import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from conftest import THREADS, content_pixels, style_pixels
from impasto import ImpastoWarning, InputError, Recipe, Result, Step, Style
from impasto.experiments import rerun

SETTINGS: dict[str, Any] = {
    "size": (32, 24),
    "steps": 2,
    "levels": 1,
    "content_layers": "conv2_1",
    "style_layers": "conv1_1",
}
pytestmark = pytest.mark.usefixtures("small_pictures")


class Named:
    """Something that stands for a path, and is none."""

    def __fspath__(self) -> str:
        return "content.png"


def call(*, content: Any = "content.png", style: Any = "style.png", **given: Any) -> Result:
    given = {"recipe": SETTINGS, "device": "cpu", **given}
    return impasto.stylize(content, style, **given)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What the plainest call paints."""
    torch.set_num_threads(THREADS)
    return impasto.stylize(
        content_pixels(48, 64), style_pixels(48, 64), Recipe(**SETTINGS), device="cpu"
    )


UNDERSTOOD: dict[str, Callable[[], dict[str, Any]]] = {
    "a path": lambda: {"content": Path("content.png"), "style": Path("style.png")},
    "what stands for a path": lambda: {"content": Named()},
    "pictures": lambda: {
        "content": Image.open("content.png").copy(),
        "style": style_pixels(48, 64),
    },
    "bytes": lambda: {"content": Path("content.png").read_bytes()},
    "file objects": lambda: {
        "content": io.BytesIO(Path("content.png").read_bytes()),
        "style": io.BytesIO(Path("style.png").read_bytes()),
    },
    "tensors": lambda: {
        "content": torch.from_numpy(np.array(Image.open("content.png"))),
        "style": torch.from_numpy(style_pixels(48, 64)).permute(2, 0, 1)[None],
    },
    "a picture in a style": lambda: {"style": Style(picture=style_pixels(48, 64))},
    "a list": lambda: {"style": ["style.png"]},
    "a generator": lambda: {"style": (name for name in ("style.png",))},
    "a table": lambda: {"style": {"picture": "style.png", "weight": 1}},
    "a style": lambda: {"style": Style(picture="style.png")},
    "a text form": lambda: {"style": "style.png:1"},
    "a recipe": lambda: {"recipe": Recipe(**SETTINGS)},
    "NumPy's numbers": lambda: {
        "recipe": {**SETTINGS, "size": np.array([32, 24]), "steps": np.int64(2)}
    },
    "a device": lambda: {"device": torch.device("cpu")},
    "a device in capitals": lambda: {"device": "CPU"},
}


@pytest.mark.parametrize("given", UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_what_is_meant_is_understood(given: Callable[[], dict[str, Any]], usual: Result) -> None:
    assert call(**given()).canvas.tobytes() == usual.canvas.tobytes()


def test_a_recipe_may_be_a_preset_or_a_file() -> None:
    Path("r.toml").write_text(Recipe(**SETTINGS).to_toml())
    for recipe in ("r.toml", Path("r.toml")):
        assert call(recipe=recipe).recipe == Recipe(**SETTINGS)
    assert call(recipe={"preset": "fast", **SETTINGS}).recipe.steps == 2
    with pytest.raises(InputError, match="did you mean 'fast'"):
        call(recipe="fats")


FIRST = np.full((24, 32, 3), 99.0)


@pytest.mark.parametrize(
    "initial",
    [
        FIRST,
        FIRST.astype(np.float32),
        FIRST.astype(np.float16),
        FIRST.tolist(),
        FIRST.astype(int).tolist(),
        torch.from_numpy(FIRST),
        torch.from_numpy(FIRST).float().requires_grad_(),
    ],
    ids=["float64", "float32", "float16", "list", "list of whole", "tensor", "with gradient"],
)
def test_a_first_canvas_is_anything_that_holds_numbers(initial: Any) -> None:
    assert call(initial=initial).canvas.tobytes() == call(initial=FIRST).canvas.tobytes()


@pytest.mark.parametrize("kind", ["image", "bytes", "file", "uint8", "int64"])
def test_a_picture_in_memory_can_be_the_first_canvas(kind: str) -> None:
    first = Image.open("style.png").convert("RGB").resize((32, 24))
    file = io.BytesIO()
    first.save(file, "PNG")
    file.seek(0)
    array = np.asarray(first)
    given = {
        "image": first,
        "bytes": file.getvalue(),
        "file": file,
        "uint8": array,
        "int64": array.astype(np.int64),
    }
    pixels = array.astype(np.float64)
    assert call(initial=given[kind]).canvas.tobytes() == call(initial=pixels).canvas.tobytes()


def test_the_name_or_path_of_a_first_canvas_goes_into_the_recipe() -> None:
    assert call(initial="noise").recipe.initial == "noise"
    assert call(initial=Path("style.png")).recipe.initial == "style.png"


def test_a_first_canvas_within_0_and_1_is_not_taken_for_black() -> None:
    with pytest.warns(ImpastoWarning, match="initial canvas holds floats within 0…1"):
        one = call(initial=FIRST / 255)
    np.testing.assert_allclose(one.canvas, call(initial=FIRST).canvas, atol=1e-2)


def test_a_first_canvas_in_memory_is_no_other_in_the_metadata() -> None:
    result = call(initial=FIRST)
    assert result.metadata()["recipe"]["initial"] == "(in memory)"
    result.save("out.png")
    with pytest.raises(InputError, match="was in memory"):
        rerun.prepare(Path("out.png"), settings={})


def test_pictures_in_memory_have_no_name_in_the_metadata() -> None:
    masked = Style(picture=style_pixels(48, 64), mask=np.eye(48, 64))
    carried = call(content=Path("content.png").read_bytes(), style=masked).metadata()
    assert carried["content"]["name"] is None
    assert carried["recipe"]["styles"] == [{"picture": "(in memory)", "mask": "(in memory)"}]


def test_a_checkpoint_needs_files() -> None:
    with pytest.raises(InputError, match="A checkpoint needs the content picture as a file"):
        call(content=Path("content.png").read_bytes(), checkpoint="run.impasto")
    assert not Path("run.impasto").exists()


def test_a_sweep_reads_a_file_object_once() -> None:
    content, style = (io.BytesIO(Path(name).read_bytes()) for name in ("content.png", "style.png"))
    axes = {"color": ["style", "match"]}
    small = {**SETTINGS, "steps": 1}
    assert impasto.sweep(content, style, axes, small, device="cpu", folder="all").width > 64


REFUSED: dict[str, dict[str, Any]] = {
    "content None": {"content": None},
    "content a number": {"content": 5},
    "content bytes": {"content": b"content.png"},
    "content empty": {"content": ""},
    "content long": {"content": "x" * 300},
    "content longer": {"content": "x" * 5000},
    "content with NUL": {"content": "a\0b"},
    "content in a file": {"content": "style.png/content.png"},
    "content a list": {"content": ["content.png"]},
    "content a list of lists": {"content": [[[1, 2, 3]]]},
    "content complex": {"content": np.zeros((24, 32, 3), complex)},
    "content an empty array": {"content": np.zeros((0, 32, 3))},
    "content an address": {"content": "https://example.org/content.png"},
    "style missing": {"style": None},
    "styles none": {"style": []},
    "styles None": {"style": [None]},
    "style a number": {"style": 5},
    "style bytes": {"style": b"style.png"},
    "style long": {"style": "x" * 300},
    "mask long": {"style": f"style.png,mask={'x' * 300}"},
    "style mask with NUL": {"style": "style.png,style_mask=a\0b"},
    "a style in a style": {"style": [["style.png"]]},
    "recipe a number": {"recipe": 5},
    "recipe a list": {"recipe": [("size", 64)]},
    "recipe unknown": {"recipe": {"sizes": 64}},
    "recipe long": {"recipe": "x" * 300 + ".toml"},
    "recipe bytes": {"recipe": b"fast"},
    "protect long": {"recipe": {**SETTINGS, "protect": "x" * 300}},
    "initial in the recipe long": {"recipe": {**SETTINGS, "initial": "x" * 5000}},
    "initial an unknown name": {"initial": "nose"},
    "initial ragged": {"initial": [[1.0], [1.0, 2.0]]},
    "initial of texts": {"initial": np.full((24, 32, 3), "x")},
    "initial of another shape": {"initial": FIRST[None]},
    "initial not finite": {"initial": FIRST * np.nan},
    "on_step": {"on_step": 5},
    "on_step a text": {"on_step": "print"},
    "device a number": {"device": 5},
    "device None": {"device": None},
    "device unknown": {"device": "cpuu"},
    "device of a number that is none": {"device": "cpu:" + "9" * 30},
    "weights None": {"weights": None},
    "weights a number": {"weights": 5},
    "weights long": {"weights": "x" * 300 + ".pth"},
    "weights with NUL": {"weights": "a\0.pth"},
    "weights_input": {"weights_input": 5},
    "checkpoint a number": {"checkpoint": 5},
    "checkpoint long": {"checkpoint": "x" * 300},
    "checkpoint with NUL": {"checkpoint": "a\0b"},
    "checkpoint in a file": {"checkpoint": "style.png/run.impasto"},
    "checkpoint_every": {"checkpoint": "run.impasto", "checkpoint_every": "x"},
    "checkpoint_every None": {"checkpoint": "run.impasto", "checkpoint_every": None},
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_sentence(given: dict[str, Any]) -> None:
    before = sorted(Path().iterdir())
    with pytest.raises(InputError) as caught:
        call(**given)
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(Path().iterdir()) == before


def test_an_address_is_shown_as_it_was_given() -> None:
    for content in ("https://example.org/a.png", Path("https://example.org/a.png")):
        with pytest.raises(InputError, match=r"https://example.org/a.png' .* web address"):
            call(content=content)


def test_a_callback_that_nobody_would_await_is_refused() -> None:
    async def on_step(_: object) -> bool:
        return False

    with pytest.raises(InputError, match="on_step is a coroutine"):
        call(on_step=on_step)


@pytest.mark.parametrize("text", [None, 5, b"steps = 3", Path("r.toml")])
def test_a_recipe_s_text_is_a_text(text: Any) -> None:
    with pytest.raises(InputError, match="reads TOML text"):
        impasto.Recipe.from_toml(text)


@pytest.mark.parametrize("path", [None, 5])
def test_a_result_is_saved_to_a_path(path: Any) -> None:
    with pytest.raises(InputError, match="output cannot be"):
        call().save(path)


@pytest.mark.parametrize("given", [None, 5, "x" * 300, "a\0b", "style.png/run.impasto"])
def test_a_checkpoint_that_cannot_be(given: Any) -> None:
    with pytest.raises(InputError):
        impasto.resume(given)
    with pytest.raises(InputError, match="on_step should be a function"):
        impasto.resume("run.impasto", on_step=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "steps"),
    [
        (False, 1),
        (np.False_, 1),
        (torch.tensor(False), 1),
        (None, 2),
        (True, 2),
        (np.True_, 2),
        (0, 2),
        ("", 2),
        (np.zeros(3), 2),
    ],
    ids=str,
)
def test_only_false_stops(answer: Any, steps: int) -> None:
    def on_step(step: Step) -> Any:
        return answer

    assert len(call(on_step=on_step).history) == steps


def test_results_can_be_compared_hashed_pickled_and_shown(usual: Result) -> None:
    one, other = call(), call(recipe={**SETTINGS, "seed": 3, "initial": "noise"})
    assert one == call()
    assert one != other
    assert one != "a painting"
    assert len({one, call(), other}) == 2
    for twin in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert twin == one
        assert twin.image.tobytes() == one.image.tobytes()
    assert repr(one).startswith("<Result: 32×24 pixels after 2 steps, best loss ")


def test_results_of_the_same_files_in_other_folders_are_equal() -> None:
    Path("folder").mkdir()
    for name in ("content.png", "style.png"):
        shutil.copy(name, Path("folder", name))

    def painted(folder: Path, **style: Any) -> Result:
        pictures = {"initial": folder / "content.png", "protect": folder / "style.png"}
        styles = [{"picture": str(folder / "style.png"), **style}]
        return call(style=None, recipe={**SETTINGS, **pictures, "styles": styles})

    here, there = painted(Path()), painted(Path("folder"))
    assert here == there
    assert hash(here) == hash(there)
    assert here != painted(Path(), style_mask="content.png")


def test_settings_can_be_keywords() -> None:
    one = impasto.stylize("content.png", "style.png", device="cpu", **SETTINGS)
    assert one.recipe == Recipe(**SETTINGS)


def test_keywords_replace_settings_of_the_recipe() -> None:
    assert call(steps=1, seed=5).recipe == Recipe(**{**SETTINGS, "steps": 1, "seed": 5})
