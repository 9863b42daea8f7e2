"""A visitor's camera, painted live: in a real browser with a camera of its own making."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from starlette.types import Message, Scope

from browsing import chromium, needs_chromium
from conftest import style_pixels
from impasto.errors import InputError
from impasto.studio.camera import SIDE, LivePainter, frame_of
from impasto.studio.guards import Door
from studio_helpers import running

LONG = 60_000  # milliseconds
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def encoded(size: tuple[int, int], kind: str = "JPEG") -> bytes:
    file = BytesIO()
    Image.new("RGB", size, (10, 120, 30)).save(file, kind)
    return file.getvalue()


@needs_chromium
def test_the_camera_is_painted_in_the_style_that_was_chosen(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    Image.fromarray(style_pixels(96, 128)).save(tmp_path / "style.png")
    with running(tmp_path) as (address, _), chromium(*CAMERA) as browser:
        page = browser.new_page()
        page.set_default_timeout(LONG)
        page.goto(address)
        page.wait_for_selector("#style input[type=file]", state="attached")
        page.set_input_files("#style input[type=file]", tmp_path / "style.png")
        expect(page.locator("#style img")).to_be_visible(timeout=LONG)
        page.locator("#live button").first.click()
        camera = page.locator("#camera")
        camera.get_by_text("Click to Access Webcam").click()
        camera.get_by_text("Record").click()
        expect(page.locator("#live-painting img")).to_be_visible(timeout=LONG)
        rate = re.compile(r"[1-9][0-9.]* frames a second|0\.[0-9] frames a second")
        expect(page.locator("#live-status")).to_have_text(rate, timeout=LONG)
        camera.get_by_text("Stop").click()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_frame_is_reduced_to_the_size_of_a_painting(kind: str) -> None:
    assert frame_of(encoded((1280, 720), kind)).shape == (SIDE * 9 // 16, SIDE, 3)


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", encoded((64, 48))[:100], encoded((4000, 3000), "PNG")],
    ids=["empty", "text", "cut off", "too large"],
)
def test_a_frame_that_cannot_be_used_gets_a_sentence(data: bytes) -> None:
    with pytest.raises(InputError, match="The camera's picture cannot be read, or is too large"):
        frame_of(data)


def test_a_painter_serves_one_style_and_strength(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    Image.fromarray(style_pixels(64, 64)).save(tmp_path / "style.png")
    painter = LivePainter(str(tmp_path / "style.png"), 0.5, 1)
    assert painter.serves(str(tmp_path / "style.png"), 0.5)
    assert not painter.serves(str(tmp_path / "style.png"), 0.6)
    painting, rate = painter.paint(encoded((64, 48)))
    assert painting.shape == (SIDE * 3 // 4, SIDE, 3)
    assert painting.dtype == np.uint8
    assert rate == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/gradio_api/stream/" + 32 * "a", 200),
        ("POST", "/gradio_api/stream/" + 32 * "a" + "/close", 200),
        ("GET", "/gradio_api/stream/" + 32 * "a", 404),
        ("POST", "/gradio_api/stream/session/1/2/playlist.m3u8", 404),
    ],
)
def test_of_what_streams_only_frames_come_in(method: str, path: str, status: int) -> None:
    import anyio
    from starlette.responses import Response

    answers: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answers.append(int(str(message["status"])))

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [],
        "query_string": b"",
    }

    async def ask() -> None:
        await Door(Response("here"), 1000)(scope, receive, send)

    anyio.run(ask)
    assert answers == [status]
