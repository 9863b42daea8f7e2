"""A notebook shows the painting and the bar, and Ctrl-C keeps the best picture so far."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

manager = pytest.importorskip("jupyter_client.manager")
pytest.importorskip("ipykernel")

PICTURES = """
import numpy as np, impasto
drawn = np.random.default_rng(0)
content, style = (drawn.integers(0, 256, (32, 48, 3), dtype=np.uint8) for _ in range(2))
SMALL = {"size": (48, 32), "levels": 1, "style_layers": "conv1_1", "content_layers": "conv2_1"}
def paint(steps, **others):
    return impasto.stylize(content, style, {**SMALL, "steps": steps}, device="cpu", **others)
"""


class Notebook:
    """A kernel, and the messages that it sends for one cell after another."""

    def __init__(self) -> None:
        self.kernel, self.client = manager.start_new_kernel()

    def run(self, code: str, interrupt_at: str | None = None) -> list[dict[str, Any]]:
        """What a cell shows; the kernel is interrupted once the cell has printed a word."""
        number = self.client.execute(code)
        shown: list[dict[str, Any]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != number:
                continue
            content = message["content"]
            if content.get("execution_state") == "idle":
                return shown
            if message["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))
            if interrupt_at is not None and interrupt_at in content.get("text", ""):
                self.kernel.interrupt_kernel()
                interrupt_at = None
            shown.append({"kind": message["msg_type"], **content})

    def close(self) -> None:
        self.client.stop_channels()
        self.kernel.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    opened = Notebook()
    try:
        opened.run(PICTURES)
        yield opened
    finally:
        opened.close()


def result_of(shown: list[dict[str, Any]]) -> dict[str, Any]:
    (data,) = (one["data"] for one in shown if one["kind"] == "execute_result")
    return dict(data)


def test_a_result_is_shown_as_its_painting(notebook: Notebook) -> None:
    data = result_of(notebook.run("paint(2)"))
    assert set(data) == {"text/plain", "image/png"}
    assert data["text/plain"].startswith("<Result: 48×32 pixels after 2 steps")
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size == (48, 32)


def test_the_bar_is_drawn_below_the_cell(notebook: Notebook) -> None:
    shown = notebook.run("paint(3, progress=True).stopped")
    drawn = [one for one in shown if one["kind"] in ("display_data", "update_display_data")]
    assert drawn[0]["kind"] == "display_data"
    assert len({one["transient"]["display_id"] for one in drawn}) == 1
    assert "step 3/3" in drawn[-1]["data"]["text/plain"]
    assert "text/html" in drawn[-1]["data"]
    assert not [one for one in shown if one["kind"] == "stream"]


CLIP = """
from impasto.video.method import VideoStep
from impasto.video.showing import showing
with showing(3) as told:
    for number in (1, 2, 3):
        told.painted(VideoStep(number, number / 3))
"""


def test_the_bar_of_a_clip_is_drawn_below_the_cell(notebook: Notebook) -> None:
    shown = notebook.run(CLIP)
    drawn = [one for one in shown if one["kind"] in ("display_data", "update_display_data")]
    assert len({one["transient"]["display_id"] for one in drawn}) == 1
    assert "Painting" in drawn[-1]["data"]["text/plain"]
    assert "3/3 frames" in drawn[-1]["data"]["text/plain"]


def test_ctrl_c_keeps_the_best_picture_so_far(notebook: Notebook) -> None:
    notebook.run(
        "kept = paint(10000, on_step=lambda step: print('at', step.number, flush=True))",
        interrupt_at="at ",
    )
    data = result_of(notebook.run("kept.stopped, 0 < len(kept.history) < 10000, kept.image.size"))
    assert data["text/plain"] == "('the run was interrupted', True, (48, 32))"
