"""Files of every kind that impasto reads, damaged, and what its readers make of them.

A row of :data:`READERS` says how to make small valid files of a kind and how they are read. From a
seed each is damaged, and read: what comes of it is a value or an :class:`InputError`, within ten
seconds and a gigabyte. Readers run in a process of their own (see :func:`survey`), which a crash, a
hang or a flood of memory ends alone:

    python tests/mutations.py READER[,READER…] FIRST COUNT

`tests/cli/test_fuzz.py` runs a few hundred of each, `soak/test_fuzzing.py` ten thousand.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from impasto.errors import ImpastoWarning, InputError

SECONDS, BYTES = 10, 10**9  # that reading a file may take, of time and of memory
HANG = 60  # seconds after which a reader is taken to hang for good
NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    *("null", "true", "-1", "-0.0", "1.5", "1e999", "NaN", "Infinity", "99999999999999999999"),
    *("[]", "{}", "[[]]", "[null]", '{"a":{}}', '""', '"~"', '"conv9_9"', '"../../etc/passwd"'),
    *('"https://x/y"', '"\\u0000"', '"\\ud800"'),
)
BEGINS = "begins with "  # of the line that names a reader, before what it reads wrongly
INPUT = Path("input.png")  # what metadata names
Seeds = dict[str, bytes]


@dataclass(frozen=True)
class Reader:
    """A reader and what it reads.

    Attributes:
        make_seeds: makes small valid files, by a name that says what they are.
        read: reads a file.
        suffix: of its files.
        is_text: whether words of it may be exchanged.
        around: makes a file of what was damaged, where damage to all of it would be seen at once.
    """

    make_seeds: Callable[[], Seeds]
    read: Callable[[Path], object]
    suffix: str = ""
    is_text: bool = False
    around: Callable[[bytes], bytes] = bytes


# --------------------------------------------------------------------------------------- damage


def damaged(data: bytes, others: list[bytes], chance: random.Random, *, is_text: bool) -> bytes:
    """A file with one to four kinds of damage."""
    kinds = [*BINARY, *(TEXT * 2 if is_text else ())]
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(kinds)(made, others, chance)
    return bytes(made)


def _place(made: bytearray, chance: random.Random) -> int:
    """Somewhere, rather near the start, where heads are."""
    return int(len(made) * chance.random() ** chance.choice((1, 3)))


def _flip(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 3, 20))):
        if made:
            made[_place(made, chance)] ^= 1 << chance.randrange(8)


def _overwrite(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    if made:
        made[_place(made, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))


def _truncate(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    del made[chance.randrange(len(made) + 1) :]


def _remove(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    start = _place(made, chance)
    del made[start : start + chance.choice((1, 2, 4, 8, 64, 512))]


def _repeat(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    start = _place(made, chance)
    piece = made[start : start + chance.choice((1, 4, 16, 256))]
    made[start:start] = piece * chance.choice((1, 2, 16, 256))


def _splice(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    other = chance.choice(others)
    start, length = chance.randrange(len(other) + 1), chance.choice((4, 16, 64, 1024))
    place = _place(made, chance)
    made[place : place + chance.choice((0, length))] = other[start : start + length]


def _number(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    """What may be a length, or an offset, becomes another one."""
    form = chance.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    place = _place(made, chance)
    value = chance.choice((*NUMBERS, len(made), chance.getrandbits(8 * size)))
    if place + size <= len(made):
        struct.pack_into(form, made, place, value % 2 ** (8 * size))


def _word(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    """What stands between two marks of JSON or TOML becomes something else."""
    marks = [index for index, byte in enumerate(made) if byte in b"{}[],:=\n"]
    if len(marks) > 1:
        at = chance.randrange(len(marks) - 1)
        made[marks[at] + 1 : marks[at + 1]] = chance.choice(WORDS).encode()


def _nest(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    marks = [index for index, byte in enumerate(made) if byte in b":="]
    if marks:
        place, depth = chance.choice(marks) + 1, chance.choice((3, 100, 2000, 100_000))
        opened, closed = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"{a=", b"}")))
        made[place:place] = opened * depth + b"1" + closed * chance.choice((0, depth))


def _node(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    """In JSON, a value becomes another, goes, or is joined by one of a name that nobody knows."""
    try:
        tree = json.loads(made)
    except (ValueError, RecursionError):
        return
    places = list(_places(tree))
    if not places:
        return
    inside, key = chance.choice(places)
    value = chance.choice([*map(json.loads, WORDS), *(there[name] for there, name in places)])
    match chance.choice(("change", "change", "go", "join", "swap")):
        case "change":
            inside[key] = value
        case "go":
            del inside[key]
        case "join" if isinstance(inside, dict):
            inside[chance.choice(("unknown", "style 9", "mask", "initial", "steps", ""))] = value
        case _:
            other, name = chance.choice(places)
            inside[key], other[name] = other[name], inside[key]
    with contextlib.suppress(ValueError, RecursionError):  # of what now holds itself
        made[:] = json.dumps(tree).encode()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every dictionary and list with each of its keys."""
    keys = (
        list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    )
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


