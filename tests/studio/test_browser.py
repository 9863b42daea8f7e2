"""The studio's page in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, expect

from browsing import chromium, needs_chromium
from conftest import content_pixels, style_pixels
from impasto import Recipe
from impasto.studio.jobs import Workshop
from studio_helpers import fill_in, running

LONG = 60_000  # milliseconds
# What a new page does first; when it is loaded again, it finds what it has stored.
FORGET = "if (!sessionStorage.length) { localStorage.clear(); sessionStorage.setItem('own', '1'); }"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workshop]]:
    with running(tmp_path_factory.mktemp("studio")) as made:
        yield made


@pytest.fixture
def address(studio: tuple[str, Workshop]) -> str:
    return studio[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _left(browser: Browser) -> Iterator[None]:
    """Every test leaves its pages: one that paints on would be in the way of the next."""
    yield
    for context in browser.contexts:
        for page in context.pages:
            page.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(content_pixels(192, 256)).save(folder / "content.png")
    Image.fromarray(style_pixels(192, 256)).save(folder / "style.png")
    (folder / "broken.png").write_bytes(b"no picture at all")
    return folder


@cache
def visitor(browser: Browser, language: str) -> BrowserContext:
    """A browser that has cached what the page loads, which is quick from the second visit on."""
    context = browser.new_context(locale=language)
    context.add_init_script(FORGET)
    return context


def visit(browser: Browser, address: str, language: str = "en-US", width: int = 1280) -> Page:
    """The page as who comes for the first time sees it; requests to anywhere else fail the test."""
    context = visitor(browser, language)
    context.clear_cookies()
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.set_default_timeout(LONG)
    expect.set_options(timeout=LONG)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(address)
    page.wait_for_selector("#paint")
    page.wait_for_selector("#content input[type=file]", state="attached")
    own = (address, "data:", "blob:")
    assert [url for url in outside if not url.startswith(own)] == []
    return page


def choose(page: Page, pictures: Path, content: str = "content.png") -> None:
    for place, name in (("content", content), ("style", "style.png")):
        page.set_input_files(f"#{place} input[type=file]", pictures / name)
        expect(page.locator(f"#{place} img")).to_be_visible()


def quick(page: Page, size: int, steps: int) -> None:
    """Settings with which a step takes a moment."""
    layers = {"content_layers": "conv2_1", "style_layers": "conv1_1"}
    fill_in(page, {"size": str(size), "steps": str(steps), **layers})


def painting(page: Page) -> bytes:
    """What the preview shows."""
    image = page.locator("#painting img")
    expect(image).to_be_visible()
    return page.request.get(str(image.get_attribute("src"))).body()


def download(page: Page) -> Path:
    """The PNG that is offered once it is painted."""
    link = page.locator("#files a").first
    with page.expect_download() as started:
        link.click()
    return Path(started.value.path())


def shown_in_brush(page: Page) -> Locator:
    """The editor's canvas, once it shows the content: its arrival takes away what was painted."""
    canvas = page.locator("#brush canvas").first
    canvas.scroll_into_view_if_needed()
    by = time.monotonic() + LONG / 1000
    while len(np.unique(_screenshot(canvas).reshape(-1, 3), axis=0)) < 1000:
        assert time.monotonic() < by, "the editor shows no picture"
        page.wait_for_timeout(50)
    return canvas


def _screenshot(place: Locator) -> NDArray[np.uint8]:
    with Image.open(BytesIO(place.screenshot())) as image:
        return np.asarray(image.convert("RGB"))


def test_two_pictures_become_a_painting_that_can_be_watched_stopped_and_kept(
    browser: Browser, address: str, pictures: Path
) -> None:
    page = visit(browser, address)
    choose(page, pictures)
    quick(page, 128, 2000)
    page.click("#paint")
    seen: set[bytes] = set()
    deadline = time.monotonic() + 90
    while len(seen) < 3 and time.monotonic() < deadline:
        seen.add(painting(page))
        time.sleep(0.2)
    assert len(seen) >= 3
    expect(page.locator("#status")).to_contain_text("of 2000")
    page.click("#stop")
    expect(page.locator("#status")).to_contain_text("Stopped after step")
    expect(page.locator("#compare")).to_be_visible()
    with Image.open(download(page)) as image:
        assert image.size == (128, 96)
        assert "impasto" in image.info
    expect(page.locator("#history img").first).to_be_visible()


