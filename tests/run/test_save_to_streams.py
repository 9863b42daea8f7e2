"""Results written to streams: completely, or with an error."""

from __future__ import annotations

import errno
import io
from typing import Any

import pytest

import impasto
from conftest import content_pixels, style_pixels
from impasto.errors import InputError
from impasto.settings.recipe import Recipe


@pytest.fixture(scope="module")
def result() -> impasto.Result:
    recipe = Recipe.preset("instant", size=48)
    return impasto.stylize(content_pixels(36, 48), style_pixels(40, 40), recipe)


class Unbuffered(io.RawIOBase):
    """A file that takes few bytes at a time, and no more than its disk has room for."""

    def __init__(self, room: int) -> None:
        self.held, self.room = b"", room

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data[: min(100, self.room - len(self.held))])
        self.held += taken
        return len(taken)


def test_an_unbuffered_file_gets_every_byte(result: impasto.Result) -> None:
    whole, file = io.BytesIO(), Unbuffered(10**6)
    result.save(whole, format="png")
    result.save(file, format="png")  # type: ignore[arg-type]
    assert file.held == whole.getvalue()


def test_a_file_that_takes_no_more_is_an_error(result: impasto.Result) -> None:
    with pytest.raises(OSError, match="no more bytes") as raised:
        result.save(Unbuffered(150), format="png")  # type: ignore[arg-type]
    assert raised.value.errno == errno.EIO


def test_a_stream_that_returns_nothing_has_taken_every_byte(result: impasto.Result) -> None:
    class Collector:
        def __init__(self) -> None:
            self.held: list[bytes] = []

        def write(self, data: bytes) -> None:
            self.held.append(data)

    result.save(collector := Collector(), format="png")  # type: ignore[arg-type]
    assert len(collector.held) == 1


def test_a_text_stream_is_refused(result: impasto.Result) -> None:
    with pytest.raises(InputError) as raised:
        result.save(io.StringIO(), format="png")  # type: ignore[arg-type]
    assert raised.value.code == "output.text-stream"