BINARY = (_flip, _overwrite, _truncate, _remove, _repeat, _splice, _number, _number)
TEXT = (_word, _nest, _node, _node, _node)


# -------------------------------------------------------------------------------------- pictures


def _pixels(size: tuple[int, int] = (24, 32), channels: int = 3, dtype: Any = np.uint8) -> Any:
    generator = np.random.default_rng(0)
    return generator.integers(0, np.iinfo(dtype).max, (*size, channels), dtype=dtype)


def _encoded(image: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _pictures() -> Seeds:
    from PIL import Image

    from impasto.pictures import profiles

    rgb, rgba = (Image.fromarray(_pixels(channels=channels)) for channels in (3, 4))
    exif = Image.Exif()
    exif[274] = 6
    profile = {"icc_profile": profiles.srgb_profile(), "exif": exif}
    frames: dict[str, Any] = {"save_all": True, "append_images": [rgb.rotate(180)]}
    made = {
        "JPEG": _encoded(rgb, "JPEG", **profile),
        "progressive JPEG": _encoded(rgb, "JPEG", progressive=True),
        "CMYK JPEG": _encoded(rgb.convert("CMYK"), "JPEG"),
        "MPO": _encoded(rgb, "MPO", **frames),
        "PNG": _encoded(rgb, "PNG", **profile),
        "transparent PNG": _encoded(rgba, "PNG"),
        "palette PNG": _encoded(rgb.quantize(16), "PNG", transparency=3),
        "deep PNG": _encoded(Image.fromarray(_pixels(channels=1, dtype=np.uint16)[..., 0]), "PNG"),
        "APNG": _encoded(rgb, "PNG", **frames),
        "WebP": _encoded(rgb, "WEBP", **profile),
        "lossless WebP": _encoded(rgba, "WEBP", lossless=True, **frames),
        "GIF": _encoded(rgb.quantize(16), "GIF", transparency=3, **frames),
        "BMP": _encoded(rgb, "BMP"),
        "PPM": _encoded(rgb, "PPM"),
        "AVIF": _encoded(rgba, "AVIF", **profile),
        **{
            f"TIFF {compression}": _encoded(rgb, "TIFF", compression=compression, **profile)
            for compression in (None, "tiff_lzw", "tiff_deflate", "jpeg", "packbits")
        },
        "CMYK TIFF": _encoded(rgb.convert("CMYK"), "TIFF"),
    }
    return {**made, **_deep_tiffs(), **_heic(rgb)}


def _deep_tiffs() -> Seeds:
    try:
        import tifffile
    except ImportError:
        return {}

    def encoded(*pages: tuple[Any, dict[str, Any]], **options: Any) -> bytes:
        file = io.BytesIO()
        with tifffile.TiffWriter(file, **options) as writer:
            for page, given in pages:
                writer.write(page, **{"photometric": "rgb", "metadata": None, **given})
        return file.getvalue()

    deep = _pixels(dtype=np.uint16)
    return {
        "deep TIFF": encoded((deep, {})),
        "deflated deep TIFF": encoded((deep, {"compression": "zlib", "tile": (16, 16)})),
        "deep TIFF with alpha": encoded((_pixels(channels=4, dtype=np.uint16), {}), byteorder=">"),
        "BigTIFF": encoded((deep, {}), bigtiff=True),
        "TIFF with a preview": encoded(
            (_pixels((6, 8)), {"subfiletype": 1, "subifds": 1}), (_pixels(), {})
        ),
    }


def _heic(image: Any) -> Seeds:
    try:
        import pillow_heif
    except ImportError:
        return {}
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file)
    return {"HEIC": file.getvalue()}


