"""A dash is standard input or output: for content, style and painting, and for nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from impasto.cli.app import run
from impasto.files.carried import carried_text
from impasto.pictures import images
from impasto.pictures.limits import MOST_BYTES

pytestmark = [
    pytest.mark.usefixtures("small_pictures"),
    pytest.mark.skipif(sys.platform == "win32", reason="descriptors and shells as in POSIX"),
]

SMALL = ["--size", "48", "--steps", "2", "--levels", "1", "--device", "cpu"]
LAYERS = ["--content-layers", "conv2_1", "--style-layers", "conv1_1"]
QUICK = [*SMALL, *LAYERS]
COMMAND = f"{sys.executable} -m impasto stylize - style.png -o - {' '.join(QUICK)} <content.png"


@contextmanager
def descriptor(number: int, path: str, flags: int) -> Iterator[None]:
    """A context in which a standard descriptor is a file."""
    kept, opened = os.dup(number), os.open(path, flags, 0o600)
    os.dup2(opened, number)
    os.close(opened)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


def piped(*arguments: str, given: str = os.devnull, quick: bool = True) -> tuple[int, bytes]:
    """The exit code and the standard output of a command with a file as standard input."""
    into = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with descriptor(0, given, os.O_RDONLY), descriptor(1, "stdout", into):
        code = run([*arguments, *(QUICK if quick else [])])
    return code, Path("stdout").read_bytes()


def shell(command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["bash", "-c", command], capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_picture_goes_in_and_a_painting_comes_out_of_a_pipe(redirection: str) -> None:
    """Also where standard error is closed or full, which never costs the painting."""
    done = shell(f"cat content.png | {COMMAND.removesuffix(' <content.png')} {redirection} | cat")
    with Image.open(io.BytesIO(done.stdout)) as painting:
        assert (painting.format, painting.size) == ("PNG", (48, 36))


def test_the_painting_is_that_of_files(capfd: pytest.CaptureFixture[str]) -> None:
    code, painting = piped("stylize", "-", "style.png", "-o", "-", given="content.png")
    assert code == 0
    assert "Wrote the painting to standard output (48×36)" in capfd.readouterr().err
    assert run(["stylize", "content.png", "style.png", "-o", "out.png", *QUICK]) == 0
    Path("piped.png").write_bytes(painting)
    assert images.read("piped.png").pixels.tolist() == images.read("out.png").pixels.tolist()


def test_a_piped_picture_has_a_sum_and_no_name() -> None:
    assert piped("stylize", "-", "style.png", "-o", "out.png", given="content.png")[0] == 0
    carried = json.loads(carried_text("out.png") or "")
    sha256 = hashlib.sha256(Path("content.png").read_bytes()).hexdigest()
    assert carried["content"] == {"name": None, "sha256": sha256}


def test_a_painting_of_a_piped_picture_is_painted_again_from_its_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert piped("stylize", "-", "style.png", "-o", "out.png", given="content.png")[0] == 0
    again = ["rerun", "out.png", "-o", "again.png", "--device", "cpu"]
    assert run(again) == 2
    assert "name that file with --content PICTURE" in capsys.readouterr().err
    assert run([*again, "--content", "content.png"]) == 0
    first, second = (images.read(name).pixels.tolist() for name in ("out.png", "again.png"))
    assert first == second


@pytest.mark.parametrize("style", [["-:0.5"], ["--style", "-:0.5"], ["--style=-,layers=conv1_1"]])
def test_the_text_form_of_a_style_can_begin_with_a_dash(style: list[str]) -> None:
    named = ["stylize", "content.png", *style, "--style", "content.png", "-o", "out.png"]
    assert piped(*named, given="style.png")[0] == 0
    carried = json.loads(carried_text("out.png") or "")
    sums = {carried[key]["sha256"] for key in ("style", "style 2")}
    assert hashlib.sha256(Path("style.png").read_bytes()).hexdigest() in sums


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tiff"])
def test_the_format_of_standard_output_is_chosen(format: str) -> None:
    code, painting = piped("stylize", "content.png", "style.png", "-o", "-", "--format", format)
    assert code == 0
    with Image.open(io.BytesIO(painting)) as opened:
        assert opened.format == {"jpg": "JPEG"}.get(format, format.upper())


@pytest.mark.parametrize(
    "arguments",
    [
        ["montage", "-", "style.png", "-o", "-"],
        ["sweep", "-", "style.png", "--vary", "seed=1", "-o", "-", *QUICK],
        ["reconstruct", "content.png", "-", "--size", "48", "--steps", "1", "-o", "-"],
        ["network", "-o", "-"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_other_commands_too(arguments: list[str]) -> None:
    code, picture = piped(*arguments, given="content.png", quick=False)
    assert code == 0
    with Image.open(io.BytesIO(picture)) as opened:
        assert opened.format == "PNG"


def test_a_run_is_resumed_to_standard_output() -> None:
    saved = ["stylize", "content.png", "style.png", "-o", "out.png", "--checkpoint", "run.impasto"]
    assert run([*saved, *QUICK]) == 0
    code, painting = piped("resume", "run.impasto", "-o", "-", quick=False)
    assert (code, painting) == (0, Path("out.png").read_bytes())


def test_a_painting_that_went_to_standard_output_is_resumed_there() -> None:
    saved = ["stylize", "content.png", "style.png", "-o", "-", "--checkpoint", "run.impasto"]
    first = piped(*saved)
    assert piped("resume", "run.impasto", quick=False) == first


def test_a_file_may_be_called_a_dash() -> None:
    Path("content.png").rename("-")
    assert run(["stylize", "./-", "style.png", "-o", "out.png", *QUICK]) == 0
    assert json.loads(carried_text("out.png") or "")["content"]["name"] == "-"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["-", "-", "-o", "out.png"],
            "The content picture and the style picture cannot both be '-'",
        ),
        (["-", "style.png", "-o", "out.png"], "The content picture '-' is empty: nothing came"),
        (["content.png", "style.png", "-o", "-", "--json"], "leave out --json, or name a file"),
        (["content.png", "style.png,mask=-", "-o", "out.png"], "mask cannot be '-'"),
        (
            ["content.png", "style.png", "--protect", "-", "-o", "out.png"],
            "--protect cannot be '-'",
        ),
        (["content.png", "style.png", "--trace", "-", "-o", "out.png"], "--trace cannot be '-'"),
        (["content.png", "style.png", "--trace", "/dev/stdout", "-o", "-"], "is another output"),
        (
            ["content.png", "-", "--save-recipe", "r.toml", "-o", "out.png"],
            "cannot store the style",
        ),
        (["content.png", "style.png", "-o", "-", "--format", "gif"], "The format cannot be 'gif'"),
        (["content.png", "style.png", "-o", "-", "--bits", "16"], "choose the format tiff"),
        (["content.png", "style.png", "-o", "-", "--quality", "80"], "has no quality to choose"),
        (["content.png", "style.png", "-o", "a.jpg", "--format", "png"], "ends in .jpg"),
        (["content.png", "style.png", "-o", "a.jpg", "--quality", "0"], "from 1 to 100"),
        (
            ["content.png", "style.png", "-o", "a.png", "--quality", "80"],
            "has no quality to choose",
        ),
    ],
)
def test_what_cannot_be(
    arguments: list[str], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {*Path().iterdir()}
    code, printed = piped("stylize", *arguments)
    said = capfd.readouterr().err
    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert "json" in sentence or printed == b""
    assert {*Path().iterdir()} - before <= {Path("stdout")}


def test_standard_input_that_is_no_picture(capfd: pytest.CaptureFixture[str]) -> None:
    Path("text").write_text("no picture", encoding="utf-8")
    assert piped("stylize", "-", "style.png", "-o", "out.png", given="text")[0] == 2
    assert "The content picture is damaged or not a picture" in capfd.readouterr().err


def test_standard_input_that_never_ends(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.pictures.limits.MOST_BYTES", 2**22)
    assert MOST_BYTES == 2**31
    assert piped("stylize", "-", "style.png", "-o", "out.png", given="/dev/zero")[0] == 2
    assert "The content picture '-' has more than" in capfd.readouterr().err


@pytest.mark.parametrize(("content", "output"), [("-", "out.png"), ("content.png", "-")])
def test_a_terminal_is_no_picture(
    content: str, output: str, capfd: pytest.CaptureFixture[str]
) -> None:
    leader, follower = os.openpty()
    number = 0 if content == "-" else 1
    with descriptor(number, os.ttyname(follower), os.O_RDWR):
        code = run(["stylize", content, "style.png", "-o", output, *QUICK])
    os.close(leader)
    os.close(follower)
    assert code == 2
    assert "which is a terminal" in capfd.readouterr().err


def test_a_checkpoint_needs_files(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["-", "style.png", "-o", "out.png", "--checkpoint", "run.impasto"]
    assert piped("stylize", *arguments, given="content.png")[0] == 2
    assert "A checkpoint needs the content picture as a file" in capfd.readouterr().err


def check_rescued(said: str) -> None:
    """A painting that could not be written out is in the file that standard error names."""
    assert "The picture could not be written to standard output" in said
    assert "Traceback" not in said
    rescued = Path(said.split("The painting is in '")[1].split("'", maxsplit=1)[0])
    assert rescued.suffix == ".jpg"
    assert images.read(rescued).size == (48, 36)
    rescued.unlink()
    rescued.parent.rmdir()


def test_a_painting_that_nobody_reads_is_rescued() -> None:
    done = shell(f"{COMMAND} --format jpg | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 1
    check_rescued(done.stderr.decode())


def test_a_painting_for_a_full_disk_is_rescued(capfd: pytest.CaptureFixture[str]) -> None:
    with descriptor(1, "/dev/full", os.O_WRONLY):
        code = run(["stylize", "content.png", "style.png", "-o", "-", "--format", "jpg", *QUICK])
    assert code == 1
    check_rescued(capfd.readouterr().err)


def test_standard_output_that_is_closed_is_told_of_before_the_run() -> None:
    done = shell(f"{COMMAND} >&-")
    assert done.returncode == 2
    assert b"standard output, which is closed" in done.stderr
