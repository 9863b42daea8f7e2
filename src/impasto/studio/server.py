"""The web server: the page, whether it is well, what it has done, and an orderly end."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from socket import socket
from typing import cast

import platformdirs

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto import __version__, samples
from impasto.studio.guards import Door, OwnFiles
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from impasto.studio.page import CSS, HEAD, THEME, Page

# What Gradio raises when a request is not as it should be, rather than answering so.
MALFORMED = (AttributeError, FnIndexInferError, LookupError, TypeError, ValueError)
WEEK = 7 * 24 * 3600.0  # seconds, after which nobody goes on with a painting any more
GRACE = 30  # seconds that a last step, and the requests under way, may still take


def application(workshop: Workshop, auth: tuple[str, str] | None = None) -> FastAPI:
    """The page and what else the server answers.

    Args:
        workshop: that paints.
        auth: name and password that visitors need.
    """
    app = FastAPI(title="impasto", version=__version__, docs_url=None, redoc_url=None)

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
    app.add_middleware(Door, most=workshop.limits.bytes)
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


def gradio_in(app: FastAPI) -> App:
    """Gradio's own part of :func:`application`."""
    (mount,) = (route for route in app.routes if isinstance(route, Mount))
    return cast(App, mount.app)


def serve(host: str, port: int, limits: Limits, device: str, auth: tuple[str, str] | None) -> None:
    """Serve until the process is asked to end; what is painted then is saved.

    Raises:
        OSError: the address cannot be used.
    """
    folder = platformdirs.user_cache_path("impasto") / "studio"
    workshop = Workshop(folder, limits, device)
    _forget_old(folder)
    Server(workshop, host, port, auth).run()


class Head:
    """Puts a text at the head of the page, before anything of it runs.

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
            headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            headers.append((b"content-length", str(len(whole)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, gather)


async def _malformed(_request: Request, _error: Exception) -> Response:
    return Response("The request cannot be understood.", 400)


class Server(uvicorn.Server):
    """A server that lets every painting end, saved, before it does, however many pages are open.

    Args:
        workshop: that paints.
        host: where it listens.
        port: likewise.
        auth: name and password that visitors need.
    """

    def __init__(
        self, workshop: Workshop, host: str, port: int, auth: tuple[str, str] | None = None
    ) -> None:
        self.workshop, self.app = workshop, application(workshop, auth)
        super().__init__(
            uvicorn.Config(
                self.app,
                host=host,
                port=port,
                log_level="warning",
                timeout_graceful_shutdown=GRACE,
            )
        )

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End what is painted, then the connections by which open pages tell that they are open."""
        self.workshop.end()
        gradio_in(self.app).stop_event.set()
        await super().shutdown(sockets)


def _forget_old(folder: Path) -> None:
    for job in folder.iterdir():
        if time.time() - job.stat().st_mtime > WEEK:
            shutil.rmtree(job, ignore_errors=True)