def _further_pictures() -> Seeds:
    """Kinds that are read without Pillow, or that Pillow reads with a plugin."""
    from PIL import Image

    import picture_files as files
    from impasto.pictures import profiles

    rgb, rgba = (Image.fromarray(_pixels(channels=channels)) for channels in (3, 4))
    planes, deep = np.moveaxis(_pixels(), 2, 0), np.moveaxis(_pixels(dtype=np.uint16), 2, 0)
    floats = (_pixels() / np.float32(255)).astype("<f4").tobytes()
    numbers = " ".join(map(str, _pixels((4, 5)).ravel())).encode()
    pam = b"P7\nWIDTH 32\nHEIGHT 24\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    colours = files.box(b"colr", b"\2\0\0" + profiles.srgb_profile())
    jp2 = _encoded(rgba, "JPEG2000")
    made = {
        "JPEG 2000": _encoded(rgb, "JPEG2000"),
        "codestream": _encoded(rgb, "JPEG2000", no_jp2=True, tile_size=(16, 16)),
        "JPEG 2000 with a profile": files.with_boxes(jp2, colours),
        "TGA": _encoded(rgba, "TGA"),
        "packed TGA": _encoded(rgb, "TGA", compression="tga_rle"),
        "palette TGA": _encoded(rgb.quantize(16), "TGA"),
        "PBM": b"P4 32 24\n" + bytes(_pixels()[:, :4, 0].tobytes()),
        "plain PPM": b"P3\n# of numbers\n5 4\n255\n" + numbers,
        "deep PPM": b"P6 32 24 65535\n" + _pixels(dtype=np.uint16).tobytes(),
        "PAM": pam + _pixels(channels=4).tobytes(),
        "PFM": b"PF\n32 24\n-1.0\n" + floats,
        **{f"PSD, {number}": files.psd(planes, compression=number) for number in range(4)},
        "PSB": files.psd(deep, is_big=True, layers=files.layer_count(-1, is_big=True)),
        "PSD with a profile": files.psd(
            np.concatenate([planes, planes[:1]]),
            layers=files.layer_count(-1),
            resources={1039: profiles.srgb_profile(), 1057: b"\0\0\0\1\1"},
        ),
        "indexed PSD": files.psd(planes[:1], 2, palette=bytes(range(256)) * 3),
    }
    return {**made, **_jxl(rgb), **_raw(), **_floats()}


def _jxl(image: Any) -> Seeds:
    try:
        import pillow_jxl  # noqa: F401 – which registers itself
    except ImportError:
        return {}
    return {
        "JPEG XL": _encoded(image, "JXL"),
        "lossless JPEG XL": _encoded(image, "JXL", lossless=True, use_container=True),
    }


def _raw() -> Seeds:
    try:
        import rawpy  # noqa: F401 – without which no raw file is looked at
        import tifffile  # noqa: F401 – which makes the file
    except ImportError:
        return {}
    import picture_files as files

    return {"DNG": files.dng(_pixels((40, 60), 1, np.uint16)[:, :, 0], orientation=6)}


