"""Painters on the studio's page, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from browsing import chromium, needs_chromium, studio_page
from conftest import content_pixels, style_pixels
from impasto import Painter
from impasto.studio.limits import Limits
from painter_files import random_painter
from studio_helpers import fill_in, running

MINUTES = 3.0

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("studio"), Limits(minutes=MINUTES)) as (made, _):
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(content_pixels(48, 64)).save(folder / "photo.png")
    Image.fromarray(style_pixels(48, 64)).save(folder / "oil.png")
    random_painter().save(folder / "two.safetensors")
    (folder / "text.safetensors").write_text("no painter\n")
    return folder


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from visit(browser, address)


def visit(browser: Browser, address: str, language: str = "en-US") -> Iterator[Page]:
    """The page with the choice of a painter."""
    for page in studio_page(browser, address, language):
        page.locator("#preset label").last.click()
        page.wait_for_selector("#painter input[type=file]", state="attached")
        yield page


def choose(page: Page, files: Path, place: str, name: str) -> None:
    page.set_input_files(f"#{place} input[type=file]", files / name)
    expect(page.locator(f"#{place} img")).to_be_visible()


def choose_painter(page: Page, files: Path, name: str) -> None:
    page.set_input_files("#painter input[type=file]", files / name)


def painted(page: Page, size: tuple[int, int]) -> None:
    """Press *Paint*, and wait for a painting of that size in one pass."""
    page.click("#paint")
    expect(page.locator("#compare")).to_be_visible()
    sentence = "Painted: {}×{} pixels in one pass.".format(*size)
    expect(page.locator("#status")).to_have_text(sentence)
    with page.expect_download() as started:
        page.locator("#files a").first.click()
    with Image.open(started.value.path()) as image:
        assert image.size == size
        assert '"painter"' in image.info["impasto"]


def test_a_painter_is_trained_watched_stopped_kept_and_paints(
    page: Page, files: Path, tmp_path: Path
) -> None:
    quick = {"size": "64", "content_layers": "conv2_1", "style_layers": "conv1_1"}
    fill_in(page, quick)
    choose(page, files, "style", "oil.png")
    choose(page, files, "content", "photo.png")
    page.locator("#minutes input[type=number]").fill("2")
    page.click("#learn")
    going = re.compile(r"Learning oil: \d+%, about \d+ (s|min) left\. Step \d+, loss")
    expect(page.locator("#status")).to_have_text(going)
    expect(page.locator("#painting img")).to_be_visible()
    page.click("#stop")
    expect(page.locator("#status")).to_contain_text(
        re.compile(r"Stopped after step \d+: the painter is kept as it is")
    )
    with page.expect_download() as started:
        page.locator("#files a").first.click()
    assert started.value.suggested_filename == "oil.safetensors"
    kept = tmp_path / "oil.safetensors"
    started.value.save_as(kept)
    assert Painter.load(kept).styles == ("oil",)
    painted(page, (64, 48))
    page.locator("#painter").get_by_label(re.compile("Clear|Remove")).first.click()
    choose_painter(page, files, "two.safetensors")
    expect(page.locator("#status")).to_have_text("This painter has learned: oil, ink.")
    trained = page.locator("#trained-painters input")
    expect(trained).to_have_value("oil")
    trained.click()
    page.get_by_role("option", name="oil").first.click()
    expect(page.locator("#status")).to_have_text("This painter has learned: oil.")


def test_an_uploaded_painter_paints_in_each_of_its_styles(page: Page, files: Path) -> None:
    choose(page, files, "content", "photo.png")
    choose_painter(page, files, "two.safetensors")
    expect(page.locator("#status")).to_have_text("This painter has learned: oil, ink.")
    style = page.locator("#painter-style input")
    expect(style).to_have_value("oil")
    style.fill("ink")
    style.press("Enter")
    painted(page, (512, 384))


def test_what_is_no_painter_is_told_so_at_once(page: Page, files: Path) -> None:
    choose_painter(page, files, "text.safetensors")
    sentence = "'text.safetensors' cannot be read: it is damaged, or is not a safetensors file."
    expect(page.get_by_text(sentence)).to_be_visible()


def test_what_is_missing_is_asked_for(page: Page) -> None:
    page.click("#paint")
    expect(page.get_by_text("Choose a photograph or a clip, and a painter first.")).to_be_visible()
    page.click("#learn")
    expect(page.get_by_text("Choose a style picture to learn first.")).to_be_visible()


def test_what_concerns_painters_is_shown_for_painters_alone(page: Page) -> None:
    expect(page.locator("#painters")).to_be_visible()
    page.locator("#preset label").first.click()
    expect(page.locator("#painters")).to_be_hidden()


def test_in_korean_a_painter_is_asked_for_and_refused_in_korean(
    browser: Browser, address: str, files: Path
) -> None:
    for page in visit(browser, address, "ko-KR"):
        expect(page.locator("#learn")).to_have_text("이 스타일 배우기")
        choose_painter(page, files, "text.safetensors")
        expect(page.get_by_text("손상되었거나 safetensors 파일이 아닙니다")).to_be_visible()


def test_a_server_without_minutes_trains_no_painters(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path, Limits(minutes=0)) as (address, _):
        for page in visit(browser, address):
            expect(page.locator("#painters")).to_contain_text("This studio trains no painters.")
            expect(page.locator("#learn")).to_be_hidden()
