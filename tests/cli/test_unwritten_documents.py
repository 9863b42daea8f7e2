"""A document that could not be written to standard output is a failure."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.usefixtures("small_pictures"),
    pytest.mark.skipif(sys.platform == "win32", reason="redirects as POSIX shells do"),
]

COMMAND = f"{sys.executable} -m impasto stylize content.png style.png --preset instant --size 48"


@pytest.mark.parametrize(
    ("arguments", "redirection", "reason"),
    [
        ("-o out.png", ">/dev/full", "No space left on device"),
        ("-o out.png", ">&-", "it is closed"),
        ("-o out.png --dry-run", ">/dev/full", "No space left on device"),
        ("-o out/ --each --style content.png", ">/dev/full", "No space left on device"),
    ],
)
def test_the_exit_code_says_that_the_document_is_missing(
    arguments: str, redirection: str, reason: str
) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{COMMAND} {arguments} --json {redirection}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"impasto: The JSON document could not be written to standard output: {reason}." in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