def _floats() -> Seeds:
    try:
        import tifffile
    except ImportError:
        return {}
    from PIL import Image

    file = io.BytesIO()
    tifffile.imwrite(file, _pixels() / np.float32(255), photometric="rgb", metadata=None)
    packed = io.BytesIO()  # which tifffile leaves to libtiff
    deep = _pixels(channels=1, dtype=np.uint16)[:, :, 0]
    Image.fromarray(deep).save(packed, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    return {"float TIFF": file.getvalue(), "packed deep TIFF": packed.getvalue()}


def _masks() -> Seeds:
    from PIL import Image

    grey = Image.linear_gradient("L").resize((32, 24))
    white = Image.new("L", (32, 24), 255)
    return {
        "grey": _encoded(grey, "PNG"),
        "alpha": _encoded(Image.merge("LA", [white, grey]), "PNG"),
        "bits": _encoded(grey.convert("1"), "PNG"),
        "palette": _encoded(grey.convert("RGB").quantize(4), "PNG", transparency=0),
        "BMP": _encoded(grey, "BMP"),
        "TIFF": _encoded(Image.merge("LA", [white, grey]), "TIFF"),
    }


def _read_picture(path: Path) -> None:
    from impasto.pictures import images

    pixels = images.read(path).pixels
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert np.isfinite(pixels).all()


def _read_head(path: Path) -> None:
    from impasto.pictures import images, limits

    width, height = images.described(path).size
    assert width * height <= limits.MOST_PIXELS


def _read_mask(path: Path) -> None:
    from impasto.pictures import masks

    for source in (path, f"{path}#ffffff"):
        shares = masks.read(source, "mask").shares
        assert 0 <= shares.min() <= shares.max() <= 1


# ------------------------------------------------------------------------------- what runs keep


def _metadata() -> Seeds:
    """The text that a painting carries."""
    from impasto import Recipe, __version__

    one = {"name": INPUT.name, "sha256": hashlib.sha256(b"input").hexdigest()}
    recipe = Recipe().model_dump(mode="json", exclude={"styles"})
    weights = {"name": "bundled", "sha256": 64 * "0"}
    plain = {"impasto": __version__, "recipe": recipe, "content": one, "style": one}
    styles = [{"picture": "a.png", "weight": 2.0}, {"picture": "b.png", "mask": "c.png#ff0000"}]
    several = {
        **plain,
        "recipe": {**recipe, "initial": "c.png", "protect": "c.png#00ff00", "styles": styles},
        "style 2": one,
        "mask 2": one,
        "initial": one,
        "protect": one,
    }
    return {
        name: json.dumps({**carried, "weights": weights}).encode()
        for name, carried in (("plain", plain), ("several", several))
    }


def _carrying(text: bytes) -> bytes:
    """A PNG that carries a text."""
    from PIL import Image

    body = b"iTXtimpasto\0\0\0\0\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = _encoded(Image.new("RGB", (2, 2)), "PNG")
    return data[:33] + chunk + data[33:]


def _texts() -> Seeds:
    """A picture of every kind that carries a text."""
    from impasto.pictures import writers

    def written(kind: str) -> bytes:
        file = io.BytesIO()
        writers.save(np.zeros((2, 2, 3), np.uint8), file, format=kind, text="text")
        return file.getvalue()

    return {"PNG": _carrying(b"text"), **{kind: written(kind) for kind in ("jpg", "webp", "tiff")}}


def _read_carried(path: Path) -> None:
    from impasto.experiments import rerun

    (path.parent / INPUT).write_bytes(b"input")
    loaded = SimpleNamespace(sha256=64 * "0")
    with mock.patch("impasto.network.weights.load", return_value=loaded):
        rerun.prepare(path, settings={})


def _read_text(path: Path) -> None:
    from impasto.files import carried

    carried.carried_text(path)


def _recipes() -> Seeds:
    from impasto import Recipe
    from impasto.settings.presets import PRESETS

    styles = [{"picture": "oil.jpg", "weight": 2, "layers": "conv1_1", "mask": "m.png#00ff00"}]
    made = {name: Recipe.preset(name).to_toml().encode() for name in PRESETS}
    return {
        **made,
        "styles": Recipe(styles=styles).to_toml().encode(),
        "short": b'preset = "gatys"\nsteps = 5\nsize = "512x384"\n',
    }


def _read_recipe(path: Path) -> None:
    from impasto import Recipe

    Recipe.load(path)


def _states() -> Seeds:
    """What a checkpoint says of its run."""
    from impasto import Recipe, __version__
    from impasto.run.checkpoint import Saved

    saved = Saved(
        impasto=__version__,
        recipe=Recipe().model_dump(mode="json", exclude={"styles"}),
        content="/a/content.png",
        styles=[{"picture": "/a/style.png"}],
        inputs={"content": 64 * "0", "style": 64 * "0", "weights": 64 * "0"},
        weights="bundled",
        weights_input=None,
        device="cpu",
        threads=1,
        float32=False,
        level=1,
        count=1,
        tiles=[None, 64],
        history=[(1.0, 0.5, 0.5, 0.1, 1)],
        best=1,
        stand_in=(0.3, 1.0, False),
        done=False,
        optimizer={"pairs": 0},
        objective={},
        every=60.0,
        outputs={"picture": "/a/out.png"},
        folder="/a",
    )
    return {"state": saved.model_dump_json().encode()}


def _checkpoint_of(state: bytes) -> bytes:
    """A checkpoint whose sum is right, whatever it says."""
    import safetensors.torch
    import torch

    from impasto.run import checkpoint

    text = state.decode("utf-8", "replace")
    tensors = {name: torch.zeros(3, 4, 5) for name in ("canvas", "kept", "scale")}
    metadata = {checkpoint.KEY: text, checkpoint.DIGEST: checkpoint.digest(text, tensors)}
    return bytes(safetensors.torch.save(tensors, metadata))


def _checkpoints() -> Seeds:
    return {name: _checkpoint_of(state) for name, state in _states().items()}


def _read_checkpoint(path: Path) -> None:
    from impasto.run import checkpoint

    assert checkpoint.is_unfinished(path) in (True, False)
    checkpoint.read(path)


# --------------------------------------------------------------------------------------- weights


def _tensors(count: int = 3) -> dict[str, Any]:
    """The first layers of a network, small; a file of the rest would take seconds to damage."""
    import torch

    return {f"features.{number}.bias": torch.zeros(number + 1) for number in range(count)}


def _pickles() -> Seeds:
    import torch

    made = {}
    for name, zipped in (("zip", True), ("old", False)):
        file = io.BytesIO()
        torch.save(_tensors(), file, _use_new_zipfile_serialization=zipped)
        made[name] = file.getvalue()
    return made


def _safetensors() -> Seeds:
    import safetensors.torch

    return {"safetensors": bytes(safetensors.torch.save(_tensors()))}


def _keras() -> Seeds:
    import h5py

    made = {}
    for name, options in (("plain", {}), ("packed", {"compression": "gzip"})):
        file = io.BytesIO()
        with h5py.File(file, "w") as stored:
            for layer, shape in (("block1_conv1", (3, 3, 3, 64)), ("block1_conv2", (3, 3, 64, 64))):
                group = stored.create_group(layer)
                group.create_dataset("kernel:0", data=np.zeros(shape, np.float32), **options)
                group.create_dataset("bias:0", data=np.zeros(shape[-1:], np.float32))
        made[name] = file.getvalue()
    return made


def _caffe() -> Seeds:
    import torch

    from vgg_files import write_caffe

    layers = {"conv1_1": (torch.zeros(64, 3, 3, 3), torch.zeros(64))}
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, is_old in (("old", True), ("new", False)):
            path = write_caffe(layers, Path(folder) / "made.caffemodel", is_old=is_old)
            made[name] = path.read_bytes()
    return made


def _read_weights(path: Path, weights_input: str | None = "caffe") -> None:
    from impasto.network import weights

    weights.load(path, weights_input)


# ---------------------------------------------------------------------------------- the readers


def _clips() -> Seeds:
    """Clips of three kinds, with sound."""
    from clip_files import write_clip

    made: Seeds = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".mp4", ".mkv", ".avi"):
            path = write_clip(Path(folder, f"clip{suffix}"), sound=True, size=(32, 32))
            made[suffix] = path.read_bytes()
    return made


