"""The studio's page without a browser: what its buttons begin, and what it then shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.route_utils import delete_files_created_by_app
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.errors import InputError, StoppedError
from impasto.painters import file as files
from impasto.painters.file import StyleName
from impasto.pictures import samples
from impasto.settings.style import Style
from impasto.studio import beforehand, inputs, painters
from impasto.studio.clips import ClipOrder
from impasto.studio.editor import Film
from impasto.studio.inputs import CLIP, PAINTER, PHOTOGRAPH
from impasto.studio.job import Job
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.page import Page
from impasto.studio.painters import TrainedPainter, TrainingOrder
from impasto.studio.server import SESSIONS, application, gradio_in
from impasto.studio.starting import Starting
from impasto.studio.visits import Visit
from impasto.video.painter_style import learned_style
from painter_files import random_network, random_painter

SMALL = Recipe(size=64, content_layers="conv2_1", style_layers="conv1_1", steps=60, levels=1)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(content_pixels(48, 64)).save("photo.png")
    Image.fromarray(style_pixels(48, 64)).save("oil.png")


@pytest.fixture
def page() -> Page:
    return Page(Workshop(Path("jobs").absolute(), Limits(waiting=2), "cpu"))


def started(page: Page) -> Starting:
    return Starting(page.workshop, page.outputs, threading.Lock())


def with_painter(page: Page, painter: Path, kind: str = PHOTOGRAPH) -> list[Any]:
    """What the page sends if a photograph or a clip is painted with a painter."""
    chosen = {
        "kind": kind,
        "content": "photo.png",
        "clip": "clip.mp4",
        "weight": 1,
        "preset": PAINTER,
        "painter": str(painter),
    }
    names = list(inputs.Chosen.__dataclass_fields__)[: len(page.inputs.chosen)]
    return [*map(chosen.get, names), *inputs.settings_of_preset("default")]


def shown(views: Iterator[dict[Any, Any]]) -> dict[Any, Any]:
    """What the page shows in the end."""
    *_, last = views
    return last


def is_visible(update: Any) -> Any:
    """Whether an update shows a component; updates are plain values within a call of the page."""
    return update["visible"] if isinstance(update, dict) else update.visible


# ------------------------------------------------------------------------------------ painters


def crafted(path: Path, style: str) -> None:
    """A painter whose first style has the name of a file."""
    about = random_painter().about
    names = [StyleName(name=style, sha256="a" * 64), about.styles[1]]
    swatches = random_painter()._swatches
    files.write(path, about.model_copy(update={"styles": names}), random_network(), swatches)


@pytest.mark.skipif(find_spec("av") is None, reason="needs PyAV")
def test_the_styles_of_a_painter_under_another_name_are_not_read_as_files(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = Path("oil.png").absolute()
    crafted(Path("paint.tga"), str(secret))
    Path("clip.mp4").write_bytes(b"")
    checked: list[ClipOrder] = []

    def check(order: ClipOrder) -> None:
        checked.append(order)
        raise InputError("studio.no-clips")

    monkeypatch.setattr(page.workshop, "check_clip", check)
    values = with_painter(page, Path("paint.tga"), CLIP)
    with pytest.raises(gr.Error):
        shown(started(page).paint_chosen(None, "en", *values))
    learned = learned_style(checked[0].styles)
    assert learned is not None
    assert learned.mixture == {str(secret): 1.0}


def test_what_is_not_named_like_a_painter_stands_for_no_styles() -> None:
    random_painter().save("two.safetensors")
    Path("two.safetensors").rename("two.tga")
    with pytest.raises(InputError, match=r"'two\.tga' is not a painter"):
        painters.as_styles(Path("two.tga"), "", Limits())


def test_a_painter_of_this_visit_paints_after_its_copy_is_gone(page: Page) -> None:
    visit = Visit()
    own = visit.next_painter(["two"])
    random_painter().save(own)
    visit.painters["two"] = str(own)
    values = with_painter(page, Path("gone", "two.safetensors"))
    last = shown(started(page).paint_chosen(visit, "en", *values))
    assert last[page.outputs.status].startswith("Painted")
    visit.end()


def test_a_trained_painter_is_chosen_to_paint(page: Page) -> None:
    random_painter().save("oil.safetensors")
    sample = Image.new("RGB", (64, 48))
    made = TrainedPainter(Path("oil.safetensors"), ("oil",), 3, 1.0, True, sample)
    last = shown(page.outputs.show(Visit(), "en", page.workshop.open(), iter([made])))
    assert last[page.inputs.preset] == PAINTER
    assert set(last) <= set(page.outputs.components)


# ----------------------------------------------------------------------- interrupted paintings


@pytest.fixture
def left() -> str:
    """The name of a painting that a stopped server has left."""
    made = Workshop(Path("jobs").absolute(), Limits(), "cpu")
    job = made.open()
    style = Style(picture=job.keep(Path("oil.png"), "style"))
    views = made.paint(job, job.keep(Path("photo.png"), "content"), [style], SMALL)
    next(views)
    made.end()
    list(views)
    return job.name


def test_a_painting_that_a_full_queue_refuses_can_be_continued_again(page: Page, left: str) -> None:
    places = [page.workshop.queue.enter() for _ in range(2)]
    last = shown(started(page).go_on(None, "en", left))
    assert "The queue is full" in last[page.outputs.status]
    assert last[page.unfinished] == left
    assert is_visible(last[page.inputs.go_on])
    for place in places:
        place.leave()
    visit = Visit()
    last = shown(started(page).go_on(visit, "en", left))
    assert len(visit.history) == 1
    assert last[page.unfinished] == ""
    visit.end()


def test_a_painting_that_is_stopped_while_it_waits_can_be_continued_again(
    page: Page, left: str
) -> None:
    page.workshop.queue.enter()
    visit = Visit()
    views = started(page).go_on(visit, "en", left)
    next(views)
    assert visit.job is not None
    visit.job.stop.set()
    last = shown(views)
    sentence = "Stopped. What was done before is saved: continue it when you like."
    assert last[page.outputs.status] == sentence
    assert last[page.unfinished] == left
    assert is_visible(last[page.inputs.go_on])


def test_a_painting_that_waits_is_saved_when_the_server_stops(page: Page, left: str) -> None:
    page.workshop.queue.enter()
    views = started(page).go_on(None, "en", left)
    next(views)
    page.workshop.end()
    last = shown(views)
    assert last[page.outputs.status].startswith("The studio is stopping. Your painting is saved")
    assert last[page.unfinished] == left
    assert not is_visible(last[page.inputs.go_on])


def test_a_program_is_not_told_to_continue_a_painting(page: Page) -> None:
    long = SMALL.model_copy(update={"steps": 2000})
    views = page.service._serve("photo.png", "oil.png", long.to_toml())
    next(views)
    page.workshop.end()
    with pytest.raises(gr.Error, match="is not finished: send the pictures again later"):
        list(views)


def test_a_new_painting_that_is_stopped_while_it_waits_is_not_saved(page: Page) -> None:
    def stopped() -> Iterator[Any]:
        raise StoppedError("painter.stopped")
        yield

    job = page.workshop.open()
    TrainingOrder([], SMALL, 1).save(job.folder)
    last = shown(page.outputs.show(Visit(), "en", job, stopped()))
    assert last[page.outputs.status].startswith("Stopped before the first step")
    assert last[page.unfinished] == ""
    assert not is_visible(last[page.inputs.go_on])


# ----------------------------------------------------------------------------- the quick preview


@pytest.mark.parametrize(("known", "is_late"), [(1, False), (0, True)])
def test_a_preview_of_pictures_chosen_before_a_painting_began_is_not_shown(
    page: Page, known: int, is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beforehand, "glimpse", lambda *_: Image.new("RGB", (64, 48)))
    chosen = PHOTOGRAPH, "default", "photo.png", "oil.png", 0.5
    updates = page.beforehand.glimpse(Visit(begun=1), known, "en", *chosen)
    assert is_visible(updates[page.outputs.glimpse]) is not is_late
    assert (page.outputs.painting in updates) is not is_late


def test_a_preview_that_is_finished_after_a_painting_began_is_not_shown(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = Visit()

    def slow(*_: Any) -> Image.Image:
        visit.begin(Job(Path()))
        visit.job = None
        return Image.new("RGB", (64, 48))

    monkeypatch.setattr(beforehand, "glimpse", slow)
    chosen = PHOTOGRAPH, "default", "photo.png", "oil.png", 0.5
    updates = page.beforehand.glimpse(visit, 0, "en", *chosen)
    assert not is_visible(updates[page.outputs.glimpse])


# ----------------------------------------------------------------------------- Gradio's settings


def test_gradio_takes_the_threads_and_the_sessions_of_the_studio() -> None:
    app = application(Workshop(Path("jobs").absolute(), Limits(waiting=40), "cpu"))
    blocks = gradio_in(app).get_blocks()
    assert blocks._queue.max_thread_count == 120
    assert gradio_in(app).state_holder.capacity == SESSIONS


def test_files_stay_for_a_day_and_our_styles_for_longer(page: Page) -> None:
    assert page.blocks.delete_cache == (3600, 86400)
    shown = page.inputs.style
    for name in samples.STYLES:
        style = shown.postprocess(inputs.our_style(name))
        moved = gr.processing_utils.move_files_to_cache(style, shown, postprocess=True)
        assert moved["path"] in shown.temp_files
    upload = str(shown.move_resource_to_block_cache("oil.png"))
    delete_files_created_by_app(page.blocks, age=None)
    assert all(Path(path).exists() for path in shown.keep_in_cache)
    assert len(shown.keep_in_cache) == len(samples.STYLES)
    assert not Path(upload).exists()


def test_no_other_program_converts_a_film(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    film = page.outputs.film
    again = type(film)(**{**film.constructor_args, "render": False})  # what an update makes
    assert isinstance(again, Film)
    assert again.get_block_name() == "video"
    monkeypatch.setattr(gr.processing_utils, "ffmpeg_installed", lambda: 1 / 0)
    written = again.postprocess("painted.mp4")
    assert written is not None
    assert (written.path, written.orig_name) == ("painted.mp4", "painted.mp4")
    assert not Path(gr.utils.__file__).with_name("editor.pyi").exists()
