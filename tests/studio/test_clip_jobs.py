"""A clip given to the studio in place of a photograph: its limits, its job, and its page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

from clip_files import frame_pixels, frames_in, slowly, sound_in, write_clip, write_sound_only
from conftest import style_pixels
from impasto import Recipe
from impasto.errors import InputError, StoppedError
from impasto.pictures import images
from impasto.settings.style import Style
from impasto.studio import clips, painters, texts
from impasto.studio.clips import ORDER, ClipOrder, ClipResult, ClipView
from impasto.studio.job import Job
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.page import Page
from impasto.studio.visits import KEPT, Visit
from impasto.video import keyframes
from impasto.video.reading import look
from impasto.video.working import WORK
from painter_files import random_painter

SMALL = Recipe(size=64, levels=1, steps=4, content_layers="conv2_1", style_layers="conv1_1")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(style_pixels(48, 64)).save("style.png")


def workshop(**limits: Any) -> Workshop:
    return Workshop(Path("jobs"), Limits(**limits), "cpu")


def begin(made: Workshop, clip: Path, recipe: Recipe = SMALL) -> tuple[Job, Iterator[Any]]:
    job = made.open()
    styles = [Style(picture=job.keep(Path("style.png"), "style"))]
    order = ClipOrder(job.keep(clip, "clip"), styles, recipe)
    return job, made.paint_clip(job, order, Path("painted.mp4").absolute())


def until_over(made: Workshop) -> None:
    by = time.monotonic() + 20
    while made.jobs and time.monotonic() < by:
        time.sleep(0.02)
    assert not made.jobs


def test_a_clip_is_painted_by_a_painter() -> None:
    write_clip("clip.mp4")
    random_painter().save("two.safetensors")
    made = workshop()
    job = made.open()
    styles = painters.as_styles(job.keep(Path("two.safetensors"), "painter"), "ink", made.limits)
    order = ClipOrder(job.keep(Path("clip.mp4"), "clip"), styles, SMALL)
    (*_, done) = made.paint_clip(job, order, Path("painted.mp4").absolute())
    assert isinstance(done, ClipResult)
    assert done.is_whole
    alone = np.asarray(random_painter().paint(frame_pixels(0), style="ink").image).astype(int)
    assert np.abs(frames_in("painted.mp4")[0] - alone).mean() < 12  # both clips are compressed


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"frames": 3}, "at most 3"), ({"pixels": 1000}, "pixels")],
)
def test_a_clip_for_a_painter_has_the_limits_of_others(
    limits: dict[str, int], message: str
) -> None:
    write_clip("clip.mp4")
    random_painter().save("two.safetensors")
    made = workshop(**limits)
    order = ClipOrder(Path("clip.mp4"), [Style(picture="two.safetensors")], SMALL)
    with pytest.raises(InputError, match=message):
        made.check_clip(order)


def test_a_clip_of_a_painter_is_not_written_larger_than_the_limit() -> None:
    write_clip("clip.mp4")
    random_painter().save("two.safetensors")
    recipe = SMALL.model_copy(update={"output_size": 30000})
    order = ClipOrder(Path("clip.mp4"), [Style(picture="two.safetensors")], recipe)
    with pytest.raises(InputError, match="The painting would be 30000"):
        workshop().check_clip(order)


def test_a_clip_of_huge_frames_is_refused_before_one_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Any) -> None:
        pytest.fail("a frame was decoded")

    monkeypatch.setattr(clips, "first_frame", fail)
    path = write_clip("clip.mp4")
    studio = Page(workshop(uploaded=1000))
    with pytest.raises(gr.Error, match="pixels"):
        studio.beforehand.look_at_clip("en", str(path))


# --------------------------------------------------------------------------------- the limits


def check(clip: Path, recipe: Recipe = SMALL, **limits: Any) -> None:
    Limits(**limits).check_clip(look(clip), [images.described("style.png")], recipe)


def test_a_clip_that_is_too_long_is_told_how_long_it_may_be() -> None:
    clip = write_clip("clip.mp4", 50)
    check(clip, frames=50)
    sentence = r"has 50 frames \(2\.0 s\), but this studio paints at most 40 \(1\.6 s\)"
    with pytest.raises(InputError, match=sentence):
        check(clip, frames=40)


def test_settings_that_take_much_work_shorten_what_a_clip_may_be() -> None:
    clip = write_clip("clip.mp4", 50)
    with pytest.raises(InputError, match="with these settings") as refused:
        check(clip, work=1e10)
    most = refused.value.message.values["most"]
    assert 1 <= most < 50
    check(write_clip("short.mp4", most), work=1e10)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"uploaded": 3000}, "studio.upload-too-large"),
        ({"pixels": 3000}, "studio.too-large"),
        ({"steps": 3}, "studio.too-many-steps"),
        ({"work": 1e6}, "studio.too-much-work"),
    ],
)
def test_the_limits_of_a_picture_hold_for_a_frame(limits: dict[str, Any], code: str) -> None:
    clip = write_clip("clip.mp4", 2)
    with pytest.raises(InputError) as refused:
        check(clip, **limits)
    assert refused.value.code == code


# ------------------------------------------------------------------------------------ the job


def test_a_clip_is_painted_by_keyframes_and_keeps_its_sound() -> None:
    clip = write_clip("clip.mp4", 5, sound=True)
    made = workshop()
    job, views = begin(made, clip)
    *told, result = views
    assert isinstance(result, ClipResult)
    assert result.is_whole
    assert (result.clip.method, result.clip.frames, result.clip.size) == ("keyframes", 5, (64, 48))
    assert len(frames_in("painted.mp4")) == 5
    assert len(sound_in("painted.mp4")) == 1
    stages = [view.stage for view in told if isinstance(view, ClipView)]
    assert list(dict.fromkeys(stages)) == ["reading", "painting", "writing"]
    assert not job.folder.exists()
    assert b'impasto_paintings_total{how="done"} 1.0' in made.metrics()


def test_instant_paints_every_frame_alone() -> None:
    pytest.importorskip("onnxruntime")
    *_, result = begin(workshop(), write_clip("clip.mp4", 2), Recipe.preset("instant", size=64))[1]
    assert result.clip.method == "single"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyframes, "paint", slowly)
    monkeypatch.setattr(clips, "VIEW_EVERY", 0.0)


def painting(views: Iterator[Any], frames: int) -> ClipView:
    """The first view with so many painted frames."""
    return next(
        view
        for view in views
        if isinstance(view, ClipView) and view.preview and view.frames >= frames
    )


@pytest.mark.usefixtures("slow")
def test_who_waits_sees_the_frames_and_the_time_left() -> None:
    _, views = begin(workshop(), write_clip("clip.mp4", 20))
    view = painting(views, 3)
    assert view.count == 20
    assert view.preview is not None
    assert view.preview.size == (64, 48)
    assert view.left is not None
    assert 0 < view.left < 20


@pytest.mark.usefixtures("slow")
def test_a_clip_that_is_stopped_gives_its_beginning_with_its_sound() -> None:
    made = workshop()
    job, views = begin(made, write_clip("clip.mp4", 40, sound=True))
    painting(views, 3)
    job.stop.set()
    *_, result = views
    assert isinstance(result, ClipResult)
    assert not result.is_whole
    assert 3 <= result.clip.frames < 40
    assert len(frames_in("painted.mp4")) == result.clip.frames
    ((_, seconds, _),) = sound_in("painted.mp4")
    assert seconds == pytest.approx(result.clip.seconds, abs=0.1)
    assert not job.folder.exists()
    assert b'impasto_paintings_total{how="stopped"} 1.0' in made.metrics()


@pytest.mark.usefixtures("slow")
def test_a_clip_ends_at_the_time_limit_with_its_beginning() -> None:
    _, views = begin(workshop(seconds=0.5), write_clip("clip.mp4", 100))
    *_, result = views
    assert 1 <= result.clip.frames < 100


@pytest.mark.usefixtures("slow")
def test_a_clip_that_is_stopped_before_its_first_frame_gives_nothing() -> None:
    job, views = begin(workshop(), write_clip("clip.mp4", 5))
    next(view for view in views if isinstance(view, ClipView))
    job.stop.set()
    with pytest.raises(StoppedError):
        for _ in views:
            pass
    assert not Path("painted.mp4").exists()


def stopped_after_three_frames(count: int) -> Job:
    """The job of a clip of so many frames, whose server was stopped when three were painted."""
    stopped = workshop()
    job, views = begin(stopped, write_clip("clip.mp4", count))
    painting(views, 3)
    stopped.end()
    with pytest.raises(StoppedError):
        list(views)
    until_over(stopped)
    return job


@pytest.mark.usefixtures("slow")
def test_a_clip_goes_on_after_the_server_was_stopped() -> None:
    job = stopped_after_three_frames(8)
    painted = list((job.folder / clips.WORKING / "painted").glob("*.png"))
    assert len(painted) >= 3
    kept = [file.stat().st_mtime_ns for file in painted]
    made = workshop()
    again = made.take_up(job.name)
    assert again is not None
    while_painting = made.go_on_with_clip(again, Path("painted.mp4").absolute())
    painting(while_painting, 3)
    assert [file.stat().st_mtime_ns for file in painted] == kept
    *_, result = while_painting
    assert isinstance(result, ClipResult)
    assert result.is_whole
    until_over(made)
    assert not again.folder.exists()
    assert not made.has_unfinished(job.name)


@pytest.mark.usefixtures("slow")
def test_a_clip_that_another_version_began_is_painted_from_its_beginning() -> None:
    job = stopped_after_three_frames(5)
    work = job.folder / clips.WORKING / WORK
    work.write_text(json.dumps({**json.loads(work.read_text()), "version of impasto": "0.0"}))
    first = job.folder / clips.WORKING / "painted" / "000001.png"
    first.write_bytes(b"of another version")
    made = workshop()
    again = made.take_up(job.name)
    assert again is not None
    *_, result = made.go_on_with_clip(again, Path("painted.mp4").absolute())
    assert isinstance(result, ClipResult)
    assert result.is_whole


def test_an_order_that_is_damaged_cannot_be_continued() -> None:
    Path(ORDER).write_text(json.dumps({"clip": "clip.mp4"}))
    with pytest.raises(InputError, match="cannot be continued"):
        ClipOrder.load(Path())


def test_more_frames_than_the_file_says_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip("clip.mp4", 9)
    says = look

    def lies(path: Any, *rest: Any) -> Any:
        from dataclasses import replace

        return replace(says(path, *rest), count=2)

    monkeypatch.setattr(clips, "look", lies)
    monkeypatch.setattr("impasto.video.planning.look", lies)
    with pytest.raises(InputError, match="paints at most 5"):
        list(begin(workshop(frames=5), clip)[1])


# ------------------------------------------------------------------- what cannot be painted


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        clips.check(ClipOrder(path, [Style(picture="style.png")], SMALL), Limits())
    both = [texts.told(error.value.message, language) for language in ("en", "ko")]
    assert all(str(path.parent.absolute()) not in one for one in both)
    assert both[0] != both[1]
    return both[0]


def test_what_is_no_clip_gets_a_sentence() -> None:
    Path("text.mp4").write_text("no film\n" * 100)
    Path("broken.mp4").write_bytes(write_clip("whole.mp4", 3).read_bytes()[:200])
    for name in ("text.mp4", "broken.mp4"):
        assert f"The clip '{name}' is damaged or not a clip that this studio reads" in refused(
            Path(name)
        )
    assert "has sound, but no pictures" in refused(write_sound_only("sound.m4a"))
    assert "is a single picture, not a clip" in refused(Path("style.png"))


def test_without_the_extra_a_clip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip("clip.mp4", 2)
    monkeypatch.setattr(clips, "is_installed", lambda: False)
    assert refused(clip) == "This studio paints no clips: choose a photograph."


def test_a_visit_keeps_its_last_paintings() -> None:
    visit = Visit()
    places = [visit.next_place() for _ in range(KEPT + 1)]
    for place in places:
        for name in (f"{place.name}.png", f"{place.name}.tif", f"{place.name}-photograph.png"):
            place.with_name(name).touch()
        visit.remember(f"{place}.png")
    assert visit.history == [f"{place}.png" for place in reversed(places[1:])]
    left = {
        file.name.split(".")[0].removesuffix("-photograph") for file in places[0].parent.iterdir()
    }
    assert left == {place.name for place in places[1:]}
    visit.end()


def test_the_painted_clips_of_a_visit_are_removed_with_it() -> None:
    visit = Visit()
    file = visit.next_place().with_suffix(".mp4")
    file.write_bytes(b"film")
    visit.end()
    assert not file.exists()
