"""What a user names is found, and is never read further than it takes to see that it cannot be."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from conftest import content_pixels
from impasto import Recipe
from impasto.cli.app import run
from impasto.errors import ImpastoWarning, InputError
from impasto.files import carried
from impasto.network.weights import load
from impasto.pictures import images, masks
from impasto.pictures.limits import Head
from impasto.run import checkpoint

HUGE = 12_000_000_000  # bytes


@pytest.fixture(autouse=True)
def _home(small_pictures: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@contextmanager
def within(megabytes: float, seconds: float = 5) -> Iterator[None]:
    """The block takes no more memory or time than that."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
        assert time.monotonic() - began < seconds
    finally:
        tracemalloc.stop()


def sparse(name: str, head: bytes) -> str:
    """A file of 12 GB that takes no room on the disk."""
    Path(name).write_bytes(head)
    os.truncate(name, HUGE)
    return name


READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "picture": (images.read, "a.png"),
    "size": (images.size_of, "a.png"),
    "mask": (lambda path: masks.read(path, "mask"), "a.png"),
    "recipe": (Recipe.load, "a.toml"),
    "pth": (lambda path: load(path, "caffe"), "a.pth"),
    "safetensors": (lambda path: load(path, "caffe"), "a.safetensors"),
    "h5": (load, "a.h5"),
}


@pytest.mark.parametrize("head", [b"", b"PK\x03\x04", b"<html>"])
@pytest.mark.parametrize("reader", READERS)
def test_a_huge_file_of_another_kind_is_not_read(reader: str, head: bytes) -> None:
    read, name = READERS[reader]
    sparse(name, head)
    with within(5), pytest.raises(InputError):
        read(name)


@pytest.mark.parametrize(
    "head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"II*\0", b"8BPS", b"P6 9"]
)
def test_a_huge_file_that_begins_as_a_picture_is_refused_by_its_size(head: bytes) -> None:
    sparse("a.png", head)
    for read in (images.read, images.size_of):
        with within(5), pytest.raises(InputError, match=r"has 12 GB, more than 2.15 "):
            read("a.png")


def test_a_huge_file_carries_no_recipe() -> None:
    with within(5):
        assert carried.carried_text(sparse("a.png", b"")) is None
        with pytest.raises(InputError, match="is damaged"):
            carried.carried_text(sparse("a.png", b"\x89PNG\r\n\x1a\n"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_is_not_waited_for(reader: str) -> None:
    read, name = READERS[reader]
    os.mkfifo(name)
    with pytest.raises(InputError, match="it is a device or a pipe; name a file"):
        read(name)
    with pytest.raises(InputError, match="it is a device or a pipe; name a file"):
        carried.carried_text(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_is_no_checkpoint() -> None:
    os.mkfifo("run.impasto")
    assert not checkpoint.is_unfinished(Path("run.impasto"))
    with pytest.raises(InputError, match="it is a device or a pipe"):
        checkpoint.read(Path("run.impasto"))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="has no such device")
def test_a_device_is_not_read() -> None:
    with pytest.raises(InputError, match="'/dev/zero' cannot be read: it is a device or a pipe"):
        images.read("/dev/zero")


# ------------------------------------------------------------------------ limits before decoding


def many_channels(path: str, channels: int = 40) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = np.zeros((1000, 1000, channels), np.uint16)
    tifffile.imwrite(path, pixels, photometric="rgb", compression="zlib")


def test_channels_and_their_bytes_are_known_before_they_are_decoded() -> None:
    many_channels("a.tif")
    assert Path("a.tif").stat().st_size < 150_000
    with within(5):
        head = images.described("a.tif")
    assert head == Head((1000, 1000), 40, 80_000_000)


@pytest.mark.parametrize(
    ("mode", "channels", "depth"),
    [("1", 1, 1), ("L", 1, 1), ("LA", 2, 1), ("RGB", 3, 1), ("RGBA", 4, 1), ("I;16", 1, 2)],
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_what_a_head_says(mode: str, channels: int, depth: int, suffix: str) -> None:
    Image.new(mode, (20, 10)).save(f"a.{suffix}")
    assert images.described(f"a.{suffix}") == Head((20, 10), channels, 200 * channels * depth)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "gif", "bmp", "avif", "ppm", "jp2", "tga"])
def test_the_head_of_every_format(suffix: str) -> None:
    Image.new("RGB", (20, 10)).save(f"a.{suffix}")
    assert images.described(f"a.{suffix}").size == (20, 10)


def test_a_size_is_learned_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile = pytest.importorskip("tifffile")
    Image.new("RGB", (20, 10)).save("a.png")
    tifffile.imwrite("a.tif", np.zeros((10, 20, 3), np.uint16), photometric="rgb")

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Image.Image, "load", fail)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", fail)
    assert images.size_of("a.png") == images.size_of("a.tif") == (20, 10)


