"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from impasto.studio.controls import NAMES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "there is no Chromium: apt-get install chromium"
LONG = 60_000  # milliseconds
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

if CHROMIUM is None and "CI" in os.environ:
    raise RuntimeError(NO_CHROMIUM)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def studio_page(browser: Browser, address: str, language: str) -> Iterator[Page]:
    """The page of the studio, in a context of its own that speaks a language."""
    expect.set_options(timeout=LONG)
    context = browser.new_context(locale=language)
    page = context.new_page()
    page.set_default_timeout(LONG)
    page.goto(address)
    page.wait_for_selector("#content input[type=file]", state="attached")
    yield page
    context.close()


def fill_in(page: Page, settings: Mapping[str, str]) -> None:
    """Fill some of the expert's settings in, each by its name, once the page holds all of them."""
    if not _field(page, next(iter(settings))).is_visible():
        page.get_by_text(re.compile("All settings|모든 설정")).click()
        for name in NAMES:
            expect(page.locator(f"#setting-{name}")).to_be_visible()
        page.wait_for_timeout(100)
    for name, value in settings.items():
        _field(page, name).fill(value)
    for name, value in settings.items():
        expect(_field(page, name)).to_have_value(value)


def _field(page: Page, name: str) -> Locator:
    return page.locator(f"#setting-{name}").locator("textarea, input").first
