"""A clip from end to end: planned, painted, interrupted and continued."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tracemalloc
import warnings
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

import impasto
from clip_files import frame_pixels, frames_in, times_in, write_clip
from conftest import style_pixels
from impasto import ImpastoWarning, InputError, Recipe, StoppedError, VideoStep, stylize_video
from impasto.pictures.inputs import named
from impasto.video import methods, planning, working
from impasto.video.reading import look, shots

SHALLOW: dict[str, Any] = {
    "content_layers": "conv1_1",
    "style_layers": "conv1_1",
    "levels": 1,
    "steps": 2,
}


@pytest.fixture(autouse=True)
def _clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a clip and a style, and a method that takes no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(methods.METHODS, "negative", "clip_files:negative")
    write_clip("clip.mp4", sound=True)
    Image.fromarray(style_pixels(48, 64)).save("style.png")


def paint(clip: str = "clip.mp4", output: str | None = "out.mp4", **changes: Any) -> Any:
    return stylize_video(clip, "style.png", output=output, **{"method": "negative", **changes})


class TestNotices:
    def test_what_is_so_of_every_frame_is_said_once(self) -> None:
        Image.new("L", (10, 10), 255).save("mask.png")
        Path("dark").mkdir()
        for number in range(3):
            Image.new("RGB", (64, 48), (number, 3, 3)).save(f"dark/{number}.png")
        settings = {"method": "keyframes", "protect": "mask.png", "output": "out/", **SHALLOW}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            stylize_video("dark", "style.png", device="cpu", **settings)
        texts = [str(one.message) for one in told if issubclass(one.category, ImpastoWarning)]
        assert len([text for text in texts if "stretched" in text]) == 1
        assert not [text for text in texts if "nearly black" in text]

    def test_masks_are_not_cropped_with_a_clip(self) -> None:
        Image.new("L", (64, 48), 255).save("mask.png")
        with pytest.raises(InputError, match="crop the clip and the masks beforehand"):
            paint(size=(48, 48), content_fit="crop", protect="mask.png")

    def test_a_clip_that_is_cropped_has_the_shape_that_is_asked_for(self) -> None:
        made = paint(size=48, output_size=(40, 40), content_fit="crop")
        assert made.size == (40, 40)

    def test_what_a_painter_cannot_learn_is_said_before_a_frame_is_read(self) -> None:
        with pytest.raises(InputError, match="leave weights, layers and masks of styles out"):
            stylize_video("clip.mp4", ["style.png:0.7", "style.png:0.3"], method="learned")
        assert not [*Path().glob("*.working")]


class TestPainting:
    def test_every_frame_is_painted_at_its_time(self) -> None:
        made = paint()
        assert (made.path, made.size, made.frames, made.rate) == (Path("out.mp4"), (64, 48), 5, 25)
        assert times_in("out.mp4") == times_in("clip.mp4")
        expected = 255 - np.stack([frame_pixels(number) for number in range(5)]).astype(float)
        assert np.abs(np.stack(frames_in("out.mp4")) - expected)[:, 30:, 40:].max() < 8

    def test_the_progress_is_shown_if_it_is_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        heard: list[int] = []
        paint()
        assert capsys.readouterr() == ("", "")
        paint(progress=True, on_step=lambda step: heard.append(step.frames))
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.splitlines()[0] == "Reading 5 frames"
        assert "Painting 5/5 frames, 100%, 0 s left" in shown.err
        assert heard[-1] == 5

    def test_progress_is_shown_or_not(self) -> None:
        with pytest.raises(InputError, match="progress should be True or False, not 'bar'"):
            paint(progress="bar")

    def test_a_name_that_is_no_unicode_is_no_obstacle(self) -> None:
        name = os.fsdecode(b"Mot\xf6r.mp4")
        shutil.copy("clip.mp4", name)
        planned = planning.plan(
            planning.Request(Path(name), named("style.png"), Recipe(), Path("out.mp4"))
        )
        assert json.loads(planned.text)["content"]["name"] == name
        assert planned.text.isascii()

    @pytest.mark.parametrize("output", [".", ".."])
    def test_frames_are_written_into_the_current_folder_or_the_one_above(
        self, output: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("out").mkdir()
        write_clip("silent.mp4")
        monkeypatch.chdir("out")
        stylize_video("../silent.mp4", "../style.png", output=output, method="negative")
        assert len(list(Path(output).glob("*.png"))) >= 5
        assert not list(Path("..").glob("*.working"))

    def test_a_folder_with_a_dot_in_its_name(self) -> None:
        Path("frames_29.97fps").mkdir()
        Image.fromarray(frame_pixels(0)).save("frames_29.97fps/a.png")
        assert paint("frames_29.97fps", None).path.name == "frames_29.97fps-painting"

    def test_what_the_method_learned_has_kept_is_removed_too(self) -> None:
        folder = working.Working(Path("out.working"), {})
        folder.begin()
        for name in (working.PAINTER, working.TRAINING, working.TIMES):
            (folder.folder / name).touch()
        (folder.folder / f".{working.TIMES}.{32 * 'a'}.part").touch()  # of a killed process
        folder.remove()
        assert not folder.folder.exists()

    def test_the_working_folder_is_removed(self) -> None:
        paint()
        assert not Path("out.mp4.working").exists()

    def test_a_clip_is_written_beside_the_old_one(self) -> None:
        assert paint(output=None).path == Path("clip-painting.mp4")

    def test_a_folder_of_frames_goes_into_a_folder(self) -> None:
        Path("frames").mkdir()
        for name in ("a.png", "b.png"):
            Image.fromarray(frame_pixels(0)).save(f"frames/{name}")
        made = paint("frames", None)
        assert made.path.name == "frames-painting"
        assert sorted(path.name for path in made.path.iterdir()) == ["a.png", "b.png"]

    def test_a_folder_of_frames_becomes_a_film_at_its_rate(self) -> None:
        Path("frames").mkdir()
        for number in range(3):
            Image.fromarray(frame_pixels(number)).save(f"frames/{number}.png")
        assert paint("frames", rate=12.5).seconds == 3 / 12.5
        assert times_in("out.mp4")[-1] == Fraction(3 * 2, 25)

    @pytest.mark.parametrize("name", ["out.gif", "out.webm", "out.mkv", "out.mov", "out.webp"])
    def test_every_format(self, name: str) -> None:
        if name in ("out.gif", "out.webp"):
            with pytest.warns(ImpastoWarning, match="sound is left out"):
                made = paint(output=name)
        elif name == "out.webm":
            with pytest.warns(ImpastoWarning, match="encoded again"):
                made = paint(output=name)
        else:
            made = paint(output=name)
        assert made.path.stat().st_size > 100

    def test_a_part_of_the_clip(self) -> None:
        assert paint(start="0:00.08", end=0.16).frames == 2
        assert times_in("out.mp4") == [0, Fraction(1, 25), Fraction(2, 25)]

    def test_single_frames_have_the_bytes_of_their_pictures_painted_alone(self) -> None:
        write_clip("clip.mp4", 2)
        made = paint(output="out", method="single", size=48, device="cpu", **SHALLOW)
        assert made.size == (48, 36)
        recipe = Recipe(size=(48, 36), **SHALLOW)
        frames = [np.array(Image.open(path)) for path in sorted(Path("out").iterdir())]
        for shot, frame in zip(shots(look("clip.mp4"), (48, 36)), frames, strict=True):
            alone = impasto.stylize(shot.pixels, "style.png", recipe, device="cpu")
            assert (frame == np.asarray(alone.image)).all()

    def test_the_new_clip_carries_what_made_it(self) -> None:
        paint(strength=0.7)
        with av.open("out.mp4") as container:
            carried = json.loads(container.metadata["comment"])
        assert (carried["video"], carried["recipe"]["strength"]) == ("negative", 0.7)
        assert carried["content"]["name"] == "clip.mp4"
        assert carried["style"]["name"] == "style.png"

    def test_style_pictures_can_be_in_memory(self) -> None:
        style = style_pixels(48, 64)
        made = stylize_video("clip.mp4", style, output="out.mp4", method="negative")
        assert made.frames == 5


class TestSizes:
    def test_a_small_clip_keeps_its_size(self) -> None:
        assert paint().size == (64, 48)

    def test_a_size_that_is_asked_for_enlarges_it(self) -> None:
        assert paint(size=96).size == (96, 72)
        assert paint(recipe=Recipe(size=96)).size == (96, 72)

    def test_odd_sides_become_even_and_are_noted(self) -> None:
        with pytest.warns(ImpastoWarning, match="63×47 becomes 64×48, since .* even sides"):
            assert paint(size=(63, 47)).size == (64, 48)

    def test_frames_in_a_folder_may_be_odd(self) -> None:
        write_clip("clip.mp4")
        assert paint(output="out", size=(63, 47)).size == (63, 47)

    def test_the_new_clip_can_have_the_size_of_the_old_one(self) -> None:
        assert paint(size=32, output_size="content").size == (64, 48)


class TestInterruption:
    def stopping_after(self, count: int) -> Any:
        return lambda step: step.frames < count

    def test_a_stop_keeps_what_is_painted(self) -> None:
        with pytest.raises(StoppedError, match=r"2 of 5 frames are painted.*'out\.mp4\.working'"):
            paint(on_step=self.stopping_after(2))
        assert not Path("out.mp4").exists()

    def test_the_same_call_continues_with_what_is_missing(self) -> None:
        with pytest.raises(StoppedError):
            paint(on_step=self.stopping_after(2))
        mark = np.full((48, 64, 3), 9, np.uint8)
        Image.fromarray(mark).save("out.mp4.working/painted/000001.png")
        steps: list[VideoStep] = []
        paint(on_step=steps.append)
        assert np.abs(frames_in("out.mp4")[0].astype(int) - 9).max() < 4
        assert steps[-1] == VideoStep(5, 1.0)

    def test_frames_are_the_same_with_and_without_an_interruption(self) -> None:
        settings: dict[str, Any] = {"method": "single", "size": 48, "device": "cpu", **SHALLOW}
        write_clip("clip.mp4", 3)
        with pytest.raises(StoppedError):
            paint(output="stopped", on_step=self.stopping_after(1), **settings)
        paint(output="stopped", **settings)
        paint(output="whole", **settings)
        for path in Path("whole").iterdir():
            assert path.read_bytes() == Path("stopped", path.name).read_bytes()

    def test_a_killed_process_continues(self) -> None:
        program = (
            "import os, sys, impasto\n"
            "from impasto.video import methods\n"
            "sys.path.insert(0, sys.argv[1])\n"
            "methods.METHODS['negative'] = 'clip_files:negative'\n"
            "stop = lambda step: os.kill(os.getpid(), 9) if step.frames == 3 else None\n"
            "impasto.stylize_video('clip.mp4', 'style.png', output='out.mp4', method='negative',\n"
            "                      on_step=stop)\n"
        )
        tests = str(Path(__file__).parents[1])
        done = subprocess.run([sys.executable, "-c", program, tests], check=False)
        assert done.returncode == -9
        assert len(list(Path("out.mp4.working/painted").iterdir())) == 3
        assert paint().frames == 5

    def test_reading_begins_again_if_it_was_interrupted(self) -> None:
        with pytest.raises(StoppedError):
            paint(on_step=self.stopping_after(2))
        Path("out.mp4.working/times.json").unlink()
        Path("out.mp4.working/source/000003.png").unlink()
        assert paint().frames == 5

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"method": "single"}, "method"),
            ({"start": 0.04}, "part of the clip"),
            ({"strength": 0.8}, r"other settings \(strength\)"),
            ({"size": 32}, "different value of: size"),
            ({"clip": "other.mp4"}, "different value of: clip"),
            ({"style": "other.png"}, "different value of: styles"),
        ],
    )
    def test_other_arguments_do_not_continue_it(self, changes: dict[str, Any], what: str) -> None:
        write_clip("other.mp4", 4)
        Image.fromarray(frame_pixels(0)).save("other.png")
        with pytest.raises(StoppedError):
            paint(on_step=self.stopping_after(2))
        given: dict[str, Any] = {
            "clip": "clip.mp4",
            "style": "style.png",
            "method": "negative",
            **changes,
        }
        with pytest.raises(InputError, match=what):
            stylize_video(output="out.mp4", **given)
        assert len(list(Path("out.mp4.working/painted").iterdir())) == 2

    def test_a_folder_of_the_user_s_is_left_alone(self) -> None:
        Path("mine").mkdir()
        Path("mine/letter.txt").write_text("Dear")
        with pytest.raises(InputError, match="working folder 'mine' holds other files"):
            paint(working="mine")
        assert Path("mine/letter.txt").read_text() == "Dear"

    def test_a_call_that_was_killed_while_it_began_is_begun_anew(self) -> None:
        Path("mine").mkdir()
        Path(f"mine/.{working.WORK}.{32 * 'a'}.part").write_text('{"cl')
        assert paint(working="mine").path.exists()

    def test_a_damaged_working_folder(self) -> None:
        with pytest.raises(StoppedError):
            paint(on_step=self.stopping_after(2))
        Path("out.mp4.working/work.json").write_text("{")
        with pytest.raises(InputError, match=r"is damaged or cannot be read .*remove it"):
            paint()


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"method": "singel"}, "no method 'singel' for clips .*did you mean 'single'"),
            ({"start": "x"}, "start cannot be 'x': give a time from 0 on"),
            ({"start": 1, "end": 1}, "lies no time"),
            ({"output": "clip.mp4"}, "'clip.mp4' is an input of this run too"),
            ({"output": "style.png"}, r"should end in \.mp4"),
            ({"rate": 0}, "rate cannot be 0"),
            ({"clip": "frames", "rate": 0.0004}, "rate cannot be 0.0004"),
            ({"rate": 12}, "has a rate of its own"),
            ({"crf": 99}, "rate factor cannot be 99"),
            ({"size": 8}, "choose a larger size"),
            ({"stepps": 5}, "no setting 'stepps'.*did you mean 'steps'"),
            ({"on_step": 5}, "on_step"),
            ({"preset": "instant", "method": "keyframes"}, "cannot paint a frame from the one be"),
            ({"preset": "instant", "method": "optimised"}, "cannot paint a frame from the one be"),
            ({"preset": "instant", "method": "learned"}, "cannot learn the method 'instant'"),
            ({"preset": "fine", "method": "learned"}, "cannot learn the method 'even-nnst'"),
        ],
    )
    def test_what_cannot_be_used(self, changes: dict[str, Any], sentence: str) -> None:
        before = sorted(Path().iterdir())
        with pytest.raises(InputError, match=sentence):
            paint(**changes)
        assert sorted(Path().iterdir()) == before

    def test_no_style(self) -> None:
        with pytest.raises(InputError, match="There is no style picture"):
            stylize_video("clip.mp4", output="out.mp4", method="negative")

    def test_weights_that_are_not_there_leave_nothing_behind(self) -> None:
        with pytest.raises(InputError, match=r"missing\.pth"):
            paint(method="single", weights="missing.pth")
        assert not Path("out.mp4.working").exists()

    def test_without_pyav(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(InputError, match=r"pip install 'impasto\[video\]'"):
            paint()

    def test_a_disk_without_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        full = SimpleNamespace(free=10_000)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
        with pytest.raises(
            InputError, match=r"5 frames need about 61\.4 kB .* the disk has 10 kB left"
        ):
            paint()
        assert not Path("out.mp4.working").exists()

    def test_the_room_is_enough_for_the_frames(self) -> None:
        with pytest.raises(StoppedError):
            paint(on_step=lambda step: step.frames < 5)
        there = sum(path.stat().st_size for path in Path("out.mp4.working").rglob("*.png"))
        assert there < working.bytes_of(5, (64, 48))


def test_frames_are_never_all_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def peak(count: int) -> int:
        write_clip("clip.mp4", count, size=(160, 120))
        tracemalloc.start()
        paint(output=f"{count}.mp4")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # imports what is imported at the first use
    assert peak(40) < peak(10) + 5 * 160 * 120 * 3