def test_who_leaves_the_page_makes_room(
    browser: Browser, studio: tuple[str, Workshop], pictures: Path
) -> None:
    address, workshop = studio
    page = visit(browser, address)
    choose(page, pictures)
    quick(page, 128, 2000)
    page.click("#paint")
    painting(page)
    assert len(workshop.queue) == 1
    page.close()
    deadline = time.monotonic() + 60
    while len(workshop.queue) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(workshop.queue) == 0


def test_whoever_is_about_to_leave_a_painting_in_progress_is_asked(
    browser: Browser, studio: tuple[str, Workshop], pictures: Path
) -> None:
    address, workshop = studio
    page = visit(browser, address)
    asked: list[str] = []

    def stay_once(dialog: Dialog) -> None:
        asked.append(dialog.type)
        if len(asked) == 1:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", stay_once)
    choose(page, pictures)
    quick(page, 128, 2000)
    page.click("#paint")
    painting(page)
    page.click("#switch")
    page.wait_for_timeout(100)
    step = str(page.locator("#status").text_content())
    expect(page.locator("#status")).not_to_have_text(step)
    page.click("#switch")
    expect(page.locator("#paint")).to_have_text("그리기")
    assert asked == ["beforeunload", "beforeunload"]
    deadline = time.monotonic() + 60
    while len(workshop.queue) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(workshop.queue) == 0
    page.reload()
    assert len(asked) == 2


def test_a_screen_reader_is_told_of_the_status_but_not_of_every_step(
    browser: Browser, address: str, pictures: Path
) -> None:
    page = visit(browser, address)
    told = page.get_by_role("status").and_(page.locator("#told"))
    choose(page, pictures)
    quick(page, 128, 2000)
    page.click("#paint")
    expect(page.locator("#status")).to_contain_text("of 2000")
    expect(page.locator("#stop")).to_be_enabled()
    page.evaluate(
        "() => { window.heard = []; new MutationObserver(() => window.heard.push(1))"
        ".observe(document.querySelector('#told'), { childList: true }); }"
    )
    page.wait_for_timeout(3000)
    assert len(page.evaluate("window.heard")) <= 1
    page.click("#stop")
    expect(told).to_contain_text("Stopped after step")


def test_a_painting_goes_on_after_the_server_was_stopped(
    browser: Browser, pictures: Path, tmp_path: Path
) -> None:
    with running(tmp_path) as (address, _):
        page = visit(browser, address)
        choose(page, pictures)
        quick(page, 192, 60)
        page.click("#paint")
        painting(page)
    with running(tmp_path, port=int(address.rpartition(":")[2])):
        page.reload()
        page.click("#go-on")
        expect(page.locator("#status")).to_contain_text("Painted")
        expect(page.locator("#status")).to_contain_text("60 steps")


def test_a_broken_picture_is_told_in_one_sentence(
    browser: Browser, address: str, pictures: Path
) -> None:
    page = visit(browser, address)
    page.set_input_files("#style input[type=file]", pictures / "style.png")
    page.set_input_files("#content input[type=file]", pictures / "broken.png")
    expect(page.get_by_text("The photograph 'broken.png' is damaged or not a")).to_be_visible()


def test_a_broken_picture_ends_the_quick_preview(
    browser: Browser, address: str, pictures: Path
) -> None:
    page = visit(browser, address)
    choose(page, pictures)
    expect(page.locator("#status")).to_contain_text("This is a quick preview")
    page.locator("#content").get_by_label(re.compile("Clear|Remove")).first.click()
    page.set_input_files("#content input[type=file]", pictures / "broken.png")
    expect(page.locator("#status")).to_contain_text("Choose what is painted")
    expect(glimpsed(page)).to_be_hidden()


