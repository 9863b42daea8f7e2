"""A studio that runs for the tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
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
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    server = Server(workshop, "127.0.0.1", port, auth)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    while not server.started:
        time.sleep(0.05)
    urlopen(f"{address}/healthz", timeout=30).close()
    yield address, workshop
    server.should_exit = True
    thread.join(timeout=30)
    assert not thread.is_alive()
