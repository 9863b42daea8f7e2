"""The documentation site in a real browser: complete, offline, on a desk and on a phone."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from pages import ROOT
from playwright.sync_api import BrowserContext, Page, expect

from browsing import chromium, needs_chromium

pytest.importorskip("myst_nb", reason="make docs needs a newer Python")
pytestmark = needs_chromium

PAGES = [
    page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
    for page in sorted((ROOT / "docs").rglob("*.md"))
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, but without running the tutorial."""
    folder = tmp_path_factory.mktemp("site")
    for source, target in (("docs", folder), ("docs/ko", folder / "ko")):
        built = subprocess.run(
            [
                *(sys.executable, "-m", "sphinx", "-q", "--fail-on-warning", "--keep-going"),
                *("-D", "nb_execution_mode=off", "-d", folder.parent / f"doctrees-{target.name}"),
                *(ROOT / source, target),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with chromium() as opened:
        yield opened.new_context()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    """A page of the browser; requests to another machine, and errors of scripts, fail the test."""
    page = browser.new_page()
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.on("pageerror", lambda error: outside.append(str(error)))
    yield page
    page.close()
    assert [url for url in outside if not url.startswith(("file://", "data:", "blob:"))] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_shows_its_pictures(name: str, site: Path, page: Page) -> None:
    page.goto((site / name).as_uri())
    expect(page.locator("h1")).to_have_count(1)
    for width in (1280, 390):  # of a desk, and of a phone
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.locator("article img")
    for index in range(pictures.count()):
        pictures.nth(index).evaluate("image => image.decode()")  # raises if it is not there
    assert page.locator("html").get_attribute("lang") == ("ko" if name.startswith("ko/") else "en")


class Read(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and "href" in given:
            self.links.add(given["href"] or "")
        self.anchors.add(given.get("id") or "")


@functools.cache
def read(page: Path) -> Read:
    return Read(page)


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_to_pages_of_the_site(name: str, site: Path) -> None:
    addresses = {urljoin((site / name).as_uri(), link) for link in read(site / name).links}
    for address in {address for address in addresses if address.startswith("file://")}:
        parts = urlsplit(address)
        target = Path(unquote(parts.path))
        assert target.is_file(), f"{name} links to {address}"
        if parts.fragment and target.suffix == ".html":
            assert unquote(parts.fragment) in read(target).anchors, address


@pytest.mark.parametrize(
    ("start", "word", "found"),
    [
        ("index.html", "checkpoint", "Continue an interrupted run"),
        ("ko/index.html", "체크포인트", "중단된 실행 이어 가기"),
    ],
)
def test_the_search_works_without_a_server(
    start: str, word: str, found: str, site: Path, page: Page
) -> None:
    page.goto((site / start).as_uri())
    page.locator("input.sidebar-search").fill(word)
    page.keyboard.press("Enter")
    expect(page.locator("#search-results")).to_contain_text(found, timeout=30_000)


def test_a_page_leads_to_the_same_page_in_the_other_language_and_back(
    site: Path, page: Page
) -> None:
    page.goto((site / "how-to" / "regions.html").as_uri())
    page.get_by_role("link", name="한국어").click()
    expect(page.locator("h1")).to_contain_text("영역마다 다른 스타일로 그리기")
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_contain_text("Paint regions in different styles")
    page.goto((site / "performance.html").as_uri())
    page.get_by_role("link", name="한국어").click()
    expect(page.locator("h1")).to_contain_text("impasto")


def test_a_formula_is_drawn_by_the_browser_itself(site: Path, page: Page) -> None:
    page.goto((site / "tutorial.html").as_uri())
    formula = page.locator("div.math math").first
    box = formula.bounding_box()
    assert box is not None
    assert box["height"] > 20
    assert page.locator("div.math math").count() == 4


def test_the_reference_describes_every_public_name(site: Path) -> None:
    import impasto

    text = (site / "api.html").read_text("utf-8")
    for name in impasto.__all__:
        assert f'id="impasto.{name}"' in text or name == "__version__", name
