"""Painters in the studio: training one and painting with one, as jobs in the queue."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto import Painter, Recipe
from impasto.errors import InputError, StoppedError
from impasto.painters import file as files
from impasto.painters.applying import LearnedPainting
from impasto.painters.network import Shape
from impasto.pictures import samples
from impasto.studio import painters, texts
from impasto.studio.job import Job
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.painters import (
    CHECKPOINT,
    TRAINING,
    PainterOrder,
    TrainedPainter,
    TrainingOrder,
    TrainingView,
)
from impasto.studio.visits import KEPT, Visit
from painter_files import random_network, random_painter

SMALL = Recipe(size=64, content_layers="conv2_1", style_layers="conv1_1")
SECOND = 1 / 60  # minutes
OUTPUT = "learned.safetensors"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(style_pixels(48, 64)).save("oil.png")
    Image.fromarray(style_pixels(64, 48)).save("ink.png")
    Image.fromarray(content_pixels(48, 64)).save("photo.png")
    random_painter().save("two.safetensors")
    monkeypatch.setattr(samples, "photographs", lambda: [Path("photo.png").absolute()])
    monkeypatch.setattr(painters, "VIEW_EVERY", 0.0)


def workshop(**limits: Any) -> Workshop:
    return Workshop(Path("jobs").absolute(), Limits(**limits), "cpu")


def begin(
    made: Workshop, minutes: float = SECOND, styles: tuple[str, ...] = ("oil.png",)
) -> tuple[Job, Iterator[Any]]:
    job = made.open()
    kept = [job.keep(Path(name), f"style-{n}/{Path(name).stem}") for n, name in enumerate(styles)]
    order = TrainingOrder(kept, SMALL, minutes, job.keep(Path("photo.png"), "content"))
    return job, made.train(job, order, Path(OUTPUT).absolute())


def learning(views: Iterator[Any], steps: int = 1) -> TrainingView:
    """The first view of a training with so many steps."""
    return next(view for view in views if isinstance(view, TrainingView) and view.step >= steps)


def until_over(made: Workshop) -> None:
    by = time.monotonic() + 20
    while made.jobs and time.monotonic() < by:
        time.sleep(0.02)
    assert not made.jobs


# -------------------------------------------------------------------------------- training one


def test_a_painter_is_trained_for_its_time_and_can_be_loaded() -> None:
    made = workshop()
    job, views = begin(made, styles=("oil.png", "ink.png"))
    *told, trained = views
    assert isinstance(trained, TrainedPainter)
    assert trained.is_whole
    assert trained.seconds >= 1
    painter = Painter.load(OUTPUT)
    assert painter.styles == trained.styles == ("oil", "ink")
    assert painter.about.steps == trained.steps > 1
    assert painter.recipe.style_layers == SMALL.style_layers
    shares = [view.share for view in told if isinstance(view, TrainingView)]
    assert shares == sorted(shares)
    assert not job.folder.exists()
    assert b'impasto_paintings_total{how="done"} 1.0' in made.metrics()
    assert [note.code for note in job.notes] == ["painter.own-photos"]


def test_who_waits_sees_the_photograph_as_it_is_painted_now_and_the_time_left() -> None:
    job, views = begin(workshop())
    view = learning(views)
    assert view.preview is not None
    assert view.preview.size == (64, 48)
    assert 0 < view.share < 1
    assert view.left > 0
    assert view.loss > 0
    job.stop.set()
    list(views)


def test_samples_take_a_small_share_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    paint = Painter.painted

    def slowly(self: Painter, *given: Any) -> Any:
        time.sleep(0.05)
        return paint(self, *given)

    monkeypatch.setattr(Painter, "painted", slowly)
    *told, _ = begin(workshop())[1]
    previews = [view for view in told if isinstance(view, TrainingView) and view.preview]
    assert 1 <= len(previews) <= 3


def test_a_training_that_is_stopped_keeps_the_painter_as_it_is() -> None:
    made = workshop()
    job, views = begin(made, minutes=10)
    learning(views, 3)
    job.stop.set()
    *_, trained = views
    assert not trained.is_whole
    assert Painter.load(OUTPUT).about.steps == trained.steps >= 3
    assert not job.folder.exists()
    assert b'impasto_paintings_total{how="stopped"} 1.0' in made.metrics()


def test_a_training_takes_its_minutes_beyond_the_time_limit_of_a_painting() -> None:
    job, views = begin(workshop(seconds=5), minutes=10)
    learning(views)
    assert 590 < job.until - time.monotonic() < 605
    job.stop.set()
    list(views)


def test_who_waits_behind_a_training_is_told_how_long_it_takes() -> None:
    made = workshop()
    job, views = begin(made, minutes=10)
    learning(views)
    second = made.queue.enter()
    assert 300 < second.expected() < 700
    second.leave()
    job.stop.set()
    list(views)
    until_over(made)
    assert made.queue.enter().expected() == 0


def test_a_full_queue_takes_no_training() -> None:
    made = workshop(waiting=1)
    made.queue.enter()
    with pytest.raises(InputError, match="The queue is full"):
        list(begin(made)[1])


def test_a_training_goes_on_after_the_server_was_stopped() -> None:
    stopped = workshop()
    job, views = begin(stopped, minutes=2 * SECOND)
    before = learning(views, 5).step
    stopped.end()
    with pytest.raises(StoppedError):
        list(views)
    until_over(stopped)
    assert (job.folder / CHECKPOINT).is_file()
    made = workshop()
    again = made.take_up(job.name)
    assert again is not None
    assert again.is_training
    going: Iterator[Any] = made.train(
        again, TrainingOrder.load(again.folder), Path(OUTPUT).absolute()
    )
    assert learning(going).step > before
    *_, trained = going
    assert trained.is_whole
    assert 2 <= trained.seconds < 3
    until_over(made)
    assert not again.folder.exists()


def test_an_order_is_read_as_it_was_saved() -> None:
    folder = Path().absolute()
    order = TrainingOrder([folder / "oil.png"], SMALL, 2.5, folder / "photo.png")
    order.save(folder)
    assert TrainingOrder.load(folder) == order


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"styles": 3, "recipe": {}})])
def test_an_order_that_is_damaged_cannot_be_continued(text: str) -> None:
    Path(TRAINING).write_text(text)
    with pytest.raises(InputError, match="cannot be continued"):
        TrainingOrder.load(Path())


def refused(check: Callable[[], object]) -> str:
    """The English sentence with which something is refused; there is a Korean one too."""
    with pytest.raises(InputError) as error:
        check()
    both = [texts.told(error.value.message, language) for language in ("en", "ko")]
    assert all(str(Path.cwd()) not in one for one in both)
    assert both[0] != both[1]
    return both[0]


@pytest.mark.parametrize(
    ("limits", "settings", "minutes", "sentence"),
    [
        ({"minutes": 5}, {}, 6, "a painter learns for at most 5 minutes, not 6"),
        ({"minutes": 0}, {}, 1, "This studio trains no painters"),
        ({}, {}, 0, "not 0"),
        ({}, {}, float("nan"), "not nan"),
        ({}, {"method": "nnst"}, 1, "cannot learn the method 'nnst'"),
        ({}, {"size": "original"}, 1, "trained at a size in pixels"),
        ({}, {"color": "content"}, 1, "set color to 'style' to train it"),
        ({"pixels": 3000}, {}, 1, "paints at most 0.0 megapixels"),
        ({"uploaded": 3000}, {}, 1, "reads at most 0.0 megapixels"),
    ],
)
def test_what_cannot_be_learned_gets_a_sentence(
    limits: dict[str, Any], settings: dict[str, Any], minutes: float, sentence: str
) -> None:
    recipe = Recipe(**{**SMALL.model_dump(exclude_unset=True), **settings})
    order = TrainingOrder([Path("oil.png")], recipe, minutes)
    assert sentence in refused(lambda: painters.check(order, Limits(**limits)))


def test_without_photographs_nothing_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> list[Path]:
        raise InputError("painter.no-own-photos")

    monkeypatch.setattr(samples, "photographs", missing)
    assert not painters.can_be_trained(Limits())
    order = TrainingOrder([Path("oil.png")], SMALL, 1)
    assert "trains no painters" in refused(lambda: painters.check(order, Limits()))


# --------------------------------------------------------------------------- painting with one


def paint(made: Workshop, recipe: Recipe = SMALL, **given: Any) -> list[Any]:
    job = made.open()
    painter = Path(given.pop("painter", "two.safetensors"))
    kept = job.keep(Path("photo.png"), "content"), job.keep(painter, f"painter/{painter.stem}")
    return list(made.paint_with_painter(job, PainterOrder(*kept, recipe, 0.8, **given)))


def test_a_photograph_is_painted_by_a_painter_in_the_chosen_style() -> None:
    made = workshop()
    paintings = [paint(made, style=style)[-1] for style in ("", "oil", "ink", "oil:0.5,ink:0.5")]
    assert all(isinstance(one, LearnedPainting) for one in paintings)
    assert [one.size for one in paintings] == [(64, 48)] * 4
    expected = Painter.load("two.safetensors").paint(
        "photo.png", style="ink", strength=0.8, size=64
    )
    assert np.array_equal(paintings[2].canvas, expected.canvas)
    assert np.array_equal(paintings[0].canvas, paintings[1].canvas)
    assert paintings[3].mixture == {"oil": 0.5, "ink": 0.5}
    assert paintings[0].metadata()["painter"]["name"] == "two.safetensors"
    assert not list(Path("jobs").iterdir())


def test_the_size_and_the_colours_of_the_settings_hold_for_a_painter() -> None:
    (*_, painted) = paint(workshop(), Recipe(size=(80, 40), color="content"))
    assert painted.size == (80, 40)
    assert painted.color == "content"


def check_painting(
    painter: str = "two.safetensors", style: str = "", recipe: Recipe = SMALL, **limits: Any
) -> str:
    order = PainterOrder(Path("photo.png"), Path(painter), recipe, 0.5, style)
    return refused(lambda: painters.check_painting(order, Limits(**limits)))


def test_what_is_no_painter_gets_a_sentence() -> None:
    whole = Path("two.safetensors").read_bytes()
    Path("cut.safetensors").write_bytes(whole[:-100])
    Path("changed.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    Path("text.safetensors").write_text("no painter\n")
    Path("painter.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    safetensors.torch.save_file({"a": torch.zeros(2)}, "other.safetensors")
    assert "is damaged, or is not a safetensors file" in check_painting("cut.safetensors")
    assert "'changed.safetensors' is damaged" in check_painting("changed.safetensors")
    assert "is not a safetensors file" in check_painting("text.safetensors")
    assert "is an ONNX model" in check_painting("painter.onnx")
    assert "is not a painter that impasto has trained" in check_painting("other.safetensors")
    assert "is not a safetensors file" in check_painting("photo.png")


def test_what_a_painter_cannot_paint_gets_a_sentence() -> None:
    assert "has no style 'ik' (styles: oil, ink)" in check_painting(style="ik")
    assert "color cannot be 'match'" in check_painting(recipe=Recipe(size=64, color="match"))
    assert "paints at most" in check_painting(pixels=3000)
    assert "reads at most" in check_painting(uploaded=3000)
    made = workshop()
    with pytest.raises(InputError, match="a painter needs 16 pixels a side"):
        paint(made, Recipe(size=(64, 8)))
    assert not made.jobs


def test_a_painter_with_a_huge_network_is_refused_before_it_takes_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = Shape(2, (65, 6, 8), 1)
    about = random_painter().about.model_copy(update={"channels": large.channels})
    network = type(random_network())(large)
    swatches = torch.zeros(2, files.SWATCH, files.SWATCH, 3, dtype=torch.uint8)
    files.write(Path("large.safetensors"), about, network, swatches)
    assert "network is larger than this studio allows" in check_painting("large.safetensors")
    states = about.model_copy(update={"channels": (1024, 1024, 1024), "blocks": 64})
    files.write(Path("states.safetensors"), states, random_network(), swatches)
    monkeypatch.setattr(torch.nn.init, "kaiming_normal_", _only_meta)
    assert "'states.safetensors' is damaged" in check_painting("states.safetensors")


def _only_meta(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.is_meta, "a network was made as large as the file states"
    return tensor


def test_painting_with_a_painter_says_little_of_how_long_others_wait() -> None:
    made = workshop()
    made.queue.enter().leave(50.0)
    paint(made)
    made.queue.enter()
    assert made.queue.enter().expected() == 50


def test_the_painters_of_a_visit_have_names_of_their_own_and_go_with_it() -> None:
    visit = Visit()
    first = visit.next_painter(["oil", "ink"])
    assert first.name == "oil-ink.safetensors"
    first.write_bytes(b"painter")
    visit.painters[first.stem] = str(first)
    assert visit.next_painter(["oil", "ink"]).name == "oil-ink-2.safetensors"
    assert len(visit.next_painter(["x" * 200]).name) < 100
    visit.end()
    assert not first.exists()


def test_a_painter_named_like_a_painting_outlives_that() -> None:
    visit = Visit()
    painter = visit.next_painter(["painting-1"])
    painter.write_bytes(b"painter")
    for _ in range(KEPT + 2):
        place = visit.next_place().with_suffix(".png")
        place.write_bytes(b"painting")
        visit.remember(str(place))
    assert len(visit.history) == KEPT
    assert painter.exists()
    visit.end()
