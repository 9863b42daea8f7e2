"""Photograph the studio for `docs/studio.md`, in Chromium: `python tools/photograph_studio.py`."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paint_gallery import FOLDER, photograph
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from impasto.pictures import samples
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.opening import Address
from impasto.studio.server import Server

PORT = 7861
ADDRESS = f"http://127.0.0.1:{PORT}"
LONG = 120_000  # milliseconds
FLAGS = ["--no-sandbox", "--disable-gpu"]
PHOTOGRAPH, STYLE = photograph("chelsea.png"), samples.style("flowfield")


@contextmanager
def studio() -> Iterator[None]:
    """A studio of its own, while the photographs are taken."""
    opened = threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        Address.of("127.0.0.1", PORT).listen() as listener,
    ):
        server = Server(Workshop(Path(folder), Limits()), opened=opened.set)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        opened.wait()
        yield
        server.should_exit = True
        thread.join()


def visit(browser: Browser, language: str = "en-US", width: int = 1280) -> Page:
    """The page with both pictures chosen."""
    page = browser.new_page(locale=language, viewport={"width": width, "height": 860})
    page.set_default_timeout(LONG)
    page.goto(ADDRESS)
    for place, path in (("content", PHOTOGRAPH), ("style", STYLE)):
        page.set_input_files(f"#{place} input[type=file]", path)
        expect(page.locator(f"#{place} img")).to_be_visible(timeout=LONG)
    return page


def shoot(page: Page, name: str, height: int | None = None) -> None:
    """Take the page, from its top down to so many pixels or to its end."""
    page.mouse.move(0, 0)
    time.sleep(1)
    clip = FloatRect(x=0, y=0, width=1280, height=height) if height else None
    path = FOLDER / f"studio-{name}.png"
    page.screenshot(path=path, full_page=True, clip=clip)
    shrink(path)


def shrink(path: Path) -> None:
    """Reduce a screenshot to 256 colours: a third of the bytes, for the same look."""
    with Image.open(path) as image:
        reduced = image.convert("RGB").quantize(256)
    reduced.save(path, optimize=True)


def painting(browser: Browser) -> None:
    """While it paints, then the painting with photograph and files."""
    page = visit(browser)
    page.click("#paint")
    expect(page.locator("#status")).to_contain_text(re.compile("Step 1?[0-9]{2} of"), timeout=LONG)
    shoot(page, "painting")
    expect(page.locator("#compare")).to_be_visible(timeout=LONG)
    time.sleep(2)
    shoot(page, "done")


def painter(browser: Browser) -> None:
    """While a painter learns."""
    page = visit(browser)
    page.locator("#preset label").last.click()
    page.wait_for_selector("#learn")
    page.locator("#minutes input[type=number]").fill("3")
    page.click("#learn")
    learns = re.compile("Learning flowfield: (6[0-9]|7[0-9])%")
    expect(page.locator("#status")).to_contain_text(learns, timeout=3 * LONG)
    shoot(page, "painter")
    page.click("#stop")
    expect(page.locator("#files a").first).to_be_visible(timeout=LONG)


def regions(browser: Browser) -> None:
    """A second style, painted over the photograph."""
    page = visit(browser)
    page.get_by_text("A second style, and where it goes").click()
    page.set_input_files("#second input[type=file]", samples.style("woodcut"))
    canvas = page.locator("#brush canvas").first
    canvas.scroll_into_view_if_needed()
    time.sleep(2)
    box = canvas.bounding_box()
    assert box is not None  # noqa: S101 – for mypy
    left, top = box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    for row in range(8):
        across = left + (0.25 * box["width"] if row % 2 == 0 else 0)
        page.mouse.move(across, top + row * 0.06 * box["height"], steps=8)
    page.mouse.up()
    shoot(page, "regions")


def settings(browser: Browser) -> None:
    """Every setting, in Korean."""
    page = visit(browser, "ko-KR")
    page.get_by_text("모든 설정").click()
    shoot(page, "korean", 1300)


def broken(browser: Browser) -> None:
    """A file that is no picture."""
    page = visit(browser)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "holiday.png")
        file.write_bytes(b"no picture at all")
        page.set_input_files("#content input[type=file]", file)
        expect(page.get_by_text("is damaged or not a picture").first).to_be_visible(timeout=LONG)
        shoot(page, "error")


def phone(browser: Browser) -> None:
    """A phone's width."""
    shoot(visit(browser, width=375), "phone")


TAKES = {take.__name__: take for take in (painting, painter, regions, settings, broken, phone)}


def main() -> None:
    """Take every photograph, or those that are named."""
    chosen = [TAKES[name] for name in sys.argv[1:]] or list(TAKES.values())
    with studio(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for take in chosen:
            print(take.__name__, flush=True)
            take(browser)
        browser.close()


if __name__ == "__main__":
    main()
