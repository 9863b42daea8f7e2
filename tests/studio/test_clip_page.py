"""A clip on the studio's page, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as NotInTime

pytest.importorskip("av")

from browsing import chromium, needs_chromium, studio_page
from clip_files import frames_in, slowly, write_clip
from conftest import content_pixels, style_pixels
from impasto.studio import clips
from impasto.studio.limits import Limits
from impasto.video import keyframes
from studio_helpers import running

MOST = 60  # frames

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("studio"), Limits(frames=MOST)) as (made, _):
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    Image.fromarray(content_pixels(48, 64)).save(folder / "content.png")
    Image.fromarray(style_pixels(48, 64)).save(folder / "style.png")
    write_clip(folder / "clip.mp4", 6, sound=True)
    write_clip(folder / "long.mp4", MOST + 15, rate=Fraction(30))
    write_clip(folder / "slow.webm", 40)
    (folder / "text.mp4").write_text("no film\n")
    return folder


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from visit(browser, address)


def visit(browser: Browser, address: str, language: str = "en-US") -> Iterator[Page]:
    yield from studio_page(browser, address, language)


def choose_clip(page: Page, clip: Path) -> None:
    """Choose to paint a clip, and upload it; a click is lost if the page does not listen yet."""
    for _ in range(10):
        page.locator("#kind label").last.click()
        with suppress(NotInTime):
            page.wait_for_selector("#clip input[type=file]", state="attached", timeout=5000)
            break
        page.locator("#kind label").first.click()
    page.set_input_files("#clip input[type=file]", clip)


def paint(page: Page, files: Path, clip: str) -> None:
    choose_clip(page, files / clip)
    expect(page.locator("#status")).to_contain_text(re.compile("64×48"))
    page.set_input_files("#style input[type=file]", files / "style.png")
    expect(page.locator("#style img")).to_be_visible()
    page.click("#paint")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyframes, "paint", slowly)
    monkeypatch.setattr(clips, "VIEW_EVERY", 0.2)


@pytest.mark.usefixtures("slow")
def test_a_clip_is_painted_plays_on_the_page_and_can_be_downloaded(page: Page, files: Path) -> None:
    paint(page, files, "clip.mp4")
    film = page.locator("#film video")
    expect(film).to_be_visible()
    page.wait_for_function("document.querySelector('#film video').currentTime > 0")
    expect(page.locator("#status")).to_have_text("Painted: 6 frames of 64×48 pixels, 0.2 s.")
    expect(page.locator("#losses")).to_be_hidden()
    with page.expect_download() as started:
        page.locator("#files a").first.click()
    assert started.value.suggested_filename.endswith(".mp4")
    assert len(frames_in(started.value.path())) == 6


@pytest.mark.usefixtures("slow")
def test_a_clip_is_shown_as_it_is_painted_and_plays_as_far_when_it_is_stopped(
    page: Page, files: Path
) -> None:
    paint(page, files, "slow.webm")
    expect(page.locator("#painting img")).to_be_visible()
    going = re.compile(r"[1-9]\d* of 40 frames, about \d+ s left")
    expect(page.locator("#status")).to_contain_text(going)
    page.click("#stop")
    expect(page.locator("#film video")).to_be_visible()
    expect(page.locator("#status")).to_contain_text(re.compile(r"Stopped after \d+ of 40 frames"))


def test_what_concerns_photographs_alone_is_hidden_for_a_clip(page: Page) -> None:
    page.get_by_text("A second style, and where it goes").click()
    expect(page.locator("#brush")).to_be_visible()
    page.locator("#kind label").last.click()
    expect(page.locator("#brush")).to_be_hidden()
    expect(page.locator("#content")).to_be_hidden()
    expect(page.get_by_text("In a clip, both styles are blended.")).to_be_visible()
    page.locator("#kind label").first.click()
    expect(page.locator("#brush")).to_be_visible()
    expect(page.locator("#content")).to_be_visible()


def test_painting_without_a_clip_asks_for_one(page: Page) -> None:
    page.locator("#kind label").last.click()
    expect(page.locator("#clip")).to_be_visible()
    page.click("#paint")
    expect(page.get_by_text("Choose a clip and a style picture first.")).to_be_visible()


def test_a_clip_that_is_too_long_or_none_is_told_so_at_once(page: Page, files: Path) -> None:
    choose_clip(page, files / "long.mp4")
    sentence = "The clip has 75 frames (2.5 s), but this studio paints at most 60 (2.0 s)"
    expect(page.get_by_text(sentence)).to_be_visible()
    page.locator("#clip").get_by_label(re.compile("Clear|Remove")).first.click()
    page.wait_for_selector("#clip input[type=file]", state="attached")
    page.set_input_files("#clip input[type=file]", files / "text.mp4")
    expect(page.get_by_text("The clip 'text.mp4' is damaged or not a clip")).to_be_visible()


def test_in_korean_a_clip_is_asked_for_and_refused_in_korean(
    browser: Browser, address: str, files: Path
) -> None:
    for page in visit(browser, address, "ko-KR"):
        expect(page.locator("#kind label")).to_have_text(["사진", "영상"])
        choose_clip(page, files / "long.mp4")
        expect(page.locator("#clip")).to_contain_text("최대 60프레임")
        expect(page.get_by_text("이 스튜디오의 한도는 60프레임(2.0초)입니다")).to_be_visible()


def test_without_the_extra_the_place_for_a_clip_says_so(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "is_installed", lambda: False)
    with running(tmp_path) as (address, _):
        for page in visit(browser, address):
            page.locator("#kind label").last.click()
            expect(page.locator("#clip")).to_contain_text("This studio paints no clips")
            assert page.locator("#clip input[type=file]").count() == 0