def test_what_is_to_be_known_of_a_picture_stands_under_the_status(
    browser: Browser, address: str, pictures: Path
) -> None:
    pixels = np.full((96, 128, 4), 255, np.uint8)
    pixels[:20, :20, 3] = 0
    Image.fromarray(pixels).save(pictures / "transparent.png")
    for language, sentence in (("en-US", "it is laid on white"), ("ko-KR", "흰색으로 채웠습니다")):
        page = visit(browser, address, language)
        choose(page, pictures, "transparent.png")
        quick(page, 64, 2)
        page.click("#paint")
        expect(page.locator("#notes")).to_contain_text(sentence)
        expect(page.locator("#status")).to_contain_text(re.compile("Painted|완성"))
        expect(page.locator("#notes")).to_contain_text(sentence)


def test_painting_nothing_asks_for_pictures(browser: Browser, address: str) -> None:
    page = visit(browser, address)
    page.click("#paint")
    expect(page.get_by_text("Choose a photograph and a style picture first.")).to_be_visible()


# Holds back what closes the stream of answers after a refusal, as a slow network may, until
# `release` is called.
SLOW_CLOSE = """
const request = window.fetch.bind(window);
const released = new Promise((release) => { window.release = release; });
window.fetch = async (...call) => {
  const response = await request(...call);
  if (!response.url.includes("/queue/data")) return response;
  const whole = new TextDecoder();
  let refused = false;
  const slow = new TransformStream({
    async transform(bytes, controller) {
      for (const message of whole.decode(bytes).split(/(?<=\\n\\n)/)) {
        refused ||= message.includes('"success":false');
        if (refused && message.includes("close_stream")) {
          window.holds = true;
          await released;
        }
        controller.enqueue(new TextEncoder().encode(message));
      }
    },
  });
  return new Response(response.body.pipeThrough(slow), response);
};
"""


def test_a_call_that_is_accepted_while_the_stream_closes_is_answered(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(locale="en-US")
    context.add_init_script(SLOW_CLOSE)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#content input[type=file]", state="attached")
    asked = page.get_by_text("Choose a photograph and a style picture first.")
    page.click("#paint")
    expect(asked).to_have_count(1)
    page.wait_for_function("window.holds")
    with page.expect_response(re.compile("/queue/join")):
        page.click("#paint")
    page.evaluate("window.release()")
    expect(asked).to_have_count(2)
    context.close()


def test_a_choice_made_before_the_last_one_is_answered_counts(
    browser: Browser, address: str
) -> None:
    page = visit(browser, address)
    fill_in(page, {"steps": "1"})
    for preset in ("fine", "fast"):
        with page.expect_request(re.compile("/queue/join")):
            page.locator("#preset label").get_by_text(preset, exact=True).click()
    steps = page.locator("#setting-steps").locator("textarea, input").first
    expect(steps).to_have_value(str(Recipe.preset("fast").steps))


def test_korean_by_the_browser_and_by_the_switch(browser: Browser, address: str) -> None:
    page = visit(browser, address, "ko-KR")
    expect(page.locator("#paint")).to_have_text("그리기")
    page.click("#switch")
    expect(page.locator("#paint")).to_have_text("Paint")
    page.reload()
    expect(page.locator("#paint")).to_have_text("Paint")
    page.click("#switch")
    expect(page.locator("#paint")).to_have_text("그리기")


def test_settings_and_errors_are_korean_too(browser: Browser, address: str, pictures: Path) -> None:
    page = visit(browser, address, "ko-KR")
    fill_in(page, {"steps": "0"})
    expect(page.locator("#setting-steps")).to_contain_text("손실과 기울기를 계산하는 횟수")
    expect(page.locator("#setting-pooling")).to_contain_text("풀링")
    expect(page.locator("#setting-color input")).to_have_value("style")
    page.set_input_files("#content input[type=file]", pictures / "broken.png")
    expect(page.get_by_text("손상되었거나 읽을 수 없는 그림입니다").first).to_be_visible()


def test_a_phone_s_width_needs_no_scrolling_sideways(browser: Browser, address: str) -> None:
    page = visit(browser, address, width=375)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375
    expect(page.locator("#paint")).to_be_visible()


def test_a_region_painted_by_mouse_changes_the_painting(
    browser: Browser, address: str, pictures: Path
) -> None:
    results = []
    for is_painted in (False, True):
        page = visit(browser, address)
        choose(page, pictures)
        page.get_by_text("A second style, and where it goes").click()
        page.set_input_files("#second input[type=file]", pictures / "content.png")
        if is_painted:
            canvas = shown_in_brush(page)
            box = canvas.bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x - 60, y)
            page.mouse.down()
            page.mouse.move(x + 60, y + 20, steps=10)
            page.mouse.up()
        quick(page, 96, 8)
        page.click("#paint")
        expect(page.locator("#status")).to_contain_text("Painted")
        with Image.open(download(page)) as image:
            results.append((np.asarray(image), image.info["impasto"]))
    assert '"mask"' not in results[0][1]
    assert '"mask"' in results[1][1]
    assert (results[0][0] != results[1][0]).any()