def tiff_of(*tags: tuple[int, int, int, int], more: bytes = b"") -> bytes:
    """A TIFF's first directory, and what is behind it."""
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags)
    return b"II*\0\x08\0\0\0" + directory + bytes(4) + more


SQUARE = ((256, 4, 1, 100), (257, 4, 1, 100))


@pytest.mark.parametrize(
    "data",
    [
        tiff_of(*SQUARE, (277, 3, 1, 65535), (258, 3, 1, 65535)),
        tiff_of((256, 4, 1, 13000), (257, 4, 1, 13000), (277, 3, 1, 40), (258, 3, 1, 16)),
        tiff_of(*SQUARE, (273, 4, 100_000_000, 8)),
        tiff_of(*SQUARE, (282, 5, 100_000_000, 8)),
        tiff_of(*SQUARE, (322, 4, 1, 2**31), (323, 4, 1, 2**31)),
        tiff_of(*SQUARE, *((tag, 7, 900, 8) for tag in range(40000, 44000)), more=bytes(1000)),
        tiff_of(*((tag, 3, 1, 1) for tag in range(256, 6000))),
    ],
    ids=["channels", "bytes", "strips", "fractions", "tiles", "one value for all", "tags"],
)
def test_a_tiff_that_claims_too_much_is_refused(data: bytes) -> None:
    Path("a.tif").write_bytes(data)
    for read in (images.read, images.size_of):
        with within(5), pytest.raises(InputError):
            read("a.tif")


def test_a_piece_of_a_tiff_that_swells_is_refused() -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(
        "a.tif", np.zeros((64, 64, 3), np.uint16), photometric="rgb", compression="zlib"
    )
    data = Path("a.tif").read_bytes()
    bomb = zlib.compress(bytes(600_000_000), 9)
    with tifffile.TiffFile("a.tif") as file:
        place, count = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    data = data.replace(struct.pack("<I", place), struct.pack("<I", len(data)))
    data = data.replace(
        struct.pack("<HHII", 279, 4, 1, count), struct.pack("<HHII", 279, 4, 1, len(bomb))
    )
    Path("a.tif").write_bytes(data + bomb)
    with within(50), pytest.raises(InputError, match="unpacks to more data than it should"):
        images.read("a.tif")


def test_a_screen_of_a_gif_that_is_too_large_is_refused() -> None:
    Image.new("L", (1, 1)).save("a.gif")
    data = bytearray(Path("a.gif").read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"
    Path("a.gif").write_bytes(data)
    for read in (images.read, images.size_of):
        with within(5), pytest.raises(InputError, match="pixels"):
            read("a.gif")


def test_a_few_bytes_do_not_hold_a_hundred_megapixels() -> None:
    Image.new("L", (4, 4)).save("a.gif")
    data = bytearray(Path("a.gif").read_bytes())
    data[6:10] = struct.pack("<HH", 13000, 13000)
    Path("a.gif").write_bytes(data)
    for read in (images.read, images.size_of):
        with (
            within(5),
            pytest.raises(InputError, match=r"claims to have 13000×13000 pixels in \d+"),
        ):
            read("a.gif")


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_large_black_png_is_a_picture(mode: str) -> None:
    Image.new(mode, (8000, 8000)).save("a.png")
    assert images.size_of("a.png") == (8000, 8000)


def test_a_profile_of_a_hundred_megabytes_is_ignored() -> None:
    Image.new("RGB", (4, 4), "red").save("a.tif", icc_profile=bytes(100_000_000))
    with pytest.warns(ImpastoWarning, match="has a colour profile of 100 MB; it is ignored"):
        assert images.read("a.tif").pixels.tolist() == [[[255, 0, 0]] * 4] * 4


# --------------------------------------------------------------------------- what a PNG carries


def with_text(packed: bool, text: str) -> str:
    info = PngInfo()
    info.add_text("other", "before")
    (info.add_itxt if packed is None else info.add_text)("impasto", text, zip=bool(packed))
    Image.new("RGB", (4, 4)).save("a.png", pnginfo=info)
    return "a.png"


@pytest.mark.parametrize("packed", [False, True, None])
@pytest.mark.parametrize("text", ["plain", "그림 é", "x" * 100_000, ""])
def test_a_text_is_read_however_it_is_kept(packed: bool, text: str) -> None:
    assert carried.carried_text(with_text(packed, text)) == text


def test_a_text_behind_the_pixels_is_read() -> None:
    data = Path(with_text(False, "text")).read_bytes()
    place = data.index(b"tEXtimpasto") - 4
    length = struct.unpack(">I", data[place : place + 4])[0] + 12
    moved = data[:place] + data[place + length : -12] + data[place : place + length] + data[-12:]
    Path("a.png").write_bytes(moved)
    assert carried.carried_text("a.png") == "text"


def test_a_text_is_read_without_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (12000, 12000)).save("large.png")
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("decoded"))
    with within(5):
        assert carried.carried_text("large.png") is None


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_a_text_that_swells_is_refused(name: bytes) -> None:
    start = b"impasto\0\0" if name == b"zTXt" else b"impasto\0\1\0\0\0"
    body = name + start + zlib.compress(bytes(100_000_000), 9)
    bomb = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    Image.new("L", (1, 1)).save("a.png")
    data = Path("a.png").read_bytes()
    Path("a.png").write_bytes(data[:33] + bomb + data[33:])
    with within(20), pytest.raises(InputError, match="carries text that is damaged, or too long"):
        carried.carried_text("a.png")


