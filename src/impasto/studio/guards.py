"""Middleware that refuses requests that are too large, too slow or not allowed."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.pictures import samples

MOST_JSON = 1_000_000  # bytes of a request, the files in it apart
PATIENCE = 60.0  # seconds, for the next piece of a request
LONGEST = 900.0  # seconds, for all of it
METRICS = "/metrics"
# What is seen without the password: whether the studio is well, and what the page to sign in needs.
OPEN = (
    "/",
    "/favicon.ico",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
    "/healthz",
    "/login",
    "/login/",
    "/manifest.json",
    "/pwa_icon",
    "/robots.txt",
    "/theme.css",
)
OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon/")
# Who listens for the answer to a call, by the call's name or by the session's.
CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/(?P<event>[^/]+)/?")
SESSION = "/gradio_api/queue/data"
LOG = logging.getLogger("impasto")
FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")
# What Gradio serves beside the page, and this one has no use for.
CLOSED = tuple(
    f"/gradio_api/{name}"
    for name in (
        "custom_component",
        "deep_link",
        "dev/",
        "file/http",
        "file=http",
        "process_recording",
        "proxy=",
        "run-history",
        "runs",
        "stream",
        "undo-vibe",
        "vibe",
    )
)


class Gate:
    """Restricts clients that have not signed in to the sign-in page.

    Programs that read the metrics give name and password with the request, as HTTP Basic.

    Args:
        app: what answers.
        visitors: name and password.
        has_signed_in: whether a request comes from one who has.
    """

    def __init__(
        self, app: ASGIApp, visitors: tuple[str, str], has_signed_in: Callable[[Request], bool]
    ) -> None:
        self.app, self.has_signed_in = app, has_signed_in
        self.credentials = ":".join(visitors).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan" or self._lets_in(Request(scope)):
            await self.app(scope, receive, send)
            return
        asks = scope["path"] == METRICS  # elsewhere a browser would ask, and not the page
        headers = {"www-authenticate": 'Basic realm="impasto"'} if asks else None
        await Response("Sign in first.", 401, headers)(scope, receive, send)

    def _lets_in(self, request: Request) -> bool:
        path = request.scope["path"]
        if path in OPEN or path.startswith(OPEN_FOLDERS) or self.has_signed_in(request):
            return True
        return path == METRICS and self._gives_password(request)

    def _gives_password(self, request: Request) -> bool:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and hmac.compare_digest(given, self.credentials)


class Listeners:
    """Refuses clients that wait for the answer to an unknown call.

    Args:
        app: what answers.
        has_call: whether there is a call of that name.
        has_session: whether there is a session of that name.
    """

    def __init__(
        self, app: ASGIApp, has_call: Callable[[str], bool], has_session: Callable[[str], bool]
    ) -> None:
        self.app, self.has_call, self.has_session = app, has_call, has_session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        listens = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        call = CALL.fullmatch(scope["path"]) if listens else None
        if not listens or (call is None and scope["path"].rstrip("/") != SESSION):
            await self.app(scope, receive, send)
            return
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1]
        if not (self.has_session(asked) if call is None else self.has_call(call["event"])):
            sentence = "There is no such call, or it has been answered already."
            await Response(sentence, 404)(scope, receive, send)
            return
        await self._listen(scope, receive, send)

    async def _listen(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the end, or until another client of the same answer has left."""
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, begin)
        except Exception as error:
            if not has_begun:
                raise
            LOG.warning("One who listened for an answer was left: %s.", type(error).__name__)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class Door:
    """Refuses requests for unused routes, and requests that are too large or too slow.

    Args:
        app: what answers.
        most: bytes of the files in a request.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http" and scope["path"].lower().startswith(CLOSED):
            await Response("There is nothing here.", 404)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)  # which takes no body
            return
        most = MOST_JSON + (self.most if _is_form(scope) else 0)
        await _Visitor(most, receive, send).goes_to(self.app, scope)


class _Visitor:
    """One request, read with limits on its size and time.

    Args:
        most: bytes that they may bring.
        receive: what they say next.
        send: what they are told.
    """

    def __init__(self, most: int, receive: Receive, send: Send) -> None:
        self.left, self.receive, self.send = most, receive, send
        self.until = time.monotonic() + LONGEST
        self.has_more = True
        self.is_answered = False
        self.refusal: Response | None = None

    async def goes_to(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._said, self._told)
        except ClientDisconnect:
            pass  # a client that disconnects is no error to log
        except Exception:
            if self.refusal is None or self.is_answered:
                raise
        if self.refusal is not None and not self.is_answered:
            await self.refusal(scope, self.receive, self.send)

    async def _said(self) -> Message:
        if not self.has_more:
            return await self.receive()
        try:
            patience = min(PATIENCE, self.until - time.monotonic())
            message = await asyncio.wait_for(self.receive(), patience)
        except asyncio.TimeoutError:
            self.refusal = Response("The request did not go on.", 408, {"connection": "close"})
            raise ClientDisconnect from None
        self.left -= len(message.get("body", b""))
        self.has_more = message.get("more_body", False)
        if self.left < 0:
            self.refusal = Response("The request is too large.", 413)
            raise ClientDisconnect
        return message

    async def _told(self, message: Message) -> None:
        if self.refusal is None or self.is_answered:
            self.is_answered = True
            await self.send(message)


class OwnFiles:
    """Refuses requests that name a file other than an upload, or a web address.

    Args:
        app: what answers.
        folder: of the uploads.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app, self.folder = app, folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or _is_form(scope):
            await self.app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            asked = json.loads(body or b"null")
        except (ValueError, RecursionError):
            await Response("The request is not valid JSON.", 400)(scope, receive, send)
            return
        if not self.allows(asked):
            await Response("The request names a file that is not its own.", 403)(
                scope, receive, send
            )
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(messages, None) or await receive()

        await self.app(scope, replay, send)

    def allows(self, asked: object) -> bool:
        """Whether a request names uploaded files only."""
        waiting = [asked]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting.extend(value.values())
                path = value.get("path")
                if isinstance(path, str) and not self._is_own(path):
                    return False
            elif isinstance(value, list):
                waiting.extend(value)
        return True

    def _is_own(self, path: str) -> bool:
        try:
            real = Path(path).resolve()
        except (OSError, ValueError):
            return False
        ours = (self.folder, samples.PICTURES.resolve())
        return any(real.is_relative_to(folder) for folder in ours)


def _is_form(scope: Scope) -> bool:
    """Whether a request is a form with fields and files; all others are read as JSON."""
    kinds = [value.lower() for name, value in scope["headers"] if name == b"content-type"]
    return len(kinds) == 1 and kinds[0].startswith(FORMS)
