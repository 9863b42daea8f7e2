"""A studio that runs for the tests."""

from __future__ import annotations

import logging
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import anyio
import anyio.lowlevel
import pytest
from anyio import open_file  # noqa: F401 – a server thread that imports it may disturb another
from playwright.sync_api import Locator, Page, expect

from impasto.studio.controls import NAMES
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.opening import Address
from impasto.studio.server import Server


class _Tracebacks(logging.Handler):
    """What the servers of this process log or print that looks like a fault of the studio's."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] and record.levelno > logging.DEBUG:
            self.found.append(self.format(record))

    def print_exc(self, *_: Any, **__: Any) -> None:
        self.found.append(traceback.format_exc())


TRACEBACKS = _Tracebacks()

# Imported here, and not in a server's thread: pytest rewrites the module that this imports, and
# Python 3.11 may fail to parse it in a thread ("AST constructor recursion depth mismatch").
anyio.run(anyio.lowlevel.checkpoint)


@contextmanager
def no_traceback() -> Iterator[None]:
    """Fail if a server in this process logs or prints a traceback meanwhile.

    Every server that is made sets uvicorn's log up anew, so begin after that.
    """
    logging.getLogger("uvicorn").handlers = [TRACEBACKS]
    logging.getLogger().addHandler(TRACEBACKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traceback, "print_exc", TRACEBACKS.print_exc)
        yield
    found = list(TRACEBACKS.found)
    TRACEBACKS.found.clear()
    assert not found, "\n".join(found)


@contextmanager
def running(
    folder: Path,
    limits: Limits | None = None,
    port: int = 0,
    auth: tuple[str, str] | None = None,
) -> Iterator[tuple[str, Workshop]]:
    """A studio's address, and its workshop."""
    workshop = Workshop(folder, limits or Limits(), "cpu")
    place = Address.of("127.0.0.1", port)
    listener = place.listen()
    address = place.url(listener)
    opened = threading.Event()
    server = Server(workshop, auth, opened.set)
    with no_traceback():
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert opened.wait(timeout=60)
        urlopen(f"{address}/healthz", timeout=30).close()
        yield address, workshop
        server.should_exit = True
        thread.join(timeout=30)
        assert not thread.is_alive()


def fill_in(page: Page, settings: Mapping[str, str]) -> None:
    """Fill some of the expert's settings in, each by its name, once the page holds all of them."""
    if not _field(page, next(iter(settings))).is_visible():
        page.get_by_text(re.compile("All settings|모든 설정")).click()
        for name in NAMES:
            expect(page.locator(f"#setting-{name}")).to_be_visible()
        page.wait_for_timeout(100)  # what is typed as a field appears may be lost
    for name, value in settings.items():
        _field(page, name).fill(value)
    for name, value in settings.items():
        expect(_field(page, name)).to_have_value(value)


def _field(page: Page, name: str) -> Locator:
    return page.locator(f"#setting-{name}").locator("textarea, input").first