def _read_clip(path: Path) -> object:
    from impasto.video.reading import look, shots

    clip = look(path)
    return [shot.pixels for shot in shots(clip, (16, 16))]


READERS: dict[str, Reader] = {
    "clips": Reader(_clips, _read_clip, ".clip"),
    "pictures": Reader(_pictures, _read_picture),
    "further pictures": Reader(_further_pictures, _read_picture),
    "heads": Reader(lambda: {**_pictures(), **_further_pictures()}, _read_head),
    "masks": Reader(_masks, _read_mask),
    "texts": Reader(_texts, _read_text),
    "metadata": Reader(_metadata, _read_carried, ".png", is_text=True, around=_carrying),
    "recipes": Reader(_recipes, _read_recipe, ".toml", is_text=True),
    "checkpoints": Reader(_checkpoints, _read_checkpoint),
    "states": Reader(_states, _read_checkpoint, is_text=True, around=_checkpoint_of),
    "pth": Reader(_pickles, _read_weights, ".pth"),
    "safetensors": Reader(_safetensors, _read_weights, ".safetensors"),
    "h5": Reader(_keras, partial(_read_weights, weights_input=None), ".h5"),
    "caffemodel": Reader(_caffe, partial(_read_weights, weights_input=None), ".caffemodel"),
}


