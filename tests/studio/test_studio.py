"""The studio without its page: the queue, the jobs, the settings, the texts, the service."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import gradio as gr
import httpx
import numpy as np
import pytest
import tifffile
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from conftest import content_pixels
from impasto import ImpastoError, InputError, Recipe, Result, Style, stylize
from impasto.cli.app import run
from impasto.errors import StoppedError
from impasto.messages.message import LANGUAGES, Message, catalogue, fields
from impasto.objective.objective import Objective
from impasto.pictures import images
from impasto.pictures.inputs import styles_of
from impasto.pictures.limits import Head
from impasto.process import interrupts
from impasto.process.memory import memory_errors
from impasto.process.notices import heard_by
from impasto.run import checkpoint
from impasto.run.canvas import Canvases
from impasto.run.evaluator import Evaluator
from impasto.run.prepare import prepare
from impasto.settings.loss_table import STYLE_LOSSES
from impasto.settings.presets import PRESETS
from impasto.settings.values import FIRST_CANVASES
from impasto.studio import controls, guards, opening, texts
from impasto.studio.editor import EDITED, MOST_KEPT, editor
from impasto.studio.job import Job, Painting, Waiting
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.queue import Queue
from impasto.studio.server import application, gradio_in
from impasto.studio.visits import Visit
from impasto.studio.work import multiplications
from studio_helpers import running

SMALL = Recipe(size=64, levels=1, steps=4, content_layers="conv2_1", style_layers="conv1_1,conv2_1")


pytestmark = pytest.mark.usefixtures("small_pictures")


# --------------------------------------------------------------------------------- the queue


def test_the_first_is_first_and_the_others_wait_in_order() -> None:
    queue = Queue(3)
    first, second, third = (queue.enter() for _ in range(3))
    assert [place.ahead for place in (first, second, third)] == [0, 1, 2]
    assert first.wait(0)
    assert not second.wait(0)
    second.leave()
    first.leave(10.0)
    assert third.wait(0)


def test_a_full_line_says_so() -> None:
    queue = Queue(1)
    place = queue.enter()
    with pytest.raises(InputError, match="The queue is full"):
        queue.enter()
    place.leave()
    queue.enter()


def test_the_time_until_one_s_turn() -> None:
    queue = Queue(5)
    queue.enter().leave(20.0)
    first, _, third = (queue.enter() for _ in range(3))
    assert third.expected() == 40.0
    first.left = 3.0
    assert third.expected() == 23.0


def test_one_is_woken_when_the_one_before_leaves() -> None:
    queue = Queue(2)
    first, second = queue.enter(), queue.enter()
    threading.Timer(0.05, first.leave).start()
    assert second.wait(10)


# ------------------------------------------------------------------------------------ the jobs


def workshop(folder: str = "jobs", **limits: Any) -> Workshop:
    return Workshop(Path(folder), Limits(**limits), "cpu")


def begin(made: Workshop, recipe: Recipe = SMALL) -> tuple[Job, Iterator[Any]]:
    job = made.open()
    content, style = (job.keep(Path(f"{name}.png"), name) for name in ("content", "style"))
    return job, made.paint(job, content, [Style(picture=style)], recipe)


def test_a_job_tells_of_every_step_and_ends_with_the_result() -> None:
    made = workshop()
    job, views = begin(made)
    *steps, result = views
    assert [view.step.number for view in steps] == [1, 2, 3, 4]
    assert steps[0].preview is not None
    assert isinstance(result, Result)
    assert not job.folder.exists()
    assert b'impasto_paintings_total{how="done"} 1.0' in made.metrics()


def test_a_job_that_is_stopped_keeps_the_best_picture() -> None:
    job, views = begin(workshop(), SMALL.model_copy(update={"steps": 500}))
    assert isinstance(next(views), Painting)
    job.stop.set()
    *_, result = views
    assert isinstance(result, Result)
    assert len(result.history) < 500


def test_a_job_that_nobody_listens_to_any_more_ends() -> None:
    made = workshop()
    job, views = begin(made, SMALL.model_copy(update={"steps": 2000}))
    next(views)
    views.close()  # type: ignore[attr-defined]
    assert job.stop.is_set()
    deadline = time.monotonic() + 30
    while job.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not job.folder.exists()
    assert len(made.queue) == 0


def test_whoever_stops_waiting_makes_room() -> None:
    made = workshop()
    made.queue.enter()
    job, views = begin(made)
    next(views)
    job.stop.set()
    assert all(isinstance(view, Waiting) for view in views)
    assert len(made.queue) == 1
    assert not job.folder.exists()


def test_a_full_queue_leaves_nothing_behind() -> None:
    made = workshop(waiting=1)
    made.queue.enter()
    job, views = begin(made)
    with pytest.raises(InputError, match="The queue is full"):
        list(views)
    assert not job.folder.exists()


def test_whoever_waits_is_told_how_long() -> None:
    made = workshop()
    place = made.queue.enter()
    _, views = begin(made)
    told = next(views)
    assert isinstance(told, Waiting)
    assert told.ahead == 1
    place.leave()
    assert isinstance(list(views)[-1], Result)


def test_a_painting_goes_on_after_the_server_has_ended() -> None:
    recipe = SMALL.model_copy(update={"steps": 60})
    *_, whole = begin(workshop("whole"), recipe)[1]
    assert isinstance(whole, Result)
    made = workshop()
    job, views = begin(made, recipe)
    next(views)
    made.end()
    *_, ended = views
    assert len(ended.history) < 60
    again = workshop()
    assert again.has_unfinished(job.name)
    left = again.take_up(job.name)
    assert left is not None
    assert again.take_up(job.name) is None
    *_, result = again.go_on(left)
    assert isinstance(result, Result)
    assert (result.canvas == whole.canvas).all()
    assert not again.has_unfinished(job.name)


def test_a_resumed_painting_that_its_visitor_stops_leaves_no_pictures_behind() -> None:
    recipe = SMALL.model_copy(update={"steps": 60})
    made = workshop()
    job, views = begin(made, recipe)
    next(views)
    made.end()
    list(views)
    again = workshop()
    left = again.take_up(job.name)
    assert left is not None
    shown = again.go_on(left)
    next(view for view in shown if isinstance(view, Painting))
    left.stop.set()
    *_, result = shown
    assert isinstance(result, Result)
    assert result.stopped is not None
    assert not left.folder.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../jobs", "/etc", "a/b", "none"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    made = workshop()
    assert not made.has_unfinished(name)
    assert made.take_up(name) is None


def test_a_painting_that_cannot_go_on_says_so_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = workshop()
    job, views = begin(made, SMALL.model_copy(update={"steps": 60}))
    next(views)
    made.end()
    list(views)
    (job.folder / "content.png").unlink()
    again = workshop()
    left = again.take_up(job.name)
    assert left is not None
    with pytest.raises(InputError, match="cannot be continued: paint it again"):
        list(again.go_on(left))
    assert "content.png" in caplog.text


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"pixels": 1000}, "The canvas would be 64×48 pixels"),
        ({"pixels": 3100, "style_scale": 2}, "The style picture would be 128×96 pixels"),
        ({"pixels": 3100, "output_size": 640}, "The painting would be 640×480 pixels"),
        ({"steps": 3}, "at most 3 steps, not 4"),
        ({"work": 1e9}, "The painting would take 0.0028 trillion multiplications"),
        ({"work": 3e9, "tile": 16}, "studio does at most 0.003 trillion: choose a smaller size"),
        ({"work": 3e9, "style_loss": "nearest"}, "but this studio does at most 0.003 trillion"),
    ],
)
def test_a_painting_that_is_too_large_is_refused(limits: dict[str, Any], sentence: str) -> None:
    own = {name: limits[name] for name in limits if name in ("pixels", "steps", "work")}
    settings: dict[str, Any] = {name: limits[name] for name in limits if name not in own}
    made = workshop(**own)
    job, views = begin(made, SMALL.model_copy(update=settings))
    with pytest.raises(InputError, match=sentence):
        list(views)
    assert not job.folder.exists()
    assert len(made.queue) == 0


SQUARE = Head((2048, 2048), 3, 3 * 2048 * 2048)
USUAL = Limits()


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(size=2048),
        Recipe(size=2048, tile=256),
        Recipe(size=1024, steps=2500),
        Recipe(size=2048, style_symmetry="all"),
        Recipe(size=2048, style_loss="nearest"),
        Recipe.preset("fine", size=2048),
        Recipe.preset("gatys"),
    ],
    ids=str,
)
def test_what_the_usual_limits_are_for_is_painted(recipe: Recipe) -> None:
    USUAL.check([SQUARE, SQUARE], recipe)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(size=2048, tile=16),
        Recipe(size=2048, tile=16, steps=1),
        Recipe(size=2048, tile=16, steps=1, levels=1, style_symmetry="all"),
        Recipe(size=1024, tile=16, steps=500),
        Recipe(size=2048, tile=64, steps=500),
        Recipe(size=2048, levels=1, steps=2500),
        Recipe(size=2048, levels=1, steps=300, style_loss="sliced"),
        Recipe(size=2048, levels=1, steps=300, style_loss="nearest-cosine"),
    ],
    ids=str,
)
def test_limits_count_work_and_not_steps_and_pixels_alone(recipe: Recipe) -> None:
    with pytest.raises(InputError, match="trillion multiplications"):
        USUAL.check([SQUARE, SQUARE], recipe)


def work_of(styles: int = 1, **settings: Any) -> float:
    return multiplications((256, 192), [(256, 192)] * styles, Recipe(levels=1, **settings))


def test_whatever_takes_longer_counts_as_more_work() -> None:
    usual = work_of()
    assert work_of(steps=100) == pytest.approx(2 * usual, rel=0.02)
    assert work_of(styles=2) > usual
    assert work_of(style_symmetry="all", steps=1) > 2 * work_of(steps=1)
    assert work_of(tile=16) > 20 * work_of(tile=128) > 20 * usual
    for name, loss in STYLE_LOSSES.items():
        assert (work_of(style_loss=name) > usual) == (loss.work != "products")
    assert work_of(content_loss="self-similarity") > usual
    for method in ("nnst", "strotss"):
        assert work_of(method=method) > usual
    assert work_of(style_layers="conv1_1", content_layers="conv1_1") < usual / 20


@pytest.mark.parametrize(
    ("heads", "sentence"),
    [
        ([Head((1000, 1000), 40, 80_000_000)], "has 40 channels, but this studio reads at most 8"),
        (
            [Head((8000, 8000), 3, 192_000_000)],
            "8000×8000 pixels, but this studio reads at most",
        ),
        ([Head((7000, 8000), 8, 896_000_000)], "take 896.0 megabytes in memory, but this studio"),
        ([Head((7000, 7000), 3, 294_000_000)] * 2, "take 588.0 megabytes in memory"),
    ],
)
def test_limits_count_channels_and_bytes_of_all_pictures(heads: list[Head], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        USUAL.check_uploaded(heads)


def deep_tiff(path: str, side: int = 1000, channels: int = 40) -> None:
    pixels = np.zeros((side, side, channels), np.uint16)
    tifffile.imwrite(path, pixels, photometric="rgb", compression="deflate", planarconfig="contig")


@pytest.mark.parametrize("place", ["content", "style", "second"])
def test_no_picture_is_decoded_before_its_limits_are_asked(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = workshop()
    deep_tiff("deep.tif")
    monkeypatch.setattr(images, "read", Mock(side_effect=AssertionError))
    job = made.open()
    paths = {name: job.keep(Path("content.png"), name) for name in ("content", "style", "second")}
    paths[place] = job.keep(Path("deep.tif"), place)
    styles = [Style(picture=paths["style"]), Style(picture=paths["second"])]
    with pytest.raises(InputError, match="has 40 channels"):
        list(made.paint(job, paths["content"], styles, SMALL))


AT_ONCE = 2.0  # seconds
# Of which the targets, and every step, take longer than that.
SLOW = Recipe(size=384, levels=1, steps=4, tile=32)


def entered(patch: pytest.MonkeyPatch, place: Any, name: str) -> threading.Event:
    """What is set once a function is called."""
    event, original = threading.Event(), getattr(place, name)

    def enter(*given: Any, **named: Any) -> Any:
        event.set()
        return original(*given, **named)

    patch.setattr(place, name, enter)
    return event


def seconds_until_ended(job: Job, views: Iterator[Any], event: threading.Event) -> float:
    """How long a painting goes on that is told to end a moment after something has begun."""
    told = []

    def stop() -> None:
        event.wait(60)
        time.sleep(0.2)
        told.append(time.monotonic())
        job.stop.set()

    threading.Thread(target=stop).start()
    with pytest.raises(StoppedError):
        list(views)
    return time.monotonic() - told[0]


def assert_is_let_go(made: Workshop, job: Job) -> None:
    deadline = time.monotonic() + AT_ONCE
    while (len(made.queue) or job.folder.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(made.queue) == 0
    assert not job.folder.exists()


def test_a_painting_ends_at_once_while_its_targets_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = workshop()
    event = entered(monkeypatch, Objective, "__init__")
    job, views = begin(made, SLOW)
    assert seconds_until_ended(job, views, event) < AT_ONCE
    assert_is_let_go(made, job)


def without_end(*_: Any, **__: Any) -> None:
    """Work that goes on until it is to end."""
    while True:
        interrupts.check()
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["content_at", "styles_at", "first"])
def test_a_painting_ends_at_once_wherever_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = workshop()
    monkeypatch.setattr(Canvases, name, without_end)
    event = entered(monkeypatch, Canvases, name)
    job, views = begin(made)
    assert seconds_until_ended(job, views, event) < AT_ONCE
    assert_is_let_go(made, job)


def test_a_painting_ends_at_once_while_a_picture_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = workshop()
    monkeypatch.setattr(images, "read", without_end)
    event = entered(monkeypatch, images, "read")
    job, views = begin(made)
    assert seconds_until_ended(job, views, event) < AT_ONCE
    assert_is_let_go(made, job)


def test_a_decoder_is_given_no_more_of_a_file_once_it_is_to_end() -> None:
    with interrupts.scope(lambda: True), pytest.raises(StoppedError):
        images.read("content.png")


def test_who_ends_a_painting_does_not_wait_for_what_cannot_be_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, event, goes_on = workshop(), threading.Event(), threading.Event()

    def decode(*_: Any, **__: Any) -> None:
        event.set()
        goes_on.wait(30)
        raise StoppedError

    monkeypatch.setattr(images, "read", decode)
    job, views = begin(made)
    assert seconds_until_ended(job, views, event) < AT_ONCE
    goes_on.set()


def test_a_long_step_is_broken_off_and_those_before_it_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, views = begin(workshop())
    assert isinstance(next(views), Painting)
    monkeypatch.setattr(Evaluator, "__call__", without_end)
    time.sleep(0.5)
    began = time.monotonic()
    job.stop.set()
    *_, result = views
    assert isinstance(result, Result)
    assert len(result.history) < 4
    assert result.stopped is not None
    assert time.monotonic() - began < AT_ONCE


def test_the_time_of_a_painting_counts_what_comes_before_its_first_step() -> None:
    made = workshop(seconds=0.5)
    _, views = begin(made, SLOW)
    began = time.monotonic()
    with pytest.raises(StoppedError):
        list(views)
    assert time.monotonic() - began < 0.5 + AT_ONCE
    deadline = time.monotonic() + AT_ONCE
    while len(made.queue) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert b'impasto_paintings_total{how="stopped"} 1.0' in made.metrics()


def test_who_waits_and_gives_up_is_let_go_at_once() -> None:
    made = workshop()
    made.queue.enter()
    job, views = begin(made)
    next(views)
    began = time.monotonic()
    job.stop.set()
    with contextlib.suppress(StoppedError):
        list(views)
    assert time.monotonic() - began < AT_ONCE


def test_a_painting_that_is_given_up_is_not_saved_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, views = begin(workshop(), SMALL.model_copy(update={"steps": 500}))
    next(views)
    job.stop.set()
    monkeypatch.setattr(checkpoint, "write", Mock(side_effect=AssertionError))
    *_, result = views
    assert isinstance(result, Result)


def test_what_was_painted_is_in_files_the_last_of_which_are_kept() -> None:
    *_, result = begin(workshop())[1]
    visit = Visit()
    kept = [visit.keep(result) for _ in range(14)]
    assert len({files[".png"] for files in kept}) == 14
    assert visit.history[0] == kept[-1]["painting"]
    assert len(visit.history) == 12
    assert all(Path(path).exists() for files in kept[2:] for path in files.values())
    assert not any(Path(path).exists() for files in kept[:2] for path in files.values())
    with Image.open(kept[2][".png"]) as image:
        assert "impasto" in image.info
    visit.end()
    assert not any(Path(path).exists() for files in kept for path in files.values())


def test_a_painting_that_takes_too_long_ends_with_the_best_so_far() -> None:
    _, views = begin(workshop(seconds=0.0))
    *_, result = views
    assert len(result.history) == 1


def transparent(name: str) -> None:
    """A picture with a corner that is not seen."""
    pixels = np.full((48, 64, 4), 255, np.uint8)
    pixels[:9, :9, 3] = 0
    Image.fromarray(pixels).save(name)


def test_what_a_visitor_should_know_is_noted_for_them_and_for_nobody_else() -> None:
    made = workshop(waiting=4)
    transparent("content.png")
    one, its_views = begin(made)
    Image.fromarray(content_pixels(48, 64)).save("content.png")
    other, other_views = begin(made)
    for views in (its_views, other_views):
        assert isinstance(list(views)[-1], Result)
    (note,) = one.notes
    told = "The content picture 'content.png' is transparent in places; it is laid on white."
    assert texts.told(note, "en") == told
    assert not other.notes


def test_notes_of_two_threads_do_not_mix() -> None:
    def read(name: str, heard: list[Message]) -> None:
        with heard_by(heard.append):
            for _ in range(20):
                images.read(name)

    transparent("a.png")
    transparent("b.png")
    heard: dict[str, list[Message]] = {"a.png": [], "b.png": []}
    threads = [threading.Thread(target=read, args=each) for each in heard.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, notes in heard.items():
        assert len(notes) == 20
        assert all(f"'{name}'" in str(note) for note in notes)


# -------------------------------------------------------------------------------- the settings


@pytest.mark.parametrize("preset", PRESETS)
def test_the_components_hold_a_whole_recipe(preset: str) -> None:
    recipe = Recipe.preset(preset)
    shown = controls.values_of(recipe)
    again = controls.recipe_of(shown, controls.strength_of(recipe))
    assert again.model_copy(update={"strength": recipe.strength}) == recipe


def test_no_path_comes_in_with_a_recipe() -> None:
    paths = {"initial": "/etc/passwd", "protect": "/etc/shadow", "styles": ["/root/a.png"]}
    Path("recipe.toml").write_text(Recipe(**paths, steps=7).to_toml(), encoding="utf-8")
    for recipe in (
        controls.recipe_in(Path("recipe.toml")),
        controls.recipe_from(Path("recipe.toml").read_text(encoding="utf-8")),
    ):
        assert recipe == Recipe(steps=7)


def test_a_painting_gives_its_recipe_back() -> None:
    flags = ["--size", "64", "--steps", "2", "--levels", "1", "--seed", "5", "--quiet"]
    assert run(["stylize", "content.png", "style.png", "-o", "out.png", *flags]) == 0
    recipe = controls.recipe_in(Path("out.png"))
    assert (recipe.size, recipe.steps, recipe.seed) == (64, 2, 5)


def test_a_recipe_comes_out_of_a_painting_without_its_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = PngInfo()
    text.add_text("impasto", json.dumps({"recipe": {"seed": 5}}))
    Image.new("1", (15_000, 11_000)).save("large.png", pnginfo=text)
    monkeypatch.setattr(PngImageFile, "load", Mock(side_effect=AssertionError))
    assert controls.recipe_in(Path("large.png")).seed == 5


@pytest.mark.parametrize("name", ["content.png", "recipe.toml"])
def test_a_file_without_a_recipe(name: str) -> None:
    Path("recipe.toml").write_text("steps = many", encoding="utf-8")
    with pytest.raises(InputError):
        controls.recipe_in(Path(name))


# ----------------------------------------------------------------------------------- the texts


@pytest.mark.parametrize("key", texts.TEXTS)
def test_every_text_says_the_same_in_both_languages(key: str) -> None:
    english, korean = (
        sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)
        for text in texts.TEXTS[key]
    )
    assert english == korean
    assert all(texts.TEXTS[key])


@pytest.mark.parametrize("name", controls.NAMES)
def test_every_setting_is_explained_in_both_languages(name: str) -> None:
    english, korean = (texts.table(language) for language in LANGUAGES)
    label, explanation = (f"{texts.PREFIX}{kind}-{name}" for kind in ("setting", "explained"))
    assert english[explanation] == texts.HERE.get(name, Recipe.model_fields[name].description)
    for key in (label, explanation):
        assert re.search("[가-힣]", korean[key])
        assert not re.search("[가-힣]", english[key])


def read_picture(data: bytes) -> None:
    Path("some").mkdir()
    Path("some/photo.png").write_bytes(data)
    images.read("some/photo.png", "style picture 2")


def read_large_picture() -> None:
    Image.new("1", (20000, 10000)).save("photo.png")
    images.size_of("photo.png")


RECIPE = "recipe.toml"


def load(text: str) -> None:
    Path("some").mkdir()
    Path("some", RECIPE).write_text(text, encoding="utf-8")
    controls.recipe_in(Path("some", RECIPE))


def enter_full_queue() -> None:
    Queue(0).enter()


def show_first_canvas(name: str) -> None:
    values = controls.values_of(Recipe())
    values[controls.NAMES.index("initial")] = name
    controls.recipe_of(values, 0.5)


def run_out_of_memory() -> None:
    with memory_errors((4000, 3000)):
        raise MemoryError


def paint_what_is_not_finite() -> None:
    recipe = SMALL.model_copy(update={"alpha": 1e300})
    stylize("content.png", "style.png", recipe, device="cpu")


def check(limits: Limits, **settings: Any) -> None:
    limits.check([Head((400, 300), 3, 1), Head((640, 480), 3, 1)], Recipe(**settings))


def has_other_words(told: str, values: tuple[str, ...]) -> bool:
    """Whether there are words in Latin letters in a sentence that are none of its values."""
    return not set(re.findall("[A-Za-z]+", told)) <= set(re.findall("[A-Za-z]+", " ".join(values)))


KINDS = (
    *("JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "HEIC", "AVIF", "JPEG 2000", "JPEG XL"),
    *("PSD", "TGA", "PPM", "PFM", "DNG"),
)
ERRORS: list[tuple[Callable[[], object], tuple[str, ...]]] = [
    (lambda: read_picture(b"no picture at all"), ("photo.png", *KINDS)),
    (lambda: read_picture(b""), ("photo.png",)),
    (read_large_picture, ("photo.png", "178,956,970")),
    (lambda: check(Limits(uploaded=100_000)), ("400×300", "0.1")),
    (lambda: check(Limits(pixels=100_000)), ("512×384", "0.1")),
    (lambda: check(Limits(pixels=200_000), output_size=900), ("900×675", "0.2")),
    (lambda: check(Limits(pixels=200_000), style_scale=2), ("1024×768", "0.2")),
    (lambda: check(Limits(steps=40)), ("50", "40")),
    (lambda: check(Limits(work=1e12)), ("3.3", "1")),
    (lambda: USUAL.check_uploaded([Head((9, 9), 40, 9)]), ("40", "8")),
    (lambda: USUAL.check_uploaded([Head((9, 9), 3, 10**9)]), ("1000.0", "480.0", "8")),
    (lambda: check(Limits(), size=(512, 9)), ("512×9", "400×300", "conv5_1", "16")),
    (enter_full_queue, ("0",)),
    (run_out_of_memory, ("4000×3000",)),
    (paint_what_is_not_finite, ()),
    (lambda: controls.recipe_in(Path("content.png")), ("content.png", "TOML", "impasto")),
    (lambda: load("steps = 0"), (RECIPE, "steps", "0", "1")),
    (lambda: load("steps = = 5"), (RECIPE, "TOML", "Invalid value (at line 1, column 9)")),
    (lambda: load("step = 5"), (RECIPE, "'step'", "steps")),
    (lambda: load("strokes = 5"), (RECIPE, "'strokes'", *Recipe.model_fields)),
    (lambda: Recipe(noise_ratio="2"), ("noise_ratio", "'2'", "1")),
    (lambda: Recipe(style_scale="0"), ("style_scale", "'0'", "0")),
    (lambda: Recipe(steps="many"), ("steps", "'many'")),
    (lambda: Recipe(steps=1.5), ("steps", "1.5")),
    (lambda: Recipe(alpha="a: b"), ("alpha", "'a: b'")),
    (lambda: Recipe(alpha="inf"), ("alpha", "'inf'")),
    (lambda: Recipe(size="big"), ("size", "'big'", "'original'", "512", "512x384")),
    (
        lambda: Recipe(output_size="big"),
        ("output_size", "'big'", "'working', 'content'", "512x384"),
    ),
    (lambda: Recipe(size="0"), ("size", "'0'", "1", "32768")),
    (lambda: Recipe(levels="11"), ("levels", "'11'", "'auto'", "1", "10")),
    (lambda: Recipe(tile="20"), ("tile", "'20'", "'auto', 'off'", "16", "32768")),
    (lambda: Recipe(pooling="min"), ("pooling", "'min'", "'average'", "'max'")),
    (lambda: Recipe(style_loss="grams"), ("style_loss", "'grams'", "gram", *STYLE_LOSSES)),
    (lambda: Recipe(style_loss="sliced", tile=64), ("tile", "64", "'sliced'", "auto")),
    (lambda: Recipe(style_layers="conv9_1"), ("style_layers", "'conv9_1'", "'conv5_1'")),
    (lambda: Recipe(style_layers="sky"), ("style_layers", "'sky'", "conv4_2", "relu1_1", "pool3")),
    (lambda: Recipe(style_layers="conv1_1:-1"), ("style_layers", "'conv1_1:-1'", "conv1_1", "0")),
    (lambda: Recipe(style_layers=","), ("style_layers", "','", "conv4_2")),
    (lambda: Recipe(style_layers=3), ("style_layers", "3", "conv1_1:0.5,conv2_1:1")),
    (lambda: Recipe(alpha=0, beta=0), ("0",)),
    (lambda: Recipe(method="nnst", beta=5), ("'nnst'", "strength")),
    (lambda: Recipe(method="nnst", tile=64), ("tile", "64", "'nnst'", "auto")),
    (
        lambda: styles_of(["a.png", "b.png"], Recipe(method="strotss"), "photo.png"),
        ("'strotss'", "'layers'", "'nnst'"),
    ),
    (
        lambda: styles_of(["a.png", "b.png"], Recipe(style_loss="sliced"), "photo.png"),
        ("'sliced'",),
    ),
    (lambda: Recipe(balance="absolute"), ("balance", "'relative'", "beta", "1000")),
    (lambda: show_first_canvas("sky.png"), ("initial", "'sky.png'", *map(repr, FIRST_CANVASES))),
]


@pytest.mark.parametrize(("fail", "values"), ERRORS)
def test_what_goes_wrong_is_told_in_korean_with_the_same_values(
    fail: Callable[[], object], values: tuple[str, ...]
) -> None:
    with pytest.raises(ImpastoError) as raised:
        fail()
    english, korean = (texts.told(raised.value.message, one) for one in ("en-US", "ko-KR"))
    assert all(value in english and value in korean for value in values)
    assert not has_other_words(korean, values)
    assert re.search("[가-힣]", korean)


def save(name: str, value: int, size: tuple[int, int] = (64, 48)) -> str:
    """A grey picture of one value, by its path from the root."""
    Image.new("L", size, value).save(name)
    return str(Path(name).absolute())


def paint_transparent() -> None:
    transparent("content.png")
    prepare(str(Path("content.png").absolute()), "style.png", SMALL, device="cpu")


def paint_where(mask: str) -> None:
    prepare("content.png", [Style(picture="style.png", mask=mask)], SMALL, device="cpu")


NOTES: list[tuple[Callable[[], object], tuple[str, ...]]] = [
    (paint_transparent, ("content.png",)),
    (lambda: paint_where(save("mask.png", 255)), ("mask.png",)),
    (lambda: paint_where(save("half.png", 128, (20, 10))), ("20×10", "64×48")),
]


@pytest.mark.parametrize(("paint", "values"), NOTES)
def test_what_is_to_be_known_of_a_painting_is_told_in_both_languages_without_folders(
    paint: Callable[[], object], values: tuple[str, ...]
) -> None:
    notes: list[Message] = []
    with heard_by(notes.append):
        paint()
    (note,) = notes
    english, korean = (texts.told(note, one) for one in ("en", "ko"))
    assert all(value in english and value in korean for value in values)
    assert "/" not in english + korean
    assert not has_other_words(korean, values)
    assert re.search("[가-힣]", korean)


@pytest.mark.parametrize(
    ("message", "english", "korean"),
    [
        (
            Message("recipe.in-file", path=Path("/a/b.toml"), error=InputError("memory.ran-out")),
            "In the recipe 'b.toml': ",
            "레시피 'b.toml': ",
        ),
        (
            Message("recipe.unreadable", path="/a/b.toml", reason=Message("recipe.not-utf8")),
            "The recipe 'b.toml' cannot be read: it is not UTF-8 text.",
            "레시피 'b.toml' 파일을 읽을 수 없습니다: UTF-8 텍스트가 아닙니다.",
        ),
        (
            Message(
                "recipe.in-file",
                path="/a/b.toml",
                error=InputError("input.empty", what="mask", path="/c/d.png"),
            ),
            "In the recipe 'b.toml': The mask 'd.png' is empty.",
            "레시피 'b.toml': 마스크 'd.png': 빈 파일입니다.",
        ),
    ],
)
def test_no_folder_is_told(message: Message, english: str, korean: str) -> None:
    assert texts.told(message, "en").startswith(english)
    assert texts.told(message, "ko").startswith(korean)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_visitor_is_told_what_a_visitor_can_do(language: str) -> None:
    for own, code in texts.FOR_VISITORS.items():
        values = dict.fromkeys(fields(catalogue("en")[own]), 640)
        told = texts.told(Message(own, **values), language)
        assert told == Message(code, **values).text(language)
        assert "--" not in told


# --------------------------------------------------------------------------------- the service


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    limits = Limits(bytes=2_000_000, uploaded=1_000_000, pixels=100_000, steps=50)
    with running(tmp_path_factory.mktemp("studio"), limits) as (address, _):
        yield address


FEW = 'size = 64\nsteps = 2\ncontent_layers = "conv2_1"\nstyle_layers = "conv1_1"'


def call(address: str, recipe: str = FEW, content: str = "content.png") -> Path:
    client = Client(address, verbose=False)
    pictures = handle_file(content), handle_file("style.png")
    return Path(client.predict(*pictures, recipe, api_name="/paint"))


def test_another_program_gets_a_painting(studio: str) -> None:
    with Image.open(call(studio)) as painting:
        assert painting.size == (64, 48)
        assert json.loads(painting.text["impasto"])["recipe"]["steps"] == 2  # type: ignore[attr-defined]


def test_another_program_gets_what_is_to_be_known_with_the_painting(studio: str) -> None:
    transparent("content.png")
    client = Client(studio, verbose=False, download_files=False)
    pictures = handle_file("content.png"), handle_file("style.png")
    note = "The content picture 'content.png' is transparent in places; it is laid on white."
    assert client.predict(*pictures, FEW, api_name="/paint")["notes"] == [note]
    plain = client.predict(pictures[1], pictures[1], FEW, api_name="/paint")
    assert "notes" not in plain


@pytest.mark.parametrize(
    ("recipe", "content", "sentence"),
    [
        ("steps = 0", "content.png", "steps cannot be 0"),
        ("steps =", "content.png", "not valid TOML"),
        ("size = 64\nsteps = 5000", "content.png", "at most 50 steps, not 5000"),
        ("size = 4000", "content.png", "this studio paints at most 0.1 megapixels"),
        ("", "broken.png", "is damaged or not a picture"),
        ("size = 64", "large.png", "2000×1000 pixels, but this studio reads at most 1.0"),
    ],
)
def test_what_cannot_be_painted_is_told_in_one_sentence(
    studio: str, recipe: str, content: str, sentence: str
) -> None:
    Path("broken.png").write_bytes(b"no picture at all")
    Image.new("RGB", (2000, 1000)).save("large.png")
    with pytest.raises(AppError, match=sentence):
        call(studio, recipe, content)


def test_no_region_is_read_that_is_larger_than_what_is_painted_over() -> None:
    Image.new("RGBA", (EDITED, EDITED)).save("whole.png")
    Image.new("RGBA", (EDITED + 1, 1)).save("large.png")
    painted = editor(type="numpy", image_mode="RGBA")

    def read(path: str) -> Any:
        return painted.preprocess(EditorData(layers=[FileData(path=str(Path(path).absolute()))]))

    assert read("whole.png")["layers"][0].shape == (EDITED, EDITED, 4)
    with pytest.raises(gr.Error, match="on at most 800 pixels a side"):
        read("large.png")


def test_no_region_is_read_that_has_more_layers_than_an_editor() -> None:
    Image.new("RGBA", (9, 9)).save("layer.png")
    layer = FileData(path=str(Path("layer.png").absolute()))
    painted = editor(type="numpy", image_mode="RGBA")
    read = painted.preprocess(EditorData(layers=[layer] * 4))
    assert read is not None
    assert len(read["layers"]) == 4
    with pytest.raises(gr.Error, match="on at most 4 layers"):
        painted.preprocess(EditorData(layers=[layer] * 5))


def sent(index: int | None, size: int = 9, name: str = "a") -> Any:
    data = {"type": "layer", "index": index, "id": name}
    return SimpleNamespace(data=data, files=[("blob", bytes(size))])


def test_what_an_editor_sends_does_not_fill_the_memory() -> None:
    painted = editor(type="numpy", image_mode="RGBA")
    for number in range(300):
        painted.accept_blobs(sent(0, name=str(number)))
    assert len(painted.blob_storage) == MOST_KEPT
    for wrong in (sent(10**9), sent(-1), sent(0, size=5_000_000)):
        with pytest.raises(ValueError, match="not a layer"):
            painted.accept_blobs(wrong)


def test_it_says_that_it_is_well_and_what_it_has_done(studio: str) -> None:
    assert httpx.get(f"{studio}/healthz").json()["status"] == "ok"
    assert "impasto_queue" in httpx.get(f"{studio}/metrics").text


VISITORS = ("anna", "secret")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("closed"), auth=VISITORS) as (address, _):
        yield address


def every_route() -> list[tuple[str, str]]:
    """Method and path of everything that a studio may answer."""
    app = application(Workshop(Path("jobs"), Limits(), "cpu"), VISITORS)
    found = set()
    for route in [*app.routes, *gradio_in(app).routes]:
        for method in getattr(route, "methods", None) or ():
            found.add((method, re.sub(r"{[^}]*}", "x", route.path)))  # type: ignore[attr-defined]
    return sorted(found)


def test_nothing_is_answered_without_the_password_but_what_the_page_to_sign_in_needs(
    closed: str,
) -> None:
    answered = set()
    with httpx.Client(base_url=closed, timeout=20) as web:
        for method, path in every_route():
            if web.request(method, path).status_code != 401:
                answered.add(path)
    assert "/healthz" in answered
    assert {path for path in answered if not path.startswith(guards.OPEN_FOLDERS)} <= {
        *guards.OPEN,
        "/pwa_icon/x",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/config",
        "/docs",
        "/openapi.json",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/queue/data?session_hash=x",
        "/gradio_api/call/paint/x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/heartbeat/x",
        "/gradio_api/app_id",
        "/monitoring",
        "//metrics",
        "/assets/../metrics",
        "/%2e/metrics",
    ],
)
def test_who_has_not_signed_in_gets_nothing(closed: str, path: str) -> None:
    answer = httpx.get(closed + path)
    assert answer.status_code == 401
    assert "impasto_" not in answer.text


def test_the_page_to_sign_in_does_not_say_what_can_be_called(closed: str) -> None:
    assert "/paint" not in httpx.get(closed).text


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, 401),
        (VISITORS, 200),
        (("anna", "wrong"), 401),
        (("anna", ""), 401),
        (("", ""), 401),
        (("bert", "secret"), 401),
    ],
)
def test_prometheus_gives_the_password_for_the_metrics(
    closed: str, given: tuple[str, str] | None, code: int
) -> None:
    answer = httpx.get(f"{closed}/metrics", auth=given)
    assert answer.status_code == code
    assert ("impasto_queue" in answer.text) == (code == 200)
    assert answer.headers.get("www-authenticate", "Basic").startswith("Basic")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Bearer secret", "Basic \xff", "a" * 5000])
def test_what_is_no_password_lets_nobody_in(closed: str, header: str) -> None:
    headers = {b"authorization": header.encode("latin-1")}
    assert httpx.get(f"{closed}/metrics", headers=headers).status_code == 401


def test_who_signs_in_is_let_in(closed: str) -> None:
    with httpx.Client(base_url=closed) as web:
        wrong = web.post("/login", data={"username": "anna", "password": "wrong"})
        assert wrong.status_code == 400
        assert web.get("/config").status_code == 401
        web.post("/login", data={"username": "anna", "password": "secret"}).raise_for_status()
        assert web.get("/config").status_code == 200
        assert web.get("/metrics").status_code == 200


def test_a_program_signs_in_and_gets_a_painting(closed: str) -> None:
    client = Client(closed, auth=VISITORS, verbose=False)
    pictures = handle_file("content.png"), handle_file("style.png")
    painting = client.predict(*pictures, FEW, api_name="/paint")
    assert Path(painting).suffix == ".png"


# Method, path, and the one answer to it.
HOSTILE = [
    ("GET", "/gradio_api/file=/etc/passwd", 403),
    ("GET", "/gradio_api/file=../../../../etc/passwd", 404),
    ("GET", "/gradio_api/file=%2e%2e%2f%2e%2e%2fetc%2fpasswd", 403),
    ("GET", "/gradio_api/file=/proc/self/environ", 403),
    ("GET", "/file=/etc/passwd", 404),
    ("GET", "/static/../../etc/passwd", 404),
    ("GET", "/assets/..%2f..%2f..%2fetc%2fpasswd", 403),
    ("GET", "/theme.css/../../etc/passwd", 404),
    ("GET", "/gradio_api/stream/none/none/none/playlist.m3u8", 404),
    ("GET", "/gradio_api/call/paint/none", 404),
    ("GET", "/" + "a" * 5000, 404),
    ("POST", "/gradio_api/call/paint", 400),
    ("POST", "/gradio_api/queue/join", 400),
    ("POST", "/gradio_api/upload", 400),
    ("POST", "/gradio_api/run/none", 400),
    ("PUT", "/healthz", 404),
    ("DELETE", "/", 405),
]


@pytest.mark.parametrize(
    ("method", "path", "code"), HOSTILE, ids=[path[:50] for _, path, _ in HOSTILE]
)
def test_a_hostile_request_gets_nothing_and_harms_nobody(
    studio: str, method: str, path: str, code: int
) -> None:
    body: Any = {} if method == "GET" else {"content": b'{"data": [1, 2, {"path": "/etc/passwd"}'}
    answer = httpx.request(method, studio + path, timeout=20, **body)
    assert answer.status_code == code
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text
    assert httpx.get(f"{studio}/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/etc/passwd", "secret.png", "http://127.0.0.1:1/a.png", "../a"])
@pytest.mark.parametrize("where", ["call/paint", "queue/join"])
def test_no_file_of_the_server_and_no_address_is_a_picture(
    studio: str, path: str, where: str, tmp_path: Path
) -> None:
    Image.fromarray(content_pixels(48, 64)).save("secret.png")
    path = str(tmp_path / path) if path == "secret.png" else path
    data = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for function in httpx.get(f"{studio}/config").json()["dependencies"]:
        asked = {"data": [data, data, ""], "fn_index": function["id"], "session_hash": "x"}
        answer = httpx.post(f"{studio}/gradio_api/{where}", json=asked)
        assert answer.status_code == 403
        assert str(tmp_path) not in answer.text


def test_an_upload_that_is_too_large_is_refused(studio: str) -> None:
    files = {"files": ("large.png", b"x" * 3_000_000)}
    assert httpx.post(f"{studio}/gradio_api/upload", files=files).status_code == 413


# ---------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--host", "0.0.0.0"), "Others can reach the studio at 0.0.0.0: give --auth"),
        (("--host", "::"), "Others can reach the studio at ::: give --auth"),
        (("--auth", "anna"), "--auth takes a name and a password"),
        (("--auth", ":secret"), "--auth takes a name and a password"),
        (("--auth", "a:b", "--auth-file", "auth"), "--auth and --auth-file set the same"),
        (("--auth-file", "auth"), "The file 'auth' of --auth-file cannot be read: No such file"),
        (("--auth-file", "."), "The file '.' of --auth-file cannot be read: Is a directory"),
        (("--auth-file", "content.png"), "The file 'content.png' of --auth-file should hold a"),
    ],
)
def test_a_studio_is_not_open_by_accident(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["studio", *flags]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--device", "abacus"), "There is no device 'abacus'"),
        (("--max-megabytes", "inf"), "--max-megabytes"),
        (("--max-megapixels", "nan"), "--max-megapixels"),
        (("--max-upload-megapixels", "inf"), "--max-upload-megapixels"),
    ],
)
def test_a_studio_without_a_device_or_a_limit_is_not_opened(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["studio", "--port", "0", *flags]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_the_file_of_name_and_password_is_no_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert run(["studio", "--auth-file", "pipe"]) == 2
    assert "it is a device or a pipe" in capsys.readouterr().err


def test_an_uploaded_picture_that_is_gone_is_told(tmp_path: Path) -> None:
    job = Workshop(tmp_path, Limits(), "cpu").open()
    with pytest.raises(InputError, match=r"file 'gone.png' is no longer there: upload it"):
        job.keep(tmp_path / "gone.png", "content")


@pytest.mark.parametrize("text", ["", "anna", "anna:", "anna:a\nb"])
def test_a_variable_without_name_and_password_opens_no_studio(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMPASTO_STUDIO_AUTH", text)
    assert run(["studio", "--open"]) == 2
    assert "IMPASTO_STUDIO_AUTH takes a name and a password" in capsys.readouterr().err


def test_name_and_password_come_from_flag_file_or_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert opening.credentials(None, None) is None
    monkeypatch.setenv("IMPASTO_STUDIO_AUTH", "anna:from the environment")
    Path("auth").write_text("anna:from: a file\n", encoding="utf-8")
    assert opening.credentials(None, None) == ("anna", "from the environment")
    assert opening.credentials(None, Path("auth")) == ("anna", "from: a file")
    assert opening.credentials("anna:from the flag", None) == ("anna", "from the flag")


@pytest.fixture
def taken() -> Iterator[str]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield str(other.getsockname()[1])


def test_a_port_that_is_in_use_is_told_in_one_sentence(
    taken: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["studio", "--port", taken]) == 2
    assert capfd.readouterr().err == (
        f"impasto: Port {taken} of 127.0.0.1 is in use: choose another with --port, or use "
        "--port 0 for any free one.\n"
    )


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("nobody.invalid", "There is no host 'nobody.invalid': give --host"),
        ("..", "There is no host '..': give --host"),
        ("", "--host is empty"),
        ("a\0b", r"There is no host 'a\x00b': give --host"),
        ("x" * 300, "There is no host 'xxx"),
        ("203.0.113.1", "203.0.113.1 is not an address of this machine: give --host one that is"),
        ("2001:db8::1", "2001:db8::1 is not an address of this machine: give --host one that is"),
    ],
)
def test_a_host_that_is_not_of_this_machine_is_told_in_one_sentence(
    host: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["studio", "--host", host, "--port", "0", "--open"]) == 2
    told = capfd.readouterr().err
    assert told.startswith(f"impasto: {sentence}")
    assert told.count("\n") == 1


def test_a_port_that_is_not_for_everybody_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(socket, "create_server", Mock(side_effect=PermissionError(13, "no")))
    assert run(["studio", "--port", "80"]) == 2
    assert capfd.readouterr().err == (
        "impasto: This user may not use port 80 of 127.0.0.1: choose one from 1024 up with "
        "--port.\n"
    )


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("XDG_CACHE_HOME", "what is being painted"),
        ("HOME", "what is being painted"),
        ("GRADIO_TEMP_DIR", "uploads"),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_told_in_one_sentence(
    variable: str, said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if variable == "HOME":
        monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv(variable, str(Path("content.png").absolute()))
    assert run(["studio", "--port", "0"]) == 2
    told = capfd.readouterr().err
    assert told.startswith(f"impasto: The studio keeps {said} in '")
    assert "content.png" in told
    assert told.count("\n") == 1


def test_where_no_temporary_file_can_be_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "gettempdir", Mock(side_effect=FileNotFoundError(2, "none")))
        assert run(["studio", "--port", "0"]) == 2
    assert "set TMPDIR to a writable folder.\n" in capfd.readouterr().err


def test_a_temporary_folder_that_is_a_file_is_done_without() -> None:
    env = {**os.environ, "TMPDIR": str(Path("content.png").absolute())}
    code = "from impasto.studio.opening import folder_of_jobs; print(folder_of_jobs())"
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert ran.stdout.endswith(b"studio\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_before_the_studio_is_open_ends_it_with_a_sentence(
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(opening, "folder_of_jobs", lambda: signal.raise_signal(number))
    assert run(["studio", "--port", "0"]) == code
    assert capfd.readouterr().err == "The studio is closed.\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_an_address_is_told_as_a_browser_takes_it(host: str) -> None:
    address = opening.Address.of(host, 0)
    assert address.is_local
    with address.listen() as listener:
        told = httpx.URL(address.url(listener))
        assert told.host == host.strip("[]")
        with socket.create_connection((told.host, told.port or 0), timeout=5):
            pass


def test_a_studio_says_where_it_is_once_it_answers_and_ends_at_a_hang_up() -> None:
    command = [sys.executable, "-m", "impasto", "studio", "--port", "0"]
    env = {**os.environ, "MPLBACKEND": "module://none", "IMPASTO_STUDIO_AUTH": "anna:secret"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stderr is not None
        told = re.fullmatch(r"The studio is at (\S+) \(.+\)\.\n", process.stderr.readline())
        assert told is not None
        assert httpx.get(f"{told[1]}/healthz", timeout=10).status_code == 200
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=30) == 129
        assert process.stderr.read() == "The studio is closed.\n"
