"""A studio that runs for the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.opening import Address
from impasto.studio.server import Server


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
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert opened.wait(timeout=60)
    urlopen(f"{address}/healthz", timeout=30).close()
    yield address, workshop
    server.should_exit = True
    thread.join(timeout=30)
    assert not thread.is_alive()
