"""Clips as they are read: times, sizes, colours, and what is wrong with the odd ones."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clip_files import RATE, frame_pixels, write_clip, write_sound_only
from impasto import ImpastoWarning, InputError, Recipe
from impasto.video import high_range, reading
from impasto.video.clip import Clip, Clock, Part, Times, seconds_of, times_of
from impasto.video.reading import look, shots


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(clip: Clip, size: tuple[int, int] | None = None) -> tuple[Times, np.ndarray]:
    found = list(shots(clip, size or clip.size))
    pixels = np.stack([shot.pixels for shot in found])
    return times_of(clip, [shot.ticks for shot in found], found[-1].lasts), pixels


def seconds(times: Times) -> list[Fraction]:
    return [tick * times.time_base for tick in (*times.ticks, times.end)]


class TestFilms:
    @pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts"])
    def test_every_container_gives_its_frames_upright_in_their_colours(self, suffix: str) -> None:
        clip = look(write_clip(f"clip{suffix}", 12))
        times, pixels = read(clip)
        assert (clip.size, clip.count, clip.rate) == ((64, 48), 12, RATE)
        assert seconds(times) == [Fraction(number, 25) for number in range(13)]
        shown = np.stack([frame_pixels(number) for number in range(12)])
        assert np.abs(pixels[:, 30:, 40:].astype(float) - shown[:, 30:, 40:]).max() < 10

    @pytest.mark.parametrize("rate", [Fraction(24), Fraction(30000, 1001), Fraction(60)])
    @pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
    def test_a_constant_rate_is_exact(self, rate: Fraction, suffix: str) -> None:
        times, _ = read(look(write_clip(f"clip{suffix}", 9, rate=rate)))
        assert (times.rate, times.time_base, times.end) == (rate, 1 / rate, 9)
        assert times.is_regular

    def test_every_frame_of_a_variable_rate_has_its_own_time(self) -> None:
        ticks = [0, 40, 50, 200, 900, 1000]
        times, _ = read(look(write_clip("clip.mp4", ticks=ticks, time_base=Fraction(1, 1000))))
        assert seconds(times) == [Fraction(tick, 1000) for tick in ticks]
        assert not times.is_regular

    def test_frames_are_resized_as_pictures_are(self) -> None:
        _, pixels = read(look(write_clip("clip.mp4")), (32, 24))
        assert pixels.shape == (5, 24, 32, 3)

    @pytest.mark.parametrize(("rotation", "corner"), [(90, (1, 0)), (180, (1, 1)), (270, (0, 1))])
    def test_a_rotated_clip_is_turned_upright(self, rotation: int, corner: tuple[int, int]) -> None:
        """The dark corner, at the top left of the stored frame, is where a player shows it."""
        clip = look(write_clip("clip.mp4", rotation=rotation))
        _, pixels = read(clip)
        assert clip.size == ((64, 48) if rotation == 180 else (48, 64))
        height, width = pixels.shape[1:3]
        quarters = pixels[2].reshape(2, height // 2, 2, width // 2, 3).mean((1, 3, 4))
        assert np.unravel_index(quarters.argmin(), (2, 2)) == corner

    def test_an_odd_size_is_kept(self) -> None:
        clip = look(write_clip("clip.mp4", size=(65, 47), pixels="yuv444p"))
        assert clip.size == (65, 47)
        assert read(clip)[1].shape[1:] == (47, 65, 3)

    def test_pixels_that_are_not_square_make_it_wider(self) -> None:
        aspect = {"sample_aspect_ratio": Fraction(4, 3)}
        clip = look(write_clip("clip.mkv", tags=aspect))
        assert clip.size == (85, 48)
        assert read(clip)[1].shape[1:] == (48, 85, 3)

    def test_ten_bits_are_read(self) -> None:
        _, pixels = read(look(write_clip("clip.mp4", pixels="yuv420p10le")))
        assert np.abs(pixels[1, 40, 60].astype(int) - frame_pixels(1)[40, 60]).max() < 6

    def test_high_dynamic_range_is_converted(self) -> None:
        tags = {"color_trc": high_range.PQ, "color_primaries": 9, "colorspace": 9}
        _, pixels = read(look(write_clip("clip.mp4", pixels="yuv420p10le", tags=tags)))
        signal = np.full((1, 1, 3), 257 * int(frame_pixels(4)[40, 60, 0]), np.uint16)
        expected = high_range.to_srgb(signal, high_range.PQ, 9)[0, 0, 0]
        assert abs(int(pixels[4, 40, 60, 0]) - int(expected)) < 8

    def test_transparent_parts_are_laid_on_white(self) -> None:
        with av.open("clip.mov", "w") as container:
            stream = container.add_stream("qtrle", rate=25)
            stream.width, stream.height, stream.pix_fmt = 16, 16, "argb"
            clear = np.zeros((16, 16, 4), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(clear, format="argb")))
            container.mux(stream.encode(None))
        _, pixels = read(look(Path("clip.mov")))
        assert (pixels == 255).all()

    def test_a_clip_of_one_frame(self) -> None:
        times, pixels = read(look(write_clip("clip.mp4", 1)))
        assert (len(times), len(pixels)) == (1, 1)
        assert times.seconds == Fraction(1, 25)

    def test_interlaced_frames_pass(self) -> None:
        options = {"flags": "+ildct+ilme"}
        clip = look(write_clip("clip.ts", 12, options=options))
        assert len(read(clip)[1]) == 12


class TestHighRange:
    """Known values: paper white, black, and the levels of BT.2408."""

    @pytest.mark.parametrize(("transfer", "level"), [(high_range.PQ, 0.58), (high_range.HLG, 0.75)])
    def test_paper_white_is_near_the_top(self, transfer: int, level: float) -> None:
        signal = np.full((2, 2, 3), round(65535 * level), np.uint16)
        white = high_range.to_srgb(signal, transfer, 9)
        assert white.min() == white.max()
        assert 230 < white.min() < 245

    @pytest.mark.parametrize("transfer", [high_range.PQ, high_range.HLG])
    def test_brighter_stays_brighter(self, transfer: int) -> None:
        levels = np.linspace(0, 65535, 40).astype(np.uint16)
        shown = high_range.to_srgb(np.repeat(levels[None, :, None], 3, 2), transfer, 9)
        assert (np.diff(shown[0, :, 0].astype(int)) >= 0).all()
        assert (shown[0, 0] == 0).all()


class TestParts:
    @pytest.mark.parametrize(
        ("start", "end", "numbers"),
        [("0.08", None, [2, 3, 4]), ("0", "0.08", [0, 1]), ("0.1", "0.15", [3])],
    )
    def test_a_part_has_the_frames_that_are_shown_in_it(
        self, start: str, end: str | None, numbers: list[int]
    ) -> None:
        part = Part(Fraction(start), None if end is None else Fraction(end))
        clip = look(write_clip("clip.mp4"), part)
        times, pixels = read(clip)
        assert clip.count == len(numbers)
        assert [round((one[40, 60, 0] - 60) / 12) for one in pixels.astype(float)] == numbers
        assert seconds(times)[0] == 0

    @pytest.mark.parametrize(
        ("start", "end", "begins", "lasts"),
        [
            (0, 2, [0], 2),
            (2, 4, [0], 2),
            (2, None, [0, 3], 8),
            (4, 7, [0, 1], 3),
            (9, None, [0], 1),
        ],
    )
    def test_a_long_frame_belongs_to_a_part_that_begins_or_ends_within_it(
        self, start: int, end: int | None, begins: list[int], lasts: int
    ) -> None:
        write_clip("clip.mkv", ticks=[0, 5000, 10000], time_base=Fraction(1, 1000))
        part = Part(Fraction(start), None if end is None else Fraction(end))
        clip = look(Path("clip.mkv"), part)
        times, _ = read(clip)
        assert clip.count == len(begins)
        assert seconds(times) == [*begins, lasts]

    def test_decoding_begins_at_the_keyframe_before_the_part(self) -> None:
        path = write_clip("clip.mp4", 12, options={"g": "5", "sc_threshold": "0"})
        clip = look(path, Part(Fraction(9, 25)))
        assert clip.keyframe == 5 * 512
        assert len(read(clip)[1]) == 3

    def test_a_part_of_a_clip_without_times(self) -> None:
        clip = look(write_clip("clip.h264", 12), Part(Fraction(4, 25), Fraction(9, 25)))
        times, pixels = read(clip)
        assert clip.count == len(pixels) == 5
        shown = [round((one[40, 60, 0] - 60) / 12) for one in pixels.astype(float)]
        assert shown == [4, 5, 6, 7, 8]
        assert times.is_regular
        assert times.seconds == Fraction(5, 25)

    def test_a_part_after_the_end(self) -> None:
        path = write_clip("clip.mp4")
        with pytest.raises(
            InputError, match=r"no frame from 9 s on: its last one begins at 0\.160 s"
        ):
            look(path, Part(Fraction(9)))

    @given(st.integers(0, 3), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
    def test_times_can_be_written_as_clocks_do(self, h: int, m: int, s: int, ms: int) -> None:
        exact = 3600 * h + 60 * m + s + Fraction(ms, 1000)
        assert seconds_of(f"{h}:{m:02}:{s:02}.{ms:03}", "start") == exact
        assert seconds_of(f"{60 * h + m if h == 0 else m}:{s:02}", "start") == 60 * m + s
        assert seconds_of(str(float(exact)), "start") == exact

    @pytest.mark.parametrize(
        "text", ["", "1:2:3:4", "1:60", "-1", "1/2:3", "nan", "inf", "a", "1:-2"]
    )
    def test_what_is_no_time(self, text: str) -> None:
        with pytest.raises(InputError, match="start cannot be"):
            seconds_of(text, "start")


class TestTimes:
    def clip(self, time_base: Fraction = Fraction(1, 1000), origin: int = 0) -> Clip:
        return Clip(Path("a"), "", (1, 1), Part(), 3, 3, RATE, time_base, origin)

    def test_missing_and_repeated_times_are_filled_in(self) -> None:
        times = times_of(self.clip(), [None, None, 80, 80, 500], None)
        assert (times.ticks, times.end) == ((0, 40, 80, 81, 500), 540)

    def test_a_film_that_was_joined_to_another_goes_on_after_it(self) -> None:
        both = [*range(0, 2000, 40), *range(0, 2000, 40)]
        times = times_of(self.clip(), both, None)
        assert (len(times), times.is_regular) == (100, True)
        assert times.seconds == 4

    def test_frames_that_a_decoder_gives_a_little_late_stay_where_they_are(self) -> None:
        clock = Clock(self.clip())
        given = [0, 160, 80, 40, 120, 200]
        assert [clock(one) for one in given] == [Fraction(one, 1000) for one in given]

    def test_times_begin_where_the_clip_does(self) -> None:
        times = times_of(self.clip(origin=1400), [1500, 1700], 100)
        assert (times.ticks, times.end, times.origin) == ((100, 300), 400, Fraction(14, 10))

    def test_rounded_times_of_a_constant_rate_become_exact(self) -> None:
        clip = Clip(Path("a"), "", (1, 1), Part(), 3, 3, Fraction(30), Fraction(1, 1000))
        assert times_of(clip, [0, 33, 67], 33) == Times(
            (0, 1, 2), 3, Fraction(1, 30), Fraction(0), Fraction(30)
        )


class TestAnimations:
    def write(self, path: str, *durations: int) -> Path:
        frames = [Image.fromarray(frame_pixels(number)) for number in range(len(durations))]
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=list(durations))
        return Path(path)

    @pytest.mark.parametrize("name", ["clip.gif", "clip.webp", "clip.png"])
    def test_pictures_that_move(self, name: str) -> None:
        clip = look(self.write(name, 40, 100, 250))
        times, pixels = read(clip)
        assert (clip.size, clip.count) == ((64, 48), 3)
        assert seconds(times) == [Fraction(ms, 1000) for ms in (0, 40, 140, 390)]
        shown = np.stack([frame_pixels(number) for number in range(3)])
        assert np.abs(pixels.astype(float) - shown).max() < 30

    def test_a_webp_is_looked_over_without_decoding_its_frames(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = self.write("clip.webp", *[40] * 30)
        decoded: list[int] = []
        seek = "PIL.WebPImagePlugin.WebPImageFile.seek"
        monkeypatch.setattr(seek, lambda _, frame: decoded.append(frame))
        clip = look(path)
        assert clip.count == 30
        assert clip.rate == Fraction(25)
        assert not decoded

    def test_the_shortest_times_are_those_of_browsers(self) -> None:
        times, _ = read(look(self.write("clip.gif", 10, 20, 30)))
        assert seconds(times)[:3] == [0, Fraction(100, 1000), Fraction(120, 1000)]

    def test_a_part(self) -> None:
        path = self.write("clip.gif", 40, 100, 250)
        assert look(path, Part(Fraction("0.04"), Fraction("0.1"))).count == 1

    @pytest.mark.parametrize(
        ("start", "end", "begins", "lasts"),
        [
            (0, 2, [0], 2),
            (2, 4, [0], 2),
            (2, 12, [0, 3, 8], 10),
            (12, None, [0], 3),
        ],
    )
    def test_a_long_frame_belongs_to_a_part_that_begins_or_ends_within_it(
        self, start: int, end: int | None, begins: list[int], lasts: int
    ) -> None:
        path = self.write("clip.gif", 5000, 5000, 5000)
        clip = look(path, Part(Fraction(start), None if end is None else Fraction(end)))
        times, _ = read(clip)
        assert clip.count == len(begins)
        assert seconds(times) == [*begins, lasts]
        assert clip.seconds == lasts

    def test_a_picture_for_what_shows_no_frames_is_none_of_them(self) -> None:
        frames = [Image.fromarray(frame_pixels(number)) for number in range(3)]
        frames[0].save(
            "clip.png",
            save_all=True,
            append_images=frames[1:],
            duration=[40, 80],
            default_image=True,
        )
        times, pixels = read(look(Path("clip.png")))
        assert seconds(times) == [0, Fraction(40, 1000), Fraction(120, 1000)]
        np.testing.assert_array_equal(pixels[0], frame_pixels(1))

    def test_a_gif_that_is_cut_off_gives_what_can_be_decoded(self) -> None:
        path = self.write("clip.gif", 40, 100, 250)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
        clip = look(path)
        found = list(shots(clip, clip.size))
        assert 1 <= len(found) < 3


class TestFolders:
    def write(self, *names: str, size: tuple[int, int] = (64, 48)) -> Path:
        folder = Path("frames")
        folder.mkdir(exist_ok=True)
        for number, name in enumerate(names):
            Image.fromarray(frame_pixels(number, size)).save(folder / name)
        return folder

    def test_frames_come_in_the_order_of_their_numbers(self) -> None:
        clip = look(self.write("f1.png", "f2.png", "f10.png"))
        times, pixels = read(clip)
        assert clip.names == ("f1.png", "f2.png", "f10.png")
        assert (times.rate, len(times)) == (Fraction(25), 3)
        assert [int(one[40, 60, 0]) for one in pixels] == [60, 72, 84]

    def test_what_is_noted_of_one_frame_is_not_noted_of_the_others(self) -> None:
        folder = self.write("a.png", "b.png", "c.png")
        for path in folder.iterdir():
            Image.new("RGBA", (64, 48), (0, 0, 0, 128)).save(path)
        clip = look(folder)
        with pytest.warns(ImpastoWarning, match="'frames/a.png' is transparent") as noted:
            list(shots(clip, clip.size))
        assert len(noted) == 1

    def test_they_have_the_rate_that_is_asked_for(self) -> None:
        clip = look(self.write("a.png", "b.png"), rate=Fraction(12))
        assert clip.rate == 12
        assert read(clip)[0].seconds == Fraction(2, 12)

    def test_frames_of_two_sizes(self) -> None:
        self.write("b.png", size=(32, 32))
        with pytest.raises(
            InputError, match=r"'frames/b\.png' has 32×32 pixels, but 'a\.png' has 64×48"
        ):
            look(self.write("a.png"))

    def test_edges_are_cut_off_where_the_recipe_says_so(self) -> None:
        folder = self.write("a.png")
        ramp = np.tile(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (48, 1, 3))
        Image.fromarray(ramp).save(folder / "a.png")
        clip = look(folder)
        for fit, edges in (("crop", (32, 220)), ("stretch", (0, 252))):
            recipe = Recipe(size=(48, 48), content_fit=fit)
            (shot,) = reading.cut(clip, (48, 48), recipe)
            assert shot.pixels.shape == (48, 48, 3)
            assert abs(shot.pixels[24, [0, -1], 0].astype(int) - edges).max() <= 2

    def test_an_empty_folder(self) -> None:
        with pytest.raises(InputError, match="'frames'"):
            look(self.write())

    def test_a_film_has_a_rate_of_its_own(self) -> None:
        path = write_clip("clip.mp4")
        with pytest.raises(InputError, match="has a rate of its own"):
            look(path, rate=Fraction(12))


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: round(share * len(data))])
    return path


class TestOddFiles:
    @pytest.mark.parametrize("name", ["empty.mp4", "empty.gif"])
    def test_no_bytes(self, name: str) -> None:
        Path(name).touch()
        with pytest.raises(InputError, match=f"The clip '{name}' is empty"):
            look(Path(name))

    @pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes"])
    def test_a_text(self, name: str) -> None:
        Path(name).write_text("Neither pictures nor sound.\n" * 40)
        with pytest.raises(InputError, match="not a clip that FFmpeg reads"):
            look(Path(name))

    def test_sound_without_pictures(self) -> None:
        with pytest.raises(InputError, match="has sound, but no pictures"):
            look(write_sound_only("sound.m4a"))

    @pytest.mark.parametrize(
        "name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.tif", "a.bmp", "a.avif"]
    )
    def test_a_single_picture(self, name: str) -> None:
        Image.fromarray(frame_pixels(0)).save(name)
        with pytest.raises(InputError, match=r"a single picture.*impasto stylize"):
            look(Path(name))

    def test_nothing_there(self) -> None:
        with pytest.raises(InputError, match=r"There is no clip 'missing\.mp4'"):
            look(Path("missing.mp4"))

    @pytest.mark.parametrize(
        "text",
        [
            "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nclip.mp4\n#EXT-X-ENDLIST\n",
            "#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n",
            "ffconcat version 1.0\nfile clip.mp4\n",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        ],
        ids=["playlist", "addresses", "list", "stream"],
    )
    def test_a_list_of_other_files_opens_none_of_them(self, text: str) -> None:
        write_clip("clip.mp4")
        Path("list.mp4").write_text(text)
        with pytest.raises(InputError, match=r"list of other files|not a clip that FFmpeg reads"):
            look(Path("list.mp4"))

    @pytest.mark.parametrize("name", ["concat:clip.mp4|clip.mp4", "file:clip.mp4", "pipe:0"])
    def test_a_name_is_never_taken_for_a_protocol(self, name: str) -> None:
        write_clip("clip.mp4")
        with pytest.raises(InputError, match="There is no clip"):
            look(Path(name))

    def test_a_file_without_its_end_gives_what_can_be_decoded(self) -> None:
        path = cut(write_clip("clip.mkv", 40, options={"g": "5"}), 0.6)
        clip = look(path)
        assert 5 < len(list(shots(clip, clip.size))) < 40

    def test_a_file_without_its_end_and_its_index_says_so(self) -> None:
        path = cut(write_clip("clip.mp4"), 0.5)
        with pytest.raises(InputError, match="damaged or not a clip"):
            look(path)

    def test_what_the_index_promises_beyond_the_end_is_noted(self) -> None:
        path = cut(write_clip("clip.avi", 40), 0.8)
        with pytest.warns(ImpastoWarning, match=r"ends early: .* painted, \d+ frames"):
            clip = look(path)
        assert 0 < clip.count < 40

    def test_packets_that_cannot_be_decoded_are_left_out(self) -> None:
        path = write_clip("clip.mov", codec="png", pixels="rgb24")
        data = bytearray(path.read_bytes())
        third = [found.start() for found in re.finditer(b"\x89PNG", data)][2]
        data[third : third + 40] = bytes(40)
        path.write_bytes(bytes(data))
        clip = look(path)
        with pytest.warns(ImpastoWarning, match=r"cannot be decoded are left out: 1\."):
            found = list(shots(clip, clip.size))
        assert [shot.ticks for shot in found] == [0, 512, 1536, 2048]