def test_who_has_the_password_comes_in(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path / "studio", auth=("anna", "secret")) as (address, _):
        page = browser.new_context(locale="en-US").new_page()
        page.set_default_timeout(LONG)
        page.goto(address)
        for password in ("wrong", "secret"):
            page.locator("input").nth(0).fill("anna")
            page.locator("input[type=password]").fill(password)
            assert page.locator("#paint").count() == 0
            with page.expect_response(lambda response: "login" in response.url):
                page.get_by_role("button", name="Login").click()
        page.wait_for_selector("#paint")


def glimpsed(page: Page) -> Locator:
    return page.locator("#glimpse img")


def test_two_pictures_are_shown_painted_before_anyone_paints(
    browser: Browser, studio: tuple[str, Workshop], pictures: Path
) -> None:
    address, workshop = studio
    for language, words in (
        ("en-US", "This is a quick preview"),
        ("ko-KR", "빠른 미리 보기입니다"),
    ):
        page = visit(browser, address, language)
        choose(page, pictures)
        expect(glimpsed(page)).to_be_visible()
        expect(page.locator("#status")).to_contain_text(words)
        assert not workshop.jobs
        assert len(workshop.queue) == 0
    with Image.open(BytesIO(shown_in(page, glimpsed(page)))) as image:
        assert image.size == (512, 384)
    quick(page, 64, 3)
    page.click("#paint")
    expect(page.locator("#compare")).to_be_visible()
    expect(glimpsed(page)).to_be_hidden()


def shown_in(page: Page, image: Locator) -> bytes:
    return page.request.get(str(image.get_attribute("src"))).body()


def test_without_the_extra_there_is_no_quick_preview(
    browser: Browser, address: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.network.instant.is_installed", lambda: False)
    page = visit(browser, address)
    choose(page, pictures)
    quick(page, 64, 3)
    page.click("#paint")
    expect(page.locator("#compare")).to_be_visible()
    expect(glimpsed(page)).to_be_hidden()


def test_instant_paints_without_a_plot_of_losses(
    browser: Browser, address: str, pictures: Path
) -> None:
    page = visit(browser, address, "ko-KR")
    offered = page.locator("#preset label")
    expect(offered).to_have_text(["instant", "default", "fast", "fine", "화가"])
    offered.first.click()
    choose(page, pictures)
    page.click("#paint")
    expect(page.locator("#status")).to_contain_text("한 번에 그린 512×384픽셀")
    expect(page.locator("#losses")).to_be_hidden()
    with Image.open(download(page)) as image:
        assert image.size == (512, 384)
        assert '"method": "instant"' in image.info["impasto"]
    offered.nth(3).click()
    quick(page, 64, 3)
    page.click("#paint")
    expect(page.locator("#status")).to_contain_text("3스텝")
    expect(page.locator("#losses svg.marks")).to_be_visible()


def test_without_the_extra_instant_is_no_choice(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.network.instant.is_installed", lambda: False)
    with running(tmp_path) as (address, _):
        page = visit(browser, address)
        expect(page.locator("#preset label")).to_have_text(["default", "fast", "fine", "painter"])