# ------------------------------------------------------------------------------------- names

ADDRESSES = ["https://example.org/y.jpg", "http://x/y.png", "ftp://x/a b.png"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("kind", [str, Path])
def test_an_address_is_named_as_it_was_given(address: str, kind: Any) -> None:
    sentence = f"The content picture '{address}' cannot be read: it is a web address; download it"
    with pytest.raises(InputError) as caught:
        images.read(kind(address), "content picture")
    assert str(caught.value).startswith(sentence)
    for read in (lambda path: masks.read(path, "mask"), Recipe.load):
        with pytest.raises(InputError, match=f"'{address}' cannot be read: it is a web address"):
            read(kind(address))
    with pytest.raises(InputError, match=r"it is a web address"):
        load(kind("https://example.org/vgg19.pth"), "caffe")


def test_an_address_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    address = ADDRESSES[0]
    assert run(["stylize", address, "style.png", "-o", "out.png"]) == 2
    assert f"The content picture '{address}' cannot be read: it is a web" in capsys.readouterr().err
    assert run(["stylize", "content.png", address, "-o", "out.png"]) == 2
    assert f"The style picture '{address}' cannot be read: it is a web" in capsys.readouterr().err


def test_a_tilde_is_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Image.fromarray(content_pixels(8, 8)).save(home / "a.png")
    (home / "a.toml").write_text("steps = 3")
    assert images.read("~/a.png").name == "a.png"
    assert images.size_of("~/a.png") == (8, 8)
    assert masks.read("~/a.png", "mask").name == "a.png"
    assert masks.read("~/a.png#808080", "mask").name == "a.png#808080"
    assert Recipe.load("~/a.toml").steps == 3
    (home / "a.pth").write_text("no weights")
    with pytest.raises(InputError, match="hold no state dict"):
        load("~/a.pth", "caffe")


def test_a_file_of_just_that_name_is_meant_first() -> None:
    Path("~").mkdir()
    Image.new("RGB", (3, 2)).save("~/a.png")
    Image.new("RGB", (5, 4)).save("~a.png")
    assert images.size_of("~/a.png") == (3, 2)
    assert images.size_of("~a.png") == (5, 4)


def test_no_such_user_is_no_such_file() -> None:
    with pytest.raises(InputError, match=r"There is no picture '~nobody-of-that-name/a\.png'"):
        images.read("~nobody-of-that-name/a.png")


def test_everything_that_goes_into_a_run_may_be_at_home(tmp_path: Path) -> None:
    for name in ("content.png", "style.png"):
        Path(name).rename(tmp_path / "home" / name)
    Image.linear_gradient("L").save(tmp_path / "home" / "m.png")
    Path("r.toml").write_text(
        'size = 32\nsteps = 2\nlevels = 1\ninitial = "~/style.png"\nprotect = "~/m.png"\n'
        'content_layers = "conv1_1"\nstyle_layers = "conv1_1"\n'
        '[[styles]]\npicture = "~/style.png"\nmask = "~/m.png"\n'
    )
    saved = ["--checkpoint", "run.impasto", "--device", "cpu", "-q"]
    assert run(["stylize", "~/content.png", "--recipe", "r.toml", "-o", "~/out.png", *saved]) == 0
    whole = (tmp_path / "home" / "out.png").read_bytes()
    assert run(["resume", "run.impasto", "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == whole
