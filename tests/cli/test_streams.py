"""Whatever becomes of what is printed, the painting is written and the exit code is as ever."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from impasto.cli.streams import Unfailing
from impasto.pictures import images

pytestmark = pytest.mark.usefixtures("small_pictures")

COMMAND = (
    f"{sys.executable} -m impasto stylize content.png style.png -o out.png --size 48 --steps 3 "
    "--levels 1 --device cpu --trace run.jsonl --snapshots steps"
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
    assert Path("run.jsonl").read_text().count('"step"') == 3
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"Exception ignored" not in done.stderr + done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="redirects as POSIX shells do")
@pytest.mark.parametrize(
    ("command", "redirection"),
    [
        ("network", ">/dev/full 2>/dev/full"),
        ("--help", ">&- 2>&-"),
        ("--version", ">/dev/full 2>/dev/full"),
        ("doctor", ">&- 2>&-"),
        ("nonsense", ">/dev/full 2>/dev/full"),
        ("nonsense", ">&- 2>&-"),
    ],
)
def test_no_command_fails_by_what_it_says(command: str, redirection: str) -> None:
    done = shell(f"{sys.executable} -m impasto {command} {redirection}")
    assert done.returncode == (2 if command == "nonsense" else 0)


@pytest.mark.skipif(sys.platform == "win32", reason="redirects as POSIX shells do")
def test_nothing_that_is_printed_gets_into_a_file_when_standard_error_is_closed() -> None:
    done = shell(f"{COMMAND} --optimizer adam 2>&-")
    assert done.returncode == 0
    lines = Path("run.jsonl").read_text().splitlines()
    assert all(line.startswith("{") for line in lines)


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "utf-8"])
def test_any_encoding_will_do(encoding: str) -> None:
    done = shell(f"{COMMAND} --plot 'Verlust Größe 사진.png'", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    last = done.stdout.decode(encoding)
    assert "48×36" in last or "48x36" in last
    assert "Traceback" not in done.stderr.decode(encoding)


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
