"""Clips as they are written: frames, times, sizes and sound."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from clip_files import (
    frame_pixels,
    frames_in,
    sound_in,
    times_in,
    write_clip,
)
from impasto import ImpastoWarning, InputError
from impasto.video import sound
from impasto.video.clip import Clip, Part, Times, times_of
from impasto.video.encoding import FORMS, check_target, write
from impasto.video.reading import look, shots

FRAMES = [frame_pixels(number) for number in range(5)]
SIZE = (64, 48)
MILLISECOND = Fraction(1, 1000)
STEADY = Times((0, 1, 2, 3, 4), 5, Fraction(1, 25), Fraction(0), Fraction(25))
UNEVEN = Times((0, 40, 60, 200, 900), 1000, MILLISECOND, Fraction(0), Fraction(5))

# A clip for each container, at a rate of its own or with uneven times.
UNEVENLY: dict[str, Any] = {
    "ticks": (0, 40, 60, 200, 300, 420, 900, 1000),
    "time_base": MILLISECOND,
}
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "film": ("a.mp4", {"rate": Fraction(24000, 1001)}),
    "phone": ("a.mov", {"rate": Fraction(30)}),
    "uneven": ("a.mkv", UNEVENLY),
    "uneven MP4": ("a.mp4", UNEVENLY),
    "web": ("a.webm", {"rate": Fraction(25)}),
    "old": ("a.avi", {"rate": Fraction(15)}),
    "broadcast": ("a.ts", {"rate": Fraction(30000, 1001)}),
}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rewritten(clip: Clip, name: str) -> Path:
    """A clip with the frames, the times and the sound of another."""
    found = list(shots(clip, clip.size))
    times = times_of(clip, [shot.ticks for shot in found], found[-1].lasts)
    target = check_target(Path(name))
    write([shot.pixels for shot in found], times, target, target.size_for(clip.size), clip=clip)
    return target.path


class TestFrames:
    @pytest.mark.parametrize("suffix", [one for one in FORMS if one != ".webp"])
    def test_frames_keep_their_times_and_colours(self, suffix: str) -> None:
        write(FRAMES, STEADY, check_target(Path(f"out{suffix}")), SIZE)
        assert times_in(f"out{suffix}") == [Fraction(number, 25) for number in range(6)]
        made = np.stack(frames_in(f"out{suffix}")).astype(float)
        assert np.abs(made - np.stack(FRAMES))[:, 30:, 40:].max() < 8

    @pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".gif"])
    def test_uneven_times_are_kept(self, suffix: str) -> None:
        write(FRAMES, UNEVEN, check_target(Path(f"out{suffix}")), SIZE)
        expected = [tick * MILLISECOND for tick in (*UNEVEN.ticks, UNEVEN.end)]
        found = times_in(f"out{suffix}")
        assert found[:-1] == expected[:-1]
        with av.open(f"out{suffix}") as container:
            assert container.duration == pytest.approx(1_000_000, abs=1000)

    @pytest.mark.parametrize("target", [one for one in FORMS if one != ".webp"])
    @pytest.mark.parametrize("source", SOURCES, ids=SOURCES)
    def test_whatever_goes_in_as_many_frames_come_out_that_last_as_long(
        self, source: str, target: str
    ) -> None:
        name, given = SOURCES[source]
        write_clip(name, 7, **given)
        before = times_in(name)
        after = times_in(rewritten(look(Path(name)), f"out{target}"))
        assert len(after) == len(before) == 8
        hundredth = Fraction(1, 100)  # the unit of a GIF, the coarsest
        assert abs((after[-1] - after[0]) - (before[-1] - before[0])) <= hundredth

    def test_an_animated_webp(self) -> None:
        write(FRAMES, UNEVEN, check_target(Path("out.webp")), SIZE)
        with Image.open("out.webp") as made:
            durations = []
            for number in range(made.n_frames):  # type: ignore[attr-defined]
                made.seek(number)
                made.load()
                durations.append(made.info["duration"])
        assert durations[:4] == [40, 20, 140, 700]
        assert made.info["loop"] == 0

    def test_a_gif_leaves_out_frames_that_it_cannot_show(self) -> None:
        fast = Times(tuple(range(5)), 5, Fraction(1, 100), Fraction(0), Fraction(100))
        with pytest.warns(ImpastoWarning, match="2 of 5 are left out"):
            write(FRAMES, fast, check_target(Path("out.gif")), SIZE)
        assert times_in("out.gif") == [Fraction(n, 100) for n in (0, 2, 4, 6)]

    def test_a_gif_repeats_for_ever_in_the_colours_of_all_frames(self) -> None:
        write(FRAMES, STEADY, check_target(Path("out.gif")), SIZE)
        with Image.open("out.gif") as made:
            assert made.info["loop"] == 0
            assert made.n_frames == 5  # type: ignore[attr-defined]

    def test_a_folder_gets_numbered_frames(self) -> None:
        write(FRAMES, STEADY, check_target(Path("out")), SIZE, text='{"a": 1}')
        names = sorted(path.name for path in Path("out").iterdir())
        assert names == [f"frame-{number:06}.png" for number in range(1, 6)]
        with Image.open("out/frame-000003.png") as made:
            assert (np.asarray(made) == FRAMES[2]).all()
            assert made.info["impasto"] == '{"a": 1}'

    def test_frames_of_an_earlier_clip_in_the_folder_are_noted(self) -> None:
        write(FRAMES, STEADY, check_target(Path("out")), SIZE)
        killed = Path(f"out/.frame-000001.png.{32 * 'a'}.part")
        killed.touch()
        with pytest.warns(ImpastoWarning, match="also holds 3 frames of an earlier clip"):
            write(FRAMES[:2], STEADY.first(2), check_target(Path("out")), SIZE)
        assert len(list(Path("out").glob("frame-*.png"))) == 5
        assert not killed.exists()

    def test_frames_of_a_folder_keep_their_names(self) -> None:
        Path("in").mkdir()
        for name in ("a.jpg", "b.jpg"):
            Image.fromarray(FRAMES[0]).save(f"in/{name}")
        rewritten(look(Path("in")), "out")
        assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.png"]

    def test_frames_are_resized_to_the_size_of_the_file(self) -> None:
        write(FRAMES, STEADY, check_target(Path("out.mp4")), (32, 24))
        assert frames_in("out.mp4")[0].shape == (24, 32, 3)

    def test_a_smaller_factor_makes_a_larger_file(self) -> None:
        noise = [np.random.default_rng(n).integers(0, 255, (48, 64, 3), np.uint8) for n in range(5)]
        for crf in (10, 40):
            write(noise, STEADY, check_target(Path(f"{crf}.mp4"), crf), SIZE)
        assert Path("10.mp4").stat().st_size > 2 * Path("40.mp4").stat().st_size

    def test_the_file_carries_its_text(self) -> None:
        write(FRAMES, STEADY, check_target(Path("out.mp4")), SIZE, text='{"impasto": "1"}')
        with av.open("out.mp4") as container:
            assert container.metadata["comment"] == '{"impasto": "1"}'

    def test_colours_are_described(self) -> None:
        write(FRAMES, STEADY, check_target(Path("out.mp4")), SIZE)
        with av.open("out.mp4") as container:
            frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range, frame.color_primaries) == (1, 1, 1)

    def test_a_failure_leaves_the_old_file(self) -> None:
        Path("out.mp4").write_bytes(b"old")

        class Broken(list[np.ndarray]):
            def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]
                if number == 3:
                    raise OSError("broken")
                return FRAMES[number]

        with pytest.raises(OSError, match="broken"):
            write(Broken(FRAMES), STEADY, check_target(Path("out.mp4")), SIZE)
        assert Path("out.mp4").read_bytes() == b"old"
        assert [path.name for path in Path().iterdir()] == ["out.mp4"]


class TestTargets:
    @pytest.mark.parametrize(
        ("name", "crf", "sentence"),
        [
            ("out.wmv", None, r"should end in \.mp4"),
            ("missing/out.mp4", None, "There is no folder 'missing'"),
            ("out.mp4", 52, "cannot be 52: .* from 0 .best. to 51, usually 18"),
            ("out.webm", 64, "to 63, usually 28"),
            ("out.gif", 20, "A clip in GIF has no constant rate factor"),
            ("frames", 20, "A clip in PNG has no constant rate factor"),
        ],
    )
    def test_what_cannot_be_written(self, name: str, crf: int | None, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            check_target(Path(name), crf)

    @pytest.mark.parametrize(
        ("name", "size"), [("a.mp4", (64, 48)), ("a.gif", (65, 47)), ("a", (65, 47))]
    )
    def test_sides_are_even_where_the_format_needs_it(
        self, name: str, size: tuple[int, int]
    ) -> None:
        assert check_target(Path(name)).size_for((65, 47)) == size


class TestSound:
    @pytest.mark.parametrize(
        ("source", "codec", "made"),
        [
            ("a.mp4", None, "out.mp4"),
            ("a.mp4", None, "out.mkv"),
            ("a.mov", "pcm_s16le", "out.mov"),
            ("a.mkv", None, "out.mp4"),
            ("a.webm", None, "out.webm"),
            ("a.webm", None, "out.mp4"),
            ("a.avi", None, "out.mp4"),
        ],
    )
    def test_sound_is_copied_where_the_container_takes_it(
        self, source: str, codec: str | None, made: str
    ) -> None:
        clip = look(write_clip(source, 25, sound=True, sound_codec=codec))
        assert sound_in(rewritten(clip, made))[0][2] == sound_in(source)[0][2]

    @pytest.mark.parametrize(
        ("source", "made", "codec"),
        [
            ("a.mp4", "out.webm", "opus"),
            ("a.ts", "out.webm", "opus"),
            ("a.webm", "out.mov", "aac"),
            ("pcm.mkv", "out.mp4", "aac"),
        ],
    )
    def test_other_sound_is_encoded_again(self, source: str, made: str, codec: str) -> None:
        own = "pcm_s16le" if source.startswith("pcm") else None
        clip = look(write_clip(source, 25, sound=True, sound_codec=own))
        with pytest.warns(ImpastoWarning, match="encoded again, from .* to (Opus|AAC)"):
            ((found, seconds, _),) = sound_in(rewritten(clip, made))
        assert found == codec
        assert seconds == pytest.approx(1, abs=0.06)

    def test_sound_that_changes_midway_is_encoded_to_its_end(self) -> None:
        one = write_clip("one.ts", 25, sound=True, sound_codec="ac3")
        other = write_clip("other.ts", 25, sound=True, sound_codec="ac3", layout="5.1")
        Path("a.ts").write_bytes(one.read_bytes() + other.read_bytes())
        with pytest.warns(ImpastoWarning, match="encoded again, from ac3 to Opus"):
            made = rewritten(look(Path("a.ts")), "out.webm")
        ((codec, lasts, _),) = sound_in(made)
        assert codec == "opus"
        assert lasts == pytest.approx(2, abs=0.1)

    @pytest.mark.parametrize("made", ["out.mp4", "out.mkv", "out.webm"])
    def test_two_films_that_were_joined_keep_their_frames_and_their_sound(self, made: str) -> None:
        one = write_clip("one.ts", 50, sound=True).read_bytes()
        Path("a.ts").write_bytes(one + one)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImpastoWarning)  # that it is encoded again
            written = rewritten(look(Path("a.ts")), made)
        *begins, end = times_in(written)
        assert len(begins) == 100
        assert end == pytest.approx(4, abs=0.1)
        assert sound_in(written)[0][1] == pytest.approx(4, abs=0.2)

    @pytest.mark.parametrize("made", ["out.mkv", "out.webm"])
    @pytest.mark.parametrize(("start", "end"), [("1", "3"), ("2.4", None), ("0", "3")])
    def test_a_part_of_two_films_that_were_joined_has_its_own_frames_and_sound(
        self, made: str, start: str, end: str | None
    ) -> None:
        one = write_clip("one.ts", 50, sound=True).read_bytes()
        Path("a.ts").write_bytes(one + one)
        part = Part(Fraction(start), None if end is None else Fraction(end))
        seconds = Fraction(end or 4) - part.start
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImpastoWarning)  # that it is encoded again
            written = rewritten(look(Path("a.ts"), part), made)
        *begins, lasts = times_in(written)
        assert len(begins) == 25 * seconds
        assert lasts == pytest.approx(seconds, abs=0.1)
        assert sound_in(written)[0][1] == pytest.approx(seconds, abs=0.1)

    def test_frames_and_sound_last_as_long_as_in_the_source(self) -> None:
        source = write_clip("a.mp4", 30, rate=Fraction(30000, 1001), sound=True)
        made = rewritten(look(source), "out.mp4")
        assert times_in(made) == times_in(source)
        with av.open(str(source)) as one, av.open(str(made)) as other:
            assert other.duration == pytest.approx(one.duration, abs=1000)
            assert other.streams.video[0].average_rate == one.streams.video[0].average_rate
            assert other.streams.audio[0].start_time == one.streams.audio[0].start_time

    @pytest.mark.parametrize(
        ("start", "end", "seconds"), [("0.4", None, 0.6), ("0", "0.4", 0.4), ("0.2", "0.8", 0.6)]
    )
    @pytest.mark.parametrize("made", ["out.mp4", "out.mkv"])
    def test_a_part_has_its_own_sound(
        self, made: str, start: str, end: str | None, seconds: float
    ) -> None:
        part = Part(Fraction(start), None if end is None else Fraction(end))
        source = write_clip("a.mp4", 25, sound=True)
        found = rewritten(look(source, part), made)
        assert sound_in(found)[0][1] == pytest.approx(seconds, abs=0.03)
        assert times_in(found)[-1] == pytest.approx(seconds, abs=0.03)

    @pytest.mark.parametrize("made", ["out.gif", "out"])
    def test_what_holds_no_sound_says_so(self, made: str) -> None:
        clip = look(write_clip("a.mp4", sound=True))
        with pytest.warns(ImpastoWarning, match="sound is left out"):
            rewritten(clip, made)

    @pytest.mark.parametrize("made", ["out.mp4", "out.webm"])
    @pytest.mark.filterwarnings("ignore:The sound is encoded again")
    def test_a_part_after_the_end_of_the_sound_is_silent(self, made: str) -> None:
        ticks = [0, 100, 2000, 2100]
        write_clip("a.mp4", ticks=ticks, time_base=MILLISECOND, sound=True, seconds=0.5)
        found = rewritten(look(Path("a.mp4"), Part(Fraction(1))), made)
        assert [seconds for _, seconds, _ in sound_in(found)] in ([], [0])
        assert times_in(found)[:-1] == [0, 1]

    def test_sound_that_cannot_be_written_is_left_out_and_noted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise av.InvalidDataError(1, "Invalid data", "sound")

        monkeypatch.setattr(sound._Copied, "write", fail)
        clip = look(write_clip("a.mp4", sound=True))
        with pytest.warns(ImpastoWarning, match=r"cannot be written \(Invalid data\)"):
            made = rewritten(clip, "out.mp4")
        assert (len(frames_in(made)), sound_in(made)) == (5, [])

    def test_a_clip_without_sound(self) -> None:
        assert sound_in(rewritten(look(write_clip("a.mp4")), "out.mp4")) == []

    def test_every_track_is_kept(self) -> None:
        write_clip("one.mp4", 25, sound=True)
        with av.open("one.mp4") as source, av.open("two.mp4", "w") as container:
            streams = [*source.streams.video, source.streams.audio[0], source.streams.audio[0]]
            made = [container.add_stream_from_template(stream) for stream in streams]
            for number, stream in enumerate(streams):
                source.seek(0)
                for packet in source.demux(stream):
                    if packet.size:
                        packet.stream = made[number]
                        container.mux(packet)
        clip = look(Path("two.mp4"))
        assert clip.sounds == ("aac", "aac")
        assert len(sound_in(rewritten(clip, "out.mp4"))) == 2
