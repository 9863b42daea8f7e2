"""The web server: the page, the health check, the metrics, and the shutdown."""

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
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"  # calls between two summaries of all
os.environ["MPLBACKEND"] = "agg"  # asked by Gradio at every call; a notebook's is not ours

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
from impasto.studio.page import CSS, HEAD, THEME, Page

# What Gradio raises when a request is not as it should be, rather than answering so.
MALFORMED = (AttributeError, FnIndexInferError, LookupError, TypeError, ValueError)
# In the page that Gradio makes: that it is the one to sign in, and what can be called.
SIGNS_IN = b'"auth_required":true'
API = re.compile(rb"(window\.gradio_api_info = )\{.*?\}(?=;</script>)", re.DOTALL)
WEEK = 7 * 24 * 3600.0  # seconds, after which nobody goes on with a painting any more
GRACE = 30  # seconds that a last step, and the requests under way, may still take


def application(workshop: Workshop, auth: tuple[str, str] | None = None) -> FastAPI:
    """The web application with the page and the other routes.

    Args:
        workshop: that paints.
        auth: name and password that visitors need.
    """
    app = FastAPI(title="impasto", version=__version__, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(workshop.metrics(), media_type="text/plain; version=0.0.4")

    page = Page(workshop)
    page.blocks.queue(max_size=4 * workshop.limits.waiting, api_open=False)
    page.blocks.max_threads = max(40, 3 * workshop.limits.waiting)
    page.blocks.has_launched = True  # from here on files are only served to whom they belong
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
    """Whether a request has Gradio's cookie of a signed-in visitor."""
    gradio = gradio_in(app)
    names = (f"access-token{kind}-{gradio.cookie_id}" for kind in ("", "-unsecure"))
    return any(request.cookies.get(name) in gradio.tokens for name in names)


def gradio_in(app: FastAPI) -> App:
    """Gradio's application within :func:`application`."""
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
    """Serve until the process is asked to end; unfinished paintings are then saved.

    Args:
        listener: where visitors come in.
        folder: for what is being painted.
        limits: of a painting.
        device: that paints.
        auth: name and password that visitors need.
        opened: called once visitors are answered.

    Returns:
        The signal that asked.
    """
    workshop = Workshop(folder, limits, device)
    _forget_old(folder)
    server = Server(workshop, auth, opened)
    server.run([listener])
    return server.asked or signal.SIGTERM


class Head:
    """Inserts a text at the start of the page, before its scripts.

    The page to sign in says nothing of what can be called behind it.

    Args:
        app: what answers.
        text: what the page begins with.
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
    """A server that saves every painting before it ends, even if pages are open.

    Args:
        workshop: that paints.
        auth: name and password that visitors need.
        opened: called once visitors are answered.

    Attributes:
        asked: the signal that asked it to end.
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
        """Start, and then report that the studio is open."""
        await super().startup(sockets)
        self._opened()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End the paintings, and then the connections of open pages."""
        self.workshop.end()
        gradio_in(self.app).stop_event.set()
        await super().shutdown(sockets)
        until = time.monotonic() + GRACE
        while self.workshop.jobs and not self.force_exit and time.monotonic() < until:
            await asyncio.sleep(0.05)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals shut the server down, and leave the exit code to the caller."""
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
        """Shut down; at a second signal, without waiting."""
        self.force_exit = self.asked is not None
        self.asked = sig
        self.should_exit = True


def _forget_old(folder: Path) -> None:
    for job in folder.iterdir():
        with suppress(OSError):  # another studio may have forgotten it already
            if time.time() - job.stat().st_mtime > WEEK:
                shutil.rmtree(job, ignore_errors=True)
