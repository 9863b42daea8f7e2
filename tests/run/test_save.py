"""A result is written to a file or a stream, in a format and quality of the caller's choice."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import impasto
from impasto.errors import InputError
from impasto.files.carried import carried_text
from impasto.run.result import Result

SETTINGS = {"size": 48, "steps": 1, "levels": 1, "content_layers": "conv2_1"}


@pytest.fixture
def result(small_pictures: None) -> Result:
    recipe = impasto.Recipe(**SETTINGS, style_layers="conv1_1")
    return impasto.stylize("content.png", "style.png", recipe, device="cpu")


@pytest.mark.parametrize("format", ["png", "jpg", "JPEG", "webp", "tif", "tiff"])
def test_a_stream_gets_the_bytes_of_the_file(result: Result, format: str) -> None:
    stream = io.BytesIO()
    result.save(stream, format=format)
    result.save("picture", format=format)
    result.save(f"picture.{format}")
    assert stream.getvalue() == Path("picture").read_bytes()
    assert stream.getvalue() == Path(f"picture.{format}").read_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.jpg", {}), ("a.webp", {}), ("a.tif", {}), ("a.tiff", {"bits": 16})],
)
def test_every_format_carries_the_recipe_unless_it_is_not_wanted(
    result: Result, name: str, options: dict[str, Any]
) -> None:
    result.save(name, **options)
    assert json.loads(carried_text(name) or "") == result.metadata()
    result.save(name, metadata=False, **options)
    assert carried_text(name) is None


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_quality_changes_the_size(result: Result, name: str) -> None:
    sizes = []
    for quality in (1, 50, 95, 100):
        result.save(name, quality=quality, metadata=False)
        sizes.append(Path(name).stat().st_size)
    assert sizes == sorted({*sizes})
    result.save(name, metadata=False)
    assert Path(name).stat().st_size == sizes[2]


def test_a_stream_need_not_be_positioned(result: Result) -> None:
    class Pipe:
        data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

    pipe: Any = Pipe()
    result.save(pipe, format="tiff")
    assert Image.open(io.BytesIO(pipe.data)).size == (48, 36)


@pytest.mark.parametrize(
    ("target", "options", "code"),
    [
        (io.BytesIO(), {}, "output.stream-format"),
        (io.BytesIO(), {"format": "gif"}, "output.format"),
        (io.BytesIO(), {"format": 5}, "output.format"),
        (io.BytesIO(), {"format": "jpg", "bits": 16}, "output.format-too-shallow"),
        ("a.jpg", {"format": "png"}, "output.other-format"),
        ("a.v2", {"format": "png"}, "output.other-format"),
        ("a", {}, "output.wrong-suffix"),
        ("a.jpg", {"bits": 16}, "output.needs-tiff"),
        ("a.png", {"quality": 90}, "output.no-quality"),
        ("a.jpg", {"quality": 0}, "output.quality"),
        ("a.jpg", {"quality": 101}, "output.quality"),
        ("a.jpg", {"quality": True}, "output.quality"),
        ("a.jpg", {"quality": "high"}, "output.quality"),
    ],
)
def test_what_cannot_be(result: Result, target: Any, options: dict[str, Any], code: str) -> None:
    before = {*Path().iterdir()}
    with pytest.raises(InputError) as caught:
        result.save(target, **options)
    assert caught.value.code == code
    assert {*Path().iterdir()} == before


def test_a_picture_can_be_bytes(result: Result) -> None:
    content, style = (Path(f"{name}.png").read_bytes() for name in ("content", "style"))
    again = impasto.stylize(content, style, result.recipe, device="cpu")
    assert again == result
    assert again.inputs.content.name is None
