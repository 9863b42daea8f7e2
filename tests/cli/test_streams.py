"""Whatever becomes of what is printed, the painting is written and the exit code is as ever."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from impasto.cli.app import run
from impasto.cli.streams import Unfailing
from impasto.pictures import images

pytestmark = pytest.mark.usefixtures("small_pictures")

COMMAND = (
    f"{sys.executable} -m impasto stylize content.png style.png -o out.png --size 48 --steps 3 "
    "--levels 1 --device cpu --content-layers conv2_1 --style-layers conv1_1 "
    "--trace run.jsonl --snapshots steps"
)


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="redirects as POSIX shells do")
@pytest.mark.parametrize(
    "redirection",
    [
        "2>/dev/full",
        ">/dev/full",
        ">/dev/full 2>&1",
        "2>&-",
        ">&-",
        "<&- >&- 2>&-",
        "2>&1 | head -1",
        "2>&1 | true",
    ],
)
def test_the_painting_is_written_and_the_exit_code_is_0(redirection: str) -> None:
    done = shell(f"{COMMAND} {redirection}; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 0
    assert images.read("out.png").size == (48, 36)
    lines = Path("run.jsonl").read_text().splitlines()
    assert sum('"step"' in line for line in lines) == 3
    assert all(line.startswith("{") for line in lines)  # nothing that is printed got into it
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"Exception ignored" not in done.stderr + done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="redirects as POSIX shells do")
@pytest.mark.parametrize("command", ["network", "nonsense"])
@pytest.mark.parametrize("redirection", [">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_no_process_fails_by_what_it_says(command: str, redirection: str) -> None:
    done = shell(f"{sys.executable} -m impasto {command} {redirection}")
    assert done.returncode == (2 if command == "nonsense" else 0)


class Full(io.StringIO):
    """A stream to a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("command", ["network", "--help", "--version", "doctor", "nonsense"])
def test_no_command_fails_by_what_it_says(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        patch.setattr(sys, "stderr", Full())
        code = run([command])
    assert code == (2 if command == "nonsense" else 0)


NAME = "Gemälde 사진.png"  # a name that few encodings have all signs of


def test_a_process_prints_in_any_encoding() -> None:
    done = shell(f"{COMMAND} -o '{NAME}'", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "48x36" in done.stdout.decode("ascii")
    assert "Traceback" not in done.stderr.decode("ascii")


@pytest.mark.parametrize("encoding", ["cp1251", "cp949", "ascii", "latin-1", "utf-8"])
def test_any_encoding_will_do(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {name: io.BytesIO() for name in ("stdout", "stderr")}
    with monkeypatch.context() as patch:
        for name, stream in said.items():
            patch.setattr(sys, name, io.TextIOWrapper(stream, encoding, write_through=True))
        assert run([*COMMAND.split()[3:], "-o", NAME]) == 0
        last, other = (stream.getvalue().decode(encoding) for stream in said.values())
    assert "48×36" in last or "48x36" in last
    assert "Traceback" not in other


def test_a_name_that_is_no_unicode_is_told_of_all_the_same() -> None:
    done = shell(f"{sys.executable} -m impasto montage $'caf\\xe9.jpg' -o m.png")
    assert done.returncode == 2
    assert b"caf" in done.stderr
    assert b"Traceback" not in done.stderr


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [lambda: None, closed])
def test_there_need_be_no_stream_at_all(make: Callable[[], io.StringIO | None]) -> None:
    stream = Unfailing(make())
    assert stream.write("text") == 4
    stream.flush()
    assert not stream.isatty()
