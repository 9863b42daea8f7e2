"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
