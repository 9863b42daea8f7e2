"""The web server: page, health check, metrics, and orderly shutdown."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket
from types import FrameType
from typing import cast

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"  # calls between two summaries
os.environ["MPLBACKEND"] = "agg"  # read by Gradio at every call; not the one of a notebook

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from gradio.queueing import Queue
from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto._version import __version__
from impasto.pictures import samples
from impasto.process.interrupts import ENDING
from impasto.studio.connections import Connection
from impasto.studio.guards import Door, Gate, Listeners, OwnFiles
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.page import Page
from impasto.studio.theme import CSS, HEAD, THEME

# Errors that Gradio raises for malformed requests, instead of responding with an error.
MALFORMED = (AttributeError, FnIndexInferError, LookupError, TypeError, ValueError)
# Parts of Gradio's page: the mark of the sign-in page, and the list of what can be called.
SIGNS_IN = b'"auth_required":true'
API = re.compile(rb"(window\.gradio_api_info = )\{.*?\}(?=;</script>)", re.DOTALL)
WEEK = 7 * 24 * 3600.0  # seconds after which an unfinished painting is removed
SESSIONS = 500  # pages and programs that Gradio remembers; each takes about 200 KB
GRACE = 30  # seconds for the last step and the current requests when the server stops


def application(workshop: Workshop, auth: tuple[str, str] | None = None) -> FastAPI:
    """The application: the page, the health check and the metrics.

    Args:
        workshop: the jobs.
        auth: name and password that visitors need; None if everyone is let in.
    """
    app = FastAPI(title="impasto", version=__version__, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(workshop.metrics(), media_type="text/plain; version=0.0.4")

    page = Page(workshop)
    page.blocks.max_threads = max(40, 3 * workshop.limits.waiting)  # read by the next line
    page.blocks.queue(max_size=4 * workshop.limits.waiting, api_open=False)
    page.blocks.state_session_capacity = max(SESSIONS, 10 * workshop.limits.waiting)
    page.blocks.has_launched = True  # from now on, files are only served to their owners
    app.add_middleware(Head, text=HEAD.encode())
    app.add_middleware(OwnFiles, folder=Path(page.blocks.GRADIO_CACHE))
    app.add_middleware(
        Listeners,
        has_call=lambda event: _has_call(page.blocks._queue, event),
        has_session=lambda name: name in page.blocks._queue.pending_messages_per_session,
    )
    app.add_middleware(Door, most=workshop.limits.bytes)
    if auth is not None:
        app.add_middleware(
            Gate, visitors=auth, has_signed_in=lambda request: _has_signed_in(app, request)
        )
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        page.blocks,
        path="/",
        auth=auth,
        allowed_paths=[str(samples.PICTURES)],
        max_file_size=workshop.limits.bytes,
        show_error=False,
        enable_monitoring=False,
        ssr_mode=False,
        footer_links=["api"],
        i18n=page.i18n,
        theme=THEME,
        css=CSS,
    )
    for kind in MALFORMED:
        gradio_in(mounted).add_exception_handler(kind, _malformed)
    return mounted


def _has_call(queue: Queue, event: str) -> bool:
    """Whether Gradio's queue holds a call or the rest of its answer."""
    sessions = queue.pending_event_ids_session.values()
    return event in queue.event_ids_to_events or any(event in events for events in sessions)


def _has_signed_in(app: FastAPI, request: Request) -> bool:
    """Whether a request has the cookie that Gradio sets when a visitor signs in."""
    gradio = gradio_in(app)
    names = (f"access-token{kind}-{gradio.cookie_id}" for kind in ("", "-unsecure"))
    return any(request.cookies.get(name) in gradio.tokens for name in names)


def gradio_in(app: FastAPI) -> App:
    """Gradio's app within :func:`application`."""
    (mount,) = (route for route in app.routes if isinstance(route, Mount))
    return cast(App, mount.app)


def serve(
    listener: socket,
    folder: Path,
    limits: Limits,
    device: str,
    auth: tuple[str, str] | None,
    opened: Callable[[], None],
) -> int:
    """Serve until a signal asks the process to end; unfinished paintings are saved.

    Args:
        listener: the socket that listens for visitors.
        folder: the folder for paintings in progress.
        limits: the limits for a painting.
        device: the device of the runs.
        auth: name and password that visitors need; None if everyone is let in.
        opened: called once the server answers visitors.

    Returns:
        The number of the signal.
    """
    workshop = Workshop(folder, limits, device)
    _forget_old(folder)
    server = Server(workshop, auth, opened)
    server.run([listener])
    return server.asked or signal.SIGTERM


class Head:
    """Inserts a text at the start of the page's head, so that it runs first.

    It also removes the list of calls from the sign-in page.

    Args:
        app: the application behind it.
        text: the text to insert.
    """

    def __init__(self, app: ASGIApp, text: bytes) -> None:
        self.app, self.text = app, text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def gather(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            whole = body.replace(b"<head>", b"<head>" + self.text, 1)
            if SIGNS_IN in whole:
                whole = API.sub(rb"\1{}", whole)
            headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            headers.append((b"content-length", str(len(whole)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, gather)


async def _malformed(_request: Request, _error: Exception) -> Response:
    return Response("The request cannot be understood.", 400)


class Server(uvicorn.Server):
    """A server that ends and saves every painting before it stops, even while pages are open.

    Args:
        workshop: the jobs.
        auth: name and password that visitors need; None if everyone is let in.
        opened: called once the server answers visitors.

    Attributes:
        asked: the number of the signal that asked the server to stop; None before.
    """

    def __init__(
        self,
        workshop: Workshop,
        auth: tuple[str, str] | None = None,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        self.workshop, self.app = workshop, application(workshop, auth)
        self.asked: int | None = None
        self._opened = opened
        super().__init__(
            uvicorn.Config(
                self.app,
                http=Connection,
                ws="none",
                log_level="warning",
                timeout_graceful_shutdown=GRACE,
            )
        )

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start the server, then call ``opened``."""
        await super().startup(sockets)
        self._opened()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End every painting, then close the connections of open pages and stop."""
        self.workshop.end()
        gradio_in(self.app).stop_event.set()
        await super().shutdown(sockets)
        until = time.monotonic() + GRACE
        while self.workshop.jobs and not self.force_exit and time.monotonic() < until:
            await asyncio.sleep(0.05)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals stop the server in order; the caller sets the exit code."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {
            number: signal.signal(number, self.handle_exit)
            for number in ENDING
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Stop the server; at a second signal, do not wait for requests."""
        self.force_exit = self.asked is not None
        self.asked = sig
        self.should_exit = True


def _forget_old(folder: Path) -> None:
    for job in folder.iterdir():
        with suppress(OSError):  # another studio may have forgotten it already
            if time.time() - job.stat().st_mtime > WEEK:
                shutil.rmtree(job, ignore_errors=True)
