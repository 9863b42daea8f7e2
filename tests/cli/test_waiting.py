"""How PyTorch's threads wait for each other, which is decided when PyTorch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's threads show their settings")
@pytest.mark.parametrize(
    ("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_threads_of_the_command_sleep_while_they_wait_unless_it_is_told_otherwise(
    given: dict[str, str], expected: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-m", "impasto", "doctor", "--device", "cpu"],
        env={**environment, **given, "OMP_DISPLAY_ENV": "TRUE"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert f"OMP_WAIT_POLICY = '{expected}'" in done.stderr
