"""A folder of thirty pictures, killed in the midst and painted on, for real: `make soak`.

`tests/cli/test_many_pictures.py` holds the short version.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

IMPASTO = [sys.executable, "-m", "impasto", "stylize"]
PRESETS = {
    "default": ["--size", "64", "--steps", "6"],
    "nnst": ["--preset", "nnst", "--size", "48", "--steps", "3"],
}
COUNT, BROKEN = 30, {"03": b"", "08": b"no picture", "17": None, "29": None}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a style and thirty photographs, of which four are broken in three ways."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    Path("photos").mkdir()
    for number in range(COUNT):
        size = (60, 80 - number % 3, 3)  # so that the style is measured for several sizes
        picture = Image.fromarray(generator.integers(0, 256, size, dtype=np.uint8))
        picture.save(f"photos/{number:02}.png")
    for name, content in BROKEN.items():
        path = Path(f"photos/{name}.png")
        path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    picture.save("oil.png")
    return tmp_path


def kill_once_there_are(count: int, command: list[str]) -> None:
    """Start a command, and kill it when so many paintings exist."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list(Path("out").glob("[!.]*"))) < count:
            time.sleep(0.005)
        process.kill()


@pytest.mark.parametrize("preset", PRESETS)
def test_killed_twice_each_picture_is_painted_once_as_alone(preset: str, folder: Path) -> None:
    command = [*IMPASTO, "photos", "oil.png", "-o", "out/", "-n", "-q", *PRESETS[preset]]
    times: dict[Path, int] = {}
    for count in (5, 14):
        kill_once_there_are(count, command)
        now = {path: path.stat().st_mtime_ns for path in Path("out").glob("[!.]*")}
        assert count <= len(now) < COUNT - len(BROKEN)
        assert times.items() <= now.items()
        times = now
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    sentences = done.stderr.splitlines()[1:]
    assert [name for name in BROKEN if sum(f"{name}.png" in one for one in sentences) == 1] == [
        *BROKEN
    ]
    assert len(sentences) == len(BROKEN)
    assert times.items() <= {p: p.stat().st_mtime_ns for p in Path("out").iterdir()}.items()
    names = [f"{number:02}" for number in range(COUNT) if f"{number:02}" not in BROKEN]
    assert sorted(path.name for path in Path("out").iterdir()) == [f"{n}-oil.png" for n in names]
    for name in names:
        alone = [*IMPASTO, f"photos/{name}.png", "oil.png", "-o", "alone.png", "-q"]
        subprocess.run([*alone, *PRESETS[preset]], check=True)
        assert Path(f"out/{name}-oil.png").read_bytes() == Path("alone.png").read_bytes()