def survey(reader: str, count: int, first: int = 0) -> list[str]:
    """What went wrong with so many damaged files, one line each; nothing if nothing did."""
    return surveys([reader], count, first)[reader]


def surveys(readers: Collection[str], count: int, first: int = 0) -> dict[str, list[str]]:
    """The same of several readers, which one process tries in turn, since starting it is slow."""
    command = [sys.executable, __file__, ",".join(readers), str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    wrong: dict[str, list[str]] = {reader: ["it was not tried"] for reader in readers}
    reader = next(iter(readers))
    for line in done.stdout.splitlines():
        if line.startswith(BEGINS):
            reader = line.removeprefix(BEGINS)
            wrong[reader] = []
        else:
            wrong[reader].append(line)
    if done.returncode or "Traceback" in done.stderr:  # libtiff's own remarks are none
        wrong[reader].append(f"it ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return wrong


def main(name: str, first: int, count: int) -> None:
    """Damage and read files, and say what goes wrong."""
    sys.stdout.write(f"{BEGINS}{name}\n")
    sys.stdout.flush()
    reader = READERS[name]
    seeds = reader.make_seeds()
    names, others = list(seeds), list(seeds.values())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"file{reader.suffix}")
        for kind, data in seeds.items():  # which imports what there is to import
            path.write_bytes(reader.around(data))
            _say(f"{kind}, whole", _outcome(reader, path))
        before = _resident()
        for number in range(first, first + count):
            chance = random.Random(number)
            kind = names[number % len(names)]
            made = damaged(seeds[kind], others, chance, is_text=reader.is_text)
            path.write_bytes(reader.around(made))
            _say(f"{kind}, {number}", _outcome(reader, path))
            taken = _resident() - before
            if taken > BYTES:
                _say(f"{kind}, {number}", f"{taken / 1e9:.2f} GB")
                before += taken


def _outcome(reader: Reader, path: Path) -> str | None:
    """What is wrong with how a file is read, if anything is."""
    wrong = None
    began = time.monotonic()
    faulthandler.dump_traceback_later(HANG, exit=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ImpastoWarning)
            reader.read(path)
    except InputError as error:
        if "\n" in str(error) or not str(error).endswith((".", "?")):
            wrong = f"no sentence: {str(error)!r}"
    except BaseException as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        wrong = f"{type(error).__name__} in {line.filename}:{line.lineno}: {str(error)[:200]!r}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    seconds = time.monotonic() - began
    return f"{seconds:.0f} s" if seconds > SECONDS else wrong


def _say(what: str, wrong: str | None) -> None:
    if wrong is not None:
        sys.stdout.write(f"{what}: {wrong}\n")
        sys.stdout.flush()


def _resident() -> int:
    """The most memory that this process has taken so far, in bytes."""
    try:
        import resource
    except ImportError:  # as on Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    for each in sys.argv[1].split(","):
        main(each, int(sys.argv[2]), int(sys.argv[3]))
